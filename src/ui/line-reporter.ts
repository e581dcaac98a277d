/**
 * One line per change of state, with the time, in plain words: for logs, CI and screen readers.
 * Nothing is overwritten. While nothing happens, a line every 30 s says that the run is alive, because
 * silence makes people (and CI systems) kill a run that is only waiting for a deadline.
 */
import { OUTCOMES, type RunEvent } from '../run/events.js';
import { eventLine } from './event-line.js';
import { finishedDetails } from './finished-lines.js';
import { approvalText } from './help-lines.js';
import type { Presentation } from './presentation.js';
import type { OutputStream, Reporter } from './reporter.js';
import { flushed } from './reporter.js';
import { rollbackText } from './rollback-text.js';
import { sanitise } from './sanitise.js';
import type { StyledLine } from './styled-line.js';
import { paintLine, span } from './styled-line.js';
import { summaryLines } from './summary-lines.js';
import type { RunView } from './view-model.js';
import { EMPTY_RUN_VIEW, reduceRun } from './view-model.js';
import { OUTCOME_WORDS, PHASE_WORDS, plural } from './words.js';

export const HEARTBEAT_MS = 30_000;

/** Calls back once after so many milliseconds; returns how to call it off. */
export type StartTimer = (callback: () => void, milliseconds: number) => () => void;

export type LineReporterOptions = Presentation &
  Readonly<{
    stdout: OutputStream;
    colour: boolean;
    /** Milliseconds since the epoch; for the time of heartbeat lines. */
    now: () => number;
    startTimer: StartTimer;
    /** What a reporter that was replaced in the middle of a run had seen. */
    initialView?: RunView;
  }>;

export function createLineReporter(options: LineReporterOptions): Reporter {
  const { stdout, colour, clock, now, startTimer } = options;
  let view = options.initialView ?? EMPTY_RUN_VIEW;
  let stopTimer: (() => void) | undefined;
  let closed = false;

  const print = (lines: readonly StyledLine[]): void => {
    if (lines.length === 0) return;
    stdout.write(lines.map((line) => `${paintLine(line, colour)}\n`).join(''));
  };
  const stopHeartbeat = (): void => {
    stopTimer?.();
    stopTimer = undefined;
  };
  const restartHeartbeat = (): void => {
    stopHeartbeat();
    if (closed || view.startedMs === undefined || view.result !== undefined) return;
    stopTimer = startTimer(() => {
      const atMs = now();
      print([[span(`${clock(atMs)}  `, 'faint'), span(heartbeatText(view, atMs))]]);
      restartHeartbeat();
    }, HEARTBEAT_MS);
  };
  if (options.initialView !== undefined) restartHeartbeat();

  return {
    handle: (event) => {
      if (closed) return;
      view = reduceRun(view, event);
      const line = eventLine(event, view, options);
      if (line !== undefined) {
        const details =
          event.type === 'host.finished' ? finishedDetails(event) : wayOn(event, view);
        print([
          [span(`${clock(Date.parse(event.at))}  `, 'faint'), ...line],
          ...details.map((detail) => [span(`            ${detail}`, 'faint')]),
        ]);
      }
      if (line !== undefined || event.type === 'run.finished') restartHeartbeat();
    },
    close: async (how) => {
      if (!closed) {
        closed = true;
        stopHeartbeat();
        if (view.startedMs !== undefined) print([[], ...summaryLines(view, options, how?.goesOn)]);
      }
      await flushed(stdout);
    },
  };
}

/** Of an event after which the run waits for somebody: how to let it go on. */
function wayOn(event: RunEvent, { run }: RunView): readonly string[] {
  if (event.type === 'approval.requested')
    return [`yes: netorch approve ${sanitise(run)}; no: netorch stop ${sanitise(run)}`];
  if (event.type === 'run.paused') return [`go on with: netorch unpause ${sanitise(run)}`];
  return [];
}

/** `still running: 12 of 40 done (12 confirmed), 24 queued, 4 under way: web1 applying, …`. */
export function heartbeatText(view: RunView, nowMs: number): string {
  const approval = approvalText(view);
  const waits = [
    ...(approval === undefined
      ? []
      : [`waiting for approval of ${approval}: netorch approve ${sanitise(view.run)}`]),
    ...(view.paused === undefined
      ? []
      : [`paused by ${sanitise(view.paused)}: netorch unpause ${sanitise(view.run)}`]),
  ];
  const counts = OUTCOMES.filter((outcome) => view.counts[outcome] > 0).map(
    (outcome) => `${view.counts[outcome]} ${OUTCOME_WORDS[outcome]}`,
  );
  const active = [...view.active.values()];
  const shown = active.slice(0, 3).map((host) => {
    const way = host.phase === 'waiting-for-rollback' ? rollbackText(host, nowMs) : undefined;
    return `${sanitise(host.host)} ${PHASE_WORDS[host.phase]}${way === undefined ? '' : `, ${way}`}`;
  });
  const more = active.length > shown.length ? [`+${active.length - shown.length} more`] : [];
  return [
    `still running: ${view.finished} of ${plural(view.hostCount, 'host')} done`,
    counts.length === 0 ? '' : ` (${counts.join(', ')})`,
    `, ${view.queued} queued, ${active.length} under way`,
    active.length === 0 ? '' : `: ${[...shown, ...more].join('; ')}`,
    ...waits.map((text) => `; ${text}`),
  ].join('');
}
