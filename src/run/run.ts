/** One play rolled out over many hosts: wave by wave, never on over lost hosts. */
import PQueue from 'p-queue';

import { OUTCOMES, type Controller, type Outcome } from './events.js';
import type { Emit } from './event-stream.js';
import type { HostEnvironment } from './host-environment.js';
import { runHost } from './host-run.js';
import type { HostJob, HostResult } from './host-job.js';

export type RunOptions = Readonly<{
  run: string;
  command: string;
  version: string;
  /** Names of hosts; each has a job. */
  waves: readonly (readonly string[])[];
  jobs: ReadonlyMap<string, HostJob>;
  /** Hosts in flight at the same time. */
  forks: number;
  /** Stop when more than this share of a wave failed, was rolled back or lost; undefined: when all did. */
  maxFailPercentage: number | undefined;
  /** Aborted by the first Ctrl-C: begin nothing new. */
  stop: AbortController;
  notes: readonly string[];
  /** Who runs it, for those who look at it from elsewhere. */
  controller?: Controller;
}>;

export type RunResult = Readonly<{
  results: readonly HostResult[];
  counts: Readonly<Record<Outcome, number>>;
  exitCode: number;
}>;

/** Exit codes of `apply` (docs/exit-codes.md): the worst thing that happened decides. */
export function exitCodeOf(
  counts: Readonly<Record<Outcome, number>>,
  wasInterrupted: boolean,
  /** A host rolled back, but is not exactly what it was. */
  isIncomplete = false,
): number {
  if (counts.lost > 0 || isIncomplete) return 4;
  if (counts['rolled-back'] > 0) return 3;
  const isNothingBegun =
    counts.confirmed === 0 && counts['confirmed-not-persistent'] === 0 && counts.unchanged === 0;
  if (counts.failed > 0) return isNothingBegun ? 1 : 3;
  if (wasInterrupted) return 130;
  if (counts['confirmed-not-persistent'] > 0) return 5;
  return counts.skipped > 0 ? 3 : 0;
}

export function countOutcomes(results: readonly HostResult[]): Record<Outcome, number> {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    Outcome,
    number
  >;
  for (const result of results) counts[result.outcome] += 1;
  return counts;
}

const BAD: ReadonlySet<Outcome> = new Set(['rolled-back', 'failed', 'lost']);

/** Rolled back, but not to what it was. */
function isBroken(result: HostResult): boolean {
  return result.outcome === 'rolled-back' && result.verified === false;
}

/** Why the next wave must not start, if so. */
export function reasonToStop(
  wave: number,
  results: readonly HostResult[],
  maxFailPercentage: number | undefined,
): string | undefined {
  const lost = results.filter((result) => result.outcome === 'lost').map((result) => result.host);
  if (lost.length > 0) return `lost ${lost.join(', ')} in wave ${wave}: no further wave is begun`;
  const broken = results.filter(isBroken).map((result) => result.host);
  if (broken.length > 0)
    return `${broken.join(', ')} in wave ${wave} could not go back to what it was: no further wave is begun`;
  const bad = results.filter((result) => BAD.has(result.outcome)).length;
  if (bad === 0) return undefined;
  if (bad === results.length) return `every host of wave ${wave} failed: no further wave is begun`;
  // As in Ansible: the share must be exceeded, not reached.
  if (maxFailPercentage !== undefined && (bad / results.length) * 100 > maxFailPercentage) {
    return `${bad} of ${results.length} hosts of wave ${wave} failed, more than max_fail_percentage ${maxFailPercentage}: no further wave is begun`;
  }
  return undefined;
}

export async function executeRun(
  options: RunOptions,
  environment: Omit<HostEnvironment, 'stopping' | 'emit'>,
  emit: Emit,
): Promise<RunResult> {
  const startedMs = environment.now();
  const { waves, jobs, stop } = options;
  emit({
    type: 'run.started',
    run: options.run,
    command: options.command,
    version: options.version,
    hosts: waves.flat(),
    waves,
    ...(options.controller === undefined ? {} : { controller: options.controller }),
  });
  /** Its reason is the text for hosts that are not begun. */
  const lost = new AbortController();
  const stopping = AbortSignal.any([stop.signal, lost.signal]);
  const env: HostEnvironment = { ...environment, emit, stopping };
  const queue = new PQueue({ concurrency: options.forks });
  const results: HostResult[] = [];
  let halted: string | undefined;
  for (const [index, hosts] of waves.entries()) {
    const number = index + 1;
    if (halted !== undefined || stop.signal.aborted) {
      for (const host of hosts) results.push(skip(host, halted ?? 'the run was stopped', emit));
      continue;
    }
    emit({ type: 'wave.started', wave: index, hosts });
    const waveResults = await Promise.all(
      hosts.map((host) =>
        queue.add(async () => {
          const job = jobs.get(host);
          if (job === undefined) throw new Error(`no job for ${host}`);
          const result = await runHost(job, env);
          // Without "serial" every host is in the one wave: no further host, not only no further wave.
          if ((result.outcome === 'lost' || isBroken(result)) && !lost.signal.aborted) {
            const reason = isBroken(result)
              ? `${host} could not go back to what it was: no further host is begun`
              : `lost ${host} in wave ${number}: no further host is begun`;
            emit({ type: 'run.stopping', reason });
            lost.abort(reason);
          }
          return result;
        }),
      ),
    );
    results.push(...waveResults);
    halted = reasonToStop(number, waveResults, options.maxFailPercentage);
    emit({
      type: 'wave.finished',
      wave: index,
      good: !waveResults.some((result) => BAD.has(result.outcome)),
    });
    if (halted !== undefined && number < waves.length && !lost.signal.aborted)
      emit({ type: 'run.stopping', reason: halted });
  }
  const counts = countOutcomes(results);
  const exitCode = exitCodeOf(
    counts,
    stop.signal.aborted,
    results.some((result) => result.verified === false),
  );
  emit({
    type: 'run.finished',
    counts,
    exitCode,
    durationMs: Math.round(environment.now() - startedMs),
    notes: options.notes,
  });
  return { results, counts, exitCode };
}

function skip(host: string, cause: string, emit: Emit): HostResult {
  const result: HostResult = { host, outcome: 'skipped', cause, durationMs: 0, timings: {} };
  emit({ type: 'host.finished', ...result });
  return result;
}
