/** Chooses how a run is shown, and sees to it that a screen that fails never takes the run with it. */
import { NetorchError } from '../errors.js';
import type { RunControls } from '../run/controls.js';
import { glyphsFor, wantsColour } from './glyphs.js';
import { createInkReporter } from './ink-reporter.js';
import { createJsonReporter } from './json-reporter.js';
import { createLineReporter } from './line-reporter.js';
import type { Reporter } from './reporter.js';
import { sanitise } from './sanitise.js';
import type { RunView } from './view-model.js';
import { EMPTY_RUN_VIEW, reduceRun } from './view-model.js';
import { createClockFormat } from './words.js';

export type ReporterKind = 'auto' | 'tui' | 'lines' | 'json';

export const REPORTER_KINDS: readonly ReporterKind[] = ['auto', 'tui', 'lines', 'json'];

export type ReporterEnvironment = Readonly<{
  stdout: NodeJS.WriteStream;
  stdin: NodeJS.ReadStream;
  env: Readonly<Record<string, string | undefined>>;
  /** Ctrl-C on a screen; in the other kinds it arrives as SIGINT, as always. */
  onInterrupt: () => void;
  /** The run is another process's: what is shown here can only look on. */
  isWatching?: boolean;
  /** What the keys of the screen may ask of the run. */
  controls?: RunControls;
  /** Who presses them, for the journal: `anna@admin1`. */
  user?: string;
  /** Milliseconds since the epoch; default: the system's clock. */
  now?: () => number;
  /** For clock times; default: the system's. */
  timeZone?: string;
}>;

const LEAST_ROWS = 10;
const LEAST_COLUMNS = 60;

/** What `auto` means here: the screen only where it works and where somebody looks at it. */
export function chooseKind({
  stdout,
  stdin,
  env,
}: Pick<ReporterEnvironment, 'stdout' | 'stdin' | 'env'>): 'tui' | 'lines' {
  const isScreen =
    stdout.isTTY &&
    stdin.isTTY &&
    stdout.rows >= LEAST_ROWS &&
    stdout.columns >= LEAST_COLUMNS &&
    env['TERM'] !== 'dumb' &&
    (env['CI'] === undefined || env['CI'] === '' || env['CI'] === 'false') &&
    // Set by people who use a screen reader with ink's programs; lines read better.
    env['INK_SCREEN_READER'] !== 'true';
  return isScreen ? 'tui' : 'lines';
}

/**
 * @throws NetorchError USAGE when `tui` is asked for and stdout is no terminal. A screen that cannot be
 * started for another reason is replaced by lines, with a word about it.
 */
export async function createReporter(
  kind: ReporterKind,
  environment: ReporterEnvironment,
): Promise<Reporter> {
  const { stdout, stdin, env, onInterrupt, now = Date.now, timeZone } = environment;
  // A reader that goes away (`| head`) must not end a run; without a listener it would.
  stdout.on('error', () => {});
  const colour = wantsColour(env, stdout.isTTY);
  const presentation = { glyphs: glyphsFor(env), clock: createClockFormat(timeZone) };
  const lines = (initialView?: RunView): Reporter =>
    createLineReporter({
      ...presentation,
      stdout,
      colour,
      now,
      startTimer,
      ...(initialView === undefined ? {} : { initialView }),
    });

  const chosen = kind === 'auto' ? chooseKind(environment) : kind;
  if (chosen === 'json') return neverThrowing(createJsonReporter(stdout));
  if (chosen === 'lines') return neverThrowing(lines());
  if (!stdout.isTTY) {
    throw new NetorchError('USAGE', '--ui tui needs a terminal; use --ui lines or --ui json');
  }
  return withFallback(
    (onCrash) =>
      createInkReporter({
        ...presentation,
        stdout,
        stdin,
        colour,
        now,
        controls: environment.controls,
        user: environment.user ?? 'somebody',
        isWatching: environment.isWatching === true,
        onInterrupt,
        onCrash,
      }),
    (error, view) => {
      const reason = error instanceof Error ? error.message : String(error);
      stdout.write(`the screen failed (${sanitise(reason)}); going on with plain lines\n`);
      return lines(view);
    },
  );
}

/**
 * The reporter that `start` makes, until it says that it crashed or throws; from then on the one that
 * `fallback` makes from what the run had come to.
 */
export async function withFallback(
  start: (onCrash: (error: unknown) => void) => Promise<Reporter>,
  fallback: (error: unknown, view: RunView) => Reporter,
): Promise<Reporter> {
  let view = EMPTY_RUN_VIEW;
  let replacement: Reporter | undefined;
  const fallBack = (error: unknown): void => {
    replacement ??= fallback(error, view);
  };
  let first: Reporter | undefined;
  try {
    first = await start(fallBack);
  } catch (error) {
    fallBack(error);
  }
  return neverThrowing({
    handle: (event) => {
      view = reduceRun(view, event);
      const current = replacement ?? first;
      try {
        current?.handle(event);
      } catch (error) {
        fallBack(error);
      }
    },
    close: async (how) => {
      await first?.close(how);
      await replacement?.close(how);
    },
  });
}

/** What cannot be shown is lost for the eye only: the journal has the events, the exit code the outcome. */
function neverThrowing(reporter: Reporter): Reporter {
  return {
    handle: (event) => {
      try {
        reporter.handle(event);
      } catch {
        // see above
      }
    },
    close: (how) => reporter.close(how).catch(() => {}),
  };
}

function startTimer(callback: () => void, milliseconds: number): () => void {
  const timer = setTimeout(callback, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}
