import { expect, test } from 'vitest';

import { describeInLab, present, testNeeding, type Bench, type Ended } from './bench.js';

const eth1 = (extra: object) => ({ name: 'eth1', type: 'ethernet', ...extra });

/** For each of the four hosts another way to lose it; all of them in one run. */
const CUTTING = {
  h1: {
    what: 'management moves to a VLAN that leads nowhere',
    network: {
      interfaces: [
        eth1({ state: 'up', ipv4: { enabled: false } }),
        {
          name: 'eth1.666',
          type: 'vlan',
          state: 'up',
          vlan: { 'base-iface': 'eth1', id: 666 },
          ipv4: { enabled: true, address: [{ ip: '10.10.0.11', 'prefix-length': 24 }] },
        },
      ],
      routes: {
        config: [
          { destination: '0.0.0.0/0', 'next-hop-interface': 'eth1', state: 'absent' },
          {
            destination: '0.0.0.0/0',
            'next-hop-address': '10.10.0.1',
            'next-hop-interface': 'eth1.666',
          },
        ],
      },
    },
  },
  h2: { what: 'the NIC goes down', network: { interfaces: [eth1({ state: 'down' })] } },
  h3: {
    what: 'the address goes away',
    network: { interfaces: [eth1({ state: 'up', ipv4: { enabled: false } })] },
  },
  h4: {
    what: 'the address moves into another network',
    network: {
      interfaces: [
        eth1({
          state: 'up',
          ipv4: { enabled: true, address: [{ ip: '10.99.0.14', 'prefix-length': 24 }] },
        }),
      ],
      routes: {
        config: [{ destination: '0.0.0.0/0', 'next-hop-interface': 'eth1', state: 'absent' }],
      },
    },
  },
};

/** By the host's own clock: how long after the transaction began it was over. */
async function expectWithinAnnouncedTime(bench: Bench, run: Ended, host: string): Promise<void> {
  const armed = run.events.find((event) => event.type === 'host.armed' && event.host === host);
  if (armed?.type !== 'host.armed') throw new Error(`${host} was not armed`);
  const times = await bench.on(
    host,
    `cd /run/netorch/${armed.transaction}
     read -r begun <begun; read -r up _ </proc/uptime
     echo "$begun \${up%%.*} $(date +%s) $(stat -c %Z state.rolled-back)"`,
  );
  const [begun = 0, up = 0, now = 0, over = 0] = times.split(' ').map(Number);
  expect(up - (now - over) - begun).toBeLessThanOrEqual(
    armed.deadlineSeconds + armed.rollbackBudgetSeconds,
  );
}

describeInLab('hosts that come back by themselves, exactly as they were', (bench) => {
  test('plans that cut SSH off: each host is back within the announced time', async () => {
    const hosts = present(Object.keys(CUTTING));
    const variables = bench().variables(
      'cut.yml',
      Object.fromEntries(Object.entries(CUTTING).map(([host, { network }]) => [host, { network }])),
    );
    const playbook = bench().write('cut-playbook.yml', [
      { name: 'cut off', hosts: 'cluster1', allow_cut_off: true },
    ]);

    const run = await bench().apply(playbook, hosts.join(','), {
      inventory: [variables],
      deadline: 5,
    });

    expect(run.stderr).toBe('');
    for (const host of hosts) {
      expect(run.finished(host)).toMatchObject({
        outcome: 'rolled-back',
        verified: true,
        cause: expect.stringMatching(/SSH at 10\.\d+\.0\.\d+ did not answer within \d+ s/),
      });
      expect(run.finished(host).outageMs, 'the time it was cut off').toBeGreaterThan(1000);
      await expectWithinAnnouncedTime(bench(), run, host);
      await bench().expectAsAtBoot(host);
    }
    expect(run.code).toBe(3);
  });

  testNeeding(
    ['LACP', 'switch ports'],
    'faults of the data network: a wrong VLAN, a VLAN that the switch drops, a port out of its LAG',
    async () => {
      const hosts = ['h1', 'h2', 'h4'];
      // h1 by its plan, h2 and h4 by the switch. One port of h4 in no LAG takes away half of its paths;
      // with the other cable pulled, the LAG has no member left.
      const variables = bench().variables('wrong.yml', { h1: { storage_vlan: 200 } });
      await bench().lab.break({ kind: 'vlan', host: 'h2' });
      await bench().lab.break({ kind: 'lag', host: 'h4' });
      await bench().lab.break({ kind: 'link', host: 'h4', nic: 'eth3' });

      const run = await bench().apply(
        bench().playbookInOneWave('storage-network'),
        [...hosts, 'h3'].join(','),
        { inventory: [variables], deadline: 15 },
      );

      for (const host of hosts) {
        expect(run.finished(host)).toMatchObject({
          outcome: 'rolled-back',
          verified: true,
          cause: expect.stringContaining('ping 10.100.0.1 with 9000-byte packets'),
        });
        await expectWithinAnnouncedTime(bench(), run, host);
        await bench().expectAsAtBoot(host);
      }
      expect(run.finished('h3').outcome).toBe('confirmed');
      expect(run.code).toBe(3);
      await bench().on('h3', 'ping -M do -s 8972 -c 1 -W 3 10.100.0.1');
    },
  );

  test('a step in the middle that the kernel refuses: rolled back at once, the step named', async () => {
    // A kernel that lacks a module is known to nobody before it is asked.
    const hosts = ['h1', 'h3'];
    const rename = async (from: string, to: string) => {
      for (const host of hosts) {
        await bench().on(
          host,
          `modprobe -r vxlan; f=$(find /lib/modules/ -name 'vxlan.ko${from}'); mv "$f" "\${f%${from}}${to}"`,
        );
      }
    };
    const playbook = bench().write('refused.yml', [
      {
        name: 'refused',
        hosts: 'cluster1',
        network: {
          interfaces: [
            { name: 'dummy7', type: 'dummy', state: 'up' },
            { name: 'eth3', type: 'ethernet', state: 'up', mtu: 9000 },
            {
              name: 'vx7',
              type: 'vxlan',
              state: 'up',
              vxlan: { id: 7, remote: '10.10.0.1', 'base-iface': 'eth1', 'destination-port': 4789 },
            },
            {
              name: 'br7',
              type: 'linux-bridge',
              state: 'up',
              bridge: { port: [{ name: 'dummy7' }, { name: 'eth3' }, { name: 'vx7' }] },
            },
          ],
        },
      },
    ]);

    await rename('', '.away');
    let run: Ended;
    try {
      run = await bench().apply(playbook, hosts.join(','));
    } finally {
      await rename('.away', '');
    }

    for (const host of hosts) {
      expect(run.finished(host)).toMatchObject({
        outcome: 'rolled-back',
        verified: true,
        cause: expect.stringMatching(
          /^the host refused to create .*vx7.*: the kernel of this host cannot do it/,
        ),
      });
      await bench().expectAsAtBoot(host);
    }
    expect(run.code).toBe(3);
  });
});
