/** `netorch apply`: the rollout. Each host ends as planned and confirmed, or as it was. */
import { Command, Option } from 'commander';

import { NetorchError } from '../errors.js';
import type { Inventory } from '../inventory/inventory.js';
import type { ConnectionTarget } from '../transport/transport.js';
import { REPORTER_KINDS, type ReporterKind } from '../ui/create-reporter.js';
import { chooseHosts } from './choose-hosts.js';
import { commandLine } from './command-line.js';
import {
  addHostOptions,
  duration,
  lastResort,
  PRUNE_HELP,
  readCommonOptions,
  type HostOptions,
} from './host-options.js';
import { JunitFile } from './junit-file.js';
import { readPlanFile, type SavedPlan } from './plan-file.js';
import {
  openInventory,
  prepare,
  targetFor,
  type CommonOptions,
  type HostTask,
  type PlayTasks,
} from './prepare.js';
import { runPlay } from './run-play.js';

type ApplyOptions = HostOptions &
  Readonly<{ lastResort?: number; ui: ReporterKind; junit?: string; autoApprove?: boolean }>;

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
    .option(
      '--last-resort <action>',
      'reboot=TIME: a host that went back but is not what it was, and of which nobody has asked for so long, reboots (default: off)',
      lastResort,
    )
    .option('--prune', PRUNE_HELP)
    .option('--temporary', 'until the next reboot only: nothing is made persistent')
    .addOption(
      new Option('--ui <kind>', 'how the run is shown')
        .choices([...REPORTER_KINDS])
        .default('auto'),
    )
    .option('--auto-approve', 'say yes beforehand where a play has "approve: manual"')
    .option('--junit <file>', 'write the results as JUnit XML, a test case per host')
    .addHelpText(
      'after',
      '\nExit codes: 0 all good, 1 nothing begun, 3 some failed or rolled back, 4 a host lost, 5 confirmed but not persistent, 130 interrupted',
    )
    .action(async (file: string | undefined, options: ApplyOptions, command: Command) => {
      const common = readCommonOptions(options);
      const junit = options.junit === undefined ? undefined : new JunitFile(options.junit);
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
        exitCode = await runPlay({
          play,
          fingerprints: saved?.fingerprints,
          forks: options.forks,
          ui: options.ui,
          command: commandLine(command),
          autoApprove: options.autoApprove === true,
          ...(junit === undefined ? {} : { listener: junit.listener }),
          ...(options.lastResort === undefined ? {} : { job: withLastResort(options.lastResort) }),
        });
        junit?.save();
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

const withLastResort = (seconds: number) => () => ({ lastResortSeconds: seconds });

/** The play's own connection variables are in the file, all others come from the inventory. */
function savedTarget(
  host: string,
  inventory: Inventory,
  task: Pick<HostTask, 'connection' | 'document'>,
  saved: SavedPlan,
): ConnectionTarget {
  const vars = { value: task.connection, locate: task.document.locate };
  return targetFor(
    host,
    inventory,
    { vars, become: undefined, becomeUser: undefined },
    saved.play.becomeUser,
  );
}

export async function savedTasks(saved: SavedPlan, options: CommonOptions): Promise<PlayTasks> {
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
          target: savedTarget(host, inventory, task, saved),
          confirmWindowSeconds: options.deadline ?? task.confirmWindowSeconds,
          temporary: options.temporary ?? task.temporary,
        },
      ]),
    ),
  };
}
