# nm.sh: one transaction on a host whose links belong to NetworkManager. Sourced by begin.sh and runtime.sh, in the
# transaction's folder; needs their now(), compare() and to_disk(). Profiles are changed in memory (files in /run, which
# a restarted NetworkManager reads again); what is on disk is touched when the change is persisted, not before.

up=0
NM=org.freedesktop.NetworkManager
NMO=/org/freedesktop/NetworkManager
NMR=/run/NetworkManager/system-connections
# Its own timer is the last of three: it fires only where the runner and the timer are both dead.
NM_LATER=10

nm_call() { busctl --timeout=10 call "$NM" "$NMO" "$NM" "$@"; }

# ---- begin ------------------------------------------------------------------------------------------------

# Is there anybody to ask, and nobody at it? Then: what is active, and which profiles are in memory. "why" tells else.
nm_prepare() {
	for t in nmcli busctl; do
		command -v "$t" >/dev/null 2>&1 && continue
		why="there is no $t, which netorch needs to ask NetworkManager"
		return 1
	done
	found=$(busctl --timeout=10 get-property "$NM" "$NMO" "$NM" Checkpoints 2>&1) || {
		why="NetworkManager does not answer: $found"
		return 1
	}
	if [ "$found" != 'ao 0' ]; then
		found=${found#*\"}
		found=${found%%\"*}
		after=$(busctl get-property "$NM" "$found" "$NM.Checkpoint" RollbackTimeout 2>/dev/null)
		case ${after#u } in
		'' | 0) after='when it is told to' ;;
		*) after="${after#u } s after it was made" ;;
		esac
		why="NetworkManager holds a checkpoint that somebody else has made ($found), which rolls back $after: that would undo this change. Wait for it, or give it up: busctl call $NM $NMO $NM CheckpointDestroy o $found"
		return 1
	fi
	mkdir nm.run || {
		why='the profiles in memory could not be kept'
		return 1
	}
	for f in "$NMR"/*; do
		[ -f "$f" ] || continue
		cp -p "$f" nm.run/ || {
			why='the profiles in memory could not be kept'
			return 1
		}
	done
	nm_routes >nm.routes
	nmcli -t -e no -f UUID,DEVICE connection show --active | awk -F: 'FILENAME == ARGV[1] { is[$0]; next } $2 in is' nm.devices - >nm.before
}

# ---- the way there ----------------------------------------------------------------------------------------

nm_checkpoint() {
	[ -s nm.devices ] || return 0
	paths=$(nmcli -t -e no -f DEVICE,DBUS-PATH device | awk -F: 'FILENAME == ARGV[1] { is[$0]; next } $1 in is { print $2 }' nm.devices -)
	# Words.
	# shellcheck disable=SC2086
	set -- $paths
	[ $# -gt 0 ] || return 0
	now
	read -r deadline <deadline
	made=$(nm_call CheckpointCreate aouu $# "$@" $((deadline - up + NM_LATER)) 0) || return 1
	made=${made#*\"}
	echo "${made%%\"*}" >nm.checkpoint
}

nm_add() {
	# A profile of ours that nobody uses any more is in the way.
	nmcli connection add save no "$@" >/dev/null
}

# All at once, in their files: a call of nmcli for each takes half a second of a small host.
nm_autoconnect() {
	for uuid; do echo "uuid=$uuid"; done >nm.added
	set --
	while IFS= read -r f; do set -- "$@" "$f"; done <<-NETORCH_END
		$(grep -lsxF -f nm.added "$NMR"/*)
	NETORCH_END
	sed -i '/^autoconnect=false$/d' "$@" || return 1
	nmcli connection load "$@"
}

# NAME UUID: the device goes; its profile stays, but does not bring it back.
nm_remove() {
	if [ -n "$2" ] && nmcli -t -f UUID connection show --active | grep -qx "$2"; then
		nmcli connection down uuid "$2" >/dev/null || return 1
	fi
	i=0
	while [ -e "/sys/class/net/$1" ]; do
		i=$((i + 1))
		[ "$i" -le 50 ] || {
			echo "$1 is still there" >&2
			return 1
		}
		[ "$i" -ne 5 ] || nmcli device delete "$1" >/dev/null || return 1
		nap
	done
}

# UUID NAME
nm_activate() { nmcli --wait 0 connection up uuid "$1" >/dev/null; }
nm_reapply() { nmcli device reapply "$2" >/dev/null 2>&1 || nm_activate "$@"; }

# Which of the connections "UUID NAME" in the file $1 are not active: "absent UUID NAME" or "waiting UUID NAME".
nm_lacking() {
	nmcli -t -e no -f UUID,STATE connection show --active | awk 'FILENAME == "-" || FILENAME == "" { split($0, part, ":"); state[part[1]] = part[2]; next }
		state[$1] == "activated" { next }
		{ print (state[$1] == "" ? "absent" : "waiting"), $1, $2 }' - "$1"
}

# Waits until all is active that the change wants. What fails is tried once more: a port may have come too early.
nm_settle() {
	i=0
	while :; do
		lack=$(nm_lacking nm.active) || return 1
		[ -n "$lack" ] || return 0
		i=$((i + 1))
		if [ "$i" -eq 4 ]; then
			printf '%s\n' "$lack" | while read -r how uuid name; do
				[ "$how" = waiting ] || nm_activate "$uuid" "$name"
			done
		fi
		[ "$i" -lt 30 ] || break
		# Where all that is lacking waits for a server or a router, the controller waits for it.
		[ "$i" -lt 12 ] || case $lack in *absent*) ;; *) return 0 ;; esac
		nap
		nap
	done
	printf '%s\n' "$lack" | while read -r how uuid name; do
		echo "$name does not become active in NetworkManager: $(nmcli -g GENERAL.REASON device show "$name" 2>&1)" >&2
	done
	return 1
}

# ---- the way back -----------------------------------------------------------------------------------------

nm_answers() { nmcli -t -f RUNNING general 2>/dev/null | grep -qx running; }

# Profiles first, by their files, so that NetworkManager finds nothing to write when it goes back to its checkpoint:
# it would write to disk, and does not sync. Then the devices. What it has not brought back by then, the lines of
# the iproute2 backend do. Bounds are in seconds, for a reading takes long on a busy host. CREATED is restore.sh's.
nm_back() {
	nm_files_back
	now
	until=$((up + 10))
	until nm_answers; do
		# Killed, it is started again; stopped, it stays so, and nobody undoes what we do.
		now
		[ "$up" -lt "$until" ] && ! nm_is_stopped || {
			# Nobody else puts it back then.
			! grep -q '^dns ' baseline || : >dns.set
			return 0
		}
		nap
	done
	nmcli connection reload
	used=
	if [ -s nm.checkpoint ]; then
		read -r made <nm.checkpoint
		nm_call CheckpointRollback o "$made" && used=1
	fi
	# Links without a profile that it does not know as its own: it was started anew meanwhile.
	for n in $CREATED; do
		[ ! -e "/sys/class/net/$n" ] || ip link del dev "$n"
	done
	tr ':' ' ' <nm.before >"$W/nm.wanted"
	# It has forgotten its checkpoint then: what it took over is told anew what holds.
	[ -n "$used" ] || grep -F -f nm.profiles "$W/nm.wanted" | while read -r uuid name; do nm_reapply "$uuid" "$name"; done
	now
	start=$up
	asked=
	while :; do
		lack=$(nm_lacking "$W/nm.wanted")
		if [ -z "$lack" ]; then
			compare
			[ -n "$missing$surplus" ] || return 0
		fi
		now
		# Nothing more is to be expected of it, when all is active for so long.
		[ -n "$lack" ] || [ $((up - start)) -lt 4 ] || return 0
		[ $((up - start)) -lt 12 ] || return 0
		if [ -z "$asked" ] && [ $((up - start)) -ge 2 ]; then
			asked=1
			printf '%s\n' "$lack" | while read -r how uuid name; do
				[ "$how" != absent ] || nmcli --wait 0 connection up uuid "$uuid" ifname "$name"
			done
		fi
		nap
		nap
	done
} >>"$T/nm.log" 2>&1

# Routes of its devices that are its own: it gives addresses without the routes to their networks, and makes these
# itself. As lines of a batch; what is asked for by its protocol is shown without it.
nm_routes() {
	for proto in kernel static; do
		{ ip -4 route show proto "$proto" && ip -6 route show proto "$proto"; } | awk -v proto="$proto" 'FILENAME == ARGV[1] { is[$0]; next }
			{ for (i = 1; i < NF; i++) if ($i == "dev" && $(i + 1) in is) { print "route replace " $0 " proto " proto; next } }' nm.devices -
	done | sed -E 's/ (linkdown|dead)//g; s/ +/ /g'
}

# The state, and then metrics: it counts its own anew for each device that it takes up, and where it is gone, nobody
# makes its routes. What differs from a former route by its metric only is that route.
nm_restore_state() {
	restore_state
	restored=$?
	nm_routes >"$W/nm.now"
	awk 'function bare(line) { sub(/ metric [0-9]+/, "", line); return line }
		FILENAME == ARGV[1] { was[$0]; known[bare($0)]; order[++count] = $0; next }
		{ now[$0] }
		!($0 in was) && bare($0) in known { gone[++more] = "route del" substr($0, 14) }
		END {
			for (i = 1; i <= count; i++) if (!(order[i] in now)) print order[i]
			for (i = 1; i <= more; i++) print gone[i]
		}' nm.routes "$W/nm.now" >"$W/nm.routes.do"
	[ ! -s "$W/nm.routes.do" ] || ip -force -batch "$W/nm.routes.do" >>"$W/restore.log" 2>&1
	[ "$restored" = 0 ] || restore_state
}

# Somebody has ended it: a unit that failed is about to be started again.
nm_is_stopped() {
	[ -d /run/systemd/system ] || return 1
	[ "$(systemctl show -p ActiveState --value NetworkManager)" = inactive ]
}

nm_files_back() {
	sed 's/^/uuid=/' nm.profiles >"$W/nm.uuids"
	grep -lsxF -f "$W/nm.uuids" "$NMR"/* | while IFS= read -r f; do
		if [ -e "nm.run/${f##*/}" ]; then
			cmp -s "nm.run/${f##*/}" "$f" || cp -p "nm.run/${f##*/}" "$f"
		else
			rm -f "$f"
		fi
	done
	grep -lsxF -f "$W/nm.uuids" nm.run/* | while IFS= read -r f; do
		[ -e "$NMR/${f##*/}" ] || cp -p "$f" "$NMR/"
	done
}

# ---- confirm, extend -----------------------------------------------------------------------------

# Before the confirmation is won, so that it can never be undone by NetworkManager afterwards. Should it not be won:
# the way back does without.
nm_release() {
	[ -s nm.checkpoint ] || return 0
	read -r made <nm.checkpoint
	nm_call CheckpointDestroy o "$made" >>nm.log 2>&1
	mv nm.checkpoint nm.checkpoint.used
} 2>/dev/null

# $1: seconds until the deadline as it is now.
nm_extend() {
	[ -s nm.checkpoint ] || return 0
	read -r made <nm.checkpoint
	nm_call CheckpointAdjustRollbackTimeout ou "$made" $(($1 + NM_LATER)) >>nm.log 2>&1
}
