#!/bin/sh
# prepare-host.sh ADDRESS GATEWAY, on a host of the acceptance tests: a boot gives eth1 this address, by a script that
# nobody's network configuration knows of, as in the lab.
set -eu
cat >/usr/local/sbin/lab-network <<SCRIPT
#!/bin/sh
# The data network as every boot finds it: one address on eth1 and the default route through it.
ip -batch - <<BATCH
link set eth1 up
addr add $1/24 dev eth1
route add default via $2
BATCH
SCRIPT
chmod 755 /usr/local/sbin/lab-network
cat >/etc/systemd/system/lab-network.service <<'UNIT'
[Unit]
Description=The address of eth1, on a host where nothing else looks after the network
DefaultDependencies=no
Wants=network.target sys-subsystem-net-devices-eth1.device
After=sys-subsystem-net-devices-eth1.device
Before=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/lab-network

[Install]
WantedBy=multi-user.target
UNIT
systemctl --quiet daemon-reload
systemctl --quiet enable --now lab-network.service
sync
