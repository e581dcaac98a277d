/**
 * A small region at the bottom of the terminal that is drawn anew at most five times a second, and lines that scroll up
 * above it into the terminal's own scrollback.
 */
import type { Key } from 'node:readline';
import type { MountedApp } from './app.js';
import type { StyledLine } from './styled-line.js';
import { paintLine } from './styled-line.js';

/** Events of this time share one frame. */
const FRAME_MS = 200;
/** What only time has changed (a spinner, seconds) is drawn this often. */
export const IDLE_FRAME_MS = 500;
/**
 * A terminal that is made narrower wraps what it shows, and no program can take that back reliably: the
 * shorter the lines, the rarer the leftovers.
 */
export const MOST_COLUMNS = 110;
/** Taller than this helps nobody; what has ended scrolls above. */
export const MOST_LINES = 20;

export type TerminalSize = Readonly<{ columns: number; rows: number }>;

export type InkScreenOptions = Readonly<{
  stdout: NodeJS.WriteStream;
  stdin: NodeJS.ReadStream;
  colour: boolean;
  now: () => number;
  /** The region's lines, for a terminal of this size. */
  frame: (size: TerminalSize, nowMs: number) => readonly StyledLine[];
  /** true: what has changed may wait for the next idle frame. */
  isBusy: () => boolean;
  onKey: (key: Key) => void;
  /** So many lines are kept for a terminal that stands still; the others are counted. Default: all. */
  mostPrinted?: number;
  /** The screen cannot go on; the terminal is restored. */
  onCrash: (error: unknown) => void;
}>;

export type InkScreen = Readonly<{
  isClosed: () => boolean;
  size: () => TerminalSize;
  /** To scroll away with the next frame. */
  print: (lines: readonly StyledLine[]) => void;
  /** There is something new for the next frame. */
  touch: () => void;
  crash: (error: unknown) => void;
  /** Wipes the region, prints what is still to scroll away, and restores the terminal. Safe to call twice. */
  close: () => void;
}>;

/** Rejects when ink cannot be loaded or started. */
export async function openInkScreen(options: InkScreenOptions): Promise<InkScreen> {
  const { stdout, stdin, colour, now, onCrash, mostPrinted = Infinity } = options;
  let printed: string[] = [];
  let dropped = 0;
  let shown = '';
  let dirty = false;
  let drawnAtMs = 0;
  let closed = false;

  const onKey = (key: Key): void => {
    if (closed) return;
    try {
      options.onKey(key);
      // Keys are answered at once, as far as the terminal keeps up.
      if (!closed && !stdout.writableNeedDrain) drawNow();
      else dirty = true;
    } catch (error) {
      crash(error);
    }
  };
  const props = (live: readonly StyledLine[]) => ({ live, colour, onKey });
  const printAbove = (app: MountedApp): void => {
    if (printed.length === 0) return;
    const text = printed.join('');
    const more = dropped === 0 ? '' : `(the terminal did not keep up: ${dropped} lines left out)\n`;
    printed = [];
    dropped = 0;
    app.print(text + more);
  };
  const draw = (app: MountedApp): void => {
    const nowMs = now();
    dirty = false;
    drawnAtMs = nowMs;
    const live = options.frame(terminalSize(stdout), nowMs);
    printAbove(app);
    const text = JSON.stringify(live);
    if (text === shown) return;
    shown = text;
    app.draw(props(live));
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
      props([]),
      { stdout: asLargeAsFrames(stdout), stdin },
      // React is in the middle of its work when it tells; it can be taken down only afterwards.
      (error) => setImmediate(crash, error),
    ),
  );
  const timer = setInterval(() => {
    // A slow terminal gets fewer frames, not a queue of old ones.
    if (stdout.writableNeedDrain) return;
    const restMs = now() - drawnAtMs;
    if ((dirty && !options.isBusy()) || restMs >= IDLE_FRAME_MS) drawNow();
  }, FRAME_MS);
  timer.unref();
  // Before ink's own listener: it would draw the old frame, laid out for the old size.
  stdout.prependListener('resize', drawNow);

  return {
    isClosed: () => closed,
    size: () => terminalSize(stdout),
    print: (lines) => {
      for (const line of lines) {
        if (printed.length < mostPrinted) printed.push(`${paintLine(line, colour)}\n`);
        else dropped += 1;
      }
    },
    touch: () => {
      dirty = true;
    },
    crash,
    close: () => {
      if (closed) return;
      try {
        app.draw(props([]));
        printAbove(app);
      } finally {
        restoreTerminal();
      }
    },
  };
}

/** Serial consoles may not know their size, and say 0. */
function terminalSize(stdout: NodeJS.WriteStream): { columns: number; rows: number } {
  return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
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
