/** Many hosts: a rollout stops at the first lost host, is gone on with, and is undone. */
import { expect, test } from 'vitest';

import { describeInLab, type Snapshot } from './bench.js';

/**
 * The management address moves into VLAN 100. Where the switch does not carry that VLAN the host is cut
 * off by its change: it could be reached before, and cannot tell the difference itself.
 */
const MOVE = [
  {
    name: 'management into VLAN 100',
    hosts: 'cluster1',
    serial: 1,
    deadline: '20s',
    network: {
      interfaces: [
        { name: 'eth1', ipv4: { enabled: false } },
        {
          name: 'eth1.100',
          type: 'vlan',
          vlan: { 'base-iface': 'eth1', id: 100 },
          ipv4: {
            enabled: true,
            address: [{ ip: '10.100.0.{{ lab_index | plus: 10 }}', 'prefix-length': 24 }],
          },
        },
      ],
    },
  },
];

/** Four runs one after the other, one of them with a deadline that passes. */
const LONG_MS = 900_000;

/**
 * A rollback puts back what was there, to the letter; undoing a run makes a plan as any other, and whatever
 * is planned has the usual broadcast address, which the lab's boot does not set.
 */
const modelled = (snapshot: Snapshot): Snapshot =>
  snapshot.map((line) => line.replace(/^(addr .*) brd \S+/, '$1'));

describeInLab('a rollout', (bench) => {
  test(
    'stops at the first lost host, is gone on with when the cause is mended, and is undone',
    async () => {
      const playbook = bench().write('move.yml', MOVE);
      const before = {
        h2: modelled(await bench().snapshot('h2')),
        h4: modelled(await bench().snapshot('h4')),
      };
      await bench().lab.break({ kind: 'vlan', host: 'h2', native: false });

      const stopped = await bench().apply(playbook, 'h1,h2,h4');

      expect(stopped.finished('h1').outcome).toBe('confirmed');
      const lost = stopped.events.find((event) => event.type === 'host.lost');
      expect(lost).toMatchObject({ host: 'h2' });
      const armed = stopped.events.find(
        (event) => event.type === 'host.armed' && event.host === 'h2',
      );
      if (armed?.type !== 'host.armed' || lost?.type !== 'host.lost') throw new Error('not told');
      // The time by which it is back is the one that was announced before anything was touched.
      expect(Math.abs(Date.parse(lost.announced) - Date.parse(armed.announced))).toBeLessThan(
        3_000,
      );
      expect(stopped.finished('h2')).toMatchObject({ outcome: 'rolled-back', verified: true });
      expect(stopped.finished('h4').outcome).toBe('skipped');
      expect(stopped.code).toBe(3);
      await bench().expectAsAtBoot('h2');
      await bench().expectAsAtBoot('h4');
      expect(await bench().on('h4', 'ls /run/netorch 2>/dev/null; :')).toBe('');

      await bench().lab.mend({ kind: 'vlan', host: 'h2' });
      const states = await bench().transactionStates('h1');
      const resumed = await bench().run(['resume', '--ui', 'json']);
      expect(resumed.stderr).toBe('');
      expect(resumed.finished('h2').outcome).toBe('confirmed');
      expect(resumed.finished('h4').outcome).toBe('confirmed');
      expect(resumed.code).toBe(0);
      // What is done is not done again.
      expect(resumed.events.some((event) => 'host' in event && event.host === 'h1')).toBe(false);
      expect(await bench().transactionStates('h1')).toBe(states);
      for (const [host, address] of Object.entries({ h1: 11, h2: 12, h4: 14 })) {
        expect(await bench().on(host, 'ip -4 -o addr show dev eth1.100')).toContain(
          `10.100.0.${address}/24`,
        );
      }

      const nothing = await bench().run(['resume', '--ui', 'json']);
      expect(nothing.stderr).toMatch(/nothing is left to do/);
      expect(nothing.code).toBe(0);

      // The last run has moved h2 and h4; they are reached where it has moved them to.
      const undone = await bench().run(['rollback', 'last', '--ui', 'json']);
      expect(undone.stderr).toBe('');
      expect(undone.finished('h2').outcome).toBe('confirmed');
      expect(undone.finished('h4').outcome).toBe('confirmed');
      expect(undone.code).toBe(0);
      expect(modelled(await bench().snapshot('h2'))).toEqual(before.h2);
      expect(modelled(await bench().snapshot('h4'))).toEqual(before.h4);
    },
    LONG_MS,
  );

  test('is gone on with after its controller died, and nothing is applied twice', async () => {
    const playbook = bench().write('dummies.yml', [
      {
        hosts: 'cluster1',
        serial: 1,
        network: { interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up' }] },
      },
    ]);
    const died = await bench().apply(playbook, 'h1,h2', {
      env: { NETORCH_DIE_AT: 'host.applied' },
    });
    expect(died.code).toBe(null);
    const resumed = await bench().run(['resume', '--ui', 'json']);
    // Its transaction was open, and is taken up where it was: no second one is begun.
    const ends = resumed.events.filter((event) => event.type === 'host.finished');
    expect(ends.map((event) => `${event.host} ${event.outcome}`)).toEqual([
      'h1 confirmed',
      'h2 confirmed',
    ]);
    expect(await bench().transactionStates('h1')).toBe('state.confirmed\n');
    expect(resumed.code).toBe(0);
  });
});
