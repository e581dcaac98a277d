/** What becomes of a host by itself, with the seconds that are left: the sentence to read at 3 a.m. */
import type { HostPhase } from '../run/events.js';
import type { ActiveHost } from './view-model.js';
import type { ClockFormat } from './words.js';
import { formatSeconds, secondsUntil } from './words.js';

/** For a host that cannot be reached; undefined when nothing is armed on it. */
export function rollbackText(host: ActiveHost, nowMs: number): string | undefined {
  const { deadlineMs, announcedMs } = host;
  if (deadlineMs === undefined || announcedMs === undefined) return undefined;
  if (nowMs < deadlineMs) {
    return `rolls back by itself in ${formatSeconds(secondsUntil(deadlineMs, nowMs))}`;
  }
  if (nowMs < announcedMs) {
    return `rolling back by itself, back in ${formatSeconds(secondsUntil(announcedMs, nowMs))}`;
  }
  return `overdue by ${formatSeconds((nowMs - announcedMs) / 1000)}`;
}

/** Phases in which nothing has been sent yet that could change the host. */
const UNTOUCHED: readonly HostPhase[] = ['queued', 'connecting', 'observing', 'planning'];

/** For a run that is left early: what becomes of the host, as far as it is known. */
export function rollbackMoment(host: ActiveHost, clock: ClockFormat): string {
  if (host.announcedMs !== undefined) {
    return `unless confirmed, rolls back by itself, back by ${clock(host.announcedMs)}`;
  }
  return UNTOUCHED.includes(host.phase)
    ? 'nothing was changed'
    : 'not known whether it was armed; if so, it rolls back by itself';
}
