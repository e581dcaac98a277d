/** `netorch resume RUN`: brings an earlier run to its end: asks its hosts, mends groups, does the rest. */
import { Command, Option } from 'commander';

import { NetorchError } from '../errors.js';
import type { HostJob } from '../run/host-job.js';
import { restOfRun } from '../run/rest-of-run.js';
import { readRun } from '../run/journal-files.js';
import { accountOf, changedOfMixedGroups } from '../run/run-account.js';
import { settleRun, unsettledHosts, type SettledRun } from '../run/settle-run.js';
import { REPORTER_KINDS, createReporter, type ReporterKind } from '../ui/create-reporter.js';
import { commandLine } from './command-line.js';
import { continueJournal, readFormerRun, type FormerRun } from './former-run.js';
import { addHostOptions, duration, readCommonOptions, type HostOptions } from './host-options.js';
import { openTransport } from './open-transport.js';
import type { PlayTasks } from './prepare.js';
import { environmentOf, runPlay } from './run-play.js';
import { journals } from './run-folder.js';
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
      const { undoes } = account.started;
      if (undoes !== undefined) {
        throw new NetorchError('USAGE', `run ${run} undoes run ${undoes}`, {
          notes: [`go on with: netorch ${isMixed(undoes) ? 'resume' : 'rollback'} ${undoes}`],
        });
      }
      if (play === undefined) {
        throw new NetorchError('JOURNAL_UNREADABLE', `what run ${run} was to do is not there`, {
          notes: ['its folder holds no plan.json; see where its hosts are with "netorch status"'],
        });
      }
      const settled = await settle(former, play, options.forks, options.ui);
      const rest = restOfRun(account, settled, play.rollout.onLost);
      if (rest.kind === 'stopped') {
        say(`${rest.why}: no further host is begun`);
        setExitCode(4);
        return;
      }
      if (rest.kind === 'mixed') {
        const { hosts } = rest;
        say(`${hosts.join(', ')} are changed, though not all of their group are: undoing that`);
        const code = await undoRun({
          former: { ...former, account: { ...account, hosts: settled.hosts } },
          hosts,
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
      const left = rest.hosts;
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

/** Is it only the rest of a group that is undone, and not all that the run did? */
function isMixed(run: string): boolean {
  const account = accountOf(readRun(journals(), run).events);
  return account !== undefined && changedOfMixedGroups(account, account.hosts).length > 0;
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
): Promise<SettledRun> {
  const { account } = former;
  const open = unsettledHosts(account, play.tasks);
  if (open.length === 0) return { hosts: account.hosts, broken: [] };
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
  const jobs = new Map<string, HostJob>(
    [...play.tasks].map(([host, task]) => [host, { ...task, expectedFingerprint: undefined }]),
  );
  const settled = await settleRun(account, jobs, forks, {
    ...environmentOf(former.run, transport),
    emit: stream.emit,
    stopping: new AbortController().signal,
  });
  await reporter.close();
  close();
  return settled;
}
