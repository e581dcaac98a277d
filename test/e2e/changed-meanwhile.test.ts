import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const PLAY = [
  {
    name: 'mtu',
    hosts: 'cluster1',
    network: { interfaces: [{ name: 'eth3', type: 'ethernet', state: 'up', mtu: 9000 }] },
  },
];

describeInLab('hosts that change while netorch looks at them', (bench) => {
  test('a saved plan is carried out as it is, and refused once the host has changed', async () => {
    const playbook = bench().write('mtu.yml', PLAY);
    const plan = await bench().run(['plan', playbook, '--hosts', 'h1,h3', '--out', 'saved.json']);
    expect(plan.code).toBe(2);
    await bench().on('h1', 'ip link set dev eth3 mtu 1600');
    const before = await bench().snapshot('h1');

    const run = await bench().apply('saved.json', 'h1,h3');

    expect(run.finished('h1')).toMatchObject({
      outcome: 'failed',
      cause: expect.stringMatching(/^PLAN_STALE: /),
    });
    expect(await bench().snapshot('h1')).toEqual(before);
    expect(await bench().transactionStates('h1')).toBe('');
    expect(run.finished('h3')).toMatchObject({ outcome: 'confirmed' });
    expect(await bench().on('h3', 'cat /sys/class/net/eth3/mtu')).toBe('9000\n');
    expect(run.code).toBe(3);
  });

  test('a host that never stands still is left alone', async () => {
    await bench().on(
      'h1',
      `setsid sh -c 'echo $$ >/run/restless.pid; m=1500
         while :; do m=$((m + 1)); ip link set dev eth3 mtu $m; sleep 0.05; done' >/dev/null 2>&1 </dev/null &
       until [ -s /run/restless.pid ]; do sleep 0.05; done`,
    );
    try {
      const run = await bench().apply(bench().write('mtu.yml', PLAY), 'h1');
      expect(run.finished('h1')).toMatchObject({
        outcome: 'failed',
        cause: expect.stringMatching(/^HOST_CHANGED: .*nothing was touched/),
      });
      expect(run.code).toBe(1);
      expect(await bench().transactionStates('h1')).toBe('');
    } finally {
      await bench().on('h1', 'kill -s KILL -- -$(cat /run/restless.pid); rm /run/restless.pid');
    }
  });
});
