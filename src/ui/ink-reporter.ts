/**
 * The screen: finished hosts scroll up into the terminal's own scrollback, those under way are shown in
 * a small region at the bottom.
 */
import type { Key } from 'node:readline';
import { approvalText } from './help-lines.js';
import { HostLog } from './host-log.js';
import { hostRows } from './host-rows.js';
import { IDLE_FRAME_MS, openInkScreen } from './ink-screen.js';
import type { Interaction } from './live-lines.js';
import { liveLines } from './live-lines.js';
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

/**
 * A frame costs the controller about as much as half a host does. Where more hosts than these end every few
 * moments, it is not to spend a quarter of its time on being looked at.
 */
const MANY_HOSTS = 50;

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
  let state = FIRST_SCREEN;
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
    const pressed = pressKey(state, key, {
      hosts: hostRows(view, log, state).map(({ host }) => host),
      active: view.active,
      canControl: keys === 'control',
      isWatching: keys === 'watch',
      isPaused: view.paused !== undefined,
      isStopping: view.stopping !== undefined,
      approval: approvalText(view),
    });
    state = pressed.state;
    if (pressed.wish !== undefined) fulfil(pressed.wish);
  };
  const screen = await openInkScreen({
    stdout,
    stdin,
    colour,
    now,
    frame: (size, nowMs) =>
      liveLines(
        view,
        { ...options, ...size, nowMs, tick: Math.floor(nowMs / IDLE_FRAME_MS) },
        { screen: state, log, keys },
      ),
    isBusy: () => view.hostCount > MANY_HOSTS,
    onKey,
    onCrash,
  });

  return {
    handle: (event) => {
      if (screen.isClosed()) return;
      try {
        view = reduceRun(view, event);
        log.add(event);
        screen.print(scrollbackLines(event, view, options, screen.size().columns - 1));
        screen.touch();
      } catch (error) {
        screen.crash(error);
      }
    },
    close: async (how) => {
      if (!screen.isClosed()) {
        screen.close();
        if (view.startedMs !== undefined) {
          const lines = summaryLines(view, options, how?.goesOn).flatMap((line) =>
            wrapStyledLine(line, screen.size().columns - 1, leadingBlanks(line)),
          );
          stdout.write(lines.map((line) => `${paintLine(line, colour)}\n`).join(''));
        }
      }
      await flushed(stdout);
    },
  };
}

/** Continued lines of the summary stand a little further in than what they continue. */
function leadingBlanks(line: StyledLine): number {
  return lineText(line).search(/[^ ]|$/) + 2;
}
