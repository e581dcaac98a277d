# put-back.sh: makes NetworkManager's profiles on disk what is kept in the folder of this script (nm-persist.sh fills it,
# and tells there what is what). Right when run twice. The boot runs it, before NetworkManager, where power went in the
# middle of an act; nm-persist.sh runs it to make profiles temporary again.

cd "${0%/*}" || exit 1
[ -s pending ] || exit 0
D=/etc/NetworkManager/system-connections

while read -r uuid _ path; do
	for f in "$D"/*; do
		[ -f "$f" ] && [ "$f" != "$path" ] || continue
		# An empty one is new, and its writing was cut off; whose it was it does not say.
		grep -qsx "uuid=$uuid" "$f" || { [ ! -s "$f" ] && ! grep -qxF "$f" names; } || continue
		rm -f "$f" || exit 1
	done
	[ "$path" != - ] || continue
	cmp -s "$uuid" "$path" && continue
	t=${path%/*}/.${path##*/}.netorch
	cp -p "$uuid" "$t" && sync "$t" && mv -f "$t" "$path" && sync "${path%/*}" || exit 1
done <pending
[ ! -d "$D" ] || sync "$D" || exit 1

# That is the end of the act. What it would have made persistent is not.
[ "$1" != boot ] || rm -f ../nm/by
rm -f pending
sync .
