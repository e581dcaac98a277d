import { describe, expect, test } from 'vitest';
import { interfaceMap } from '../../src/network/state.js';
import type { InterfaceState, NetworkState } from '../../src/network/state.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { planHost } from '../../src/plan/plan-host.js';
import { failureOf } from '../config/failure.js';
import { desiredOf, hostWith, nic } from '../network/documents.js';

const STACK = `
interfaces:
  - {name: eth1.7, type: vlan, vlan: {base-iface: eth1, id: 7}}
  - {name: mv, type: mac-vlan, mac-vlan: {base-iface: eth1.7, mode: bridge}}
`;

function withInterface(item: InterfaceState, text = STACK): NetworkState {
  const host = hostWith(text);
  return { ...host, interfaces: interfaceMap([...host.interfaces.values(), item]) };
}

function planOf(state: NetworkState, text: string): ChangePlan {
  const observation = {
    state,
    ssh: undefined,
    bootConfigured: new Set<string>(),
    resolvedOwnsDns: false,
  };
  return planHost('h1', observation, desiredOf(text));
}

const NEW_ID = 'interfaces: [{name: eth1.7, vlan: {id: 8}}';
const tap = (mode: 'bridge'): InterfaceState => ({
  ...nic('vtap', 9),
  link: { kind: 'mac-vtap', base: 'eth1.7', mode, promiscuous: true },
});

describe('an interface that must be made anew', () => {
  test('takes along, with a warning, what the plan does not name and netorch can make again', () => {
    const { hazards, changes } = planOf(hostWith(STACK), `${NEW_ID}]`);
    expect(changes.map(({ id }) => id)).toEqual(['take away eth1.7', 'create eth1.7', 'create mv']);
    expect(hazards).toEqual([
      {
        kind: 'recreate',
        severity: 'warning',
        text: 'mv is made anew with eth1.7, on which it stands',
      },
    ]);
  });

  test('is refused while a virtual machine has a mac-vtap on it open, unless that is allowed by name', () => {
    expect(failureOf(() => planOf(withInterface(tap('bridge')), `${NEW_ID}]`))).toEqual([
      'plan.yml:1:14 RECREATE_REFUSED: h1: vtap stands on eth1.7, which must be made anew, and would lose what netorch cannot carry over: the device that a virtual machine has open\n  allow it in the plan: "name: vtap" with "allow-recreate: true"',
    ]);
    const allowing = `${NEW_ID}, {name: vtap, allow-recreate: true}]`;
    expect(planOf(withInterface(tap('bridge')), allowing).changes.map(({ id }) => id)).toContain(
      'create vtap',
    );
  });

  test('is refused when something stands on it that netorch cannot make', () => {
    const other: InterfaceState = {
      ...nic('ipvl', 9),
      link: { kind: 'other', type: 'ipvlan', base: 'eth1.7' },
    };
    for (const more of [
      ']',
      ', {name: eth1.7.x, state: ignore}, {name: ipvl, allow-recreate: true}]',
    ]) {
      expect(failureOf(() => planOf(withInterface(other), `${NEW_ID}${more}`))).toEqual([
        expect.stringContaining('itself: netorch cannot make a ipvlan'),
      ]);
    }
  });

  test('is refused when a filter, a queue or a rule is bound to it, or to what stands on it', () => {
    const host = hostWith(STACK);
    const bound = new Map(host.interfaces);
    const mv = bound.get('mv');
    if (mv === undefined) throw new Error('no mv');
    bound.set('mv', {
      ...mv,
      facts: { ...nic('mv', 9).facts!, attachments: ['a tc mirror from eth2'] },
    });
    const state = { ...host, interfaces: bound };
    expect(failureOf(() => planOf(state, `${NEW_ID}]`))).toEqual([
      expect.stringContaining('mv stands on eth1.7, which must be made anew, and would lose'),
    ]);
    const allowed = planOf(state, `${NEW_ID}, {name: mv, allow-recreate: true}]`);
    expect(allowed.hazards.map(({ text }) => text)).toContain(
      'mv loses, as the plan allows: a tc mirror from eth2',
    );
  });
});

describe('what the plan does not speak of', () => {
  test('a virtual machine that is cut off from its bridge is a warning', () => {
    const bridge = 'interfaces: [{name: br0, type: linux-bridge, bridge: {port: [{name: tap0}]}}]';
    const { hazards } = planOf(hostWith(bridge), 'interfaces: [{name: br0, state: absent}]');
    expect(hazards.map(({ text }) => text)).toContain(
      'tap0 leaves br0: the virtual machine or container behind it is cut off',
    );
  });

  test('networks that move into the table of a VRF are a warning, and sshd there one more', () => {
    const state = hostWith(
      'interfaces: [{name: eth1, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}]}}]',
    );
    const observation = {
      state,
      ssh: { serverAddress: '192.0.2.5', clientAddress: '192.0.2.9', serverPort: 22 },
      bootConfigured: new Set<string>(),
      resolvedOwnsDns: false,
    };
    const vrf = 'interfaces: [{name: blue, type: vrf, vrf: {route-table-id: 100, port: [eth1]}}]';
    expect(planHost('h1', observation, desiredOf(vrf)).hazards.map(({ text }) => text)).toEqual([
      'the networks of eth1 move to table 100 (VRF blue): what uses the main table reaches them no more',
      'SSH arrives at eth1, which joins VRF blue: sshd hears it there only with the sysctl net.ipv4.tcp_l3mdev_accept=1',
    ]);
  });
});
