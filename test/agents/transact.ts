/** One transaction on a host of namespaces, from observation to its end, for tests that are about its content. */
import { expect } from 'vitest';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import { beginScript, rollbackScript } from '../../src/agents/transaction.js';
import { iproute2Scripts } from '../../src/backends/backend.js';
import { compareStates } from '../../src/network/compare.js';
import type { Difference } from '../../src/network/state.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf } from '../network/documents.js';
import type { NamespaceHost } from './namespace-host.js';

export const NONCE = 'right';
let count = 0;

export type Begun = Readonly<{
  id: string;
  before: ObservedHost;
  plan: ChangePlan;
  /** What the host said until it was applied or rolled back. */
  said: readonly string[];
}>;

/** Observes, plans and applies; the transaction stays open. */
export async function transact(host: NamespaceHost, desired: string): Promise<Begun> {
  const before = await host.observe();
  const plan = planHost('h1', before, desiredOf(desired));
  const scripts = iproute2Scripts({ plan, observed: before.state, lines: before.lines });
  count += 1;
  const id = `20260101T000000-t${count}`;
  const { stdout, stderr } = await host.send(
    beginScript({
      id,
      nonce: NONCE,
      owner: 'test',
      secondsToDeadline: 600,
      maxSeconds: 1200,
      scripts,
      resolvConf: before.resolvConf,
    }),
  );
  expect(stderr).toBe('');
  const said = stdout.trim().split('\n');
  return { id, before, plan, said };
}

/** What differs from the target, and what a second plan would do. */
export async function afterwards(
  host: NamespaceHost,
  { plan }: Begun,
  desired: string,
): Promise<{ differences: readonly Difference[]; again: readonly string[] }> {
  const now = await host.observe();
  return {
    differences: compareStates(plan.target, now.state, new Set(plan.scope)),
    again: planHost('h1', now, desiredOf(desired)).changes.map((change) => change.summary),
  };
}

/** Rolls back, and expects every canonical line as it was. */
export async function rollBack(host: NamespaceHost, { id, before }: Begun): Promise<void> {
  await host.send(rollbackScript(id, NONCE, 'asked for by the test'));
  const state = await host.reaches(id, 'rolled-back', 'incomplete');
  const differences = state === 'incomplete' ? host.text(id, 'differences') : '';
  expect({ state, differences }).toEqual({ state: 'rolled-back', differences: '' });
  const now = await host.observe();
  const sorted = (lines: readonly string[]) =>
    lines.filter((line) => !/ inet6 fe80:.* scope link/.test(line)).sort();
  expect(sorted(now.lines)).toEqual(sorted(before.lines));
}
