# udhcpc.sh: what busybox's DHCP client calls with an event and the lease in its environment. The settings
# (METRIC, TABLE, NO_GATEWAY, NO_ROUTES, NO_DNS) stand before it. Addresses get the lifetime of the lease and
# routes the protocol "dhcp", so that everybody sees whose they are.

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin
dev=${interface:?} ip=${ip-} router=${router-}
memory=/run/netorch/dhcp/$dev.lease

routes() {
	ip -4 route flush dev "$dev" proto dhcp
	[ -z "$TABLE" ] || ip -4 route flush dev "$dev" proto dhcp table "$TABLE"
	where="dev $dev ${TABLE:+table $TABLE} ${METRIC:+metric $METRIC} proto dhcp"
	[ -n "$NO_GATEWAY" ] || [ -n "$staticroutes" ] || for r in $router; do
		# The first one; never in the place of somebody else's default route.
		# shellcheck disable=SC2086
		ip -4 route add default via "$r" $where && break
	done
	# RFC 3442: DESTINATION GATEWAY …; with them the routers above do not count.
	# shellcheck disable=SC2086
	set -- $staticroutes
	while [ $# -gt 1 ]; do
		skip=
		case $1 in 0.0.0.0/0) skip=$NO_GATEWAY ;; *) skip=$NO_ROUTES ;; esac
		via="via $2"
		[ "$2" = 0.0.0.0 ] && via=
		# shellcheck disable=SC2086
		[ -n "$skip" ] || ip -4 route add "$1" $via $where
		shift 2
	done
}

names() {
	[ -z "$NO_DNS" ] && [ -n "$dns" ] || return 0
	if command -v resolvconf >/dev/null; then
		{
			[ -z "$search$domain" ] || echo "search ${search:-$domain}"
			for s in $dns; do echo "nameserver $s"; done
		} | resolvconf -a "$dev.udhcpc"
	elif [ -S /run/systemd/resolve/io.systemd.Resolve ] && command -v resolvectl >/dev/null; then
		# shellcheck disable=SC2086
		resolvectl dns "$dev" $dns
		# shellcheck disable=SC2086
		[ -z "$search$domain" ] || resolvectl domain "$dev" ${search:-$domain}
	elif ! grep -q 'Written by netorch' /etc/resolv.conf; then
		{
			[ -z "$search$domain" ] || echo "search ${search:-$domain}"
			for s in $dns; do echo "nameserver $s"; done
		} >/run/netorch/dhcp/resolv.conf && cat /run/netorch/dhcp/resolv.conf >/etc/resolv.conf
	fi
}

case $1 in
deconfig)
	ip -4 addr flush dev "$dev" dynamic
	rm -f "$memory"
	;;
bound | renew)
	ip -4 addr replace "$ip/${mask:-32}" ${broadcast:+brd "$broadcast"} dev "$dev" \
		valid_lft "${lease:-3600}" preferred_lft "${lease:-3600}"
	now="$ip/$mask $router $staticroutes $dns $domain $search"
	[ "$(cat "$memory")" = "$now" ] && exit 0
	ip -4 -o addr show dev "$dev" dynamic | while read -r _ _ _ a _; do
		[ "$a" = "$ip/$mask" ] || ip -4 addr del "$a" dev "$dev"
	done
	routes
	names
	echo "$now" >"$memory"
	;;
esac 2>/dev/null
exit 0
