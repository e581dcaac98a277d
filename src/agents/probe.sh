# probe.sh: probes run on the host; each prints "probe NUMBER OK|FAIL text".

LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# NUMBER ADDRESS PAYLOAD COUNT DONT_FRAGMENT
probe_ping() {
	command -v ping >/dev/null 2>&1 || {
		echo "probe $1 FAIL there is no ping command on the host"
		return
	}
	df=
	# busybox has no -M: without it a large packet may be cut up on its way.
	[ "$5" = 1 ] && ping -M 'do' -c 1 -W 1 127.0.0.1 >/dev/null 2>&1 && df='-M do'
	# Four seconds: the kernel asks for the address thrice before it says that nobody answers.
	# shellcheck disable=SC2086
	if out=$(ping $df -n -c "$4" -W 4 -s "$3" "$2" 2>&1); then
		echo "probe $1 OK $(echo "$out" | sed -n 's/^.* received.*$/&/p')"
		return
	fi
	case $out in
	*'too long'* | *'too large'*) why="packets of this size do not fit the MTU on the way" ;;
	*'nreachable'*) why="no answer: $(echo "$out" | sed -n 's/^.*\(Destination [A-Za-z]* [Uu]nreachable\).*$/\1/p' | sed -n 1p) (nobody answers ARP for it: wrong VLAN, or the link is dead)" ;;
	*) why='no answer' ;;
	esac
	echo "probe $1 FAIL $why"
}

# NUMBER ADDRESS/PAYLOAD/HEADERS... All at the same time, but no more than a small host can bear; those that do not
# answer are told, with the largest packet that they do answer. In all, some seconds, however many they are.
probe_mesh() {
	number=$1
	shift
	command -v ping >/dev/null 2>&1 || {
		echo "probe $number FAIL there is no ping command on the host"
		return
	}
	df=
	ping -M 'do' -c 1 -W 1 127.0.0.1 >/dev/null 2>&1 && df='-M do'
	silent=$(
		count=0
		for peer; do
			mesh_ping "$peer" || echo "$peer" &
			count=$((count + 1))
			[ $((count % 64)) != 0 ] || wait
		done
		wait
	)
	# One packet may be lost, and an address is asked for thrice: again, as far as they are few.
	count=0
	for peer in $silent; do
		count=$((count + 1))
		if [ "$count" -le 64 ]; then mesh_limit "$peer" & else echo "mesh $number ${peer%%/*} 0"; fi
	done
	wait
	echo "probe $number OK"
}

# ADDRESS/PAYLOAD/HEADERS [PAYLOAD]
mesh_ping() {
	payload=${1#*/}
	# shellcheck disable=SC2086
	ping $df -n -c 1 -W 1 -s "${2:-${payload%/*}}" "${1%%/*}" >/dev/null 2>&1
}

mesh_limit() {
	mesh_ping "$1" && return
	most=0
	headers=${1##*/}
	full=${1#*/}
	full=$((${full%/*} + headers))
	for size in 84 1500; do
		if [ "$size" -ge "$full" ] || ! mesh_ping "$1" $((size - headers)); then break; fi
		most=$size
	done
	echo "mesh $number ${1%%/*} $most"
}

# NUMBER ADDRESS PORT
probe_tcp() {
	if command -v nc >/dev/null 2>&1; then
		nc -z -w 2 "$2" "$3" >/dev/null 2>&1
	elif command -v bash >/dev/null 2>&1; then
		# shellcheck disable=SC2016
		timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>/dev/null
	else
		echo "probe $1 FAIL there is neither nc nor bash on the host to try it with"
		return
	fi && echo "probe $1 OK connected" || echo "probe $1 FAIL no connection"
}

# NUMBER ADDRESS. By ARP where there is arping; else a ping makes the kernel ask, and its table tells.
probe_arp() {
	dev=$(ip -o route get "$2" 2>/dev/null | sed -n 's/^.* dev \([^ ]*\).*$/\1/p')
	[ -n "$dev" ] || {
		echo "probe $1 FAIL there is no route to it"
		return
	}
	mac=
	case $2 in
	*:*) ;;
	*)
		if command -v arping >/dev/null 2>&1; then
			mac=$(arping -f -c 2 -w 2 -I "$dev" "$2" 2>/dev/null | sed -n 's/^.*[Rr]eply from .* \[\([0-9A-Fa-f:]*\)\].*$/\1/p' | sed -n 1p)
			[ -n "$mac" ] && echo "probe $1 OK $mac on $dev" || echo "probe $1 FAIL nobody answers on $dev"
			return
		fi
		;;
	esac
	ping -n -c 1 -W 2 "$2" >/dev/null 2>&1 && good=1 || good=
	mac=$(ip neigh show to "$2" dev "$dev" 2>/dev/null | sed -n 's/^.* lladdr \([0-9a-f:]*\) .*REACHABLE.*$/\1/p')
	if [ -n "$good" ] || [ -n "$mac" ]; then
		echo "probe $1 OK $mac on $dev"
	else
		echo "probe $1 FAIL nobody answers on $dev"
	fi
}

# NUMBER ADDRESS DEVICE. By a probe that leaves no trace in anybody's table (RFC 5227); without arping nothing is known.
probe_vacant() {
	mac=
	if command -v arping >/dev/null 2>&1; then
		mac=$(arping -D -c 1 -w 1 -I "$3" "$2" 2>/dev/null | sed -n 's/^.*[Rr]eply from .* \[\([0-9A-Fa-f:]*\)\].*$/\1/p' | sed -n 1p)
	fi
	# By another of its NICs the host may answer itself.
	if [ -n "$mac" ] && ! cat /sys/class/net/*/address | grep -qix "$mac" && ! is_proxy "$mac" "$3"; then
		echo "probe $1 FAIL $mac"
	else
		echo "probe $1 OK"
	fi
}

# NUMBER DEVICE ID PROTOCOL ADDRESS... Who answers ARP in a VLAN of the device, by an interface without addresses that
# is made for it and taken away again: by itself, too, should this shell or its session end.
probe_trial() {
	number=$1
	dev=$2
	id=$3
	protocol=$4
	shift 4
	command -v arping >/dev/null 2>&1 || {
		echo "probe $number FAIL there is no arping on the host"
		return
	}
	read -r name </proc/sys/kernel/random/uuid
	name=nto${name%%-*}
	away="ip link del dev $name type vlan"
	limit=
	command -v setsid >/dev/null 2>&1 && limit=setsid
	$limit sh -c "trap '' HUP INT; sleep 15; $away" </dev/null >/dev/null 2>&1 &
	limit=$!
	trap '$away 2>/dev/null' EXIT
	trap 'exit 1' HUP INT TERM
	ip link add link "$dev" name "$name" type vlan protocol "$protocol" id "$id" >/dev/null 2>&1 || {
		echo "probe $number FAIL there can be no such interface"
		trial_over
		return
	}
	# Not a word of its own.
	echo 1 >"/proc/sys/net/ipv6/conf/$name/disable_ipv6"
	ip link set dev "$name" up
	asking=
	for address; do
		mac=$(arping -D -c 2 -w 2 -I "$name" "$address" 2>/dev/null </dev/null | sed -n 's/^.*[Rr]eply from .* \[\([0-9A-Fa-f:]*\)\].*$/\1/p' | sed -n 1p) && [ -n "$mac" ] && echo "trial $number $address $mac" &
		asking="$asking $!"
	done 2>/dev/null
	# shellcheck disable=SC2086
	wait $asking
	$away 2>/dev/null
	trial_over
	echo "probe $number OK"
}

# With setsid it is a group of its own, and its sleep goes with it.
trial_over() { kill -s TERM -- "-$limit" 2>/dev/null || kill "$limit" 2>/dev/null; }

# MAC DEVICE. A router that answers ARP for all others (RFC 1027, "local proxy ARP") does so for what is free, too.
is_proxy() {
	for hop in $(ip -4 route show table all dev "$2" 2>/dev/null | sed -n 's/^.* via \([0-9.]*\).*$/\1/p' | sort -u); do
		arping -f -c 1 -w 1 -I "$2" "$hop" 2>/dev/null | grep -qiF "[$1]" && return 0
	done
	return 1
}

# NUMBER ADDRESS
probe_way() {
	told=" $(ip -o route get "$2" 2>/dev/null | sed -n 1p) "
	way=$(echo "$told" | sed -n 's/^.* dev \([^ ]*\) .*$/\1/p')
	way=$way$(echo "$told" | sed -n 's/^.*\( via [^ ]*\) .*$/\1/p')
	[ -n "$way" ] && echo "probe $1 OK $way" || echo "probe $1 FAIL there is no route to it"
}

# NUMBER DEVICE. By lldpd, or systemd-networkd. What a switch says of itself is one line, and nothing that a terminal would obey.
probe_lldp() {
	tab=$(printf '\t')
	said=
	if command -v lldpctl >/dev/null 2>&1; then
		told=$(limited 4 lldpctl -f keyvalue "$2" 2>/dev/null)
		name=$(lldp_value chassis.name)
		port=$(lldp_value port.ifname)
		[ -n "$port" ] || port=$(lldp_value port.local)
		[ -n "$port" ] || port=$(lldp_value port.mac)
		[ -z "$port" ] || said=$name$tab$port$tab$(lldp_value port.descr)
	elif command -v networkctl >/dev/null 2>&1; then
		said=$(limited 4 networkctl --no-legend --no-pager lldp "$2" 2>/dev/null | sed -n "s/^ *[^ ]\{1,\} \{1,\}[^ ]\{1,\} \{1,\}\([^ ]\{1,\}\) \{1,\}[^ ]\{1,\} \{1,\}\([^ ]\{1,\}\) *\(.*[^ ]\)\{0,1\} *$/\1$tab\2$tab\3/p" | sed -n 1p)
	else
		echo "probe $1 FAIL there is neither lldpd nor systemd-networkd on the host to ask"
		return
	fi
	said=$(printf '%s' "$said" | tr -d '\000-\010\012-\037\177')
	[ -n "$said" ] && echo "probe $1 OK $said" || echo "probe $1 FAIL no switch has named itself on $2"
}

lldp_value() { printf '%s\n' "$told" | sed -n "s/^lldp\.[^=]*\.$1=//p" | sed -n 1p; }

# NUMBER NAME
probe_dns() {
	if command -v getent >/dev/null 2>&1; then
		found=$(limited 4 getent ahosts "$2" 2>/dev/null | sed -n '1s/ .*//p')
	elif command -v nslookup >/dev/null 2>&1; then
		found=$(limited 4 nslookup "$2" 2>/dev/null | sed -n '/^Name:/,$s/^Address[^:]*: *\([^ ]*\).*/\1/p' | sed -n 1p)
	else
		echo "probe $1 FAIL there is neither getent nor nslookup on the host to try it with"
		return
	fi
	[ -n "$found" ] && echo "probe $1 OK $found" || echo "probe $1 FAIL the name is not found, or no server answers"
}

# NUMBER SECONDS PROGRAM ARGUMENT...
probe_run() {
	number=$1
	seconds=$2
	shift 2
	out=$(limited "$seconds" "$@" </dev/null 2>&1)
	code=$?
	# One line, and nothing that a terminal would obey.
	out=$(printf '%s\n' "$out" | tr -d '\000-\011\013-\037\177' | sed -n '1s/^\(.\{0,200\}\).*$/\1/p')
	[ "$code" = 0 ] && echo "probe $number OK $out" || echo "probe $number FAIL it ended with $code${out:+: $out}"
}

# SECONDS PROGRAM ARGUMENT...
limited() {
	if command -v timeout >/dev/null 2>&1; then timeout "$@"; else
		shift
		"$@"
	fi
}
