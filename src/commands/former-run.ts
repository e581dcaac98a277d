/** A run of before, as "resume" and "rollback" take it up: its journal, its plan, and the word added to it. */
import { join } from 'node:path';

import { NetorchError } from '../errors.js';
import { EventStream } from '../run/event-stream.js';
import { openJournal } from '../run/journal.js';
import { findRun, readRun } from '../run/journal-files.js';
import { accountOf, type RunAccount } from '../run/run-account.js';
import { savedTasks } from './apply.js';
import { readPlanFile } from './plan-file.js';
import type { CommonOptions, PlayTasks } from './prepare.js';
import { PLAN_OF_RUN } from './run-play.js';
import { journals } from './run-folder.js';
import { tellDamage } from './tell-damage.js';

export type FormerRun = Readonly<{
  run: string;
  account: RunAccount;
  /** What it was asked to do, with the connections of today; undefined: its folder does not hold it. */
  play: PlayTasks | undefined;
  fingerprints: ReadonlyMap<string, string> | undefined;
}>;

/** Throws UNKNOWN_RUN, JOURNAL_UNREADABLE; USAGE when it still goes on. */
export async function readFormerRun(wanted: string, options: CommonOptions): Promise<FormerRun> {
  const folder = journals();
  const run = findRun(folder, wanted);
  const record = readRun(folder, run);
  if (record.controller === 'alive') {
    throw new NetorchError('USAGE', `run ${run} still goes on`, {
      notes: [`look at it with "netorch watch ${run}"`],
    });
  }
  tellDamage(record);
  const account = accountOf(record.events);
  if (account === undefined) {
    throw new NetorchError('JOURNAL_UNREADABLE', `the journal of run ${run} has no beginning`);
  }
  const saved = await readPlanFile(join(folder, 'runs', run, PLAN_OF_RUN));
  return {
    run,
    account,
    play: saved === undefined ? undefined : await savedTasks(saved, options),
    fingerprints:
      saved === undefined || saved.fingerprints.size === 0 ? undefined : saved.fingerprints,
  };
}

/** What is found out of a former run later on is added to its own journal. `close` when all is said. */
export function continueJournal(
  former: FormerRun,
): Readonly<{ stream: EventStream; close: () => void }> {
  const journal = openJournal(journals(), former.run);
  const stream = new EventStream(() => new Date(), former.account.lastSeq);
  stream.listen(journal.listener, (error) => {
    process.stderr.write(`the journal of run ${former.run} cannot be written: ${String(error)}\n`);
  });
  return { stream, close: journal.close };
}
