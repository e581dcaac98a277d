# statistics.sh: counters and states of all links, once, or twice with OVER seconds between.

LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

sample() {
	read -r up _ </proc/uptime
	echo "@sample $up"
	ip -j -d -s link show
	echo
	echo @speeds
	# Of a link that is down it cannot be read.
	for f in /sys/class/net/*/speed; do
		speed=
		duplex=
		read -r speed <"$f" && read -r duplex <"${f%speed}duplex"
		n=${f%/speed}
		[ -z "$speed" ] || echo "${n##*/} $speed $duplex"
	done
	echo @end
} 2>/dev/null

statistics() {
	command -v ip >/dev/null 2>&1 || {
		echo '@no-ip'
		return 0
	}
	sample
	[ "$OVER" = 0 ] || {
		sleep "$OVER"
		sample
	}
	echo @complete
}
