# ensure.sh: the end of boot.sh. Brings the persistent state back, and leaves word of what it found. Needs
# modules.sh before it and, set by the controller: NICS, MODULES and the function write_files.

B=/run/netorch/.boot
NIC_SECONDS=10

now() { read -r up _ </proc/uptime && up=${up%%.*}; }

tell() {
	echo "netorch: $*"
	# What systemd starts is in its journal already.
	[ -d /run/systemd/system ] || logger -t netorch "$*" 2>/dev/null
}

# A NIC counts once udev has named it: before, its name may be that of another one.
is_ready() {
	[ -e "/sys/class/net/$1" ] || return 1
	[ -e /run/udev/control ] || return 0
	read -r index <"/sys/class/net/$1/ifindex" && [ -e "/run/udev/data/n$index" ]
} 2>/dev/null

wait_for_nics() {
	now
	until=$((up + NIC_SECONDS))
	while :; do
		waited=
		for n in $NICS; do is_ready "$n" || waited="$waited $n"; done
		now
		[ -n "$waited" ] && [ "$up" -lt "$until" ] || break
		sleep 0.2
	done
}

# Somebody is at work here, or was since the boot: what runs now is newer than what is persistent.
is_in_use() {
	for s in /run/netorch/*/state.*; do [ -e "$s" ] && return 0; done
	[ -e /run/netorch/running ]
}

ensure() {
	{ mkdir -p "$B" && chmod 700 "${B%/*}" "$B" && cd "$B"; } || {
		tell "$B cannot be written: the persistent network state is not brought back"
		return 1
	}
	if is_in_use; then return 0; fi
	echo $$ >pid
	write_files || {
		tell "$B cannot be written: the persistent network state is not brought back"
		return 1
	}
	[ -e ../owned ] || cp /var/lib/netorch/owned ../owned 2>/dev/null
	load_modules
	[ "$1" = late ] || wait_for_nics
	NETORCH_DIR=$B sh runtime.sh ensure
	code=$?
	absent=
	for n in $NICS; do
		[ -e "/sys/class/net/$n" ] && continue
		absent="$absent $n"
		tell "the interface $n is not there: what stands on it is left out"
	done
	now
	{
		echo "pass $1 $up"
		for n in $absent; do echo "missing $n"; done
		if [ "$code" = 0 ]; then
			echo 'result good'
		else
			echo 'result differs'
			sed -n 's/^missing: [0-9]*:/difference missing /p; s/^surplus: /difference surplus /p' differences
		fi
	} >report.new
	mv report.new report
	rm -f pid
	[ "$code" = 0 ] || tell 'the network is not all that was made persistent; "netorch status" tells what differs'
	return "$code"
}
