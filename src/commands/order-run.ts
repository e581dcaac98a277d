/**
 * `netorch approve`, `pause`, `unpause`, `stop`: a word to a run of another terminal. Its controller reads it
 * from the run's folder; what came of it is read from the journal, so that "done" means that the run has heard.
 */
import { hostname, userInfo } from 'node:os';

import { Command } from 'commander';

import { NetorchError, assertNever } from '../errors.js';
import type { RunEvent } from '../run/events.js';
import { findRun, followRun, listRuns, readRun, readRunEnds } from '../run/journal-files.js';
import { sendOrder, type RunOrder } from '../run/run-orders.js';
import { sanitise } from '../ui/sanitise.js';
import { EMPTY_RUN_VIEW, reduceRun, type RunView } from '../ui/view-model.js';
import { journals } from './run-folder.js';

type Kind = RunOrder['kind'];

/** A controller looks several times a second; this one is stopped, or hangs. */
const ANSWER_MS = 15_000;
/** Live runs are sought among so many of the newest. */
const SOUGHT = 100;

const WORDS: Readonly<Record<Kind, string>> = {
  approve: 'say yes to a run that waits for an approval (approve: manual)',
  pause: 'let a run begin no further host until it is unpaused; those under way go to their end',
  unpause: 'let a paused run go on',
  stop: 'let a run begin no further host for good; those under way go to their end',
};

export function orderCommand(kind: Kind): Command {
  return new Command(kind)
    .description(WORDS[kind])
    .argument('[run]', 'its name, a beginning of it, or "last" (default: the one that is running)')
    .addHelpText('after', '\nExit codes: 0 the run has heard it, 1 error')
    .action(async (wanted: string | undefined) => {
      const folder = journals();
      const run = wanted === undefined ? onlyLiveRun(folder) : findRun(folder, wanted);
      process.stdout.write(`${sanitise(await orderRun(folder, run, kind))}\n`);
    });
}

/** Throws UNKNOWN_RUN when no run goes on, or several do. */
export function onlyLiveRun(folder: string): string {
  const live = listRuns(folder)
    .slice(0, SOUGHT)
    .filter((run) => readRunEnds(folder, run).controller === 'alive');
  const [only] = live;
  if (only !== undefined && live.length === 1) return only;
  if (only === undefined) {
    throw new NetorchError('UNKNOWN_RUN', 'no run of this user goes on, on this machine', {
      notes: [`looked in ${folder}; "netorch history" lists the runs`],
    });
  }
  throw new NetorchError('UNKNOWN_RUN', `${live.length} runs go on: ${live.join(', ')}`, {
    notes: ['say which one'],
  });
}

/** Resolves with what to tell the user. Throws USAGE, JOURNAL_UNREADABLE, FILE_UNREADABLE, CONTROLLER_SILENT. */
export async function orderRun(
  folder: string,
  run: string,
  kind: Kind,
  patience: AbortSignal = AbortSignal.timeout(ANSWER_MS),
): Promise<string> {
  const { events, controller } = readRun(folder, run);
  const view = events.reduce(reduceRun, EMPTY_RUN_VIEW);
  if (view.result !== undefined) throw new NetorchError('USAGE', `run ${run} has ended`);
  if (controller === 'dead') {
    throw new NetorchError('USAGE', `the controller of run ${run} is gone: nobody would hear it`, {
      notes: [`go on with: netorch resume ${run}`],
    });
  }
  const is = isSoAlready(kind, view);
  if (is !== undefined) return `run ${run} ${is}`;
  sendOrder(folder, run, orderOf(kind, view, `${userInfo().username}@${hostname()}`));
  const lastSeq = events.at(-1)?.seq ?? 0;
  let seen = view;
  for await (const step of followRun(folder, run, patience)) {
    if (step.kind === 'end') {
      throw new NetorchError('USAGE', `run ${run} has ended before it heard it`);
    }
    for (const event of step.events) {
      if (event.seq <= lastSeq) continue;
      seen = reduceRun(seen, event);
      const answer = answerOf(kind, event, seen);
      if (answer !== undefined) return `run ${run} ${answer}`;
    }
  }
  throw new NetorchError('CONTROLLER_SILENT', `run ${run} did not answer`, {
    notes: [
      controller === 'alive'
        ? 'its process is there: is it stopped (Ctrl-Z), or has the machine no time for it?'
        : 'its controller is on another machine, and may be gone: say it there',
    ],
  });
}

function orderOf(kind: Kind, { approval, stopping }: RunView, by: string): RunOrder {
  if (stopping !== undefined) {
    throw new NetorchError('USAGE', `the run begins no further host: ${stopping}`);
  }
  if (kind !== 'approve') return { kind, by };
  if (approval === undefined) throw new NetorchError('USAGE', 'the run waits for no approval');
  return { kind, by, wave: approval.wave };
}

/** Nothing to ask for. */
function isSoAlready(kind: Kind, view: RunView): string | undefined {
  switch (kind) {
    case 'pause':
      return view.paused === undefined ? undefined : `is paused already, by ${view.paused}`;
    case 'unpause':
      return view.paused === undefined ? 'is not paused' : undefined;
    case 'stop':
      return view.stopping === undefined
        ? undefined
        : `begins no further host already: ${view.stopping}`;
    case 'approve':
      return undefined;
    default:
      return assertNever(kind);
  }
}

/** What the run has made of it; undefined: this event is another matter. `view`: after the event. */
function answerOf(kind: Kind, event: RunEvent, view: RunView): string | undefined {
  const underWay = view.active.size === 0 ? '' : `; ${view.active.size} under way go to their end`;
  switch (event.type) {
    case 'approval.given':
      return kind === 'approve'
        ? `goes on: wave ${event.wave + 1} was approved by ${event.by}`
        : undefined;
    case 'run.paused':
      return kind === 'pause' ? `is paused${underWay}` : undefined;
    case 'run.unpaused':
      return kind === 'unpause' ? 'goes on' : undefined;
    case 'run.stopping':
      if (kind === 'stop') return `begins no further host: ${event.reason}${underWay}`;
      throw new NetorchError('USAGE', `the run begins no further host: ${event.reason}`);
    default:
      return undefined;
  }
}
