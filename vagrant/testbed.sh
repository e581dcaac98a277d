#!/bin/sh
# testbed.sh FOLDER: a libvirt of its own, for as long as standard input stays open. To be run as root in network,
# mount and process namespaces of its own, as scripts/test-vagrant.js does: whatever libvirt starts, makes and writes
# ends with them, and the libvirt of this machine, if there is one, is not touched.
set -eu
folder=$1
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"

mount -t sysfs sysfs /sys
# No service of this machine is talked to, and none finds the sockets made here.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/libvirt
for place in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
  mkdir -p "$place" "$folder$place"
  chmod 755 "$folder$place"
  mount --bind "$folder$place" "$place"
done
mkdir -p /var/lib/libvirt/images /etc/libvirt
# One user, one purpose, nothing to be shielded from each other; and no systemd that would hand out control groups.
cat >/etc/libvirt/qemu.conf <<'CONF'
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
cgroup_controllers = [ ]
namespaces = [ ]
seccomp_sandbox = 0
CONF

ip link set lo up
virtlogd --daemon
libvirtd --daemon
tries=0
until virsh -q -c qemu:///system version >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || {
    echo 'libvirtd does not answer' >&2
    exit 1
  }
  sleep 0.5
done
echo ready
# Whoever holds the other end of this pipe has gone when it ends, however that came about.
cat >/dev/null
