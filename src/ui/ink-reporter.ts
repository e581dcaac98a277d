/**
 * The screen: finished hosts scroll up into the terminal's own scrollback, those under way are shown in
 * a small region at the bottom that is drawn at most five times a second, and only when it has changed.
 */
import type { Key } from 'node:readline';
import type { MountedApp } from './app.js';
import { approvalText } from './help-lines.js';
import { HostLog } from './host-log.js';
import { hostRows } from './host-rows.js';
import type { Interaction } from './live-lines.js';
import { MOST_COLUMNS, liveLines } from './live-lines.js';
import type { Presentation } from './presentation.js';
import type { Reporter } from './reporter.js';
import type { RunControls } from '../run/controls.js';
import type { ScreenWish } from './screen-state.js';
import { FIRST_SCREEN, pressKey } from './screen-state.js';
import { flushed } from './reporter.js';
import { scrollbackLines } from './scrollback-lines.js';
import type { StyledLine } from './styled-line.js';
import { lineText, paintLine, wrapStyledLine } from './styled-line.js';
import { summaryLines } from './summary-lines.js';
import { EMPTY_RUN_VIEW, reduceRun } from './view-model.js';

/** Events of this time share one frame. */
const FRAME_MS = 200;
/**
 * A frame costs the controller about as much as half a host does. Where more hosts than these end every few
 * moments, it is not to spend a quarter of its time on being looked at.
 */
const MANY_HOSTS = 50;
/** The spinner and the seconds move this often although nothing happens. */
const IDLE_FRAME_MS = 500;

export type InkReporterOptions = Presentation &
  Readonly<{
    stdout: NodeJS.WriteStream;
    stdin: NodeJS.ReadStream;
    colour: boolean;
    now: () => number;
    /** Ctrl-C: a terminal in raw mode sends no signal. */
    onInterrupt: () => void;
    /** What the keys may ask of the run; undefined: nothing but Ctrl-C. */
    controls: RunControls | undefined;
    /** Who presses the keys, for the journal. */
    user: string;
    /** The run is another process's. */
    isWatching: boolean;
    /** The screen cannot go on; whoever made it shows the rest of the run in another way. */
    onCrash: (error: unknown) => void;
  }>;

/** Rejects when ink cannot be loaded or started. */
export async function createInkReporter(options: InkReporterOptions): Promise<Reporter> {
  const { stdout, stdin, colour, now, controls, user, onInterrupt, onCrash } = options;
  let view = EMPTY_RUN_VIEW;
  /** What is to scroll away with the next frame. */
  let printed: string[] = [];
  let shown = '';
  let dirty = false;
  let drawnAtMs = 0;
  let closed = false;

  let screen = FIRST_SCREEN;
  const log = new HostLog();
  const keys: Interaction['keys'] = options.isWatching
    ? 'watch'
    : controls === undefined
      ? 'interrupt'
      : 'control';

  const fulfil = (wish: ScreenWish): void => {
    switch (wish.kind) {
      case 'interrupt':
      case 'leave':
        return onInterrupt();
      case 'pause':
        return controls?.pause(user);
      case 'unpause':
        return controls?.unpause(user);
      case 'approve':
        return controls?.approve(user);
      case 'stop':
        return controls?.stop(user);
      case 'roll-back':
        return controls?.rollBack(wish.host, user);
    }
  };
  const onKey = (key: Key): void => {
    if (closed) return;
    try {
      const pressed = pressKey(screen, key, {
        hosts: hostRows(view, log, screen).map(({ host }) => host),
        active: view.active,
        canControl: keys === 'control',
        isWatching: keys === 'watch',
        isPaused: view.paused !== undefined,
        isStopping: view.stopping !== undefined,
        approval: approvalText(view),
      });
      screen = pressed.state;
      if (pressed.wish !== undefined) fulfil(pressed.wish);
      // Keys are answered at once, as far as the terminal keeps up.
      if (!closed && !stdout.writableNeedDrain) drawNow();
      else dirty = true;
    } catch (error) {
      crash(error);
    }
  };
  const frame = (live: readonly StyledLine[]) => ({ live, colour, onKey });
  const printAbove = (app: MountedApp): void => {
    if (printed.length === 0) return;
    const text = printed.join('');
    printed = [];
    app.print(text);
  };
  const draw = (app: MountedApp): void => {
    const nowMs = now();
    dirty = false;
    drawnAtMs = nowMs;
    const live = liveLines(
      view,
      {
        ...options,
        ...terminalSize(stdout),
        nowMs,
        tick: Math.floor(nowMs / IDLE_FRAME_MS),
      },
      { screen, log, keys },
    );
    printAbove(app);
    const text = JSON.stringify(live);
    if (text === shown) return;
    shown = text;
    app.draw(frame(live));
  };

  const restoreTerminal = (): void => {
    closed = true;
    clearInterval(timer);
    stdout.off('resize', drawNow);
    app.unmount();
    // The stream was read for keys; left flowing, it would eat what is typed for the next program.
    if (stdin.isTTY) stdin.pause();
  };
  const crash = (error: unknown): void => {
    if (closed) return;
    try {
      restoreTerminal();
    } finally {
      onCrash(error);
    }
  };
  const drawNow = (): void => {
    try {
      draw(app);
    } catch (error) {
      crash(error);
    }
  };

  const app = await mountInk((mountApp) =>
    mountApp(
      frame([]),
      { stdout: asLargeAsFrames(stdout), stdin },
      // React is in the middle of its work when it tells; it can be taken down only afterwards.
      (error) => setImmediate(crash, error),
    ),
  );
  const timer = setInterval(() => {
    // A slow terminal gets fewer frames, not a queue of old ones.
    if (stdout.writableNeedDrain) return;
    const restMs = now() - drawnAtMs;
    if ((dirty && view.hostCount <= MANY_HOSTS) || restMs >= IDLE_FRAME_MS) drawNow();
  }, FRAME_MS);
  timer.unref();
  // Before ink's own listener: it would draw the old frame, laid out for the old size.
  stdout.prependListener('resize', drawNow);

  return {
    handle: (event) => {
      if (closed) return;
      try {
        view = reduceRun(view, event);
        log.add(event);
        const lines = scrollbackLines(event, view, options, terminalSize(stdout).columns - 1);
        for (const line of lines) printed.push(`${paintLine(line, colour)}\n`);
        dirty = true;
      } catch (error) {
        crash(error);
      }
    },
    close: async (how) => {
      if (!closed) {
        try {
          app.draw(frame([]));
          printAbove(app);
        } finally {
          restoreTerminal();
        }
        if (view.startedMs !== undefined) {
          const lines = summaryLines(view, options, how?.goesOn).flatMap((line) =>
            wrapStyledLine(line, terminalSize(stdout).columns - 1, leadingBlanks(line)),
          );
          stdout.write(lines.map((line) => `${paintLine(line, colour)}\n`).join(''));
        }
      }
      await flushed(stdout);
    },
  };
}

/** Serial consoles may not know their size, and say 0. */
function terminalSize(stdout: NodeJS.WriteStream): { columns: number; rows: number } {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
}

/** Continued lines of the summary stand a little further in than what they continue. */
function leadingBlanks(line: StyledLine): number {
  return lineText(line).search(/[^ ]|$/) + 2;
}

type MountApp = typeof import('./app.js').mountApp;

/**
 * Loads and starts ink with an environment that suits a program for users: React's production build (the
 * development build keeps a record of every render, without end), no wait for React's devtools, and no
 * guess of ink's own that this is a CI system, which would leave the live region out.
 */
async function mountInk(mount: (mountApp: MountApp) => MountedApp): Promise<MountedApp> {
  const wanted: Readonly<Record<string, string | undefined>> = {
    NODE_ENV: process.env['NODE_ENV'] ?? 'production',
    DEV: undefined,
    CI: 'false',
  };
  const before = Object.keys(wanted).map((name) => [name, process.env[name]] as const);
  setEnvironment(Object.entries(wanted));
  // Ink's layout engine would fetch its own code from a data URL, for which Node loads an HTTP client.
  const { fetch } = globalThis;
  Reflect.deleteProperty(globalThis, 'fetch');
  try {
    // oxlint-disable-next-line no-restricted-imports -- the one place where the screen is loaded
    const { mountApp } = await import('./app.js');
    return mount(mountApp);
  } finally {
    globalThis.fetch = fetch;
    setEnvironment(before);
  }
}

function setEnvironment(entries: readonly (readonly [string, string | undefined])[]): void {
  for (const [name, value] of entries) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}

/**
 * The stream with a height that no frame reaches. When a frame does reach it (a window made lower between
 * two frames is enough), ink clears the terminal with its scrollback; our frames are low enough already.
 * And no wider than a frame: ink computes every cell of its width.
 */
function asLargeAsFrames(stdout: NodeJS.WriteStream): NodeJS.WriteStream {
  return new Proxy(stdout, {
    get: (target, key): unknown => {
      if (key === 'rows') return Number.MAX_SAFE_INTEGER;
      if (key === 'columns') return Math.min(target.columns || 80, MOST_COLUMNS + 1);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
