import { describe, expect, test } from 'vitest';
import { mergeDesired } from '../../src/network/merge.js';
import { interfaceMap } from '../../src/network/state.js';
import type { InterfaceState, NetworkState } from '../../src/network/state.js';
import { bareHost, desiredOf, hostWith } from './documents.js';

const changed = (
  state: NetworkState,
  name: string,
  change: (item: InterfaceState) => InterfaceState,
): NetworkState => ({
  ...state,
  interfaces: interfaceMap(
    [...state.interfaces.values()].map((item) => (item.name === name ? change(item) : item)),
  ),
});

const byMac = (mac: string, name = 'wan'): string =>
  `interfaces: [{name: ${name}, type: ethernet, mtu: 9000, identifier: mac-address, mac-address: "${mac}"}]`;

function mtusOf(observed: NetworkState, text: string): Readonly<Record<string, number>> | string {
  const { target, errors } = mergeDesired(observed, desiredOf(text));
  const [error] = errors;
  if (error !== undefined) return error.message;
  return Object.fromEntries(
    [...target.interfaces.values()]
      .filter(({ mtu }) => mtu !== 1500)
      .map(({ name, mtu }) => [name, mtu]),
  );
}

describe('a route in the table of a VRF', () => {
  test.each([
    ['eth1', 'route to 10.0.0.0/8: vrf-name "eth1" is no VRF'],
    ['red', 'route to 10.0.0.0/8: vrf-name "red" is no interface of h1'],
    ['blue', 'route to 10.0.0.0/8: vrf-name "blue" is absent in this plan'],
  ])('needs that VRF: %s', (vrf, words) => {
    const blue = 'interfaces: [{name: blue, type: vrf, vrf: {route-table-id: 7, port: []}}]';
    const text = `interfaces: [{name: blue, state: absent}]
routes: {config: [{destination: 10.0.0.0/8, next-hop-interface: eth1, vrf-name: ${vrf}}]}`;
    expect(mtusOf(hostWith(blue), text)).toBe(words);
  });
});

describe('an interface found by its MAC', () => {
  test('is the one whose own address it is, not one that was lent it', () => {
    const bond =
      'interfaces: [{name: bond0, type: bond, link-aggregation: {mode: active-backup, port: [eth1, eth2]}}]';
    const lent = changed(hostWith(bond), 'eth2', (item) => ({ ...item, mac: '52:54:00:00:00:01' }));
    expect(mtusOf(lent, byMac('52:54:00:00:00:02').replace('mtu: 9000, ', ''))).toEqual({});
    expect(mtusOf(bareHost(), byMac('52:54:00:00:00:02'))).toEqual({ eth2: 9000 });
  });

  test('may have got another one since', () => {
    const moved = changed(bareHost(), 'eth3', (item) => ({ ...item, mac: '02:00:00:00:00:33' }));
    expect(mtusOf(moved, byMac('52:54:00:00:00:03'))).toEqual({ eth3: 9000 });
    expect(mtusOf(moved, byMac('02:00:00:00:00:33'))).toEqual({ eth3: 9000 });
    // The address was to find it by: it is not set.
    const { target } = mergeDesired(moved, desiredOf(byMac('52:54:00:00:00:03')));
    expect(target.interfaces.get('eth3')?.mac).toBe('02:00:00:00:00:33');
  });

  test.each([
    [
      '02:00:00:00:00:99',
      'interface "wan": h1 has no interface with MAC address 02:00:00:00:00:99',
    ],
    [
      '52:54:00:00:00:02',
      'interface "wan": h1 has several interfaces with MAC address 52:54:00:00:00:02: eth1, eth2',
    ],
  ])('must be there once: %s', (mac, words) => {
    const twins = changed(bareHost(), 'eth1', (item) => ({
      ...item,
      mac: '52:54:00:00:00:02',
      ...(item.facts === undefined
        ? {}
        : { facts: { ...item.facts, permanentMac: '52:54:00:00:00:02' } }),
    }));
    expect(mtusOf(twins, byMac(mac))).toBe(words);
  });

  test('is not named a second time', () => {
    const text = `${byMac('52:54:00:00:00:02').slice(0, -1)}, {name: eth2, mtu: 1400}]`;
    expect(mtusOf(bareHost(), text)).toBe('interface "eth2": is listed twice');
  });
});

test('an interface is found by its PCI address', () => {
  const host = changed(bareHost(), 'eth4', (item) =>
    item.facts === undefined
      ? item
      : { ...item, facts: { ...item.facts, pciAddress: '0000:07:00.0' } },
  );
  const text =
    'interfaces: [{name: wan, mtu: 9000, identifier: pci-address, pci-address: "0000:07:00.0"}]';
  expect(mtusOf(host, text)).toEqual({ eth4: 9000 });
  expect(mtusOf(bareHost(), text)).toBe(
    'interface "wan": h1 has no interface with PCI address 0000:07:00.0',
  );
});

test('an alternative name is there once on a host', () => {
  const host = hostWith('interfaces: [{name: eth1, alt-names: [{name: left}]}]');
  const take = (name: string): string => `interfaces: [{name: eth2, alt-names: [{name: ${name}}]}]`;
  expect(mtusOf(host, take('left'))).toBe(
    'interface "eth2": the alternative name "left" is taken by "eth1"',
  );
  expect(mtusOf(host, take('eth3'))).toBe(
    'interface "eth2": the alternative name "eth3" is taken by "eth3"',
  );
});

test('an interface that netorch does not model may be named, with all that the host knows of it', () => {
  const host = changed(bareHost(), 'tap0', (item) => ({
    ...item,
    alias: 'vm 7',
    altNames: [],
    promiscuous: false,
  }));
  expect(mtusOf(host, 'interfaces: [{name: tap0, state: up}]')).toEqual({});
  expect(mtusOf(host, 'interfaces: [{name: tap0, description: vm 8}]')).toMatch(
    'netorch does not change',
  );
});
