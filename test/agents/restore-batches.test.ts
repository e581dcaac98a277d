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

/** In the order of the way back the VXLANs come before the bridge. */
const TAKES_TUNNELS_AND_A_BRIDGE = `
interfaces:
  - { name: vx7, state: absent }
  - { name: vx8, state: absent }
  - { name: br9, state: absent }
`;

const TUNNELS = `
ip link add nic7 type veth peer name sw7
ip link add vx7 type vxlan id 7 dev nic7 remote 198.51.100.7 dstport 4789
ip link add vx8 type vxlan id 8 remote 198.51.100.8 dstport 4789 ttl 7 ageing 123 df set srcport 1000 2000
ip link add br9 type bridge
ip addr add 10.9.0.1/24 brd + dev br9
ip link set br9 up
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

  scenarioUnder(shell)(
    'makes what comes after a VXLAN whose base somebody else took away meanwhile',
    async (host) => {
      await host.sh(TUNNELS);
      const prepared = await prepare(host, TAKES_TUNNELS_AND_A_BRIDGE);
      expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
      await host.sh('ip link del nic7');
      await host.send(rollbackScript(prepared.id, NONCE, 'asked for by the test'));
      expect(await host.reaches(prepared.id, 'rolled-back', 'incomplete')).toBe('incomplete');
      const differences = host.text(prepared.id, 'differences').trim().split('\n');
      expect(differences.filter((line) => !line.includes('vx7'))).toEqual([]);
      const { lines } = await host.observe();
      expect(lines.filter((line) => / 10\.9\.0\.1\/24 /.test(line))).toHaveLength(1);
    },
  );

  scenarioUnder(shell)('makes a VXLAN with all that it had', async (host) => {
    await host.sh(TUNNELS);
    const prepared = await prepare(host, TAKES_TUNNELS_AND_A_BRIDGE);
    expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
    await host.send(rollbackScript(prepared.id, NONCE, 'asked for by the test'));
    await expectRolledBack(host, prepared);
  });

  scenarioUnder(shell)('a VXLAN that is made anew keeps what no document names', async (host) => {
    await host.sh(TUNNELS);
    const prepared = await prepare(
      host,
      'interfaces: [{ name: vx8, type: vxlan, vxlan: { id: 88 } }]',
    );
    expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
    const shown = await host.sh('ip -d link show vx8');
    for (const words of ['id 88 ', 'ttl 7 ', 'ageing 123 ', 'df set ', 'srcport 1000 2000 ']) {
      expect(shown).toContain(words);
    }
    await host.send(rollbackScript(prepared.id, NONCE, 'asked for by the test'));
    await expectRolledBack(host, prepared);
  });
});
