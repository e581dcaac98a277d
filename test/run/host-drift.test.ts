import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import { NO_PROFILES } from '../../src/agents/persistence.js';
import { parseObservation } from '../../src/agents/reading.js';
import type { PersistRecord } from '../../src/backends/persist-record.js';
import { driftLines } from '../../src/commands/drift.js';
import type { NmDevice, NmProfile } from '../../src/network/networkmanager.js';
import { hostDrift } from '../../src/run/host-drift.js';

const OBSERVED = parseObservation(
  'h1',
  readFileSync(join(import.meta.dirname, '..', 'agents', 'fixtures', 'rich-host.txt'), 'utf8'),
);
const BOND = OBSERVED.lines.find((line) => line.startsWith('link bond0 ')) ?? '';

const record = (lines: readonly string[], removed: readonly string[] = []): PersistRecord => ({
  version: 1,
  by: 'a test',
  scope: ['bond0'],
  created: ['bond0'],
  lines,
  removed,
  costs: [],
  dns: false,
});
const withRecords = (persistent?: PersistRecord, running = persistent): ObservedHost => ({
  ...OBSERVED,
  persistence: { persistent, running, boot: undefined, profiles: NO_PROFILES },
});
const driftOf = (observed: ObservedHost) => hostDrift(observed, { changes: [] }).persistent;

test('the fixture has a bond to speak of', () => {
  expect(BOND).not.toBe('');
});

test.each<[string, ObservedHost, readonly string[]]>([
  ['a host of which netorch keeps nothing', withRecords(), []],
  ['a host that runs as it is persistent', withRecords(record([BOND])), []],
  [
    'a host on which somebody has changed what is persistent',
    withRecords(record([`${BOND} other`])),
    ['runs otherwise than it is persistent: bond0'],
  ],
  [
    'a host on which what was taken away is there again',
    withRecords(record([], [BOND])),
    ['runs otherwise than it is persistent: bond0'],
  ],
  ['a host with a temporary change', withRecords(undefined, record([BOND])), ['temporary: bond0']],
])('%s', (_, observed, expected) => {
  expect(driftOf(observed)).toEqual(expected);
});

test('a profile of NetworkManager’s in memory is temporary, unless it made it for itself or it is not active', () => {
  const profile = (uuid: string, more: Partial<NmProfile>): NmProfile => ({
    uuid,
    id: uuid,
    type: '802-3-ethernet',
    interfaceName: undefined,
    isGenerated: false,
    isInMemory: true,
    ipv4Method: 'manual',
    ipv6Method: 'auto',
    bondOptions: {},
    rules: { ipv4: [], ipv6: [] },
    bareRoutes: { ipv4: [], ipv6: [] },
    hasDns: false,
    ...more,
  });
  const device = (uuid: string): NmDevice => ({ state: 'connected', profile: uuid });
  const networkManager = {
    profiles: [
      profile('a', {}),
      profile('b', { isGenerated: true }),
      profile('c', { isInMemory: false }),
      profile('d', {}),
    ],
    devices: new Map([
      ['eth1', device('a')],
      ['eth2', device('b')],
      ['eth3', device('c')],
    ]),
  };
  expect(driftOf({ ...withRecords(), networkManager })).toEqual([
    'temporary, in profiles in memory: eth1',
  ]);
});

test('an interface that was taken away for now, and an act that was cut off, are drift too', () => {
  const bare = withRecords();
  const profiles = {
    ...NO_PROFILES,
    temporary: [
      { interfaceName: 'eth1', isRemoved: false },
      { interfaceName: 'br0', isRemoved: true },
    ],
    isUnfinished: true,
  };
  expect(driftOf({ ...bare, persistence: { ...bare.persistence, profiles } })).toEqual([
    'taken away, but on disk there is a profile of br0',
    expect.stringContaining('the next boot puts back those of before'),
  ]);
});

test('is told host by host, what is as it should be in one line', () => {
  const drifts = new Map([
    ['h1', { desired: [], persistent: [] }],
    ['h2', { desired: ['set the MTU of eth1 to 1400'], persistent: ['temporary: eth2'] }],
    ['h3', { desired: [], persistent: ['temporary: eth2'] }],
  ]);
  expect(driftLines(drifts)).toEqual([
    'h1: runs as its plan says, and is persistent',
    'h2: runs otherwise than its plan says; to be as it says:',
    '  set the MTU of eth1 to 1400',
    '  a reboot changes it: temporary: eth2',
    'h3: runs as its plan says',
    '  a reboot changes it: temporary: eth2',
  ]);
});
