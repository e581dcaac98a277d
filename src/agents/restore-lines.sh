# restore-lines.sh: what differs, and all that is put back line by line: addresses, routes, rules, neighbours, tables
# of bridges, sysctls. Needs runtime.sh around it.

# Lines of batches, and a file of shell commands, for all that is missing, by class and tool: "addr.ip", "route.ip6" …
# They come from the recipes (recipeOf in iproute2-restore.ts); "differ" gets the names of links that do.
sort_missing() {
	awk -v dir="$W" '
		function put(what, text) { print text >(dir "/" what) }
		function quoted(text, done, at) {
			while ((at = index(text, "\047")) > 0) {
				done = done substr(text, 1, at) "\\\047\047"
				text = substr(text, at + 1)
			}
			return "\047" done text "\047"
		}
		BEGIN {
			files = split("differ sysctl.do addr.ip port.ip port.bridge route.do route.ip route.ip6", file, " ")
			for (i = 1; i <= files; i++) printf "" >(dir "/" file[i])
		}
		FILENAME == ARGV[1] {
			at = index($0, ":")
			wanted[substr($0, 1, at - 1)]
			if (substr($0, at + 1, 5) == "link ") {
				split($0, words, " ")
				put("differ", words[2])
			}
			next
		}
		FILENAME == ARGV[2] {
			if ($1 == "group") group = $2 " " $3
			else if (group in lines) lines[group] = lines[group] "\n" $0
			else lines[group] = $0
			next
		}
		FILENAME == ARGV[3] { there[$1]; next }
		!(FNR in wanted) { next }
		# As in on_links_there.
		{ for (i = 2; i < NF; i++) if ($i == "dev" && !($(i + 1) in there)) next }
		$2 == "group" || $2 == "bridge-port" {
			group = $3 " " $4
			if (group in lines) put($1 "." ($2 == "group" ? "ip" : "bridge"), lines[group])
			delete lines[group]
			next
		}
		$2 == "ip" || $2 == "ip6" || $2 == "bridge" { put($1 "." $2, substr($0, length($1 $2) + 3)) }
		$2 == "write" {
			value = substr($0, length($1 $2 $3) + 4)
			put($1 ".do", "printf \047%s\\n\047 " quoted(value) " 2>/dev/null >" quoted($3))
		}
		$2 == "dns" && !dns++ { put("route.do", "restore_dns") }
		END {
			# A file that ends without it was not written whole.
			put("sysctl.do", ": end")
			put("route.do", ": end")
		}' "$W/missing" groups "$W/there" recipes
}

# The links that there are, without a process.
list_links() {
	cd "$N" && printf '%s\n' * >"$W/there"
	cd "$T" || exit 1
}

has_lo() {
	case " ${classes:-link} " in *' link '*) grep -q '^link lo ' "$W/current" ;; esac
}

# What is not there now in $missing (of very much of it, the first lines), what is there besides in $surplus: never in
# files alone, which may not be writable. All that is missing goes to the file "missing" and is sorted from there. $1:
# only the classes of lines that it names, in words; without it all, and what is there besides.
compare() {
	missing=
	surplus=
	classes=${1-}
	fresh=
	reads=$READ
	READ=${classes:-$READ}
	printf '' >"$W/missing"
	printf '' >"$W/differ"
	# A reading that failed must not look like a host without surplus: every host has "lo". That all of it could be
	# written is what "echo" tells; not every sed does.
	if { snapshot && echo @read; } >"$W/current" && has_lo; then
		missing=$(lacking "$W/current" baseline "$W/missing" "$classes") || missing="0:the host's network could not be compared
$missing"
		[ -n "$classes" ] || surplus=$(surplus_of "$W/current") || missing="0:the host's network could not be compared
$missing"
		# Nothing has been touched since.
		[ -n "$classes" ] || fresh=1
		if [ -n "$unmade" ] && [ -n "$surplus" ]; then
			surplus=$(printf '%s\n' "$surplus" | awk -v names="$unmade " 'index(names, " " $2 " ") == 0')
		fi
	else
		missing="0:the host's network could not be read"
	fi
	READ=$reads
	if [ -n "$missing" ]; then
		list_links
		sort_missing
	fi
} 2>/dev/null

# What differs, each line with its kind.
differences() {
	[ -z "$missing" ] || printf '%s\n' "$missing" | sed 's/^/missing: /'
	[ -z "$surplus" ] || printf '%s\n' "$surplus" | sed 's/^/surplus: /'
}

# A file of commands, but not one that was cut short.
run_writes() {
	line=
	read -r line <"$1"
	case $line in '' | ': end') return 0 ;; esac
	grep -q '^: end$' "$1" || return 0
	acted=1
	fresh=
	# shellcheck disable=SC1090
	. "$1"
} 2>/dev/null

# forced FILE TOOL: a batch of which every line is tried. At words that it cannot make sense of (a device that is not
# there, as the base of a VXLAN) ip ends the whole batch, with -force as well, and says 255 in place of 1. Then the
# halves are tried by themselves, until that line is alone: each line may run twice.
forced() {
	# Words: a tool and its options.
	# shellcheck disable=SC2086
	$2 -force -batch "$1" >>"$W/restore.log" 2>&1
	case $? in 255 | 237) ;; *) return 0 ;; esac
	v=$(grep -c '' "$1")
	if [ "$v" -lt 2 ]; then return 0; fi
	sed "$((v / 2))q" "$1" >"$1.a"
	sed "1,$((v / 2))d" "$1" >"$1.b"
	forced "$1.a" "$2"
	forced "$1.b" "$2"
	printf '' >"$1.a"
	printf '' >"$1.b"
}

# $1: a file of lines for it, $2: the tool and its options, in words.
run_file() {
	[ -s "$1" ] || return 0
	acted=1
	fresh=
	forced "$1" "$2"
}

# $1: which class of lines.
restore_lines() {
	acted=
	[ -n "$missing" ] || return 0
	case $1 in sysctl | route) run_writes "$W/$1.do" ;; esac
	case $1 in addr | port | route) run_file "$W/$1.ip" ip ;; esac
	case $1 in route) run_file "$W/route.ip6" 'ip -6' ;; esac
	case $1 in port) run_file "$W/port.bridge" bridge ;; esac
}

# Lines of the file $1 without those that lead through a link that is not there. What they are about went with it;
# for each such name the kernel would look for a module (net/core/dev_ioctl.c, dev_load), which starts a process.
# At a next hop through one, ip ends the whole batch, with -force as well (iproute.c, parse_nexthops).
on_links_there() {
	[ -s "$1" ] || return 0
	awk 'FILENAME == ARGV[1] { there[$1]; next }
		{ for (i = 1; i < NF; i++) if ($i == "dev" && !($(i + 1) in there)) next }
		{ print }' "$W/there" "$1"
}

# What the plan adds besides links.
remove_added() {
	list_links
	on_links_there removals >"$W/batch"
	run_file "$W/batch" ip
	on_links_there removals6 >"$W/batch"
	run_file "$W/batch" 'ip -6'
}

restore_once() {
	restore_links
	# Once; what is there nevertheless, again.
	if [ "${tries:-1}" = 1 ] || [ -n "$surplus" ]; then remove_added; fi
	dhcp_put_leases
	[ ! -s leases ] || fresh=
	[ -n "$fresh" ] || compare
	# IPv6 switches first: an address is refused while they are off.
	restore_lines sysctl
	restore_lines addr
	address=$acted
	restore_lines port
	# Addresses take routes with them, and bring some.
	[ -z "$address" ] || compare 'route route6 rule4 rule6 neigh dns'
	restore_lines route
}
