import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const HOSTS = ['h1', 'h3', 'h5'];

describeInLab('links that something else looks after', (bench) => {
  test('are refused, naming the owner: a DHCP client, networkd, NetworkManager', async () => {
    await bench().on(
      'h1',
      `ip link set dev eth2 up
       setsid sh -c 'busybox udhcpc -i eth2 -f -s /bin/true -p /run/udhcpc.pid; :' >/dev/null 2>&1 </dev/null &
       until [ -s /run/udhcpc.pid ]; do sleep 0.05; done`,
    );
    await bench().on(
      'h3',
      `mkdir -p /run/systemd/network
       printf '[Match]\\nName=eth2\\n[Network]\\nAddress=192.0.2.7/24\\n[Link]\\nRequiredForOnline=no\\n' >/run/systemd/network/10-test.network
       systemctl start systemd-networkd
       until grep -qs ADMIN_STATE=config "/run/systemd/netif/links/$(cat /sys/class/net/eth2/ifindex)"; do sleep 0.1; done`,
    );
    try {
      const eth = (name: string) => ({ name, type: 'ethernet', state: 'up', mtu: 1400 });
      const playbook = bench().write('mtu.yml', [
        { name: 'mtu', hosts: 'cluster1', backend: 'iproute2' },
      ]);
      const variables = bench().variables('nics.yml', {
        h1: { network: { interfaces: [eth('eth2')] } },
        h3: { network: { interfaces: [eth('eth2')] } },
        h5: { network: { interfaces: [eth('eth1')] } },
      });

      const run = await bench().apply(playbook, HOSTS.join(','), { inventory: [variables] });

      const owners = [/eth2.*udhcpc/, /eth2.*networkd/, /eth1.*NetworkManager/];
      for (const [index, host] of HOSTS.entries()) {
        const { outcome, cause = '', details = [] } = run.finished(host);
        expect(outcome, host).toBe('failed');
        expect([cause, ...details].join('\n')).toMatch(/OWNED_BY_OTHER/);
        expect([cause, ...details].join('\n')).toMatch(owners[index] ?? /never/);
        expect(await bench().transactionStates(host)).toBe('');
        expect(await bench().on(host, 'cat /sys/class/net/eth[12]/mtu')).toBe('1500\n1500\n');
      }
      expect(run.code).toBe(1);
    } finally {
      await bench().on('h1', 'kill "$(cat /run/udhcpc.pid)"; rm -f /run/udhcpc.pid');
      await bench().on(
        'h3',
        'systemctl stop systemd-networkd.socket systemd-networkd; rm -rf /run/systemd/network/10-test.network /run/systemd/netif; echo 0 >/proc/sys/net/ipv4/conf/eth2/promote_secondaries',
      );
    }
  });

  test('what NetworkManager leaves alone may be changed beside it', async () => {
    const playbook = bench().write('dummy.yml', [
      {
        name: 'dummy',
        hosts: 'cluster1',
        network: { interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up', mtu: 1400 }] },
      },
    ]);
    try {
      const run = await bench().apply(playbook, 'h5');
      expect(run.finished('h5')).toMatchObject({ outcome: 'confirmed' });
      expect(await bench().on('h5', 'cat /sys/class/net/dummy7/mtu')).toBe('1400\n');
    } finally {
      await bench().on('h5', 'ip link del dev dummy7; rm -rf /run/netorch');
    }
  });
});
