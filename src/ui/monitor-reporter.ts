/** Shows what watched hosts tell: on a screen, as lines, or as JSON. Made as reporters of runs are. */
import type { Key } from 'node:readline';

import { NetorchError } from '../errors.js';
import type { MonitorEvent } from '../run/monitor-events.js';
import { chooseKind, type ReporterEnvironment, type ReporterKind } from './create-reporter.js';
import { glyphsFor, wantsColour } from './glyphs.js';
import { openInkScreen, type InkScreen } from './ink-screen.js';
import { monitorLiveLines } from './monitor-live.js';
import { EMPTY_MONITOR_VIEW, reduceMonitor, type MonitorView } from './monitor-view.js';
import { monitorLine } from './monitor-words.js';
import type { Presentation } from './presentation.js';
import { flushed, type Reporter } from './reporter.js';
import { safeJson, sanitise } from './sanitise.js';
import type { StyledLine } from './styled-line.js';
import { paintLine, span, wrapStyledLine } from './styled-line.js';
import { createClockFormat, formatSeconds, plural } from './words.js';

export type MonitorReporter = Reporter<MonitorEvent>;

/** As many hosts as these change something each moment when something happens to all of them. */
const MANY_HOSTS = 50;
const MOST_PRINTED = 2_000;
/** What waits for a reader that does not read: beyond this, events are left out and counted. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** `HH:MM:SS` and two blanks. */
const INDENT = 10;

export type MonitorEnvironment = Pick<
  ReporterEnvironment,
  'stdout' | 'stdin' | 'env' | 'onInterrupt' | 'now' | 'timeZone'
> &
  Readonly<{
    /** The key q. */
    onLeave: () => void;
  }>;

/** @throws NetorchError USAGE when `tui` is asked for and stdout is no terminal. */
export async function createMonitorReporter(
  kind: ReporterKind,
  environment: MonitorEnvironment,
): Promise<MonitorReporter> {
  const { stdout, env, timeZone } = environment;
  const presentation = { glyphs: glyphsFor(env), clock: createClockFormat(timeZone) };
  const colour = wantsColour(env, stdout.isTTY);
  const chosen = kind === 'auto' ? chooseKind(environment) : kind;
  if (chosen === 'json') return jsonReporter(stdout, environment.now ?? Date.now);
  if (chosen === 'lines') return lineReporter(stdout, presentation, colour);
  if (!stdout.isTTY) {
    throw new NetorchError('USAGE', '--ui tui needs a terminal; use --ui lines or --ui json');
  }
  return screenReporter(environment, presentation, colour);
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'writableLength'>;

/** Writes what the reader takes; the rest is counted, and told when the reader goes on. */
function boundedWriter(stdout: Stream, leftOutLine: (count: number) => string) {
  let leftOut = 0;
  return (text: string): void => {
    if (stdout.writableLength > MOST_WAITING_BYTES) {
      leftOut += 1;
      return;
    }
    if (leftOut > 0) stdout.write(leftOutLine(leftOut));
    leftOut = 0;
    stdout.write(text);
  };
}

function jsonReporter(stdout: NodeJS.WriteStream, now: () => number): MonitorReporter {
  const write = boundedWriter(stdout, (count) => {
    const at = new Date(now()).toISOString();
    return `${safeJson({ at, type: 'output.left-out', count })}\n`;
  });
  return {
    handle: (event) => write(`${safeJson(event)}\n`),
    close: () => flushed(stdout),
  };
}

function timedLine(event: MonitorEvent, { clock }: Presentation): StyledLine | undefined {
  const line = monitorLine(event);
  return line === undefined
    ? undefined
    : [span(`${clock(Date.parse(event.at))}  `, 'faint'), ...line];
}

function lineReporter(
  stdout: NodeJS.WriteStream,
  presentation: Presentation,
  colour: boolean,
  begun: MonitorView = EMPTY_MONITOR_VIEW,
): MonitorReporter {
  let view = begun;
  const write = boundedWriter(
    stdout,
    (count) => `(the output was not read in time: ${plural(count, 'line')} left out)\n`,
  );
  return {
    handle: (event) => {
      view = reduceMonitor(view, event);
      const line = timedLine(event, presentation);
      if (line !== undefined) write(`${paintLine(line, colour)}\n`);
      if (event.type === 'monitor.finished') {
        write(`${paintLine(summaryLine(view, event), colour)}\n`);
      }
    },
    close: () => flushed(stdout),
  };
}

/** `ended after 2 min 05 s: 12 events of 3 hosts; not watched at the end: h2`. */
export function summaryLine(
  view: MonitorView,
  event: Extract<MonitorEvent, { type: 'monitor.finished' }>,
): StyledLine {
  const seconds = (Date.parse(event.at) - (view.startedMs ?? Date.parse(event.at))) / 1000;
  const leftOut = view.leftOut === 0 ? '' : `, ${view.leftOut} left out`;
  const names = event.notWatched.slice(0, 8).map(sanitise);
  const more = event.notWatched.length - names.length;
  const listed = [...names, ...(more > 0 ? [`+${more} more`] : [])].join(', ');
  return [
    span(
      `ended after ${formatSeconds(seconds)}: ${plural(view.events, 'event')} of ${plural(view.hosts.size, 'host')}${leftOut}`,
    ),
    ...(listed === '' ? [] : [span(`; not watched at the end: ${listed}`, 'bad')]),
  ];
}

async function screenReporter(
  environment: MonitorEnvironment,
  presentation: Presentation,
  colour: boolean,
): Promise<MonitorReporter> {
  const { stdout, stdin, onInterrupt, onLeave, now = Date.now } = environment;
  let view = EMPTY_MONITOR_VIEW;
  let replacement: MonitorReporter | undefined;
  let summary: StyledLine | undefined;
  const fallBack = (error: unknown): void => {
    if (replacement !== undefined) return;
    const reason = error instanceof Error ? error.message : String(error);
    stdout.write(`the screen failed (${sanitise(reason)}); going on with plain lines\n`);
    replacement = lineReporter(stdout, presentation, colour, view);
  };
  const onKey = (key: Key): void => {
    if (key.ctrl === true && key.name === 'c') onInterrupt();
    else if (key.name === 'q') onLeave();
  };
  let screen: InkScreen | undefined;
  try {
    screen = await openInkScreen({
      stdout,
      stdin,
      colour,
      now,
      frame: (size, nowMs) => monitorLiveLines(view, { ...presentation, ...size, nowMs }),
      isBusy: () => view.hosts.size > MANY_HOSTS,
      mostPrinted: MOST_PRINTED,
      onKey,
      onCrash: fallBack,
    });
  } catch (error) {
    fallBack(error);
  }
  return {
    handle: (event) => {
      if (replacement !== undefined || screen === undefined) {
        replacement?.handle(event);
        return;
      }
      try {
        view = reduceMonitor(view, event);
        if (event.type === 'monitor.finished') summary = summaryLine(view, event);
        const line = timedLine(event, presentation);
        if (line !== undefined) {
          screen.print(wrapStyledLine(line, screen.size().columns - 1, INDENT));
        }
        screen.touch();
      } catch (error) {
        screen.crash(error);
      }
    },
    close: async () => {
      if (screen !== undefined && !screen.isClosed()) {
        screen.close();
        if (summary !== undefined) stdout.write(`${paintLine(summary, colour)}\n`);
      }
      await replacement?.close();
      await flushed(stdout);
    },
  };
}
