/** DNS, rules and routes without an interface, through NetworkManager's profiles. */
import { afterAll, beforeEach, expect, test } from 'vitest';

import { describeInLab } from './bench.js';
import { HOST, mainJob, putBack, state } from './networkmanager-host.js';

describeInLab(
  'what belongs to no interface, on a host of NetworkManager',
  (bench) => {
    const play = (name: string, network: object, more: object = {}) =>
      bench().write(`${name}.yml`, [{ name, hosts: 'cluster1', network, ...more }]);

    beforeEach(() => putBack(bench()));
    // Other tests put back no host that has NetworkManager.
    afterAll(() => putBack(bench()));

    /** What belongs to no interface, and stands in profiles all the same. */
    const via = (address: string) => ({
      'next-hop-address': address,
      'next-hop-interface': 'dummy1',
    });
    const shared = {
      interfaces: [
        {
          name: 'dummy1',
          type: 'dummy',
          state: 'up',
          ipv4: { enabled: true, address: [{ ip: '198.51.100.1', 'prefix-length': 24 }] },
          ipv6: { enabled: true, address: [{ ip: '2001:db8::1', 'prefix-length': 64 }] },
        },
      ],
      routes: {
        config: [
          { destination: '0.0.0.0/0', ...via('198.51.100.9'), 'table-id': 200, metric: 7 },
          { destination: '172.16.0.0/16', ...via('198.51.100.8'), weight: 2 },
          { destination: '172.16.0.0/16', ...via('198.51.100.9'), weight: 1 },
          { destination: '2001:db8:66::/48', ...via('2001:db8::8'), weight: 1 },
          { destination: '2001:db8:66::/48', ...via('2001:db8::9'), weight: 1 },
          { destination: '203.0.113.0/24', 'route-type': 'blackhole' },
          { destination: '2001:db8:9::/48', 'route-type': 'unreachable' },
        ],
      },
      'route-rules': {
        config: [
          { 'ip-from': '198.51.100.0/24', 'route-table': 200, priority: 1000 },
          { 'ip-from': '192.0.2.0/24', 'route-table': 200 },
          { family: 'ipv6', 'ip-to': '2001:db8:7::/48', action: 'prohibit', priority: 1001 },
        ],
      },
      'dns-resolver': {
        config: { server: ['192.0.2.53', '2001:db8::53'], search: ['lab.example'] },
      },
    };

    test('DNS, rules and such routes are given back when nobody confirms them', async () => {
      const before = await state(bench());

      const late = play('late', shared, {
        backend: 'nmcli',
        probes: [{ ping: '203.0.113.9', required: true }],
      });
      const cut = await bench().apply(late, HOST, { deadline: 10 });
      expect(cut.finished(HOST)).toMatchObject({ outcome: 'rolled-back', verified: true });
      await expect.poll(() => state(bench())).toEqual(before);
    });

    test('DNS, rules, routes of other tables, blackholes and several next hops come and go', async () => {
      const kernel = `ip -4 rule; ip -6 rule; ip route show table 200; ip route show 172.16.0.0/16; ip route show type blackhole
        ip -6 route show type unreachable; ip -6 route show 2001:db8:66::/48; grep -v '^#' /etc/resolv.conf; :`;
      const file = play('all', shared, { backend: 'nmcli' });
      const { outcome, cause, details } = (await bench().apply(file, HOST)).finished(HOST);
      expect({ outcome, cause, details }).toEqual({ outcome: 'confirmed' });
      const said = await bench().on(HOST, kernel);
      for (const words of [
        /^1000:\s+from 198\.51\.100\.0\/24 lookup 200/m,
        /^32765:\s+from 192\.0\.2\.0\/24 lookup 200/m,
        /^1001:\s+from all to 2001:db8:7::\/48 prohibit/m,
        /^default via 198\.51\.100\.9 dev dummy1 .*metric 7/m,
        /nexthop via 198\.51\.100\.8 dev dummy1 weight 2/,
        /nexthop via 198\.51\.100\.9 dev dummy1 weight 1/,
        /^2001:db8:66::\/48 .*\n\s*nexthop via 2001:db8::8 .*\n\s*nexthop via 2001:db8::9 /m,
        /^blackhole 203\.0\.113\.0\/24/m,
        /^unreachable 2001:db8:9::\/48/m,
        /^search lab\.example\nnameserver 192\.0\.2\.53\nnameserver 2001:db8::53\n$/m,
      ]) {
        expect(said).toMatch(words);
      }
      expect((await bench().apply(file, HOST)).finished(HOST).outcome).toBe('unchanged');

      const gone = play('gone', {
        interfaces: [{ name: 'dummy1', state: 'absent' }],
        routes: {
          config: [
            { state: 'absent', destination: '203.0.113.0/24' },
            { state: 'absent', destination: '2001:db8:9::/48' },
          ],
        },
        'route-rules': {
          config: [
            { state: 'absent', priority: 1000 },
            { state: 'absent', priority: 1001 },
            { state: 'absent', priority: 32_765 },
          ],
        },
        'dns-resolver': { config: {} },
      });
      const end = (await bench().apply(gone, HOST)).finished(HOST);
      expect({ outcome: end.outcome, cause: end.cause, details: end.details }).toEqual({
        outcome: 'confirmed',
      });
      expect(await bench().on(HOST, kernel)).not.toMatch(/198\.51\.100|192\.0\.2|2001:db8|lab\./);
    });

    test('name servers and rules of a profile go along with its address', async () => {
      await bench().on(
        HOST,
        `u=$(nmcli -g UUID,NAME connection | sed -n 's/:eth1$//p')
         nmcli connection modify uuid "$u" ipv4.dns 192.0.2.53 ipv4.routing-rules 'priority 900 from 198.51.100.0/24 table 254'
         nmcli --wait 20 connection up uuid "$u" ifname eth1 >/dev/null
         until grep -q 192.0.2.53 /etc/resolv.conf; do sleep 0.2; done`,
      );

      const run = await bench().apply(play('main', mainJob(bench().lab.host(HOST).address)), HOST);

      expect(run.finished(HOST)).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on(HOST, 'cat /etc/resolv.conf; ip rule')).toMatch(
        /^nameserver 192\.0\.2\.53$[^]*^900:\s+from 198\.51\.100\.0\/24 lookup main/m,
      );
    });
  },
  { hosts: [HOST] },
);
