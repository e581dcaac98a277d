/** `netorch resume RUN`: brings an earlier run to its end: asks its hosts, mends groups, does the rest. */
import { Command, Option } from 'commander';
import PQueue from 'p-queue';

import { NetorchError } from '../errors.js';
import type { HostJob } from '../run/host-job.js';
import { changedOfMixedGroups, isLeft, isUnsettled, type HostAccount } from '../run/run-account.js';
import { settleHost } from '../run/settle.js';
import { REPORTER_KINDS, createReporter, type ReporterKind } from '../ui/create-reporter.js';
import { commandLine } from './apply.js';
import { continueJournal, readFormerRun, type FormerRun } from './former-run.js';
import { addHostOptions, duration, readCommonOptions, type HostOptions } from './host-options.js';
import { openTransport } from './open-transport.js';
import type { PlayTasks } from './prepare.js';
import { environmentOf, runPlay } from './run-play.js';
import { undoRun } from './undo-run.js';

type ResumeOptions = HostOptions & Readonly<{ ui: ReporterKind; autoApprove?: boolean }>;

export function resumeCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('resume')
      .description('go on with a run that was stopped or has died, and end what it left open')
      .argument('[run]', 'its name, a beginning of it, or "last"', 'last'),
  )
    .option(
      '--deadline <time>',
      'time to prove a changed host good before it rolls back (default: as in that run)',
      duration,
    )
    .addOption(
      new Option('--ui <kind>', 'how the run is shown')
        .choices([...REPORTER_KINDS])
        .default('auto'),
    )
    .option('--auto-approve', 'say yes beforehand where the play has "approve: manual"')
    .addHelpText('after', '\nExit codes: as those of apply; 3 also when a mixed group was undone')
    .action(async (wanted: string, options: ResumeOptions, command: Command) => {
      const common = readCommonOptions(options);
      const former = await readFormerRun(wanted, common);
      const { run, account, play } = former;
      if (account.started.undoes !== undefined) {
        throw new NetorchError('USAGE', `run ${run} undoes run ${account.started.undoes}`, {
          notes: [`go on with: netorch rollback ${account.started.undoes}`],
        });
      }
      if (play === undefined) {
        throw new NetorchError('JOURNAL_UNREADABLE', `what run ${run} was to do is not there`, {
          notes: ['its folder holds no plan.json; see where its hosts are with "netorch status"'],
        });
      }
      const { hosts, broken } = await settle(former, play, options.forks, options.ui);
      if (broken.length > 0) {
        say(`${broken.join(', ')} could not go back to what it was: no further host is begun`);
        setExitCode(4);
        return;
      }
      const lost = [...hosts.values()].filter(({ outcome }) => outcome === 'lost');
      if (lost.length > 0 && play.rollout.onLost === 'stop') {
        say(
          `${lost.map(({ host }) => host).join(', ')} cannot be reached: no further host is begun`,
        );
        setExitCode(4);
        return;
      }
      const changed = changedOfMixedGroups(account, hosts);
      if (changed.length > 0) {
        say(`${changed.join(', ')} are changed, though not all of their group are: undoing that`);
        const settled = { ...former, account: { ...account, hosts } };
        const code = await undoRun({
          former: settled,
          hosts: changed,
          common,
          forks: options.forks,
          ui: options.ui,
          command: commandLine(command),
          force: false,
        });
        if (code === 0)
          say(`no host of the group is changed any more; resume again to try the rest`);
        setExitCode(code === 0 ? 3 : code);
        return;
      }
      const left = new Set([...hosts.values()].filter(isLeft).map(({ host }) => host));
      const waves = play.waves
        .map((wave) => wave.filter((host) => left.has(host)))
        .filter((wave) => wave.length > 0);
      if (waves.length === 0) {
        say(`run ${run}: nothing is left to do`);
        setExitCode(0);
        return;
      }
      const tasks = new Map([...play.tasks].filter(([host]) => left.has(host)));
      setExitCode(
        await runPlay({
          play: { ...play, waves, tasks },
          fingerprints: former.fingerprints,
          forks: options.forks,
          ui: options.ui,
          command: commandLine(command),
          autoApprove: options.autoApprove === true,
          about: { resumes: run },
        }),
      );
    });
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Asks every host whose end is not known; what comes of it is added to the run's own journal. */
async function settle(
  former: FormerRun,
  play: PlayTasks,
  forks: number,
  ui: ReporterKind,
): Promise<Readonly<{ hosts: ReadonlyMap<string, HostAccount>; broken: readonly string[] }>> {
  const broken: string[] = [];
  const hosts = new Map(former.account.hosts);
  const open = [...hosts.values()].filter((host) => isUnsettled(host) && play.tasks.has(host.host));
  if (open.length === 0) return { hosts, broken };
  const { stream, close } = continueJournal(former);
  const reporter = await createReporter(ui === 'json' ? 'json' : 'lines', {
    stdout: process.stdout,
    stdin: process.stdin,
    env: process.env,
    onInterrupt: () => undefined,
  });
  stream.listen((event) => reporter.handle(event));
  const targets = open.flatMap(({ host }) => play.tasks.get(host)?.target ?? []);
  const transport = await openTransport(targets);
  const env = {
    ...environmentOf(former.run, transport),
    emit: stream.emit,
    stopping: new AbortController().signal,
  };
  const queue = new PQueue({ concurrency: forks });
  const isAtomic = former.account.started.atomic !== undefined;
  await Promise.all(
    open.map((account) =>
      queue.add(async () => {
        const task = play.tasks.get(account.host);
        if (task === undefined) return;
        const job: HostJob = { ...task, expectedFingerprint: undefined };
        const result = await settleHost(job, account, isAtomic, env);
        hosts.set(account.host, { ...account, outcome: result.outcome });
        if (result.verified === false) broken.push(account.host);
      }),
    ),
  );
  await reporter.close();
  close();
  return { hosts, broken };
}
