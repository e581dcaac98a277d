import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

describeInLab('the other playbooks of the examples', (bench) => {
  test('a bridge that filters VLANs, a second way out, and the way back of both', async () => {
    const [bridge, policy] = await Promise.all([
      bench().apply(bench().playbook('vlan-filtering-bridge'), 'h1,h3'),
      bench().apply(bench().playbook('policy-routing'), 'h2,h4'),
    ]);
    for (const host of ['h1', 'h3']) {
      expect(bridge.finished(host)).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on(host, 'cat /sys/class/net/br-tenants/bridge/vlan_filtering')).toBe(
        '1\n',
      );
      const vlans = (await bench().on(host, 'bridge vlan show dev tenant-b')).replace(/\s+/g, ' ');
      expect(vlans).toContain('tenant-b 200 PVID Egress Untagged');
      expect(
        (await bench().on(host, 'bridge vlan show dev uplink0')).match(/\b2\d\d\b/g),
      ).toHaveLength(11);
    }
    for (const [host, address] of [
      ['h2', '192.0.2.12'],
      ['h4', '192.0.2.14'],
    ] as const) {
      expect(policy.finished(host)).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on(host, `ip route get 203.0.113.9 from ${address}`)).toMatch(
        /via 192\.0\.2\.1 dev service0 table 200/,
      );
      expect(await bench().on(host, 'ip route get 203.0.113.9')).toMatch(
        /via 10\.10\.0\.1 dev eth1/,
      );
    }

    const absent = (names: readonly string[], extra: object = {}) => ({
      network: {
        interfaces: names.map((name) => ({ name, state: 'absent' })),
        ...extra,
      },
    });
    const inventory = [
      bench().variables('absent-variables.yml', {
        h1: absent(['br-tenants', 'tenant-a', 'tenant-b', 'uplink0']),
        h2: absent(['service0'], {
          'route-rules': {
            config: [
              { 'ip-from': '192.0.2.12/32', 'route-table': 200, priority: 1000, state: 'absent' },
            ],
          },
        }),
      }),
    ];
    const playbook = bench().write('absent.yml', [{ name: 'away', hosts: 'cluster1' }]);
    const away = await bench().apply(playbook, 'h1,h2', {
      inventory,
    });
    for (const host of ['h1', 'h2']) {
      expect(away.finished(host)).toMatchObject({ outcome: 'confirmed' });
      await bench().expectAsAtBoot(host);
    }
  });
});
