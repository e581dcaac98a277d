# nm-persist.sh: NetworkManager's profiles from memory to disk, and back to memory. Needs persist.sh and nm.sh before it;
# runs in a folder of its own, with the file put-back.sh there. Several files are never written at once: what was on
# disk is kept in $NMU until all is written, and a boot that finds it there puts it back (put-back.sh). A folder of that
# kind holds the profiles' files by their UUIDs, and a list "UUID INTERFACE PATH", where "-" is no file.

# What was on disk before netorch's first word, until "unpersist": the list is "former".
NMK=$P/nm
# What the act under way goes back to, or on to: the list is "pending".
NMU=$P/nm.undo
# Profiles of netorch's in memory: "UUID INTERFACE", or "UUID INTERFACE removed" where the interface is gone.
NML=/run/netorch/nm

# FILE: these are temporary from now on; what was said of them before is not so any more.
nm_list() {
	if [ -e "$NML" ]; then set -- "$1" "$NML"; fi
	awk 'FILENAME == ARGV[1] { is[$1]; print; next } !($1 in is)' "$@"
}
nm_is_temporary() {
	nm_list "$1" >"$NML.new" && mv "$NML.new" "$NML"
}
nm_is_persistent() {
	awk 'FILENAME == ARGV[1] { is[$1]; next } !($1 in is)' "$1" "$NML" >"$NML.new" && mv "$NML.new" "$NML"
} 2>/dev/null

# All of NetworkManager's profiles: where they are in its tree, and on disk.
nm_read() {
	nmcli -t -e no -f UUID,DBUS-PATH,FILENAME connection show >nm.files 2>/dev/null || {
		why='NetworkManager does not answer'
		return 1
	}
}
# UUID: object and file; empty where there is none. "kept": the file on disk, "-" where there is none.
nm_find() {
	line=$(sed -n "s/^$1://p" nm.files)
	object=${line%%:*}
	file=${line#*:}
	kept=$file
	case $file in /run/*) kept=$(sed -n 's/^shadowed-storage=//p' "$file" 2>/dev/null) ;; esac
	if [ -z "$kept" ] || [ ! -e "$kept" ]; then kept=-; fi
}
# FLAG: where NetworkManager is to have the profile, with the settings that it has (NM_SETTINGS_UPDATE2_FLAG_…).
nm_update() {
	found=$(busctl --timeout=20 call "$NM" "$object" "$NM.Settings.Connection" Update2 'a{sa{sv}}ua{sv}' 0 "$1" 0 2>&1) || {
		why="NetworkManager has not written a profile: $found"
		return 1
	}
}

# FROM FOLDER: a copy that survives.
nm_copy() {
	why=$(cp -p "$1" "$2" 2>&1) || {
		why="$2 could not be written: ${why##*: }"
		return 1
	}
	to_disk "$2"
}
nm_folder() {
	[ -d "$1" ] && return 0
	why=$(mkdir -p "$1" 2>&1) || {
		why="$1 could not be made: ${why##*: }"
		return 1
	}
	chmod 700 "$P" "$1"
	to_disk "$P" "${P%/*}"
}

profiles_unit() {
	printf '%s\n' '[Unit]' \
		"Description=netorch: put back NetworkManager's profiles that were being written when the power went" \
		'DefaultDependencies=no' \
		'After=local-fs.target' \
		'Before=NetworkManager.service network-pre.target shutdown.target' \
		'Conflicts=shutdown.target' \
		"RequiresMountsFor=$P /etc/NetworkManager" \
		"ConditionPathExists=$NMU/pending" \
		'' '[Service]' 'Type=oneshot' "ExecStart=/bin/sh $NMU/put-back.sh boot" \
		'' '[Install]' 'WantedBy=multi-user.target'
}

# FILE: a list to go back to, or on to. From here until nm_close a boot makes the disk what it says.
nm_open() {
	[ -d /run/systemd/system ] || {
		why='nothing is known here that would put profiles back at boot, if power goes while they are written: no systemd runs'
		return 1
	}
	put_file put-back.sh "$NMU/put-back.sh" 600 || return 1
	if [ ! -e "$NMU/pending" ]; then
		for f in /etc/NetworkManager/system-connections/*; do printf '%s\n' "$f"; done >nm.names
		put_file nm.names "$NMU/names" 600 || return 1
	fi
	profiles_unit >nm.unit
	put_file nm.unit "$SYSTEMD/netorch-profiles.service" 644 || return 1
	put_link ../netorch-profiles.service "$SYSTEMD/multi-user.target.wants/netorch-profiles.service" || return 1
	put_file "$1" "$NMU/pending" 600 || return 1
	persist_point nm-open
}
# The end of an act. The folder and the unit do nothing any more.
nm_close() {
	if [ -e "$NMU/pending" ]; then
		why=$(rm -f "$NMU/pending" 2>&1) || return 1
		to_disk "$NMU" || return 1
	fi
	persist_point nm-end
	rm -rf "$NMU"
	rm -f "$SYSTEMD/multi-user.target.wants/netorch-profiles.service" "$SYSTEMD/netorch-profiles.service"
	return 0
}

# TODO: "UUID INTERFACE [removed]" lines. To disk, and synced: NetworkManager itself does not, and a power cut leaves an
# empty file (measured).
nm_to_disk() {
	nm_read || return 1
	persist_point nm-begin
	nm_folder "$NMU" && nm_folder "$NMK" || return 1
	cat "$NMU/pending" >nm.pending 2>/dev/null
	while read -r uuid name _; do
		grep -q "^$uuid " nm.pending && continue
		nm_find "$uuid"
		[ "$kept" = - ] || nm_copy "$kept" "$NMU/$uuid" || return 1
		echo "$uuid $name $kept" >>nm.pending
	done <"$1"
	nm_open nm.pending || return 1
	while read -r uuid _ gone; do
		nm_find "$uuid"
		if [ -n "$gone" ]; then
			[ -z "$object" ] || why=$(nmcli connection delete uuid "$uuid" 2>&1) || return 1
			continue
		fi
		if [ -z "$object" ]; then
			# Somebody has deleted what was temporary.
			grep -qs "^$uuid " nm.changed || continue
			why="the profile $uuid is not there any more"
			return 1
		fi
		nm_update 1 || return 1
		persist_point nm-written
	done <"$1"
	nm_read || return 1
	while read -r uuid _ gone; do
		nm_find "$uuid"
		if [ -n "$gone" ]; then
			[ -z "$object" ] && continue
			why="NetworkManager has not deleted the profile $uuid"
			return 1
		fi
		[ -n "$object" ] || continue
		case $file in
		/run/* | '')
			why="NetworkManager has not written the profile $uuid to disk"
			return 1
			;;
		esac
		[ -s "$file" ] || {
			why="$file is empty"
			return 1
		}
		to_disk "$file" && to_disk "${file%/*}" || return 1
	done <"$1"
	[ ! -d /etc/NetworkManager/system-connections ] || to_disk /etc/NetworkManager/system-connections || return 1
	persist_point nm-synced
	cat "$NMK/former" >nm.former 2>/dev/null
	while read -r uuid name path; do
		grep -q "^$uuid " nm.former && continue
		[ "$path" = - ] || nm_copy "$NMU/$uuid" "$NMK/$uuid" || return 1
		echo "$uuid $name $path" >>nm.former
	done <nm.pending
	put_file nm.former "$NMK/former" 600 || return 1
	echo "$TX" >nm.by
	put_file nm.by "$NMK/by" 600 || return 1
	nm_close || return 1
	nm_is_persistent "$1"
}

# As part of a transaction; what was temporary before comes along.
nm_persist() {
	nm_list nm.changed >nm.todo
	nm_to_disk nm.todo
}

# UUID PATH: an interface that was removed stays so, though its profile is to be on disk again.
nm_shadow() {
	f=$NMR/netorch-$1.nmconnection
	{
		awk -v uuid="$1" '{ print } $0 == "[connection]" { print "autoconnect=false"; print "uuid=" uuid }' "$NMK/$1" | sed '/^autoconnect=true$/d'
		printf '\n[.nmmeta]\nshadowed-storage=%s\nshadowed-owned=true\n' "$2"
	} >"$f" && chmod 600 "$f" || {
		why="$f could not be written"
		return 1
	}
	why=$(nmcli connection load "$f" 2>&1)
}

# What netorch has written to disk is in memory only, and on disk what was there before.
nm_unpersist() {
	why=
	[ -s "$NMK/former" ] || [ -s "$NMU/pending" ] || return 0
	nm_read || return 1
	nm_folder "$NMU" || return 1
	: >nm.again
	cat "$NMK/former" >nm.pending 2>/dev/null
	while read -r uuid name path; do
		nm_find "$uuid"
		if [ -n "$object" ]; then
			case $file in /run/*) ;; *) nm_update 2 || return 1 ;; esac
			grep -s "^$uuid " "$NML" >>nm.again || echo "$uuid $name" >>nm.again
		elif [ "$path" != - ]; then
			nm_shadow "$uuid" "$path" || return 1
			echo "$uuid $name removed" >>nm.again
		fi
		[ "$path" = - ] || nm_copy "$NMK/$uuid" "$NMU/$uuid" || return 1
	done <nm.pending
	# Of an act that was cut off.
	awk 'FILENAME == ARGV[1] { is[$1]; next } !($1 in is)' nm.pending "$NMU/pending" >nm.more 2>/dev/null
	cat nm.more >>nm.pending
	nm_is_temporary nm.again
	nm_open nm.pending || return 1
	why=$(sh "$NMU/put-back.sh" now 2>&1) || {
		why="the files could not be put back: $why"
		return 1
	}
	persist_point nm-put-back
	rm -f "$NMK/former"
	to_disk "$NMK" || return 1
	rm -rf "$NMK"
	nm_close
}

# Outside of a transaction: all that is temporary of netorch's.
nm_persist_here() {
	why=
	if is_under_way; then
		echo "persist failed $why"
		return 0
	fi
	TX=persist
	cat "$NML" >nm.todo 2>/dev/null
	if nm_to_disk nm.todo; then echo 'persist persisted'; else echo "persist failed $why"; fi
}
