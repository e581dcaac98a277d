/**
 * The question of `approve: manual` where lines are printed and somebody sits at the terminal. Elsewhere
 * `netorch approve` answers it, from another terminal; it does so here, too, when that is the faster one.
 */
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';

import type { RunControls } from '../run/controls.js';
import type { EventListener } from '../run/events.js';
import { approvalText } from '../ui/help-lines.js';
import { EMPTY_RUN_VIEW, reduceRun } from '../ui/view-model.js';

export type ApprovalTerminal = Readonly<{
  input: NodeJS.ReadableStream;
  /** Takes whole lines. */
  say: (text: string) => void;
  /** False: a process in the background, which the terminal would stop for reading from it. */
  mayRead: () => boolean;
  /** Forgets what was typed before the question: it cannot have been the answer. */
  discardTyped: () => void;
}>;

/** Hears the events of the run; `close` when it has ended. `by`: who sits at the terminal. */
export function approvalAsker(
  terminal: ApprovalTerminal,
  controls: Pick<RunControls, 'approve' | 'stop'>,
  by: string,
): Readonly<{ listener: EventListener; close: () => void }> {
  let view = EMPTY_RUN_VIEW;
  let lines: Interface | undefined;
  const close = (): void => {
    const open = lines;
    lines = undefined;
    open?.close();
    terminal.input.pause();
  };
  const ask = (wave: number): void => {
    if (!terminal.mayRead()) return;
    terminal.discardTyped();
    const question = `approve ${approvalText(view) ?? ''}? Type "yes", or "no" to stop the run:`;
    terminal.say(question);
    lines = createInterface({ input: terminal.input, terminal: false });
    lines.on('line', (line) => {
      const word = line.trim().toLowerCase();
      if (word === 'yes' || word === 'y') controls.approve(by, wave);
      else if (word === 'no' || word === 'n') controls.stop(by);
      else terminal.say(question);
    });
    lines.once('close', () => {
      if (lines === undefined) return;
      lines = undefined;
      terminal.say(`no answer can be read any more; "netorch approve ${view.run}" gives it`);
    });
  };
  return {
    listener: (event) => {
      view = reduceRun(view, event);
      if (event.type === 'approval.requested') ask(event.wave);
      else if (lines !== undefined && view.approval === undefined) close();
    },
    close,
  };
}

/** undefined: nobody can be asked here. */
export function thisTerminal(): ApprovalTerminal | undefined {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  return {
    input: stdin,
    say: (text) => {
      stderr.write(`${text}\n`);
    },
    mayRead: isInForeground,
    discardTyped,
  };
}

/** proc(5), stat: the process group is field 5, the terminal's foreground process group field 8. */
function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const [, , group, , , foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return group === foreground;
  } catch {
    return true;
  }
}

function discardTyped(): void {
  let file: number | undefined;
  try {
    file = openSync('/dev/tty', constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const buffer = Buffer.alloc(4096);
    // Ends with EAGAIN: nothing is left.
    while (readSync(file, buffer) > 0);
  } catch {
    // Nothing was typed, or it cannot be told.
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
