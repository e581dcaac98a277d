import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const storage = (
  mtu: number,
  bond: Readonly<{ mode: string; port: readonly string[] }>,
  vlan: number,
) => ({
  interfaces: [
    {
      name: 'bond0',
      type: 'bond',
      state: 'up',
      mtu,
      'link-aggregation': { ...bond, options: { miimon: 100 } },
    },
    {
      name: 'vlan0',
      type: 'vlan',
      state: 'up',
      mtu,
      vlan: { 'base-iface': 'bond0', id: vlan },
    },
    {
      name: 'br0',
      type: 'linux-bridge',
      state: 'up',
      mtu,
      bridge: { options: { stp: { enabled: false } }, port: [{ name: 'vlan0' }] },
      ipv4: {
        enabled: true,
        address: [{ ip: '10.100.0.{{ lab_index | plus: 10 }}', 'prefix-length': 24 }],
      },
    },
  ],
  routes: {
    config: [
      {
        destination: '198.51.100.0/24',
        'next-hop-address': '10.100.0.1',
        'next-hop-interface': 'br0',
      },
    ],
  },
});

const PORTS = ['eth3', 'eth4'];
const BOND = { mode: '802.3ad', port: PORTS };

/** For each host another change of what stands under an address and a route. */
const CHANGES = {
  h1: {
    what: 'the mode of a bond',
    network: storage(9000, { mode: 'active-backup', port: PORTS }, 100),
    look: 'cat /sys/class/net/bond0/bonding/mode /sys/class/net/bond0/bonding/slaves',
    sees: 'active-backup 1\neth3 eth4\n',
  },
  h2: {
    what: 'the id of a VLAN under a bridge',
    network: storage(9000, BOND, 200),
    look: `ip -d link show dev vlan0 | sed -n 's/.* \\(id [0-9]*\\) .*/\\1/p'; basename $(readlink /sys/class/net/vlan0/master)`,
    sees: 'id 200\nbr0\n',
  },
  h3: {
    what: 'a lower MTU from the bridge to the NICs',
    network: storage(1500, BOND, 100),
    look: 'cat /sys/class/net/eth3/mtu /sys/class/net/bond0/mtu /sys/class/net/vlan0/mtu /sys/class/net/br0/mtu',
    sees: '1500\n1500\n1500\n1500\n',
  },
  h4: {
    what: 'the first port leaves, whose MAC the bond has',
    network: storage(9000, { mode: '802.3ad', port: ['eth4'] }, 100),
    look: 'cat /sys/class/net/bond0/bonding/slaves; ls -d /sys/class/net/eth3/master 2>/dev/null; :',
    sees: 'eth4\n',
  },
};
const HOSTS = Object.keys(CHANGES);

describeInLab('changes of a network that is there', (bench) => {
  test('bond mode, VLAN id, MTU and ports: undone exactly when not proved, else as planned', async () => {
    const change = Object.fromEntries(
      Object.entries(CHANGES).map(([host, { network }]) => [host, { network }]),
    );
    const before = bench().write('before.yml', [
      { name: 'before', hosts: 'cluster1', network: storage(9000, BOND, 100) },
    ]);
    const failing = bench().write('failing.yml', [
      { name: 'fails', hosts: 'cluster1', probes: [{ ping: '10.10.0.77', required: true }] },
    ]);
    const good = bench().write('good.yml', [{ name: 'good', hosts: 'cluster1' }]);
    const inventory = [bench().variables('change.yml', change)];
    const hosts = HOSTS.join(',');

    expect((await bench().apply(before, hosts)).code).toBe(0);
    const snapshots = await Promise.all(HOSTS.map((host) => bench().snapshot(host)));

    const failed = await bench().apply(failing, hosts, { inventory, deadline: 5 });
    for (const [index, host] of HOSTS.entries()) {
      expect(failed.finished(host)).toMatchObject({ outcome: 'rolled-back', verified: true });
      expect(await bench().snapshot(host), host).toEqual(snapshots[index]);
    }

    const done = await bench().apply(good, hosts, { inventory });
    for (const [host, { look, sees }] of Object.entries(CHANGES)) {
      expect(done.finished(host)).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on(host, look), host).toBe(sees);
      expect(
        await bench().on(host, 'ip -4 -o addr show dev br0; ip route show 198.51.100.0/24'),
      ).toMatch(
        new RegExp(` 10\\.100\\.0\\.1${host.slice(1)}/24 [\\s\\S]*via 10\\.100\\.0\\.1 dev br0`),
      );
    }

    // And back again: the MTU rises, the mode changes the other way, the port returns.
    const back = await bench().apply(before, hosts);
    for (const host of HOSTS) {
      expect(back.finished(host)).toMatchObject({ outcome: 'confirmed' });
      // The LAG comes together when LACP has spoken, at the slow rate of this bond.
      await bench().on(host, 'until ping -M do -s 8972 -c 1 -W 1 10.100.0.1; do sleep 0.2; done');
    }
  });
});
