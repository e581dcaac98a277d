/** What a reboot and a power cut leave of a change that NetworkManager's profiles carry: always a whole state. */
import { afterAll, beforeEach, expect, test, vi } from 'vitest';

import { describeInLab, type Bench, type RunningNetorch } from './bench.js';
import { HOST, mainJob, putBack } from './networkmanager-host.js';

// Each has changes and boots of a host that takes its time for both.
vi.setConfig({ testTimeout: 900_000 });

const DISK =
  'cd /etc/NetworkManager/system-connections && for f in *; do echo "file $f"; sed /^timestamp=/d "$f"; done';
const UNITS = 'ls -d /etc/systemd/system/netorch* /var/lib/netorch 2>/dev/null; :';

/** Where the address is, and what stands below it. */
const PATH = `ip -o -4 addr show scope global | sed -n 's/^[0-9]*: \\([^ ]*\\) .*inet 10[.]10[.].*/\\1/p'
for n in bond0 bond0.10 br0 dummy1; do [ ! -e /sys/class/net/$n ] || echo $n; done`;
const OLD = 'eth1\n';
const NEW = 'br0\nbond0\nbond0.10\nbr0\n';

async function booted(bench: Bench): Promise<void> {
  await bench.lab.waitUntilUp(HOST);
  await bench.on(HOST, 'until nmcli -t -f RUNNING general | grep -qx running; do sleep 0.2; done');
}

describeInLab(
  'profiles',
  (bench) => {
    const address = () => bench().lab.host(HOST).address;
    const playbook = (more: object = {}, interfaces: readonly object[] = []) => {
      const job = mainJob(address());
      const network = { ...job, interfaces: [...job.interfaces, ...interfaces] };
      return bench().write('job.yml', [{ name: 'job', hosts: 'cluster1', network, ...more }]);
    };

    beforeEach(() => putBack(bench()));
    // Other tests put back no host that has NetworkManager.
    afterAll(() => putBack(bench()));

    test('that are temporary are written to disk by persist, and taken back by unpersist', async () => {
      await bench().on(
        HOST,
        `nmcli connection add type dummy con-name dummy1 ifname dummy1 ipv4.method disabled ipv6.method disabled >/dev/null
         until [ -e /sys/class/net/dummy1 ]; do sleep 0.2; done`,
      );
      const before = await bench().on(HOST, DISK);
      const file = playbook({ temporary: true }, [{ name: 'dummy1', state: 'absent' }]);
      const run = await bench().apply(file, HOST);
      expect(run.finished(HOST)).toMatchObject({ outcome: 'confirmed' });
      const running = await bench().snapshot(HOST);
      const temporary = 'bond0, bond0.10, br0, dummy1 taken away, eth1, eth2';
      const status = () => bench().run(['status', '--hosts', HOST]);
      const drift = () => bench().run(['drift', file, '--hosts', HOST]);
      expect((await status()).stdout).toContain(`temporary, in profiles: ${temporary}: gone`);
      expect(await drift()).toMatchObject({ code: 2 });
      expect(await bench().on(HOST, DISK)).toBe(before);

      const kept = await bench().run(['persist', '--hosts', HOST]);
      expect(kept).toMatchObject({
        code: 0,
        stdout: `${HOST}: persistent: bond0, bond0.10, br0, dummy1, eth1, eth2\n`,
      });
      expect((await status()).stdout).toContain(`persistent, in profiles: ${temporary}\n`);
      expect((await status()).stdout).not.toContain('temporary');
      expect(await drift()).toMatchObject({ code: 0 });
      const again = await bench().run(['persist', '--hosts', HOST]);
      expect(again.stdout).toBe(`${HOST}: what runs is persistent already\n`);
      expect(await bench().on(HOST, 'ls /etc/NetworkManager/system-connections')).toBe(
        ['bond0.10', 'bond0', 'br0', 'eth1', 'eth2'].map((n) => `${n}.nmconnection\n`).join(''),
      );

      const undone = await bench().run(['unpersist', '--hosts', HOST]);
      expect(undone).toMatchObject({ code: 0 });
      expect(await bench().on(HOST, DISK)).toBe(before);
      expect(await bench().on(HOST, UNITS)).toBe('');
      // A fresh look of NetworkManager's at its files changes nothing either.
      await bench().on(HOST, 'nmcli connection reload');
      expect(await bench().snapshot(HOST)).toEqual(running);
      expect((await status()).stdout).toContain(`temporary, in profiles: ${temporary}: gone`);
      expect((await status()).stdout).not.toContain('persistent, in profiles');
      expect(await drift()).toMatchObject({ code: 2 });

      await bench().lab.reboot(HOST);
      await booted(bench());
      await expect.poll(() => bench().on(HOST, PATH)).toBe(`${OLD}dummy1\n`);
    });

    test('that are temporary become persistent with a later change that is not', async () => {
      const first = playbook({ temporary: true });
      expect((await bench().apply(first, HOST)).finished(HOST).outcome).toBe('confirmed');
      const later = bench().write('later.yml', [
        {
          name: 'later',
          hosts: 'cluster1',
          backend: 'nmcli',
          network: { interfaces: [{ name: 'dummy1', type: 'dummy', state: 'up' }] },
        },
      ]);
      const plan = await bench().run(['plan', later, '--hosts', HOST]);
      expect(plan.stdout).toContain('become persistent with this one: bond0, bond0.10, br0');
      expect((await bench().apply(later, HOST)).finished(HOST).outcome).toBe('confirmed');

      await bench().lab.cut(HOST);
      await bench().lab.powerOn(HOST);
      await booted(bench());
      await expect.poll(() => bench().on(HOST, PATH)).toBe(`${NEW}dummy1\n`);
    });

    /** The power goes at a point of the act, and comes back. */
    async function cutAt(point: string, act: () => RunningNetorch): Promise<RunningNetorch> {
      const at = `/run/netorch/points/${point}`;
      await bench().on(HOST, `mkdir -p /run/netorch/points && : >${at}`);
      const run = act();
      await expect
        .poll(() => bench().on(HOST, `ls ${at}.reached 2>/dev/null; :`), { timeout: 200_000 })
        .toBe(`${at}.reached\n`);
      await bench().lab.cut(HOST);
      await bench().lab.powerOn(HOST);
      await booted(bench());
      return run;
    }

    test.each([
      ['nm-begin', OLD, 'rolled-back'],
      ['nm-written', OLD, 'rolled-back'],
      ['nm-end', NEW, 'confirmed'],
    ])('a power cut at %s of persist leaves one state, whole', async (point, path, outcome) => {
      const before = await bench().on(HOST, DISK);
      const run = await cutAt(point, () => bench().startApply(playbook(), HOST, { deadline: 240 }));
      await expect.poll(() => bench().on(HOST, PATH)).toBe(path);
      if (path === OLD) expect(await bench().on(HOST, DISK)).toBe(before);
      // And netorch, which has found it again, says which of the two it is.
      const { outcome: said, cause, details } = (await run.ended).finished(HOST);
      expect({ said, cause, details }).toMatchObject({ said: outcome });
    });

    test('a power cut before the confirmation, and before a temporary change is persisted', async () => {
      const before = await bench().on(HOST, DISK);
      const file = playbook({ probes: [{ ping: '203.0.113.9', required: true }] });
      const run = bench().startApply(file, HOST, { deadline: 120 });
      await run.seen('host.phase', (event) => event.phase === 'probing');
      expect(await bench().on(HOST, PATH)).toBe(NEW);
      await bench().lab.cut(HOST);
      await run.kill();
      await bench().lab.powerOn(HOST);
      await booted(bench());
      await expect.poll(() => bench().on(HOST, PATH)).toBe(OLD);
      expect(await bench().on(HOST, DISK)).toBe(before);

      const temporary = await bench().apply(playbook({ temporary: true }), HOST);
      expect(temporary.finished(HOST).outcome).toBe('confirmed');
      await bench().lab.cut(HOST);
      await bench().lab.powerOn(HOST);
      await booted(bench());
      await expect.poll(() => bench().on(HOST, PATH)).toBe(OLD);
      expect(await bench().on(HOST, DISK)).toBe(before);
    });

    test('a power cut in the middle of unpersist leaves what was there before netorch', async () => {
      const before = await bench().on(HOST, DISK);
      const made = await bench().apply(playbook(), HOST);
      expect(made.finished(HOST).outcome).toBe('confirmed');
      const run = await cutAt('nm-open', () => bench().start(['unpersist', '--hosts', HOST]));
      await run.kill();
      await expect.poll(() => bench().on(HOST, PATH)).toBe(OLD);
      expect(await bench().on(HOST, DISK)).toBe(before);
      const status = await bench().run(['status', '--hosts', HOST]);
      expect(status.stdout).toBe(`${HOST}: no transactions\n`);
    });
  },
  { hosts: [HOST] },
);
