import { expect, test } from 'vitest';

import { describeInLab, present } from './bench.js';

const FOUR = ['h1', 'h2', 'h3', 'h4'];
const HOSTS = FOUR.join(',');
const storageAddress = (host: string) => `10.100.0.${10 + Number(host.slice(1))}`;

describeInLab('hosts as they booted', (bench) => {
  test('what is shown of them can be fed back, and asks for nothing', async () => {
    await bench().expectShowIsFixPoint(present(['h1', 'h3', 'h5']));
  });
});

describeInLab(
  'a storage network for four hosts: 802.3ad bond, VLAN 100, bridge',
  (bench) => {
    test('hosts reach each other with full-size jumbo frames, and a second apply touches nothing', async () => {
      const playbook = bench().playbookInOneWave('storage-network');
      const first = await bench().apply(playbook, HOSTS);
      expect(first.stderr).toBe('');
      expect(FOUR.map((host) => first.finished(host).outcome)).toEqual(FOUR.map(() => 'confirmed'));
      expect(first.code).toBe(0);

      for (const host of FOUR) {
        const others = FOUR.filter((other) => other !== host).map(storageAddress);
        await bench().on(
          host,
          others.map((address) => `ping -M do -s 8972 -c 1 -W 3 ${address}`).join(' && '),
        );
        expect(await bench().on(host, 'cat /proc/net/bonding/bond0')).toMatch(
          /Bonding Mode: IEEE 802\.3ad[\s\S]*Number of ports: 2/,
        );
      }

      const before = await Promise.all(FOUR.map((host) => bench().snapshot(host)));
      const connections = FOUR.map((host) => bench().connections(host));
      // The kernel tells of a change of carrier up to a second late (linkwatch, net/core/link_watch.c),
      // and a bond's VLAN has several: what is still to be told of the first apply is let pass.
      await Promise.all(
        FOUR.map((host) =>
          bench().on(
            host,
            `setsid sh -c 'echo $$ >/run/monitor.pid; exec ip monitor link address route rule' \\
             >>/run/monitor.log 2>&1 </dev/null &
           until [ -s /run/monitor.pid ]; do sleep 0.05; done
           for round in 1 2 3 4 5 6 7 8 9 10; do
             size=$(wc -c </run/monitor.log)
             sleep 3
             [ "$(wc -c </run/monitor.log)" != "$size" ] || break
           done
           : >/run/monitor.log`,
          ),
        ),
      );
      const second = await bench().apply(playbook, HOSTS);
      expect(FOUR.map((host) => second.finished(host).outcome)).toEqual(
        FOUR.map(() => 'unchanged'),
      );
      expect(second.code).toBe(0);
      for (const [index, host] of FOUR.entries()) {
        const monitored = await bench().on(
          host,
          'kill $(cat /run/monitor.pid); cat /run/monitor.log; rm /run/monitor.*',
        );
        expect(monitored, host).toBe('');
        expect(bench().connections(host)).toBe((connections[index] ?? 0) + 1);
        expect(await bench().snapshot(host)).toEqual(before[index]);
      }

      // What it shows of them can be fed back, and asks for nothing.
      await bench().expectShowIsFixPoint(FOUR);

      const removed = await bench().apply(
        bench().playbookInOneWave('remove-storage-network'),
        HOSTS,
      );
      for (const host of FOUR) {
        expect(removed.finished(host)).toMatchObject({ outcome: 'confirmed' });
        expect(
          await bench().on(host, 'cd /sys/class/net; ls -d b* eth?/master 2>/dev/null; :'),
          host,
        ).toBe('bonding_masters\n');
      }
    });
  },
  { needs: ['LACP'], hosts: FOUR },
);
