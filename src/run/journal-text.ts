/**
 * The text of a journal back to events. Pure. A journal may be cut anywhere (power, a full disk), may be
 * written by another version, and may grow while it is read; what can be read is read, and what cannot is
 * told as what it is.
 */
import { OUTCOMES, type RunEvent } from './events.js';
import { parseJsonLine } from './json-line.js';

type Kind = 'string' | 'number' | 'boolean' | 'array' | 'object' | 'outcome';

/** What every reader relies on; a line without it is not understood. */
const REQUIRED: Readonly<Record<RunEvent['type'], Readonly<Record<string, Kind>>>> = {
  'run.started': { run: 'string', command: 'string', hosts: 'array', waves: 'array' },
  'wave.started': { wave: 'number', hosts: 'array' },
  'wave.finished': { wave: 'number', good: 'boolean' },
  'wave.soaking': { wave: 'number', seconds: 'number', until: 'string' },
  'wave.checked': { wave: 'number', check: 'string', good: 'boolean', text: 'string' },
  'approval.requested': { wave: 'number', before: 'string' },
  'approval.given': { wave: 'number', by: 'string' },
  'run.paused': { by: 'string' },
  'run.unpaused': { by: 'string' },
  'group.ready': { group: 'number', hosts: 'array' },
  'group.committed': { group: 'number', hosts: 'array', until: 'string' },
  'group.abandoned': { group: 'number', hosts: 'array', reason: 'string' },
  'group.mixed': { group: 'number', confirmed: 'array', rolledBack: 'array' },
  'host.phase': { host: 'string', phase: 'string' },
  'host.planned': { host: 'string', changes: 'array', hazards: 'array' },
  'host.recorded': {
    host: 'string',
    transaction: 'string',
    before: 'object',
    target: 'object',
    baseline: 'array',
  },
  'host.armed': { host: 'string', transaction: 'string', deadline: 'string', announced: 'string' },
  'host.applied': { host: 'string', durationMs: 'number' },
  'host.cut-off': { host: 'string' },
  'host.extended': { host: 'string', deadline: 'string', secondsLeft: 'number' },
  'host.lost': { host: 'string', deadline: 'string', announced: 'string' },
  'host.returned': { host: 'string', outcome: 'outcome' },
  'host.reached': { host: 'string', address: 'string', outageMs: 'number' },
  'host.probed': { host: 'string', probe: 'string', good: 'boolean', text: 'string' },
  'host.differed': { host: 'string', differences: 'array' },
  'host.diagnosed': { host: 'string', evidence: 'array' },
  'host.finished': { host: 'string', outcome: 'outcome', durationMs: 'number', timings: 'object' },
  'run.stopping': { reason: 'string' },
  log: { level: 'string', message: 'string' },
  'run.finished': { counts: 'object', exitCode: 'number', durationMs: 'number', notes: 'array' },
};

function isKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'outcome':
      return OUTCOMES.some((outcome) => outcome === value);
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === kind;
  }
}

/** The event of one line; undefined: it is none that this version understands. */
function parseEventLine(line: string): RunEvent | undefined {
  const fields = parseJsonLine(line);
  if (fields === undefined) return undefined;
  const { type, at, seq } = fields;
  if (typeof type !== 'string' || typeof at !== 'string' || typeof seq !== 'number') {
    return undefined;
  }
  if (Number.isNaN(Date.parse(at)) || !Object.hasOwn(REQUIRED, type)) return undefined;
  const required = REQUIRED[type as RunEvent['type']];
  const isWhole = Object.entries(required).every(([key, kind]) => isKind(fields[key], kind));
  return isWhole ? (fields as RunEvent) : undefined;
}

/** What of a journal could not be read. */
export type JournalDamage = Readonly<{
  /** Numbers of lines (from 1) that are no event that this version understands. */
  badLines: readonly number[];
  /** The last line has no end: the journal was cut there, or it is being written. */
  isCut: boolean;
}>;

/** Reads a journal piece by piece, as it grows. */
export class JournalParser {
  private readonly decoder = new TextDecoder('utf-8');
  private readonly badLines: number[] = [];
  private rest = '';
  private line = 0;

  /** The events that `bytes` completes. */
  push(bytes: Uint8Array): readonly RunEvent[] {
    const lines = (this.rest + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.read(line));
  }

  damage(): JournalDamage {
    return { badLines: [...this.badLines], isCut: this.rest !== '' };
  }

  private read(line: string): readonly RunEvent[] {
    this.line += 1;
    const event = parseEventLine(line);
    if (event !== undefined) return [event];
    this.badLines.push(this.line);
    // A journal that was cut in the middle of a line, and went on behind it.
    const again = line.lastIndexOf('{"at":');
    const behind = again > 0 ? parseEventLine(line.slice(again)) : undefined;
    return behind === undefined ? [] : [behind];
  }
}

/** The damage in words, a line each; none for a whole journal. */
export function damageText({ badLines, isCut }: JournalDamage): readonly string[] {
  const [first] = badLines;
  const lines: string[] = [];
  if (badLines.length === 1) {
    lines.push(`line ${first} of the journal cannot be read and is left out`);
  } else if (badLines.length > 1) {
    lines.push(
      `${badLines.length} lines of the journal cannot be read and are left out, the first is line ${first}`,
    );
  }
  if (isCut) lines.push('the journal is cut in the middle of its last line');
  return lines;
}
