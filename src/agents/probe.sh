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
