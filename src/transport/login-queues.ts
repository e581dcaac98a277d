import PQueue from 'p-queue';
import type { ConnectionTarget } from './transport.js';

/**
 * Logins under way at one server. From ten on sshd drops them as it likes (MaxStartups 10:30:100 is
 * its default), and others log in there too.
 */
const LOGINS_PER_SERVER = 5;

type Queued = Readonly<{ priority: number; signal?: AbortSignal }>;

/** Runs `work`, a login at the address of `target`, when the server is not busy with others of ours. */
export type LoginQueues = <T>(
  target: ConnectionTarget,
  address: string,
  queued: Queued,
  work: () => Promise<T>,
) => Promise<T>;

/** Many inventory names may stand for one server: it is asked by a few of them at a time. */
export function createLoginQueues(): LoginQueues {
  const servers = new Map<string, PQueue>();
  return async (target, address, queued, work) => {
    // Behind a ProxyCommand nobody knows which server an address means.
    const via = target.jump === undefined ? target.proxyCommand : target.jump.address;
    const key = JSON.stringify([address, target.port, via]);
    const queue = servers.get(key) ?? new PQueue({ concurrency: LOGINS_PER_SERVER });
    servers.set(key, queue);
    try {
      return await queue.add(work, queued);
    } finally {
      if (queue.size === 0 && queue.pending === 0) servers.delete(key);
    }
  };
}
