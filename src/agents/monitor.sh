# monitor.sh: says what changes in this host's network until its input ends, or until nobody has written to it for
# MONITOR_LEASE seconds: a connection may die without a word, and nothing of this is to be left then.

# The words of nmcli are read: in English, with the names of profiles as they are.
LC_ALL=C.UTF-8
LANGUAGE=
export LC_ALL LANGUAGE
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# A process that is stopped ends only when it goes on.
finish() {
	trap '' TERM HUP INT PIPE USR1
	# Words: what has not been started is none.
	# shellcheck disable=SC2086
	{
		kill $ip $nm $reader $!
		kill -CONT $ip
	} 2>/dev/null
	exit "$1"
}

# A child that has ended is there until it is waited for.
is_alive() {
	grep -q '^State:.[^ZX]' "/proc/$ip/status" 2>/dev/null
}

# Until it is among the kernel's listeners: nothing that happens from then on is missed. In a PID namespace the kernel
# knows it by another number.
until_listening() {
	i=0
	until grep -q "^[^ ]* *0  *$ip  *0*[1-9a-f]" /proc/net/netlink 2>/dev/null; do
		i=$((i + 1))
		is_alive || return 1
		[ "$i" -lt 50 ] || return 0
	done
}

monitor() {
	command -v ip >/dev/null 2>&1 || {
		echo '@no-ip'
		return 0
	}
	exec 3<&0 </dev/null
	ip=
	nm=
	reader=
	trap 'finish 0' TERM HUP INT PIPE
	trap 'heard=1' USR1
	ip -d -o monitor label link address route 3<&- 2>&1 &
	ip=$!
	until_listening || {
		echo '@no-monitor'
		return 0
	}
	# What it hears meanwhile waits in its socket: no line of it comes between these.
	kill -STOP "$ip"
	echo @links
	ip -d -o link show
	echo @addresses
	ip -o addr show
	echo @known
	kill -CONT "$ip"
	if [ -e /run/NetworkManager ] && command -v nmcli >/dev/null 2>&1; then
		echo @networkmanager
		nmcli monitor 3<&- 2>&1 &
		nm=$!
	fi
	(
		while read -r _; do kill -USR1 $$; done
		kill $$
	) <&3 3<&- &
	reader=$!
	exec 3<&-
	echo @watching
	while :; do
		heard=
		sleep "$MONITOR_LEASE" &
		wait $!
		# Where it has not ended by itself, a word from there has come.
		kill $! 2>/dev/null || [ -n "$heard" ] || finish 0
		is_alive || {
			echo '@ended'
			finish 1
		}
	done
}
