# begin.sh: receives one transaction, checks that the host is still what it was when it was observed, and
# starts the runner outside the SSH session. Needs readings.sh and modules.sh before it and, set by the controller: TX,
# OWNER, SECONDS_TO_DEADLINE, MAX_SECONDS, READ, MODULES and the function write_files.

R=/run/netorch
why=

# Named places of the way; fault tests put their own function here, in their copy of this file.
point() { :; }

now() { read -r up _ </proc/uptime && up=${up%%.*}; }

release() {
	cd / && remove "${R:?}/$TX"
}

# A way back that died has left its disk in memory mounted.
remove() {
	! grep -qs " $1/room " /proc/mounts || umount -l "$1/room"
	rm -rf "$1"
}

# One transaction at a time, without a lock that could go stale: each one puts itself on record first and
# looks for others then, so that of two that begin together at most one goes on.
find_others() {
	now
	if read -r p <"$R/.boot/pid" && grep -qs boot.sh "/proc/$p/cmdline"; then
		echo 'refused environment the host is just bringing back its persistent network state after its boot: try again'
		return 1
	fi 2>/dev/null
	for s in "$R"/*/state.*; do
		d=${s%/*}
		[ "$d" != "$R/$TX" ] || continue
		since=$up until=$up who=
		read -r since <"$d/begun"
		read -r until <"$d/deadline"
		read -r who <"$d/owner"
		case ${s##*/} in
		state.new)
			# It stopped half-way before it was armed. Should it wake up, it finds that it cannot be armed.
			# Its folder goes with it: what it still wants to write has no place any more.
			[ $((up - since)) -gt 120 ] && mv "$s" "$d/abandoned" && remove "$d" && continue
			;;
		state.armed | state.applying | state.applied | state.rolling-back) ;;
		*) continue ;;
		esac
		echo "refused busy ${d##*/} ${s##*/state.} $((up - since)) $((until - up)) $who"
		return 1
	done 2>/dev/null
	return 0
}

# Records of ended transactions are kept for "status": of those that end in one of these states, the newest few.
prune() {
	kept=0
	# Transaction names begin with their time, so the order of names is the order of age.
	for d in "$R"/*/; do
		d=${d%/}
		is_in "$d" "$@" && kept=$((kept + 1))
	done
	for d in "$R"/*/; do
		d=${d%/}
		[ "$kept" -gt 4 ] || break
		is_in "$d" "$@" || continue
		remove "$d"
		kept=$((kept - 1))
	done
}

is_in() {
	folder=$1
	shift
	for word; do [ -e "$folder/state.$word" ] && return 0; done
	return 1
}

# Whether a timer that is set now fires: a process outside this session sees time go by and says so. Runs
# beside what else there is to do; await_self_test asks how it went.
start_self_test() {
	if [ -d /run/systemd/system ]; then
		systemd-run --quiet --collect --no-block --unit="netorch-$TX-test" --on-active=100ms --timer-property=AccuracySec=100ms \
			sh "$R/$TX/self-test.sh" "$R/$TX" 2>test.error
	elif ! command -v setsid >/dev/null 2>&1; then
		echo 'there is neither systemd nor setsid: nothing could outlive this session' >test.error
		return 1
	else
		(setsid sh "$R/$TX/self-test.sh" "$R/$TX" </dev/null >/dev/null 2>&1 &)
	fi
}

await_self_test() {
	now
	patience=$((up + 10))
	until [ -e fired ]; do
		now
		[ "$up" -lt "$patience" ] || return 1
		sleep 0.1 2>/dev/null || sleep 1
	done
}

begin() {
	{ mkdir -p "$R" && chmod 700 "$R"; } || {
		echo "refused environment $R cannot be written"
		return 0
	}
	now
	{ mkdir "$R/$TX" && cd "$R/$TX" && echo "$OWNER" >owner && echo "$up" >begun &&
		echo $((up + SECONDS_TO_DEADLINE)) >deadline && : >state.new; } || {
		echo "refused environment $R/$TX could not be written (is it full?)"
		release
		return 0
	}
	find_others || {
		release
		return 0
	}
	point begin-recorded
	prune confirmed persisted rolled-back
	prune incomplete
	{ write_files && mkdir room && echo '          ' >rollback.spare; } || {
		echo "refused environment the transaction could not be written to $R/$TX (is it full?)"
		release
		return 0
	}
	start_self_test || {
		echo "refused environment no timer can be set: $(cat test.error)"
		release
		return 0
	}
	point begin-written
	load_modules
	readings | sed -E -f canonical.sed >current
	{ lacking current baseline >missing.lines && surplus_of current >surplus; } || {
		echo 'refused environment the states could not be compared (is there no awk?)'
		release
		return 0
	}
	if [ -s missing.lines ] || [ -s surplus ]; then
		sed 's/^[0-9]*:/was /' missing.lines
		sed 's/^/now /' surplus
		echo 'refused changed'
		release
		return 0
	fi
	[ ! -e nm.sh ] || { . ./nm.sh && nm_prepare; } || {
		echo "refused environment $why"
		release
		return 0
	}
	await_self_test || {
		echo 'refused environment a timer set on this host does not fire (waited 10 s for one of 0.1 s)'
		release
		return 0
	}
	point begin-compared
	now
	# With room for the way back, should /run fill up meanwhile: given free when the rollback begins.
	{ echo "$up" >begun && echo $((up + SECONDS_TO_DEADLINE)) >deadline && echo $((up + MAX_SECONDS)) >deadline.max &&
		cat current current current current runtime.sh >reserve; } || {
		echo "refused environment $R/$TX could not be written (is it full?)"
		release
		return 0
	}
	mkfifo pipe || {
		echo 'refused environment no named pipe could be made'
		release
		return 0
	}
	exec 3<>pipe
	point begin-starting
	if [ -d /run/systemd/system ]; then
		systemd-run --quiet --collect --no-block --unit="netorch-$TX" env NETORCH_DIR="$R/$TX" sh "$R/$TX/runtime.sh" run || {
			echo 'refused environment systemd-run could not start the runner'
			release
			return 0
		}
	else
		# Not this shell's child: it would stay a zombie, and look alive, until this shell ends.
		(NETORCH_DIR=$R/$TX setsid sh "$R/$TX/runtime.sh" run </dev/null >/dev/null 2>&1 3>&- &)
	fi
	while IFS= read -r line <&3; do
		echo "$line"
		case $line in
		refused*)
			release
			break
			;;
		applied | rolled-back*) break ;;
		esac
	done
}
