/** What the outcomes of hosts mean for the run: its exit code, and whether it may go on. */
import { OUTCOMES, type Outcome } from './events.js';
import type { HostResult } from './host-job.js';

export type ExitFacts = Readonly<{
  wasInterrupted: boolean;
  /** A host rolled back, but is not exactly what it was; or an atomic group is mixed. */
  isBroken?: boolean;
  /** A check after a wave failed. */
  isCheckFailed?: boolean;
}>;

/** Exit codes of `apply` (docs/exit-codes.md): the worst thing that happened decides. */
export function exitCodeOf(counts: Readonly<Record<Outcome, number>>, facts: ExitFacts): number {
  if (counts.lost > 0 || facts.isBroken === true) return 4;
  if (counts['rolled-back'] > 0 || facts.isCheckFailed === true) return 3;
  const isNothingBegun =
    counts.confirmed === 0 && counts['confirmed-not-persistent'] === 0 && counts.unchanged === 0;
  if (counts.failed > 0) return isNothingBegun ? 1 : 3;
  if (facts.wasInterrupted) return 130;
  if (counts['confirmed-not-persistent'] > 0) return 5;
  return counts.skipped > 0 ? 3 : 0;
}

export function countOutcomes(
  results: readonly Pick<HostResult, 'outcome'>[],
): Record<Outcome, number> {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    Outcome,
    number
  >;
  for (const result of results) counts[result.outcome] += 1;
  return counts;
}

const BAD: ReadonlySet<Outcome> = new Set(['rolled-back', 'failed', 'lost']);

export function isBad(result: HostResult): boolean {
  return BAD.has(result.outcome);
}

/** Rolled back, but not to what it was. */
export function isBroken(result: HostResult): boolean {
  return result.outcome === 'rolled-back' && result.verified === false;
}

export type StopRules = Readonly<{
  /** Stop when more than this share of a wave failed, was rolled back or lost; undefined: when all did. */
  maxFailPercentage: number | undefined;
  /** Stop at the first that failed, was rolled back or lost. */
  anyErrorsFatal: boolean;
  /** A lost host stops the run, whatever the other rules say. */
  onLost: 'stop' | 'continue';
}>;

/**
 * Why no further host may be begun, if so. `results`: those known so far of a wave of `size` hosts;
 * `wave` counts from 1. As in Ansible, the share must be exceeded, not reached, and counts the whole
 * wave; lost hosts count too.
 */
export function reasonToStop(
  wave: number,
  size: number,
  results: readonly HostResult[],
  rules: StopRules,
): string | undefined {
  const lost = results.filter((result) => result.outcome === 'lost').map((result) => result.host);
  if (lost.length > 0 && rules.onLost === 'stop')
    return `lost ${lost.join(', ')} in wave ${wave}: no further host is begun`;
  const broken = results.filter(isBroken).map((result) => result.host);
  if (broken.length > 0)
    return `${broken.join(', ')} in wave ${wave} could not go back to what it was: no further host is begun`;
  const bad = results.filter(isBad);
  const [first] = bad;
  if (first === undefined) return undefined;
  if (rules.anyErrorsFatal)
    return `${first.host} ${first.outcome}, and any_errors_fatal is set: no further host is begun`;
  if (bad.length === size) return `every host of wave ${wave} failed: no further host is begun`;
  const { maxFailPercentage: most } = rules;
  if (most !== undefined && (bad.length / size) * 100 > most) {
    return `${bad.length} of ${size} hosts of wave ${wave} failed, more than max_fail_percentage ${most}: no further host is begun`;
  }
  return undefined;
}
