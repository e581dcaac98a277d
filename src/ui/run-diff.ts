/** Two runs against each other: hosts that ended otherwise, and what their networks are after each. Pure. */
import type { Outcome, RecordedState } from '../run/events.js';
import type { HostReport, RunReport } from './run-report.js';
import { isUnderWay, outcomeOf } from './run-report.js';
import { sanitise } from './sanitise.js';
import { stateDifferences } from './state-differences.js';
import type { StyledLine } from './styled-line.js';
import { span } from './styled-line.js';
import { OUTCOME_STYLES, OUTCOME_WORDS, plural } from './words.js';

export type RunDifference = Readonly<{
  host: string;
  /** How it ended in each run; undefined: not in that run, or not known. */
  outcomes: readonly [Outcome | undefined, Outcome | undefined];
  isIn: readonly [boolean, boolean];
  /** Changes that only one of the runs planned, as the runs word them. */
  changes: readonly Readonly<{ side: 0 | 1; text: string }>[];
  /** `undefined`: not both journals hold the host's state. */
  state: readonly Readonly<{ name: string; before: string; after: string }>[] | undefined;
}>;

/** Hosts in which the runs differ, in the order of the first run and then the second. */
export function diffRuns(a: RunReport, b: RunReport): readonly RunDifference[] {
  const left = new Map(a.hosts.map((host) => [host.host, host]));
  const right = new Map(b.hosts.map((host) => [host.host, host]));
  return [...new Set([...left.keys(), ...right.keys()])]
    .map((host) => diffHost(host, left.get(host), right.get(host)))
    .filter(
      ({ outcomes, isIn, changes, state }) =>
        outcomes[0] !== outcomes[1] ||
        isIn[0] !== isIn[1] ||
        changes.length > 0 ||
        (state?.length ?? 0) > 0,
    );
}

function diffHost(
  host: string,
  a: HostReport | undefined,
  b: HostReport | undefined,
): RunDifference {
  const states = [stateAfter(a), stateAfter(b)] as const;
  const planned = [new Set(a?.planned?.changes ?? []), new Set(b?.planned?.changes ?? [])] as const;
  return {
    host,
    outcomes: [a && outcomeOf(a), b && outcomeOf(b)],
    isIn: [a !== undefined, b !== undefined],
    changes: ([0, 1] as const).flatMap((side) =>
      [...planned[side]]
        .filter((text) => !planned[side === 0 ? 1 : 0].has(text))
        .map((text) => ({ side, text })),
    ),
    state:
      states[0] === undefined || states[1] === undefined
        ? undefined
        : stateDifferences(states[0], states[1]).map(({ object, property, before, after }) => ({
            name: property === '' ? object : `${object} ${property}`,
            before: before ?? 'none',
            after: after ?? 'none',
          })),
  };
}

/**
 * The host's network when the run was over: as planned where it was confirmed, as before where it went
 * back or nothing was touched; undefined where the journal does not say.
 */
function stateAfter(host: HostReport | undefined): RecordedState | undefined {
  if (host?.recorded === undefined || isUnderWay(host)) return undefined;
  switch (outcomeOf(host)) {
    case 'confirmed':
    case 'confirmed-not-persistent':
      return host.recorded.target;
    case 'rolled-back':
    case 'failed':
    case 'skipped':
    case 'unchanged':
      return host.recorded.before;
    case 'lost':
    case undefined:
      return undefined;
  }
}

/** Hosts that differ in the same way are told together. `names`: how the runs are called. */
export function runDiffLines(
  differences: readonly RunDifference[],
  names: readonly [string, string],
): readonly StyledLine[] {
  if (differences.length === 0) {
    return [[span(`no host differs between ${names[0]} and ${names[1]}`)]];
  }
  const groups = new Map<string, RunDifference[]>();
  for (const difference of differences) {
    const key = JSON.stringify({ ...difference, host: '' });
    groups.set(key, [...(groups.get(key) ?? []), difference]);
  }
  const head: StyledLine = [
    span('- ', 'bad'),
    span(`${sanitise(names[0])}   `),
    span('+ ', 'good'),
    span(sanitise(names[1])),
  ];
  return [head, ...[...groups.values()].flatMap((group) => [[], ...groupLines(group, names)])];
}

/** More names than this are counted. */
const LISTED = 8;

function groupLines(
  group: readonly RunDifference[],
  names: readonly [string, string],
): readonly StyledLine[] {
  const [first] = group;
  if (first === undefined) return [];
  const shown = group.slice(0, LISTED).map(({ host }) => sanitise(host));
  const more = group.length - shown.length;
  const title = group.length === 1 ? '' : `${plural(group.length, 'host')}: `;
  const { outcomes, isIn, changes, state } = first;
  return [
    [span(`${title}${shown.join(', ')}${more > 0 ? `, +${more} more` : ''}`, 'strong')],
    ...(isIn[0] === isIn[1]
      ? []
      : [[span(`  only in ${sanitise(isIn[0] ? names[0] : names[1])}`, 'warning')]]),
    ...(outcomes[0] === outcomes[1] || isIn[0] !== isIn[1]
      ? []
      : [[span('  ended '), outcomeSpan(outcomes[0]), span(', then '), outcomeSpan(outcomes[1])]]),
    ...changes.map(({ side, text }) => [
      span(side === 0 ? '  - ' : '  + ', side === 0 ? 'bad' : 'good'),
      span(`planned: ${sanitise(text)}`),
    ]),
    ...(state ?? []).flatMap(({ name, before, after }) => [
      [span('  - ', 'bad'), span(`${sanitise(name)}: ${sanitise(before)}`)],
      [span('  + ', 'good'), span(`${sanitise(name)}: ${sanitise(after)}`)],
    ]),
  ];
}

function outcomeSpan(outcome: Outcome | undefined) {
  return outcome === undefined
    ? span('in a way that is not known', 'warning')
    : span(OUTCOME_WORDS[outcome], OUTCOME_STYLES[outcome]);
}
