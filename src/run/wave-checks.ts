/** After a wave: time passes, then its hosts are looked at again over new connections, and checks are run. */
import PQueue from 'p-queue';

import { NetorchError } from '../errors.js';
import { compareStates } from '../network/compare.js';
import { probeName } from '../probes/probe-script.js';
import type { Connection } from '../transport/transport.js';
import type { RunEventBody } from './events.js';
import { delayIn, type HostEnvironment } from './host-environment.js';
import type { HostJob } from './host-job.js';
import type { MeshBoard } from './mesh-board.js';
import { isMesh, judgeAnswers, probesToAsk } from './mesh-probes.js';
import { observeHost } from './observe-host.js';
import { probeHost } from './probe-host.js';
import { stateOf } from './recorded-state.js';

/** A program of the controller; good when it ends with 0. No shell reads it. */
export type CommandCheck = Readonly<{ command: readonly string[]; timeoutSeconds: number }>;

export type WaveChecks = Readonly<{
  /** Seconds to let a wave be used before it is looked at again; 0: it is not waited. */
  soakSeconds: number;
  commands: readonly CommandCheck[];
}>;

export type RunCommand = (
  check: CommandCheck,
) => Promise<Readonly<{ good: boolean; text: string }>>;

export type Recorded = Extract<RunEventBody, { type: 'host.recorded' }>;

export type WaveToCheck = Readonly<{
  wave: number;
  /** Hosts of the wave that were changed, and what they were to become. */
  hosts: readonly Readonly<{ job: HostJob; recorded: Recorded }>[];
  checks: WaveChecks;
  forks: number;
  /** Aborted: the wave's time is over at once, and nothing is checked. */
  stop: AbortSignal;
  runCommand: RunCommand;
  mesh: MeshBoard | undefined;
}>;

/** Whether these hosts are looked at again after their wave. */
export function looksAgain(checks: WaveChecks, jobs: Iterable<HostJob>): boolean {
  if (checks.soakSeconds > 0 || checks.commands.length > 0) return true;
  return [...jobs].some((job) => (job.checks ?? []).length > 0);
}

/** Why the run must not go on, in one sentence; undefined: all is good. Never rejects. */
export async function checkWave(
  wave: WaveToCheck,
  env: Omit<HostEnvironment, 'stopping'>,
): Promise<string | undefined> {
  const { checks } = wave;
  const asks = looksAgain(
    checks,
    wave.hosts.map(({ job }) => job),
  );
  if (!asks || wave.hosts.length === 0 || wave.stop.aborted) return undefined;
  if (checks.soakSeconds > 0) await soak(wave, env);
  if (wave.stop.aborted) return undefined;
  const problems: string[] = [];
  const tell = (check: string, host: string | undefined, good: boolean, text: string): void => {
    env.emit({
      type: 'wave.checked',
      wave: wave.wave,
      check,
      ...(host === undefined ? {} : { host }),
      good,
      text,
    });
    if (!good) problems.push(`${host === undefined ? '' : `${host}: `}${check}: ${text}`);
  };
  const queue = new PQueue({ concurrency: wave.forks });
  await Promise.all(
    wave.hosts.map(({ job, recorded }) =>
      queue.add(() =>
        checkHost(job, recorded, wave.mesh, env, (check, good, text) =>
          tell(check, job.host, good, text),
        ),
      ),
    ),
  );
  // Once for all: what one host says of another, the other says of it.
  const meshes = new Map(
    wave.hosts.flatMap(({ job }) =>
      [...job.probes, ...(job.checks ?? [])]
        .filter(isMesh)
        .map((probe) => [probeName(probe), probe]),
    ),
  );
  for (const [name, probe] of meshes) {
    const problem = wave.mesh?.problem(probe);
    tell(name, undefined, problem === undefined, problem ?? 'every host reaches every other');
  }
  for (const command of checks.commands) {
    const { good, text } = await wave.runCommand(command);
    tell(command.command.join(' '), undefined, good, text);
  }
  const [first] = problems;
  if (first === undefined) return undefined;
  const more = problems.length - 1;
  return `after wave ${wave.wave + 1}: ${first}${more === 0 ? '' : ` (and ${more} more)`}`;
}

async function soak(wave: WaveToCheck, env: Omit<HostEnvironment, 'stopping'>): Promise<void> {
  const seconds = wave.checks.soakSeconds;
  env.emit({
    type: 'wave.soaking',
    wave: wave.wave,
    seconds,
    until: new Date(env.date().getTime() + seconds * 1000).toISOString(),
  });
  await delayIn(env, seconds * 1000, wave.stop).catch(() => undefined);
}

async function checkHost(
  job: HostJob,
  recorded: Recorded,
  mesh: MeshBoard | undefined,
  env: Omit<HostEnvironment, 'stopping'>,
  tell: (check: string, good: boolean, text: string) => void,
): Promise<void> {
  let connection: Connection | undefined;
  try {
    connection = await env.transport.connect(job.target, {
      address: recorded.newAddress ?? recorded.address,
      expectedHostKey: recorded.hostKey,
    });
    const observed = await observeHost(job.host, connection);
    const [difference, ...others] = compareStates(
      stateOf(recorded.target),
      observed.state,
      new Set(recorded.scope),
    );
    if (difference === undefined) tell('state', true, 'what the plan says');
    else {
      const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
      tell(
        'state',
        false,
        `${difference.path} should be ${difference.expected}, is ${difference.found}${more}`,
      );
    }
    const waived = new Set(recorded.waivedProbes);
    const probes = probesToAsk(
      job.host,
      [...job.probes.filter((probe) => !waived.has(probeName(probe))), ...(job.checks ?? [])],
      mesh,
      true,
    );
    if (probes.length === 0) return;
    const heard = await probeHost(connection, probes);
    const answers = judgeAnswers(job.host, probes, heard, mesh, false);
    probes.forEach((probe, index) => {
      if (isMesh(probe) && heard[index]?.short !== undefined) return;
      const answer = answers[index] ?? { good: false, text: 'no answer' };
      tell(probeName(probe), answer.good, answer.text);
    });
  } catch (error) {
    tell('reach', false, error instanceof NetorchError ? error.message : String(error));
  } finally {
    connection?.close();
  }
}
