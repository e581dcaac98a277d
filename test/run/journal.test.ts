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

test('a place where no journal can be written is the user’s error, before anything is begun', () => {
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect(failureOf(() => openJournal(file, 'r1')).join('\n')).toMatch(
    /FILE_UNREADABLE: the journal .*ENOTDIR.*nothing was begun/s,
  );
});
