# point.sh: what the hook in the tested copy of the agent's scripts calls at every named point: NAME PID. On the
# host of a fault test only. /run/faults is a tmpfs of its own, so that a full /run or a read-only disk does not
# touch it.
#   at       the point to stop at; renamed by the first that comes by
#   action   what to do there
#   hold     stay there until "go"

F=/run/faults
echo "$1" >>$F/trace
read -r at <$F/at 2>/dev/null || exit 0
[ "$at" = "$1" ] || exit 0
mv $F/at $F/hit 2>/dev/null || exit 0
: >$F/reached
# Not in the group of the caller: the action may end that one, and this script with it.
[ ! -s $F/action ] || setsid sh $F/action "$1" "$2" >>$F/log 2>&1
[ -e $F/hold ] || exit 0
until [ -e $F/go ]; do sleep 0.1; done
