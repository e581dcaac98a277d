/** Journals on disk: which runs there are, reading one, and following one that is being written. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { NetorchError } from '../errors.js';
import { controllerState } from './controller.js';
import type { RunEvent } from './events.js';
import { JournalParser, type JournalDamage } from './journal-text.js';

/** A run as it was read from its journal. */
export type RunRecord = Readonly<{
  run: string;
  events: readonly RunEvent[];
  damage: JournalDamage;
  /** Of the process that ran it; `alive` only while the run has not finished. */
  controller: 'alive' | 'dead' | 'unknown';
}>;

/** The journal's file in the state folder (journal.ts). */
function journalFile(folder: string, run: string): string {
  return join(folder, 'runs', run, 'events.jsonl');
}

/**
 * The ids of all runs, the newest first. An id begins with the second in which the run began; which of
 * several in one second came later, their first events tell (without a readable one: before the others).
 */
export function listRuns(folder: string): readonly string[] {
  try {
    const names = readdirSync(join(folder, 'runs'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    return names.sort((a, b) => newestFirst(secondOf(a), secondOf(b)) || laterFirst(folder, a, b));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw unreadable(join(folder, 'runs'), error);
  }
}

const secondOf = (run: string): string => run.split('-', 1)[0] ?? run;

const newestFirst = (a: string, b: string): number => (a === b ? 0 : a < b ? 1 : -1);

function laterFirst(folder: string, a: string, b: string): number {
  const at = (run: string): string => readRunEnds(folder, run).first?.at ?? '';
  return newestFirst(at(a), at(b)) || newestFirst(a, b);
}

/** The run that `wanted` names: its id, a beginning of it that no other run has, or `last`. Throws UNKNOWN_RUN. */
export function findRun(folder: string, wanted: string): string {
  const runs = listRuns(folder);
  const [newest] = runs;
  if (newest === undefined) {
    throw new NetorchError('UNKNOWN_RUN', 'there are no runs yet', {
      notes: [`looked in ${join(folder, 'runs')}; XDG_STATE_HOME says where journals are kept`],
    });
  }
  if (wanted === 'last') return newest;
  if (runs.includes(wanted)) return wanted;
  const matches = wanted === '' ? [] : runs.filter((run) => run.startsWith(wanted));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  if (only === undefined) {
    throw new NetorchError('UNKNOWN_RUN', `no run is named "${wanted}"`, {
      notes: [`the newest is ${newest}; "netorch history" lists them, "last" means the newest`],
    });
  }
  throw new NetorchError('UNKNOWN_RUN', `${matches.length} runs begin with "${wanted}"`, {
    notes: [`for example ${matches.slice(0, 4).join(', ')}; give more of the name`],
  });
}

/** Throws JOURNAL_UNREADABLE when nothing of it can be read. */
export function readRun(folder: string, run: string): RunRecord {
  const file = journalFile(folder, run);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw unreadable(file, error);
  }
  const parser = new JournalParser();
  const events = parser.push(bytes);
  if (events[0] === undefined) {
    throw new NetorchError('JOURNAL_UNREADABLE', `the journal of run ${run} holds no event`, {
      notes: [`${file} has ${bytes.length} bytes`],
    });
  }
  return { run, events, damage: parser.damage(), controller: controllerOf(events) };
}

function controllerOf(events: readonly RunEvent[]): RunRecord['controller'] {
  const started = events.findLast((event) => event.type === 'run.started');
  if (started === undefined) return 'unknown';
  const state = controllerState(started.controller);
  const finished = events.findLast((event) => event.type === 'run.finished');
  // The process may live on for a further play; this run is over.
  return finished !== undefined && finished.seq > started.seq && state === 'alive' ? 'dead' : state;
}

/** What a list of runs shows, read from both ends of the journal, so that hundreds take no time. */
export type RunEnds = Readonly<{
  run: string;
  first: RunEvent | undefined;
  /** The last whole events; all of them when the journal is short. */
  last: readonly RunEvent[];
  controller: RunRecord['controller'];
}>;

const HEAD_BYTES = 16 * 1024;
const TAIL_BYTES = 8 * 1024;

/** Never throws: a journal that cannot be read has no events. */
export function readRunEnds(folder: string, run: string): RunEnds {
  let file: number | undefined;
  try {
    file = openSync(journalFile(folder, run), 'r');
    const { size } = fstatSync(file);
    const first = readFirst(file, size);
    const last = readLast(file, size);
    const events = [...(first === undefined ? [] : [first]), ...last];
    return { run, first, last, controller: controllerOf(events) };
  } catch {
    return { run, first: undefined, last: [], controller: 'unknown' };
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function readFirst(file: number, size: number): RunEvent | undefined {
  const parser = new JournalParser();
  // A run of thousands of hosts has a long first line.
  for (let position = 0; position < size; position += HEAD_BYTES) {
    const [first] = parser.push(readPart(file, position, HEAD_BYTES));
    if (first !== undefined) return first;
    if (parser.damage().badLines.length > 0) return undefined;
  }
  return undefined;
}

function readLast(file: number, size: number): readonly RunEvent[] {
  const position = Math.max(0, size - TAIL_BYTES);
  const bytes = readPart(file, position, TAIL_BYTES);
  // The first line is whole only where the journal begins.
  const from = position === 0 ? 0 : bytes.indexOf(0x0a) + 1;
  return new JournalParser().push(bytes.subarray(from));
}

function readPart(file: number, position: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, readSync(file, buffer, 0, length, position));
}

/** What following a journal brings. */
export type FollowStep = Readonly<
  | { kind: 'events'; events: readonly RunEvent[] }
  /** Nothing more will come: the run has finished, or its controller has died. */
  | { kind: 'end'; why: 'finished' | 'dead'; damage: JournalDamage }
>;

const POLL_MS = 200;
const CHUNK_BYTES = 256 * 1024;

/**
 * All events of a run from its first on, also those that are yet to come, until the run ends or `signal`
 * is aborted (then it returns without an end). Throws JOURNAL_UNREADABLE.
 */
export async function* followRun(
  folder: string,
  run: string,
  signal: AbortSignal,
): AsyncGenerator<FollowStep, void, undefined> {
  const path = journalFile(folder, run);
  const parser = new JournalParser();
  const known: RunEvent[] = [];
  let position = 0;
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw unreadable(path, error);
  }
  try {
    while (!signal.aborted) {
      // Asked before the file is read: what a controller wrote before it died is then read for certain.
      const controller = controllerOf(known);
      let grew = false;
      for (;;) {
        const bytes = readPart(file, position, CHUNK_BYTES);
        if (bytes.length === 0) break;
        grew = true;
        position += bytes.length;
        const events = parser.push(bytes);
        // The ends are all that is asked of them.
        known.push(
          ...events.filter(({ type }) => type === 'run.started' || type === 'run.finished'),
        );
        if (events.length > 0) yield { kind: 'events', events };
      }
      const isFinished = known.at(-1)?.type === 'run.finished';
      if (isFinished) return yield { kind: 'end', why: 'finished', damage: parser.damage() };
      if (controller === 'dead' && !grew) {
        return yield { kind: 'end', why: 'dead', damage: parser.damage() };
      }
      await delay(POLL_MS, undefined, { signal }).catch(() => undefined);
    }
  } finally {
    closeSync(file);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function unreadable(file: string, cause: unknown): NetorchError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new NetorchError('JOURNAL_UNREADABLE', `${file} cannot be read: ${reason}`, { cause });
}
