# dhcp.sh: DHCP clients of one transaction. A client that ends with the change is only frozen until the
# change is confirmed: it is taken out of its sleep when the host goes back, with its lease and its memory.
# Killed at last, it has no chance to release its lease. Needs runtime.sh around it.

CLIENTS=/run/netorch/dhcp
up=0

# $1: number of a process, $2: how its command line begins. A number alone may be another's by now.
dhcp_is() {
	c=$(tr '\0\n' '  ' <"/proc/$1/cmdline" 2>/dev/null)
	case $c in "$2"*) return 0 ;; esac
	return 1
}

# $1 $2: as above. It must be there: else the host has changed since it was observed.
dhcp_stop() {
	dhcp_is "$1" "$2" && kill -STOP "$1" && return 0
	echo "the DHCP client (process $1) is not there any more" >&2
	return 1
}

# $1: name for the unit, $2 …: the command. It leaves this session and this runner's group and unit.
dhcp_start() {
	u=netorch-dhcp-$1-$$
	shift
	mkdir -p "$CLIENTS" || return 1
	# shellcheck disable=SC2016
	set -- setsid sh -c 'echo "$$ $*" >>"$0" && exec "$@"' "$T/dhcp.started" "$@"
	if [ -d /run/systemd/system ]; then set -- systemd-run --quiet --scope --collect --unit="$u" "$@"; fi
	("$@" </dev/null >/dev/null 2>&1 3>&- &)
}

# Puts the script of udhcpc in place, with its settings as the first lines. $1: its name, $2: the settings.
dhcp_script() {
	mkdir -p "$CLIENTS" && {
		echo '#!/bin/sh'
		printf '%s\n' "$2"
		cat udhcpc.sh
	} >"$CLIENTS/$1" && chmod 700 "$CLIENTS/$1" && [ -x "$CLIENTS/$1" ] && return 0
	echo "udhcpc cannot run a script from /run, which is mounted noexec" >&2
	return 1
}

# What this transaction has started.
dhcp_end_started() {
	[ -e dhcp.started ] || return 0
	while read -r p c; do
		dhcp_is "$p" "$c" && kill -KILL "$p"
	done <dhcp.started 2>/dev/null
}

# Leases that went, with what is left of their time: NAME ADDRESS BROADCAST VALID-UNTIL PREFERRED-UNTIL FLAGS
dhcp_put_leases() {
	[ -s leases ] || return 0
	now
	: >"$W/lease.batch"
	while read -r dev address brd valid preferred flags; do
		[ "$brd" = - ] && brd= || brd="brd $brd"
		if [ "$valid" != - ]; then
			valid=$((valid - up))
			preferred=$((preferred - up))
			[ "$valid" -gt 0 ] || continue
			[ "$preferred" -gt 0 ] || preferred=0
			flags="valid_lft $valid preferred_lft $preferred $flags"
		fi
		echo "addr replace $address $brd dev $dev $flags"
	done <leases >"$W/lease.batch"
	cat lease-routes >>"$W/lease.batch"
	ip -force -batch "$W/lease.batch" >>"$W/restore.log" 2>&1
}

# Asks for a router advertisement at once: setting a token does (net/ipv6/addrconf.c, inet6_set_iftoken),
# and clearing it leaves no trace. A link that comes up asks by itself.
solicit() {
	ip token set ::1 dev "$1" 2>/dev/null && ip token set :: dev "$1"
	return 0
}
