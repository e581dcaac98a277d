# runtime.sh: one transaction on one host. Needs readings.sh, persist.sh, restore-links.sh and restore-lines.sh before it; runs as: sh runtime.sh VERB in its
# own folder under /run/netorch. Each state is a file name (state.applying), each move a rename, so each
# move has exactly one winner:
#   armed -> applying -> applied -> confirmed
#   armed | applying | applied -> rolling-back -> rolled-back | incomplete
# Time is /proc/uptime: the wall clock may jump.

T=${NETORCH_DIR:?}
cd "$T" || exit 1
TX=${T##*/}
# Where the way back writes.
W=$T

# Named places of the way; fault tests put their own function here, in their copy of this file.
point() { :; }

now() { read -r up _ </proc/uptime && up=${up%%.*}; }
# Not every sleep knows fractions.
nap() { sleep 0.1 2>/dev/null || sleep 1; }
# The listener of "begin" may be gone with its session: the pipe is opened for both directions, so a write never waits.
say() {
	printf '%s\n' "$*" >>events
	if [ -p pipe ]; then printf '%s\n' "$*" 1<>pipe; fi
}
move() { mv "state.$1" "state.$2" 2>/dev/null; }
state() { for s in state.*; do echo "${s#state.}"; done; }
is_over() { [ -e state.confirmed ] || [ -e state.rolled-back ] || [ -e state.incomplete ]; }
# Is that one of this transaction's shells? A number alone may belong to another process by now.
is_alive() { grep -qs "$TX" "/proc/$1/cmdline"; }
# The same for any process that one of them has started: they all stand in this folder.
# -ef is in POSIX since 2024, and older in dash, busybox ash and bash.
# shellcheck disable=SC3013
is_ours() { [ "/proc/$1/cwd" -ef "$T" ] || is_alive "$1"; }

# A disk in memory of the way back's own: whatever fills /run takes at once what is given free there. Where none
# can be mounted, there is the reserve.
own_room() {
	if [ -d room ] && { grep -qs " $T/room " /proc/mounts || mount -t tmpfs -o mode=700,size=64m netorch "$T/room"; } 2>/dev/null; then W=$T/room; fi
}
leave_room() {
	[ "$W" != "$T" ] || return 0
	cat "$W/restore.log" >>restore.log
	W=$T
	umount "$T/room" || umount -l "$T/room"
} 2>/dev/null

# Is there a process of this group that is ours? The first one may be dead and its children not.
has_members() {
	for s in /proc/[0-9]*/stat; do
		read -r line <"$s" || continue
		# Number, name in parentheses, state, parent, group; the name may hold anything.
		line=${line##*) }
		case $line in [ZX]*) continue ;; esac
		line=${line#* * }
		[ "${line%% *}" = "$1" ] || continue
		p=${s%/stat}
		is_ours "${p#/proc/}" && return 0
	done 2>/dev/null
	return 1
}

# Kills a whole group and waits until it is gone.
end_group() {
	i=0
	while [ "$i" -lt 50 ] && has_members "$1"; do
		kill -KILL "-$1" 2>/dev/null
		nap
		i=$((i + 1))
	done
}
snapshot() { readings | sed -E -f canonical.sed; }

# Neighbours keep the old MAC of an address for minutes unless told. Ends when all have been told: with the
# last process of a unit, systemd ends what that has left behind.
announce() {
	command -v arping >/dev/null 2>&1 || return 0
	ip -o -4 addr show scope global | sed -n -E 's/^[0-9]+: +([^ ]+) +inet ([0-9.]+).*/\1 \2/p' | grep -E -f scope-devices | {
		while read -r dev ip; do
			arping -U -q -c 2 -w 3 -I "$dev" "$ip" </dev/null >/dev/null 2>&1 &
		done
		wait
	}
}

apply() {
	S=0 ERR=$T/stderr
	. ./apply.sh
}

# ---- the way back ------------------------------------------------------------------------------------

N=/sys/class/net
restore_dns() {
	umount /etc/resolv.conf 2>/dev/null
	# It was made to be mounted over.
	if [ -e dns.made ] && [ ! -s /etc/resolv.conf ]; then
		rm -f /etc/resolv.conf
		return 0
	fi
	cmp -s resolv.baseline /etc/resolv.conf && return 0
	# A client has written into the file itself.
	[ -e dhcp.started ] && cat resolv.baseline >/etc/resolv.conf && return 0
	# A second name needs no room.
	{ cat resolv.baseline >../resolv.conf || ln -f resolv.baseline ../resolv.conf; } 2>/dev/null && mount --bind ../resolv.conf /etc/resolv.conf
}

# The line that failed and those after it have made nothing: a link with such a name is somebody else's, who took
# the name meanwhile, and stays. Where no line is named, all may have been made.
find_unmade() {
	read -r word s 2>/dev/null <failure && [ "$word" = segment ] || return 0
	l=$(sed -n 's/^Command failed .*:\([0-9][0-9]*\)$/\1/p' failure)
	[ -n "$l" ] || return 0
	made=
	for m in $MADE; do
		n=${m##*:}
		m=${m%:*}
		if [ "${m%:*}" -lt "$s" ] || { [ "${m%:*}" = "$s" ] && [ "${m#*:}" -lt "$l" ]; }; then
			made="$made $n"
		else
			case "$made " in *" $n "*) ;; *) unmade="$unmade $n" ;; esac
		fi
	done
	made=
	for n in $CREATED; do
		case "$unmade " in *" $n "*) ;; *) made="$made $n" ;; esac
	done
	CREATED=$made
}

restore() {
	FORCED=
	MADE=
	unmade=
	. ./restore.sh
	find_unmade
	[ ! -e nm.sh ] || nm_back
	dhcp_end_started
	if [ -e dhcp.started ] && [ -s removals ]; then
		# What a client has set is not compared.
		remove_added
	fi
	# Not by the comparison, which sees what is missing: servers may have come, or changed places.
	[ -e dns.set ] && restore_dns
	if [ -e nm.sh ]; then nm_restore_state; else restore_state; fi
	restored=$?
	dhcp_put_leases
	dhcp_go_on >>"$W/restore.log" 2>&1
	return "$restored"
}

# The host cannot be read, or what is read cannot be written anywhere: that may pass.
compare_with_patience() {
	compare "$@"
	while [ "$patience" -gt 0 ]; do
		case $missing in 0:*) ;; *) break ;; esac
		patience=$((patience - 1))
		sleep 1
		compare "$@"
	done
}

restore_state() {
	patience=10
	# The first round needs to know of no more than links that differ; it compares the rest when they are back.
	compare_with_patience link
	tries=0
	until [ "$tries" -gt 0 ] && [ -z "$missing$surplus$FORCED" ]; do
		[ "$tries" -lt 3 ] || return 1
		tries=$((tries + 1))
		# What the comparison does not see is put back once.
		# Words.
		# shellcheck disable=SC2086
		[ -z "$FORCED" ] || printf '%s\n' $FORCED >>"$W/differ"
		FORCED=
		restore_once
		[ -n "$fresh" ] || compare_with_patience
	done
	return 0
}

# Another one is at it, or it is over. Only when that one died half-way it is taken over, by one.
take_over() {
	i=0
	while [ -e state.rolling-back ]; do
		if read -r who <rollback.pid && [ -n "$who" ]; then
			i=0
			is_alive "$who" || { mv rollback.pid "rollback.dead.$who" && return 0; }
		else
			# It won, and died before its number could stand here. Each such death has one heir.
			[ "$i" -gt 0 ] || deaths=$(count_deaths)
			i=$((i + 1))
			[ "$i" -le 5 ] || { mkdir "rollback.heir.$deaths" && return 0; } || i=0
		fi
		sleep 1
	done 2>/dev/null
	return 1
}

count_deaths() {
	set -- rollback.heir.*
	[ -e "$1" ] || shift
	echo $#
}

# Never armed: nothing has been touched, and from now on nothing will be.
end_unarmed() {
	move new rolled-back || return 1
	echo 'nothing was begun' >cause
	say 'rolled-back verified'
}

# $1: why. Wins the rename, ends the apply, restores, compares, says the truth.
rollback() {
	end_unarmed && return 0
	point rollback-wanted
	# Written before it is won: afterwards there may be no room.
	echo $$ >"by.$$"
	move applied rolling-back || move applying rolling-back || move armed rolling-back || take_over || {
		rm -f "by.$$"
		say "over $(state)"
		return 0
	}
	point rollback-won
	mv "by.$$" rollback.pid
	rm -f reserve
	# A place kept for it: written over, it needs no room.
	[ -s rollback.pid ] || { mv rollback.spare rollback.pid && echo $$ 1<>rollback.pid; } || echo $$ >rollback.pid
	[ -e cause ] || printf '%s\n' "$1" >cause
	say "rolling-back $1"
	read -r runner <runner.pid 2>/dev/null || runner=
	if [ -n "$runner" ] && [ "$runner" != "$$" ]; then end_group "$runner"; fi
	point rollback-alone
	own_room
	if restore; then
		leave_room
		point rollback-restored
		move rolling-back rolled-back
		say 'rolled-back verified'
	else
		leave_room
		differences >differences
		now
		echo "$up" >incomplete-since
		point rollback-restored
		move rolling-back incomplete
		say 'rolled-back incomplete'
	fi
	end_timers
	announce
}

# Processes that wait see by themselves that it is over.
end_timers() {
	if [ -d /run/systemd/system ]; then
		systemctl stop --no-block "netorch-$TX-deadline.timer" >/dev/null 2>&1
	fi
}

# Seconds before the deadline.
LOOK=8
# What the network looks like while the change is still there, for whoever asks afterwards. Beside the wait, which
# it never holds up, and once, whichever of the two that wait comes first.
look() {
	if [ -e state.applied ] && [ -s diagnose.sh ] && mkdir looked; then
		# What is seen while the host goes back is neither the one network nor the other.
		(sh ./diagnose.sh >evidence.new </dev/null && [ -e state.applied ] && mv evidence.new evidence) &
	fi
} 2>/dev/null

# Waits for the deadline and rolls back, unless it is over before. The deadline may be moved meanwhile.
wait_for_deadline() {
	while :; do
		is_over && return 0
		read -r deadline <deadline || deadline=0
		now
		[ "$up" -ge "$deadline" ] && break
		# In slices: a host that was suspended, or a deadline that was moved, is seen soon.
		left=$((deadline - up))
		# In the end somebody looks why nobody has confirmed.
		if [ "$left" -le "$LOOK" ]; then look; elif [ "$left" -gt $((LOOK + 5)) ]; then left=5; else left=$((left - LOOK)); fi
		[ "$left" -le 5 ] || left=5
		sleep "$left"
	done
	point deadline-passed
	rollback "the deadline passed without a confirmation"
}

# By choice: a host that is still not what it was, or stuck on its way back, and of which no controller has
# asked since, is rebooted in the end. A process of its own, whatever becomes of the other two.
verb_last_resort() {
	read -r patience way_back <last-resort || exit 1
	while :; do
		if [ -e state.confirmed ] || [ -e state.persisted ] || [ -e state.rolled-back ]; then exit 0; fi
		[ -e "$T" ] || exit 0
		now
		read -r since <incomplete-since || { read -r since <deadline && since=$((since + way_back)); } || since=$up
		contact=0
		read -r contact <contact
		[ "$contact" -lt "$since" ] || exit 0
		[ "$up" -lt $((since + patience)) ] || break
		left=$((since + patience - up))
		[ "$left" -le 5 ] || left=5
		sleep "$left"
	done 2>/dev/null
	say 'last resort: reboot'
	point last-resort
	sync
	reboot
	# An orderly shutdown that hangs must not be the end.
	sleep 60
	for key in s u b; do
		echo "$key" >/proc/sysrq-trigger
		sleep 1
	done
}

start_last_resort() {
	[ -s last-resort ] || return 0
	if [ -d /run/systemd/system ]; then
		systemd-run --quiet --collect --no-block --unit="netorch-$TX-last-resort" env NETORCH_DIR="$T" sh "$T/runtime.sh" last-resort
	else
		setsid sh "$T/runtime.sh" last-resort </dev/null >/dev/null 2>&1 &
	fi
}

# A controller has asked: whatever the state is, somebody knows.
contacted() {
	if [ -e last-resort ]; then
		now
		echo "$up" >contact
	fi
}

verb_run() {
	echo $$ >runner.pid
	point run-started
	now
	read -r deadline <deadline || deadline=0
	left=$((deadline - up))
	# Also when the deadline could not be written, or this host was frozen since.
	[ "$left" -gt 0 ] || {
		say 'refused environment it took too long to begin'
		exit 1
	}
	if [ -d /run/systemd/system ]; then
		if grep -q 'session.*scope' /proc/self/cgroup; then
			say 'refused environment the runner could not leave the SSH session'
			exit 1
		fi
		systemd-run --quiet --collect --unit="netorch-$TX-deadline" --on-active="${left}s" --timer-property=AccuracySec=100ms \
			env NETORCH_DIR="$T" sh "$T/runtime.sh" timer >>events 2>&1 || {
			say 'refused environment systemd-run could not arm the timer'
			exit 1
		}
	else
		setsid sh "$T/runtime.sh" timer </dev/null >/dev/null 2>&1 &
		i=0
		until [ -s timer.pid ]; do
			i=$((i + 1))
			[ "$i" -lt 50 ] || {
				say 'refused environment the timer did not start'
				exit 1
			}
			nap
		done
	fi
	start_last_resort || {
		say 'refused environment the last resort could not be armed'
		end_timers
		exit 1
	}
	point timer-set
	# Another transaction may have given this one up for dead.
	move new armed || {
		say 'refused environment it took too long to begin'
		end_timers
		exit 1
	}
	now
	say "armed $up $deadline"
	point armed
	move armed applying || exit 0
	point applying
	if apply 2>>stderr; then
		point steps-done
		move applying applied && say applied
		announce &
		announcing=$!
	else
		{
			echo "segment $S"
			cat stderr
		} >failure
		say "failed $S"
		rollback "a step failed"
		announcing=
	fi
	wait_for_deadline
	# Nothing to wait for is an error to "wait".
	[ -z "$announcing" ] || wait "$announcing"
	conclude
}

verb_timer() {
	echo $$ >timer.pid
	wait_for_deadline
	conclude
}

# The record of what netorch made on this host: written when a change is confirmed, so that a rollback has
# nothing to undo in it. Should it not be written, then what was made counts as somebody else's.
record_owned() {
	[ -s owned.add ] || [ -s owned.drop ] || return 0
	{
		if [ -s ../owned ]; then
			cat owned.drop owned.add | grep -vxFf - ../owned
		fi
		cat owned.add
	} >"../owned.$$" 2>/dev/null && mv "../owned.$$" ../owned
}

# What follows a confirmation. Run again it changes nothing.
follow_confirmation() {
	rm -f reserve
	record_owned
	# Clients that the change has replaced were only frozen.
	[ -r restore.sh ] && . ./restore.sh && dhcp_end_former 2>/dev/null
	keep_record
	[ ! -e nm.changed ] || nm_is_temporary nm.changed
	: >concluded
}

# Who asked for the confirmation may be cut off with its session, after the rename and at any line: then whoever
# waited for the deadline does the rest.
conclude() {
	[ -e state.confirmed ] || return 0
	i=0
	until [ -e concluded ] || [ "$i" -ge 50 ]; do
		nap
		i=$((i + 1))
	done
	[ -e concluded ] || follow_confirmation
	! wants_persist || verb_persist
}

# Legal only from "applied" and before the deadline; asking twice is answered twice.
verb_confirm() {
	[ -e state.confirmed ] && {
		[ -e concluded ] || follow_confirmation
		echo confirmed
		start_persist
		return 0
	}
	read -r deadline <deadline
	now
	if [ "$up" -ge "$deadline" ]; then
		echo "too-late $(state)"
		return 0
	fi
	point confirm-allowed
	[ ! -e nm.sh ] || nm_release
	if move applied confirmed; then
		point confirmed
		follow_confirmation
		echo confirmed
		end_timers
		start_persist
	else
		echo "not-applied $(state)"
	fi
}

# Moves the deadline, never beyond the maximum announced at begin.
verb_extend() {
	read -r max <deadline.max
	read -r deadline <deadline
	now
	if is_over || [ -e state.rolling-back ] || [ "$up" -ge "$deadline" ]; then
		echo "too-late $(state)"
		return 0
	fi
	until=$((up + $1))
	[ "$until" -le "$max" ] || until=$max
	{ echo "$until" >deadline.new && mv deadline.new deadline; } || {
		echo 'not-extended the new deadline could not be written'
		return 0
	}
	[ ! -e nm.sh ] || nm_extend $((until - up))
	# The timer may have fired in the same moment.
	if is_over || [ -e state.rolling-back ]; then
		echo "too-late $(state)"
	else
		echo "extended $until $up"
	fi
}

# Starts the rollback outside the session that asks for it (it may cut that session off) and waits for its end.
verb_request_rollback() {
	end_unarmed && {
		echo 'rolled-back verified'
		return 0
	}
	if is_over; then
		echo "over $(state)"
		return 0
	fi
	if [ -d /run/systemd/system ]; then
		systemd-run --quiet --collect --no-block --unit="netorch-$TX-rollback" env NETORCH_DIR="$T" sh "$T/runtime.sh" rollback "$1"
	else
		setsid sh "$T/runtime.sh" rollback "$1" </dev/null >/dev/null 2>&1 &
	fi
	# Not by the pipe: "begin" may still listen there, and take the words.
	i=0
	until is_over || [ "$i" -ge 1200 ]; do
		nap
		i=$((i + 1))
	done
	[ -s cause ] && sed 's/^/rolling-back /' cause
	if [ -e state.rolled-back ]; then
		echo 'rolled-back verified'
	elif [ -e state.incomplete ]; then
		echo 'rolled-back incomplete'
	else
		echo "over $(state)"
	fi
}

verb_status() {
	now
	echo "state $(state)"
	echo "uptime $up"
	read -r deadline <deadline && echo "deadline $deadline"
	[ -s cause ] && sed 's/^/cause /' cause
	[ -s failure ] && sed 's/^/failure /' failure
	[ -s differences ] && sed 's/^/difference /' differences
	[ -s evidence ] && sed 's/^/evidence /' evidence
	persist_status
	return 0
}

[ ! -e nm.sh ] || . ./nm.sh

case ${1-} in
confirm | extend | request-rollback | status) contacted ;;
esac
case ${1-} in
run) verb_run ;;
timer) verb_timer ;;
last-resort) verb_last_resort ;;
rollback) rollback "${2:-asked for}" ;;
confirm) verb_confirm ;;
extend) verb_extend "${2:?}" ;;
request-rollback) verb_request_rollback "${2:-asked for}" ;;
status) verb_status ;;
persist) verb_persist ;;
ensure)
	restore || {
		differences >differences
		exit 1
	}
	;;
esac
