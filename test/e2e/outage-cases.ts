/** Outages as they happen, each made by breaking the real thing: docs/outages.md has the table. */
import type { Bench } from './bench.js';

const eth = (name: string, more: object = {}) => ({ name, type: 'ethernet', state: 'up', ...more });
const addressed = (ip: string) => ({
  ipv4: { enabled: true, address: [{ ip, 'prefix-length': 24 }] },
});
const vlan = (base: string, id: number, more: object) => ({
  name: `${base}.${id}`,
  type: 'vlan',
  state: 'up',
  vlan: { 'base-iface': base, id },
  ...more,
});
const bond = {
  name: 'bond0',
  type: 'bond',
  state: 'up',
  'link-aggregation': {
    mode: '802.3ad',
    port: ['eth3', 'eth4'],
    options: { miimon: 100, lacp_rate: 'fast' },
  },
};
/** In place of the one by eth1. */
const defaultRouteBy = (device: string, gateway = '10.10.0.1') => ({
  config: [
    { destination: '0.0.0.0/0', 'next-hop-interface': 'eth1', state: 'absent' },
    { destination: '0.0.0.0/0', 'next-hop-address': gateway, 'next-hop-interface': device },
  ],
});
/** What eth1 has moves to a bridge on it. */
const bridged = (stp: object, port: object = {}) => ({
  interfaces: [
    eth('eth1', { ipv4: { enabled: false } }),
    {
      name: 'br0',
      type: 'linux-bridge',
      state: 'up',
      ...addressed('10.10.0.11'),
      bridge: { options: { stp }, port: [{ name: 'eth1', ...port }] },
    },
  ],
  routes: defaultRouteBy('br0'),
});
const STORAGE_IP = '10.100.0.11';
const STORAGE_PROBE = [{ ping: '10.100.0.1' }];

export type Outage = Readonly<{
  /** Makes the fault; what it does on the switch or to others, `mend` takes away. */
  breaks?: (bench: Bench) => Promise<unknown>;
  mends?: (bench: Bench) => Promise<unknown>;
  network: object;
  probes?: readonly object[];
  deadline?: number;
  outcome: 'rolled-back' | 'failed' | 'confirmed';
  /** The sentence that the user is shown. */
  says?: RegExp;
}>;

const onSwitch = (script: string) => (bench: Bench) => bench.on('switch', script);

/** The controller goes on sending to the MAC address that eth1 of h1 has at boot. */
const keepMac = (bench: Bench) =>
  bench.lab.exec(
    'ip neigh replace 10.10.0.11 lladdr 02:4c:00:00:01:01 nud permanent dev ctl10'.split(' '),
  );
const loseMac = (bench: Bench) => bench.lab.exec('ip neigh del 10.10.0.11 dev ctl10'.split(' '));

export const OUTAGES: Readonly<Record<string, Outage>> = {
  'the switch port does not carry the VLAN': {
    breaks: (bench) => bench.lab.break({ kind: 'vlan', host: 'h1' }),
    network: { interfaces: [eth('eth2'), vlan('eth2', 100, addressed(STORAGE_IP))] },
    probes: STORAGE_PROBE,
    outcome: 'rolled-back',
    says: /^nobody answers ARP in VLAN 100 of eth2 \(asked for 10\.100\.0\.1\): the switch port does not carry this VLAN/,
  },
  'the switch port does not carry the VLAN, which a probe needs': {
    breaks: (bench) => bench.lab.break({ kind: 'vlan', host: 'h1' }),
    network: { interfaces: [vlan('eth1', 100, addressed(STORAGE_IP))] },
    probes: [{ ping: '10.100.0.1', required: true }],
    outcome: 'failed',
    says: /nobody answers ARP in VLAN 100 on eth1 \(asked for 10\.100\.0\.1\): the switch port of eth1 does not carry this VLAN, .*nothing was touched/,
  },
  'another host has the address in the VLAN': {
    breaks: (bench) =>
      bench.on(
        'h2',
        `ip link add link eth1 name eth1.100 type vlan id 100 && ip addr add ${STORAGE_IP}/24 dev eth1.100 && ip link set eth1.100 up`,
      ),
    mends: (bench) => bench.on('h2', 'ip link del eth1.100'),
    network: { interfaces: [vlan('eth1', 100, addressed(STORAGE_IP))] },
    probes: STORAGE_PROBE,
    outcome: 'failed',
    says: /another host has the address 10\.100\.0\.11 already: 02:4c:00:00:02:01 answers for it on eth1 in VLAN 100/,
  },
  'the switch port does not carry the VLAN, and the host has no arping': {
    breaks: async (bench) => {
      await bench.lab.break({ kind: 'vlan', host: 'h1' });
      // What cannot be executed is not found.
      await bench.on('h1', 'mount --bind /dev/null "$(command -v arping)"; ! command -v arping');
    },
    mends: (bench) => bench.on('h1', 'umount /usr/bin/arping || umount /usr/sbin/arping'),
    network: { interfaces: [eth('eth2'), vlan('eth2', 100, addressed(STORAGE_IP))] },
    probes: STORAGE_PROBE,
    outcome: 'rolled-back',
    says: /^nobody answers ARP in VLAN 100 of eth2 \(asked for 10\.100\.0\.1\): the switch port does not carry this VLAN/,
  },
  'management moves to a VLAN that leads nowhere': {
    network: {
      interfaces: [
        eth('eth1', { ipv4: { enabled: false } }),
        vlan('eth1', 666, addressed('10.10.0.11')),
      ],
      routes: defaultRouteBy('eth1.666'),
    },
    outcome: 'rolled-back',
    says: /^nobody answers ARP in VLAN 666 of eth1 \(asked for 10\.10\.0\.1\)/,
  },
  'the switch ports are in no LAG': {
    breaks: async (bench) => {
      await bench.lab.break({ kind: 'lag', host: 'h1' });
      await bench.lab.break({ kind: 'link', host: 'h1', nic: 'eth3' });
    },
    network: {
      interfaces: [eth('eth3'), eth('eth4'), bond, vlan('bond0', 100, addressed(STORAGE_IP))],
    },
    probes: STORAGE_PROBE,
    outcome: 'rolled-back',
    says: /^bond0: carrier up, LACP partner 00:00:00:00:00:00: the switch port is in no LAG \(eth4\)/,
  },
  'the path takes 1500 bytes only': {
    breaks: onSwitch('ip link set dev ctl100 mtu 1500'),
    mends: onSwitch('ip link set dev ctl100 mtu 9216'),
    network: {
      interfaces: [
        eth('eth2', { mtu: 9000 }),
        vlan('eth2', 100, { mtu: 9000, ...addressed(STORAGE_IP) }),
      ],
    },
    probes: [{ ping: '10.100.0.1', size: 9000 }],
    outcome: 'rolled-back',
    says: /^packets of 9000 bytes do not get to 10\.100\.0\.1, those of 1500 do: something on the way has a smaller MTU than eth2\.100/,
  },
  'another host has the address': {
    breaks: (bench) => bench.on('h2', 'ip addr add 10.10.0.99/24 dev eth1'),
    mends: (bench) => bench.on('h2', 'ip addr del 10.10.0.99/24 dev eth1'),
    network: {
      interfaces: [
        eth('eth1', {
          ipv4: {
            enabled: true,
            address: [
              { ip: '10.10.0.11', 'prefix-length': 24 },
              { ip: '10.10.0.99', 'prefix-length': 24 },
            ],
          },
        }),
      ],
    },
    outcome: 'failed',
    says: /another host has the address 10\.10\.0\.99 already: 02:4c:00:00:02:01 answers for it on eth1/,
  },
  'the controller keeps the former MAC address': {
    breaks: keepMac,
    mends: loseMac,
    network: { interfaces: [eth('eth1', { 'mac-address': '02:4c:00:00:01:77' })] },
    outcome: 'rolled-back',
    says: /^10\.10\.0\.1 answers ARP, and its packets do not come back: it has kept the former MAC address of 10\.10\.0\.11/,
  },
  'answers would leave by another NIC, and rp_filter is strict': {
    breaks: async (bench) => {
      await bench.on('h1', 'echo 1 >/proc/sys/net/ipv4/conf/eth1/rp_filter');
      // Else the controller learns of eth2, and comes by eth2 too: both are on its segment here.
      await keepMac(bench);
    },
    mends: async (bench) => {
      await loseMac(bench);
      await bench.on('h1', 'echo 0 >/proc/sys/net/ipv4/conf/eth1/rp_filter');
    },
    network: {
      interfaces: [eth('eth2', addressed('10.99.0.11'))],
      routes: {
        config: [{ destination: '10.10.0.1/32', 'next-hop-interface': 'eth2' }],
      },
    },
    outcome: 'rolled-back',
    says: /^eth1 drops what comes from the controller: rp_filter is strict there, and its answers would leave by eth2/,
  },
  'the port has another native VLAN than its bridge': {
    network: bridged({ enabled: false }, { vlan: { mode: 'access', tag: 20 } }),
    outcome: 'rolled-back',
    says: /^br0 filters VLANs, and none of its ports \(eth1\) carries VLAN 1, in which br0 is/,
  },
  'the new default gateway is not there': {
    network: {
      routes: defaultRouteBy('eth1', '10.10.0.77'),
    },
    outcome: 'rolled-back',
    says: /^10\.10\.0\.77 does not answer ARP on eth1, where others do/,
  },
  'the cable is out': {
    breaks: (bench) => bench.lab.break({ kind: 'link', host: 'h1', nic: 'eth2' }),
    network: { interfaces: [eth('eth2'), vlan('eth2', 100, addressed(STORAGE_IP))] },
    probes: STORAGE_PROBE,
    outcome: 'rolled-back',
    says: /^eth2 has no carrier: the cable is out, or the switch port is off/,
  },
  'spanning tree takes its time': {
    network: bridged({ enabled: true, 'forward-delay': 15 }),
    outcome: 'confirmed',
  },
};
