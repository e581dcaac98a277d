import { describe, expect, test } from 'vitest';
import { compareStates } from '../../src/network/compare.js';
import { interfaceMap } from '../../src/network/state.js';
import type { InterfaceState, NetworkState, Route } from '../../src/network/state.js';
import { bareHost, hostWith } from './documents.js';

const PLAN = `
interfaces:
  - name: bond0
    type: bond
    link-aggregation: {mode: 802.3ad, options: {lacp_rate: fast, miimon: 100}, port: [eth1, eth2]}
  - name: bond0.7
    type: vlan
    vlan: {base-iface: bond0, id: 7}
  - name: br0
    type: linux-bridge
    mac-address: 52:54:00:00:00:aa
    ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}, {ip: 192.0.2.6, prefix-length: 24}]}
    ipv6: {address: [{ip: "2001:db8::5", prefix-length: 64}]}
    bridge: {options: {mac-ageing-time: 300}, port: [{name: bond0.7}, {name: eth3, stp-path-cost: 4, vlan: {mode: access, tag: 9}}]}
routes:
  config:
    - {destination: 0.0.0.0/0, next-hop-interface: br0, next-hop-address: 192.0.2.1}
    - {destination: 198.51.100.0/24, next-hop-interface: eth4}
    - {destination: 203.0.113.0/24, route-type: blackhole}
route-rules: {config: [{ip-from: 192.0.2.0/24, priority: 5, route-table: 9}, {ip-to: 192.0.2.0/24, route-table: 9}]}
dns-resolver: {config: {server: [192.0.2.53]}}
`;

const expected = hostWith(PLAN);
const everything = new Set(expected.interfaces.keys());

const withInterface = (
  name: string,
  change: (state: InterfaceState) => InterfaceState,
  state: NetworkState = expected,
): NetworkState => ({
  ...state,
  interfaces: interfaceMap(
    [...state.interfaces.values()].map((item) => (item.name === name ? change(item) : item)),
  ),
});

const withRoute = (index: number, values: Partial<Route>): NetworkState => ({
  ...expected,
  routes: expected.routes.map((route, at) => (at === index ? { ...route, ...values } : route)),
});

const bond = (values: object) => (state: InterfaceState) =>
  state.link.kind === 'bond' ? { ...state, link: { ...state.link, ...values } } : state;

const bridge =
  (values: object, port: object = {}) =>
  (state: InterfaceState): InterfaceState =>
    state.link.kind === 'linux-bridge'
      ? {
          ...state,
          link: {
            ...state.link,
            options: { ...state.link.options, ...values },
            ports: state.link.ports.map((item) =>
              item.name === 'eth3' ? { ...item, ...port } : item,
            ),
          },
        }
      : state;

const differences = (found: NetworkState, scope: ReadonlySet<string> = everything) =>
  compareStates(expected, found, scope).map((one) => `${one.path}: ${one.expected} ≠ ${one.found}`);

describe('a difference is named by its path', () => {
  test.each<[string, NetworkState, string]>([
    [
      'link down',
      withInterface('eth4', (state) => ({ ...state, up: false })),
      'eth4.state: up ≠ down',
    ],
    ['MTU', withInterface('eth1', (state) => ({ ...state, mtu: 1499 })), 'eth1.mtu: 1500 ≠ 1499'],
    [
      'MAC that the plan gives',
      withInterface('br0', (state) => ({ ...state, mac: '52:54:00:00:00:ab' })),
      'br0.mac: 52:54:00:00:00:aa ≠ 52:54:00:00:00:ab',
    ],
    [
      'controller',
      withInterface('eth1', (state) => ({ ...state, controller: undefined })),
      'eth1.controller: bond0 ≠ none',
    ],
    [
      'bond mode',
      withInterface('bond0', bond({ mode: 'balance-rr' })),
      'bond0.link.mode: 802.3ad ≠ balance-rr',
    ],
    [
      'bond option',
      withInterface('bond0', bond({ options: { miimon: '100', lacp_rate: 'slow' } })),
      'bond0.link.options.lacp_rate: fast ≠ slow',
    ],
    [
      'bond ports',
      withInterface('bond0', bond({ ports: ['eth1'] })),
      'bond0.link.ports: eth1 eth2 ≠ eth1',
    ],
    [
      'VLAN id that the kernel did not take',
      withInterface('bond0.7', (state) => ({
        ...state,
        link: { kind: 'vlan', base: 'bond0', id: 8, protocol: '802.1q' },
      })),
      'bond0.7.link.id: 7 ≠ 8',
    ],
    [
      'another kind of link',
      withInterface('bond0.7', (state) => ({ ...state, link: { kind: 'dummy' } })),
      'bond0.7.link.kind: vlan ≠ dummy',
    ],
    [
      'bridge option',
      withInterface('br0', bridge({ ageing_time: '100' })),
      'br0.link.options.ageing_time: 30000 ≠ 100',
    ],
    [
      'bridge timer, by more than what the kernel rounds',
      withInterface('br0', bridge({ ageing_time: '29998' })),
      'br0.link.options.ageing_time: 30000 ≠ 29998',
    ],
    [
      'bridge port option',
      withInterface('br0', bridge({}, { options: { cost: '5' } })),
      'br0.link.ports.eth3.cost: 4 ≠ 5',
    ],
    [
      'VLAN table',
      withInterface('br0', bridge({}, { vlans: [{ vid: 9, pvid: false, untagged: false }] })),
      'br0.link.ports.eth3.vlans: 9 pvid untagged ≠ 9',
    ],
    [
      'lost address',
      withInterface('br0', (state) => ({ ...state, ipv6: { enabled: true, addresses: [] } })),
      'br0.ipv6.addresses: 2001:db8::5/64 ≠ none',
    ],
    [
      'another primary address',
      withInterface('br0', (state) => ({
        ...state,
        ipv4: { enabled: true, addresses: state.ipv4.addresses.toReversed() },
      })),
      'br0.ipv4.addresses: 192.0.2.5/24 192.0.2.6/24 ≠ 192.0.2.6/24 192.0.2.5/24',
    ],
    [
      'IPv6 switched off',
      withInterface('eth4', (state) => ({ ...state, ipv6: { enabled: false, addresses: [] } })),
      'eth4.ipv6.enabled: true ≠ false',
    ],
    [
      'another gateway',
      withRoute(0, { nextHopAddress: '192.0.2.2' }),
      'routes[0.0.0.0/0]: via 192.0.2.1 dev br0 src - ≠ via 192.0.2.2 dev br0 src -',
    ],
    [
      'lost blackhole',
      { ...expected, routes: expected.routes.slice(0, 2) },
      'routes[203.0.113.0/24]: blackhole ≠ absent',
    ],
    [
      'an additional default route',
      {
        ...expected,
        routes: [...expected.routes, ...withRoute(0, { metric: 7 }).routes.slice(0, 1)],
      },
      'routes[0.0.0.0/0]: absent ≠ via 192.0.2.1 dev br0 src - metric 7',
    ],
    [
      'lost rule',
      { ...expected, rules: expected.rules.slice(1) },
      'rules[5: from 192.0.2.0/24 lookup 9]: present ≠ absent',
    ],
    [
      'a name server',
      { ...expected, dns: { ...expected.dns, servers: [] } },
      'dns.servers: 192.0.2.53 ≠ none',
    ],
    [
      'an interface that is gone',
      {
        ...expected,
        interfaces: interfaceMap(
          [...expected.interfaces.values()].filter(({ name }) => name !== 'bond0.7'),
        ),
      },
      'bond0.7: present ≠ absent',
    ],
  ])('%s', (_, found, difference) => {
    expect(differences(found)).toEqual([difference]);
  });

  test('an interface that should be gone', () => {
    const [first, ...more] = compareStates(bareHost(), expected, new Set(['bond0']));
    expect(first).toEqual({ path: 'bond0', expected: 'absent', found: 'present' });
    expect(more.map((one) => one.path)).not.toContain('bond0.mtu');
  });
});

describe('no difference is', () => {
  test.each<[string, NetworkState]>([
    [
      'a MAC that the kernel chose',
      withInterface('bond0', (state) => ({ ...state, mac: '52:54:00:00:00:01' })),
    ],
    [
      'options that nobody asked for',
      withInterface(
        'bond0',
        bond({ options: { miimon: '100', lacp_rate: 'fast', min_links: '1' } }),
      ),
    ],
    [
      'the order of IPv6 addresses',
      withInterface('br0', (state) => ({
        ...state,
        ipv6: { ...state.ipv6, addresses: state.ipv6.addresses.toReversed() },
      })),
    ],
    ['who set a route', withRoute(0, { protocol: 3 })],
    ['a metric spelt out that is the default', withRoute(0, { metric: 0 })],
    [
      'a priority that the kernel chose',
      {
        ...expected,
        rules: expected.rules.map((rule) => ({ ...rule, priority: rule.priority ?? 32_765 })),
      },
    ],
    [
      'a route that DHCP added',
      {
        ...expected,
        routes: [
          ...expected.routes,
          ...withRoute(1, { destination: '192.0.2.128/25', protocol: 16 }).routes.slice(1, 2),
        ],
      },
    ],
    [
      'a route that netorch does not model',
      {
        ...expected,
        routes: [
          ...expected.routes,
          ...withRoute(1, { destination: '192.0.2.128/25', foreign: true }).routes.slice(1, 2),
        ],
      },
    ],
  ])('%s', (_, found) => {
    expect(differences(found)).toEqual([]);
  });

  test('what happens to interfaces out of scope, and to routes through them', () => {
    const found = withInterface(
      'eth4',
      (state) => ({ ...state, mtu: 1400 }),
      withRoute(1, { destination: '192.0.2.128/25' }),
    );
    expect(differences(found, new Set(['br0']))).toEqual([]);
    expect(differences(found, new Set(['eth4']))).toHaveLength(3);
  });
});

test('a bridge timer that the kernel has rounded to its ticks is no difference', () => {
  expect(differences(withInterface('br0', bridge({ ageing_time: '29999' })))).toEqual([]);
});
