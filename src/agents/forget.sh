# forget.sh: records of transactions that have ended. With no words: prints each; with words: removes those.

forget() {
	for d in /run/netorch/*/; do
		d=${d%/}
		[ -d "$d" ] || continue
		state=
		for s in "$d"/state.*; do [ -e "$s" ] && state=${s##*/state.}; done
		case $state in
		new | armed | applying | applied | rolling-back) continue ;;
		esac
		if [ $# -gt 0 ]; then
			# A folder without a state may be one that is being made: who makes it sees that it is gone, and refuses.
			for id; do
				[ "${d##*/}" = "$id" ] || continue
				# A way back that died has left its disk in memory mounted.
				! grep -qs " $d/room " /proc/mounts || umount -l "$d/room"
				rm -rf "$d" && echo "removed $id"
			done
			continue
		fi
		begun=0 owner=unknown
		read -r begun <"$d/begun"
		read -r owner <"$d/owner"
		echo "record ${d##*/} ${state:-abandoned} $begun $owner"
		[ -s "$d/cause" ] && sed 's/^/cause /' "$d/cause"
		[ -s "$d/differences" ] && sed 's/^/difference /' "$d/differences"
	done 2>/dev/null
	echo @end
}
