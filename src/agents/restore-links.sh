# restore-links.sh: links as they were. Needs runtime.sh around it. What to do is worked out by awk, for all links
# at once, from one reading: a shell asks each file of each link for itself, and reads it byte by byte, which takes
# a small host minutes where there are thousands.

# The lines of one step, to standard output; writes that no batch can do, to the file "do". $1: the step, $2: what
# ends a record of $3, the reading: canonical lines, or links as "ip -j" tells them, each after its brace.
# Its functions and variables: r[name, key] is what is recorded (link-recipes.ts), master[name] and so on what is.
link_step() {
	awk -v step="$1" -v dir="$W" '
		function said(key, at, rest) {
			at = index(head, "\"" key "\":")
			if (at == 0) return ""
			rest = substr(head, at + length(key) + 3)
			if (substr(rest, 1, 1) == "\"") {
				rest = substr(rest, 2)
				return substr(rest, 1, index(rest, "\"") - 1)
			}
			match(rest, /^[-0-9a-z.]*/)
			return substr(rest, 1, RLENGTH)
		}
		function each(key, parts, i, k) {
			k = split(r[name, key], parts, "\n")
			for (i = 1; i <= k; i++) print parts[i]
		}
		function set(words) { print "link set dev " name " " words }
		function write(words) { print words " " name >(dir "/do") }

		FILENAME == ARGV[1] {
			if ($1 == "interface") order[++count] = $2
			else {
				value = substr($0, length($1) + 2)
				key = order[count] SUBSEP $1
				if (key in r) value = r[key] "\n" value
				r[key] = value
			}
			next
		}
		FILENAME == ARGV[2] { created[++made] = $1; next }
		FILENAME == ARGV[3] { differs[$1]; next }
		FILENAME == ARGV[4] { listed[$1]; next }
		$1 == "link" {
			name = $2
			# What stands in "linkinfo" has keys of its own.
			at = index($0, "\"linkinfo\":")
			read(at ? substr($0, 1, at) : $0)
			if (name in differs) line[name] = $0
			next
		}
		/^"ifindex":/ {
			head = $0
			name = said("ifname")
			read($0)
			next
		}
		# What follows a brace within a link (an XDP program): its keys go on after it.
		RS == "{" && name != "" {
			head = $0
			if (master[name] == "") master[name] = said("master")
			if (address[name] == "") address[name] = said("address")
			if (index($0, "\"ifalias\":")) has_alias[name] = 1
		}
		function read(text, at, flags) {
			head = text
			there[name]
			master[name] = said("master")
			address[name] = said("address")
			mtu[name] = said("mtu")
			at = index(head, "\"flags\":[")
			flags = substr(head, at, index(substr(head, at), "]"))
			up[name] = index(flags, "\"UP\"") ? "1" : "0"
			promisc[name] = index(flags, "\"PROMISC\"") > 0
			has_alias[name] = index($0, "\"ifalias\":") > 0
		}

		# The base of a promiscuous VLAN would stay so (vlan_dev_change_rx_flags).
		function delete_link(name) {
			if (promisc[name]) print "link set dev " name " promisc off"
			print "link del dev " name
		}
		function take_away(other) {
			# What stands under the right name may still be another thing (a VLAN with another id): away with it.
			if (name in line && (name, "create") in r && line[name] !~ r[name, "identity"]) {
				delete_link(name)
				master[name] = ""
			}
			if (name in line && ((name, "idle") in r || wants_mac()) && line[name] ~ /"info_kind":"bond"/) {
				# The kernel takes mode and LACP options only from a bond that is down and without ports.
				for (other in there) if (master[other] == name) print "link set dev " other " nomaster"
				set("down")
			}
		}
		# A bond that lends its MAC to its active port takes none itself (bond_main.c, bond_set_mac_address), other than
		# from its first port, or with fail_over_mac none.
		function wants_mac() { return r[name, "fail-over"] == "follow" && address[name] != r[name, "mac"] }
		function make(parts, i, k) {
			if (!((name, "create") in r)) {
				print "interface " name " is not there" >>(dir "/restore.log")
				return
			}
			each("create")
			if ((name, "mac") in r) set("address " r[name, "mac"])
			set("mtu " r[name, "mtu"])
			k = split(r[name, "extra"], parts, " ")
			for (i = 1; i < k; i += 2) set(parts[i] " " parts[i + 1])
		}
		function change() {
			if (wants_mac()) {
				set("type bond fail_over_mac none")
				set("address " r[name, "mac"])
			}
			each("idle")
			if (wants_mac()) set("type bond fail_over_mac follow")
			each("options")
			if ((name, "no-primary") in r) write("clear_primary")
			# No two ports of a bond have one queue: those that swap give theirs up first.
			if (r[name, "port"] ~ /^bond_slave.*queue_id/) set("type bond_slave queue_id 0")
			if (r[name, "fail-over"] == "" && (master[name] != r[name, "master"] || r[name, "master-kind"] != "bond") && (name, "mac") in r && address[name] != r[name, "mac"]) {
				set("down")
				set("address " r[name, "mac"])
			}
			if (mtu[name] != r[name, "mtu"]) set("mtu " r[name, "mtu"])
		}
		function attach() {
			if (!(name in there) || r[name, "master"] == "" || master[name] == r[name, "master"]) return
			# At a controller that is not there ip ends the whole batch.
			if (!(r[name, "master"] in there)) return
			# A port that is up is refused by a bond.
			if (r[name, "master-kind"] == "bond") set("down")
			set("master " r[name, "master"])
		}
		function finish(parts, i, k) {
			if (!(name in there)) return
			if (name in differs) moved[(name, "active") in r ? name : r[name, "master"]]
			if ((name, "port") in r) set("type " r[name, "port"])
			if (mtu[name] != r[name, "mtu"]) set("mtu " r[name, "mtu"])
			else if (name in differs && r[name, "mtu"] + 0 < 1280 && name in listed) {
				# A bond that is deleted gives its ports their MTU back without telling IPv6 (__bond_release_one), which
				# none has with one so small: it goes when it is told.
				set("mtu 1280")
				set("mtu " r[name, "mtu"])
			}
			# A bridge takes its MAC from its ports as they come and go, and is put right last.
			if (r[name, "master-kind"] != "bond" && (name, "mac") in r && address[name] != r[name, "mac"]) set("address " r[name, "mac"])
			if (name in differs) {
				# Of a link that differs or was made anew.
				if ((name, "promisc") in r) set("promisc " r[name, "promisc"])
				# In their order: the kernel lists them as they were added.
				k = split(r[name, "alt-gone"] " " r[name, "alt-names"], parts, " ")
				for (i = 1; i <= k; i++) print "link property del dev " name " altname " parts[i]
				k = split(r[name, "alt-names"], parts, " ")
				for (i = 1; i <= k; i++) print "link property add dev " name " altname " parts[i]
				if (has_alias[name] || (name, "alias") in r) write("put_alias")
			}
			if (up[name] != r[name, "up"]) set(r[name, "up"] == "1" ? "up" : "down")
		}
		END {
			printf "" >(dir "/do")
			if (step == 1) {
				for (i = 1; i <= made; i++) if (created[i] in there) delete_link(created[i])
				for (i = count; i >= 1; i--) {
					name = order[i]
					take_away()
				}
			}
			for (i = 1; i <= count; i++) {
				name = order[i]
				if (step == 1 && master[name] != "" && master[name] != r[name, "master"]) set("nomaster")
				if (step == 2 && !(name in there)) make()
				else if (step == 2 && name in differs) change()
				# The one that was active first: a bond may have its MAC of it.
				if (step == 3 && r[r[name, "master"], "active"] == name) attach()
				if (step == 4) finish()
			}
			for (i = 1; i <= count; i++) {
				name = order[i]
				if (step == 3 && r[r[name, "master"], "active"] != name) attach()
				if (step == 4 && name in moved && (name, "active") in r) {
					set("type bond active_slave " r[name, "active"])
					print name, r[name, "active"] >(dir "/moved")
				}
				# Its ports have changed MACs as often as the active one has changed.
				if (step == 5 && r[name, "master"] in listed && (name, "port-mac") in r && address[name] != r[name, "port-mac"]) set("address " r[name, "port-mac"])
			}
			# A file that ends without it was not written whole.
			print ": end" >(dir "/do")
		}' links "$W/created" "$W/differ" "$W/listed" RS="$2" "$3"
}

clear_primary() { echo >"$N/$1/bonding/primary"; }

put_alias() {
	alias=
	alias_of "$1"
	v= && IFS= read -r v <"$N/$1/ifalias" 2>/dev/null
	[ "$v" = "$alias" ] || printf '%s\n' "$alias" >"$N/$1/ifalias"
}

# Bonds whose active port is the one that it was: with another one, its MAC has to stay where it is.
list_settled() {
	while read -r bond port; do
		v=
		read -r v <"$N/$bond/bonding/active_slave"
		[ "$v" = "$port" ] && echo "$bond"
	done <"$W/moved" 2>/dev/null
}

restore_links() {
	# Words.
	# shellcheck disable=SC2086
	printf '%s\n' $CREATED >"$W/created"
	printf '' >"$W/listed"
	printf '' >"$W/moved"
	acted=
	reading=$W/current
	ends='
'
	for step in 1 2 3 4 5; do
		if [ -n "$acted" ]; then
			acted=
			reading=$W/now
			ends='{'
			ip -j link show >"$reading" 2>>"$W/restore.log"
		fi
		case $step in
		4)
			# Those that have IPv6.
			{ cd /proc/sys/net/ipv6/conf && printf '%s\n' * >"$W/listed"; } 2>/dev/null
			cd "$T" || exit 1
			;;
		5)
			[ -s "$W/moved" ] || break
			list_settled >"$W/listed"
			;;
		esac
		link_step "$step" "$ends" "$reading" >"$W/batch"
		run_writes "$W/do"
		run_file "$W/batch" ip
	done
}
