/** Undoes a run, or some of its hosts: each in a transaction of its own, back to what its journal recorded. */
import { NetorchError } from '../errors.js';
import { DEFAULT_ROLLOUT } from '../playbook/rollout-keys.js';
import { DEFAULT_CONFIRM_SECONDS } from '../run/budget.js';
import type { HostJob } from '../run/host-job.js';
import { isConfirmed } from '../run/run-account.js';
import { undoJob } from '../run/undo-job.js';
import type { ReporterKind } from '../ui/create-reporter.js';
import { chooseHosts } from './choose-hosts.js';
import { continueJournal, type FormerRun } from './former-run.js';
import {
  openInventory,
  targetFor,
  type CommonOptions,
  type HostTask,
  type PlayTasks,
} from './prepare.js';
import { runPlay } from './run-play.js';

export type UndoOptions = Readonly<{
  former: FormerRun;
  /** undefined: every host that the run changed and that is among `--hosts`. */
  hosts?: readonly string[];
  common: CommonOptions;
  forks: number;
  ui: ReporterKind;
  command: string;
  /** Also where the host has changed since. */
  force: boolean;
}>;

/** Resolves with the exit code. Throws NO_HOSTS when no host is left that the run has changed. */
export async function undoRun(options: UndoOptions): Promise<number> {
  const { former, common, force } = options;
  const { run, account } = former;
  const { inventory } = await openInventory(common);
  const chosen = options.hosts ?? (await chooseHosts(inventory, common));
  const hosts = [...account.hosts.values()].filter(
    (host) => isConfirmed(host) && (chosen === undefined || chosen.includes(host.host)),
  );
  if (hosts.length === 0) {
    throw new NetorchError('NO_HOSTS', `no host is as run ${run} has made it`, {
      notes: ['hosts that it did not confirm, or that were undone since, have nothing to undo'],
    });
  }
  const known = new Set(inventory.hosts);
  const jobs = new Map<string, Partial<HostJob>>();
  const tasks = new Map<string, HostTask>();
  for (const { host, recorded } of hosts) {
    if (recorded === undefined || !known.has(host)) {
      const why =
        recorded === undefined
          ? 'its journal does not hold what it was'
          : 'the inventory does not hold it';
      throw new NetorchError('UNKNOWN_HOST', `${host} cannot be undone: ${why}`);
    }
    const task = former.play?.tasks.get(host);
    tasks.set(host, {
      host,
      target: task?.target ?? targetFor(host, inventory, undefined),
      document: { value: {}, locate: () => ({ file: `run ${run}`, line: 1, column: 1 }) },
      desired: { interfaces: [], routes: [], rules: [], dns: undefined },
      prune: false,
      allowCutOff: false,
      backend: 'auto',
      temporary: false,
      others: [],
      probes: [],
      checks: [],
      connection: {},
      confirmWindowSeconds:
        common.deadline ?? task?.confirmWindowSeconds ?? DEFAULT_CONFIRM_SECONDS,
    });
    jobs.set(host, undoJob(host, run, recorded, force));
  }
  const play: PlayTasks = {
    name: `undo of run ${run}`,
    rollout: DEFAULT_ROLLOUT,
    alone: {},
    becomeUser: former.play?.becomeUser,
    // What was changed first is what the most may stand on by now.
    waves: account.started.waves
      .map((wave) => wave.filter((host) => tasks.has(host)))
      .filter((wave) => wave.length > 0)
      .toReversed(),
    tasks,
  };
  const { stream, close } = continueJournal(former);
  try {
    return await runPlay({
      play,
      fingerprints: undefined,
      forks: options.forks,
      ui: options.ui,
      command: options.command,
      about: { undoes: run },
      job: (host) => jobs.get(host) ?? {},
      // As it goes: should this process die, the former run's journal does not call the host changed.
      listener: (event) => {
        if (event.type !== 'host.finished') return;
        const { host, outcome } = event;
        if (outcome === 'unchanged' || outcome.startsWith('confirmed')) {
          stream.emit({ type: 'host.returned', host, outcome: 'rolled-back', verified: true });
        }
      },
    });
  } finally {
    close();
  }
}
