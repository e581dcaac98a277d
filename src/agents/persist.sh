# persist.sh: makes the file "boot.sh" of the current folder what the next boot runs. At each moment the
# former file or the new one is there, whole: temporary file in the same folder, sync, rename, sync.

P=/var/lib/netorch

# Tests stop the host at a point by its name. Inert: nobody but root could make that folder, and netorch never does.
persist_point() {
	[ -e "/run/netorch/points/$1" ] || return 0
	: >"/run/netorch/points/$1.reached"
	while [ -e "/run/netorch/points/$1" ]; do sleep 0.1; done
}

# A "sync" that takes no names (old coreutils, small busybox) syncs everything.
to_disk() {
	why=$(sync "$@" 2>&1) && return 0
	why="it could not be written to disk: $why"
	return 1
}

# FILE DESTINATION MODE
put_file() {
	d=${2%/*}
	if cmp -s "$1" "$2"; then return 0; fi
	# What a power cut left behind; whoever else is at it fails here, and harms nobody.
	rm -f "$d/.${2##*/}".*.netorch 2>/dev/null
	t=$d/.${2##*/}.$$.netorch
	why=$( (cat "$1" >"$t" && chmod "$3" "$t") 2>&1) || {
		rm -f "$t" 2>/dev/null
		why="$2 could not be written: ${why##*: }"
		return 1
	}
	persist_point "${2##*/}-written"
	to_disk "$t" || return 1
	persist_point "${2##*/}-synced"
	why=$(mv -f "$t" "$2" 2>&1) || {
		rm -f "$t" 2>/dev/null
		why="$2 could not be replaced: ${why##*: }"
		return 1
	}
	persist_point "${2##*/}-renamed"
	to_disk "$d"
}

# TARGET LINK
put_link() {
	[ "$(readlink "$2" 2>/dev/null)" = "$1" ] && return 0
	why=$( (mkdir -p "${2%/*}" && ln -sf "$1" "$2") 2>&1) || {
		why="$2 could not be made: ${why##*: }"
		return 1
	}
	persist_point "${2##*/}-linked"
	to_disk "${2%/*}"
}

# ---- what runs it at boot ------------------------------------------------------------------------------

# Only the init systems whose boot is known to run what is installed there.
init_system() {
	init=none
	if [ -d /run/systemd/system ]; then
		init=systemd
	elif [ -d /run/openrc ]; then
		init=openrc
	elif runs_rc_local; then
		init=rc.local
	fi
}

runs_rc_local() {
	grep -qs '^[^#]*rc\.local' /etc/inittab /etc/init.d/rcS /etc/init.d/rc.local /etc/rc.d/rc.M /etc/rc.d/rc.multi /etc/rc && return 0
	# The programs that inittab runs at boot.
	for f in $(sed -n -E 's/^[^#:]*:[^:]*:(sysinit|boot|bootwait|wait|once):([^ ]+).*/\2/p' /etc/inittab 2>/dev/null); do
		grep -qs '^[^#]*rc\.local' "$f" && return 0
	done
	return 1
}

# PASS: "boot" as early as the NICs are there, "late" once whatever else configures the network has run.
systemd_unit() {
	printf '%s\n' '[Unit]'
	if [ "$1" = boot ]; then
		printf '%s\n' 'Description=netorch: bring back the persistent network state' \
			'DefaultDependencies=no' \
			'Wants=network-pre.target' \
			'After=systemd-udevd.service systemd-udev-trigger.service systemd-modules-load.service systemd-sysctl.service' \
			'Before=network-pre.target network.target ssh.service sshd.service'
	else
		printf '%s\n' 'Description=netorch: check the persistent network state once the network is up' \
			'DefaultDependencies=no' \
			'After=netorch-restore.service network.target'
	fi
	printf '%s\n' 'Conflicts=shutdown.target' \
		'Before=shutdown.target' \
		"RequiresMountsFor=$P" \
		"ConditionPathExists=$P/boot.sh" \
		'' '[Service]' 'Type=oneshot' 'RemainAfterExit=yes' 'TimeoutStartSec=90' \
		"ExecStart=/bin/sh $P/boot.sh $1" \
		'' '[Install]' 'WantedBy=multi-user.target'
}

openrc_script() {
	printf '%s\n' '#!/sbin/openrc-run' \
		'description="netorch: bring back the persistent network state"' \
		'depend() {' '	need localmount' \
		'	after modules sysctl udev udev-settle udev-trigger mdev hwdrivers' \
		'	before net networking sshd' '}' \
		'start() {' \
		'	ebegin "Bringing back the persistent network state"' \
		"	[ ! -r $P/boot.sh ] || /bin/sh $P/boot.sh boot" \
		'	eend 0' '}'
}

RC_BEGIN='# netorch begin: bring back the persistent network state'
RC_END='# netorch end'
without_rc_block() { sed "/^$RC_BEGIN\$/,/^$RC_END\$/d" /etc/rc.local; }

rc_local() {
	first='#!/bin/sh'
	rest=
	if [ -e /etc/rc.local ]; then
		rest=$(without_rc_block)
		case $rest in '#!'*)
			first=${rest%%
*}
			rest=${rest#"$first"}
			rest=${rest#
}
			;;
		esac
	fi
	printf '%s\n' "$first" "$RC_BEGIN" "[ ! -r $P/boot.sh ] || /bin/sh $P/boot.sh boot || :" "$RC_END"
	[ -z "$rest" ] || printf '%s\n' "$rest"
}

SYSTEMD=/etc/systemd/system
install_hook() {
	init_system
	case $init in
	systemd)
		for pass in boot late; do
			unit=netorch-restore.service
			[ "$pass" = boot ] || unit=netorch-restore-late.service
			systemd_unit "$pass" >"hook" || return 1
			put_file "hook" "$SYSTEMD/$unit" 644 || return 1
			put_link "../$unit" "$SYSTEMD/multi-user.target.wants/$unit" || return 1
		done
		;;
	openrc)
		openrc_script >"hook" || return 1
		put_file "hook" /etc/init.d/netorch 755 || return 1
		put_link /etc/init.d/netorch /etc/runlevels/boot/netorch
		;;
	rc.local)
		if [ -s /etc/rc.local ] && [ ! -x /etc/rc.local ]; then
			why='/etc/rc.local is there, but is not executable: the boot does not run it'
			return 1
		fi
		rc_local >"hook" || return 1
		put_file "hook" /etc/rc.local 755
		;;
	*)
		why='nothing is known here that would run it at boot: neither systemd, nor OpenRC, nor an init that runs /etc/rc.local'
		return 1
		;;
	esac
}

# Says of what it could not take away in "why".
remove_hook() {
	for f in "$SYSTEMD/multi-user.target.wants/netorch-restore.service" "$SYSTEMD/multi-user.target.wants/netorch-restore-late.service" \
		"$SYSTEMD/netorch-restore.service" "$SYSTEMD/netorch-restore-late.service" /etc/runlevels/boot/netorch /etc/init.d/netorch; do
		[ -e "$f" ] || [ -h "$f" ] || continue
		why=$(rm -f "$f" 2>&1) || return 1
		to_disk "${f%/*}" || return 1
	done
	grep -qs "^$RC_BEGIN\$" /etc/rc.local || return 0
	case $(without_rc_block) in
	'' | '#!/bin/sh')
		why=$(rm -f /etc/rc.local 2>&1) || return 1
		to_disk /etc
		;;
	*)
		without_rc_block >"hook" || return 1
		put_file "hook" /etc/rc.local 755
		;;
	esac
}

# ---- the acts --------------------------------------------------------------------------------------------

# The last rename decides: what runs at boot looks for that file, and does nothing without it.
persist() {
	why=
	persist_point persist-begin
	if [ ! -d "$P" ]; then
		why=$(mkdir -p "$P" 2>&1) || {
			why="$P could not be made: ${why##*: }"
			return 1
		}
		to_disk "${P%/*}" || return 1
	fi
	chmod 700 "$P" 2>/dev/null
	install_hook || return 1
	# What netorch made, for pruning. Should the power go between the two: what is not there is not pruned.
	if [ -e /run/netorch/owned ]; then put_file /run/netorch/owned "$P/owned" 600 || return 1; fi
	put_file boot.sh "$P/boot.sh" 600 && persist_point persist-end
}

unpersist() {
	why=
	if [ -e "$P/boot.sh" ]; then
		why=$(rm -f "$P/boot.sh" 2>&1) || return 1
		to_disk "$P" || return 1
	fi
	remove_hook || return 1
	rm -f "$P/owned" "$P"/.*.netorch 2>/dev/null
	rmdir "$P" 2>/dev/null
	return 0
}

# Is a transaction open? Then "why" names it.
is_under_way() {
	for s in /run/netorch/*/state.*; do
		case ${s##*/} in state.armed | state.applying | state.applied | state.rolling-back)
			why="a transaction is open (${s%/*})"
			return 0
			;;
		esac
	done
	return 1
}

# Outside of a transaction, in a folder of its own that holds boot.sh. An unconfirmed state is never made persistent.
persist_here() {
	if is_under_way; then
		echo "persist failed $why"
		return 1
	fi
	if [ ! -e boot.sh ]; then
		echo 'persist failed /run/netorch cannot be written (is it full?)'
	elif persist; then
		TX=persist
		keep_record
		echo 'persist persisted'
	else
		echo "persist failed $why"
	fi
}

# ---- as part of a transaction -------------------------------------------------------------------------------

# The record of what runs from now on; what is not persistent of it, "status" and "plan" can tell.
keep_record() {
	[ -e record ] || return 0
	cat record >"../running.$TX" && mv "../running.$TX" ../running
}

# By a script that the boot runs, or by NetworkManager's profiles.
wants_persist() { [ -e boot.sh ] || [ -e nm.persist ]; }

# Outside of the session that confirms: that one may be cut off. Its end is waited for, and said.
start_persist() {
	keep_record
	wants_persist || return 0
	if [ ! -e persist.result ]; then
		if [ -d /run/systemd/system ]; then
			systemd-run --quiet --collect --no-block --unit="netorch-$TX-persist" env NETORCH_DIR="$T" sh "$T/runtime.sh" persist
		else
			(setsid sh "$T/runtime.sh" persist </dev/null >/dev/null 2>&1 &)
		fi
	fi
	i=0
	until [ -s persist.result ]; do
		i=$((i + 1))
		[ "$i" -lt 80 ] || break
		sleep 0.1
	done
	persist_status
}

verb_persist() {
	# Asked for twice, done once.
	mkdir persisting 2>/dev/null || return 0
	if if [ -e nm.persist ]; then nm_persist; else persist; fi; then echo persisted >persist.new; else printf 'failed %s\n' "$why" >persist.new; fi
	mv persist.new persist.result
}

persist_status() {
	if [ -s persist.result ]; then
		sed 's/^/persist /' persist.result
	elif wants_persist; then
		echo 'persist pending'
	fi
}
