/** `netorch watch RUN`: shows a run from another terminal, by following its journal. Asks nothing of it. */
import { Command, Option } from 'commander';

import { findRun, followRun } from '../run/journal-files.js';
import { damageText } from '../run/journal-text.js';
import type { RunEvent } from '../run/events.js';
import { REPORTER_KINDS, createReporter, type ReporterKind } from '../ui/create-reporter.js';
import { sanitise } from '../ui/sanitise.js';
import { journals } from './run-folder.js';

/** The run is left undone and its hosts' states are not known here. */
const DIED = 4;
const INTERRUPTED = 130;

export function watchCommand(setExitCode: (code: number) => void): Command {
  return new Command('watch')
    .description('show a run that another terminal has begun, until it ends')
    .argument('[run]', 'its name, a beginning of it, or "last"', 'last')
    .addOption(
      new Option('--ui <kind>', 'how the run is shown')
        .choices([...REPORTER_KINDS])
        .default('auto'),
    )
    .addHelpText(
      'after',
      "\nExit codes: the run's own; 4 its controller died, 130 left before it ended, 1 error",
    )
    .action(async (wanted: string, options: Readonly<{ ui: ReporterKind }>) => {
      const folder = journals();
      const run = findRun(folder, wanted);
      setExitCode(await watch(folder, run, options.ui));
    });
}

async function watch(folder: string, run: string, kind: ReporterKind): Promise<number> {
  const left = new AbortController();
  const leave = (): void => left.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, leave);
  const reporter = await createReporter(kind, {
    stdout: process.stdout,
    stdin: process.stdin,
    env: process.env,
    onInterrupt: leave,
    isWatching: true,
  });
  const lastWords: string[] = [];
  let exitCode = INTERRUPTED;
  let started: Extract<RunEvent, { type: 'run.started' }> | undefined;
  try {
    for await (const step of followRun(folder, run, left.signal)) {
      if (step.kind === 'events') {
        for (const event of step.events) {
          if (event.type === 'run.started') started = event;
          if (event.type === 'run.finished') exitCode = event.exitCode;
          reporter.handle(event);
        }
        continue;
      }
      lastWords.push(...damageText(step.damage));
      if (step.why === 'dead') {
        exitCode = DIED;
        const { controller } = started ?? {};
        const who =
          controller === undefined
            ? ''
            : ` (process ${controller.pid} of ${controller.user}@${controller.machine})`;
        lastWords.push(
          `the controller of run ${run}${who} is gone: nobody confirms the hosts under way, they go back by themselves`,
          'see how they end with: netorch status',
        );
      }
    }
  } finally {
    for (const signal of signals) process.removeListener(signal, leave);
    await reporter.close({ goesOn: left.signal.aborted });
  }
  if (left.signal.aborted)
    lastWords.push(`the run itself goes on; see it again with: netorch watch ${run}`);
  for (const line of lastWords) process.stderr.write(`${sanitise(line)}\n`);
  return exitCode;
}
