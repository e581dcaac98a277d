/** What of the way back must not keep the rest of it from being done: batches that `ip` ends early. */
import { describe, expect } from 'vitest';
import { rollbackScript } from '../../src/agents/transaction.js';
import { SHELLS } from './namespace-host.js';
import {
  NONCE,
  begin,
  expectRolledBack,
  kinds,
  prepare,
  scenarioUnder,
} from './transaction-bench.js';

const SEVERAL_NEXT_HOPS = `
interfaces:
  - name: br1
    type: linux-bridge
    ipv4:
      enabled: true
      address: [{ ip: 10.7.0.1, prefix-length: 24 }]
    bridge:
      port: []
routes:
  config:
    - { destination: 10.8.0.0/16, next-hop-interface: br1, next-hop-address: 10.7.0.2, weight: 1 }
    - { destination: 10.8.0.0/16, next-hop-interface: eth0, next-hop-address: 192.0.2.9, weight: 2 }
    - { destination: 10.9.0.0/16, next-hop-interface: eth0, next-hop-address: 192.0.2.9 }
route-rules:
  config:
    - { ip-from: 10.8.0.0/16, route-table: 100, priority: 1001 }
`;

describe.each(SHELLS)('the way back under %s', (shell) => {
  scenarioUnder(shell)(
    'removes rules and routes also when a next hop went with its device',
    async (host) => {
      const prepared = await prepare(host, SEVERAL_NEXT_HOPS);
      expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
      await host.send(rollbackScript(prepared.id, NONCE, 'asked for by the test'));
      await expectRolledBack(host, prepared);
    },
  );
});
