# begin.sh: receives one transaction, checks that the host is still what it was when it was observed, and
# starts the runner outside the SSH session. Needs readings.sh before it and, set by the controller: TX,
# OWNER, SECONDS_TO_DEADLINE, MAX_SECONDS, MODULES and the function write_files.

R=/run/netorch

now() { read -r up _ </proc/uptime && up=${up%%.*}; }

release() {
	cd / && rm -rf "${R:?}/$TX"
	[ "$(cat "$R/lock/owner" 2>/dev/null)" = "$TX" ] && rm -rf "$R/lock"
}

# One transaction at a time. A lock whose transaction is over, or was never begun, is taken over.
lock() {
	for try in 1 2; do
		if mkdir "$R/lock" 2>/dev/null; then
			echo "$TX" >"$R/lock/owner"
			return 0
		fi
		other=
		read -r other <"$R/lock/owner" 2>/dev/null
		now
		for s in "$R/$other"/state.*; do
			[ "${s##*/}" = state.new ] && read -r since <"$R/$other/begun" 2>/dev/null && [ $((up - since)) -gt 120 ] && continue
			case ${s##*/} in
			state.new | state.armed | state.applying | state.applied | state.rolling-back)
				read -r who <"$R/$other/owner" 2>/dev/null
				read -r since <"$R/$other/begun" 2>/dev/null
				read -r until <"$R/$other/deadline" 2>/dev/null
				echo "refused busy $other ${s##*/state.} $((up - ${since:-up})) $((${until:-up} - up)) $who"
				return 1
				;;
			esac
		done
		mv "$R/lock" "$R/lock.stale.$$" 2>/dev/null && rm -rf "$R/lock.stale.$$"
	done
	echo "refused busy unknown locking 0 0 another netorch took the lock at the same moment"
	return 1
}

# Records of ended transactions are kept for "status", the newest few only.
prune() {
	kept=0
	# Transaction names begin with their time, so the order of names is the order of age.
	for d in "$R"/*/; do
		d=${d%/}
		[ -e "$d/state.confirmed" ] || [ -e "$d/state.rolled-back" ] || continue
		kept=$((kept + 1))
	done
	for d in "$R"/*/; do
		d=${d%/}
		[ -e "$d/state.confirmed" ] || [ -e "$d/state.rolled-back" ] || continue
		[ "$kept" -gt 4 ] || break
		rm -rf "$d"
		kept=$((kept - 1))
	done
}

begin() {
	{ mkdir -p "$R" && chmod 700 "$R"; } || {
		echo "refused environment $R cannot be written"
		return 0
	}
	# The transaction is on record before the lock is: who finds the lock finds its owner.
	now
	{ mkdir "$R/$TX" && cd "$R/$TX" && echo "$OWNER" >owner && echo "$up" >begun && : >state.new; } || {
		echo "refused environment $R/$TX could not be written (is it full?)"
		release
		return 0
	}
	echo $((up + SECONDS_TO_DEADLINE)) >deadline
	lock || {
		release
		return 0
	}
	prune
	write_files || {
		echo "refused environment the transaction could not be written to $R/$TX (is it full?)"
		release
		return 0
	}
	for m in $MODULES; do
		case $m in
		bonding) modprobe -q bonding max_bonds=0 ;;
		dummy) modprobe -q dummy numdummies=0 ;;
		*) modprobe -q "$m" ;;
		esac
	done 2>/dev/null
	readings | sed -E -f canonical.sed >current
	grep -vxFf current baseline >missing.lines
	if [ -s absent ]; then grep -E -f absent current >surplus; else : >surplus; fi
	if [ -s missing.lines ] || [ -s surplus ]; then
		sed 's/^/was /' missing.lines
		sed 's/^/now /' surplus
		echo 'refused changed'
		release
		return 0
	fi
	now
	echo "$up" >begun
	echo $((up + SECONDS_TO_DEADLINE)) >deadline
	echo $((up + MAX_SECONDS)) >deadline.max
	# Room for the way back, should /run fill up meanwhile: given free when the rollback begins.
	cat current current current current runtime.sh >reserve
	mkfifo pipe || {
		echo 'refused environment no named pipe could be made'
		release
		return 0
	}
	exec 3<>pipe
	if [ -d /run/systemd/system ]; then
		systemd-run --quiet --collect --no-block --unit="netorch-$TX" env NETORCH_DIR="$R/$TX" sh "$R/$TX/runtime.sh" run || {
			echo 'refused environment systemd-run could not start the runner'
			release
			return 0
		}
	else
		NETORCH_DIR=$R/$TX setsid sh "$R/$TX/runtime.sh" run </dev/null >/dev/null 2>&1 3>&- &
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
