import { describe, expect, test } from 'vitest';
import {
  nextRecord,
  objectsOf,
  parseRecord,
  recordDifferences,
  recordText,
  type PersistRecord,
  type RecordInput,
} from '../../src/backends/persist-record.js';
import { interfaceMap, type NetworkState } from '../../src/network/state.js';
import { nic } from '../network/documents.js';

const stateOf = (...names: readonly string[]): NetworkState => ({
  interfaces: interfaceMap(names.map((name, index) => nic(name, index + 1))),
  routes: [],
  rules: [],
  dns: { servers: [], search: [], options: [] },
  hostname: undefined,
});

const LINKS = ['link lo {}', 'link eth0 {}', 'link eth1 {}'];
const record = (input: Partial<RecordInput> & Readonly<{ now: readonly string[] }>) => {
  const { now, ...others } = input;
  const state = stateOf(
    ...now.flatMap((line) => (line.startsWith('link ') ? [line.split(' ')[1] ?? ''] : [])),
  );
  return nextRecord({
    by: 'tx',
    previous: undefined,
    scope: ['eth1'],
    before: stateOf('lo', 'eth0', 'eth1'),
    beforeLines: LINKS,
    target: state,
    confirmed: { state, lines: now },
    desired: { interfaces: [], routes: [] },
    ...others,
  });
};

describe('what netorch is answerable for', () => {
  test('of a NIC: its link, and what was changed; not what it had and nobody named', () => {
    const had = [
      ...LINKS,
      'addr eth1 inet 192.0.2.5/24 scope global eth1',
      'sysctl eth1 ipv4 forwarding 0',
    ];
    const { lines, scope, created } = record({
      beforeLines: had,
      now: [
        ...had,
        'addr eth1 inet 192.0.2.6/24 scope global secondary eth1',
        'addr eth0 inet 198.51.100.1/24 scope global eth0',
      ],
    });
    expect(scope).toEqual(['eth1']);
    expect(created).toEqual([]);
    expect(lines).toEqual([
      'link eth1 {}',
      'addr eth1 inet 192.0.2.6/24 scope global secondary eth1',
    ]);
  });

  test('of an interface that it made: all, but the sysctls that any new one has', () => {
    const { lines, created } = record({
      scope: ['br0'],
      now: [
        ...LINKS,
        'link br0 {}',
        'addr br0 inet 192.0.2.5/24 scope global br0',
        'addr br0 inet6 fe80::1/64 scope link',
        'route 1 default via 192.0.2.1 dev br0 table 254 proto 4',
        'sysctl default ipv4 forwarding 0',
        'sysctl br0 ipv4 forwarding 0',
        'sysctl default ipv6 disable_ipv6 0',
        'sysctl br0 ipv6 disable_ipv6 1',
      ],
    });
    expect(created).toEqual(['br0']);
    expect(lines).toEqual([
      'link br0 {}',
      'addr br0 inet 192.0.2.5/24 scope global br0',
      'route 1 default via 192.0.2.1 dev br0 table 254 proto 4',
      'sysctl br0 ipv6 disable_ipv6 1',
    ]);
  });

  test('what a change took away, until a later one brings it back', () => {
    const address = 'addr eth1 inet 192.0.2.5/24 scope global eth1';
    const first = record({ beforeLines: [...LINKS, address], now: LINKS });
    expect(first.removed).toEqual([address]);
    const second = record({ previous: first, now: [...LINKS, address] });
    expect(second.removed).toEqual([]);
    expect(second.lines).toContain(address);
  });

  test('an interface that netorch made and takes away again leaves nothing', () => {
    const first = record({ scope: ['br0'], now: [...LINKS, 'link br0 {}'] });
    const second = record({
      previous: first,
      scope: ['br0'],
      before: stateOf('lo', 'eth0', 'eth1', 'br0'),
      beforeLines: [...LINKS, 'link br0 {}'],
      now: LINKS,
    });
    expect(second).toMatchObject({ scope: [], created: [], lines: [], removed: [] });
  });

  test('an interface that the boot makes and a plan takes away must not come back', () => {
    const { removed } = record({
      scope: ['br9'],
      before: stateOf('lo', 'eth0', 'eth1', 'br9'),
      beforeLines: [...LINKS, 'link br9 {}'],
      now: LINKS,
    });
    expect(removed).toEqual(['link br9 {}']);
  });

  test("others' rules, and rules that come while no rule is changed, are not its own", () => {
    const { lines } = record({ now: [...LINKS, 'rule4 100: from 192.0.2.5 lookup 7'] });
    expect(lines).toEqual(['link eth1 {}']);
  });

  test('of alternative names those that plans name; what a plan no longer names stays recorded', () => {
    const named = (name: string, absent = false) => ({
      interfaces: [
        { name: 'eth1', state: 'up' as const, altNames: [{ name, absent }] },
      ] as unknown as RecordInput['desired']['interfaces'],
      routes: [],
    });
    const now = (...names: readonly string[]) => [
      ...LINKS.slice(0, 2),
      `link eth1 {,"mtu":1500,"altnames":${JSON.stringify(names)}}`,
    ];
    const first = record({ now: now('enp1s1', 'left'), desired: named('left') });
    expect(first).toMatchObject({
      altNames: ['eth1 left'],
      lines: ['link eth1 {,"mtu":1500,"altnames":["left"]}'],
    });
    const second = record({
      previous: first,
      now: now('enp7s1', 'left'),
      desired: named('enp1s1', true),
    });
    expect(second).toMatchObject({
      altNames: ['eth1 enp1s1', 'eth1 left'],
      lines: ['link eth1 {,"mtu":1500,"altnames":["left"]}'],
    });
    expect(recordDifferences(second, now('enp9s1', 'left')).missing).toEqual([]);
    expect(recordDifferences(second, now('enp1s1', 'left')).missing).toEqual(second.lines);
    expect(recordDifferences(second, now('enp9s1')).missing).toEqual(second.lines);
    expect(parseRecord(recordText(second))).toEqual(second);
  });

  test('an address that was put on loopback, and the hostname that was set', () => {
    const now = ['link lo {}', 'addr lo inet 192.0.2.9/32 scope global lo', 'hostname new'];
    const before = { ...stateOf('lo'), hostname: 'old' };
    const first = record({
      scope: ['lo'],
      before,
      beforeLines: ['link lo {}', 'addr lo inet 127.0.0.1/8 scope host lo', 'hostname old'],
      target: { ...before, hostname: 'new' },
      now: [...now, 'addr lo inet 127.0.0.1/8 scope host lo'],
    });
    expect(first.lines).toEqual(now);
    expect(first.created).toEqual([]);
    const second = record({
      previous: first,
      before: { ...before, hostname: 'new' },
      target: { ...before, hostname: 'new' },
      now,
    });
    expect(second.lines).toEqual(now);
  });

  test('stays what it was for what later changes do not touch', () => {
    const first = record({ scope: ['br0'], now: [...LINKS, 'link br0 {}'] });
    const second = record({
      previous: first,
      before: stateOf('lo', 'eth0', 'eth1', 'br0'),
      beforeLines: [...LINKS, 'link br0 {}'],
      now: [...LINKS, 'link br0 {}'],
    });
    expect(second.scope).toEqual(['br0', 'eth1']);
    expect(second.created).toEqual(['br0']);
  });
});

describe('a record and a host', () => {
  const kept: PersistRecord = {
    version: 1,
    by: 'tx',
    scope: ['br0'],
    created: ['br0'],
    lines: ['link br0 {"mtu":1500}', 'route 1 default via 192.0.2.1 dev br0 table 254'],
    removed: ['link br9 {}', 'addr eth1 inet 192.0.2.5/24 scope global eth1'],
    costs: [],
    dns: false,
  };

  test('differ where lines are missing, and where what was taken away is back', () => {
    const found = recordDifferences(kept, [
      'link br0 {"mtu":1400}',
      'link br9 {"mtu":1500}',
      'route 1 default via 192.0.2.1 dev br0 table 254',
    ]);
    expect(found).toEqual({ missing: ['link br0 {"mtu":1500}'], surplus: ['link br9 {}'] });
    expect(objectsOf([...found.missing, ...found.surplus])).toEqual(['br0', 'br9']);
  });

  test('survives being written down', () => {
    expect(parseRecord(recordText(kept))).toEqual(kept);
  });

  test.each([
    '',
    'no JSON',
    'null',
    '[]',
    '{}',
    recordText({ ...kept, version: 2 as 1 }),
    JSON.stringify({ ...kept, scope: [1] }),
    JSON.stringify({ ...kept, lines: ['a\nb'] }),
  ])('%j is no record', (text) => {
    expect(parseRecord(text)).toBeUndefined();
  });
});
