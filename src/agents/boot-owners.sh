# boot-owners.sh: what else on this host configures interfaces at boot, as raw text: one line "KIND FILE:TEXT"
# for each place where an interface may be named. Needs nothing before it.

boot_owners() {
	echo @boot-owners
	if command -v ifup >/dev/null || [ -e /etc/init.d/networking ]; then
		set -- /etc/network/interfaces /etc/network/interfaces.d/*
		# Files that "source" names, whatever their place.
		for f in $(sed -n -E 's/^[[:space:]]*source(-directory)?[[:space:]]+([^[:space:]]+).*/\2/p' /etc/network/interfaces); do
			case $f in /etc/network/interfaces.d*) continue ;; esac
			if [ -d "$f" ]; then set -- "$@" "$f"/*; else set -- "$@" "$f"; fi
		done
		grep -HsE '^[[:space:]]*(iface|auto|allow-[a-z]+)[[:space:]]' "$@" | sed 's/^/ifupdown /'
	fi
	if [ -h /etc/systemd/system/multi-user.target.wants/systemd-networkd.service ] || [ -h /etc/systemd/system/dbus-org.freedesktop.network1.service ]; then
		grep -HsE '^[[:space:]]*(Name|Kind)[[:space:]]*=' /etc/systemd/network/*.network /etc/systemd/network/*.netdev /run/systemd/network/*.network /run/systemd/network/*.netdev | sed 's/^/networkd /'
	fi
	if [ -h /etc/systemd/system/multi-user.target.wants/NetworkManager.service ] || [ -d /run/NetworkManager ]; then
		grep -Hs '^interface-name=' /etc/NetworkManager/system-connections/* | sed 's/^/networkmanager /'
	fi
	if command -v netplan >/dev/null || [ -d /etc/netplan ]; then
		grep -HsE '^[[:space:]]+["'\'']?[A-Za-z0-9_.@-]+["'\'']?:[[:space:]]*(#.*)?$' /etc/netplan/*.yaml /etc/netplan/*.yml | sed 's/^/netplan /'
	fi
	if [ -d /etc/sysconfig/network-scripts ]; then
		grep -HsE '^[[:space:]]*(DEVICE|NAME)=' /etc/sysconfig/network-scripts/ifcfg-* | sed 's/^/ifcfg /'
	fi
	for f in /etc/sysconfig/network/ifcfg-*; do [ -e "$f" ] && echo "wicked $f:${f##*/ifcfg-}"; done
	[ -h /etc/systemd/system/multi-user.target.wants/dhcpcd.service ] && echo 'dhcpcd /etc/dhcpcd.conf:*'
	if [ -d /etc/cloud ] && [ ! -e /etc/cloud/cloud-init.disabled ]; then
		grep -qsE 'network:[[:space:]]*\{?[[:space:]]*(config:[[:space:]]*disabled)' /etc/cloud/cloud.cfg.d/*.cfg || echo 'cloud-init /etc/cloud/cloud.cfg:*'
	fi
	echo @end-boot-owners
} 2>/dev/null
