/** Reads a host over a connection, and refuses the answers that nothing can be built on. */
import { RUN_FROM_STDIN, observeScript } from '../agents/bundle.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { parseObservation } from '../agents/reading.js';
import { NetorchError } from '../errors.js';
import type { Connection } from '../transport/transport.js';

/** A small host with a thousand interfaces reads for half a minute; a dead connection is noticed by its keepalive. */
export const OBSERVE_TIMEOUT_MS = 120_000;

/** One exec, one reading: what the host's network is now. Throws HOST_UNFIT, AGENT_PROTOCOL, CONNECTION_LOST … */
export async function observeHost(host: string, connection: Connection): Promise<ObservedHost> {
  const { stdout, stderr, code } = await connection.exec(RUN_FROM_STDIN, {
    input: observeScript(),
    timeoutMs: OBSERVE_TIMEOUT_MS,
  });
  if (code !== 0 && stdout === '') {
    throw new NetorchError(
      'HOST_UNFIT',
      `${host}: no POSIX shell runs netorch's script there (exit code ${code ?? 'none'})`,
      {
        notes: stderr
          .split('\n')
          .filter((line) => line !== '')
          .slice(0, 3),
      },
    );
  }
  const observed = parseObservation(host, stdout);
  if (!observed.isRoot) throw notRoot(host);
  return observed;
}

export function notRoot(host: string): NetorchError {
  return new NetorchError(
    'BECOME_FAILED',
    `${host}: the login user is not root, and networks are changed by root only`,
    {
      notes: [
        'set "ansible_become: true" for this host (or "become: true" in the play), with sudo rights for the user',
      ],
    },
  );
}
