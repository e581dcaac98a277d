/** Connects to many hosts and asks each the same question; one bad host never hides the others. */
import PQueue from 'p-queue';

import { NetorchError, NetorchErrors } from '../errors.js';
import type { Connection, ConnectionTarget, Transport } from '../transport/transport.js';

export type HostAnswer<T> = Readonly<
  { host: string; value: T } | { host: string; error: NetorchError | NetorchErrors }
>;

export const DEFAULT_FORKS = 16;

/** Answers in the order of `targets`. */
export async function askHosts<T>(
  targets: readonly ConnectionTarget[],
  transport: Transport,
  forks: number,
  ask: (connection: Connection, target: ConnectionTarget) => Promise<T>,
): Promise<readonly HostAnswer<T>[]> {
  const queue = new PQueue({ concurrency: forks });
  return Promise.all(
    targets.map((target) =>
      queue.add(async (): Promise<HostAnswer<T>> => {
        let connection: Connection | undefined;
        try {
          connection = await transport.connect(target);
          return { host: target.host, value: await ask(connection, target) };
        } catch (error) {
          if (error instanceof NetorchError || error instanceof NetorchErrors)
            return { host: target.host, error };
          throw error;
        } finally {
          connection?.close();
        }
      }),
    ),
  );
}
