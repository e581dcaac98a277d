import { describe, expect, test } from 'vitest';

import { mergeDesired } from '../../src/network/merge.js';
import { trialResult, vlanTrials, type TrialSpec } from '../../src/probes/vlan-trials.js';
import { desiredOf, hostWith } from '../network/documents.js';

const NIC =
  '{name: eth1, type: ethernet, state: up, ipv4: {enabled: true, address: [{ip: 192.0.2.5, prefix-length: 24}]}}';
const addressed = (ip: string) =>
  `ipv4: {enabled: true, address: [{ip: ${ip}, prefix-length: 24}]}`;
const vlan = (name: string, base: string, id: number, more = '') =>
  `{name: ${name}, type: vlan, state: up, vlan: {base-iface: ${base}, id: ${id}}${more === '' ? '' : `, ${more}`}}`;
const route = (hop: string, by: string) =>
  `\nroutes: {config: [{destination: 0.0.0.0/0, next-hop-address: ${hop}, next-hop-interface: ${by}}]}`;

function trialsOf(plan: string, reached: readonly string[] = [], before = NIC) {
  const observed = hostWith(`interfaces: [${before}]`);
  const { target, errors } = mergeDesired(observed, desiredOf(`interfaces: ${plan}`));
  expect(errors).toEqual([]);
  return vlanTrials(observed, target, reached).map(
    ({ device, id, asked, own }) => `${device} ${id} asks ${asked.join(',')} not ${own.join(',')}`,
  );
}

describe('what is tried', () => {
  test.each<[string, string, readonly string[], readonly string[]]>([
    [
      'a new VLAN with a gateway, on its NIC',
      `[${vlan('eth2.100', 'eth2', 100, addressed('10.1.0.5'))}]${route('10.1.0.1', 'eth2.100')}`,
      [],
      ['eth2 100 asks 10.1.0.1 not 10.1.0.5'],
    ],
    [
      'a new VLAN in which a probe is after somebody',
      `[${vlan('eth2.100', 'eth2', 100, addressed('10.1.0.5'))}]`,
      ['10.1.0.9', '10.2.0.9', 'db.example.net', '2001:db8::1'],
      ['eth2 100 asks 10.1.0.9 not 10.1.0.5'],
    ],
    [
      'a VLAN on a bond that is yet to be made: on a port of it',
      `[{name: bond0, type: bond, state: up, link-aggregation: {mode: active-backup, port: [eth2, eth3]}}, ${vlan('v100', 'bond0', 100, addressed('10.1.0.5'))}]`,
      ['10.1.0.9'],
      ['eth2 100 asks 10.1.0.9 not 10.1.0.5'],
    ],
    [
      'a VLAN below a bridge that has the address',
      `[{name: br0, type: linux-bridge, state: up, ${addressed('10.1.0.5')}, bridge: {port: [{name: v100}]}}, ${vlan('v100', 'eth2', 100)}]${route('10.1.0.1', 'br0')}`,
      [],
      ['eth2 100 asks 10.1.0.1 not 10.1.0.5'],
    ],
    [
      'an address that the host has already is nobody else’s',
      `[{name: eth1, type: ethernet, state: up, ipv4: {enabled: false}}, ${vlan('eth1.7', 'eth1', 7, addressed('192.0.2.5'))}]`,
      ['192.0.2.99'],
      ['eth1 7 asks 192.0.2.99 not '],
    ],
    [
      'not a VLAN in which nobody is known',
      `[${vlan('eth2.100', 'eth2', 100, addressed('10.1.0.5'))}]`,
      [],
      [],
    ],
  ])('%s', (_, plan, reached, expected) => {
    expect(trialsOf(plan, reached)).toEqual(expected);
  });

  const NEW = `[${vlan('eth2.100', 'eth2', 100, addressed('10.1.0.5'))}]`;
  test.each([
    ['on a NIC that is down', '{name: eth2, type: ethernet, state: down}'],
    [
      'on a port of a bridge, whose frames it would take',
      '{name: br0, type: linux-bridge, state: up, bridge: {port: [{name: eth2}]}}',
    ],
    ['that is there by another name', vlan('other', 'eth2', 100)],
    ['that is there', vlan('eth2.100', 'eth2', 100)],
  ])('not a VLAN %s', (_, before) => {
    const observed = hostWith(`interfaces: [${before}]`);
    const { target } = mergeDesired(observed, desiredOf(`interfaces: ${NEW}`));
    expect(vlanTrials(observed, target, ['10.1.0.9'])).toEqual([]);
  });
});

describe('what follows', () => {
  const TRIAL: TrialSpec = {
    kind: 'trial',
    device: 'eth2',
    id: 100,
    protocol: '802.1q',
    asked: ['10.1.0.1', '10.1.0.9'],
    own: ['10.1.0.5'],
  };
  const NOTHING = { silent: undefined, taken: undefined };
  test.each<[string, Readonly<Record<string, string>> | undefined, object]>([
    ['one of them answers', { '10.1.0.9': '02:00:00:00:00:09' }, NOTHING],
    [
      'nobody answers',
      {},
      {
        silent:
          'nobody answers ARP in VLAN 100 on eth2 (asked for 10.1.0.1, 10.1.0.9): the switch port of eth2 does not carry this VLAN, or those addresses are not in it',
        taken: undefined,
      },
    ],
    [
      'another host has the address',
      { '10.1.0.5': '02:00:00:00:00:66', '10.1.0.1': '02:00:00:00:00:01' },
      { silent: undefined, taken: { address: '10.1.0.5', mac: '02:00:00:00:00:66' } },
    ],
    [
      'the router answers for all',
      { '10.1.0.5': '02:00:00:00:00:01', '10.1.0.1': '02:00:00:00:00:01' },
      NOTHING,
    ],
    ['it could not be tried', undefined, NOTHING],
  ])('%s', (_, answers, expected) => {
    const macs = new Map(Object.entries(answers ?? {}));
    expect(trialResult(TRIAL, { good: answers !== undefined, text: '', macs })).toEqual(expected);
  });
});
