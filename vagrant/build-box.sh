#!/bin/sh
# build-box.sh OUT.box [SUITE]: a Vagrant box for libvirt, made from Debian packages on this machine.
#
# OUT appears whole or not at all. Nothing but packages is downloaded; NETORCH_LAB_MIRROR names another mirror than
# Debian's own. Needs root, a loop device, and: mmdebstrap e2fsprogs fdisk extlinux syslinux-common qemu-utils vagrant.
set -eu
out=$1 suite=${2:-bookworm}
# The cloud kernel is small and has every kind of link that netorch makes, and no drivers but virtio's.
kernel=${NETORCH_BOX_KERNEL:-linux-image-cloud-amd64}
packages=$kernel,systemd-sysv,udev,kmod,dbus,libpam-systemd,openssh-server,sudo,iproute2,ifupdown,isc-dhcp-client
packages=$packages,netbase,procps,iputils-ping,iputils-arping,ethtool,network-manager,cloud-init,initramfs-tools,zstd,netcat-openbsd,busybox
size=3072

# A mount namespace of its own: whatever happens, no mount is left on this machine.
if [ -z "${NETORCH_BOX_INSIDE:-}" ]; then
  NETORCH_BOX_INSIDE=1 exec unshare --mount -- sh "$0" "$@"
fi

key=$(find /usr/share/rubygems-integration /opt/vagrant -path '*/keys/vagrant.pub' 2>/dev/null | head -n 1)
[ -n "$key" ] || {
  echo 'the public key that Vagrant logs in with (keys/vagrant.pub of its gem) was not found: is vagrant installed?' >&2
  exit 1
}
work=$out.building
# A loop device outlives a mount namespace only until its last user is gone.
trap 'umount "$work/mnt" 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
rm -rf "$work"
mkdir -p "$work/mnt"
root=$work/root

echo "unpacking Debian $suite"
mmdebstrap --quiet --variant=minbase --include="$packages" \
  --aptopt='APT::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  "$suite" "$root" ${NETORCH_LAB_MIRROR:+"$NETORCH_LAB_MIRROR"}

echo 'making it a guest of Vagrant'
chroot "$root" useradd --create-home --user-group --shell /bin/bash --password '*' vagrant
install -d -m 700 "$root/home/vagrant/.ssh"
install -m 600 "$key" "$root/home/vagrant/.ssh/authorized_keys"
chroot "$root" chown -R vagrant:vagrant /home/vagrant/.ssh
echo 'vagrant ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/vagrant"
chmod 440 "$root/etc/sudoers.d/vagrant"
echo 'UseDNS no' >"$root/etc/ssh/sshd_config.d/vagrant.conf"
echo netorch >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 netorch\n::1 localhost\n' >"$root/etc/hosts"
echo 'LABEL=netorch / ext4 errors=remount-ro 0 1' >"$root/etc/fstab"

# What makes a host this host and no other is made at its first boot. With one machine-id baked in, systemd would
# give the bridges of all hosts the same MAC address; with one host key, netorch would take one host for another.
: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root"/etc/ssh/ssh_host_*
cat >"$root/etc/systemd/system/ssh-host-key.service" <<'UNIT'
[Unit]
Description=The host key of this machine
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key

[Install]
WantedBy=multi-user.target
UNIT

# The way in is networkd's; the data NICs are nobody's. ifupdown, NetworkManager and cloud-init are there, and have
# nothing to do until somebody gives them something.
printf '[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n\n[DHCPv4]\nClientIdentifier=mac\n' \
  >"$root/etc/systemd/network/10-management.network"
printf 'source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n' >"$root/etc/network/interfaces"
: >"$root/etc/cloud/cloud-init.disabled"
chroot "$root" systemctl --quiet enable systemd-networkd ssh-host-key
chroot "$root" systemctl --quiet disable NetworkManager NetworkManager-dispatcher NetworkManager-wait-online
# Costs seconds of an emulated boot, and no test looks at it.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer systemd-networkd-wait-online.service systemd-pstore.service getty@tty1.service getty-static.service \
  systemd-timesyncd.service systemd-binfmt.service systemd-firstboot.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
# Only what this machine's disk and network need, packed so that unpacking is quick.
printf 'MODULES=list\nBUSYBOX=auto\nCOMPRESS=zstd\nRESUME=none\n' >"$root/etc/initramfs-tools/conf.d/netorch"
printf '%s\n' virtio_pci virtio_blk virtio_net >>"$root/etc/initramfs-tools/modules"
mount -t proc proc "$root/proc"
chroot "$root" update-initramfs -u >/dev/null
umount "$root/proc"
rm -rf "$root"/var/cache/apt/*.bin "$root"/var/lib/apt/lists/*

echo 'writing its disk'
release=$(basename "$(find "$root/lib/modules" -mindepth 1 -maxdepth 1 | sort | tail -n 1)")
mkdir -p "$root/boot/extlinux"
cat >"$root/boot/extlinux/extlinux.conf" <<LOADER
DEFAULT debian
PROMPT 0
TIMEOUT 1
LABEL debian
  LINUX /boot/vmlinuz-$release
  INITRD /boot/initrd.img-$release
  APPEND root=LABEL=netorch rw net.ifnames=0 console=ttyS0 mitigations=off quiet
LOADER
# extlinux writes its blocks by itself and knows no newer features than these.
mke2fs -q -t ext4 -O '^64bit,^metadata_csum' -L netorch -d "$root" "$work/part" "$((size - 1))M"
rm -rf "$root"
truncate -s "${size}M" "$work/disk"
echo 'start=2048, type=83, bootable' | sfdisk --quiet "$work/disk"
dd if="$work/part" of="$work/disk" bs=1M seek=1 conv=sparse,notrunc status=none
rm "$work/part"
dd if=/usr/lib/EXTLINUX/mbr.bin of="$work/disk" bs=440 count=1 conv=notrunc status=none
mount -o loop,offset=1048576 "$work/disk" "$work/mnt"
extlinux --install "$work/mnt/boot/extlinux" >/dev/null 2>&1
umount "$work/mnt"

echo 'packing the box'
qemu-img convert -c -O qcow2 "$work/disk" "$work/box.img"
printf '{"provider":"libvirt","format":"qcow2","virtual_size":%d}\n' "$((size / 1024))" >"$work/metadata.json"
printf 'Vagrant.configure("2") { |config| config.vm.provider(:libvirt) { |libvirt| libvirt.disk_bus = "virtio" } }\n' \
  >"$work/Vagrantfile"
# Its disk is compressed already.
tar -C "$work" -cf "$work/whole" metadata.json Vagrantfile box.img
mv "$work/whole" "$out"
