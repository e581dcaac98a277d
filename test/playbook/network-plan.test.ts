import { describe, expect, test } from 'vitest';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { parseDesiredState } from '../../src/network/parse.js';
import { networkPlanFor } from '../../src/playbook/network-plan.js';
import { parsePlaybook } from '../../src/playbook/playbook.js';
import { failureOf } from '../config/failure.js';

function planFor(inventoryText: string, playText?: string) {
  const inventory = createInventory(readInventoryGraph([{ file: 'i.yml', text: inventoryText }]));
  const play =
    playText === undefined
      ? undefined
      : parsePlaybook('p.yml', `- hosts: all\n${playText}`).plays[0];
  return networkPlanFor('h', play, inventory);
}

const nowhere = () => ({ file: 'nowhere', line: 1, column: 1 });

const PLAY = `
  network:
    interfaces:
      - name: bond0
        type: bond
        mtu: 1500
        link-aggregation: {mode: 802.3ad, port: [eth1, eth2]}
      - name: eth9
        type: ethernet
`;

test('without a play and without a variable there is no plan', () => {
  expect(planFor('all: {hosts: {h: }}')).toBeUndefined();
  expect(planFor('all: {hosts: {h: {network: }}}', '')).toBeUndefined();
});

test('a host with a variable of its own needs no play', () => {
  const plan = planFor('all: {hosts: {h: {network: {interfaces: [{name: eth1}]}}}}');
  expect(plan?.value).toEqual({ interfaces: [{ name: 'eth1' }] });
});

describe('sources are merged', () => {
  test('by interface name, key by key, the host over the play', () => {
    const own = `all: {hosts: {h: {network: {interfaces: [
      {name: br0}, {name: bond0, mtu: 9000, link-aggregation: {port: [eth3]}}]}}}}`;
    const plan = planFor(own, PLAY);
    expect(plan?.value).toEqual({
      interfaces: [
        {
          name: 'bond0',
          type: 'bond',
          mtu: 9000,
          'link-aggregation': { mode: '802.3ad', port: ['eth3'] },
        },
        { name: 'eth9', type: 'ethernet' },
        { name: 'br0' },
      ],
    });
    expect(plan?.locate(['interfaces', 0, 'mtu'])).toMatchObject({ file: 'i.yml', line: 2 });
    expect(plan?.locate(['interfaces', 0, 'type'])).toMatchObject({ file: 'p.yml', line: 6 });
    expect(plan?.locate(['interfaces', 0, 'link-aggregation', 'mode'])).toMatchObject({
      file: 'p.yml',
      line: 8,
    });
    expect(plan?.locate(['interfaces', 2])).toMatchObject({ file: 'i.yml', line: 2 });
  });

  test('routes and rules are put together, DNS is replaced', () => {
    const own = `all: {hosts: {h: {network: {
      routes: {config: [{destination: b}]}, route-rules: {config: [{priority: 2}]},
      dns-resolver: {config: {server: [2.2.2.2]}}}}}}`;
    const play = `
  network:
    routes: {config: [{destination: a}]}
    route-rules: {config: [{priority: 1}]}
    dns-resolver: {config: {server: [1.1.1.1], search: [example.com]}}
`;
    const plan = planFor(own, play);
    expect(plan?.value).toEqual({
      routes: { config: [{ destination: 'a' }, { destination: 'b' }] },
      'route-rules': { config: [{ priority: 1 }, { priority: 2 }] },
      'dns-resolver': { config: { server: ['2.2.2.2'] } },
    });
    expect(plan?.locate(['routes', 'config', 1])).toMatchObject({ file: 'i.yml' });
  });

  test('names that are expressions are rendered before', () => {
    const own = 'all: {hosts: {h: {nic: eth1, network: {interfaces: [{name: eth1, mtu: 9000}]}}}}';
    const play = '  network: {interfaces: [{name: "{{ nic }}", state: up}]}';
    expect(planFor(own, play)?.value).toEqual({
      interfaces: [{ name: 'eth1', state: 'up', mtu: 9000 }],
    });
  });

  test('the shorthand of one source and the long form of another are one interface', () => {
    const own = 'all: {hosts: {h: {network: {bonds: {bond0: {mtu: 9000, ip: 192.0.2.5/24}}}}}}';
    const plan = planFor(own, PLAY);
    expect(plan?.value['interfaces']).toEqual([
      {
        name: 'bond0',
        type: 'bond',
        mtu: 9000,
        'link-aggregation': { mode: '802.3ad', port: ['eth1', 'eth2'] },
        ipv4: {
          enabled: true,
          dhcp: false,
          address: [{ ip: '192.0.2.5', 'prefix-length': 24 }],
        },
      },
      { name: 'eth9', type: 'ethernet' },
    ]);
  });

  test('the host’s gateway and base go before those of the play', () => {
    const play = '  network: {vlans: {a.7: {base: bond0}}, bridges: {br0: {gateway: 192.0.2.1}}}';
    const own =
      'all: {hosts: {h: {network: {vlans: {a.7: }, bridges: {br0: {gateway: 192.0.2.254}}}}}}';
    const desired = parseDesiredState(planFor(own, play) ?? { value: {}, locate: nowhere });
    expect(desired.routes.map((route) => route.nextHopAddress)).toEqual(['192.0.2.254']);
    expect(desired.interfaces[0]?.vlan).toEqual({ base: 'bond0', id: 7 });
  });
});

test('expressions see the host’s variables, and those of the play over them', () => {
  const own = 'all: {hosts: {h: {a: host, b: host, network: {interfaces: [{name: "{{ b }}"}]}}}}';
  const play = '  vars: {b: play}\n  network: {interfaces: [{name: "{{ a }}"}]}';
  expect(planFor(own, play)?.value).toEqual({ interfaces: [{ name: 'host' }, { name: 'play' }] });
});

describe('contradictions', () => {
  const groups = (a: string, b: string, more = '') => `
all:
  children:
    a: {hosts: {h: }, vars: {network: {interfaces: [{name: bond0, ${a}}]}}}
    b: {hosts: {h: }, vars: {network: {interfaces: [{name: bond0, ${b}}]}${more}}}
`;

  test('of two groups on one level name both places', () => {
    expect(failureOf(() => planFor(groups('mtu: 1500', 'mtu: 9000')))).toEqual([
      [
        'i.yml:5:67 PLAN_CONFLICT: mtu of "bond0" is 9000 for group b, but 1500 for group a, and neither is more specific',
        '  group a says so at i.yml:4:67',
        '  set it for the host, or give one group a higher ansible_group_priority',
      ].join('\n'),
    ]);
  });

  test('there are none when both say the same, or different things', () => {
    expect(planFor(groups('mtu: 1500', 'mtu: 1500'))?.value).toEqual({
      interfaces: [{ name: 'bond0', mtu: 1500 }],
    });
    expect(planFor(groups('mtu: 1500', 'state: up'))?.value).toEqual({
      interfaces: [{ name: 'bond0', mtu: 1500, state: 'up' }],
    });
  });

  test('there are none when one group has the higher priority', () => {
    const text = groups('mtu: 1500', 'mtu: 9000', ', ansible_group_priority: 10');
    expect(planFor(text)?.value).toEqual({ interfaces: [{ name: 'bond0', mtu: 9000 }] });
  });

  test('are settled by the host', () => {
    const own = `${groups('mtu: 1500', 'mtu: 9000')}\n  hosts: {h: {network: {interfaces: [{name: bond0, mtu: 1400}]}}}`;
    expect(planFor(own)?.value).toEqual({ interfaces: [{ name: 'bond0', mtu: 1400 }] });
  });

  test('an interface listed twice in one source', () => {
    const own =
      'all: {hosts: {h: {network: {interfaces: [{name: eth1, mtu: 1}, {name: eth1, mtu: 2}]}}}}';
    expect(failureOf(() => planFor(own))).toEqual([
      'i.yml:1:64 PLAN_CONFLICT: interface "eth1" is listed twice; write its keys in one place\n' +
        '  first at i.yml:1:42',
    ]);
  });
});

test('a plan that is no map is refused', () => {
  expect(failureOf(() => planFor('all: {hosts: {h: {network: [1]}}}'))).toEqual([
    'i.yml:1:19 INVALID_VALUE: network is a list, must be a map: a network plan',
  ]);
});

test('an undefined variable is told at its place', () => {
  const play = '  network:\n    interfaces:\n      - name: eth1\n        mtu: "{{ mtuu }}"';
  expect(failureOf(() => planFor('all: {hosts: {h: {mtu: 1}}}', play))).toEqual([
    'p.yml:5:9 UNDEFINED_VARIABLE: variable "mtuu" is not defined (did you mean "mtu"?)',
  ]);
});
