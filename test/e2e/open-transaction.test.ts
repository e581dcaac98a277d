import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { describeInLab, type Bench, type RunningNetorch } from './bench.js';

const NOBODY = '10.10.0.77';

/** A play that stays open, applied but not confirmed, for as long as nobody answers at NOBODY. */
const held = (name: string, serial: number | string = 1) => [
  {
    name: 'held open',
    hosts: 'cluster1',
    serial,
    network: { interfaces: [{ name, type: 'dummy', state: 'up', mtu: 1400 }] },
    probes: [{ ping: NOBODY, required: true }],
  },
];

async function untilOpen(run: RunningNetorch, host: string): Promise<string> {
  await run.seen('host.phase', (event) => event.host === host && event.phase === 'probing');
  return (await run.seen('host.armed', (event) => event.host === host)).transaction;
}

/** Somebody answers now: the transactions that wait for it are confirmed. */
async function release(bench: Bench): Promise<void> {
  await bench.on('h2', `ip addr add ${NOBODY}/24 dev eth1`);
}

describeInLab('while a transaction is open', (bench) => {
  test('its files are private, its runner has left the session, its timers are there; later nothing is left', async () => {
    const file = bench().write('held.yml', held('dummy7', '100%'));
    const run = bench().startApply(file, 'h1,h3', { deadline: 900 });
    const ids = { h1: await untilOpen(run, 'h1'), h3: await untilOpen(run, 'h3') };
    const processes = 'grep -lsa "[r]untime.sh" /proc/[0-9]*/cmdline | wc -l';
    const nonces: string[] = [];
    for (const [host, id] of Object.entries(ids)) {
      expect(await bench().on(host, 'stat -c %a /run/netorch /run/netorch/*')).toMatch(
        /^(700\n)+$/,
      );
      expect(await bench().on(host, 'find /run/netorch -perm /077')).toBe('');
      const nonce = (await bench().on(host, `cat /run/netorch/${id}/nonce`)).trim();
      expect(nonce).toMatch(/^[0-9a-f]{32}$/);
      nonces.push(nonce);
      expect(await bench().on(host, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "')).not.toContain(
        nonce,
      );
    }
    // Without systemd: the runner and a timer of its own. With it: a unit of the system manager each.
    expect((await bench().on('h1', processes)).trim()).toBe('2');
    expect(
      await bench().on('h3', `cat "/proc/$(cat /run/netorch/${ids.h3}/runner.pid)/cgroup"`),
    ).toMatch(/^0::\/system\.slice\/netorch-[^/]+\.service\n$/);
    const timers = 'systemctl list-timers --all --plain --no-legend "netorch-*"';
    expect(await bench().on('h3', timers)).toContain(`netorch-${ids.h3}-deadline.timer`);

    await release(bench());
    const ended = await run.ended;
    expect(ended.code).toBe(0);
    // It is confirmed by one rename; the processes end after it.
    await expect.poll(async () => (await bench().on('h1', processes)).trim()).toBe('0');
    await expect.poll(() => bench().on('h3', timers)).toBe('');
    await expect
      .poll(() => bench().on('h3', 'systemctl list-units --all --plain --no-legend "netorch-*"'))
      .toBe('');
    const log = await bench().on('h3', 'journalctl --no-pager -o cat');
    const journals = readdirSync(bench().folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
      .join('\n');
    for (const nonce of nonces) {
      expect(log).not.toContain(nonce);
      expect(journals + ended.stdout).not.toContain(nonce);
    }
  });

  test('status shows it, and a second netorch is turned away', async () => {
    const first = bench().startApply(bench().write('held.yml', held('dummy7')), 'h1', {
      deadline: 900,
    });
    const id = await untilOpen(first, 'h1');

    const during = await bench().run(['status', '--hosts', 'h1']);
    expect(during.stdout).toMatch(
      new RegExp(`^h1: ${id} applied, .* rolls back by itself in \\d+ s`),
    );
    expect(during.code).toBe(2);
    const second = await bench().apply(bench().write('other.yml', held('dummy8')), 'h1');
    expect(second.finished('h1')).toMatchObject({
      outcome: 'failed',
      cause: expect.stringMatching(new RegExp(`^HOST_BUSY: .*@.*${id}`)),
    });
    expect(second.code).toBe(1);
    await release(bench());
    expect((await first.ended).finished('h1')).toMatchObject({ outcome: 'confirmed' });

    const after = await bench().run(['status', '--hosts', 'h1']);
    expect(after.stdout).toMatch(new RegExp(`^h1: ${id} confirmed, `));
    expect(after.code).toBe(0);
    await bench().on('h1', 'ip link show dev dummy7; ! ip link show dev dummy8 2>/dev/null');
  });

  test('two that begin at the same moment: what each says is what the host is', async () => {
    await release(bench());
    const names = ['dummy7', 'dummy8'];
    const runs = await Promise.all(
      names.map((name) => bench().apply(bench().write(`${name}.yml`, held(name)), 'h4')),
    );
    const outcomes = runs.map((run) => run.finished('h4'));
    expect(outcomes.map((item) => item.outcome)).toContain('confirmed');
    for (const [index, { outcome, cause }] of outcomes.entries()) {
      const isThere = (await bench().on('h4', 'ls /sys/class/net')).includes(names[index] ?? '?');
      expect(isThere).toBe(outcome === 'confirmed');
      if (outcome !== 'confirmed') expect(cause).toMatch(/^(HOST_BUSY|HOST_CHANGED): /);
    }
  });

  test('a power cut: the host runs its boot configuration, and netorch says so', async () => {
    const run = bench().startApply(bench().write('held.yml', held('dummy7')), 'h1', {
      deadline: 900,
    });
    await untilOpen(run, 'h1');
    await bench().lab.cut('h1');
    await bench().lab.powerOn('h1');
    const ended = await run.ended;
    expect(ended.finished('h1')).toMatchObject({
      outcome: 'rolled-back',
      verified: true,
      cause: expect.stringContaining('rebooted before the change was confirmed'),
    });
    expect(ended.code).toBe(3);
    await bench().expectAsAtBoot('h1');
  });

  test('a host that freezes is lost and ends the run; thawed, it goes back and takes no confirmation', async () => {
    const run = bench().startApply(bench().write('held.yml', held('dummy7')), 'h4,h2,h1', {
      deadline: 5,
    });
    // The waves follow the inventory: h1, h2, h4, one by one.
    const id = await untilOpen(run, 'h1');
    await bench().lab.freeze('h1');
    const ended = await run.ended;
    expect(ended.finished('h1')).toMatchObject({
      outcome: 'lost',
      details: expect.arrayContaining([expect.stringContaining('netorch status --hosts h1')]),
    });
    expect(['h2', 'h4'].map((host) => ended.finished(host).outcome)).toEqual([
      'skipped',
      'skipped',
    ]);
    expect(ended.code).toBe(4);
    for (const host of ['h2', 'h4']) {
      await bench().expectAsAtBoot(host);
      expect(await bench().transactionStates(host)).toBe('');
    }

    await bench().lab.thaw('h1');
    expect(
      await bench().on(
        'h1',
        `NETORCH_DIR=/run/netorch/${id} sh /run/netorch/${id}/runtime.sh confirm`,
      ),
    ).toMatch(/^(too-late|not-applied) /);
    expect(await bench().untilSettled('h1')).toBe('state.rolled-back\n');
    await bench().expectAsAtBoot('h1');
  });
});
