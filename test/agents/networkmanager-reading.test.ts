import { expect, test } from 'vitest';
import { splitSections } from '../../src/agents/canonical.js';
import { readNetworkManager } from '../../src/agents/networkmanager-reading.js';
import { activeProfile, ownProfile } from '../../src/network/networkmanager.js';

/** As nmcli 1.42.4 of Debian 12 says it. */
const READING = `@nm
eth1:connected:my\\: uplink:5eb4da26-5d1d-30a5-8747-80181ed055fa
eth2:connected:Wired connection 1:ebfeabf3-6a75-3a72-9e61-bef534c16238
eth3:disconnected::
lo:connected (externally):lo:a7225e3d-5e0b-476c-938e-5eea534c0e00
bond0:connected:bond0:626f6e64-3000-8000-a000-000000000000
@nm-profiles
generated ebfeabf3-6a75-3a72-9e61-bef534c16238
generated a7225e3d-5e0b-476c-938e-5eea534c0e00
file 5eb4da26-5d1d-30a5-8747-80181ed055fa:/run/NetworkManager/system-connections/my: uplink.nmconnection
file 626f6e64-3000-8000-a000-000000000000:/etc/NetworkManager/system-connections/bond0.nmconnection
connection.uuid:5eb4da26-5d1d-30a5-8747-80181ed055fa
connection.id:my: uplink
connection.type:802-3-ethernet
connection.interface-name:eth1
ipv4.method:manual
ipv6.method:auto
ipv4.routing-rules:priority 1000 from 198.51.100.0/24 table 200, priority 1002 to 203.0.113.0/24 iif lo type prohibit
ipv6.routing-rules:
ipv4.routes:203.0.113.0/25 0 type=blackhole, 192.0.2.0/25 198.51.100.1 0 weight=2
ipv6.routes:2001:db8:77::/64 1024 type=unreachable
ipv4.dns-search:a.example,b.example

connection.uuid:ebfeabf3-6a75-3a72-9e61-bef534c16238
connection.id:Wired connection 1
connection.type:802-3-ethernet
connection.interface-name:eth2
ipv4.method:auto
ipv6.method:auto

connection.uuid:626f6e64-3000-8000-a000-000000000000
connection.id:bond0
connection.type:bond
connection.interface-name:bond0
bond.options:mode=active-backup,arp_ip_target=192.0.2.1,192.0.2.2,arp_interval=100

connection.uuid:00000000-1111-4222-8333-444444444444
connection.id:any
connection.type:802-3-ethernet
connection.interface-name:
ipv4.method:auto
ipv6.method:auto
@networkd
`;

const manager = readNetworkManager(splitSections(READING));

test('NetworkManager is not there where it names no device', () => {
  expect(readNetworkManager(splitSections('@nm\n@nm-profiles\n@networkd\n'))).toBeUndefined();
});

test('a profile is read with what netorch must know of it', () => {
  expect(manager && activeProfile(manager, 'eth1')).toEqual({
    uuid: '5eb4da26-5d1d-30a5-8747-80181ed055fa',
    id: 'my: uplink',
    type: '802-3-ethernet',
    interfaceName: 'eth1',
    isGenerated: false,
    isInMemory: true,
    ipv4Method: 'manual',
    ipv6Method: 'auto',
    bondOptions: {},
    rules: {
      ipv4: [
        'priority 1000 from 198.51.100.0/24 table 200',
        'priority 1002 to 203.0.113.0/24 iif lo type prohibit',
      ],
      ipv6: [],
    },
    bareRoutes: {
      ipv4: ['203.0.113.0/25 0 type=blackhole'],
      ipv6: ['2001:db8:77::/64 1024 type=unreachable'],
    },
    hasDns: true,
  });
  expect(manager && activeProfile(manager, 'bond0')?.bondOptions).toEqual({
    mode: 'active-backup',
    arp_ip_target: '192.0.2.1,192.0.2.2',
    arp_interval: '100',
  });
});

test.each<[string, string, string, string | undefined]>([
  ['the active one that is bound to it', 'eth1', '802-3-ethernet', 'my: uplink'],
  ['none that NetworkManager has made for itself', 'eth2', '802-3-ethernet', undefined],
  ['none that fits any interface', 'eth3', '802-3-ethernet', undefined],
  ['none of another type', 'bond0', 'bridge', undefined],
])('the profile to change of an interface is %s', (_, name, type, id) => {
  expect(manager && ownProfile(manager, name, type)?.id).toBe(id);
});
