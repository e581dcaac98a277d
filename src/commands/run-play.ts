/** Carries one play out: its journal, its screen, its interrupts, and the run itself. */
import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';

import { thisController } from '../run/controller.js';
import { EventStream } from '../run/event-stream.js';
import type { EventListener, RunEventBody } from '../run/events.js';
import type { HostEnvironment } from '../run/host-environment.js';
import type { HostJob } from '../run/host-job.js';
import { openJournal } from '../run/journal.js';
import { followOrders } from '../run/run-orders.js';
import { RunSwitch } from '../run/run-switch.js';
import { executeRun } from '../run/run.js';
import type { Transport } from '../transport/transport.js';
import { chooseKind, createReporter, type ReporterKind } from '../ui/create-reporter.js';
import { VERSION } from '../version.js';
import { approvalAsker, thisTerminal } from './ask-approval.js';
import { approvalHint } from './approval-hint.js';
import { dieAt } from './die-at.js';
import { interruptHandler } from './interrupts.js';
import { openTransport } from './open-transport.js';
import { planFileText, writePlanFile } from './plan-file.js';
import type { PlayTasks } from './prepare.js';
import { runCheck } from './run-check.js';
import { journals } from './run-folder.js';

const TEMPORARY = 'temporary: running only, a reboot brings back what is persistent';

/** In a run's folder: what it was asked to do, for "resume". */
export const PLAN_OF_RUN = 'plan.json';

export type PlayToRun = Readonly<{
  play: PlayTasks;
  /** Of a saved plan; undefined: hosts are planned as they are found. */
  fingerprints: ReadonlyMap<string, string> | undefined;
  forks: number;
  ui: ReporterKind;
  /** The command line, for the journal. */
  command: string;
  /** Somebody has said yes to all that the play asks for beforehand. */
  autoApprove?: boolean;
  /** What this run has to do with an earlier one. */
  about?: Pick<Extract<RunEventBody, { type: 'run.started' }>, 'resumes' | 'undoes'>;
  /** Hears every event of the run. */
  listener?: EventListener;
  /** Laid over each host's job; then there is no plan that "resume" could take up. */
  job?: (host: string) => Partial<HostJob>;
}>;

export function stamp(date: Date): string {
  return date
    .toISOString()
    .replace(/[-:]/g, '')
    .replace(/\.\d+Z$/, '');
}

/** What every host's way needs of this machine. */
export function environmentOf(
  run: string,
  transport: Transport,
): Omit<HostEnvironment, 'stopping' | 'emit'> {
  const date = () => new Date();
  return {
    transport,
    now: () => performance.now(),
    date,
    newTransactionId: () => `${stamp(date())}-${randomBytes(4).toString('hex')}`,
    newNonce: () => randomBytes(16).toString('hex'),
    owner: `${userInfo().username}@${hostname()}, run ${run}`.replace(/[^\x20-\x7e]/g, '?'),
  };
}

/** Resolves with the exit code. */
export async function runPlay(options: PlayToRun): Promise<number> {
  const { play, fingerprints, command } = options;
  const run = `${stamp(new Date())}-${randomBytes(3).toString('hex')}`;
  const user = `${userInfo().username}@${hostname()}`;
  const jobs = new Map(
    [...play.tasks.values()].map((task): [string, HostJob] => [
      task.host,
      {
        host: task.host,
        target: task.target,
        desired: task.desired,
        prune: task.prune,
        allowCutOff: task.allowCutOff,
        backend: task.backend,
        others: task.others,
        probes: task.probes,
        checks: task.checks,
        confirmWindowSeconds: task.confirmWindowSeconds,
        temporary: task.temporary,
        expectedFingerprint: fingerprints?.get(task.host),
        ...options.job?.(task.host),
      },
    ]),
  );
  const stream = new EventStream(() => new Date());
  const runSwitch = new RunSwitch(stream.emit);
  // Passphrases are asked for here, while the terminal is still a plain one.
  const transport = await openTransport(
    [...jobs.values()].map(({ target }) => target),
    (message) => stream.emit({ type: 'log', level: 'info', message }),
  );
  const journal = openJournal(journals(), run);
  if (options.job === undefined) {
    await writePlanFile(
      join(journal.folder, PLAN_OF_RUN),
      planFileText(new Date().toISOString(), play, fingerprints),
    );
  }
  let isRecorded = true;
  const death = dieAt(process.env['NETORCH_DIE_AT']);
  stream.listen(death.before);
  stream.listen(journal.listener, (error) => {
    isRecorded = false;
    process.stderr.write(
      `the journal cannot be written any more (${String(error)}); the run goes on\n`,
    );
  });
  stream.listen(death.after);
  const armed = new Set<string>();
  stream.listen((event) => {
    if (event.type === 'host.armed') armed.add(event.host);
    if (event.type === 'host.finished') armed.delete(event.host);
  });
  const interrupts = interruptHandler({
    stop: () => runSwitch.stopFor('interrupted'),
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
    controls: runSwitch,
    user,
  });
  if (options.listener !== undefined) stream.listen(options.listener);
  stream.listen((event) => reporter.handle(event));
  const { rollout } = play;
  const approve = options.autoApprove === true ? 'auto' : rollout.approve;
  const kind = options.ui === 'auto' ? chooseKind(process) : options.ui;
  const terminal = approve === 'manual' && kind !== 'tui' ? thisTerminal() : undefined;
  const asker = terminal === undefined ? undefined : approvalAsker(terminal, runSwitch, user);
  if (asker !== undefined) stream.listen(asker.listener);
  const stopFollowing = followOrders(journals(), run, runSwitch);
  interrupts.install();
  try {
    const result = await executeRun(
      {
        run,
        command,
        version: VERSION,
        waves: play.waves,
        jobs,
        forks: Math.min(options.forks, rollout.throttle ?? options.forks),
        rules: {
          maxFailPercentage: rollout.maxFailPercentage,
          anyErrorsFatal: rollout.anyErrorsFatal,
          onLost: rollout.onLost,
          soakSeconds: rollout.soakSeconds,
          commands: rollout.checkCommands,
          approve,
          atomic: rollout.atomic,
        },
        switch: runSwitch,
        firstWords: approvalHint({
          run,
          approve,
          atomic: rollout.atomic,
          waves: play.waves.length,
          asks: kind === 'tui' ? 'screen' : terminal === undefined ? 'nowhere' : 'terminal',
        }),
        ...(play.mesh === undefined ? {} : { mesh: play.mesh }),
        notes: [...jobs.values()].some((job) => job.temporary === true) ? [TEMPORARY] : [],
        about: {
          play: play.name,
          ...(Object.keys(play.alone).length === 0 ? {} : { alone: play.alone }),
          controller: thisController(),
          ...options.about,
        },
        runCommand: runCheck,
        isRecorded: () => isRecorded,
      },
      { ...environmentOf(run, transport), recorded: journal.synced },
      stream.emit,
    );
    return result.exitCode;
  } finally {
    stopFollowing();
    asker?.close();
    interrupts.uninstall();
    await reporter.close();
    journal.close();
  }
}
