/** The list of runs: `netorch history`. */
import type { RunEvent } from '../run/events.js';
import { sanitise } from './sanitise.js';
import type { Span, StyledLine } from './styled-line.js';
import { lineWidth, span, truncateLine } from './styled-line.js';
import { countSpans } from './summary-lines.js';
import { formatDuration, plural } from './words.js';

/** One run of the list; what is undefined is not known. */
export type RunOverview = Readonly<{
  run: string;
  state:
    | 'finished'
    | 'running'
    /** Its controller is gone without having finished it. */
    | 'died'
    /** Not finished; its controller is another machine's, or was not recorded. */
    | 'unfinished'
    /** Nothing in its journal can be read. */
    | 'unreadable';
  command: string | undefined;
  hosts: number | undefined;
  startedMs: number | undefined;
  result: Extract<RunEvent, { type: 'run.finished' }> | undefined;
}>;

/** From the first event of a journal and its last few. */
export function overviewRun(
  ends: Readonly<{
    run: string;
    first: RunEvent | undefined;
    last: readonly RunEvent[];
    controller: 'alive' | 'dead' | 'unknown';
  }>,
): RunOverview {
  const { run, first, last, controller } = ends;
  const result = last.findLast((event) => event.type === 'run.finished');
  const started = first?.type === 'run.started' ? first : undefined;
  const open = controller === 'alive' ? 'running' : controller === 'dead' ? 'died' : 'unfinished';
  return {
    run,
    state:
      result !== undefined
        ? 'finished'
        : first === undefined && last.length === 0
          ? 'unreadable'
          : open,
    command: started?.command,
    hosts: started?.hosts.length,
    startedMs: first === undefined ? undefined : Date.parse(first.at),
    result,
  };
}

export type HistoryOptions = Readonly<{
  /** Cells a line may take; undefined: any. */
  width: number | undefined;
  ellipsis: string;
  /** Date and time of the beginning. */
  moment: (ms: number) => string;
}>;

/** The newest first, as they come; an empty history is one sentence. */
export function historyLines(
  runs: readonly RunOverview[],
  options: HistoryOptions,
): readonly StyledLine[] {
  if (runs.length === 0) return [[span('no runs yet')]];
  const cells = runs.map((run) => ({
    id: sanitise(run.run),
    began: run.startedMs === undefined ? '' : options.moment(run.startedMs),
    hosts: run.hosts === undefined ? '' : plural(run.hosts, 'host'),
    run,
  }));
  const width = (of: (cell: (typeof cells)[number]) => string): number =>
    Math.max(...cells.map((cell) => lineWidth([span(of(cell))])));
  const idWidth = width(({ id }) => id);
  const beganWidth = width(({ began }) => began);
  const hostsWidth = width(({ hosts }) => hosts);
  return cells.map(({ id, began, hosts, run }) => {
    const line: StyledLine = [
      span(id.padEnd(idWidth), 'strong'),
      span(`  ${began.padEnd(beganWidth)}  ${hosts.padStart(hostsWidth)}  `),
      ...stateSpans(run),
      ...(run.command === undefined ? [] : [span(`  ${sanitise(run.command)}`, 'faint')]),
    ];
    return options.width === undefined ? line : truncateLine(line, options.width, options.ellipsis);
  });
}

function stateSpans(run: RunOverview): readonly Span[] {
  switch (run.state) {
    case 'finished':
      return run.result === undefined
        ? []
        : [
            ...countSpans(run.result.counts),
            span(` in ${formatDuration(run.result.durationMs)}`, 'faint'),
          ];
    case 'running':
      return [span('running', 'active')];
    case 'died':
      return [span('its controller died', 'bad')];
    case 'unfinished':
      return [span('not finished', 'warning')];
    case 'unreadable':
      return [span('its journal cannot be read', 'bad')];
  }
}
