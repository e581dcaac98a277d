/** All hosts of an earlier run whose end is not known are asked, and brought to it (settle.ts). */
import PQueue from 'p-queue';

import type { HostEnvironment } from './host-environment.js';
import type { HostJob } from './host-job.js';
import { isUnsettled, type HostAccount, type RunAccount } from './run-account.js';
import { settleHost } from './settle.js';

export type SettledRun = Readonly<{
  hosts: ReadonlyMap<string, HostAccount>;
  /** Hosts that went back, but are not what they were. */
  broken: readonly string[];
}>;

/** The hosts to be asked: those with a job. */
export function unsettledHosts(
  account: RunAccount,
  jobs: ReadonlyMap<string, unknown>,
): readonly HostAccount[] {
  return [...account.hosts.values()].filter((host) => isUnsettled(host) && jobs.has(host.host));
}

/** `forks`: hosts that are asked at the same time. Never rejects. */
export async function settleRun(
  account: RunAccount,
  jobs: ReadonlyMap<string, HostJob>,
  forks: number,
  env: HostEnvironment,
): Promise<SettledRun> {
  const hosts = new Map(account.hosts);
  const broken: string[] = [];
  const queue = new PQueue({ concurrency: forks });
  const isAtomic = account.started.atomic !== undefined;
  await Promise.all(
    unsettledHosts(account, jobs).map((known) =>
      queue.add(async () => {
        const job = jobs.get(known.host);
        if (job === undefined) return;
        const result = await settleHost(job, known, isAtomic, env);
        hosts.set(known.host, { ...known, outcome: result.outcome });
        if (result.verified === false) broken.push(known.host);
      }),
    ),
  );
  return { hosts, broken };
}
