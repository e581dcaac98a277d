#!/bin/sh
# wrapper.sh: stands before "ip" and "bridge" on the host of a fault test. Each line of a batch that an apply
# runs is a point of its own, "step N", named before it is carried out; and the Nth call may fail.

F=/run/faults
name=${0##*/}
for real in /usr/sbin/$name /sbin/$name /bin/$name; do [ -x "$real" ] && break; done
[ -e $F/armed ] || exec "$real" "$@"
# Only what a transaction changes; whoever only looks is let through.
batch=
previous=
for word; do
	[ "$previous" = -batch ] && batch=$word
	previous=$word
done
[ -n "$batch" ] || exec "$real" "$@"
if [ -e $F/fail ]; then
	read -r from to <$F/fail
	read -r calls <$F/calls
	calls=$((calls + 1))
	echo $calls >$F/calls
	if [ $calls -ge "$from" ] && [ $calls -le "$to" ]; then
		[ "$batch" = - ] && cat >/dev/null
		echo "RTNETLINK answers: Cannot allocate memory" >&2
		echo "Command failed $batch:1" >&2
		exit 1
	fi
fi
at=
[ -e $F/at ] && read -r at <$F/at
case $at in
step-*) ;;
*) exec "$real" "$@" ;;
esac
# Only the way there has steps.
set -- "$@"
for s in /run/netorch/*/state.applying; do
	[ -e "$s" ] || exec "$real" "$@"
done
# A host without udev has no /dev/stdin.
if [ "$batch" = - ]; then cat; else cat "$batch"; fi >$F/lines
read -r done_before <$F/steps
total=$(wc -l <$F/lines)
echo $((done_before + total)) >$F/steps
split=$((${at#step-} - done_before - 1))
if [ $split -lt 0 ] || [ $split -ge "$total" ]; then
	run=$F/lines
else
	head -n $split $F/lines >$F/first
	tail -n +$((split + 1)) $F/lines >$F/second
	run=$F/second
fi
options=
for word; do
	[ "$word" = -batch ] && break
	options="$options $word"
done
if [ $run = $F/second ]; then
	if [ -s $F/first ]; then
		# Words of options.
		# shellcheck disable=SC2086
		"$real" $options -batch $F/first || exit 1
	fi
	sh $F/point.sh "$at" $$
fi
# shellcheck disable=SC2086
exec "$real" $options -batch $run
