/** Two hosts of one wave join a VLAN, and must reach each other in it. */
import { expect, test } from 'vitest';

import { describeInLab, type Bench } from './bench.js';

const HOSTS = ['h1', 'h2'];

const join = (bench: Bench) =>
  bench.apply(
    bench.write('mesh.yml', [
      {
        name: 'storage',
        hosts: 'cluster1',
        network: {
          interfaces: [
            {
              name: 'eth1.200',
              type: 'vlan',
              vlan: { 'base-iface': 'eth1', id: 200 },
              ipv4: {
                enabled: true,
                address: [{ ip: '10.200.0.{{ lab_index | plus: 10 }}', 'prefix-length': 24 }],
              },
            },
          ],
        },
        probes: [{ mesh: '10.200.0.0/24' }],
      },
    ]),
    HOSTS.join(','),
    { deadline: 30 },
  );

describeInLab(
  'a mesh of two hosts',
  (bench) => {
    test('they reach each other, with no connection more than without it', async () => {
      const before = HOSTS.map((host) => bench().connections(host));
      const run = await join(bench());
      const told = HOSTS.map((host) => run.finished(host));
      expect(
        told.map(({ outcome }) => outcome),
        told.map(({ cause }) => cause).join('\n'),
      ).toEqual(['confirmed', 'confirmed']);
      // Whoever was there first has nobody to reach yet; the other reaches it.
      expect(run.events.filter((event) => event.type === 'host.probed').at(-1)).toMatchObject({
        probe: 'mesh 10.200.0.0/24',
        good: true,
        text: '1 of 1 hosts reached with 1500 bytes',
      });
      // One to begin and one to prove it, unless one was not answered in time.
      const redialled = run.events.filter(({ type }) => type === 'host.cut-off').length;
      const dials = HOSTS.map((host, index) => bench().connections(host) - (before[index] ?? 0));
      expect(dials.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(4 + 4 * redialled);
    });

    test('they go back when one of them filters what comes from the other', async () => {
      await bench().on(
        'h2',
        'echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all; ip route add blackhole 10.200.0.11',
      );
      try {
        const run = await join(bench());
        const told = HOSTS.map((host) => run.finished(host));
        // The first may have been done before the second began: then it has nothing to hold against anybody.
        expect(told.some(({ outcome }) => outcome === 'rolled-back')).toBe(true);
        for (const { outcome, verified, cause } of told) {
          if (outcome === 'confirmed') continue;
          expect({ outcome, verified }).toEqual({ outcome: 'rolled-back', verified: true });
          expect(cause).toMatch(/mesh 10\.200\.0\.0\/24: h1, h2 do not reach each other/);
        }
      } finally {
        await bench().on(
          'h2',
          'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_all; ip route del blackhole 10.200.0.11',
        );
      }
    });
  },
  { leastHosts: 2 },
);
