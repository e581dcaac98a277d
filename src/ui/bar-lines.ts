/** The lines of the screen that tell of the run as a whole: title, totals, waves. */
import type { Outcome } from '../run/events.js';
import type { Glyphs } from './glyphs.js';
import type { LiveOptions } from './live-lines.js';
import { sanitise } from './sanitise.js';
import type { Span, StyledLine } from './styled-line.js';
import { lineWidth, span, truncateLine } from './styled-line.js';
import { textWidth } from './text-width.js';
import type { RunView, WaveView } from './view-model.js';
import {
  OUTCOME_STYLES,
  OUTCOME_WORDS,
  formatDuration,
  formatSeconds,
  secondsUntil,
} from './words.js';

/** The worst first, so that a line that is cut loses what matters least. */
const TOTALS_ORDER: readonly Outcome[] = [
  'lost',
  'failed',
  'rolled-back',
  'confirmed-not-persistent',
  'confirmed',
  'unchanged',
  'skipped',
];

/**
 * When a window is made narrower, terminals wrap what stands in it, and the frame cannot be wiped as a whole any
 * more: a rule across a wide window would leave a piece of itself above each time.
 */
const LONGEST_TITLE = 79;

export function titleLine(
  view: Pick<RunView, 'command' | 'startedMs'>,
  { glyphs, nowMs }: Pick<LiveOptions, 'glyphs' | 'nowMs'>,
  most: number,
): StyledLine {
  const width = Math.min(most, LONGEST_TITLE);
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

export function totalsLine(view: RunView, glyphs: Glyphs, width: number): StyledLine {
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

export function wavesLine(
  view: RunView,
  { glyphs, nowMs }: LiveOptions,
  width: number,
): StyledLine {
  const ruler = [
    span('waves'),
    ...view.waves.flatMap((wave) => [span('  '), waveSpan(wave, glyphs)]),
  ];
  const { currentWave } = view;
  const current = currentWave === undefined ? undefined : view.waves[currentWave];
  const soak = soakSpans(view, nowMs);
  if (currentWave === undefined || current === undefined) return ruler;
  const line =
    lineWidth(ruler) + lineWidth(soak) <= width
      ? ruler
      : [span(`wave ${currentWave + 1} of ${view.waves.length}  `), waveSpan(current, glyphs)];
  return [...line, ...soak];
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

/** The time for which a wave is watched before the next one. */
function soakSpans({ soak }: RunView, nowMs: number): readonly Span[] {
  if (soak === undefined || nowMs >= soak.untilMs) return [];
  const left = formatSeconds(secondsUntil(soak.untilMs, nowMs));
  return [span(`  wave ${soak.wave + 1} is watched, ${left} left`, 'active')];
}

/** `cut off: median 0.8 s, longest 3.1 s (12 hosts)`; undefined: no host was. */
export function outageSummary(outages: RunView['outages']): string | undefined {
  const sorted = [...outages].sort(([a], [b]) => a - b);
  const count = sorted.reduce((sum, [, hosts]) => sum + hosts, 0);
  const longest = sorted.at(-1)?.[0];
  if (longest === undefined) return undefined;
  let left = Math.floor((count - 1) / 2);
  const median = sorted.find(([, hosts]) => (left -= hosts) < 0)?.[0] ?? longest;
  const hosts = count === 1 ? '1 host' : `${count} hosts`;
  return `cut off: median ${formatDuration(median)}, longest ${formatDuration(longest)} (${hosts})`;
}
