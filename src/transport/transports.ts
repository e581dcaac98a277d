import type { Transport } from './transport.js';

/**
 * One transport for all hosts of a run: SSH or local, by the target's kind. Both are loaded when the
 * first host needs them, so that commands that dial nobody start fast.
 */
export function createTransport(options: Readonly<{ handshakes?: number }> = {}): Transport {
  let ssh: Promise<Transport> | undefined;
  let local: Promise<Transport> | undefined;
  return {
    async connect(target, connectOptions) {
      switch (target.kind) {
        case 'ssh':
          ssh ??= import('./ssh2-transport.js').then((m) => m.createSsh2Transport(options));
          return (await ssh).connect(target, connectOptions);
        case 'local':
          local ??= import('./local-transport.js').then((m) => m.createLocalTransport());
          return (await local).connect(target, connectOptions);
      }
    },
  };
}
