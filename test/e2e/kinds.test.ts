/** Each kind of link on a real kernel: made, changed, undone exactly, and shown so that nothing is left to do. */
import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const address = (ip: string, prefix: number) => ({
  enabled: true,
  address: [{ ip, 'prefix-length': prefix }],
});
const nic = (name: string, extra: object = {}) => ({
  name,
  type: 'ethernet',
  state: 'up',
  ...extra,
});

type Case = Readonly<{
  what: string;
  before: readonly object[];
  after: readonly object[];
  look: string;
  sees: string;
}>;

const CASES: readonly Case[] = [
  {
    what: 'a VRF gets another table and another port, with addresses and routes',
    before: [
      nic('eth3', { ipv4: address('192.0.2.3', 24), ipv6: address('2001:db8:3::3', 64) }),
      nic('eth4', { ipv4: address('198.51.100.4', 24), ipv6: address('2001:db8:4::4', 64) }),
      { name: 'blue', type: 'vrf', state: 'up', vrf: { 'route-table-id': 100, port: ['eth3'] } },
    ],
    after: [{ name: 'blue', vrf: { 'route-table-id': 200, port: ['eth4'] } }],
    look: `ip -o -6 addr show scope global | sed -E 's/^[0-9]+: (eth[34]).* inet6 ([^ ]+) .*/\\1 \\2/;t;d'
      basename $(readlink /sys/class/net/eth4/master); ls -d /sys/class/net/eth3/master 2>/dev/null
      ip -d link show blue | sed -n 's/.*vrf table \\([0-9]*\\) .*/\\1/p'`,
    sees: 'eth3 2001:db8:3::3/64\neth4 2001:db8:4::4/64\nblue\n200\n',
  },
  {
    what: 'a mac-vlan changes its mode, another one becomes passthru',
    before: [
      nic('eth3'),
      nic('eth4'),
      {
        name: 'mv3',
        type: 'mac-vlan',
        state: 'up',
        'mac-address': '02:00:00:00:03:03',
        'mac-vlan': { 'base-iface': 'eth3', mode: 'vepa' },
      },
      {
        name: 'mv4',
        type: 'mac-vlan',
        state: 'up',
        'mac-vlan': { 'base-iface': 'eth4', mode: 'bridge' },
        ipv4: address('192.0.2.4', 24),
      },
    ],
    after: [
      { name: 'mv3', 'mac-vlan': { mode: 'private' } },
      { name: 'mv4', 'mac-vlan': { mode: 'passthru', promiscuous: false } },
    ],
    look: `ip -d link show mv3 | sed -n 's/.*macvlan mode \\([a-z]*\\) .*/\\1/p'
      ip -d link show mv4 | sed -n 's/.*macvlan mode \\([a-z]* [a-z]*\\) .*/\\1/p'
      cmp /sys/class/net/eth4/address /sys/class/net/mv4/address && echo same; ip -br -4 addr show mv4 | sed -E 's/ +/ /g;s/ $//'`,
    sees: 'private\npassthru nopromisc\nsame\nmv4@eth4 UP 192.0.2.4/24\n',
  },
  {
    what: 'a VLAN changes in place, and one with names is made anew',
    before: [
      nic('eth3', { 'alt-names': [{ name: 'left' }, { name: 'another-name-of-it' }] }),
      {
        name: 'v7',
        type: 'vlan',
        state: 'up',
        vlan: {
          'base-iface': 'eth3',
          id: 7,
          'registration-protocol': 'gvrp',
          'egress-qos-map': [
            { from: 0, to: 1 },
            { from: 2, to: 3 },
          ],
        },
      },
      {
        name: 'v8',
        type: 'vlan',
        state: 'up',
        description: `rack "7": it's #1 \\ blue`,
        'alt-names': [{ name: 'storage-b' }, { name: 'storage-a' }],
        'accept-all-mac-addresses': true,
        vlan: { 'base-iface': 'eth3', id: 8 },
      },
    ],
    after: [
      {
        name: 'v7',
        vlan: {
          'registration-protocol': 'mvrp',
          'reorder-headers': false,
          'loose-binding': true,
          'egress-qos-map': [{ from: 2, to: 4 }],
        },
      },
      { name: 'v8', vlan: { id: 9 }, 'alt-names': [{ name: 'storage-b', state: 'absent' }] },
      nic('another-name-of-it', { 'alt-names': [{ name: 'left', state: 'absent' }] }),
    ],
    look: `ip -d link show v7 | sed -n 's/^ *vlan //p' | sed -n -E '1s/addrgenmode.*//;1s/ +/ /g;1s/ $//p'
      ip -d link show v7 | sed -n -E 's/^ *(egress-qos-map [{][^}]*[}]).*/\\1/p'
      cat /sys/class/net/v8/ifalias; ip link show v8 | grep -c PROMISC; ip link show v8 | sed -n 's/ *altname /altname /p'; ip link show eth3 | sed -n 's/ *altname /altname /p'`,
    sees: `protocol 802.1Q id 7 <MVRP,LOOSE_BINDING>\negress-qos-map { 2:4 }\nrack "7": it's #1 \\ blue\n1\naltname storage-a\naltname another-name-of-it\n`,
  },
  {
    what: 'the ports of a bond swap their queues, its primary and ARP targets go',
    before: [
      {
        name: 'bond9',
        type: 'bond',
        state: 'up',
        'link-aggregation': {
          mode: 'active-backup',
          options: { arp_interval: 1000, arp_ip_target: '192.0.2.1,192.0.2.2', primary: 'eth3' },
          port: ['eth3', 'eth4'],
          'ports-config': [
            { name: 'eth3', 'queue-id': 1, priority: 5 },
            { name: 'eth4', 'queue-id': 2 },
          ],
        },
      },
    ],
    after: [
      {
        name: 'bond9',
        'link-aggregation': {
          options: { miimon: 100, arp_ip_target: '', primary: '' },
          'ports-config': [
            { name: 'eth3', 'queue-id': 2 },
            { name: 'eth4', 'queue-id': 1, priority: -3 },
          ],
        },
      },
    ],
    look: `cd /sys/class/net; cat eth3/bonding_slave/queue_id eth4/bonding_slave/queue_id; sed 's/ .*//' bond9/bonding/primary; cat bond9/bonding/arp_ip_target bond9/bonding/miimon
      ip -d link show eth4 | sed -n 's/.* prio \\(-*[0-9]*\\) .*/\\1/p'`,
    // No line of a primary, none of a target.
    sees: '2\n1\n100\n-3\n',
  },
];

describeInLab('every kind of link', (bench) => {
  test.each(CASES)('$what', async ({ what, before, after, look, sees }) => {
    const write = (name: string, interfaces: readonly object[], extra: object = {}) =>
      bench().write(name, [{ name: what, hosts: 'h1', network: { interfaces }, ...extra }]);
    const first = write('before.yml', before);
    const failing = write('failing.yml', after, {
      probes: [{ ping: '10.10.0.77', required: true }],
    });
    const good = write('good.yml', after);

    const begun = await bench().apply(first, 'h1');
    expect(begun.finished('h1'), begun.stderr).toMatchObject({ outcome: 'confirmed' });
    const snapshot = await bench().snapshot('h1');
    await bench().expectShowIsFixPoint(['h1']);

    const failed = await bench().apply(failing, 'h1', { deadline: 5 });
    expect(await bench().snapshot('h1')).toEqual(snapshot);
    expect(failed.finished('h1')).toMatchObject({ outcome: 'rolled-back', verified: true });

    const done = await bench().apply(good, 'h1');
    expect(done.finished('h1'), done.stderr).toMatchObject({ outcome: 'confirmed' });
    expect(await bench().on('h1', look)).toBe(sees);
    await bench().expectShowIsFixPoint(['h1']);
  });
});
