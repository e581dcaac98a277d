/** One number for "this plan on this state": a saved plan is carried out only while it still holds. */
import { createHash } from 'node:crypto';

import { iproute2Scripts } from '../backends/backend.js';
import type { ObservedHost } from '../agents/observed-host.js';
import type { ChangePlan } from '../plan/change.js';

/** SHA-256 over the operations and over the canonical lines of everything they touch. */
export function planFingerprint(plan: ChangePlan, observed: ObservedHost): string {
  const scripts = iproute2Scripts({ plan, observed: observed.state, lines: observed.lines });
  return createHash('sha256')
    .update(JSON.stringify([scripts.apply, scripts.baseline, scripts.absent]))
    .digest('hex');
}
