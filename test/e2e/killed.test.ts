import { expect, test } from 'vitest';

import { describeInLab, type Bench, type RunningNetorch } from './bench.js';

type Reach = (run: RunningNetorch) => Promise<unknown>;

/** Where netorch is when it dies; each is waited for in its own event stream, on a host of its own. */
const POINTS: Readonly<Record<string, Reach>> = {
  h1: (run) => run.seen('host.armed'),
  h2: (run) => run.seen('host.applied'),
  h3: (run) => run.seen('host.phase', (event) => event.phase === 'reconnecting'),
  h4: (run) => run.seen('host.phase', (event) => event.phase === 'confirming'),
};

/** Resolves to whether the host ended confirmed. */
async function expectOneOrTheOther(bench: Bench, host: string, device: string): Promise<boolean> {
  const states = await bench.untilSettled(host);
  const isConfirmed = states === 'state.confirmed\n';
  if (isConfirmed) {
    expect(await bench.on(host, `ip -4 -o addr show dev ${device}`)).toMatch(/inet 10\./);
    await bench.on(host, 'ping -c 1 -W 3 10.10.0.1');
  } else {
    expect(['', 'state.rolled-back\n']).toContain(states);
    await bench.expectAsAtBoot(host);
  }
  expect(await bench.on(host, 'ls -d /run/netorch/lock 2>/dev/null; :'), 'lock').toBe('');
  return isConfirmed;
}

describeInLab('kill -9 of netorch in the middle of an apply', (bench) => {
  test('while the management NIC moves: armed, applied, reconnecting, confirming', async () => {
    const playbook = bench().playbookInOneWave('management-bond');

    const confirmed = await Promise.all(
      Object.entries(POINTS).map(async ([host, reach]) => {
        const run = bench().startApply(playbook, host, { deadline: 5 });
        await reach(run);
        await run.kill();
        return expectOneOrTheOther(bench(), host, 'br-mgmt');
      }),
    );

    // Without the controller's word none of the first three can have been confirmed.
    expect(confirmed.slice(0, 3)).toEqual([false, false, false]);
  });

  test('with four hosts in flight, as the first of them is armed', async () => {
    const hosts = Object.keys(POINTS);
    const run = bench().startApply(bench().playbookInOneWave('storage-network'), hosts.join(','), {
      deadline: 5,
    });
    await run.seen('host.armed');
    await run.kill();
    await Promise.all(hosts.map((host) => expectOneOrTheOther(bench(), host, 'br100')));
  });
});
