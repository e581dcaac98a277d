/**
 * The small region at the bottom of the screen, as data. Never taller than the terminal allows and
 * never wider: a frame as tall as the terminal would make it clear itself and its scrollback.
 */
import { outageSummary, titleLine, totalsLine, wavesLine } from './bar-lines.js';
import { detailLines } from './detail-lines.js';
import { helpLine, helpPage, questionLine } from './help-lines.js';
import { HostLog } from './host-log.js';
import { MOST_COLUMNS, MOST_LINES } from './ink-screen.js';
import type { HostRow } from './host-rows.js';
import { hostRows } from './host-rows.js';
import type { Presentation } from './presentation.js';
import { rowLine } from './row-line.js';
import { sanitise } from './sanitise.js';
import type { ScreenState } from './screen-state.js';
import { FIRST_SCREEN } from './screen-state.js';
import type { StyledLine } from './styled-line.js';
import { lineWidth, span, truncateLine } from './styled-line.js';
import { textWidth } from './text-width.js';
import type { RunView } from './view-model.js';

export type LiveOptions = Presentation &
  Readonly<{
    columns: number;
    rows: number;
    nowMs: number;
    /** Counts frames; turns the spinner. */
    tick: number;
  }>;

/** What the user has done with the keys so far, and what there is to look at. */
export type Interaction = Readonly<{
  screen: ScreenState;
  log: HostLog;
  /** What may be asked of the run here. */
  keys: 'control' | 'interrupt' | 'watch';
}>;

const UNTOUCHED: Interaction = { screen: FIRST_SCREEN, log: new HostLog(), keys: 'interrupt' };

/** Lines from top to bottom; none before the run has begun and after it has ended. */
export function liveLines(
  view: RunView,
  options: LiveOptions,
  interaction: Interaction = UNTOUCHED,
): readonly StyledLine[] {
  if (view.startedMs === undefined || view.result !== undefined) return [];
  const { columns, rows, glyphs } = options;
  const { screen } = interaction;
  const width = Math.max(1, Math.min(columns - 1, MOST_COLUMNS));
  const height = Math.max(1, Math.min(rows - 2, MOST_LINES));
  const cut = (lines: readonly StyledLine[]): readonly StyledLine[] =>
    lines.map((line) => truncateLine(line, width, glyphs.ellipsis));

  const question = questionLine(view, interaction);
  const above: StyledLine[] = height >= 4 ? [titleLine(view, options, width)] : [];
  if (screen.isHelp && height >= 6) {
    return cut([...above, ...helpPage(interaction.keys)].slice(0, height));
  }
  if (screen.page === 'detail' && screen.selected !== undefined && height >= 6) {
    const room = height - above.length - 1;
    const lines = detailLines(view, options, interaction, screen.selected, room);
    return cut([...above, ...lines, question ?? helpLine(view, interaction, width)]);
  }

  const below: StyledLine[] = [totalsLine(view, glyphs, width)];
  if (view.waves.length > 1 && height >= 5) {
    const waves = wavesLine(view, options, width);
    const outage = outageSummary(view.outages);
    const hasRoom = outage !== undefined && lineWidth(waves) + outage.length + 3 <= width;
    below.push(hasRoom ? [...waves, span(`   ${outage}`, 'faint')] : waves);
  }
  if (question !== undefined) below.push(question);
  else if (height >= 6) below.push(helpLine(view, interaction, width));

  const room = Math.max(0, height - above.length - below.length);
  const list = listLines(view, options, interaction, width, room);
  return cut([...above, ...list, ...below].slice(-height));
}

function listLines(
  view: RunView,
  options: LiveOptions,
  { screen, log }: Interaction,
  width: number,
  room: number,
): readonly StyledLine[] {
  if (room <= 0) return [];
  const rows = hostRows(view, log, screen);
  const isFiltered = screen.filter !== '' || screen.isTyping;
  const head: readonly StyledLine[] = isFiltered
    ? [
        [
          span(`/${sanitise(screen.filter)}${screen.isTyping ? '_' : ''}`, 'active'),
          span(`  ${rows.length} found`, 'faint'),
        ],
      ]
    : [];
  const selected =
    screen.selected === undefined ? -1 : rows.findIndex(({ host }) => host === screen.selected);
  const parts =
    isFiltered || selected >= 0
      ? windowAround(rows, selected, room - head.length)
      : pinned(rows, room);
  const names = parts.flatMap(({ shown }) =>
    shown.flatMap((row) => (row.kind === 'failure' ? [] : [textWidth(sanitise(row.host))])),
  );
  const nameWidth = Math.min(Math.max(...names, 0), Math.floor(width / 3));
  const shape = { width, nameWidth, selected: selected >= 0 ? screen.selected : undefined };
  return [
    ...head,
    ...parts.flatMap(({ shown, more }) => [
      ...shown.map((row) => rowLine(row, options, shape)),
      ...(more === undefined ? [] : [more]),
    ]),
  ];
}

type Part = Readonly<{ shown: readonly HostRow[]; more: StyledLine | undefined }>;

/** Failures may take a third; the others follow. */
function pinned(rows: readonly HostRow[], room: number): readonly Part[] {
  const failures = rows.filter(({ kind }) => kind === 'failure');
  const others = rows.filter(({ kind }) => kind !== 'failure');
  const top = firstOf(failures, Math.ceil(room / 3), (more) => [
    span(`+${more} more not good`, 'bad'),
  ]);
  const used = top.shown.length + (top.more === undefined ? 0 : 1);
  const rest = firstOf(others, room - used, (more) => [span(`  +${more} more under way`, 'faint')]);
  return [top, rest];
}

function firstOf(
  rows: readonly HostRow[],
  room: number,
  moreLine: (more: number) => StyledLine,
): Part {
  if (room <= 0) return { shown: [], more: undefined };
  if (rows.length <= room) return { shown: rows, more: undefined };
  return { shown: rows.slice(0, room - 1), more: moreLine(rows.length - room + 1) };
}

/** The part of a long list in which the selected row stands. */
function windowAround(rows: readonly HostRow[], selected: number, room: number): readonly Part[] {
  if (rows.length <= room) return [{ shown: rows, more: undefined }];
  const size = Math.max(1, room - 1);
  const from = Math.max(0, Math.min(selected - Math.floor(size / 2), rows.length - size));
  const left = rows.length - size;
  const position = `${from + 1} to ${from + size} of ${rows.length}`;
  const more: StyledLine = [span(`  ${position}`, 'faint')];
  return [{ shown: rows.slice(from, from + size), more: room > 1 && left > 0 ? more : undefined }];
}
