/**
 * For tests of what happens when netorch dies: `NETORCH_DIE_AT` names an event of the run, and the process
 * kills itself (SIGKILL) just after that event was written to the journal, or just before.
 *
 *     [before:]TYPE[=PHASE][#N]    e.g. group.committed, before:group.committed, host.phase=confirming#2
 */
import { NetorchError } from '../errors.js';
import type { EventListener } from '../run/events.js';

const POINT = /^(before:)?([a-z.-]+)(?:=([a-z-]+))?(?:#(\d+))?$/;

/** Throws USAGE for a point that cannot be meant. Without one the listeners do nothing. */
export function dieAt(
  point: string | undefined,
  die: () => void = () => process.kill(process.pid, 'SIGKILL'),
): Readonly<{ before: EventListener; after: EventListener }> {
  const idle: EventListener = () => undefined;
  if (point === undefined || point === '') return { before: idle, after: idle };
  const [, before, type, phase, count] = POINT.exec(point) ?? [];
  if (type === undefined) {
    throw new NetorchError('USAGE', `NETORCH_DIE_AT is "${point}", which names no event`);
  }
  let left = Number(count ?? '1');
  const listener: EventListener = (event) => {
    if (event.type !== type) return;
    if (phase !== undefined && !('phase' in event && event.phase === phase)) return;
    left -= 1;
    if (left === 0) die();
  };
  return before === undefined
    ? { before: idle, after: listener }
    : { before: listener, after: idle };
}
