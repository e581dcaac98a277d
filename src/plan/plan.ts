/**
 * The planner: from observed and target state to the ordered changes, each with its reason, its hazards
 * and its operations. Pure. Everything is taken away top-down, and built bottom-up, round by round until
 * the model of the kernel (kernel-model.ts) is what the target says: what the kernel takes away on the way
 * is put back by a later change.
 */
import type { ChangePlan } from './change.js';
import { buildInterface } from './build-interface.js';
import { finishPlan } from './finish-plan.js';
import { dependencyOrder } from './order.js';
import { addAddresses } from './plan-addresses.js';
import { settleDynamic, stopDhcp } from './plan-dhcp.js';
import { PlanDraft, type PlanInput } from './plan-draft.js';
import { settleDns, settleHostname } from './plan-names.js';
import { addRoutes, removeRoutes } from './plan-routes.js';
import { settleRules } from './plan-rules.js';
import { tearDown } from './tear-down.js';

const MAX_ROUNDS = 5;

export function planChanges(input: PlanInput): ChangePlan {
  const draft = new PlanDraft(input);
  const buildOrder = dependencyOrder(input.target.interfaces);
  for (let round = 0; ; round++) {
    const before = draft.operationCount;
    if (round === 0) {
      stopDhcp(draft);
      removeRoutes(draft);
      tearDown(draft);
    }
    for (const item of buildOrder) buildInterface(draft, item);
    for (const item of buildOrder) addAddresses(draft, item);
    for (const item of buildOrder) settleDynamic(draft, item);
    addRoutes(draft);
    settleRules(draft);
    settleDns(draft);
    settleHostname(draft);
    if (draft.operationCount === before) break;
    if (round >= MAX_ROUNDS) {
      throw new Error(
        `planning for ${input.host} does not come to an end: ${draft.changes.at(-1)?.id ?? ''}`,
      );
    }
  }
  return finishPlan(draft);
}
