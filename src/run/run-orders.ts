/**
 * Orders to a run from other terminals: a file in the run's folder, one JSON object a line, written by
 * `netorch approve`, `pause`, `unpause` and `stop`, read by the run's controller. Whoever may write into
 * that folder (mode 0700) is the user whose run it is, or root. The answer is an event in the journal.
 */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { NetorchError } from '../errors.js';
import type { RunControls } from './controls.js';
import { parseJsonLine } from './json-line.js';

/** `by`: who asks, such as `anna@admin1`. An approval names its wave, so that it answers no later question. */
export type RunOrder = Readonly<
  { kind: 'pause' | 'unpause' | 'stop'; by: string } | { kind: 'approve'; wave: number; by: string }
>;

const POLL_MS = 300;
/** An order is a hundred bytes; a line that grows beyond this is none. */
const CHUNK_BYTES = 4096;

function ordersFile(folder: string, run: string): string {
  return join(folder, 'runs', run, 'orders.jsonl');
}

/** Throws FILE_UNREADABLE. */
export function sendOrder(folder: string, run: string, order: RunOrder): void {
  const path = ordersFile(folder, run);
  try {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    const file = openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    try {
      // In one write: lines of two terminals do not mix. A half line of a dead one ends here.
      writeSync(file, `\n${JSON.stringify(order)}\n`);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetorchError('FILE_UNREADABLE', `${path} cannot be written: ${reason}`, { cause });
  }
}

/** Obeys the orders that come from now on, until the function that it returns is called. */
export function followOrders(folder: string, run: string, controls: RunControls): () => void {
  const path = ordersFile(folder, run);
  let position = 0;
  let rest = '';
  const look = (): void => {
    const read = readFrom(path, position);
    position += read.length;
    const lines = (rest + read.toString('utf8')).split('\n');
    rest = (lines.pop() ?? '').slice(0, CHUNK_BYTES);
    for (const line of lines) obey(parseOrder(line), controls);
  };
  // Keeps the process alive, too: a run that waits for a word may have nothing else under way.
  const timer = setInterval(look, POLL_MS);
  return () => clearInterval(timer);
}

/** What cannot be read says nothing. */
function readFrom(path: string, position: number): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const buffer = Buffer.alloc(CHUNK_BYTES);
    return buffer.subarray(0, readSync(file, buffer, 0, CHUNK_BYTES, position));
  } catch {
    return Buffer.alloc(0);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** undefined: the line is no order. */
export function parseOrder(line: string): RunOrder | undefined {
  const { kind, by, wave } = parseJsonLine(line) ?? {};
  if (typeof by !== 'string') return undefined;
  switch (kind) {
    case 'pause':
    case 'unpause':
    case 'stop':
      return { kind, by };
    case 'approve':
      return typeof wave === 'number' ? { kind, wave, by } : undefined;
    default:
      return undefined;
  }
}

function obey(order: RunOrder | undefined, controls: RunControls): void {
  switch (order?.kind) {
    case 'pause':
      return controls.pause(order.by);
    case 'unpause':
      return controls.unpause(order.by);
    case 'stop':
      return controls.stop(order.by);
    case 'approve':
      return controls.approve(order.by, order.wave);
    case undefined:
  }
}
