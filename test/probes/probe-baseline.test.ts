import { describe, expect, test } from 'vitest';

import { defaultGateways, isRequiredAfter, newAddresses } from '../../src/probes/probe-baseline.js';
import { interfaceMap, type NetworkState } from '../../src/network/state.js';
import type { ProbeSpec } from '../../src/probes/probe-script.js';
import { hostWith } from '../network/documents.js';

const eth1 = (ip: string, more = '') =>
  `interfaces: [{name: eth1, type: ethernet, state: up${more}, ipv4: {enabled: true, address: [{ip: ${ip}, prefix-length: 24}]}}]`;
const via = (gateway: string, metric = 0) =>
  `{destination: 0.0.0.0/0, next-hop-address: ${gateway}, next-hop-interface: eth1, metric: ${metric}}`;
const routed = (...routes: readonly string[]) => `routes: {config: [${routes.join(', ')}]}`;

const PING: ProbeSpec = { kind: 'ping', address: '192.0.2.9' };
const FAR: ProbeSpec = { kind: 'tcp', address: '203.0.113.9', port: 443 };
const BIG: ProbeSpec = { kind: 'ping', address: '192.0.2.9', size: 9000 };
const NAME: ProbeSpec = { kind: 'ping', address: 'db.example.net' };

describe('a probe that failed before the change', () => {
  const bad = { good: false, text: 'no answer' };
  test.each<[string, ProbeSpec, string, string, boolean]>([
    ['is not required on the same subnet', PING, eth1('192.0.2.5'), eth1('192.0.2.6'), false],
    ['is required in a subnet that the plan brings', PING, '{}', eth1('192.0.2.5'), true],
    [
      'is not required by the same gateway',
      FAR,
      `${eth1('192.0.2.5')}\n${routed(via('192.0.2.1'))}`,
      `${eth1('192.0.2.5', ', mtu: 1400')}\n${routed(via('192.0.2.1'))}`,
      false,
    ],
    [
      'is required by another gateway',
      FAR,
      `${eth1('192.0.2.5')}\n${routed(via('192.0.2.1'))}`,
      `${eth1('192.0.2.5')}\n${routed(via('192.0.2.2'))}`,
      true,
    ],
    [
      'is not required of a name by the same gateway',
      NAME,
      `${eth1('192.0.2.5')}\n${routed(via('192.0.2.1'))}`,
      `${eth1('192.0.2.5', ', mtu: 1400')}\n${routed(via('192.0.2.1'))}`,
      false,
    ],
    [
      'is required of a size that the plan makes room for',
      BIG,
      eth1('192.0.2.5'),
      eth1('192.0.2.5', ', mtu: 9000'),
      true,
    ],
    [
      'is not required of a size that had room before',
      BIG,
      eth1('192.0.2.5', ', mtu: 9000'),
      eth1('192.0.2.6', ', mtu: 9000'),
      false,
    ],
    [
      'is required where the play says so',
      { ...PING, isRequired: true },
      eth1('192.0.2.5'),
      eth1('192.0.2.6'),
      true,
    ],
    [
      'is not required of a program',
      { kind: 'run', command: ['false'], timeoutSeconds: 1 },
      '{}',
      eth1('192.0.2.6'),
      false,
    ],
    [
      'is required of a name where the plan changes the servers',
      { kind: 'dns', name: 'example.net' },
      '{}',
      'dns-resolver: {config: {server: [192.0.2.53]}}',
      true,
    ],
    [
      'is not required of a name that the same servers did not know',
      { kind: 'dns', name: 'example.net' },
      'dns-resolver: {config: {server: [192.0.2.53]}}',
      `${eth1('192.0.2.5')}\ndns-resolver: {config: {server: [192.0.2.53]}}`,
      false,
    ],
  ])('%s', (_, probe, observed, target, expected) => {
    expect(isRequiredAfter(probe, bad, hostWith(observed), hostWith(target))).toBe(expected);
    // What was good must stay so, whatever the plan does.
    expect(
      isRequiredAfter(probe, { good: true, text: '' }, hostWith(observed), hostWith(target)),
    ).toBe(true);
  });
});

test('of several default routes the one with the least metric leads to the gateway', () => {
  const state = hostWith(
    `${eth1('192.0.2.5')}\n${routed(via('192.0.2.1', 100), via('192.0.2.2', 50))}`,
  );
  expect(defaultGateways(state).map((route) => route.nextHopAddress)).toEqual(['192.0.2.2']);
  expect(defaultGateways(hostWith('{}'))).toEqual([]);
});

describe('addresses that somebody else may have', () => {
  const both = eth1('192.0.2.5').replace(
    'prefix-length: 24}',
    'prefix-length: 24}, {ip: 192.0.2.6, prefix-length: 24}, {ip: 192.0.2.7, prefix-length: 32}',
  );
  const vlan = (id: number) =>
    `interfaces: [{name: eth1.5, type: vlan, state: up, vlan: {base-iface: eth1, id: ${id}}, ipv4: {enabled: true, address: [{ip: 192.0.2.5, prefix-length: 24}]}}]`;
  const bare = (id: number) => vlan(id).replace(/, ipv4.*/, '}]');

  test.each<[string, string, string, readonly string[]]>([
    ['are those that come', eth1('192.0.2.5'), both, ['192.0.2.6 eth1']],
    ['are none where nothing comes', both, eth1('192.0.2.5'), []],
    [
      'are not those that move within the host',
      eth1('192.0.2.5'),
      eth1('192.0.2.5').replaceAll('eth1', 'eth2'),
      [],
    ],
    ['are not those of an interface that is made', '{}', vlan(5), []],
    ['are those of a VLAN that is there', bare(5), vlan(5), ['192.0.2.5 eth1.5']],
    ['are not those of a VLAN that gets another id', bare(4), vlan(5), []],
    [
      'are not those of an interface that is down',
      'interfaces: [{name: eth1, type: ethernet, state: down}]',
      eth1('192.0.2.5'),
      [],
    ],
  ])('%s', (_, observed, target, expected) => {
    expect(
      newAddresses(withCarriers(hostWith(observed)), hostWith(target)).map((probe) =>
        probe.kind === 'vacant' ? `${probe.address} ${probe.device}` : probe.kind,
      ),
    ).toEqual(expected);
  });
});

/** What is made in a test has no facts of a kernel. */
function withCarriers(state: NetworkState): NetworkState {
  const facts = state.interfaces.get('eth2')?.facts;
  return {
    ...state,
    interfaces: interfaceMap(
      [...state.interfaces.values()].map((item) => ({ ...item, facts: item.facts ?? facts })),
    ),
  };
}
