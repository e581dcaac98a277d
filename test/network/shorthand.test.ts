import { fc } from '../generated.js';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseDocument } from '../../src/config/document.js';
import type { DesiredState } from '../../src/network/desired.js';
import { locationOf } from '../../src/network/desired.js';
import { mergeDesired } from '../../src/network/merge.js';
import { expandShorthand, finishShorthand } from '../../src/network/shorthand.js';
import { failureOf } from '../config/failure.js';
import { bareHost, desiredOf } from './documents.js';

const expand = (text: string): unknown =>
  finishShorthand(expandShorthand(parseDocument('plan.yml', text))).value;

const only = (text: string): unknown => {
  const { interfaces } = expand(text) as { interfaces: readonly unknown[] };
  expect(interfaces).toHaveLength(1);
  return interfaces[0];
};

/** What a plan asks for, without the places it was written at. */
const meaning = ({ interfaces, routes, rules, dns }: DesiredState) => ({
  interfaces: interfaces.map(({ locations: _places, ...item }) => item),
  routes: routes.map(({ location: _place, ...item }) => item),
  rules: rules.map(({ location: _place, ...item }) => item),
  dns: dns === undefined ? undefined : { ...dns, location: undefined },
});

describe('words of the shorthand and what they stand for', () => {
  test.each([
    [
      'a bond with options by their own names, in either spelling',
      'bonds: {bond0: {ports: [eth1, eth2], mode: lacp, lacp-rate: fast, miimon: 100}}',
      {
        name: 'bond0',
        type: 'bond',
        'link-aggregation': {
          port: ['eth1', 'eth2'],
          mode: '802.3ad',
          options: { lacp_rate: 'fast', miimon: 100 },
        },
      },
    ],
    [
      'a VLAN whose name tells base and id',
      'vlans: {bond0.100: }',
      { name: 'bond0.100', type: 'vlan', vlan: { 'base-iface': 'bond0', id: 100 } },
    ],
    [
      'a VLAN of another name',
      'vlans: {vlan0042: {base: eth1, mtu: 9000}}',
      { name: 'vlan0042', type: 'vlan', mtu: 9000, vlan: { 'base-iface': 'eth1', id: 42 } },
    ],
    [
      'what is written goes before what the name tells',
      'vlans: {eth1.171: {id: 101}}',
      { name: 'eth1.171', type: 'vlan', vlan: { 'base-iface': 'eth1', id: 101 } },
    ],
    [
      'a VLAN that shall go needs neither',
      'vlans: {bond0.100: {state: absent}}',
      { name: 'bond0.100', type: 'vlan', state: 'absent' },
    ],
    [
      'a bridge with VLANs on its ports',
      'bridges: {br0: {ports: [eth1, {name: eth2, trunk: "100-199,300", native: 1}, {name: eth3, access: 7}], stp: false}}',
      {
        name: 'br0',
        type: 'linux-bridge',
        bridge: {
          port: [
            { name: 'eth1' },
            {
              name: 'eth2',
              vlan: {
                mode: 'trunk',
                'trunk-tags': [{ 'id-range': { min: 100, max: 199 } }, { id: 300 }],
                'enable-native': true,
                tag: 1,
              },
            },
            { name: 'eth3', vlan: { mode: 'access', tag: 7 } },
          ],
          options: { stp: { enabled: false } },
        },
      },
    ],
    [
      'ports of a bridge as a map',
      'bridges: {br0: {ports: {eth1: , eth2: {access: 7}}}}',
      {
        name: 'br0',
        type: 'linux-bridge',
        bridge: {
          port: [{ name: 'eth1' }, { name: 'eth2', vlan: { mode: 'access', tag: 7 } }],
        },
      },
    ],
    [
      'addresses of both families',
      'nics: {eth1: {ip: [192.0.2.5/24, "2001:0db8:0:0::5/64"], mac: "02:00:00:00:00:01"}}',
      {
        name: 'eth1',
        type: 'ethernet',
        ipv4: { enabled: true, dhcp: false, address: [{ ip: '192.0.2.5', 'prefix-length': 24 }] },
        ipv6: { enabled: true, address: [{ ip: '2001:db8::5', 'prefix-length': 64 }] },
        'mac-address': '02:00:00:00:00:01',
      },
    ],
    [
      'no addresses at all',
      'ethernets: {eth1: {ip: none}}',
      { name: 'eth1', type: 'ethernet', ipv4: { enabled: false }, ipv6: { address: [] } },
    ],
    [
      'DHCP, as an address and as a word of its own',
      'nics: {eth1: {ip: dhcp, dhcp: both, autoconf: true}}',
      {
        name: 'eth1',
        type: 'ethernet',
        ipv4: { enabled: true, dhcp: true },
        ipv6: { enabled: true, dhcp: true, autoconf: true },
      },
    ],
    [
      'VXLANs, pairs and VRFs',
      'vrfs: {red: {table: 10, ports: [eth1]}}',
      { name: 'red', type: 'vrf', vrf: { 'route-table-id': 10, port: ['eth1'] } },
    ],
    [
      'the short words of addresses on an item of the long form',
      'interfaces: [{name: eth1, type: ethernet, ip: 192.0.2.5/24}]',
      {
        name: 'eth1',
        type: 'ethernet',
        ipv4: { enabled: true, dhcp: false, address: [{ ip: '192.0.2.5', 'prefix-length': 24 }] },
      },
    ],
    [
      'one interface in two forms that say different things of it',
      'interfaces: [{name: bond0, mtu: 9000}]\nbonds: {bond0: {ports: [eth1], mode: 1, mtu: 9000}}',
      {
        name: 'bond0',
        mtu: 9000,
        type: 'bond',
        'link-aggregation': { port: ['eth1'], mode: 1 },
      },
    ],
  ])('%s', (_name, text, expected) => {
    expect(only(text)).toEqual(expected);
  });

  test('gateways and routes stand with the others, on their interface', () => {
    const text = `
routes: {config: [{destination: 203.0.113.0/24, next-hop-interface: eth9}]}
bridges:
  br0:
    ip: [192.0.2.5/24, "2001:db8::5/64"]
    gateway: [192.0.2.1, "2001:db8::1"]
    routes: [{to: 198.51.100.0/24, via: 192.0.2.9, metric: 7}]
`;
    expect(expand(text)).toMatchObject({
      routes: {
        config: [
          { destination: '203.0.113.0/24', 'next-hop-interface': 'eth9' },
          {
            destination: '198.51.100.0/24',
            'next-hop-address': '192.0.2.9',
            metric: 7,
            'next-hop-interface': 'br0',
          },
          {
            destination: '0.0.0.0/0',
            'next-hop-address': '192.0.2.1',
            'next-hop-interface': 'br0',
          },
          {
            destination: '::/0',
            'next-hop-address': '2001:db8::1',
            'next-hop-interface': 'br0',
          },
        ],
      },
    });
  });

  test('routes, rules and DNS at the top', () => {
    const text =
      'routes: [{to: default, via: "2001:db8::1", dev: eth1, table: 50}]\nrules: [{from: 192.0.2.0/24, table: 50}]\ndns: [192.0.2.53]';
    expect(expand(text)).toEqual({
      routes: {
        config: [
          {
            destination: '::/0',
            'next-hop-address': '2001:db8::1',
            'next-hop-interface': 'eth1',
            'table-id': 50,
          },
        ],
      },
      'route-rules': { config: [{ 'ip-from': '192.0.2.0/24', 'route-table': 50 }] },
      'dns-resolver': { config: { server: ['192.0.2.53'] } },
    });
  });
});

test('a document in the long form is left as it is', () => {
  const text = `
interfaces:
  - {name: br0, type: linux-bridge, bridge: {port: [{name: eth1}]}, ipv4: {enabled: false}}
  - {name: br0}
  - {type: bond}
routes: {config: [{state: absent, next-hop-interface: eth1}]}
dns-resolver: {config: {}}
route-rules: {config: []}
`;
  expect(expand(text)).toEqual(parseDocument('plan.yml', text).value);
});

describe('mistakes are shown where they were written', () => {
  test.each([
    [
      'a contradiction names both places',
      'interfaces:\n  - name: bond0\n    mtu: 1500\nbonds:\n  bond0:\n    mtu: 9000',
      'plan.yml:6:5 PLAN_CONFLICT: mtu of "bond0" is 9000 here, but 1500 at plan.yml:3:5',
    ],
    [
      'two kinds for one name',
      'bonds: {x: {mode: 1, ports: [eth1]}}\nbridges: {x: }',
      'PLAN_CONFLICT: type of "x" is "linux-bridge" here, but "bond" at plan.yml:1:9',
    ],
    [
      'DHCP and a static address',
      'nics:\n  eth1:\n    ip: 192.0.2.5/24\n    dhcp: true',
      'plan.yml:4:5 PLAN_CONFLICT: ipv4.dhcp of "eth1" is true here, but false at plan.yml:3:5',
    ],
    [
      'an address without its length',
      'nics:\n  eth1:\n    ip: 192.0.2.5',
      'plan.yml:3:5 INVALID_VALUE: interface "eth1": ip is "192.0.2.5": its prefix length is missing, as in 192.0.2.5/24',
    ],
    [
      'a word that is none',
      'bridges:\n  br0:\n    gatway: 192.0.2.1',
      'plan.yml:3:5 UNKNOWN_KEY: interface "br0": unknown key "gatway" (did you mean "gateway"?)',
    ],
    [
      'a gateway that is no address',
      'bridges: {br0: {gateway: router}}',
      'plan.yml:1:17 INVALID_VALUE: interface "br0": gateway is "router", must be an IP address',
    ],
    [
      'values that nmstate’s schema refuses',
      'bonds:\n  bond0:\n    mtu: huge\n    mode: 1\n    ports: [eth1]',
      'plan.yml:3:5 INVALID_VALUE: interface "bond0": mtu is "huge"',
    ],
    [
      'tags of a trunk',
      'bridges: {br0: {ports: [{name: eth1, trunk: all}]}}',
      'plan.yml:1:38 INVALID_VALUE: port "eth1": trunk is "all", must be VLAN ids like 100-199,300',
    ],
    ['a section that is no map', 'bonds: [bond0]', 'plan.yml:1:1 INVALID_VALUE: bonds is '],
  ])('%s', (_name, text, expected) => {
    expect(failureOf(() => desiredOf(text)).join('\n')).toContain(expected);
  });

  test('what the plan asks for keeps the places of the shorthand', () => {
    const [bridge] = desiredOf('bridges:\n  br0:\n    ip: 192.0.2.5/24\n    mtu: 1400').interfaces;
    if (bridge === undefined) throw new Error('no interface was read');
    expect(locationOf(bridge, 'ipv4.addresses')).toMatchObject({ line: 3, column: 5 });
    expect(locationOf(bridge, 'mtu')).toMatchObject({ line: 4, column: 5 });
  });
});

const port = fc.constantFrom('eth1', 'eth2', 'eth3', 'eth4');
const address = fc.record({
  ip: fc.constantFrom('192.0.2.5/24', '198.51.100.7/25', '2001:db8::5/64'),
});
const shorthand = fc.record(
  {
    bonds: fc.record({
      bond0: fc.record(
        {
          ports: fc.uniqueArray(fc.constantFrom('eth1', 'eth2'), { minLength: 1 }),
          mode: fc.constantFrom('lacp', 'active-backup', 'balance-rr'),
          miimon: fc.constantFrom(100, 200),
          mtu: fc.constantFrom(1500, 9000),
        },
        { requiredKeys: ['ports', 'mode'] },
      ),
    }),
    vlans: fc.dictionary(
      fc.constantFrom('bond0.5', 'bond0.6'),
      fc.option(fc.record({ mtu: fc.constant(1400) })),
    ),
    bridges: fc.record({
      br0: fc.record(
        {
          ports: fc.uniqueArray(
            fc.oneof(
              fc.constantFrom('eth3', 'eth4'),
              fc.record({ name: fc.constant('eth3'), trunk: fc.constantFrom('7-9,12', 40) }),
            ),
            { selector: (item) => (typeof item === 'string' ? item : item.name) },
          ),
          ip: fc.uniqueArray(fc.constantFrom('192.0.2.5/24', '2001:db8::5/64')),
          stp: fc.boolean(),
        },
        { requiredKeys: ['ports'] },
      ),
    }),
    nics: fc.dictionary(port, fc.option(fc.record({ state: fc.constant('up') }))),
    dummies: fc.dictionary(fc.constantFrom('d0', 'd1'), fc.option(address)),
  },
  { requiredKeys: [] },
);

test('what expand prints means what the shorthand meant, and needs no further expansion', () => {
  fc.assert(
    fc.property(shorthand, (plan) => {
      const text = stringify(plan);
      const long = expand(text);
      const printed = stringify(long);
      expect(expand(printed)).toEqual(long);
      let desired: DesiredState;
      try {
        desired = desiredOf(text);
      } catch {
        expect(failureOf(() => desiredOf(printed)).length).toBeGreaterThan(0);
        return;
      }
      expect(meaning(desiredOf(printed))).toEqual(meaning(desired));
      const { target, errors } = mergeDesired(bareHost(), desired);
      const again = mergeDesired(bareHost(), desiredOf(printed));
      expect(again.target).toEqual(target);
      expect(again.errors.length).toBe(errors.length);
    }),
    { numRuns: 60 },
  );
});
