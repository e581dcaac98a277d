/** The few signs the UI uses, with a plain ASCII form. Words always stand beside them. */
import type { Outcome } from '../run/events.js';

export type Glyphs = Readonly<{
  outcome: Readonly<Record<Outcome, string>>;
  queued: string;
  /** The wave that runs now. */
  current: string;
  ellipsis: string;
  rule: string;
  barDone: string;
  barRest: string;
  spinner: readonly string[];
  /** Marks the path that carries the controller's SSH session. */
  management: string;
  separator: string;
}>;

export const UNICODE_GLYPHS: Glyphs = {
  outcome: {
    unchanged: '=',
    confirmed: '✓',
    'confirmed-not-persistent': '✓',
    'rolled-back': '↩',
    failed: '✗',
    lost: '!',
    skipped: '-',
  },
  queued: '·',
  current: '▸',
  ellipsis: '…',
  rule: '─',
  barDone: '█',
  barRest: '░',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
  management: '⚑ management path',
  separator: ' · ',
};

export const ASCII_GLYPHS: Glyphs = {
  outcome: {
    unchanged: '=',
    confirmed: '*',
    'confirmed-not-persistent': '*',
    'rolled-back': '<',
    failed: 'x',
    lost: '!',
    skipped: '-',
  },
  queued: '.',
  current: '>',
  ellipsis: '~',
  rule: '-',
  barDone: '#',
  barRest: '.',
  spinner: ['|', '/', '-', '\\'],
  management: '[mgmt] management path',
  separator: ' | ',
};

type Environment = Readonly<Record<string, string | undefined>>;

/** LC_ALL wins over LC_CTYPE wins over LANG, as in setlocale(3); none set means the C locale. */
export function isUtf8Locale(env: Environment): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find(
    (value) => value !== undefined && value !== '',
  );
  return locale !== undefined && /utf-?8/i.test(locale);
}

export function glyphsFor(env: Environment): Glyphs {
  return isUtf8Locale(env) ? UNICODE_GLYPHS : ASCII_GLYPHS;
}

/** NO_COLOR (no-color.org: any value but the empty one) wins over FORCE_COLOR wins over the terminal. */
export function wantsColour(env: Environment, isTTY: boolean): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0' && forced !== 'false';
  return isTTY && env['TERM'] !== 'dumb';
}
