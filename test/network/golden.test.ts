/**
 * Each folder of golden/ is a case: `observed.yml` (laid over a bare host), `desired.yml`, and what
 * has to come out: `target.yml` as `netorch show` would print it, with the notes as its first lines,
 * or `errors.txt`.
 */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { mergeDesired } from '../../src/network/merge.js';
import { desiredOf, hostWith, shown } from './documents.js';

const golden = join(import.meta.dirname, 'golden');

describe('merge', () => {
  for (const name of readdirSync(golden).sort()) {
    const read = (file: string): string => {
      const path = join(golden, name, file);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    test(name.replaceAll('-', ' '), () => {
      const observed = hostWith(read('observed.yml'));
      const merged = mergeDesired(observed, desiredOf(read('desired.yml'), 'desired.yml'));
      const errors = merged.errors.map((error) => `${formatError(error)}\n`).join('');
      const notes = merged.notes.map((note) => `# ${note.interface}: ${note.text}\n`).join('');
      const target = errors === '' ? `${notes}${shown(merged.target)}` : '';
      if (process.env['UPDATE_GOLDEN'] === '1') {
        if (errors !== '') writeFileSync(join(golden, name, 'errors.txt'), errors);
        else writeFileSync(join(golden, name, 'target.yml'), target);
      }
      expect(errors).toBe(read('errors.txt'));
      expect(target).toBe(read('target.yml'));
    });
  }
});
