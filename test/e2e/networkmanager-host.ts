/** The lab's host whose links belong to NetworkManager: what tests put it back to, and what they read of it. */
import type { Bench } from './bench.js';

export const HOST = 'h5';
/** The lab gives the first data NIC of each host its address in this network, untagged. */
const NETWORK = '10.10.0';

/** NetworkManager, newly started, asks for DHCP on each NIC that has no profile. */
export const IDLE = `until nmcli -t -f RUNNING general | grep -qx running; do sleep 0.2; done
for n in eth2 eth3 eth4; do nmcli device set $n autoconnect no; nmcli device disconnect $n; done`;

/** As at boot: what tests have made is gone, in memory and on disk, and nothing asks for DHCP on idle NICs. */
const RESET = `
for u in $(systemctl list-units --plain --no-legend 'netorch-*' | sed 's/ .*//'); do systemctl stop "$u"; done
rm -rf /run/netorch /var/lib/netorch
systemctl is-active -q NetworkManager || systemctl start NetworkManager
until nmcli -t -f RUNNING general | grep -qx running; do sleep 0.2; done
busctl get-property org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager Checkpoints |
  grep -o '/org[^"]*' | while read -r c; do
    busctl call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager CheckpointDestroy o "$c"
  done
rm -f /etc/NetworkManager/system-connections/*
for f in /run/NetworkManager/system-connections/*; do
  grep -qs '^nm-generated=true' "$f" || rm -f "$f"
done
printf '%s\n' "$ETH1" >/etc/NetworkManager/system-connections/eth1.nmconnection
chmod 600 /etc/NetworkManager/system-connections/eth1.nmconnection
nmcli connection reload
for n in dummy1 br0 bond0.10 bond0.99 bond0; do [ ! -e /sys/class/net/$n ] || nmcli device delete $n; done
nmcli --wait 20 connection up uuid "$(nmcli -g UUID,NAME connection | sed -n 's/:eth1$//p')" ifname eth1
${IDLE}
:`;

/** The profile that a person would have written: nothing of it is netorch's. */
const eth1 = (address: string): string =>
  `[connection]\nid=eth1\ntype=ethernet\ninterface-name=eth1\n\n[ipv4]\nmethod=manual\naddress1=${address}/24,${NETWORK}.1\n\n[ipv6]\nmethod=auto`;

/**
 * What NetworkManager holds: its files, and what is active where. Not those that it makes for itself at each start,
 * of idle NICs too.
 */
export const PROFILES = `
for f in /etc/NetworkManager/system-connections/* /run/NetworkManager/system-connections/*; do
  grep -qs '^nm-generated=true' "$f" && continue
  [ -f "$f" ] && { echo "file $f"; sed '/^timestamp=/d' "$f"; }
done
nmcli -t -e no -f UUID,DEVICE,STATE connection show --active | sort`;

export const state = async (bench: Bench): Promise<readonly string[]> => [
  ...(await bench.snapshot(HOST)),
  await bench.on(HOST, PROFILES),
];

/** Started anew, NetworkManager may give its own routes other metrics than before. */
export const withoutMetrics = (lines: readonly string[]): readonly string[] => [
  ...new Set(lines.map((line) => line.replace(/ metric \d+/, ''))),
];

/** The address moves from eth1 to a bridge on a bond of eth1 and eth2; `via`: on a VLAN of the bond. */
export const mainJob = (address: string, via?: string) => ({
  interfaces: [
    {
      name: 'bond0',
      type: 'bond',
      state: 'up',
      'link-aggregation': {
        mode: 'active-backup',
        options: { miimon: 100 },
        port: ['eth1', 'eth2'],
      },
    },
    { name: 'bond0.10', type: 'vlan', state: 'up', vlan: { 'base-iface': 'bond0', id: 10 } },
    ...(via === undefined
      ? []
      : [{ name: via, type: 'vlan', state: 'up', vlan: { 'base-iface': 'bond0', id: 99 } }]),
    {
      name: 'br0',
      type: 'linux-bridge',
      state: 'up',
      ipv4: {
        enabled: true,
        address: [{ ip: address, 'prefix-length': 24 }],
      },
      bridge: { options: { stp: { enabled: false } }, port: [{ name: via ?? 'bond0' }] },
    },
    { name: 'eth1', type: 'ethernet', state: 'up', ipv4: { enabled: false } },
  ],
  routes: {
    config: [
      {
        destination: '0.0.0.0/0',
        'next-hop-address': `${NETWORK}.1`,
        'next-hop-interface': 'br0',
      },
    ],
  },
});

/** Puts the host back to the profile that a person would have written. */
export async function putBack(bench: Bench): Promise<void> {
  const address = bench.lab.host(HOST).address;
  await bench.on(HOST, `ETH1='${eth1(address)}'\n{ ${RESET}\n} >/dev/null 2>&1; :`);
}
