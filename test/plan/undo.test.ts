import { describe, expect, test } from 'vitest';
import { compareStates } from '../../src/network/compare.js';
import { interfaceMap, type NetworkState } from '../../src/network/state.js';
import { planHost } from '../../src/plan/plan-host.js';
import { planUndo, undoneState } from '../../src/plan/undo.js';
import { recordState, stateOf } from '../../src/run/recorded-state.js';
import { bareHost, desiredOf, hostWith } from '../network/documents.js';

const observation = (state: NetworkState) => ({
  state,
  ssh: undefined,
  bootConfigured: new Set<string>(),
  resolvedOwnsDns: false,
});

/** As a journal brings it back. */
function throughJson(state: NetworkState): NetworkState {
  return stateOf(JSON.parse(JSON.stringify(recordState(state))) as ReturnType<typeof recordState>);
}

/** What a transaction for `document` on `before` records, and what the host is after it. */
function changed(before: NetworkState, document: string) {
  const plan = planHost('h1', observation(before), desiredOf(document));
  const made = interfaceMap(
    [...plan.target.interfaces.values()].map((item) => ({
      ...item,
      facts: item.facts ?? bareHost().interfaces.get('eth1')?.facts,
    })),
  );
  const after = { ...plan.target, interfaces: made };
  const undoable = {
    run: 'r1',
    scope: plan.scope,
    before: throughJson(before),
    target: throughJson(plan.target),
  };
  return { after, undoable };
}

const BRIDGE = `interfaces:
  - name: br0
    type: linux-bridge
    bridge: { port: [{ name: eth1 }] }
    ipv4: { enabled: true, address: [{ ip: 192.0.2.5, prefix-length: 24 }] }
`;

const CASES: readonly (readonly [string, string, string])[] = [
  ['a new bridge', '{}', BRIDGE],
  [
    'an address more',
    'interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: 192.0.2.1, prefix-length: 24}]}}]',
    'interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: 192.0.2.1, prefix-length: 24}, {ip: 192.0.2.2, prefix-length: 24}]}}]',
  ],
  [
    'a bond that is dissolved, with what stood on it',
    `interfaces:
  - name: bond0
    type: bond
    link-aggregation: { mode: active-backup, port: [eth1, eth2] }
  - name: bond0.7
    type: vlan
    vlan: { base-iface: bond0, id: 7 }
    ipv4: { enabled: true, address: [{ ip: 192.0.2.5, prefix-length: 24 }] }
routes:
  config:
    - { destination: 198.51.100.0/24, next-hop-address: 192.0.2.1, next-hop-interface: bond0.7 }
`,
    'interfaces: [{name: bond0, type: bond, state: absent}, {name: bond0.7, type: vlan, state: absent}]',
  ],
  [
    'a route, a rule and DNS',
    'interfaces: [{name: eth1, state: up, ipv4: {enabled: true, address: [{ip: 192.0.2.1, prefix-length: 24}]}}]',
    `routes: { config: [{ destination: 198.51.100.0/24, next-hop-address: 192.0.2.9, next-hop-interface: eth1 }] }
route-rules: { config: [{ ip-from: 192.0.2.0/24, route-table: 100, priority: 50 }] }
dns-resolver: { config: { server: [192.0.2.53] } }
`,
  ],
];

describe('undoing', () => {
  test.each(CASES)('%s leads to what was before', (_name, before, document) => {
    const host = hostWith(before);
    const { after, undoable } = changed(host, document);
    const plan = planUndo('h1', observation(after), undoable, false);
    expect(plan.changes.length).toBeGreaterThan(0);
    expect(compareStates(host, plan.target, new Set(plan.scope))).toEqual([]);
    expect(new Set(plan.changes.map(({ why }) => why.text))).toEqual(new Set(['undoes run r1']));
  });

  test('again finds nothing to do', () => {
    const host = hostWith('{}');
    const { undoable } = changed(host, BRIDGE);
    expect(planUndo('h1', observation(host), undoable, false).changes).toEqual([]);
  });

  test('refuses a host that was changed since, unless it is told to', () => {
    const { after, undoable } = changed(hostWith('{}'), BRIDGE);
    const later = interfaceMap(
      [...after.interfaces.values()].map((item) =>
        item.name === 'br0' ? { ...item, mtu: 1400 } : item,
      ),
    );
    const found = observation({ ...after, interfaces: later });
    expect(() => planUndo('h1', found, undoable, false)).toThrow(
      /h1: the host has changed since run r1: br0\.mtu was 1500, is 1400/,
    );
    expect(planUndo('h1', found, undoable, true).target.interfaces.has('br0')).toBe(false);
  });

  test('leaves what others added meanwhile', () => {
    const host = hostWith(BRIDGE);
    const { after, undoable } = changed(host, 'interfaces: [{name: br0, mtu: 1400}]');
    const other = {
      ...after,
      routes: [
        ...after.routes,
        ...hostWith(
          'interfaces: [{name: eth3, ipv4: {enabled: true, address: [{ip: 203.0.113.1, prefix-length: 24}]}}]\nroutes: {config: [{destination: 198.51.100.0/24, next-hop-address: 203.0.113.9, next-hop-interface: eth3}]}',
        ).routes,
      ],
      interfaces: interfaceMap(
        [...after.interfaces.values()].map((item) =>
          item.link.kind === 'linux-bridge'
            ? {
                ...item,
                link: {
                  ...item.link,
                  ports: [...item.link.ports, { name: 'vnet3', options: {}, vlans: [] }],
                },
              }
            : item,
        ),
      ),
    };
    const undone = undoneState(other, undoable);
    expect(undone.routes).toEqual(other.routes);
    const bridge = undone.interfaces.get('br0');
    expect(bridge?.mtu).toBe(1500);
    expect(bridge?.link.kind === 'linux-bridge' && bridge.link.ports.map((p) => p.name)).toEqual([
      'eth1',
      'vnet3',
    ]);
  });
});
