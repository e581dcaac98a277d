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
