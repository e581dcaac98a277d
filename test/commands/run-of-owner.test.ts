import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runOfOwner } from '../../src/commands/run-of-owner.js';
import { thisController } from '../../src/run/controller.js';

function journalsWith(run: string, events: readonly object[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'netorch-owner-'));
  mkdirSync(join(folder, 'runs', run), { recursive: true });
  writeFileSync(
    join(folder, 'runs', run, 'events.jsonl'),
    events
      .map(
        (event, index) =>
          `${JSON.stringify({ at: '2026-01-01T00:00:00.000Z', seq: index + 1, ...event })}\n`,
      )
      .join(''),
  );
  return folder;
}

const started = (controller: object) => ({
  type: 'run.started',
  run: 'r-1',
  command: 'netorch apply',
  version: '0',
  hosts: ['h1'],
  waves: [['h1']],
  controller,
});
const here = thisController();
const finished = {
  type: 'run.finished',
  counts: {},
  exitCode: 0,
  durationMs: 1,
  notes: [],
};

test.each([
  ['a run of this very process', [started(here)], 'alive'],
  ['a process number that is used again', [started({ ...here, startTicks: '1' })], 'dead'],
  ['a run of another machine', [started({ ...here, machine: 'elsewhere' })], 'unknown'],
  ['a run that has finished', [started(here), finished], 'dead'],
  ['a journal without a line', [], 'unknown'],
] as const)('%s', (_, events, expected) => {
  const folder = journalsWith('r-1', events);
  try {
    expect(runOfOwner('me@laptop, run r-1', folder)).toBe(expected);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each(['', 'someone', 'me@laptop, run ../../etc', 'me, run r-2'])(
  'an owner without a journal here: %j',
  (owner) => {
    expect(runOfOwner(owner, '/nonexistent')).toBe('unknown');
  },
);
