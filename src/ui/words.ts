/** The words for outcomes, phases, numbers and times, one wording for all reporters. */
import type { HostPhase, Outcome } from '../run/events.js';
import type { TextStyle } from './styled-line.js';

export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  unchanged: 'unchanged',
  confirmed: 'confirmed',
  'confirmed-not-persistent': 'confirmed, not persistent',
  'rolled-back': 'rolled back',
  failed: 'failed',
  lost: 'lost',
  skipped: 'skipped',
};

export const OUTCOME_STYLES: Readonly<Record<Outcome, TextStyle>> = {
  unchanged: 'faint',
  confirmed: 'good',
  'confirmed-not-persistent': 'warning',
  'rolled-back': 'warning',
  failed: 'bad',
  lost: 'bad',
  skipped: 'faint',
};

export const PHASE_WORDS: Readonly<Record<HostPhase, string>> = {
  queued: 'queued',
  connecting: 'connecting',
  observing: 'observing',
  planning: 'planning',
  arming: 'arming',
  applying: 'applying',
  reconnecting: 'reconnecting',
  verifying: 'verifying',
  probing: 'probing',
  holding: 'holding',
  confirming: 'confirming',
  'rolling-back': 'rolling back',
  'waiting-for-rollback': 'cut off',
  done: 'done',
};

/** Outcomes that need a human's eye, the worst first; the order of every list of failures. */
export const BAD_OUTCOMES: readonly Outcome[] = [
  'lost',
  'failed',
  'rolled-back',
  'confirmed-not-persistent',
];

export function isBad(outcome: Outcome): boolean {
  return BAD_OUTCOMES.includes(outcome);
}

/** `1 host`, `3 hosts`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `0.4 s`, `12 s`, `2 min 05 s`, `1 h 03 min`: as exact as a reader needs. */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  return formatSeconds(Math.round(ms / 1000));
}

/** Whole seconds, for what is counted on a screen. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** Seconds left until a moment, rounded up so that "0 s" means that it has come. */
export function secondsUntil(momentMs: number, nowMs: number): number {
  return Math.max(0, Math.ceil((momentMs - nowMs) / 1000));
}

/** Clock time `HH:MM:SS` in the user's time zone (or the given one); switches log in the same terms. */
export type ClockFormat = (epochMs: number) => string;

export function createClockFormat(timeZone?: string): ClockFormat {
  const format = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  return (epochMs) => (Number.isFinite(epochMs) ? format.format(epochMs) : '--:--:--');
}
