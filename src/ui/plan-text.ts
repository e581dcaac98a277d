/**
 * What `netorch plan` prints: per host the ordered changes with their reason, their hazards and what
 * they mean for the way in. Hosts whose plans differ in values of their own only share one (plan-groups.ts).
 */
import type { NetorchError, SourceLocation } from '../errors.js';
import { formatError, formatLocation } from '../errors.js';
import type { Change, ChangePlan, FleetFinding, Hazard } from '../plan/change.js';
import type { Glyphs } from './glyphs.js';
import { ASCII_GLYPHS, UNICODE_GLYPHS } from './glyphs.js';
import type { PlanGroup } from './plan-groups.js';
import { groupPlans } from './plan-groups.js';
import { sanitise, sanitiseLines } from './sanitise.js';
import type { StyledLine, TextStyle } from './styled-line.js';
import { lineText, lineWidth, paintLine, span, wrapLine } from './styled-line.js';
import { textWidth } from './text-width.js';
import { formatSeconds, plural } from './words.js';

/** `plan` undefined or without changes: the host has nothing to do (unless `error` is set). */
export type HostPlan = Readonly<{
  host: string;
  plan: ChangePlan | undefined;
  error?: NetorchError;
}>;

/** Counted over all hosts; the exit code of `plan` is made from the same numbers as its text. */
export type PlanTotals = Readonly<{
  create: number;
  modify: number;
  delete: number;
  recreate: number;
  changedHosts: number;
  unchangedHosts: number;
  failedHosts: number;
}>;

export type PlanTextOptions = Readonly<{
  colour: boolean;
  /** Cells; default 100. */
  width?: number;
  /** False: ASCII only. Default true. */
  unicode?: boolean;
}>;

const ACTION_SIGNS: Readonly<Record<Change['action'], readonly [string, TextStyle]>> = {
  create: ['+', 'good'],
  modify: ['~', 'warning'],
  delete: ['-', 'bad'],
  recreate: ['-/+', 'bad'],
};

const DEFAULT_WIDTH = 100;
/** Narrower than this nothing lines up any more; the terminal may wrap. */
const LEAST_WIDTH = 40;

export function countPlans(plans: readonly HostPlan[]): PlanTotals {
  const changes = plans.flatMap((item) => (isChanged(item) ? item.plan.changes : []));
  const count = (action: Change['action']): number =>
    changes.filter((change) => change.action === action).length;
  const failedHosts = plans.filter((item) => item.error !== undefined).length;
  const changedHosts = plans.filter((item) => isChanged(item)).length;
  return {
    create: count('create'),
    modify: count('modify'),
    delete: count('delete'),
    recreate: count('recreate'),
    changedHosts,
    unchangedHosts: plans.length - failedHosts - changedHosts,
    failedHosts,
  };
}

/** The whole text, lines joined by newlines, without one at the end. */
export function renderPlan(
  plans: readonly HostPlan[],
  options: PlanTextOptions,
  findings: readonly FleetFinding[] = [],
): string {
  const width = Math.max(LEAST_WIDTH, options.width ?? DEFAULT_WIDTH);
  const glyphs = options.unicode === false ? ASCII_GLYPHS : UNICODE_GLYPHS;
  const decorate = (letter: string): string =>
    options.unicode === false ? `<${letter}>` : `‹${letter}›`;
  const unchanged = plans.filter((item) => item.error === undefined && !isChanged(item));
  const sections = [
    ...groupPlans(plans.filter(isChanged), decorate).map((group) =>
      groupLines(group, glyphs, width),
    ),
    ...(unchanged.length === 0
      ? []
      : [
          wrapLine(
            [span('= ', 'faint'), span('nothing to do: ')],
            unchanged.map((item) => sanitise(item.host)).join(', '),
            'plain',
            width,
          ),
        ]),
    ...plans.flatMap((item) =>
      item.error === undefined ? [] : [errorLines(item.host, item.error, glyphs)],
    ),
    ...(findings.length === 0 ? [] : [findingLines(findings, glyphs, width)]),
    [footer(countPlans(plans))],
  ];
  return sections
    .map((lines) => lines.map((line) => paintLine(line, options.colour)).join('\n'))
    .join('\n\n');
}

function isChanged(item: HostPlan): item is HostPlan & Readonly<{ plan: ChangePlan }> {
  return item.error === undefined && item.plan !== undefined && item.plan.changes.length > 0;
}

/** What only shows when the hosts are looked at together. */
function findingLines(
  findings: readonly FleetFinding[],
  glyphs: Glyphs,
  width: number,
): readonly StyledLine[] {
  return [
    [span('across the hosts', 'strong')],
    ...findings.flatMap(({ severity, text, location }) => {
      const style = severity === 'error' ? 'bad' : 'warning';
      const where = location === undefined ? '' : ` (${formatLocation(location)})`;
      const sign = severity === 'error' ? glyphs.outcome.failed : '!';
      return wrapLine([span(`  ${sign} `, style)], sanitise(`${text}${where}`), 'plain', width);
    }),
  ];
}

/** The shared plan of a group, and below it what differs by host. */
function groupLines(group: PlanGroup, glyphs: Glyphs, width: number): readonly StyledLine[] {
  return [
    ...hostsHeading(group, width),
    ...planLines(group.plan, glyphs, width),
    ...valueTable(group, width),
  ];
}

function valueTable({ hosts, columns }: PlanGroup, width: number): readonly StyledLine[] {
  if (columns.length === 0) return [];
  const names = ['host', ...hosts.map((host) => sanitise(host))];
  const cells = columns.map(({ letter, values }) => [
    letter,
    ...values.map((value) => sanitise(value)),
  ]);
  const padded = [names, ...cells].map((column) => {
    const widest = Math.max(...column.map((cell) => textWidth(cell)));
    return column.map((cell) => cell + ' '.repeat(widest - textWidth(cell)));
  });
  return names
    .map((_, row) => {
      const text = padded
        .map((column) => column[row] ?? '')
        .join('  ')
        .trimEnd();
      // A table that is too wide goes on in the next line rather than losing values.
      return [span('  '), span(text, row === 0 ? 'faint' : 'plain')] satisfies StyledLine;
    })
    .flatMap((line) =>
      lineWidth(line) <= width
        ? [line]
        : wrapLine([span('  ')], lineText(line).trim(), 'plain', width),
    );
}

function hostsHeading({ hosts, columns }: PlanGroup, width: number): readonly StyledLine[] {
  const names = hosts.map((host) => sanitise(host)).join(', ');
  if (hosts.length === 1) return wrapLine([], names, 'strong', width);
  return wrapLine(
    [
      span(
        `${hosts.length} hosts, ${columns.length === 0 ? 'same plan' : 'same plan but for their own values'}: `,
      ),
    ],
    names,
    'strong',
    width,
  );
}

function planLines(plan: ChangePlan, glyphs: Glyphs, width: number): readonly StyledLine[] {
  const heads = plan.changes.map((change) => changeHead(change, glyphs));
  const whyColumn = Math.min(
    Math.floor(width * 0.6),
    Math.max(...heads.map((head) => lineWidth(head))) + 2,
  );
  return [
    ...impactLines(plan, glyphs, width),
    ...plan.changes.flatMap((change, index) => [
      ...withWhy(heads[index] ?? [], change, whyColumn, width),
      ...change.hazards.flatMap((hazard) => hazardLines(hazard, '      ', width)),
    ]),
    ...plan.hazards.flatMap((hazard) => hazardLines(hazard, '  ', width)),
  ];
}

/** What the whole plan means for the way in: first, because it decides whether to go on reading. */
function impactLines(plan: ChangePlan, glyphs: Glyphs, width: number): readonly StyledLine[] {
  if (!plan.touchesManagement && plan.expectedOutageSeconds === 0) return [];
  const outage =
    plan.expectedOutageSeconds === 0
      ? 'no outage expected'
      : `may be cut off for up to ${formatSeconds(Math.ceil(plan.expectedOutageSeconds))}`;
  const moved =
    plan.newManagementAddress === undefined
      ? ''
      : `; SSH moves to ${sanitise(plan.newManagementAddress)}`;
  const prefix = plan.touchesManagement
    ? [span('  '), span(glyphs.management, 'warning'), span(' is changed: ')]
    : [span('  ')];
  return wrapLine(prefix, outage + moved, 'plain', width);
}

function changeHead(change: Change, glyphs: Glyphs): StyledLine {
  const [sign, style] = ACTION_SIGNS[change.action];
  // The sign of the management path alone: its words stand above, once.
  const [mark] = glyphs.management.split(' ');
  return [
    span('  '),
    span(sign.padEnd(4), style),
    span(sanitise(change.summary)),
    ...(change.touchesManagement ? [span(` ${mark}`, 'warning')] : []),
  ];
}

/** The reason in its column if there is room, else on lines of its own below. */
function withWhy(
  head: StyledLine,
  change: Change,
  column: number,
  width: number,
): readonly StyledLine[] {
  const why = whyText(change.why);
  if (why === '') return [head];
  const gap = Math.max(2, column - lineWidth(head));
  if (lineWidth(head) + gap + textWidth(why) <= width) {
    return [[...head, span(' '.repeat(gap)), span(why, 'faint')]];
  }
  return [head, ...wrapLine([span('      ')], why, 'faint', width)];
}

function whyText({ text, location }: Change['why']): string {
  const place = location === undefined ? '' : `(${placeText(location)})`;
  return [sanitise(text), sanitise(place)].filter((part) => part !== '').join(' ');
}

function placeText({ file, line }: SourceLocation): string {
  return `${file}:${line}`;
}

function hazardLines(hazard: Hazard, indent: string, width: number): readonly StyledLine[] {
  const isWarning = hazard.severity === 'warning';
  const prefix = isWarning
    ? [span(indent), span('! ', 'warning')]
    : [span(indent), span('note: ', 'faint')];
  return wrapLine(prefix, sanitise(hazard.text), isWarning ? 'warning' : 'faint', width);
}

function errorLines(host: string, error: NetorchError, glyphs: Glyphs): readonly StyledLine[] {
  return [
    [
      span(`${glyphs.outcome.failed} `, 'bad'),
      span(sanitise(host), 'strong'),
      span(': no plan', 'bad'),
    ],
    ...sanitiseLines(formatError(error)).map((line) => [span(`  ${line}`)]),
  ];
}

function footer(totals: PlanTotals): StyledLine {
  const { changedHosts, unchangedHosts, failedHosts } = totals;
  if (changedHosts + unchangedHosts + failedHosts === 0) return [span('no hosts', 'strong')];
  const changes = [
    `${totals.create} to create`,
    `${totals.modify} to change`,
    `${totals.delete} to delete`,
    ...(totals.recreate === 0 ? [] : [`${totals.recreate} to recreate`]),
  ].join(', ');
  const parts = [
    ...(changedHosts === 0 ? [] : [`${changes} on ${plural(changedHosts, 'host')}`]),
    ...(unchangedHosts === 0
      ? []
      : [
          `${plural(unchangedHosts, 'host')} ${unchangedHosts === 1 ? 'has' : 'have'} nothing to do`,
        ]),
    ...(failedHosts === 0 ? [] : [`${plural(failedHosts, 'host')} without a plan`]),
  ];
  return [span(parts.join('; '), failedHosts === 0 ? 'strong' : 'bad')];
}
