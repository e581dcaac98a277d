/** Routes and rules of every kind, loopback and hostname, through a whole transaction on this machine's kernel. */
import { describe, expect, test } from 'vitest';
import { NamespaceHost, whyNot } from './namespace-host.js';
import { afterwards, rollBack, transact } from './transact.js';

const NETWORK = `
for i in 1 2 3; do
  ip link add eth$i type veth peer name sw$i
  ip link set sw$i up
  ip link set eth$i up
  ip addr add 192.0.$i.5/24 brd + dev eth$i
  ip addr add 2001:db8:$i::5/64 dev eth$i nodad
done
`;
const TWO_WAYS = `
ip route add 10.0.0.0/8 metric 5 proto static nexthop via 192.0.1.1 dev eth1 weight 1 nexthop via 192.0.2.1 dev eth2 weight 3
ip -6 route add 2001:db8:a::/48 proto static nexthop via 2001:db8:1::1 dev eth1 nexthop via 2001:db8:2::1 dev eth2 weight 2
ip route add 10.1.0.0/16 via 192.0.1.1 mtu lock 1400
ip rule add fwmark 0x1/0xff lookup 100 pref 50
`;
const config = (...routes: readonly string[]) =>
  `routes: {config: [${routes.map((route) => `{${route}}`).join(', ')}]}\n`;
const to = (device: number, rest: string) =>
  `next-hop-interface: eth${device}, next-hop-address: 192.0.${device}.1, ${rest}`;

const CASES: readonly (readonly [string, string, string])[] = [
  [
    'two next hops are made of none',
    '',
    config(
      to(1, 'destination: 10.0.0.0/8, weight: 1'),
      to(2, 'destination: 10.0.0.0/8, weight: 256'),
    ),
  ],
  [
    'a third next hop joins, one gets another weight',
    TWO_WAYS,
    config(
      to(3, 'destination: 10.0.0.0/8, metric: 5, weight: 1'),
      to(2, 'destination: 10.0.0.0/8, metric: 5, weight: 9'),
    ),
  ],
  [
    'one of two next hops goes',
    TWO_WAYS,
    config(
      'state: absent, next-hop-address: 192.0.2.1',
      'state: absent, next-hop-interface: eth1, destination: "2001:db8:a::/48"',
    ),
  ],
  [
    'a plain route takes the place of several next hops',
    TWO_WAYS,
    config(
      to(3, 'destination: 10.0.0.0/8, metric: 5'),
      'destination: "2001:db8:a::/48", next-hop-interface: eth3, next-hop-address: "2001:db8:3::1"',
    ),
  ],
  [
    'the device of one next hop goes down and both come back',
    TWO_WAYS,
    'interfaces: [{name: eth2, state: down}]',
  ],
  [
    'a device below next hops is given another MTU, MAC and state',
    TWO_WAYS,
    'interfaces: [{name: eth2, mtu: 1300, mac-address: "52:54:00:00:00:99"}]',
  ],
  [
    'blackholes of each kind and routes with qualities',
    TWO_WAYS,
    config(
      'destination: 10.7.0.0/16, route-type: blackhole, metric: 7',
      'destination: 10.8.0.0/16, route-type: prohibit, table-id: 100',
      'destination: "2001:db8:dead::/48", route-type: unreachable',
      to(
        1,
        'destination: 10.9.0.0/16, mtu: 1300, lock-mtu: true, cwnd: 20, initial-cwnd: 12, source: 192.0.1.5',
      ),
      to(1, 'destination: 10.1.0.0/16, mtu: 1350'),
    ),
  ],
  [
    'gateways on the link that are in no subnet of it',
    `${TWO_WAYS}ip route add 10.2.0.0/16 via 203.0.113.1 dev eth1 onlink`,
    config(
      'destination: 0.0.0.0/0, next-hop-interface: eth3, next-hop-address: 198.51.100.1, on-link: true',
      'destination: "::/0", next-hop-interface: eth3, next-hop-address: "2001:db8:f::1", on-link: true',
      'destination: 10.2.0.0/16, next-hop-interface: eth2, next-hop-address: 203.0.113.9, on-link: true',
      to(1, 'destination: 10.3.0.0/16, weight: 1'),
      'destination: 10.3.0.0/16, next-hop-interface: eth2, next-hop-address: 203.0.113.1, weight: 2, on-link: true',
    ),
  ],
  [
    'the bridge that VDSM keeps on a host is passed over',
    "ip link add name ';vdsmdummy;' type bridge",
    'interfaces: [{name: br1, type: linux-bridge, bridge: {port: [{name: eth2}]}}]',
  ],
  [
    'source routing with suppressed default routes, marks and actions',
    TWO_WAYS,
    `${config(to(2, 'destination: 0.0.0.0/0, table-id: 200'))}route-rules:
  config:
    - {family: ipv4, priority: 100, route-table: 254, suppress-prefix-length: 0}
    - {ip-from: 192.0.2.0/24, priority: 101, route-table: 200}
    - {ip-from: 192.0.3.0/24, fwmark: 16, fwmask: 240, iif: eth1, priority: 102, route-table: 200}
    - {family: ipv6, ip-to: "2001:db8:b::/48", priority: 103, action: unreachable}
    - {state: absent, fwmark: 1}
`,
  ],
  [
    'addresses on loopback, a hostname',
    'ip addr add 10.5.5.5/32 dev lo; echo before.example >/proc/sys/kernel/hostname',
    `hostname: {config: after.example}
interfaces:
  - name: lo
    type: loopback
    ipv4: {enabled: true, address: [{ip: 10.5.5.6, prefix-length: 32}, {ip: 10.6.0.1, prefix-length: 24}]}
    ipv6: {enabled: true, address: [{ip: "2001:db8:ff::1", prefix-length: 128}]}
`,
  ],
  [
    'router advertisements are taken no more, and what they gave goes',
    'ip addr add 2001:db8:9::5/64 dev eth1 nodad valid_lft 600 preferred_lft 600; ip -6 route add default via fe80::1 dev eth1 proto ra metric 1024',
    'interfaces: [{name: eth1, ipv6: {enabled: true, autoconf: false}}]',
  ],
  [
    'loopback is emptied but for its own addresses',
    'ip addr add 10.5.5.5/32 dev lo; ip addr add 2001:db8:ff::1/128 dev lo',
    'interfaces: [{name: lo, type: loopback, state: absent}]',
  ],
];

describe('on a real kernel', () => {
  const reason = whyNot('dash');
  for (const [name, setup, desired] of CASES) {
    (reason === undefined ? test.concurrent : test.concurrent.skip)(
      reason === undefined ? name : `${name} (skipped: ${reason})`,
      { timeout: 120_000 },
      async () => {
        const host = await NamespaceHost.start('dash');
        try {
          await host.sh(NETWORK + setup);
          const begun = await transact(host, desired);
          expect(begun.said.at(-1)).toBe('applied');
          expect(begun.plan.changes.length).toBeGreaterThan(0);
          expect(await afterwards(host, begun, desired)).toEqual({ differences: [], again: [] });
          await rollBack(host, begun);
        } finally {
          await host.stop();
        }
      },
    );
  }
});
