/** What netorch sees of a host while somebody else works on it, beside what that one has done. */
import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const HOST = 'h1';
const NETWORKMANAGER = 'h5';

/** Processes of a monitor that run on a host. */
const LEFT = `for d in /proc/[0-9]*; do tr '\\0' ' ' <$d/cmdline; echo; done 2>/dev/null | grep -E '^(ip -d -o monitor|nmcli monitor|sleep 45)'; :`;

const BOND = `ip link add bond0 type bond mode 802.3ad miimon 100 lacp_rate fast
for n in eth3 eth4; do ip link set $n down; ip link set $n master bond0; done
ip link set bond0 up`;

describeInLab(
  'watching hosts',
  (bench) => {
    test('pulled cables, addresses, routes and profiles are told as they change, and nothing is left there', async () => {
      await bench().on(HOST, 'ip link set eth2 up');
      const monitor = bench().start(['monitor', '--hosts', `${HOST},${NETWORKMANAGER}`]);
      await monitor.said(/h1: watched \(/);
      await monitor.said(/h5: watched \(.*NetworkManager\)/);
      expect(await bench().on(HOST, LEFT)).toMatch(/^ip -d -o monitor/m);

      await bench().lab.break({ kind: 'link', host: HOST, nic: 'eth2' });
      await monitor.said(/h1: eth2 lost carrier$/);
      await bench().lab.mend({ kind: 'link', host: HOST, nic: 'eth2' });
      await monitor.said(/h1: eth2 has carrier$/);

      await bench().on(HOST, 'ip addr add 10.99.0.1/24 dev eth2');
      await monitor.said(/h1: eth2 has address 10\.99\.0\.1\/24$/);
      await bench().on(HOST, 'ip route add 10.98.0.0/16 via 10.99.0.2');
      await monitor.said(/h1: route to 10\.98\.0\.0\/16 via 10\.99\.0\.2 on eth2$/);
      await bench().on(HOST, 'ip addr del 10.99.0.1/24 dev eth2');
      await monitor.said(/h1: eth2 has address 10\.99\.0\.1\/24 no more$/);

      await bench().on(
        NETWORKMANAGER,
        'nmcli connection add type dummy con-name seen ifname dummy8 connection.autoconnect no ipv4.method disabled ipv6.method disabled',
      );
      try {
        let seen = '';
        const activated = monitor
          .said(/h5: NetworkManager: dummy8 activated \(profile seen\)$/)
          .then((line) => (seen = line));
        // nmcli does not say from when on it listens: what it has not heard is done again.
        await expect
          .poll(async () => {
            await bench().on(NETWORKMANAGER, 'nmcli connection up seen');
            return seen;
          })
          .toContain('activated');
        await activated;
      } finally {
        await bench().on(NETWORKMANAGER, 'nmcli connection delete seen');
      }

      monitor.interrupt();
      const ended = await monitor.ended;
      expect(ended.code).toBe(130);
      expect(ended.stdout).toMatch(/ended after .*: \d+ events of 2 hosts$/m);
      for (const host of [HOST, NETWORKMANAGER]) expect(await bench().on(host, LEFT)).toBe('');
    });

    test('statistics tell the LACP partner of a bond, as the kernel has it', async () => {
      await bench().on(HOST, BOND);
      const partner = `cat /sys/class/net/bond0/bonding/ad_partner_mac /sys/class/net/bond0/bonding/ad_num_ports`;
      await expect
        .poll(() => bench().on(HOST, partner))
        .toMatch(/^(?!00:00:00:00:00:00)[0-9a-f:]{17}\n2\n$/);
      const [mac = ''] = (await bench().on(HOST, partner)).split('\n');

      const shown = async () => {
        const { code, stdout } = await bench().run(['show', '--stats', '--json', '--hosts', HOST]);
        expect(code).toBe(0);
        const { h1 } = JSON.parse(stdout) as Readonly<
          Record<string, { uptime: number; interfaces: readonly { name: string; rx: object }[] }>
        >;
        expect(h1?.uptime).toBeGreaterThan(0);
        return h1?.interfaces.find(({ name }) => name === 'bond0');
      };
      const port = { active: true, up: true, aggregator: expect.any(Number) as number };
      // Whoever has a partner does not send by it yet.
      await expect.poll(shown).toMatchObject({
        state: 'up',
        'link-aggregation': {
          mode: '802.3ad',
          lacp: { 'partner-mac': mac, ports: 2 },
          ports: [
            { name: 'eth3', ...port },
            { name: 'eth4', ...port },
          ],
        },
      });
      const table = await bench().run(['show', '--stats', '--over', '1s', '--hosts', HOST]);
      expect(table.stdout).toContain(`bond0: 802.3ad, LACP partner ${mac}, aggregator`);
      expect(table.stdout).toMatch(/rates over \d+\.\d s\n +interface +state .* tx bit\/s\n/);
    });
  },
  { needs: ['LACP', 'switch ports'], hosts: [HOST, NETWORKMANAGER] },
);
