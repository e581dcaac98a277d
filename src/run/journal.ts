/** The journal of a run: its events, one JSON object a line, private to the user, synced where it matters. */
import { closeSync, fstatSync, fsyncSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { NetorchError } from '../errors.js';
import type { EventListener, RunEvent } from './events.js';

/** After these the disk must know: what happened cannot be found out again. */
const SYNCED: ReadonlySet<RunEvent['type']> = new Set([
  'run.started',
  'host.recorded',
  'host.armed',
  'group.committed',
  'host.finished',
  'run.finished',
]);

export type Journal = Readonly<{ folder: string; listener: EventListener; close: () => void }>;

/** `$XDG_STATE_HOME/netorch`, else `~/.local/state/netorch` (XDG base directory specification). */
export function stateFolder(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
): string {
  const base = env['XDG_STATE_HOME'];
  return join(base === undefined || base === '' ? join(home, '.local', 'state') : base, 'netorch');
}

/** Throws FILE_UNREADABLE: a run without a journal is not begun. */
export function openJournal(folder: string, run: string): Journal {
  const own = join(folder, 'runs', run);
  let file: number;
  try {
    mkdirSync(own, { recursive: true, mode: 0o700 });
    file = openSync(join(own, 'events.jsonl'), 'a+', 0o600);
    endLine(file);
  } catch (error) {
    throw new NetorchError(
      'FILE_UNREADABLE',
      `the journal of the run cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      { notes: ['nothing was begun; XDG_STATE_HOME says where journals are kept'] },
    );
  }
  return {
    folder: own,
    listener: (event) => {
      writeSync(file, `${JSON.stringify(event)}\n`);
      if (SYNCED.has(event.type)) fsyncSync(file);
    },
    close: () => closeSync(file),
  };
}

/** What a dead process left half written stays a line of its own. */
function endLine(file: number): void {
  const { size } = fstatSync(file);
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  if (last[0] !== 0x0a) writeSync(file, '\n');
}
