/**
 * The region at the bottom of the screen while hosts are watched, as data: those that are not watched on top, then those
 * of which something was heard last, totals, keys. Never taller than the terminal allows and never wider.
 */
import { titleLine } from './bar-lines.js';
import { MOST_COLUMNS, MOST_LINES } from './ink-screen.js';
import { changeWords } from './monitor-words.js';
import type { HostView, MonitorView } from './monitor-view.js';
import type { Presentation } from './presentation.js';
import { sanitise } from './sanitise.js';
import type { Span, StyledLine } from './styled-line.js';
import { span, truncateLine } from './styled-line.js';
import { fitText, textWidth } from './text-width.js';
import { formatSeconds, plural, secondsUntil } from './words.js';

export type MonitorLiveOptions = Presentation &
  Readonly<{ columns: number; rows: number; nowMs: number }>;

/** Names of links that a row has room for. */
const MOST_NAMES = 4;

const RANK: Readonly<Record<HostView['state'], number>> = {
  lost: 0,
  'given-up': 1,
  dialling: 2,
  watched: 3,
};

/** None before it has begun and after it has ended. */
export function monitorLiveLines(
  view: MonitorView,
  options: MonitorLiveOptions,
): readonly StyledLine[] {
  if (view.startedMs === undefined || view.isOver) return [];
  const { columns, rows, glyphs } = options;
  const width = Math.max(1, Math.min(columns - 1, MOST_COLUMNS));
  const height = Math.max(1, Math.min(rows - 2, MOST_LINES));
  const above = height >= 4 ? [titleLine(view, options, width)] : [];
  const below: StyledLine[] = [
    totals(view),
    ...(height >= 6 ? [[span('q or Ctrl-C: end', 'faint')]] : []),
  ];
  const room = Math.max(0, height - above.length - below.length);
  return [...above, ...hostLines(view, options, width, room), ...below]
    .slice(-height)
    .map((line) => truncateLine(line, width, glyphs.ellipsis));
}

function hostLines(
  view: MonitorView,
  options: MonitorLiveOptions,
  width: number,
  room: number,
): readonly StyledLine[] {
  if (room <= 0) return [];
  const sorted = [...view.hosts.values()].toSorted(
    (one, other) =>
      RANK[one.state] - RANK[other.state] || (other.last?.atMs ?? 0) - (one.last?.atMs ?? 0),
  );
  const shown = sorted.length <= room ? sorted : sorted.slice(0, room - 1);
  const names = shown.map(({ host }) => textWidth(sanitise(host)));
  const nameWidth = Math.min(Math.max(...names, 0), Math.floor(width / 3));
  const more = sorted.length - shown.length;
  return [
    ...shown.map((host) => hostLine(host, options, nameWidth)),
    ...(more === 0 ? [] : [[span(`  +${plural(more, 'more host', 'more hosts')}`, 'faint')]]),
  ];
}

function hostLine(host: HostView, options: MonitorLiveOptions, nameWidth: number): StyledLine {
  const { glyphs, nowMs } = options;
  const name = fitText(sanitise(host.host), nameWidth, glyphs.ellipsis);
  const since = formatSeconds((nowMs - host.sinceMs) / 1000);
  switch (host.state) {
    case 'dialling':
      return [span(`${glyphs.queued} ${name}  `), span(`dialling, ${since}`, 'faint')];
    case 'lost': {
      const left = secondsUntil(host.retryAtMs ?? nowMs, nowMs);
      const next = left > 0 ? `next try in ${formatSeconds(left)}` : 'dialling';
      return [
        span(`${glyphs.outcome.lost} ${name}  `, 'bad'),
        span(`not watched for ${since}, ${next}: `, 'bad'),
        span(sanitise(host.reason)),
      ];
    }
    case 'given-up':
      return [
        span(`${glyphs.outcome.failed} ${name}  `, 'bad'),
        span('cannot be watched: ', 'bad'),
        span(sanitise(host.reason)),
      ];
    case 'watched':
      return [
        span(`${glyphs.outcome.confirmed} `, 'good'),
        span(`${name}  `),
        ...carrierSpans(host),
        ...lastSpans(host, nowMs),
      ];
  }
}

function carrierSpans({ withoutCarrier }: HostView): readonly Span[] {
  if (withoutCarrier.size === 0) return [];
  const names = [...withoutCarrier].slice(0, MOST_NAMES);
  const more = withoutCarrier.size - names.length;
  const words = [...names, ...(more > 0 ? [`+${more} more`] : [])].join(', ');
  return [span(`no carrier: ${sanitise(words)}`, 'warning'), span('  ')];
}

function lastSpans({ events, leftOut, last }: HostView, nowMs: number): readonly Span[] {
  if (last === undefined) return [span('quiet', 'faint')];
  const counts = [plural(events, 'event'), ...(leftOut === 0 ? [] : [`${leftOut} left out`])].join(
    ', ',
  );
  const ago = formatSeconds((nowMs - last.atMs) / 1000);
  const { text, style } = changeWords(last.change);
  return [span(`${counts}; ${ago} ago: `, 'faint'), span(sanitise(text), style)];
}

function totals(view: MonitorView): StyledLine {
  const count = (state: HostView['state']) =>
    [...view.hosts.values()].filter((host) => host.state === state).length;
  const parts: readonly (Span | undefined)[] = [
    part(count('lost'), 'not watched', 'bad'),
    part(count('given-up'), 'given up', 'bad'),
    part(count('dialling'), 'dialling', 'active'),
    part(count('watched'), 'watched', 'good'),
  ];
  const without = [...view.hosts.values()].filter(({ withoutCarrier }) => withoutCarrier.size > 0);
  return [
    span(plural(view.hosts.size, 'host'), 'strong'),
    ...parts.flatMap((item) => (item === undefined ? [] : [span('  '), item])),
    ...(without.length === 0 ? [] : [span(`  ${without.length} lack carrier`, 'warning')]),
    span(`  ${plural(view.events, 'event')}`),
    ...(view.leftOut === 0 ? [] : [span(`, ${view.leftOut} left out`, 'warning')]),
  ];
}

function part(count: number, words: string, style: Span['style']): Span | undefined {
  return count === 0 ? undefined : span(`${count} ${words}`, style);
}
