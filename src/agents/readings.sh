# readings.sh: what a host's network is, as raw text. Sections start with a line "@name"; their order is
# fixed, because the canonical form (canonical.ts) is made section by section.
# Few processes: a fork costs a small host more than the command itself.

LC_ALL=C
export LC_ALL
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
umask 077

SYSCTL4='rp_filter forwarding arp_ignore arp_announce arp_notify accept_local promote_secondaries proxy_arp'
SYSCTL6='disable_ipv6 accept_ra autoconf addr_gen_mode forwarding accept_dad use_tempaddr keep_addr_on_down'

# Each file costs some system calls, and a host of a thousand interfaces has thousands: SYSCTL_OF names those
# that count; without it all are read. By awk: a shell that makes a list of so many words takes a time that grows
# with its square, and one that finds them by a pattern looks at each file once more.
sysctl_files() {
	command -v awk >/dev/null 2>&1 || {
		# Such a host can be looked at, but not changed: no two of its states can be compared (begin.sh).
		for f in $SYSCTL4; do grep -s '' /dev/null /proc/sys/net/ipv4/conf/*/"$f"; done
		for f in $SYSCTL6; do grep -s '' /dev/null /proc/sys/net/ipv6/conf/*/"$f"; done
		grep -s '' /dev/null /proc/sys/kernel/hostname
		return 0
	}
	if [ -n "${SYSCTL_OF+set}" ]; then
		for n in $SYSCTL_OF; do echo "$n"; done
	else
		(cd /proc/sys/net/ipv4/conf && printf '%s\n' *)
	fi | awk -v four="$SYSCTL4" -v six="$SYSCTL6" '
		function tell(file, value) {
			if ((getline value <file) > 0) print file ":" value
			close(file)
		}
		BEGIN {
			fours = split(four, names4, " ")
			sixes = split(six, names6, " ")
		}
		{
			for (i = 1; i <= fours; i++) tell("/proc/sys/net/ipv4/conf/" $0 "/" names4[i])
			for (i = 1; i <= sixes; i++) tell("/proc/sys/net/ipv6/conf/" $0 "/" names6[i])
		}
		END { tell("/proc/sys/kernel/hostname") }'
}

# Lines of the file $2 that the file $1 lacks, each with its number: "12:line". By a table, because the tree that
# grep makes of thousands of whole lines as patterns takes a small host's memory. $3: a file that gets them all, and
# then they are not all printed; $4: only lines of these classes, in words.
lacking() {
	awk -v file="${3-}" -v classes="${4:+ $4 }" '
		FILENAME == ARGV[1] { has[$0]; next }
		$0 in has || (classes != "" && index(classes, " " $1 " ") == 0) { next }
		file != "" { print FNR ":" $0 >file }
		file == "" || ++printed <= 500 { print FNR ":" $0 }' "$1" "$2"
}

# Lines of the file $1 that must not be there: see restore-files.ts.
surplus_of() {
	if [ -s absent.words ]; then
		awk 'FILENAME == ARGV[1] { gone[$0]; next }
			$1 == "link" ? ($1 " " $2) in gone : $1 == "addr" && ($1 " " $2 " " $3 " " $4) in gone' absent.words "$1" || return 1
	fi
	[ -s absent ] || return 0
	grep -E -f absent "$1" || [ $? = 1 ]
}

# Is a section asked for? READ names them; without it all are read.
asked() {
	case " ${READ-all} " in *' all '* | *" $1 "*) return 0 ;; esac
	return 1
}

# Every section that takes part in the comparison "is this host what it was?".
readings() {
	echo @link
	if asked link; then ip -j -d link show || return 1; fi
	echo @addr
	asked addr && ip -o addr show
	echo @route
	asked route && ip -N -o -d -4 route show table all
	echo @route6
	asked route6 && ip -N -o -d -6 route show table all
	echo @rule4
	asked rule4 && ip -N -o -4 rule show
	echo @rule6
	asked rule6 && ip -N -o -6 rule show
	echo @neigh
	asked neigh && ip -o neigh show nud permanent
	echo @vlan
	asked vlan && bridge -j vlan show 2>/dev/null
	echo
	echo @fdb
	asked fdb && bridge fdb show 2>/dev/null
	echo @sysctl
	asked sysctl && sysctl_files
	echo @dns
	asked dns && [ -r /etc/resolv.conf ] && cat /etc/resolv.conf
	echo
	echo @end
} 2>/dev/null
