/** What netorch made goes when no plan names it; what others made stays, and keeps what it needs. */
import { describe, expect, test } from 'vitest';
import { parseOwnedLine } from '../../src/network/owned.js';
import type { OwnedObject } from '../../src/network/owned.js';
import { interfaceMap } from '../../src/network/state.js';
import type { InterfaceState, NetworkState, Route } from '../../src/network/state.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { ownedDelta } from '../../src/plan/owned-delta.js';
import { planHost, type PlanOptions } from '../../src/plan/plan-host.js';
import { bareHost, desiredOf, hostWith, nic } from '../network/documents.js';

const RUN_A = 'root@ctl, run A';

/** The record after netorch has carried out a plan on a bare host. */
function recordOf(after: NetworkState, before = bareHost(), owner = RUN_A): readonly OwnedObject[] {
  return ownedDelta(before, after, [], owner).add.flatMap((line) => parseOwnedLine(line) ?? []);
}

function planned(
  state: NetworkState,
  owned: readonly OwnedObject[],
  wanted: string,
  options: PlanOptions = { prune: true },
  daemonRoutes: readonly Route[] = [],
): ChangePlan {
  return planHost(
    'h1',
    {
      state,
      ssh: undefined,
      resolvedOwnsDns: false,
      owned,
      daemonRoutes,
    },
    desiredOf(wanted),
    options,
  );
}

const summaries = (plan: ChangePlan) => plan.changes.map((change) => change.summary);
const notes = (plan: ChangePlan) => plan.hazards.map((hazard) => hazard.text).join('\n');

const STACK = `
bonds: {bond0: {ports: [eth1, eth2], mode: 802.3ad}}
vlans: {bond0.100: }
bridges: {br0: {ports: [bond0.100], ip: 192.0.2.5/24, routes: {198.51.100.0/24: 192.0.2.1}}}
nics: {eth3: {ip: 203.0.113.5/24}}
rules: [{from: 192.0.2.0/24, table: 50, priority: 1000}]
`;

function withInterfaces(state: NetworkState, ...more: readonly InterfaceState[]): NetworkState {
  return { ...state, interfaces: interfaceMap([...state.interfaces.values(), ...more]) };
}

describe('the record', () => {
  test('names what a transaction made, and nothing that was there', () => {
    const before = hostWith('nics: {eth3: {ip: 203.0.113.9/24}}\nbridges: {br9: {ports: [eth4]}}');
    const after = hostWith(STACK.replace('203.0.113.5/24', '[203.0.113.9/24, 203.0.113.5/24]'));
    const lines = ownedDelta(before, after, [], RUN_A).add;
    expect(lines).toEqual([
      `address br0 192.0.2.5/24 # ${RUN_A}`,
      `address eth3 203.0.113.5/24 # ${RUN_A}`,
      `link bond0 bond # ${RUN_A}`,
      `link bond0.100 vlan bond0 802.1q 100 # ${RUN_A}`,
      `link br0 linux-bridge # ${RUN_A}`,
      `port bond0.100 br0 # ${RUN_A}`,
      `port eth1 bond0 # ${RUN_A}`,
      `port eth2 bond0 # ${RUN_A}`,
      `route ipv4 unicast 198.51.100.0/24 table 254 metric 0 via 192.0.2.1 dev br0 src - # ${RUN_A}`,
      `rule ipv4 from 192.0.2.0/24 to all iif - fwmark -/- table 50 # ${RUN_A}`,
    ]);
  });

  test('what is gone leaves it; what is changed in place stays whose it was', () => {
    const before = hostWith('vlans: {eth1.7: , eth1.8: }\nnics: {eth3: {ip: 203.0.113.5/24}}');
    const record = recordOf(before);
    const after = hostWith('vlans: {eth1.7: {id: 9}}\nnics: {eth3: {ip: 203.0.113.6/24}}');
    const delta = ownedDelta(before, after, record, 'root@ctl, run B');
    expect(delta.add).toEqual([
      'address eth3 203.0.113.6/24 # root@ctl, run B',
      `link eth1.7 vlan eth1 802.1q 9 # ${RUN_A}`,
    ]);
    expect(delta.drop.toSorted()).toEqual([
      `address eth3 203.0.113.5/24 # ${RUN_A}`,
      `link eth1.7 vlan eth1 802.1q 7 # ${RUN_A}`,
      `link eth1.8 vlan eth1 802.1q 8 # ${RUN_A}`,
    ]);
  });

  test('somebody else’s VLAN does not become netorch’s by getting another id', () => {
    const before = hostWith('vlans: {eth1.7: }');
    expect(ownedDelta(before, hostWith('vlans: {eth1.7: {id: 9}}'), [], RUN_A).add).toEqual([]);
  });

  test.each(['', 'link', 'nonsense bond0 # root', '# root@ctl', 'link # x'])(
    'a line that is none (%j) proves nothing',
    (line) => {
      expect(parseOwnedLine(line)).toBeUndefined();
    },
  );
});

describe('pruning', () => {
  const state = hostWith(STACK);
  const record = recordOf(state);

  test('without --prune nothing goes', () => {
    expect(planned(state, record, 'nics: {eth4: }', {}).changes).toEqual([]);
  });

  test('with it everything goes that netorch made, top-down, with its reason', () => {
    const plan = planned(state, record, 'nics: {eth4: }');
    expect(plan.target.interfaces.has('bond0')).toBe(false);
    expect(plan.target.interfaces.has('bond0.100')).toBe(false);
    expect(plan.target.interfaces.has('br0')).toBe(false);
    expect(plan.target.interfaces.get('eth3')?.ipv4.addresses).toEqual([]);
    expect(plan.target.routes).toEqual([]);
    expect(plan.target.rules).toEqual([]);
    const deletions = plan.changes.filter((change) => change.summary.startsWith('delete '));
    expect(deletions.map((change) => change.object)).toEqual(['br0', 'bond0.100', 'bond0']);
    for (const change of deletions) {
      expect(change.why.text).toBe(
        `pruned: made by netorch (${RUN_A}), and no plan names it any more`,
      );
    }
    const rule = plan.changes.find((change) => change.object === 'rule');
    expect(rule?.why.text).toContain(`(${RUN_A})`);
    const address = plan.changes.find((change) => change.object === 'eth3');
    expect(address?.why.text).toContain(`(${RUN_A})`);
  });

  test('what the plan names, or stands something on, stays', () => {
    const plan = planned(state, record, 'vlans: {v7: {base: bond0, id: 7}}');
    expect([...plan.target.interfaces.keys()]).toContain('bond0');
    expect([...plan.target.interfaces.keys()]).not.toContain('br0');
    const full = planned(state, record, STACK);
    expect(summaries(full)).toEqual([]);
  });

  test('what another play wants of the host stays', () => {
    const others = [desiredOf(STACK)];
    expect(planned(state, record, 'nics: {eth4: }', { prune: true, others }).changes).toEqual([]);
  });

  test('of two playbooks on one host, only what netorch has on record goes, and whose it is is said', () => {
    const second = hostWith(`${STACK}dummies: {d0: }`);
    const both = [...record, ...recordOf(second, state, 'anna@ctl2, run B')];
    const plan = planned(second, both, STACK);
    expect(plan.changes.map((change) => [change.summary, change.why.text])).toEqual([
      [
        expect.stringContaining('delete dummy d0'),
        'pruned: made by netorch (anna@ctl2, run B), and no plan names it any more',
      ],
    ]);
  });

  test('nothing goes that is not on record, whatever it looks like', () => {
    expect(planned(state, [], 'nics: {eth4: }').changes).toEqual([]);
    const rebuilt = hostWith(STACK.replace('bond0.100: ', 'bond0.100: {id: 101}'));
    const plan = planned(rebuilt, record, 'nics: {eth4: }');
    expect([...plan.target.interfaces.keys()]).toEqual(
      expect.arrayContaining(['bond0', 'bond0.100']),
    );
  });

  test('addresses that others gave to the same interface stay', () => {
    const shared = hostWith('nics: {eth3: {ip: [203.0.113.9/24, 203.0.113.5/24]}}');
    const own = record.filter((item) => item.key.startsWith('eth3 '));
    const plan = planned(shared, own, 'nics: {eth4: }');
    expect(plan.target.interfaces.get('eth3')?.ipv4.addresses).toEqual([
      { ip: '203.0.113.9', prefixLength: 24 },
    ]);
  });

  test('a route of the same destination that somebody else set stays', () => {
    const twin: Route = {
      ...(state.routes[0] as Route),
      metric: 77,
    };
    const plan = planned(
      { ...state, routes: [...state.routes, twin] },
      record,
      STACK.replace(', routes: {198.51.100.0/24: 192.0.2.1}', ''),
    );
    expect(plan.target.routes).toEqual([twin]);
  });

  test.each<[string, (state: NetworkState) => NetworkState, readonly Route[], string]>([
    [
      'a virtual machine on the bridge',
      (host) => {
        const tap = host.interfaces.get('tap0') as InterfaceState;
        const bridge = host.interfaces.get('br0') as InterfaceState;
        if (bridge.link.kind !== 'linux-bridge') throw new Error('br0 is no bridge');
        const ports = [...bridge.link.ports, { name: 'tap0', options: {}, vlans: [] }];
        return withInterfaces(
          host,
          { ...tap, controller: 'br0' },
          { ...bridge, link: { ...bridge.link, ports } },
        );
      },
      [],
      'netorch did not attach its port tap0',
    ],
    [
      'an address that was set by hand',
      (host) => {
        const bridge = host.interfaces.get('br0') as InterfaceState;
        const addresses = [...bridge.ipv4.addresses, { ip: '192.0.2.99', prefixLength: 24 }];
        return withInterfaces(host, { ...bridge, ipv4: { enabled: true, addresses } });
      },
      [],
      'netorch did not give it the address 192.0.2.99/24',
    ],
    [
      'a route of a routing daemon',
      (host) => host,
      [
        {
          family: 'ipv4',
          type: 'unicast',
          destination: '10.9.0.0/16',
          table: 254,
          metric: 20,
          nextHopInterface: 'br0',
          nextHopAddress: '192.0.2.7',
          source: undefined,
          onlink: false,
          protocol: 186,
          foreign: false,
        } as Route,
      ],
      "the route 10.9.0.0/16 via 192.0.2.7 dev br0 metric 20 is not netorch's",
    ],
  ])('%s keeps the bridge', (_name, change, daemonRoutes, why) => {
    const plan = planned(change(state), record, 'nics: {eth4: }', { prune: true }, daemonRoutes);
    expect(plan.target.interfaces.has('br0')).toBe(true);
    expect(notes(plan)).toContain(`br0 stays, though no plan names it and netorch made it: ${why}`);
  });

  test('a VLAN of somebody else keeps the bond below it, and that its ports', () => {
    const foreign: InterfaceState = {
      ...nic('bond0.200', 40),
      link: { kind: 'vlan', base: 'bond0', id: 200, protocol: '802.1q' },
    } as InterfaceState;
    const plan = planned(withInterfaces(state, foreign), record, 'nics: {eth4: }');
    expect(plan.target.interfaces.get('bond0')?.link).toMatchObject({ ports: ['eth1', 'eth2'] });
    expect(plan.target.interfaces.has('bond0.200')).toBe(true);
    expect(plan.target.interfaces.has('br0')).toBe(false);
    expect(notes(plan)).toContain('bond0.200 stands on it');
  });
});

describe('ports of a bridge', () => {
  const state = hostWith('bridges: {br0: {ports: [eth1, eth2, tap0]}}');
  const own = [parseOwnedLine(`port eth2 br0 # ${RUN_A}`) as OwnedObject];
  const ports = (plan: ChangePlan) => {
    const link = plan.target.interfaces.get('br0')?.link;
    return link?.kind === 'linux-bridge' ? link.ports.map((port) => port.name) : [];
  };

  test('one that netorch attached leaves when the list names it no more, others stay and are listed', () => {
    const plan = planned(state, own, 'bridges: {br0: {ports: [eth1]}}', {});
    expect(ports(plan)).toEqual(['eth1', 'tap0']);
    const [change] = plan.changes;
    expect(change?.summary).toContain('detach eth2 from br0');
    expect(change?.why.text).toBe(
      `netorch attached it (${RUN_A}), and the list of ports names it no more`,
    );
    expect(notes(plan)).toContain('br0 keeps port tap0, which the plan does not name');
  });

  test('an exclusive bridge keeps only what the plan names', () => {
    const plan = planned(state, own, 'bridges: {br0: {ports: [eth1], exclusive: true}}', {});
    expect(ports(plan)).toEqual(['eth1']);
    expect(notes(plan)).toContain('port tap0 is detached: the bridge is exclusive');
  });

  test('without a list only --prune detaches, and only what netorch attached', () => {
    const wanted = 'bridges: {br0: {mtu: 1500}}';
    expect(planned(state, own, wanted, {}).changes).toEqual([]);
    expect(ports(planned(state, own, wanted))).toEqual(['eth1', 'tap0']);
  });

  test('a port that the plan attaches elsewhere, or says something else of, is not touched twice', () => {
    const moved = 'bridges: {br0: {ports: [eth1]}, br1: {ports: [eth2]}}';
    expect(planned(state, own, moved, {}).target.interfaces.get('eth2')?.controller).toBe('br1');
    const ignored = 'interfaces: [{name: eth2, state: ignore}]\nbridges: {br0: {ports: [eth1]}}';
    expect(ports(planned(state, own, ignored, {}))).toEqual(['eth1', 'eth2', 'tap0']);
  });
});
