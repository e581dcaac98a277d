import { describe, expect, test } from 'vitest';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { orderHosts, parsePlaybook, probesFor, variablesFor } from '../../src/playbook/playbook.js';
import { DEFAULT_ROLLOUT } from '../../src/playbook/rollout-keys.js';
import { failureOf } from '../config/failure.js';

const inventory = createInventory(
  readInventoryGraph([
    { file: 'i.yml', text: 'g: {hosts: {h1: {lab_index: 1, v: inventory}, h2: {lab_index: 2}}}' },
  ]),
);

function firstPlay(text: string) {
  const [play] = parsePlaybook('p.yml', text).plays;
  if (play === undefined) throw new Error('no play');
  return play;
}

describe('a play', () => {
  test('has defaults for all but its hosts', () => {
    const { location, hostsLocation, vars, probes, checkProbes, ...play } = firstPlay('- hosts: g');
    expect(play).toEqual({
      name: 'g',
      hosts: 'g',
      ...DEFAULT_ROLLOUT,
      temporary: false,
      become: undefined,
      becomeUser: undefined,
      backend: 'auto',
      confirmWindowSeconds: undefined,
      network: undefined,
    });
    expect([vars.value, probes.value, checkProbes.value]).toEqual([{}, [], []]);
    expect(location).toEqual({ file: 'p.yml', line: 1, column: 3 });
    expect(hostsLocation).toEqual(location);
  });

  test.each<[string, object]>([
    ['serial: 2', { serial: [{ hosts: 2 }] }],
    ['serial: "2"', { serial: [{ hosts: 2 }] }],
    ['serial: 10%', { serial: [{ percent: 10 }] }],
    ['serial: [1, "50%"]', { serial: [{ hosts: 1 }, { percent: 50 }] }],
    ['max_fail_percentage: "30"', { maxFailPercentage: 30 }],
    ['max_fail_percentage: 30%', { maxFailPercentage: 30 }],
    ['max_fail_percentage: 12.5', { maxFailPercentage: 12.5 }],
    ['order: reverse_sorted', { order: 'reverse_sorted' }],
    ['order: shuffle', { order: 'shuffle' }],
    ['throttle: 3', { throttle: 3 }],
    ['any_errors_fatal: yes', { anyErrorsFatal: true }],
    ['on_lost: continue', { onLost: 'continue' }],
    ['soak: 5m', { soakSeconds: 300 }],
    ['approve: manual', { approve: 'manual' }],
    ['never_together: quorum', { neverTogether: ['quorum'] }],
    ['never_together: [quorum, rack]', { neverTogether: ['quorum', 'rack'] }],
    ['spread: rack', { spread: 'rack' }],
    ['atomic: wave', { atomic: 'wave' }],
    ['atomic: run', { atomic: 'run' }],
    [
      'checks: [{command: [./check, "a b"], timeout: 5s}, {ping: 192.0.2.1}]',
      { checkCommands: [{ command: ['./check', 'a b'], timeoutSeconds: 5 }] },
    ],
    ['become: yes', { become: true }],
    ['become: "false"', { become: false }],
    ['become_user: admin', { becomeUser: 'admin' }],
    ['backend: iproute2', { backend: 'iproute2' }],
    ['deadline: 45s', { confirmWindowSeconds: 45 }],
    ['deadline: 1m30s', { confirmWindowSeconds: 90 }],
    ['deadline: 60', { confirmWindowSeconds: 60 }],
    ['name: x', { name: 'x' }],
  ])('%s', (line, part) => {
    expect(firstPlay(`- hosts: g\n  ${line}`)).toMatchObject(part);
  });

  test('several patterns are one', () => {
    expect(firstPlay('- hosts: [h1, h2]').hosts).toBe('h1,h2');
    expect(firstPlay('- hosts: ["web:db", "2001:db8::1"]').hosts).toBe('web,db,2001:db8::1');
  });
});

describe('is refused at its place', () => {
  test.each<[string, string]>([
    ['hosts: g', 'p.yml:1:1 INVALID_VALUE: a playbook is a list of plays, this is a map'],
    ['', 'p.yml:1:1 INVALID_VALUE: a playbook is a list of plays, this is empty'],
    ['- name: x', 'p.yml:1:3 INVALID_VALUE: play.hosts is missing: it must be a host pattern'],
    [
      '- hosts: g\n  networks: {}',
      'p.yml:2:3 UNKNOWN_KEY: unknown key "networks" in play (did you mean "network"?)',
    ],
    ['- hosts: g\n  tasks: []', 'p.yml:2:3 UNKNOWN_KEY: unknown key "tasks" in play'],
    ['- hosts: g\n  serial: 10.5', 'play.serial is 10.5, must be a number of hosts'],
    [
      '- hosts: g\n  serial: [1, x]',
      'p.yml:2:15 INVALID_VALUE: play.serial[1] is "x", must be a number of hosts',
    ],
    ['- hosts: g\n  serial: 110%', 'play.serial is "110%", must be a number of hosts'],
    ['- hosts: g\n  on_lost: wait', 'play.on_lost is "wait", must be one of stop, continue'],
    ['- hosts: g\n  atomic: host', 'play.atomic is "host", must be one of wave, run'],
    ['- hosts: g\n  throttle: 0', 'play.throttle'],
    ['- hosts: g\n  soak: 2d', 'play.soak is "2d", must be a time from 0s to 24h'],
    ['- hosts: g\n  spread: "a b"', 'must be the name of an inventory variable'],
    [
      '- hosts: g\n  checks: [{command: ./check}]',
      'p.yml:2:13 INVALID_VALUE: check.command is "./check", must be a program and its arguments',
    ],
    ['- hosts: g\n  checks: [{pong: h}]', 'unknown key "pong" in probe'],
    [
      '- hosts: g\n  order: random',
      'p.yml:2:3 INVALID_VALUE: play.order is "random", must be one of inventory',
    ],
    [
      '- hosts: g\n  order: random',
      'p.yml:2:3 INVALID_VALUE: play.order is "random", must be one of inventory',
    ],
    [
      '- hosts: g\n  backend: netplan',
      'p.yml:2:3 INVALID_VALUE: play.backend is "netplan", must be one of auto, iproute2, nmcli',
    ],
    ['- hosts: g\n  deadline: soon', 'play.deadline is "soon", must be a time from 5s to 1h'],
    ['- hosts: g\n  deadline: 1s', 'play.deadline is "1s", must be a time from 5s to 1h'],
    [
      '- hosts: g\n  max_fail_percentage: 101',
      'play.max_fail_percentage is 101, must be a percentage from 0 to 100',
    ],
    ['- hosts: g\n  network: [1]', 'play.network is a list, must be a map: a network plan'],
    ['- hosts: g\n  vars: [1]', 'play.vars is a list, must be a map'],
    [
      '- hosts: g\n  probes: [x]',
      'p.yml:2:12 INVALID_VALUE: play.probes[0] is "x", must be a probe',
    ],
    [
      '- hosts: g\n  probes: [{ping: 10.0.0.1, siz: 9000}]',
      'p.yml:2:29 UNKNOWN_KEY: unknown key "siz" in probe (did you mean "size"?)',
    ],
    [
      '- hosts: g\n  probes: [{arp: gate.example.net}]',
      'probe.arp is "gate.example.net", must be an address, not a name',
    ],
    ['- hosts: g\n  probes: [{run: systemctl}]', 'must be a program and its arguments'],
    ['- hosts: g\n  probes: [{run: [a], timeout: 5m}]', 'must be a time from 1s to 20s'],
    [
      '- hosts: g\n  probes: [{mesh: 10.0.0.1/24}]',
      'must be a network with its prefix length, such as 10.100.0.0/24',
    ],
    ['- hosts: g\n  probes: [{lldp: "-x"}]', 'must be the name of an interface'],
    ['- hosts: g\n  probes: [{mesh: 10.0.0.0}]', 'must be a network with its prefix length'],
    [
      '- hosts: g\n  probes: [{mesh: 10.0.0.0/24, network: 10.0.0.0/24}]',
      'unknown key "network" in probe',
    ],
    ['- hosts: g\n  probes: [{tcp: 10.0.0.1}]', 'probe.tcp is "10.0.0.1", must be ADDRESS:PORT'],
  ])('%j', (text, message) => {
    expect(failureOf(() => firstPlay(text)).join('\n')).toContain(message);
  });

  test('the mistakes of all plays are told at once', () => {
    expect(failureOf(() => parsePlaybook('p.yml', '- hosts: 1\n- x: 1\n  hosts: g'))).toHaveLength(
      2,
    );
  });
});

describe('probes', () => {
  test('are rendered for each host', () => {
    const play = firstPlay(`
- hosts: g
  vars: {far: 10.100.0.1}
  probes:
    - ping: '{{ far }}'
      size: '{{ 9000 }}'
      count: 3
    - tcp: '10.0.0.{{ lab_index }}:22'
    - tcp: '[2001:db8::1]:443'
    - arp: 10.0.0.254
      required: yes
    - dns: db.example.net
    - run: [systemctl, is-active, '{{ far }}']
      timeout: 10s
    - lldp: eth1
      switch: '{{ inventory_hostname }}-sw'
      port: Eth1/3
    - mesh: 10.100.0.0/24
    - mesh: [10.101.0.0/24, '2001:db8::/64']
      size: '{{ 9000 }}'
      of: g:!h9
`);
    expect(probesFor('h2', play, inventory)).toEqual([
      { kind: 'ping', address: '10.100.0.1', size: 9000, count: 3, location: expect.anything() },
      { kind: 'tcp', address: '10.0.0.2', port: 22, location: expect.anything() },
      { kind: 'tcp', address: '2001:db8::1', port: 443, location: expect.anything() },
      { kind: 'arp', address: '10.0.0.254', isRequired: true, location: expect.anything() },
      { kind: 'dns', name: 'db.example.net', location: expect.anything() },
      {
        kind: 'run',
        command: ['systemctl', 'is-active', '10.100.0.1'],
        timeoutSeconds: 10,
        location: expect.anything(),
      },
      {
        kind: 'lldp',
        device: 'eth1',
        switch: 'h2-sw',
        port: 'Eth1/3',
        location: expect.anything(),
      },
      { kind: 'mesh', network: '10.100.0.0/24', location: expect.anything() },
      ...['10.101.0.0/24', '2001:db8::/64'].map((network) => ({
        kind: 'mesh',
        network,
        size: 9000,
        of: 'g:!h9',
        location: expect.anything(),
      })),
    ]);
  });

  test('are checked once more when rendered', () => {
    const play = firstPlay('- hosts: g\n  vars: {a: 5}\n  probes:\n    - ping: "{{ a }}"');
    expect(failureOf(() => probesFor('h1', play, inventory))[0]).toContain(
      'p.yml:4:7 INVALID_VALUE: probe.ping is 5, must be an address or a name',
    );
  });
});

test('variables of the play are stronger than those of the inventory, the magic ones strongest', () => {
  const play = firstPlay('- hosts: g\n  vars: {v: play, inventory_hostname: x}');
  const variables = variablesFor('h1', play, inventory);
  expect(variables.value).toMatchObject({ v: 'play', lab_index: 1, inventory_hostname: 'h1' });
  expect(variables.locate(['v'])).toEqual({ file: 'p.yml', line: 2, column: 10 });
  expect(variables.locate(['lab_index']).file).toBe('i.yml');
});

test.each([
  ['inventory', 'b c a'],
  ['reverse_inventory', 'a c b'],
  ['sorted', 'a b c'],
  ['reverse_sorted', 'c b a'],
] as const)('order: %s', (order, expected) => {
  expect(orderHosts(['b', 'c', 'a'], order, () => 0.5).join(' ')).toBe(expected);
});

test('order: shuffle keeps every host once, in the order that chance says', () => {
  const chances = [0.9, 0, 0];
  const hosts = ['a', 'b', 'c', 'd'];
  expect(orderHosts(hosts, 'shuffle', () => chances.shift() ?? 0).join(' ')).toBe('b c a d');
  expect(hosts.join(' ')).toBe('a b c d');
});
