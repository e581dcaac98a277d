/** DNS there and back on hosts whose resolv.conf is missing, empty or another one, in namespaces. */
import { describe, expect } from 'vitest';
import { rollbackScript } from '../../src/agents/transaction.js';
import { SHELLS } from './namespace-host.js';
import { begin, expectRolledBack, kinds, prepare, scenarioUnder } from './transaction-bench.js';

const to = (...servers: readonly string[]) =>
  `dns-resolver: { config: { server: [${servers.join(', ')}] } }\n`;
const READ = 'cat /etc/resolv.conf 2>/dev/null || echo none';

describe.each(SHELLS)('under %s', (shell) => {
  const scenario = scenarioUnder(shell);
  for (const [name, before, desired] of [
    ['is not there', 'rm -f /etc/resolv.conf', to('192.0.2.53')],
    ['is empty', ': >/etc/resolv.conf', to('192.0.2.53')],
    [
      'loses a server',
      'printf "nameserver 192.0.2.1\\nnameserver 192.0.2.2\\n" >/etc/resolv.conf',
      to('192.0.2.1'),
    ],
    [
      'gains a server',
      'echo nameserver 192.0.2.1 >/etc/resolv.conf',
      to('192.0.2.1', '192.0.2.53'),
    ],
    [
      'has its servers in another order',
      'printf "nameserver 192.0.2.1\\nnameserver 192.0.2.2\\n" >/etc/resolv.conf',
      to('192.0.2.2', '192.0.2.1'),
    ],
  ] as const) {
    scenario(`a resolv.conf that ${name} comes back as it was`, async (host) => {
      await host.sh(before);
      const was = await host.sh(READ);
      const prepared = await prepare(host, desired);
      expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
      expect(await host.sh(READ)).toContain('Written by netorch');
      await host.send(rollbackScript(prepared.id, prepared.request.nonce, 'no'));
      await expectRolledBack(host, prepared);
      expect(await host.sh(READ)).toBe(was);
    });
  }
});
