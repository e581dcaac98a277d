import { describe, expect, test } from 'vitest';

import { planHost } from '../../src/plan/plan-host.js';
import { waitSeconds } from '../../src/plan/waits.js';
import { budgetFor, deadlineHazards, leastConfirmSeconds } from '../../src/run/budget.js';
import { desiredOf, hostWith } from '../network/documents.js';

const planOf = (observed: string, desired: string) =>
  planHost(
    'h1',
    {
      state: hostWith(observed),
      ssh: undefined,
      resolvedOwnsDns: false,
      dhcpClients: ['udhcpc'],
    },
    desiredOf(desired),
  );

const LACP = (rate: string) =>
  `{name: bond0, type: bond, state: up, link-aggregation: {mode: 802.3ad, port: [eth3, eth4], options: {lacp_rate: ${rate}}}}`;
const BRIDGE = (more: string) =>
  `{name: br0, type: linux-bridge, state: up, bridge: {port: [{name: bond0}], options: {stp: {enabled: true, forward-delay: 4}}}${more}}`;

describe('what a plan must wait for', () => {
  test.each([
    ['nothing', '{}', 'interfaces: [{name: eth2, type: ethernet, mtu: 1400}]', []],
    ['slow LACP', '{}', `interfaces: [${LACP('slow')}]`, ['lacp bond0 30']],
    ['fast LACP', '{}', `interfaces: [${LACP('fast')}]`, ['lacp bond0 5']],
    [
      'one after the other: LACP, spanning tree (twice the forward delay), DHCP',
      '{}',
      `interfaces: [${LACP('slow')}, ${BRIDGE(', ipv4: {enabled: true, dhcp: true}')}]`,
      ['lacp bond0 30', 'spanning-tree br0 10', 'dhcp br0 15'],
    ],
    [
      'of what is waited for at the same time the longest only',
      '{}',
      `interfaces: [${LACP('slow')}, {name: eth2, type: ethernet, state: up, ipv4: {enabled: true, dhcp: true}}]`,
      ['lacp bond0 30'],
    ],
    [
      'the check of a new IPv6 address',
      '{}',
      'interfaces: [{name: eth2, type: ethernet, state: up, ipv6: {enabled: true, address: [{ip: "2001:db8::5", prefix-length: 64}]}}]',
      ['address-check eth2 2'],
    ],
    [
      'not for LACP that the plan leaves alone',
      `interfaces: [${LACP('slow')}]`,
      'interfaces: [{name: bond0.100, type: vlan, state: up, vlan: {base-iface: bond0, id: 100}}]',
      [],
    ],
    [
      'for LACP again where a port comes to the bond',
      `interfaces: [${LACP('slow')}]`,
      'interfaces: [{name: bond0, type: bond, link-aggregation: {mode: 802.3ad, port: [eth2, eth3, eth4]}}]',
      ['lacp bond0 30'],
    ],
    [
      'not for a bridge whose spanning tree is off',
      '{}',
      'interfaces: [{name: br0, type: linux-bridge, state: up, bridge: {port: [{name: eth2}], options: {stp: {enabled: false}}}}]',
      [],
    ],
  ])('%s', (_, observed, desired, expected) => {
    const waits = planOf(observed, desired).waits ?? [];
    expect(waits.map((wait) => `${wait.kind} ${wait.interface} ${wait.seconds}`)).toEqual(expected);
  });
});

describe('the confirm window', () => {
  const plan = planOf(
    '{}',
    `interfaces: [${LACP('slow')}, ${BRIDGE(', ipv4: {enabled: true, dhcp: true}')}]`,
  );

  test('is never shorter than what is waited for and time to look', () => {
    expect(waitSeconds(plan.waits)).toBe(55);
    expect(leastConfirmSeconds(plan)).toBe(65);
    expect(budgetFor(plan, 20).confirmSeconds).toBe(65);
    expect(budgetFor(plan, 120).confirmSeconds).toBe(120);
  });

  test('that nobody chose is told with its parts', () => {
    expect(deadlineHazards(plan, 30)).toEqual([
      {
        kind: 'deadline',
        severity: 'note',
        text: '65 s to prove it good: it may take 65 s (LACP on bond0 30 s + spanning tree on br0 10 s + DHCP on br0 15 s + 10 s to look and confirm)',
      },
    ]);
  });

  test('that somebody chose too short is warned of', () => {
    expect(deadlineHazards(plan, 20)).toEqual([
      {
        kind: 'deadline',
        severity: 'warning',
        text: 'a deadline of 20 s is too short: the change may take 65 s to be proved good (LACP on bond0 30 s + spanning tree on br0 10 s + DHCP on br0 15 s + 10 s to look and confirm), and is given these',
      },
    ]);
  });

  test('of a plan that waits for nothing is not worth a word', () => {
    const quick = planOf('{}', 'interfaces: [{name: eth2, type: ethernet, mtu: 1400}]');
    expect(deadlineHazards(quick, 20)).toEqual([]);
  });
});
