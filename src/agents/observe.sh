# observe.sh: one exec returns everything netorch wants to know of a host. Needs readings.sh and boot-owners.sh before it.

# The SSH connection as the host sees it, in $c: sudo takes it out of the environment, so the parents are asked.
ssh_connection() {
	c=${SSH_CONNECTION-}
	p=$$
	i=0
	while [ -z "$c" ] && [ "$p" -gt 1 ] && [ "$i" -lt 8 ]; do
		c=$(tr '\0' '\n' <"/proc/$p/environ" | sed -n 's/^SSH_CONNECTION=//p')
		p=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$p/status")
		i=$((i + 1))
	done 2>/dev/null
}

facts() {
	echo @facts
	if [ "$(id -u)" = 0 ]; then echo 'root 1'; else echo 'root 0'; fi
	read -r boot </proc/sys/kernel/random/boot_id && echo "boot-id $boot"
	read -r up _ </proc/uptime && echo "uptime $up"
	read -r name </proc/sys/kernel/hostname && echo "hostname $name"
	read -r kernel </proc/sys/kernel/osrelease && echo "kernel $kernel"
	ssh_connection
	echo "ssh $c"
	echo "ip-version $(ip -V 2>&1)"
	[ -d /run/systemd/system ] && echo 'systemd 1'
	for t in setsid mkfifo sed grep awk sleep bridge modprobe ping arping systemd-run dhclient udhcpc resolvectl; do
		command -v "$t" >/dev/null 2>&1 && echo "tool $t"
	done
	command -v udhcpc >/dev/null 2>&1 || {
		command -v busybox >/dev/null 2>&1 && busybox --list | grep -qx udhcpc && echo 'tool busybox-udhcpc'
	}
	[ -L /etc/resolv.conf ] && echo "resolv-link $(readlink /etc/resolv.conf)"
}

# Filters are shown device by device: only those are asked that have a place for some.
mirrors() {
	tc qdisc show | sed -n -E 's/^qdisc (ingress|clsact|htb|prio|hfsc|drr|ets|multiq) .* dev ([^ ]+) .*/\2/p' | sort -u | while read -r d; do
		{ tc filter show dev "$d" ingress && tc filter show dev "$d" egress && tc filter show dev "$d"; } |
			sed -n -E "s/.* mirred .*to device ([^) ]+).*/$d \\1/p" | sort -u
	done
}

# What each profile says, without its secrets; those that NetworkManager has made for itself come first.
nm_profiles() {
	command -v nmcli >/dev/null 2>&1 || return 0
	for f in /run/NetworkManager/system-connections/*; do
		grep -qs '^nm-generated=true' "$f" && sed -n 's/^uuid=/generated /p' "$f"
	done
	all=$(nmcli -t -e no -f UUID,FILENAME connection show 2>/dev/null)
	[ -n "$all" ] || return 0
	printf '%s\n' "$all" | sed 's/^/file /'
	# Words.
	# shellcheck disable=SC2046
	set -- $(printf '%s\n' "$all" | sed 's/:.*//')
	nmcli -t -e no -f connection.uuid,connection.id,connection.type,connection.interface-name,ipv4.method,ipv6.method,bond.options,ipv4.routing-rules,ipv6.routing-rules,ipv4.routes,ipv6.routes,ipv4.dns,ipv4.dns-search,ipv4.dns-options,ipv6.dns,ipv6.dns-search,ipv6.dns-options connection show "$@" 2>/dev/null
}

owners() {
	echo @nm
	if [ -e /run/NetworkManager ] && command -v nmcli >/dev/null 2>&1; then
		nmcli -t -e yes -f DEVICE,STATE,CONNECTION,CON-UUID device 2>/dev/null
	fi
	echo @nm-profiles
	[ -e /run/NetworkManager ] && nm_profiles
	echo @networkd
	for f in /run/systemd/netif/links/*; do
		[ -r "$f" ] || continue
		while IFS= read -r l; do
			case $l in ADMIN_STATE=* | NETWORK_FILE=*) echo "${f##*/} $l" ;; esac
		done <"$f"
	done
	echo @dhcp
	# A coarse search (busybox's applets count as its arguments); written so that it does not find itself.
	grep -lsE 'dhclien[t]|dhcpc[d]|udhcp[c]|dhcp6[c]' /proc/[0-9]*/cmdline | while read -r f; do
		p=${f%/cmdline}
		# Frozen by an open transaction, until it is known whether it goes on.
		grep -q '^State:[[:space:]]*T' "$p/status" && continue
		unit=$(sed -n -E 's/^(0:|[0-9]+:name=systemd):.*\/([^/]*)$/\2/p' "$p/cgroup")
		echo "${p#/proc/} $(sed -n 's/^PPid:[[:space:]]*//p' "$p/status") ${unit:--} $(tr '\0\n' '\037 ' <"$f")"
	done
	echo @ifupdown
	[ -r /run/network/ifstate ] && cat /run/network/ifstate
	echo @qdisc
	q=$(tc -j qdisc show 2>/dev/null)
	printf '%s\n' "$q"
	echo @mirrors
	# A tc without JSON says nothing here.
	case $q in '' | *'"ingress"'* | *'"clsact"'* | *'"htb"'* | *'"prio"'* | *'"hfsc"'* | *'"drr"'* | *'"ets"'* | *'"multiq"'*) mirrors ;; esac
	echo @nftables
	# A rule on "iif" or "oif" holds the index of a device, one on "iifname" its name.
	# Without the elements of sets, which may be many.
	command -v nft >/dev/null 2>&1 && { nft -t -s list ruleset || nft -s list ruleset; } 2>/dev/null | grep -E '(^|[^a-z])[io]if (\{|"|!)' | cut -c 1-400
	echo @end-owners
} 2>/dev/null

# Is anybody left who would end this transaction?
guard() {
	for f in runner timer rollback; do
		read -r p <"$d/$f.pid" && grep -qs "$1" "/proc/$p/cmdline" && echo "guard $1 1" && return
	done
	if [ -d /run/systemd/system ] && systemctl -q is-active "netorch-$1-deadline.timer"; then
		echo "guard $1 1"
	else
		echo "guard $1 0"
	fi
}

transactions() {
	echo @transactions
	for s in /run/netorch/*/state.*; do
		[ -e "$s" ] || continue
		d=${s%/*}
		read -r owner <"$d/owner"
		read -r deadline <"$d/deadline"
		read -r begun <"$d/begun"
		echo "${d##*/} ${s##*/state.} $deadline $begun $owner"
		# To ask is to know of it.
		[ ! -e "$d/last-resort" ] || { read -r up _ </proc/uptime && echo "${up%%.*}" >"$d/contact"; }
		case $s in *.armed | *.applying | *.applied | *.rolling-back) guard "${d##*/}" ;; esac
	done 2>/dev/null
	echo @end-transactions
}

# What netorch made here: one object a line.
owned() {
	echo @owned
	[ -r /run/netorch/owned ] && cat /run/netorch/owned
	echo @end-owned
}

# The same of NetworkManager's profiles (nm-persist.sh). Only what is so: others may have written or deleted them.
profiles_persistence() {
	etc=/etc/NetworkManager/system-connections
	[ -r /run/netorch/nm ] && while read -r uuid name gone; do
		f=$(grep -lsxF "uuid=$uuid" /run/NetworkManager/system-connections/*) || continue
		if [ -n "$gone" ]; then
			# Not made by netorch since the boot: it would be there again.
			f=$(sed -n 's/^shadowed-storage=//p' "$f")
			[ -n "$f" ] && [ -e "$f" ] || continue
		fi
		echo "temporary-profile $name $gone"
	done </run/netorch/nm
	[ -r /var/lib/netorch/nm/by ] && echo "profiles-by $(cat /var/lib/netorch/nm/by)"
	[ -e /var/lib/netorch/nm.undo/pending ] && echo 'profiles-unfinished'
	[ -r /var/lib/netorch/nm/former ] && while read -r uuid name path; do
		now=$(grep -lsxF "uuid=$uuid" "$etc"/* | grep -vxF "$path")
		[ -n "$now" ] || { [ "$path" != - ] && ! cmp -s "/var/lib/netorch/nm/$uuid" "$path"; } || continue
		if [ -n "$now" ] || [ -e "$path" ]; then echo "persistent-profile $name"; else echo "persistent-profile $name removed"; fi
	done </var/lib/netorch/nm/former
}

# What is persistent here, what runs of netorch's, and what the last boot made of it.
persistence() {
	echo @persistence
	kept=
	[ -r /var/lib/netorch/boot.sh ] && kept=$(sed -n '2s/^#@record //p;2q' /var/lib/netorch/boot.sh)
	running=
	[ -r /run/netorch/running ] && running=$(cat /run/netorch/running)
	[ -z "$kept" ] || printf 'persistent %s\n' "$kept"
	if [ -n "$running" ]; then
		if [ "$kept" = "$running" ]; then echo 'running same'; else printf 'running %s\n' "$running"; fi
	fi
	profiles_persistence
	[ -r /run/netorch/.boot/report ] && sed 's/^/boot /' /run/netorch/.boot/report
	echo @end-persistence
} 2>/dev/null

observe() {
	command -v ip >/dev/null 2>&1 || {
		echo '@no-ip'
		return 0
	}
	readings || echo '@no-json'
	facts
	owners
	persistence
	boot_owners
	transactions
	owned
	echo @complete
}
