/** How long a host may take: for the change, to be confirmed, and for the way back. */
import type { ChangePlan, Hazard, Wait } from '../plan/change.js';
import { waitName, waitSeconds } from '../plan/waits.js';

export type Budget = Readonly<{
  /** From begin until the last step is done, at most. */
  applySeconds: number;
  confirmSeconds: number;
  /** From the deadline until the host is what it was, at most. */
  rollbackSeconds: number;
}>;

export const DEFAULT_CONFIRM_SECONDS = 30;
/** For dialling, reading, probing and the word itself, when all that is waited for has come. */
const MARGIN_SECONDS = 10;

/** NetworkManager, killed and started again, or stopped for good: so long it is waited for on the way back. */
const PROFILES_BACK_SECONDS = 20;

/** However slow a host seems: nobody is to wait for it without end. */
const MOST_SLOWNESS_SECONDS = 120;

/**
 * Bounds, not estimates: a loaded small host needs about 20 ms for each object it changes. `observeMs`: how
 * long the host took to read itself. A change reads it twice, and a way back that needs all its tries
 * about eight times: on an emulated processor under load, 12 s each, the usual bounds are by far too short.
 * `profileSteps`: calls of nmcli, each a process that loads a library and asks a daemon.
 */
export function budgetFor(
  plan: ChangePlan,
  confirmSeconds: number,
  observeMs = 0,
  profileSteps = 0,
): Budget {
  const operations = plan.changes.reduce((sum, change) => sum + change.operations.length, 0);
  const readings = (count: number) =>
    Math.min(Math.ceil((count * observeMs) / 1000), MOST_SLOWNESS_SECONDS);
  return {
    applySeconds:
      Math.max(5, readings(3)) +
      Math.ceil(operations / 20) +
      Math.max(profileSteps, profileSteps > 0 ? readings(profileSteps / 3) : 0),
    // Whole seconds: the host's shell counts in nothing else.
    confirmSeconds: Math.ceil(Math.max(confirmSeconds, leastConfirmSeconds(plan))),
    rollbackSeconds:
      Math.max(15, readings(8)) +
      Math.ceil(plan.scope.length / 5) +
      (profileSteps > 0 ? PROFILES_BACK_SECONDS : 0),
  };
}

/** What the plan must be given to be proved good. */
export function leastConfirmSeconds(
  plan: Pick<ChangePlan, 'expectedOutageSeconds' | 'waits'>,
): number {
  return Math.max(plan.expectedOutageSeconds, waitSeconds(plan.waits)) + MARGIN_SECONDS;
}

/** "LACP on bond0 30 s + DHCP on br0 15 s + 10 s to look and confirm". */
export function waitsText(waits: readonly Wait[]): string {
  return [
    ...waits.map((wait) => `${waitName(wait)} ${wait.seconds} s`),
    `${MARGIN_SECONDS} s to look and confirm`,
  ].join(' + ');
}

/**
 * What the plan waits for, with its parts; a warning where somebody has asked for less. A window that
 * nobody chose (the default) is just made longer.
 */
export function deadlineHazards(plan: ChangePlan, confirmSeconds: number): readonly Hazard[] {
  const { waits = [] } = plan;
  if (plan.changes.length === 0 || waits.length === 0) return [];
  const least = leastConfirmSeconds(plan);
  const parts = waitsText(waits);
  if (confirmSeconds >= least || confirmSeconds === DEFAULT_CONFIRM_SECONDS) {
    const given = Math.max(confirmSeconds, least);
    const text = `${given} s to prove it good: it may take ${least} s (${parts})`;
    return [{ kind: 'deadline', severity: 'note', text }];
  }
  return [
    {
      kind: 'deadline',
      severity: 'warning',
      text: `a deadline of ${confirmSeconds} s is too short: the change may take ${least} s to be proved good (${parts}), and is given these`,
    },
  ];
}
