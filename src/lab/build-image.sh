#!/bin/sh
# build-image.sh OUT SUITE PACKAGES GUEST KERNEL_RELEASE: builds the disk image that all lab machines boot from.
#
# OUT appears complete or not at all. To be called under a lock; does nothing where OUT exists.
# Runs as root, or as a user with subordinate ids (mmdebstrap's and unshare's rootless way).
set -eu
out=$1 suite=$2 packages=$3 guest=$4 release=$5
[ ! -e "$out" ] || exit 0

work=$out.building
enter=''
[ "$(id -u)" = 0 ] || enter='unshare --map-auto --map-root-user --setuid 0 --setgid 0'
# A builder that was killed leaves its folder behind; we have the lock, so none is at work there. The
# files may belong to subordinate ids.
cleanup() { $enter rm -rf "${out%/*}"/*.building; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cleanup
mkdir -p "$work"

echo "downloading and unpacking Debian $suite"
mmdebstrap --quiet --variant=minbase --include="$packages" \
  --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$suite" "$work/root" ${NETORCH_LAB_MIRROR:+"$NETORCH_LAB_MIRROR"}

echo 'adding the kernel modules and the configuration of the lab'
$enter sh -eu -s "$work/root" "$guest" "$release" <<'INSIDE'
root=$1 guest=$2 release=$3

# Only what a network needs: a third of all modules. br_netfilter stays out, so that no firewall
# setting can come between a bridge and its frames.
modules=/usr/lib/uml/modules/$release
target=$root/lib/modules/$release
mkdir -p "$target"
cp "$modules"/modules.builtin* "$modules"/modules.order "$target/"
cd "$modules"
for part in kernel/crypto kernel/lib kernel/drivers/net \
  kernel/net/802 kernel/net/8021q kernel/net/bridge kernel/net/core kernel/net/hsr kernel/net/ipv4 \
  kernel/net/ipv6 kernel/net/key kernel/net/llc kernel/net/mpls kernel/net/netfilter \
  kernel/net/openvswitch kernel/net/packet kernel/net/psample kernel/net/sched kernel/net/tls \
  kernel/net/xfrm; do
  [ ! -e "$part" ] || cp -r --parents "$part" "$target/"
done
rm -f "$target"/kernel/net/bridge/br_netfilter.ko*
depmod -b "$root" "$release"

cp -r --no-preserve=ownership,mode "$guest/." "$root/"
chmod 755 "$root"/usr/local/sbin/*
chmod 440 "$root/etc/sudoers.d/lab"

# "*" is no valid password but, unlike "!", does not lock the account for logins by key.
for user in ops guest opspw; do
  chroot "$root" useradd --create-home --shell /bin/bash --password '*' "$user"
done
echo 'opspw:correct horse' | chroot "$root" chpasswd

: >"$root/etc/machine-id"
: >"$root/etc/fstab"
echo lab >"$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost\n' >"$root/etc/hosts"
rm -rf "$root"/etc/ssh/ssh_host_* "$root/etc/resolv.conf" "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/*
find "$root/dev" -mindepth 1 -delete

# Units that cost seconds of a user-mode kernel's boot and have nothing to do here.
units=$root/etc/systemd/system
for unit in getty@tty1.service serial-getty@.service console-getty.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer systemd-timesyncd.service \
  systemd-networkd-wait-online.service NetworkManager-wait-online.service \
  NetworkManager-dispatcher.service ModemManager.service wpa_supplicant.service \
  systemd-binfmt.service proc-sys-fs-binfmt_misc.automount dev-hugepages.mount \
  dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-pstore.service \
  modprobe@drm.service systemd-logind.service systemd-user-sessions.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service ssh.socket; do
  ln -sf /dev/null "$units/$unit"
done
mkdir -p "$units/sysinit.target.wants" "$units/multi-user.target.wants"
ln -sf ../lab-identity.service "$units/sysinit.target.wants/"
ln -sf ../lab-network.service ../lab-booted.service "$units/multi-user.target.wants/"
ln -sf /lib/systemd/system/multi-user.target "$units/default.target"
INSIDE

echo 'writing the disk image'
# Everything is initialised now: what the guests would do lazily, each of them would do again.
$enter mke2fs -qF -t ext4 -O '^metadata_csum_seed' -E lazy_itable_init=0,lazy_journal_init=0 \
  -J size=16 -N 65536 -L labroot -d "$work/root" "$work/image" 2G >/dev/null
chmod 444 "$work/image"
mv "$work/image" "$out"
