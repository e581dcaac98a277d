/** Groups that are confirmed together or not at all, with a bad switch port, and with a dead controller. */
import { expect, test } from 'vitest';

import { describeInLab, type Bench } from './bench.js';
import { storageVlan } from './storage-vlan.js';

const HOSTS = ['h1', 'h2', 'h4'];

const DUMMIES = [
  {
    name: 'together',
    hosts: 'cluster1',
    atomic: 'wave',
    // Hosts that wait for their group have their deadline moved to 45 s from then, whatever it was.
    deadline: '60s',
    network: { interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up' }] },
  },
];

const STORAGE = storageVlan('20s');

async function changedHosts(bench: Bench, device = 'dummy7'): Promise<readonly string[]> {
  const found = await Promise.all(
    HOSTS.map(async (host) => {
      const there = await bench.on(host, `[ -e /sys/class/net/${device} ] && echo there; :`);
      return there === '' ? [] : [host];
    }),
  );
  return found.flat();
}

/** Until no transaction is open any more: the hosts' own deadlines are up to two minutes away. */
async function allSettled(bench: Bench): Promise<void> {
  for (const host of HOSTS) {
    await expect
      .poll(() => bench.transactionStates(host), { timeout: 240_000, interval: 2_000 })
      .not.toMatch(/new|armed|applying|applied|rolling-back/);
  }
}

describeInLab('an atomic wave', (bench) => {
  test('with one bad switch port leaves no host changed', async () => {
    await bench().lab.break({ kind: 'vlan', host: 'h4' });
    const run = await bench().apply(bench().write('storage.yml', STORAGE), HOSTS.join(','));
    expect(run.events.some((event) => event.type === 'group.abandoned')).toBe(true);
    expect(run.events.some((event) => event.type === 'group.committed')).toBe(false);
    for (const host of HOSTS) {
      expect(run.finished(host)).toMatchObject({ outcome: 'rolled-back', verified: true });
      await bench().expectAsAtBoot(host);
    }
    expect(run.code).toBe(3);
  });

  test('whose controller dies before the decision goes back by itself, every host', async () => {
    const playbook = bench().write('together.yml', DUMMIES);
    const run = await bench().apply(playbook, HOSTS.join(','), {
      env: { NETORCH_DIE_AT: 'before:group.committed' },
    });
    expect(run.code).toBe(null);
    await allSettled(bench());
    expect(await changedHosts(bench())).toEqual([]);
    for (const host of HOSTS) await bench().expectAsAtBoot(host);
  });

  test('whose controller dies between two confirmations is confirmed by resume', async () => {
    const playbook = bench().write('together.yml', DUMMIES);
    const run = await bench().apply(playbook, HOSTS.join(','), {
      env: { NETORCH_DIE_AT: 'host.finished#1' },
    });
    expect(run.code).toBe(null);
    const resumed = await bench().run(['resume', '--ui', 'json']);
    expect(resumed.code).toBe(0);
    expect(await changedHosts(bench())).toEqual(HOSTS);
    for (const host of HOSTS) {
      expect(await bench().transactionStates(host)).toBe('state.confirmed\n');
    }
  });

  test('that has become mixed is made whole by resume, and done anew by the next', async () => {
    const playbook = bench().write('together.yml', DUMMIES);
    const run = await bench().apply(playbook, HOSTS.join(','), {
      env: { NETORCH_DIE_AT: 'group.committed' },
    });
    expect(run.code).toBe(null);
    // As if the confirmation of one had arrived just before the others' deadlines.
    const verb = (host: string, words: string) =>
      bench().on(
        host,
        `for d in /run/netorch/2*/; do NETORCH_DIR=\${d%/} sh "$d/runtime.sh" ${words}; done`,
      );
    await verb('h1', 'confirm');
    await Promise.all(['h2', 'h4'].map((host) => verb(host, 'request-rollback "in time"')));
    expect(await changedHosts(bench())).toEqual(['h1']);

    const resumed = await bench().run(['resume', '--ui', 'json']);
    expect(resumed.stderr).toMatch(/h1 are changed, though not all of their group are/);
    expect(resumed.code).toBe(3);
    expect(await changedHosts(bench())).toEqual([]);
    for (const host of HOSTS) await bench().expectAsAtBoot(host);

    const [first] = run.events;
    if (first?.type !== 'run.started') throw new Error('the run did not begin');
    const again = await bench().run(['resume', first.run, '--ui', 'json']);
    expect(again.code).toBe(0);
    expect(await changedHosts(bench())).toEqual(HOSTS);
  });
});
