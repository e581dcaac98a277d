/** One host of the screen's list as a line: sign, name, phase, how long, what comes next for it. */
import { finishedCause, finishedHead } from './finished-lines.js';
import type { HostRow } from './host-rows.js';
import { isAway } from './host-rows.js';
import type { LiveOptions } from './live-lines.js';
import { rollbackText } from './rollback-text.js';
import { sanitise } from './sanitise.js';
import type { StyledLine } from './styled-line.js';
import { span } from './styled-line.js';
import { fitText } from './text-width.js';
import type { ActiveHost } from './view-model.js';
import {
  OUTCOME_STYLES,
  OUTCOME_WORDS,
  PHASE_WORDS,
  formatDuration,
  formatSeconds,
  secondsUntil,
} from './words.js';

export type RowShape = Readonly<{
  width: number;
  /** Cells for names. */
  nameWidth: number;
  /** undefined: nothing is selected, and there is no column for its mark. */
  selected: string | undefined;
}>;

export function rowLine(row: HostRow, options: LiveOptions, shape: RowShape): StyledLine {
  const { glyphs } = options;
  const mark =
    shape.selected === undefined
      ? []
      : [span(row.host === shape.selected ? `${glyphs.current} ` : '  ', 'active')];
  const width = shape.width - (mark.length === 0 ? 0 : 2);
  switch (row.kind) {
    case 'failure':
      return [...mark, ...finishedHead(row.failure, options, finishedCause(row.failure))];
    case 'active':
      return [...mark, ...activeLine(row.active, options, width, shape.nameWidth)];
    case 'other': {
      const { outcome } = row;
      const name = fitText(sanitise(row.host), shape.nameWidth, glyphs.ellipsis);
      return outcome === undefined
        ? [...mark, span(`${glyphs.queued} ${name}  queued`, 'faint')]
        : [
            ...mark,
            span(`${glyphs.outcome[outcome]} `, OUTCOME_STYLES[outcome]),
            span(`${name}  ${OUTCOME_WORDS[outcome]}`),
          ];
    }
  }
}

const PHASE_WIDTH = Math.max(...Object.values(PHASE_WORDS).map((word) => word.length));

/** Not reached by its deadline. */
const LOST = 'LOST';

/** Below this many cells there is no room for columns: the name and what comes next for it. */
const NARROW = 50;

function activeLine(
  host: ActiveHost,
  options: LiveOptions,
  width: number,
  nameWidth: number,
): StyledLine {
  const { glyphs, nowMs, tick } = options;
  const away = isAway(host);
  const spinner = glyphs.spinner[tick % glyphs.spinner.length] ?? '';
  const left = timeLeft(host, nowMs);
  const outage = outageText(host, nowMs);
  const head = [
    span(`${spinner} `, away ? 'warning' : 'active'),
    span(fitText(sanitise(host.host), nameWidth, glyphs.ellipsis), 'strong'),
  ];
  if (width < NARROW) {
    if (away && left !== undefined) return [...head, span(` ${left}`, 'warning')];
    const end = left === undefined ? '' : `, ${left}`;
    return [...head, span(` ${PHASE_WORDS[host.phase]}${end}`)];
  }
  const sinceMs = (away ? host.cutOffSinceMs : undefined) ?? host.phaseSinceMs;
  return [
    ...head,
    host.lost
      ? span(`  ${LOST.padEnd(PHASE_WIDTH)}`, 'bad')
      : span(`  ${PHASE_WORDS[host.phase].padEnd(PHASE_WIDTH)}`, away ? 'warning' : 'plain'),
    span(formatSeconds((nowMs - sinceMs) / 1000).padStart(6), 'faint'),
    ...(left === undefined ? [] : [span(`  ${left}`, away ? 'warning' : 'plain')]),
    ...(away || outage === undefined ? [] : [span(`  ${outage}`, 'faint')]),
    ...(host.detail === undefined ? [] : [span(`  ${sanitise(host.detail)}`, 'faint')]),
  ];
}

function timeLeft(host: ActiveHost, nowMs: number): string | undefined {
  if (isAway(host)) return rollbackText(host, nowMs);
  if (host.deadlineMs === undefined) return undefined;
  if (host.phase === 'rolling-back' || nowMs >= host.deadlineMs) return undefined;
  return `deadline in ${formatSeconds(secondsUntil(host.deadlineMs, nowMs))}`;
}

/** How long the host could not be reached, counted while it lasts. */
function outageText(host: ActiveHost, nowMs: number): string | undefined {
  if (host.cutOffSinceMs !== undefined) {
    return `cut off ${formatSeconds((nowMs - host.cutOffSinceMs) / 1000)}`;
  }
  if (host.outageMs === undefined || host.outageMs <= 0) return undefined;
  return `was cut off ${formatDuration(host.outageMs)}`;
}
