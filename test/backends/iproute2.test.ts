import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { canonicalLines, splitSections } from '../../src/agents/canonical.js';
import { parseObservation } from '../../src/agents/reading.js';
import { batchLine } from '../../src/backends/batch.js';
import { applyScript, segmentsOf } from '../../src/backends/iproute2.js';
import { restoreScripts } from '../../src/backends/iproute2-restore.js';
import type { Route, RouteRule } from '../../src/network/state.js';
import type { Change, Operation } from '../../src/plan/change.js';
import { nic } from '../network/documents.js';

const change = (...operations: readonly Operation[]): Change => ({
  id: 'c',
  action: 'modify',
  object: 'x',
  summary: 's',
  why: { text: '', location: undefined },
  hazards: [],
  touchesManagement: false,
  operations,
});
const linesOf = (operation: Operation) =>
  segmentsOf([change(operation)]).flatMap(({ tool, lines }) =>
    lines.map(({ text }) => `${tool} ${text}`),
  );

const route: Route = {
  family: 'ipv4',
  type: 'unicast',
  destination: '10.0.0.0/8',
  table: 254,
  metric: undefined,
  nextHopInterface: 'eth1',
  nextHopAddress: '192.0.2.1',
  source: undefined,
  onlink: false,
  protocol: 4,
  foreign: false,
};
const rule: RouteRule = {
  family: 'ipv4',
  priority: 1000,
  from: '192.0.2.5/32',
  to: undefined,
  iif: undefined,
  fwmark: undefined,
  fwmask: undefined,
  table: 200,
  action: undefined,
  foreign: false,
};
const eth1 = nic('eth1', 1);
const created = (name: string, link: (typeof eth1)['link']): Operation => ({
  op: 'create-link',
  link: { ...eth1, name, mac: undefined, link },
});

describe('an operation as a command line', () => {
  test.each<[Operation, readonly string[]]>([
    [
      created('bond0', {
        kind: 'bond',
        mode: '802.3ad',
        options: { lacp_rate: 'fast', ad_select: 'bandwidth' },
        ports: [],
      }),
      ['ip link add name bond0 mtu 1500 type bond mode 802.3ad ad_select bandwidth lacp_rate fast'],
    ],
    [
      created('mv', { kind: 'mac-vlan', base: 'eth1', mode: 'bridge', promiscuous: true }),
      ['ip link add link eth1 name mv mtu 1500 type macvlan mode bridge'],
    ],
    [
      {
        op: 'create-link',
        link: {
          ...eth1,
          name: 'mt',
          // The MAC of the base: to give it would be to set it there.
          mac: '02:00:00:00:00:01',
          link: { kind: 'mac-vtap', base: 'eth1', mode: 'passthru', promiscuous: false },
        },
      },
      ['ip link add link eth1 name mt mtu 1500 type macvtap mode passthru nopromisc'],
    ],
    [
      created('blue', { kind: 'vrf', table: 100, ports: ['eth1'] }),
      ['ip link add name blue mtu 1500 type vrf table 100'],
    ],
    [
      created('v', {
        kind: 'vlan',
        base: 'eth1',
        id: 7,
        protocol: '802.1q',
        options: { gvrp: 'on', mvrp: 'off', reorder_hdr: 'on', 'egress-qos-map': '0:1 2:3' },
      }),
      [
        'ip link add link eth1 name v mtu 1500 type vlan protocol 802.1q id 7 egress-qos-map 0:1 2:3 gvrp on',
      ],
    ],
    [
      { op: 'set-type-options', name: 'mv', kind: 'mac-vlan', options: { mode: 'private' } },
      ['ip link set dev mv type macvlan mode private'],
    ],
    [
      { op: 'set-alias', name: 'eth1', alias: `it's "#1"` },
      [`write /sys/class/net/eth1/ifalias it's "#1"`],
    ],
    [
      { op: 'set-alt-names', name: 'eth1', add: ['left'], remove: ['right'] },
      ['ip link property del dev eth1 altname right', 'ip link property add dev eth1 altname left'],
    ],
    [
      { op: 'set-promiscuous', name: 'eth1', promiscuous: true },
      ['ip link set dev eth1 promisc on'],
    ],
    [
      { op: 'set-port-options', of: 'bond', name: 'eth1', options: { queue_id: '3' } },
      ['ip link set dev eth1 type bond_slave queue_id 3'],
    ],
    [
      { op: 'set-bond-options', name: 'bond0', options: { arp_ip_target: '', primary: '' } },
      [
        'ip link set dev bond0 type bond arp_ip_target ""',
        'write /sys/class/net/bond0/bonding/primary ',
      ],
    ],
    [
      created('bond0.7', { kind: 'vlan', base: 'bond0', id: 7, protocol: '802.1ad' }),
      ['ip link add link bond0 name bond0.7 mtu 1500 type vlan protocol 802.1ad id 7'],
    ],
    [
      created('vx5', {
        kind: 'vxlan',
        id: 5,
        base: 'eth1',
        local: undefined,
        remote: '239.1.1.1',
        destinationPort: 4789,
        learning: false,
      }),
      [
        'ip link add name vx5 mtu 1500 type vxlan id 5 dev eth1 group 239.1.1.1 dstport 4789 nolearning',
      ],
    ],
    [
      created('vx6', {
        kind: 'vxlan',
        id: 6,
        base: undefined,
        local: undefined,
        remote: '192.0.2.9',
        destinationPort: 4789,
        learning: true,
        options: { ttl: 'ttl 7', srcport: 'srcport 1000 2000', proxy: 'proxy' },
      }),
      [
        'ip link add name vx6 mtu 1500 type vxlan id 6 remote 192.0.2.9 dstport 4789 learning ttl 7 srcport 1000 2000 proxy',
      ],
    ],
    [
      created('veth0', { kind: 'veth', peer: 'veth1' }),
      ['ip link add name veth0 mtu 1500 type veth peer name veth1'],
    ],
    [{ op: 'attach', name: 'eth1', to: 'br0' }, ['ip link set dev eth1 master br0']],
    [{ op: 'detach', name: 'eth1', from: 'br0' }, ['ip link set dev eth1 nomaster']],
    [
      { op: 'add-port-vlan', name: 'eth1', vlan: { vid: 7, pvid: true, untagged: true } },
      ['bridge vlan add dev eth1 vid 7 pvid untagged'],
    ],
    [
      { op: 'set-ipv6-enabled', name: 'eth1', enabled: false },
      ['write /proc/sys/net/ipv6/conf/eth1/disable_ipv6 1'],
    ],
    [
      {
        op: 'add-address',
        name: 'eth1',
        family: 'ipv4',
        address: { ip: '192.0.2.5', prefixLength: 31 },
      },
      ['ip addr replace 192.0.2.5/31 dev eth1'],
    ],
    [
      { op: 'add-route', route },
      ['ip route replace 10.0.0.0/8 via 192.0.2.1 dev eth1 table 254 proto 4'],
    ],
    [
      { op: 'delete-route', route: { ...route, metric: 5, table: 100 } },
      ['ip route del 10.0.0.0/8 via 192.0.2.1 dev eth1 table 100 metric 5'],
    ],
    [{ op: 'add-rule', rule }, ['ip rule add from 192.0.2.5/32 lookup 200 pref 1000']],
    [
      { op: 'delete-rule', rule: { ...rule, fwmark: 5, fwmask: 255 } },
      ['ip rule del from 192.0.2.5/32 fwmark 5/255 lookup 200 pref 1000'],
    ],
  ])('%j', (operation, lines) => {
    expect(linesOf(operation)).toEqual(lines);
  });

  test('lines of one tool go in one batch, and the order of operations stays', () => {
    const segments = segmentsOf([
      change({ op: 'set-down', name: 'eth1' }, { op: 'set-up', name: 'eth1' }),
      change({ op: 'delete-port-vlan', name: 'eth1', vid: 1 }),
      change({ op: 'set-down', name: 'eth1' }),
    ]);
    expect(segments.map(({ tool, lines }) => `${tool} ${lines.length}`)).toEqual([
      'ip 2',
      'bridge 1',
      'ip 1',
    ]);
  });
});

test('what a file takes is quoted for the shell, whatever it holds', () => {
  const script = applyScript(
    segmentsOf([change({ op: 'set-alias', name: 'eth1', alias: `it's $(reboot) \\ "#1"` })]),
  );
  expect(script).toContain(
    `printf '%s\\n' 'it'\\''s $(reboot) \\ "#1"' >/sys/class/net/eth1/ifalias || return 1`,
  );
});

describe('a value that would be syntax', () => {
  test.each(['a b', 'a\nlink del eth0', '', '#x', '"x"', "'x'", 'x\\', '$(reboot)', 'a;b', 'ä'])(
    '%j never reaches a batch',
    (value) => {
      expect(() => batchLine(['link', 'set', 'dev', value])).toThrow(/not a word of an ip batch/);
      expect(() => linesOf({ op: 'attach', name: 'eth1', to: value })).toThrow();
      expect(() => linesOf({ op: 'set-ipv6-enabled', name: value, enabled: true })).toThrow();
    },
  );
});

describe('the way back of a real host', () => {
  const text = readFileSync(join(import.meta.dirname, '../agents/fixtures/rich-host.txt'), 'utf8');
  const { state } = parseObservation('h1', text);
  const restore = restoreScripts({
    observed: state,
    lines: canonicalLines(splitSections(text)),
    plan: {
      changes: [
        change(
          { op: 'delete-rule', rule },
          { op: 'delete-route', route: { ...route, destination: '172.19.0.0/16' } },
          { op: 'set-dns', dns: state.dns },
        ),
      ],
      scope: [...state.interfaces.keys()],
      target: state,
    },
  });
  const recipeOf = (start: string) => {
    const index = restore.baseline.findIndex((line) => line.startsWith(start));
    expect(restore.baseline[index]).toBeDefined();
    return restore.recipes[index];
  };

  test('every line of the baseline has its recipe, but links, which have a function', () => {
    expect(restore.recipes).toHaveLength(restore.baseline.length);
    const without = restore.baseline.filter((_, index) => restore.recipes[index] === '-');
    expect(without.filter((line) => !line.startsWith('link '))).toEqual([]);
  });

  test.each([
    ['addr br0 inet 198.51.100.5', 'addr group v4 br0'],
    ['addr br0 inet6 2001:db8:1::5', 'addr ip addr replace 2001:db8:1::5/64 scope global dev br0'],
    [
      'route 1 172.17.',
      'route ip route replace unicast 172.17.0.0/16 via 198.51.100.1 dev br0 table 254 proto 3 scope 0 src 198.51.100.6 metric 50',
    ],
    [
      'route 1 172.16.',
      'route ip route replace unicast 172.16.0.0/16 table 254 proto 3 scope 0 nexthop via 198.51.100.1 dev br0 weight 1 nexthop via 192.0.2.129 dev eth4 weight 2',
    ],
    ['route 6 172.19.', 'route ip route replace blackhole 172.19.0.0/16 table 254 proto 3 scope 0'],
    ['rule4 1001:', 'route ip rule add from all fwmark 0x5/0xff iif eth4 lookup 200 pref 1001'],
    [
      'neigh eth4 ',
      'route ip neigh replace 192.0.2.131 lladdr 02:00:00:00:00:31 nud permanent dev eth4',
    ],
    [
      'fdb bond0.100 ',
      'port bridge fdb append 02:00:00:00:00:0a dev bond0.100 vlan 10 master static',
    ],
    ['vlan bond0.100 ', 'port bridge-port vlans bond0.100'],
    ['sysctl br0 ipv6 disable_ipv6', 'sysctl write /proc/sys/net/ipv6/conf/br0/disable_ipv6 0'],
    ['dns nameserver', 'route dns'],
  ])('%s comes back by its recipe', (line, recipe) => {
    expect(recipeOf(line)).toBe(recipe);
  });

  test('routes through a gateway come back after those without', () => {
    const routes = restore.baseline.filter((line) => /^route6? /.test(line));
    const firstVia = routes.findIndex((line) => line.includes(' via '));
    expect(routes.slice(firstVia).every((line) => line.includes(' via '))).toBe(true);
  });

  test('the way back holds each interface once, bottom-up', () => {
    const order = restore.links.flatMap((line) => /^interface (.*)/.exec(line)?.[1] ?? []);
    expect([...order].sort()).toEqual([...state.interfaces.keys()].sort());
    for (const [below, above] of [
      ['eth2', 'bond0'],
      ['bond0', 'bond0.100'],
      ['bond0.100', 'stag'],
      ['bond0.100', 'br0'],
    ] as const) {
      expect(order.indexOf(below)).toBeLessThan(order.indexOf(above));
    }
  });
});
