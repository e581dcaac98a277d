import type { ConnectionTarget } from '../../src/transport/transport.js';

/** A host that nothing special has to be known of, for tests whose transport is not SSH. */
export const sshTarget = (host: string, address: string): ConnectionTarget => ({
  host,
  address,
  port: 22,
  user: 'root',
  privateKeyFile: undefined,
  password: undefined,
  proxyCommand: undefined,
  knownHostsFiles: [],
  hostKeyChecking: 'strict',
  connectTimeoutMs: 10_000,
  become: undefined,
  kind: 'ssh',
});
