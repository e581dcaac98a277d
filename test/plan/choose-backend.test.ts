import { describe, expect, test } from 'vitest';
import type { NmDevice } from '../../src/network/networkmanager.js';
import { interfaceMap } from '../../src/network/state.js';
import { planHost, type PlanOptions } from '../../src/plan/plan-host.js';
import { failureOf } from '../config/failure.js';
import { bareHost, desiredOf } from '../network/documents.js';

const device = (state: string): NmDevice => ({ state, profile: undefined });

/** eth1 is NetworkManager's, eth2 has no carrier, networkd has eth3, and nobody has eth4. */
function plan(document: string, options: PlanOptions = {}, isRunning = true) {
  const owners: Readonly<Record<string, string>> = {
    ...(isRunning ? { eth1: 'NetworkManager (connection "eth1", connected)' } : {}),
    eth3: 'systemd-networkd',
  };
  const bare = bareHost();
  const interfaces = interfaceMap(
    [...bare.interfaces.values()].map((item) =>
      item.facts === undefined
        ? item
        : { ...item, facts: { ...item.facts, owner: owners[item.name] } },
    ),
  );
  const devices = new Map([
    ['eth1', device('connected')],
    ['eth2', device('unavailable')],
    ['eth3', device('unmanaged')],
    ['eth4', device('unmanaged')],
  ]);
  return planHost(
    'h1',
    {
      state: { ...bare, interfaces },
      ssh: undefined,
      resolvedOwnsDns: false,
      ...(isRunning ? { networkManager: { profiles: [], devices } } : {}),
    },
    desiredOf(document),
    options,
  );
}

const mtu = (name: string) => `interfaces: [{name: ${name}, mtu: 1400}]`;
const vlan = (base: string) =>
  `interfaces: [{name: v7, type: vlan, state: up, vlan: {base-iface: ${base}, id: 7}}]`;
const bond = (ports: string) =>
  `interfaces: [{name: bond0, type: bond, state: up, link-aggregation: {mode: active-backup, port: [${ports}]}}]`;
const DUMMY = 'interfaces: [{name: dummy1, type: dummy, state: up}]';

describe('the backend', () => {
  test.each<[string, string, 'nmcli' | undefined, PlanOptions?]>([
    ['is NetworkManager where it has the link', mtu('eth1'), 'nmcli'],
    ['is NetworkManager for a VLAN on one of its links', vlan('eth1'), 'nmcli'],
    [
      'is NetworkManager where one of its links joins one without carrier',
      bond('eth1, eth2'),
      'nmcli',
    ],
    ['is iproute2 where nobody has the link', mtu('eth4'), undefined],
    ['is iproute2 for what stands alone', DUMMY, undefined],
    ['is iproute2 for the hostname', 'hostname: {config: h9}', undefined],
    [
      'is NetworkManager for what stands alone, when it is asked for',
      DUMMY,
      'nmcli',
      { backend: 'nmcli' },
    ],
    ['is nobody’s where nothing is to be done', mtu('eth1').replace('1400', '1500'), undefined],
  ])('%s', (_, document, expected, options) => {
    expect(plan(document, options).backend).toBe(expected);
  });

  test.each<[string, string, PlanOptions, string]>([
    [
      'iproute2 for a link of NetworkManager’s',
      mtu('eth1'),
      { backend: 'iproute2' },
      'plan.yml:1:14 OWNED_BY_OTHER: h1: eth1 is managed by NetworkManager (connection "eth1", connected), which would undo the change',
    ],
    [
      'a link that somebody else has',
      mtu('eth3'),
      {},
      'plan.yml:1:14 OWNED_BY_OTHER: h1: eth3 is managed by systemd-networkd, which would undo the change',
    ],
    [
      'a link of NetworkManager’s and one of somebody else’s in one bond',
      bond('eth1, eth3'),
      {},
      'eth3 is managed by systemd-networkd',
    ],
    [
      'NetworkManager for a link that it leaves alone',
      bond('eth1, eth4'),
      {},
      'eth4 is not managed by NetworkManager (unmanaged), but eth1, which the plan changes too, is',
    ],
  ])('refused is %s', (_, document, options, expected) => {
    expect(failureOf(() => plan(document, options)).join('\n')).toContain(expected);
  });

  test('refused is NetworkManager where it does not run', () => {
    expect(failureOf(() => plan(mtu('eth1'), { backend: 'nmcli' }, false)).join('\n')).toContain(
      'NetworkManager does not run on this host',
    );
  });
});

describe('through NetworkManager is refused by name, at its place', () => {
  test.each<[string, string]>([
    ['interfaces: [{name: eth1, state: down}]', '"state: down" for eth1'],
    ['interfaces: [{name: eth1, description: uplink}]', 'descriptions (eth1)'],
    [
      'interfaces: [{name: eth1, accept-all-mac-addresses: true}]',
      '"accept-all-mac-addresses" (eth1)',
    ],
    [
      `${mtu('eth1')}\ndns-resolver: {config: {server: [192.0.2.53]}}`,
      'dns-resolver where no interface has an address',
    ],
    [
      `${mtu('eth1')}\nroute-rules: {config: [{ip-from: 192.0.2.0/24, route-table: 100, priority: 100}]}`,
      'the rule 100: from 192.0.2.0/24 lookup 100, for which no interface is there',
    ],
    [
      `${mtu('eth1')}\nroutes: {config: [{destination: 203.0.113.0/24, route-type: blackhole}]}`,
      'blackhole routes (203.0.113.0/24) where no interface has an address',
    ],
    [
      `${mtu('eth1')}
routes:
  config:
    - {destination: '2001:db8:9::/48', next-hop-interface: eth1, next-hop-address: 'fe80::8', weight: 2}
    - {destination: '2001:db8:9::/48', next-hop-interface: eth1, next-hop-address: 'fe80::9', weight: 1}`,
      'weights of next hops of IPv6 (2001:db8:9::/48)',
    ],
    [
      'interfaces: [{name: bond0, type: bond, state: up, link-aggregation: {mode: active-backup, options: {arp_missed_max: 3}, port: [eth1]}}]',
      'the bond option arp_missed_max (bond0)',
    ],
    [
      'interfaces: [{name: v7, type: vlan, state: up, vlan: {base-iface: eth1, id: 7, registration-protocol: gvrp}}]',
      'gvrp of the VLAN v7',
    ],
  ])('%s', (document, expected) => {
    const said = failureOf(() => plan(document)).join('\n');
    expect(said).toContain(
      `NOT_SUPPORTED: h1: through NetworkManager netorch does not do ${expected}`,
    );
    expect(said).toMatch(/^plan\.yml:\d+:\d+ /);
  });
});
