/** The selected host on the screen: what it is about, and a page of its events, its plan or its commands. */
import { eventLine } from './event-line.js';
import { finishedCause, finishedDetails, finishedHead } from './finished-lines.js';
import type { HostReport } from './run-report.js';
import type { Interaction, LiveOptions } from './live-lines.js';
import { rowLine } from './row-line.js';
import { sanitise } from './sanitise.js';
import type { DetailPage } from './screen-state.js';
import type { StyledLine } from './styled-line.js';
import { span, wrapStyledLine } from './styled-line.js';
import { textWidth } from './text-width.js';
import type { RunView } from './view-model.js';

const PAGES: Readonly<Record<DetailPage, string>> = {
  events: 'events',
  plan: 'plan',
  commands: 'commands',
};

/** At most `room` lines, the first ones what the host is up to now. */
export function detailLines(
  view: RunView,
  options: LiveOptions,
  { screen, log }: Interaction,
  host: string,
  room: number,
): readonly StyledLine[] {
  const report = log.reportOf(host);
  const head = headLines(view, options, host, report);
  const tabs: StyledLine = Object.entries(PAGES).flatMap(([page, name], index) => [
    span(index === 0 ? '' : '  '),
    page === screen.detailPage ? span(`[${name}]`, 'strong') : span(` ${name} `, 'faint'),
  ]);
  const width = Math.max(20, options.columns - 1);
  const all = pageLines(screen.detailPage, view, options, report, log.commandsOf(host)).flatMap(
    (line) => wrapStyledLine(line, Math.min(width, 110), 4),
  );
  const size = Math.max(1, room - head.length - 1);
  // The end of the events is what happens now; of the others one reads from the top.
  const isEvents = screen.detailPage === 'events';
  const most = Math.max(0, all.length - size);
  const back = Math.min(screen.scroll, most);
  const from = isEvents ? most - back : back;
  const position = all.length <= size ? '' : `  ${from + 1} to ${from + size} of ${all.length}`;
  return [...head, [...tabs, span(position, 'faint')], ...all.slice(from, from + size)].slice(
    0,
    room,
  );
}

function headLines(
  view: RunView,
  options: LiveOptions,
  host: string,
  report: HostReport | undefined,
): readonly StyledLine[] {
  const active = view.active.get(host);
  if (active !== undefined) {
    const nameWidth = textWidth(sanitise(host));
    const shape = { width: options.columns - 1, nameWidth, selected: undefined };
    return [rowLine({ kind: 'active', host, active }, options, shape)];
  }
  const finished = report?.finished;
  if (finished !== undefined) {
    const cause = finishedCause(finished);
    return [
      finishedHead(finished, options),
      ...(cause === undefined ? [] : [[span(`  ${cause}`)]]),
      ...finishedDetails(finished)
        .slice(0, 3)
        .map((detail) => [span(`  ${detail}`, 'faint')]),
    ];
  }
  return [[span(`${options.glyphs.queued} ${sanitise(host)} queued`)]];
}

function pageLines(
  page: DetailPage,
  view: RunView,
  options: LiveOptions,
  report: HostReport | undefined,
  commands: readonly string[],
): readonly StyledLine[] {
  const nothing = (text: string): readonly StyledLine[] => [[span(text, 'faint')]];
  switch (page) {
    case 'events': {
      const lines = (report?.events ?? []).flatMap((event) => {
        const line = eventLine(event, view, options);
        return line === undefined
          ? []
          : [[span(`${options.clock(Date.parse(event.at))}  `, 'faint'), ...line]];
      });
      return lines.length === 0 ? nothing('nothing has happened yet') : lines;
    }
    case 'plan': {
      const { planned } = report ?? {};
      if (planned === undefined) return nothing('nothing is planned yet');
      return [
        ...planned.hazards.map(({ severity, text }) => [
          span(`${severity}: `, severity === 'warning' ? 'warning' : 'faint'),
          span(sanitise(text)),
        ]),
        ...planned.changes.map((change, index) => [span(`${index + 1}. ${sanitise(change)}`)]),
      ];
    }
    case 'commands':
      return commands.length === 0
        ? nothing('nothing was sent yet')
        : commands.map((command) => [span(sanitise(command))]);
  }
}
