/** Profiles that somebody has made by hand: netorch takes the host as it is, and changes them where a plan asks for it. */
import { afterAll, beforeEach, expect, test, vi } from 'vitest';

import { describeInLab } from './bench.js';
import { bondAndVlan, HOST, putBack } from './networkmanager-host.js';

// Changes and a boot of a host that takes its time for both.
vi.setConfig({ testTimeout: 900_000 });

const NO_IP = 'ipv4.method disabled ipv6.method disabled';

/** Names, UUIDs and properties that netorch would not give; two are of nobody's concern. */
const BY_HAND = `{
nmcli connection add type bond con-name 'Storage bond' ifname bond0 bond.options mode=active-backup,miimon=100 ${NO_IP}
nmcli connection add type ethernet con-name 'left cable' ifname eth3 master bond0 slave-type bond
nmcli connection add type ethernet con-name 'right cable' ifname eth4 master bond0 slave-type bond
nmcli connection add type bridge con-name 'Storage bridge' ifname br0 bridge.stp no ipv4.method manual ipv4.addresses 198.51.100.5/24 ipv4.dns-search storage.example ipv6.method disabled connection.zone trusted
nmcli connection add type vlan con-name 'vlan ten' ifname bond0.10 dev bond0 id 10 master br0 slave-type bridge
nmcli connection add type ethernet con-name 'right cable for a test' ifname eth4 connection.autoconnect no ${NO_IP}
nmcli connection add type dummy con-name elsewhere ifname dummy9 connection.autoconnect no ${NO_IP}
for c in 'Storage bond' 'left cable' 'right cable' 'Storage bridge' 'vlan ten'; do nmcli --wait 30 connection up "$c"; done
} >/dev/null`;

const OURS = ['Storage bond', 'left cable', 'right cable', 'Storage bridge', 'vlan ten'];
const FILES =
  'cd /etc/NetworkManager/system-connections && for f in *; do echo "file $f"; sed /^timestamp=/d "$f"; done';
/** `FILE UUID` and what is active where. */
const IDENTITY = `cd /etc/NetworkManager/system-connections && grep -H ^uuid= *; ls /run/NetworkManager/system-connections | grep -v -e '^Wired' -e '^lo[.]'
nmcli -t -e no -f UUID,DEVICE connection show --active | sort`;

const AS_IT_IS = {
  interfaces: [
    ...bondAndVlan('eth3', 'eth4'),
    {
      name: 'br0',
      type: 'linux-bridge',
      state: 'up',
      ipv4: { enabled: true, address: [{ ip: '198.51.100.5', 'prefix-length': 24 }] },
      bridge: { options: { stp: { enabled: false } }, port: [{ name: 'bond0.10' }] },
    },
  ],
};

describeInLab(
  'profiles that were made by hand',
  (bench) => {
    const play = (name: string, network: object) =>
      bench().write(`${name}.yml`, [{ name, hosts: 'cluster1', network }]);
    beforeEach(() => putBack(bench()));
    // Other tests put back no host that has NetworkManager.
    afterAll(() => putBack(bench()));

    test('are taken as they are; a change modifies them, and no others', async () => {
      await bench().on(HOST, BY_HAND);
      const files = await bench().on(HOST, FILES);
      const same = await bench().apply(play('same', AS_IT_IS), HOST);
      expect(same.finished(HOST)).toMatchObject({ outcome: 'unchanged' });
      expect(await bench().on(HOST, FILES)).toBe(files);

      const identity = await bench().on(HOST, IDENTITY);
      const [bond, vlan, bridge] = AS_IT_IS.interfaces;
      const changed = play('changed', {
        interfaces: [
          {
            ...bond,
            'link-aggregation': {
              mode: 'active-backup',
              options: { miimon: 200 },
              port: ['eth3'],
            },
          },
          { ...vlan, mtu: 1400 },
          {
            ...bridge,
            ipv4: {
              enabled: true,
              address: [
                { ip: '198.51.100.5', 'prefix-length': 24 },
                { ip: '203.0.113.5', 'prefix-length': 24 },
              ],
            },
          },
        ],
        routes: {
          config: [
            {
              destination: '192.0.2.0/24',
              'next-hop-interface': 'br0',
              'next-hop-address': '198.51.100.1',
            },
          ],
        },
      });
      const { outcome, cause, details } = (await bench().apply(changed, HOST)).finished(HOST);
      expect({ outcome, cause, details }).toEqual({ outcome: 'confirmed' });
      const again = await bench().apply(changed, HOST);
      expect(again.finished(HOST)).toMatchObject({ outcome: 'unchanged' });

      expect(await bench().on(HOST, IDENTITY)).toBe(identity);
      const kernel = await bench().on(
        HOST,
        `cat /sys/class/net/bond0/bonding/miimon /sys/class/net/bond0/bonding/slaves /sys/class/net/bond0.10/mtu
         ip -o -4 addr show br0 | sed 's/.*inet \\([^ ]*\\).*/\\1/'; ip -4 route show 192.0.2.0/24`,
      );
      expect(kernel).toMatch(
        /^200\neth3\n1400\n198\.51\.100\.5\/24\n203\.0\.113\.5\/24\n.*via 198\.51\.100\.1 dev br0/,
      );
      // What the plan says nothing of is still in them, and what is nobody's concern is as it was.
      const bridgeFile = await bench().on(
        HOST,
        "cat '/etc/NetworkManager/system-connections/Storage bridge.nmconnection'",
      );
      expect(bridgeFile).toContain('zone=trusted');
      expect(bridgeFile).toContain('dns-search=storage.example;');
      const other = (text: string) =>
        text.split(/^file /m).filter((file) => !OURS.some((name) => file.startsWith(`${name}.`)));
      expect(other(await bench().on(HOST, FILES))).toEqual(other(files));

      // And after a boot all of it is there again, from those profiles.
      await bench().lab.reboot(HOST);
      await bench().lab.waitUntilUp(HOST);
      await expect
        .poll(async () => (await bench().apply(changed, HOST)).finished(HOST).outcome, {
          timeout: 120_000,
        })
        .toBe('unchanged');
    });
  },
  { hosts: [HOST] },
);
