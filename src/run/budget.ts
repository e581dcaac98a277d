/** How long a host may take: for the change, to be confirmed, and for the way back. */
import type { ChangePlan } from '../plan/change.js';

export type Budget = Readonly<{
  /** From begin until the last step is done, at most. */
  applySeconds: number;
  confirmSeconds: number;
  /** From the deadline until the host is what it was, at most. */
  rollbackSeconds: number;
}>;

export const DEFAULT_CONFIRM_SECONDS = 30;

/** Bounds, not estimates: a loaded small host needs about 20 ms for each object it changes. */
export function budgetFor(plan: ChangePlan, confirmSeconds: number): Budget {
  const operations = plan.changes.reduce((sum, change) => sum + change.operations.length, 0);
  return {
    applySeconds: 5 + Math.ceil(operations / 20),
    // Whole seconds: the host's shell counts in nothing else.
    confirmSeconds: Math.ceil(Math.max(confirmSeconds, plan.expectedOutageSeconds + 10)),
    rollbackSeconds: 15 + Math.ceil(plan.scope.length / 5),
  };
}
