import { describe, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { mergeDesired } from '../../src/network/merge.js';
import { bareHost, desiredOf } from './documents.js';

const merge = (interfaces: string, policy = '') =>
  mergeDesired(bareHost(), desiredOf(`${policy}\ninterfaces: [${interfaces}]`));

const BOND =
  '{name: bond0, type: bond, link-aggregation: {mode: active-backup, port: [eth1, eth2]}}';

describe('a network as VDSM builds it', () => {
  test.each([
    [
      'a NIC under a bridge',
      '{name: ovirtmgmt, type: linux-bridge, bridge: {port: [{name: eth1}]}}',
    ],
    ['a bridge on nothing', '{name: isolated, type: linux-bridge, bridge: {port: []}}'],
    [
      'one untagged and two tagged networks on a bond',
      `${BOND}, {name: a, type: linux-bridge, bridge: {port: [{name: bond0}]}},
       {name: bond0.7, type: vlan, vlan: {base-iface: bond0, id: 7}},
       {name: bond0.8, type: vlan, vlan: {base-iface: bond0, id: 8}},
       {name: b, type: linux-bridge, bridge: {port: [{name: bond0.8}]}}`,
    ],
  ])('is no matter to speak of: %s', (_, interfaces) => {
    for (const policy of ['', 'policy: vdsm']) {
      const { errors, notes } = merge(interfaces, policy);
      expect(errors.map(formatError)).toEqual([]);
      expect(notes.filter(({ warning }) => warning)).toEqual([]);
    }
  });
});

describe('what VDSM does not build is a warning, and an error where the plan says so', () => {
  test.each([
    [
      'a VLAN on a bridge',
      '{name: br0, type: linux-bridge, bridge: {port: [{name: eth1}]}}, {name: v, type: vlan, vlan: {base-iface: br0, id: 7}}',
      'v',
      'it stands on br0, a linux-bridge: VLANs stand on NICs and bonds',
    ],
    [
      'a VLAN on a port of a bond',
      `${BOND}, {name: v, type: vlan, vlan: {base-iface: eth1, id: 7}}`,
      'v',
      'it stands on eth1, a port of bond0: it belongs on the bond',
    ],
    [
      'a bond of VLANs',
      '{name: v, type: vlan, vlan: {base-iface: eth1, id: 7}}, {name: bond0, type: bond, link-aggregation: {mode: active-backup, port: [v]}}',
      'bond0',
      'its port v is a vlan: bonds have NICs',
    ],
    [
      'a bridge with two ways out',
      '{name: br0, type: linux-bridge, bridge: {port: [{name: eth1}, {name: eth2}]}}',
      'br0',
      'it has several uplinks (eth1, eth2): a network has one',
    ],
  ])('%s', (_, interfaces, name, text) => {
    const asUsual = merge(interfaces);
    expect(asUsual.errors).toEqual([]);
    expect(asUsual.notes.filter(({ warning }) => warning)).toEqual([
      { interface: name, text: `is unlike what VDSM builds: ${text}`, warning: true },
    ]);
    expect(merge(interfaces, 'policy: vdsm').errors.map(({ message }) => message)).toEqual([
      `interface "${name}": against the policy vdsm: ${text}`,
    ]);
  });

  test.each([
    [
      '{name: team1, type: bond, link-aggregation: {mode: active-backup, port: [eth1]}}',
      'interface "team1": against the policy vdsm: a bond is called bond and letters or digits after it',
    ],
    [
      '{name: br0.7, type: linux-bridge, bridge: {port: []}}',
      'interface "br0.7": against the policy vdsm: the name of a bridge has no ":", "." or "/"',
    ],
    [
      '{name: blue, type: vrf, vrf: {route-table-id: 7, port: []}}',
      'interface "blue": against the policy vdsm: a vrf is part of no network of VDSM',
    ],
  ])('only where the plan says so: %s', (interfaces, message) => {
    expect(merge(interfaces).notes.filter(({ warning }) => warning)).toEqual([]);
    expect(merge(interfaces, 'policy: vdsm').errors.map((error) => error.message)).toEqual([
      message,
    ]);
  });

  test('two interfaces with a default route', () => {
    const text = `
interfaces:
  - {name: eth1, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}]}}
  - {name: eth2, ipv4: {address: [{ip: 198.51.100.5, prefix-length: 24}]}}
routes:
  config:
    - {destination: 0.0.0.0/0, next-hop-interface: eth1, next-hop-address: 192.0.2.1, metric: 1}
    - {destination: 0.0.0.0/0, next-hop-interface: eth2, next-hop-address: 198.51.100.1, metric: 2}
`;
    const { errors } = mergeDesired(bareHost(), desiredOf(`policy: vdsm${text}`));
    expect(errors.map(({ message }) => message)).toEqual([
      'interface "eth1": against the policy vdsm: it has a default route, as eth2 has: one network may have it',
      'interface "eth2": against the policy vdsm: it has a default route, as eth1 has: one network may have it',
    ]);
  });
});
