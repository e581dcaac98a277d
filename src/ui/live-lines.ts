/**
 * The small region at the bottom of the screen, as data. Never taller than the terminal allows and
 * never wider: a frame as tall as the terminal would make it clear itself and its scrollback.
 */
import type { Outcome } from '../run/events.js';
import { finishedCause, finishedHead } from './finished-lines.js';
import type { Glyphs } from './glyphs.js';
import type { Presentation } from './presentation.js';
import { rollbackText } from './rollback-text.js';
import { sanitise } from './sanitise.js';
import type { Span, StyledLine } from './styled-line.js';
import { lineWidth, span, truncateLine } from './styled-line.js';
import { fitText, textWidth } from './text-width.js';
import type { ActiveHost, FinishedHost, RunView, WaveView } from './view-model.js';
import {
  OUTCOME_STYLES,
  OUTCOME_WORDS,
  PHASE_WORDS,
  formatSeconds,
  secondsUntil,
} from './words.js';

export type LiveOptions = Presentation &
  Readonly<{
    columns: number;
    rows: number;
    nowMs: number;
    /** Counts frames; turns the spinner. */
    tick: number;
  }>;

/** Taller than this helps nobody; finished hosts scroll above. */
const MOST_LINES = 20;
/**
 * A terminal that is made narrower wraps what it shows, and no program can take that back reliably: the
 * shorter the lines, the rarer the leftovers.
 */
const MOST_COLUMNS = 110;

/** Pinned: what may need a hand before the run is over, the worst first. */
const PINNED_OUTCOMES: readonly Outcome[] = ['lost', 'failed', 'rolled-back'];

/** The worst first, so that a line that is cut loses what matters least. */
const TOTALS_ORDER: readonly Outcome[] = [
  ...PINNED_OUTCOMES,
  'confirmed-not-persistent',
  'confirmed',
  'unchanged',
  'skipped',
];

/** Lines from top to bottom; none before the run has begun and after it has ended. */
export function liveLines(view: RunView, options: LiveOptions): readonly StyledLine[] {
  if (view.startedMs === undefined || view.result !== undefined) return [];
  const { columns, rows, glyphs } = options;
  const width = Math.max(1, Math.min(columns - 1, MOST_COLUMNS));
  const height = Math.max(1, Math.min(rows - 2, MOST_LINES));

  const totals = totalsLine(view, glyphs, width);
  const below: StyledLine[] = [totals];
  if (view.waves.length > 1 && height >= 5) below.push(wavesLine(view, glyphs, width));
  if (height >= 6) below.push(helpLine(view));
  const above: StyledLine[] = height >= 4 ? [titleLine(view, options, width)] : [];

  const room = height - above.length - below.length;
  const pinned = pinnedLines(view, options, Math.ceil(room / 3));
  const active = activeLines(view, options, width, room - pinned.length);
  return [...above, ...pinned, ...active, ...below].map((line) =>
    truncateLine(line, width, glyphs.ellipsis),
  );
}

function titleLine(view: RunView, { glyphs, nowMs }: LiveOptions, width: number): StyledLine {
  const elapsed = formatSeconds((nowMs - (view.startedMs ?? nowMs)) / 1000);
  const edge = glyphs.rule.repeat(2);
  const room = width - textWidth(elapsed) - 8;
  const title = truncateLine([span(sanitise(view.command), 'strong')], room, glyphs.ellipsis);
  return [
    span(`${edge} `, 'faint'),
    ...title,
    span(` ${glyphs.rule.repeat(Math.max(0, room - lineWidth(title)))} `, 'faint'),
    span(elapsed),
    span(` ${edge}`, 'faint'),
  ];
}

function totalsLine(view: RunView, glyphs: Glyphs, width: number): StyledLine {
  const parts: (readonly Span[])[] = TOTALS_ORDER.filter((outcome) => view.counts[outcome] > 0).map(
    (outcome) => [
      span(`${glyphs.outcome[outcome]} `, OUTCOME_STYLES[outcome]),
      span(`${view.counts[outcome]} ${OUTCOME_WORDS[outcome]}`, OUTCOME_STYLES[outcome]),
    ],
  );
  if (view.active.size > 0) parts.push([span(`${view.active.size} under way`, 'active')]);
  if (view.queued > 0) parts.push([span(`${glyphs.queued} ${view.queued} queued`, 'faint')]);
  const words = parts.flatMap((part, index) => (index === 0 ? part : [span('  '), ...part]));
  const done = `${view.finished}/${view.hostCount}`;
  const line = [span(`${done}  `, 'strong'), ...words];
  // The words matter more; two lengths only, so that the bar does not shake with every count.
  const cells = BAR_CELLS.find((length) => length + 1 + lineWidth(line) <= width);
  return cells === undefined ? line : [...barSpans(view, glyphs, cells), span(' '), ...line];
}

const BAR_CELLS: readonly number[] = [20, 10];

function barSpans(view: RunView, glyphs: Glyphs, cells: number): readonly Span[] {
  // Rounded down, so that a full bar means that all are done.
  const full = view.hostCount === 0 ? 0 : Math.floor((view.finished / view.hostCount) * cells);
  return [
    span(glyphs.barDone.repeat(full), 'active'),
    span(glyphs.barRest.repeat(cells - full), 'faint'),
  ];
}

function wavesLine(view: RunView, glyphs: Glyphs, width: number): StyledLine {
  const ruler = [
    span('waves'),
    ...view.waves.flatMap((wave) => [span('  '), waveSpan(wave, glyphs)]),
  ];
  const { currentWave } = view;
  const current = currentWave === undefined ? undefined : view.waves[currentWave];
  if (lineWidth(ruler) <= width || currentWave === undefined || current === undefined) return ruler;
  return [span(`wave ${currentWave + 1} of ${view.waves.length}  `), waveSpan(current, glyphs)];
}

function waveSpan(wave: WaveView, glyphs: Glyphs): Span {
  switch (wave.state) {
    case 'good':
      return span(`${glyphs.outcome.confirmed} ${wave.hosts} good`, 'good');
    case 'bad':
      return span(`${glyphs.outcome.failed} ${wave.hosts} not good`, 'bad');
    case 'running':
      return span(`${glyphs.current} ${wave.finished} of ${wave.hosts}`, 'active');
    case 'waiting':
      return span(`${glyphs.queued} ${wave.hosts}`, 'faint');
  }
}

function helpLine(view: RunView): StyledLine {
  if (view.stopping === undefined) {
    return [span('Ctrl-C: start no new host, let those under way end', 'faint')];
  }
  return [
    span('stopping', 'warning'),
    span(': no new host is started. Ctrl-C: leave now, hosts roll back by themselves', 'faint'),
  ];
}

function pinnedLines(view: RunView, presentation: Presentation, room: number): StyledLine[] {
  const pinned = PINNED_OUTCOMES.flatMap((outcome) =>
    // The newest first: the older ones are further up in the scrollback anyway.
    view.failures.filter((failure) => failure.outcome === outcome).reverse(),
  );
  if (pinned.length === 0 || room <= 0) return [];
  const shown = pinned.length <= room ? pinned : pinned.slice(0, room - 1);
  const lines = shown.map((failure) => pinnedLine(failure, presentation));
  const more = pinned.length - shown.length;
  if (more > 0) lines.push([span(`+${more} more not good`, 'bad')]);
  return lines;
}

function pinnedLine(failure: FinishedHost, presentation: Presentation): StyledLine {
  return finishedHead(failure, presentation, finishedCause(failure));
}

function activeLines(
  view: RunView,
  options: LiveOptions,
  width: number,
  room: number,
): StyledLine[] {
  if (room <= 0 || view.active.size === 0) return [];
  const hosts = [...view.active.values()].sort((a, b) => urgency(a) - urgency(b));
  const shown = hosts.length <= room ? hosts : hosts.slice(0, room - 1);
  const names = shown.map((host) => textWidth(sanitise(host.host)));
  const nameWidth = Math.min(Math.max(...names, 0), Math.floor(width / 3));
  const lines = shown.map((host) => activeLine(host, options, width, nameWidth));
  const more = hosts.length - shown.length;
  if (more > 0) lines.push([span(`  +${more} more under way`, 'faint')]);
  return lines;
}

/** Hosts that cannot be reached come first; the sort is stable, so the others stay as they began. */
function urgency(host: ActiveHost): number {
  return isAway(host) ? 0 : 1;
}

function isAway(host: ActiveHost): boolean {
  return host.phase === 'waiting-for-rollback';
}

const PHASE_WIDTH = Math.max(...Object.values(PHASE_WORDS).map((word) => word.length));

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
    span(`  ${PHASE_WORDS[host.phase].padEnd(PHASE_WIDTH)}`, away ? 'warning' : 'plain'),
    span(formatSeconds((nowMs - sinceMs) / 1000).padStart(6), 'faint'),
    ...(left === undefined ? [] : [span(`  ${left}`, away ? 'warning' : 'plain')]),
    ...(host.detail === undefined ? [] : [span(`  ${sanitise(host.detail)}`, 'faint')]),
  ];
}

function timeLeft(host: ActiveHost, nowMs: number): string | undefined {
  if (isAway(host)) return rollbackText(host, nowMs);
  if (host.deadlineMs === undefined) return undefined;
  if (host.phase === 'rolling-back' || nowMs >= host.deadlineMs) return undefined;
  return `deadline in ${formatSeconds(secondsUntil(host.deadlineMs, nowMs))}`;
}
