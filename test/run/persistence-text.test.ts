import { expect, test } from 'vitest';
import type { PersistRecord } from '../../src/backends/persist-record.js';
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
  persistenceLines({ persistent, running: persistent, boot: undefined });

test.each([
  ['an interface', record({ scope: ['eth1'] }), ['persistent: eth1']],
  ['DNS alone', record({ lines: ['dns nameserver 192.0.2.1'], dns: true }), ['persistent: DNS']],
  ['nothing any more, as after an undoing', record({}), []],
])('what is persistent is named: %s', (_what, kept, lines) => {
  expect(linesOf(kept)).toEqual(lines);
});
