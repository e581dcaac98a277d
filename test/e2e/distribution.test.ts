/**
 * What a whole distribution has and the hosts of the lab have not: ifupdown with its DHCP client, a
 * NetworkManager and a systemd-networkd as they come, cloud-init's configuration, NICs that udev renames.
 */
import { expect, test } from 'vitest';

import { describeInLab, present, type Bench, type Ended } from './bench.js';
import { booted, play } from './persistent-dummy.js';

const ALL = present(['h1', 'h2', 'h3']);
const [HOST = 'h1', OTHER = HOST] = ALL;
const eth = (name: string, extra: object = { mtu: 1400 }) => ({
  interfaces: [{ name, type: 'ethernet', state: 'up', ...extra }],
});

async function setMtu(bench: Bench, host: string, nic: string): Promise<Ended> {
  return bench.apply(bench.write(`${nic}.yml`, play(eth(nic))), host);
}

/** Refused, naming this owner, and nothing was begun. */
async function expectRefused(bench: Bench, run: Ended, host: string, owner: RegExp) {
  const { outcome, cause = '', details = [] } = run.finished(host);
  expect(outcome).toBe('failed');
  expect([cause, ...details].join('\n')).toMatch(/OWNED_BY_OTHER/);
  expect([cause, ...details].join('\n')).toMatch(owner);
  expect(await bench.transactionStates(host)).toBe('');
  expect(run.code).toBe(1);
}

describeInLab(
  'a whole Debian',
  (bench) => {
    test('each host has a machine-id of its own, and so has each of their bridges a MAC address', async () => {
      const read = async (script: string) =>
        new Set(await Promise.all(ALL.map((host) => bench().on(host, script))));
      expect((await read('cat /etc/machine-id')).size).toBe(ALL.length);
      const bridge = { interfaces: [{ name: 'br7', type: 'linux-bridge', state: 'up' }] };
      const run = await bench().apply(bench().write('bridge.yml', play(bridge)), ALL.join(','));
      for (const host of ALL) expect(run.finished(host)).toMatchObject({ outcome: 'confirmed' });
      expect((await read('cat /sys/class/net/br7/address')).size).toBe(ALL.length);
    });

    test('the NIC that networkd has is refused, those beside it are shown and ask for nothing', async () => {
      const run = await setMtu(bench(), HOST, 'eth0');
      await expectRefused(bench(), run, HOST, /eth0.*networkd/);
      await bench().expectShowIsFixPoint(ALL);
    });

    test('what ifupdown has set up, static: changed, and not persistent, for ifupdown would undo it', async () => {
      await bench().on(
        HOST,
        `printf 'auto eth2\\niface eth2 inet static\\n  address 192.0.2.9/24\\n' >/etc/network/interfaces.d/storage
         ifup eth2`,
      );
      try {
        const file = bench().write('eth2.yml', play(eth('eth2')));
        const plan = await bench().run(['plan', file, '--hosts', HOST]);
        expect(plan.stdout).toMatch(
          /ifupdown \(\/etc\/network\/interfaces\.d\/storage\) configures eth2 at boot/,
        );
        const run = await bench().apply(file, HOST);
        expect(run.finished(HOST)).toMatchObject({
          outcome: 'confirmed-not-persistent',
          cause: expect.stringContaining('eth2 by ifupdown (/etc/network/interfaces.d/storage)'),
        });
        expect(run.code).toBe(5);
        expect(await bench().on(HOST, 'ip -br -4 addr show dev eth2')).toMatch(/192\.0\.2\.9\/24/);
      } finally {
        await bench().on(
          HOST,
          'ifdown eth2; rm -f /etc/network/interfaces.d/storage; [ ! -e /run/network/ifstate.eth2 ] || rm /run/network/ifstate.eth2',
        );
      }
    });

    test('what ifupdown has set up by DHCP: changed beside its client, which goes on, and not persistent', async () => {
      // Nobody answers: the client goes on asking, in the background.
      await bench().on(
        HOST,
        `printf 'iface eth3 inet dhcp\\n' >/etc/network/interfaces.d/storage
         ip link set dev eth3 up
         dhclient -nw -pf /run/dhclient.eth3.pid eth3`,
      );
      try {
        const run = await setMtu(bench(), HOST, 'eth3');
        expect(run.finished(HOST)).toMatchObject({
          outcome: 'confirmed-not-persistent',
          cause: expect.stringContaining('eth3 by ifupdown (/etc/network/interfaces.d/storage)'),
        });
        await bench().on(HOST, 'kill -0 "$(cat /run/dhclient.eth3.pid)"');
      } finally {
        await bench().on(
          HOST,
          'dhclient -x -pf /run/dhclient.eth3.pid eth3; rm -f /etc/network/interfaces.d/storage',
        );
      }
    });

    test('what NetworkManager has is changed through it; what it only watches beside it, and stays', async () => {
      const profile = '/etc/NetworkManager/system-connections/storage.nmconnection';
      await bench().on(
        OTHER,
        `printf '[main]\\nno-auto-default=*\\n' >/etc/NetworkManager/conf.d/test.conf
         printf '%s\\n' '[connection]' id=storage type=ethernet interface-name=eth2 '[ipv4]' method=manual \\
           address1=192.0.2.9/24 '[ipv6]' method=disabled >${profile}
         chmod 600 ${profile}
         systemctl start NetworkManager
         nm-online -q -s -t 120
         until nmcli -t -f DEVICE,STATE device | grep -qx eth2:connected; do sleep 0.5; done`,
      );
      try {
        const past = play(eth('eth2'), { backend: 'iproute2' });
        const refused = await bench().apply(bench().write('past.yml', past), OTHER);
        await expectRefused(bench(), refused, OTHER, /eth2.*NetworkManager/);
        const owned = await setMtu(bench(), OTHER, 'eth2');
        expect(owned.finished(OTHER)).toMatchObject({ outcome: 'confirmed' });
        expect(await bench().on(OTHER, `ip -o link show dev eth2; cat ${profile}`)).toMatch(
          /mtu 1400 [^]*\[ethernet\]\nmtu=1400\n[^]*address1=192\.0\.2\.9\/24/,
        );
        // eth1 has its address from somebody else: NetworkManager shows it as connected (externally).
        const vlan = {
          interfaces: [
            {
              name: 'eth1.7',
              type: 'vlan',
              state: 'up',
              vlan: { 'base-iface': 'eth1', id: 7 },
              ipv4: { enabled: true, address: [{ ip: '198.51.100.7', 'prefix-length': 24 }] },
            },
          ],
        };
        const run = await bench().apply(bench().write('vlan.yml', play(vlan)), OTHER);
        expect(run.finished(OTHER)).toMatchObject({ outcome: 'confirmed' });
        await bench().expectShowIsFixPoint([OTHER]);
        expect(await bench().on(OTHER, 'ip -br -4 addr show dev eth1.7')).toMatch(
          /UP +198\.51\.100\.7\/24/,
        );
      } finally {
        await bench().on(
          OTHER,
          `nmcli connection down storage
           systemctl stop NetworkManager
           rm -f /etc/NetworkManager/conf.d/test.conf ${profile}
           rm -rf /run/NetworkManager`,
        );
      }
    });

    test('what cloud-init has written is not fought over, and the plan says that it may write again', async () => {
      await bench().on(
        HOST,
        `mv /etc/cloud/cloud-init.disabled /root/
         mkdir -p /var/lib/cloud/seed/nocloud
         printf 'instance-id: test\\n' >/var/lib/cloud/seed/nocloud/meta-data
         printf '#cloud-config\\npreserve_hostname: true\\n' >/var/lib/cloud/seed/nocloud/user-data
         printf 'version: 2\\nethernets:\\n  eth4:\\n    addresses: [192.0.2.10/24]\\n' >/var/lib/cloud/seed/nocloud/network-config
         cloud-init init --local`,
      );
      try {
        const file = bench().write('eth4.yml', play(eth('eth4')));
        const plan = await bench().run(['plan', file, '--hosts', HOST]);
        expect(plan.stdout).toMatch(/cloud-init is on, and may write the boot configuration/);
        const run = await bench().apply(file, HOST);
        expect(run.finished(HOST)).toMatchObject({
          outcome: 'confirmed-not-persistent',
          cause: expect.stringMatching(/eth4 by ifupdown \(.*50-cloud-init\)/),
        });
      } finally {
        await bench().on(
          HOST,
          `rm -rf /var/lib/cloud /run/cloud-init /etc/network/interfaces.d/50-cloud-init /etc/udev/rules.d/*persistent-net*
           mv /root/cloud-init.disabled /etc/cloud/`,
        );
      }
    });

    test('a NIC that udev renames at boot, and calls by other names besides, is waited for, and what stands on it is there', async () => {
      const mac = (await bench().on(OTHER, 'cat /sys/class/net/eth4/address')).trim();
      const link = '/etc/systemd/network/10-test.link';
      const network = {
        interfaces: [
          { name: 'storage0', type: 'ethernet', state: 'up', mtu: 9000 },
          {
            name: 'storage0.100',
            type: 'vlan',
            state: 'up',
            vlan: { 'base-iface': 'storage0', id: 100 },
            ipv4: { enabled: true, address: [{ ip: '10.100.0.77', 'prefix-length': 24 }] },
          },
        ],
      };
      try {
        await bench().on(
          OTHER,
          `printf '[Match]\\nDriver=virtio_net\\nMACAddress=${mac}\\n[Link]\\nName=storage0\\n' >${link}
           udevadm control --reload
           udevadm trigger --action=add /sys/class/net/eth4
           until [ -e /sys/class/net/storage0 ]; do sleep 0.2; done`,
        );
        const run = await bench().apply(bench().write('storage.yml', play(network)), OTHER);
        expect(run.finished(OTHER)).toMatchObject({ outcome: 'confirmed' });
        // Besides, from now on udev gives it one other name in place of those that tell its slot.
        await bench().on(OTHER, `echo AlternativeName=rack7 >>${link}; sync`);
        await bench().lab.reboot(OTHER);
        await booted(bench(), OTHER);
        expect(
          await bench().on(OTHER, `ip link show dev storage0 | sed -n 's/^ *altname //p'`),
        ).toMatch(/^rack7$/m);
        expect(
          await bench().on(
            OTHER,
            'systemctl show -p Result --value netorch-restore netorch-restore-late',
          ),
        ).toBe('success\n\nsuccess\n');
        const status = await bench().run(['status', '--hosts', OTHER]);
        expect(status.stdout).not.toMatch(/was not there|could not bring back/);
        expect(await bench().on(OTHER, 'ip -br -4 addr show dev storage0.100')).toMatch(
          /UP +10\.100\.0\.77\/24/,
        );
        const plan = await bench().run(['plan', 'storage.yml', '--hosts', OTHER]);
        expect(plan.stdout + plan.stderr).toMatch(/nothing to do/);
        expect(plan.stdout + plan.stderr).not.toMatch(/differs from what is persistent/);
      } finally {
        await bench().on(
          OTHER,
          `rm -f ${link}
           udevadm control --reload
           ip link del dev storage0.100
           ip link property del dev storage0 altname rack7
           ip link set dev storage0 down && ip link set dev storage0 name eth4
           udevadm trigger --action=add --settle /sys/class/net/eth4; :`,
        );
      }
    });
  },
  { needs: ['whole Debian'] },
);
