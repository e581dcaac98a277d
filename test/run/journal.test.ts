import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openJournal } from '../../src/run/journal.js';
import { failureOf } from '../config/failure.js';

const folder = mkdtempSync(join(tmpdir(), 'netorch-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('a journal is its user’s alone, and has each event on a line', () => {
  const journal = openJournal(folder, 'r1');
  journal.listener({ at: '2026-01-01T00:00:00Z', seq: 1, type: 'run.stopping', reason: 'why' });
  journal.close();
  const file = join(journal.folder, 'events.jsonl');
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ seq: 1, reason: 'why' });
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('what was told is on disk when it says so, also when it is closed meanwhile', async () => {
  const journal = openJournal(folder, 'r2');
  for (let seq = 1; seq <= 3; seq += 1) {
    const timings = {};
    const outcome = 'confirmed';
    const event = { type: 'host.finished', host: 'h1', outcome, durationMs: 1, timings } as const;
    journal.listener({ at: '2026-01-01T00:00:00Z', seq, ...event });
  }
  const synced = [journal.synced(), journal.synced()];
  journal.close();
  await Promise.all(synced);
  await journal.synced();
  const lines = readFileSync(join(journal.folder, 'events.jsonl'), 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(3);
});

test('a place where no journal can be written is the user’s error, before anything is begun', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(failureOf(() => openJournal(file, 'r1')).join('\n')).toMatch(
    /FILE_UNREADABLE: the journal .*ENOTDIR.*nothing was begun/s,
  );
});
