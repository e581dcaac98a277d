import { expect, test } from 'vitest';
import type { PersistRecord } from '../../src/backends/persist-record.js';
import { NO_PROFILES } from '../../src/agents/persistence.js';
import { persistenceLines } from '../../src/run/persistence-text.js';

const record = (more: Partial<PersistRecord>): PersistRecord => ({
  version: 1,
  by: 'x',
  scope: [],
  created: [],
  lines: [],
  removed: [],
  costs: [],
  dns: false,
  ...more,
});
const linesOf = (persistent: PersistRecord) =>
  persistenceLines({ persistent, running: persistent, boot: undefined, profiles: NO_PROFILES });

test.each([
  ['an interface', record({ scope: ['eth1'] }), ['persistent: eth1']],
  ['DNS alone', record({ lines: ['dns nameserver 192.0.2.1'], dns: true }), ['persistent: DNS']],
  ['nothing any more, as after an undoing', record({}), []],
])('what is persistent is named: %s', (_what, kept, lines) => {
  expect(linesOf(kept)).toEqual(lines);
});

test('profiles are told by their interfaces: what is on disk, what is in memory, what was cut off', () => {
  const of = (interfaceName: string, isRemoved = false) => ({ interfaceName, isRemoved });
  const profiles = {
    ...NO_PROFILES,
    persistent: [of('eth1'), of('br0', true)],
    temporary: [of('dummy1')],
  };
  const lines = (more: Partial<typeof profiles>) =>
    persistenceLines({
      persistent: undefined,
      running: undefined,
      boot: undefined,
      profiles: { ...profiles, ...more },
    });
  expect(lines({})).toEqual([
    'persistent, in profiles: br0 taken away, eth1',
    'temporary, in profiles: dummy1: gone after a reboot, unless "netorch persist" keeps it',
  ]);
  expect(lines({ persistent: [], temporary: [], isUnfinished: true })).toEqual([
    expect.stringContaining('the next boot puts back those of before'),
  ]);
});
