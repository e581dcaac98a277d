/** `netorch apply`: the rollout. Each host ends as planned and confirmed, or as it was. */
import { randomBytes } from 'node:crypto';
import { homedir, hostname, userInfo } from 'node:os';

import { Command, Option } from 'commander';

import { NetorchError } from '../errors.js';
import { EventStream } from '../run/event-stream.js';
import type { HostJob } from '../run/host-job.js';
import { thisController } from '../run/controller.js';
import { openJournal, stateFolder } from '../run/journal.js';
import { executeRun } from '../run/run.js';
import { REPORTER_KINDS, createReporter, type ReporterKind } from '../ui/create-reporter.js';
import { VERSION } from '../version.js';
import { chooseHosts } from './choose-hosts.js';
import {
  PRUNE_HELP,
  addHostOptions,
  duration,
  readCommonOptions,
  type HostOptions,
} from './host-options.js';
import { interruptHandler } from './interrupts.js';
import { openTransport } from './open-transport.js';
import { readPlanFile, type SavedPlan } from './plan-file.js';
import {
  openInventory,
  prepare,
  targetFor,
  type CommonOptions,
  type PlayTasks,
} from './prepare.js';

type ApplyOptions = HostOptions & Readonly<{ ui: ReporterKind }>;

const RUNNING_ONLY = 'running only: a reboot brings back the former state';

export function applyCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('apply')
      .description(
        'roll the network plans out; a host that cannot be confirmed goes back by itself',
      )
      .argument(
        '[file]',
        'playbook, or a plan saved by "netorch plan --out" (default: the project\'s playbook)',
      ),
  )
    .option(
      '--deadline <time>',
      "time to prove a changed host good before it rolls back (default: the play's, else 30s)",
      duration,
    )
    .option('--prune', PRUNE_HELP)
    .addOption(
      new Option('--ui <kind>', 'how the run is shown')
        .choices([...REPORTER_KINDS])
        .default('auto'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 all good, 1 nothing begun, 3 some failed or rolled back, 4 a host lost, 130 interrupted',
    )
    .action(async (file: string | undefined, options: ApplyOptions, command: Command) => {
      const common = readCommonOptions(options);
      const saved = file === undefined ? undefined : await readPlanFile(file);
      if (saved !== undefined && common.prune === true) {
        throw new NetorchError(
          'USAGE',
          'a saved plan says itself what is pruned: give --prune to "netorch plan"',
        );
      }
      const plays =
        saved === undefined ? await prepare(common, file) : [await savedTasks(saved, common)];
      let exitCode = 0;
      for (const [index, play] of plays.entries()) {
        exitCode = await runPlay(play, saved?.fingerprints, options, commandLine(command));
        if (exitCode !== 0) {
          const left = plays.length - index - 1;
          if (left > 0)
            process.stderr.write(
              `stopped: ${left} further play${left === 1 ? ' was' : 's were'} not begun\n`,
            );
          break;
        }
      }
      setExitCode(exitCode);
    });
}

function commandLine(command: Command): string {
  return ['netorch', command.name(), ...command.args].join(' ');
}

async function savedTasks(saved: SavedPlan, options: CommonOptions): Promise<PlayTasks> {
  const { inventory } = await openInventory(options);
  const hosts = await chooseHosts(inventory, options);
  const chosen = hosts === undefined ? undefined : new Set(hosts);
  const known = new Set(inventory.hosts);
  const unknown = [...saved.tasks.keys()].find((host) => !known.has(host));
  if (unknown !== undefined) {
    throw new NetorchError(
      'UNKNOWN_HOST',
      `the saved plan is for "${unknown}", which is not in the inventory`,
    );
  }
  const waves = saved.play.waves
    .map((wave) => wave.filter((host) => chosen === undefined || chosen.has(host)))
    .filter((wave) => wave.length > 0);
  if (waves.length === 0)
    throw new NetorchError('NO_HOSTS', 'no host of the saved plan is among --hosts');
  return {
    ...saved.play,
    waves,
    tasks: new Map(
      [...saved.tasks].map(([host, task]) => [
        host,
        {
          ...task,
          target: targetFor(host, inventory, undefined, saved.play.becomeUser),
          confirmWindowSeconds: options.deadline ?? task.confirmWindowSeconds,
        },
      ]),
    ),
  };
}

function stamp(date: Date): string {
  return date
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, '');
}

async function runPlay(
  play: PlayTasks,
  fingerprints: ReadonlyMap<string, string> | undefined,
  options: ApplyOptions,
  command: string,
): Promise<number> {
  const now = () => performance.now();
  const date = () => new Date();
  const run = `${stamp(date())}-${randomBytes(3).toString('hex')}`;
  const jobs = new Map(
    [...play.tasks.values()].map((task): [string, HostJob] => [
      task.host,
      {
        host: task.host,
        target: task.target,
        desired: task.desired,
        prune: task.prune,
        others: task.others,
        probes: task.probes,
        confirmWindowSeconds: task.confirmWindowSeconds,
        expectedFingerprint: fingerprints?.get(task.host),
      },
    ]),
  );
  const stop = new AbortController();
  const stream = new EventStream(date);
  // Passphrases are asked for here, while the terminal is still a plain one.
  const transport = await openTransport(
    [...jobs.values()].map(({ target }) => target),
    (message) => stream.emit({ type: 'log', level: 'info', message }),
  );
  const journal = openJournal(stateFolder(process.env, homedir()), run);
  stream.listen(journal.listener, (error) => {
    process.stderr.write(
      `the journal cannot be written any more (${String(error)}); the run goes on\n`,
    );
  });
  const armed = new Set<string>();
  stream.listen((event) => {
    if (event.type === 'host.armed') armed.add(event.host);
    if (event.type === 'host.finished') armed.delete(event.host);
  });
  const interrupts = interruptHandler({
    stop,
    emit: stream.emit,
    armed: () => armed.size,
    leave: async () => {
      await reporter.close();
    },
  });
  const reporter = await createReporter(options.ui, {
    stdout: process.stdout,
    stdin: process.stdin,
    env: process.env,
    onInterrupt: interrupts.interrupt,
  });
  stream.listen((event) => reporter.handle(event));
  interrupts.install();
  try {
    const result = await executeRun(
      {
        run,
        command,
        version: VERSION,
        waves: play.waves,
        jobs,
        forks: options.forks,
        maxFailPercentage: play.maxFailPercentage,
        stop,
        notes: [RUNNING_ONLY],
        controller: thisController(),
      },
      {
        transport,
        now,
        date,
        newTransactionId: () => `${stamp(date())}-${randomBytes(4).toString('hex')}`,
        newNonce: () => randomBytes(16).toString('hex'),
        owner: `${userInfo().username}@${hostname()}, run ${run}`.replace(/[^\x20-\x7e]/g, '?'),
      },
      stream.emit,
    );
    return result.exitCode;
  } finally {
    interrupts.uninstall();
    await reporter.close();
    journal.close();
  }
}
