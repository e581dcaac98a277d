/**
 * Hosts on which an earlier run left a transaction whose end is not known are asked, and brought to an
 * end: confirmed where their whole group was committed or, without a group, where they prove good; sent
 * back where the decision about their group was never made.
 */
import type { CommitGate } from './commit-gate.js';
import { probeName } from '../probes/probe-script.js';
import type { HostEnvironment } from './host-environment.js';
import type { HostJob, HostResult } from './host-job.js';
import { proveHost, type SentTransaction } from './host-proof.js';
import { HostReport } from './host-report.js';
import { stateOf } from './recorded-state.js';
import type { HostAccount } from './run-account.js';

/** Not answering: so long it is waited, when its deadline has passed long ago. */
const PATIENCE_MS = 10_000;

const COMMITTED: CommitGate = {
  word: 'confirm',
  commitSeconds: 0,
  good: () => undefined,
  secured: () => undefined,
  changed: () => Promise.resolve(),
};

export const NOT_COMMITTED = 'its group was not committed before its run ended';

/** Tells `host.finished`, and before that `host.returned` for a host that was lost. Never rejects. */
export async function settleHost(
  job: HostJob,
  account: HostAccount,
  isAtomic: boolean,
  env: HostEnvironment,
): Promise<HostResult> {
  const { recorded } = account;
  if (recorded === undefined) throw new Error(`${job.host}: nothing was recorded of it`);
  const report = new HostReport(job.host, env);
  const leftMs =
    account.deadline === undefined ? 0 : Date.parse(account.deadline) - env.date().getTime();
  const sent: SentTransaction = {
    id: recorded.transaction,
    nonce: undefined,
    address: recorded.address,
    hostKey: recorded.hostKey,
    bootId: recorded.bootId,
    newAddress: recorded.newAddress,
    scope: recorded.scope,
    before: stateOf(recorded.before),
    beforeLines: recorded.baseline,
    target: stateOf(recorded.target),
    probes: job.probes.filter(
      (probe) => recorded.waivedProbes?.includes(probeName(probe)) !== true,
    ),
    budget: recorded.budget,
    explain: (failure) => ({
      cause: 'a step failed on the host',
      details: failure.slice(1).map((line) => `the host said: ${line}`),
    }),
    deadlineMs: env.now() + Math.max(leftMs, PATIENCE_MS),
    wasArmed: account.wasArmed,
    persistsByItself: recorded.backend === 'nmcli',
  };
  const result = await proveHost(
    {
      ...job,
      ...(isAtomic && account.committed ? { gate: COMMITTED } : {}),
      ...(isAtomic && !account.committed ? { recall: AbortSignal.abort(NOT_COMMITTED) } : {}),
    },
    env,
    report,
    sent,
  );
  if (account.outcome === 'lost' && result.outcome !== 'lost') {
    env.emit({
      type: 'host.returned',
      host: job.host,
      outcome: result.outcome,
      ...(result.verified === undefined ? {} : { verified: result.verified }),
    });
  }
  env.emit({ type: 'host.finished', ...result });
  return result;
}
