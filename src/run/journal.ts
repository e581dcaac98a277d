/** The journal of a run: its events, one JSON object a line, private to the user, synced where it matters. */
import {
  closeSync,
  fstatSync,
  fsync,
  fsyncSync,
  mkdirSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

import { NetorchError } from '../errors.js';
import type { EventListener, RunEvent } from './events.js';

/** The run goes on from these as soon as they are told: by then the disk must know. */
const SYNCED_AT_ONCE: ReadonlySet<RunEvent['type']> = new Set([
  'run.started',
  'group.committed',
  'run.finished',
]);

/**
 * After these the disk must know before long, and nobody stands still meanwhile. What waits for it waits for
 * `synced`; the others tell what can be asked of the hosts, had the controller died a moment earlier.
 */
const SYNCED_SOON: ReadonlySet<RunEvent['type']> = new Set([
  'host.recorded',
  'host.armed',
  'host.finished',
]);

export type Journal = Readonly<{
  folder: string;
  listener: EventListener;
  /** Settles when all that was told so far is on disk, or when that cannot be had. Never rejects. */
  synced: () => Promise<void>;
  close: () => void;
}>;

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
  const disk = new Disk(file);
  return {
    folder: own,
    listener: (event) => {
      disk.throwFailure();
      writeSync(file, `${JSON.stringify(event)}\n`);
      if (SYNCED_AT_ONCE.has(event.type)) fsyncSync(file);
      else if (SYNCED_SOON.has(event.type)) void disk.sync();
    },
    synced: () => disk.sync(),
    close: () => disk.close(),
  };
}

/** Syncs a file in the background; however many ask meanwhile share the next time. */
class Disk {
  private readonly file: number;
  private current: Promise<void> | undefined;
  private next: Promise<void> | undefined;
  private failure: Error | undefined;
  private isClosed = false;

  constructor(file: number) {
    this.file = file;
  }

  sync(): Promise<void> {
    // The last word of a run was synced at once.
    if (this.isClosed) return this.current ?? Promise.resolve();
    if (this.current === undefined) return (this.current = this.run());
    // What is under way may have begun before the last word was written.
    return (this.next ??= this.current.then(() => {
      this.next = undefined;
      return this.sync();
    }));
  }

  /** Of a sync in the background, to whoever writes next. */
  throwFailure(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  close(): void {
    this.isClosed = true;
    if (this.current === undefined) closeSync(this.file);
  }

  private run(): Promise<void> {
    return new Promise((resolve) => {
      fsync(this.file, (error) => {
        if (error !== null) this.failure = error;
        this.current = undefined;
        if (this.isClosed) closeSync(this.file);
        resolve();
      });
    });
  }
}

/** What a dead process left half written stays a line of its own. */
function endLine(file: number): void {
  const { size } = fstatSync(file);
  if (size === 0) return;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  if (last[0] !== 0x0a) writeSync(file, '\n');
}
