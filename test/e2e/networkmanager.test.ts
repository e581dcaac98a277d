import { afterAll, beforeEach, expect, test } from 'vitest';

import { describeInLab } from './bench.js';
import {
  HOST,
  IDLE,
  PROFILES,
  mainJob,
  putBack,
  state,
  withoutMetrics,
} from './networkmanager-host.js';

const FOREIGN = 'ffffffff-1111-4222-8333-444444444444';

describeInLab(
  'a host whose links belong to NetworkManager',
  (bench) => {
    const play = (name: string, network: object, more: object = {}) =>
      bench().write(`${name}.yml`, [{ name, hosts: 'cluster1', network, ...more }]);

    const address = (): string => bench().lab.host(HOST).address;

    beforeEach(() => putBack(bench()));
    // Other tests put back no host that has NetworkManager.
    afterAll(() => putBack(bench()));

    test('carries out the main job, persists it, and is unchanged by the same plan', async () => {
      await bench().on(
        HOST,
        `nmcli connection add type dummy con-name foreign ifname dummy9 connection.uuid ${FOREIGN} connection.autoconnect no ipv4.method disabled ipv6.method disabled >/dev/null`,
      );
      const foreign = `cat /etc/NetworkManager/system-connections/foreign.nmconnection`;
      const before = await bench().on(HOST, foreign);
      const file = play('main', mainJob(address()));

      const run = await bench().apply(file, HOST);
      expect(run.finished(HOST)).toMatchObject({ outcome: 'confirmed' });
      const again = await bench().apply(file, HOST);

      expect(again.finished(HOST)).toMatchObject({ outcome: 'unchanged' });
      expect(await bench().on(HOST, foreign)).toBe(before);
      const kernel = `
        cat /sys/class/net/bond0/bonding/mode /sys/class/net/bond0/bonding/slaves /sys/class/net/bond0/address
        readlink /sys/class/net/bond0/master; cat /sys/class/net/br0/bridge/stp_state
        sed -n 's/.*VID: \\([0-9]*\\).*/vlan \\1/p' /proc/net/vlan/bond0.10
        ip -o -4 addr show br0 | sed 's/.*inet \\([^ ]*\\).*/\\1/'; ip -4 route show default`;
      const nics = await bench().on(HOST, 'cat /sys/class/net/br0/address');
      const wanted = `active-backup 1\neth1 eth2\n${nics}../br0\n0\nvlan 10\n`;
      expect(await bench().on(HOST, kernel)).toContain(wanted);

      // What is on disk is what the next boot makes of it.
      await bench().lab.reboot(HOST);
      await expect.poll(() => bench().on(HOST, kernel)).toContain(wanted);
      const afterwards = await bench().apply(file, HOST);
      expect(afterwards.finished(HOST)).toMatchObject({ outcome: 'unchanged' });
    });

    test('goes back to exactly what it was when it is cut off', async () => {
      const before = await state(bench());

      // The switch knows no VLAN 99.
      const run = await bench().apply(play('cut', mainJob(address(), 'bond0.99')), HOST, {
        deadline: 15,
      });

      expect(run.finished(HOST)).toMatchObject({ outcome: 'rolled-back', verified: true });
      await expect.poll(() => state(bench())).toEqual(before);
    });

    test('goes back by itself when the controller is killed', async () => {
      const before = await state(bench());
      const run = bench().startApply(play('kill', mainJob(address(), 'bond0.99')), HOST, {
        deadline: 10,
      });
      await run.seen('host.armed');
      await run.kill();

      expect(await bench().untilSettled(HOST)).toContain('state.rolled-back');
      await expect.poll(() => state(bench())).toEqual(before);
    });

    test.each([
      ['killed', 'systemctl kill -s KILL NetworkManager'],
      ['restarted', 'systemctl restart NetworkManager'],
      ['stopped for good', 'systemctl stop NetworkManager'],
    ])('goes back also when NetworkManager is %s meanwhile', async (how, command) => {
      const before = await state(bench());
      const run = bench().startApply(play('nm', mainJob(address(), 'bond0.99')), HOST, {
        deadline: 15,
      });
      await run.seen('host.armed');
      await expect
        .poll(() => bench().transactionStates(HOST), { timeout: 120_000 })
        .toContain('state.applied');
      await bench().on(HOST, command);
      const ended = await run.ended;

      expect(ended.finished(HOST)).toMatchObject({ outcome: 'rolled-back', verified: true });
      if (how === 'stopped for good') await bench().on(HOST, 'systemctl start NetworkManager');
      await bench().on(HOST, `{ ${IDLE}\n} >/dev/null 2>&1; :`);
      await expect
        .poll(async () => withoutMetrics(await state(bench())))
        .toEqual(withoutMetrics(before));
    });

    test('is refused, untouched, while somebody else holds a checkpoint', async () => {
      await bench().on(
        HOST,
        'busctl call org.freedesktop.NetworkManager /org/freedesktop/NetworkManager org.freedesktop.NetworkManager CheckpointCreate aouu 0 300 0',
      );
      const before = await state(bench());

      const run = await bench().apply(
        play('mtu', { interfaces: [{ name: 'eth1', mtu: 1400 }] }),
        HOST,
      );

      const { outcome, cause = '' } = run.finished(HOST);
      expect(outcome).toBe('failed');
      expect(cause).toMatch(/checkpoint that somebody else has made \(.*Checkpoint.*300 s/);
      expect(await state(bench())).toEqual(before);
    });

    test('keeps a temporary change in memory: nothing on disk is touched', async () => {
      const disk = 'cd /etc/NetworkManager/system-connections && grep -r . .';
      const before = await bench().on(HOST, disk);
      const file = play(
        'temporary',
        {
          interfaces: [
            { name: 'eth1', mtu: 1400 },
            { name: 'dummy1', type: 'dummy', state: 'up' },
          ],
        },
        { temporary: true },
      );

      const run = await bench().apply(file, HOST);

      expect(run.finished(HOST)).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on(HOST, 'cat /sys/class/net/eth1/mtu')).toBe('1400\n');
      expect(await bench().on(HOST, disk)).toBe(before);
      const drift = await bench().run(['drift', file, '--hosts', HOST]);
      expect(drift.stdout).toContain(
        'a reboot changes it: temporary, in profiles in memory: dummy1, eth1',
      );
      expect(drift.code).toBe(2);
    });

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

      const run = await bench().apply(play('main', mainJob(address())), HOST);

      expect(run.finished(HOST)).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on(HOST, 'cat /etc/resolv.conf; ip rule')).toMatch(
        /^nameserver 192\.0\.2\.53$[^]*^900:\s+from 198\.51\.100\.0\/24 lookup main/m,
      );
    });

    test('an interface that goes takes its profile with it', async () => {
      const dummy = { name: 'dummy1', type: 'dummy', state: 'up' };
      const made = await bench().apply(
        play('made', { interfaces: [dummy] }, { backend: 'nmcli' }),
        HOST,
      );
      expect(made.finished(HOST)).toMatchObject({ outcome: 'confirmed' });

      const gone = play('gone', { interfaces: [{ ...dummy, state: 'absent' }] });
      const run = await bench().apply(gone, HOST);

      expect(run.finished(HOST)).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on(HOST, 'ls /sys/class/net')).not.toContain('dummy1');
      expect(await bench().on(HOST, PROFILES)).not.toContain('dummy1');
    });
  },
  { hosts: [HOST] },
);
