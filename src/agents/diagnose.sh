# diagnose.sh: what the network looks like from a host, just before a change is taken back. Reads and asks, changes
# nothing, and takes four seconds at most. Set by the controller: DEVICES (names), ASK (addresses), PEER (the
# controller's address, or nothing), OWN (the address at which SSH should answer, or nothing). One fact a line.

LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
N=/sys/class/net

value() { v= && read -r v <"$1"; } 2>/dev/null

links() {
	value /proc/sys/net/ipv4/conf/all/rp_filter && all=$v
	for d in $DEVICES; do
		[ -e "$N/$d" ] || {
			echo "link $d missing"
			continue
		}
		value "$N/$d/flags" && flags=$v
		# Of an interface that is down, the kernel gives none.
		value "$N/$d/carrier" && carrier=$v
		value "$N/$d/mtu" && mtu=$v
		value "$N/$d/address" && mac=$v
		# The greater of the two counts: 1 is strict, 2 is loose (IN_DEV_RPFILTER).
		value "/proc/sys/net/ipv4/conf/$d/rp_filter"
		[ "${v:-0}" -ge "${all:-0}" ] || v=$all
		echo "link $d up=$((flags & 1)) carrier=${carrier:-0} mtu=$mtu mac=$mac filter=${v:-0}"
		if [ -e "/proc/net/bonding/$d" ]; then sed -n "s/^/bond $d /p" "/proc/net/bonding/$d"; fi
		if [ -e "$N/$d/bridge" ]; then
			value "$N/$d/bridge/vlan_filtering" && filtering=$v
			value "$N/$d/bridge/stp_state"
			echo "bridge $d filtering=$filtering stp=$v"
		fi
		if [ -e "$N/$d/brport" ]; then
			value "$N/$d/brport/state"
			echo "port $d state=$v"
		fi
	done
	for f in "$N"/*/address; do value "$f" && echo "mine $v"; done
}

tables() {
	bridge vlan show | sed 's/^/vlan /'
	ip -o -6 addr show tentative | sed -n 's/^[0-9]*: \([^ ]*\) *inet6 \([^ /]*\).* \(dadfailed\).*$/dad \1 \2 \3/p'
	ip -o neigh show | sed -n 's/^\([^ ]*\) dev \([^ ]*\) lladdr \([^ ]*\) .*\(REACHABLE\|DELAY\|PROBE\|STALE\|PERMANENT\).*$/neighbour \2 \1 \3 \4/p' | sed 50q
	grep -E '^ *[0-9]+: [0-9A-F]+:[0-9A-F]{4} 0+:0000 0A ' /proc/net/tcp /proc/net/tcp6 | sed -n 's/^.*: \([0-9A-F]*\):\([0-9A-F]*\) .*$/listens \1 \2/p'
	command -v nft >/dev/null && nft -t -s list ruleset | grep -E 'hook|iif|drop|reject' | sed -e 's/^[[:space:]]*/nft /' -e 30q
	# The kernel's own word on a packet that comes in from there: a refusal is that of rp_filter.
	if [ -n "$OWN" ] && [ -n "$PEER" ]; then
		dev=$(ip -o addr show to "$OWN" | sed -n '1s/^[0-9]*: \([^ ]*\) .*$/\1/p')
		if [ -n "$dev" ]; then
			echo "incoming $dev $(ip route get "$OWN" from "$PEER" iif "$dev" 2>&1 | sed -n 1p)"
		fi
	fi
}

# An address: the way to it, who answers ARP, and how large packets may be.
ask() {
	way=$(ip -o route get "$1" 2>&1 | sed 's/\\.*//;1q')
	echo "way $1 $way"
	dev=
	hop=$1
	# Words of the route.
	# shellcheck disable=SC2086
	set -- "$1" $way
	to=$1
	while [ $# -gt 1 ]; do
		case $1 in
		dev) dev=$2 ;;
		via) hop=$2 ;;
		esac
		shift
	done
	[ -n "$dev" ] || return 0
	asked=
	case $hop in
	*:*) ;;
	*)
		if command -v arping >/dev/null; then
			asked=1
			echo "arp $hop $dev$(arping -c 2 -w 2 -I "$dev" "$hop" | sed -n 's/^.*[Rr]eply from .* \[\([0-9A-Fa-f:]*\)\].*$/ \1/p' | sort -u | tr -d '\n')" &
		fi
		;;
	esac
	value "$N/$dev/mtu" || v=1500
	last=
	headers=28
	case $to in *:*) headers=48 ;; esac
	for size in 84 1280 1400 1500 "$v"; do
		if [ "$size" -gt "$v" ] || [ "$size" = "$last" ]; then continue; fi
		last=$size
		if ping -n -M 'do' -c 2 -i 0.5 -W 1 -s $((size - headers)) "$to" >/dev/null; then
			echo "ping $to $size ok"
		else
			echo "ping $to $size lost"
		fi &
	done
	wait
	# The pings have made the kernel ask: without arping, and for IPv6, its table tells.
	[ -n "$asked" ] || ip neigh show to "$hop" dev "$dev" |
		sed -n -e "s/^.* lladdr \([^ ]*\) .*REACHABLE.*$/arp $hop $dev \1/p" -e "s/^.*\(FAILED\|INCOMPLETE\).*$/arp $hop $dev/p"
}

# Has somebody else an address of this host? By a probe that leaves no trace in anybody's table (RFC 5227).
duplicates() {
	command -v arping >/dev/null || return 0
	for d in $DEVICES; do
		ip -o -4 addr show dev "$d" | sed -n 's/^.* inet \([0-9.]*\).*$/\1/p' | {
			while read -r a; do
				arping -D -c 2 -w 2 -I "$d" "$a" </dev/null | sed -n "s/^.*[Rr]eply from .* \[\([0-9A-Fa-f:]*\)\].*$/duplicate $d $a \1/p" | sort -u &
			done
			wait
		}
	done
}

# Rules that have a counter and let nothing through.
drops() { command -v nft >/dev/null && nft -t list ruleset | grep -E 'counter packets [0-9]+ bytes [0-9]+ (drop|reject)' | sed -e 's/^[[:space:]]*//' -e 50q; }

{
	dropped=$(drops)
	links
	tables
	# A busybox ping has no -M: then sizes say nothing.
	ping -M 'do' -c 1 -W 1 127.0.0.1 >/dev/null && echo 'sizes 1'
	duplicates &
	# Each shell waits for what it has begun itself.
	(
		for a in $ASK; do ask "$a" & done
		wait
		echo asked
	)
	wait
	# Whose counter has gone on meanwhile.
	drops | while read -r rule; do
		case "
$dropped
" in *"
$rule
"*) ;; *) echo "dropped $rule" ;; esac
	done
	echo complete
} 2>/dev/null
