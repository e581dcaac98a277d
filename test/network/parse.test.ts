import { describe, expect, test } from 'vitest';
import { locationOf } from '../../src/network/desired.js';
import { failureOf } from '../config/failure.js';
import { desiredOf } from './documents.js';

/** One interface, its keys given as YAML below `- name: x`. */
const item = (name: string, yaml: string): string =>
  `interfaces:\n  - name: ${name}\n${yaml.replace(/^/gm, '    ')}\n`;

const only = (text: string) => {
  const [first] = desiredOf(text).interfaces;
  if (first === undefined) throw new Error('no interface was read');
  const { locations, ...rest } = first;
  expect(locations.get('')?.line).toBe(2);
  return rest;
};

describe('documents are read as nmstate writes them', () => {
  test.each([
    [
      'numbers and booleans as text, modes and rates by number',
      item(
        'bond0',
        'type: bond\nmtu: "9000"\nlink-aggregation:\n  mode: 4\n  options: {miimon: "140", lacp_rate: 1, use_carrier: "yes"}\n  port: [eth1, eth2]',
      ),
      {
        kind: 'bond',
        mtu: 9000,
        bond: {
          mode: '802.3ad',
          options: { miimon: '140', lacp_rate: 'fast', use_carrier: '1' },
          ports: ['eth1', 'eth2'],
        },
      },
    ],
    [
      'old words for ports and controllers',
      item(
        'bond0',
        'type: bond\nmaster: br0\nlink-aggregation: {mode: balance-rr, slaves: [eth1]}',
      ),
      { kind: 'bond', controller: 'br0', bond: { mode: 'balance-rr', ports: ['eth1'] } },
    ],
    [
      'a kind that only the section shows',
      item(
        'v',
        'vlan: {base-iface: eth1, id: 7, registration-protocol: none, reorder-headers: true}',
      ),
      {
        kind: 'vlan',
        vlan: { base: 'eth1', id: 7, options: { gvrp: 'off', mvrp: 'off', reorder_hdr: 'on' } },
      },
    ],
    [
      'addresses in canonical spelling, which switch the family on',
      item(
        'eth1',
        'ipv6:\n  dhcp: false\n  autoconf: "false"\n  address: [{ip: "2001:DB8:0:0::5", prefix-length: "64"}]',
      ),
      {
        ipv6: {
          enabled: true,
          autoconf: false,
          addresses: [{ ip: '2001:db8::5', prefixLength: 64 }],
        },
      },
    ],
    [
      'facts that show prints, and keys without a value',
      item(
        'eth1',
        'type: ethernet\nmac-address: 52-54-00-AB-CD-EF\npermanent-mac-address: 52:54:00:ab:cd:ef\nmin-mtu: 68\ndriver: virtio\naccept-all-mac-addresses: false\nlldp: {enabled: false}\nwait-ip: any\nprofile-name: wan0\nmtu:\nmptcp: {address-flags: []}',
      ),
      {
        kind: 'ethernet',
        mac: '52:54:00:ab:cd:ef',
        promiscuous: false,
        waitIp: 'any',
        profileName: 'wan0',
      },
    ],
    [
      'bridge options in the units of the kernel',
      item(
        'br0',
        'type: linux-bridge\nbridge:\n  options:\n    mac-ageing-time: 300\n    multicast-router: auto\n    group-fwd-mask: 0x8\n    gc-timer: 29657\n    stp: {enabled: true, forward-delay: 4, hello-time: 2, max-age: 6}\n  port: [{name: eth1, stp-hairpin-mode: true, stp-path-cost: 100}]',
      ),
      {
        kind: 'linux-bridge',
        bridge: {
          options: {
            ageing_time: '30000',
            mcast_router: '1',
            group_fwd_mask: '8',
            stp_state: '1',
            forward_delay: '400',
            hello_time: '200',
            max_age: '600',
          },
          ports: [{ name: 'eth1', options: { hairpin: 'on', cost: '100' } }],
        },
      },
    ],
    [
      'a VLAN section of a port, which makes the bridge filter',
      item(
        'br0',
        'type: linux-bridge\nbridge: {port: [{name: eth1, vlan: {mode: trunk, trunk-tags: [{id-range: {min: 8, max: 9}}], tag: 5, enable-native: true}}, {name: eth2, vlan: {}}]}',
      ),
      {
        kind: 'linux-bridge',
        bridge: {
          options: { vlan_filtering: '1' },
          ports: [
            {
              name: 'eth1',
              vlans: [
                { vid: 5, pvid: true, untagged: true },
                { vid: 8, pvid: false, untagged: false },
                { vid: 9, pvid: false, untagged: false },
              ],
            },
            { name: 'eth2' },
          ],
        },
      },
    ],
    [
      'a VXLAN',
      item(
        'vx',
        'type: vxlan\nvxlan: {id: 5, base-iface: eth1, remote: 192.0.2.9, destination-port: 4789, learning: no}',
      ),
      {
        kind: 'vxlan',
        vxlan: { id: 5, base: 'eth1', remote: '192.0.2.9', destinationPort: 4789, learning: false },
      },
    ],
    [
      'a veth that nmstate calls ethernet',
      item('v', 'type: ethernet\nveth: {peer: w}'),
      { kind: 'veth', veth: { peer: 'w' } },
    ],
  ])('%s', (_, text, expected) => {
    const { name, state, ...rest } = only(text);
    expect(name).not.toBe('');
    expect(state).toBe('up');
    expect(rest).toEqual(expected);
  });

  test('routes, rules and DNS', () => {
    const { routes, rules, dns } = desiredOf(`
routes:
  running: [{destination: nonsense}]
  config:
    - {destination: 198.51.100.7/24, next-hop-interface: eth1, next-hop-address: 192.0.2.1, metric: -1, table-id: 0}
    - {state: absent, next-hop-address: "", next-hop-interface: eth1}
    - {destination: "2001:DB8::/32", route-type: blackhole}
route-rules:
  config:
    - {ip-from: 192.0.2.7, ip-to: , route-table: "100", priority: 5, fwmark: 0x10, fwmask: 0xffffffff}
    - {family: ipv6, action: prohibit, iif: eth1}
dns-resolver: {running: {server: [x]}, config: {server: ["2001:DB8::53", "FE80::1%eth1"]}}
`);
    expect(routes.map(({ location, ...rest }) => [location?.line, rest])).toEqual([
      [
        5,
        {
          absent: false,
          family: 'ipv4',
          destination: '198.51.100.0/24',
          table: 254,
          nextHopInterface: 'eth1',
          nextHopAddress: '192.0.2.1',
        },
      ],
      [6, { absent: true, nextHopAddress: '', nextHopInterface: 'eth1' }],
      [7, { absent: false, family: 'ipv6', type: 'blackhole', destination: '2001:db8::/32' }],
    ]);
    expect(rules).toMatchObject([
      { absent: false, family: 'ipv4', from: '192.0.2.7/32', table: 100, priority: 5, fwmark: 16 },
      { absent: false, family: 'ipv6', action: 'prohibit', iif: 'eth1' },
    ]);
    expect(dns).toMatchObject({ servers: ['2001:db8::53', 'fe80::1%eth1'] });
    expect(dns).not.toHaveProperty('search');
  });

  test.each([
    ['', undefined],
    ['dns-resolver: {}', undefined],
    ['dns-resolver: {config: {}}', { servers: [], search: [], options: [] }],
  ])('dns of "%s"', (text, expected) => {
    const { dns } = desiredOf(text);
    if (expected === undefined) expect(dns).toBeUndefined();
    else expect(dns).toMatchObject(expected);
  });

  test('every key knows its place, a consequence that of the nearest key', () => {
    const [bond] = desiredOf(
      item(
        'bond0',
        'type: bond\nlink-aggregation:\n  options:\n    miimon: 100\n  port:\n    - eth1',
      ),
    ).interfaces;
    if (bond === undefined) throw new Error('no interface was read');
    const line = (key: string): number | undefined => locationOf(bond, key)?.line;
    expect(line('bond.options.miimon')).toBe(6);
    expect(line('bond.ports.eth1')).toBe(8);
    expect(line('bond.ports.eth2')).toBe(7);
    expect(line('bond.options.updelay')).toBe(5);
    expect(line('mtu')).toBe(2);
  });
});

describe('mistakes are named at their place', () => {
  test.each([
    [
      'a hostname that no host can have',
      'hostname: {config: not_a_host}',
      '1:12 INVALID_VALUE: hostname: config is "not_a_host", must be a hostname of at most 64 letters, digits, "-" and "."',
    ],
    [
      'a value out of bounds',
      item('bond0.5000', 'type: vlan\nvlan: {base-iface: bond0, id: 5000}'),
      '4:31 INVALID_VALUE: interface "bond0.5000": vlan.id is 5000, must be 1–4094',
    ],
    [
      'a slip in a key',
      item('eth1', 'tyep: ethernet'),
      '3:5 UNKNOWN_KEY: interface "eth1": unknown key "tyep" (did you mean "type"?)',
    ],
    [
      'a slip in a type',
      item('br0', 'type: linux-brigde'),
      '3:5 INVALID_VALUE: interface "br0": type is "linux-brigde", must be one of ethernet, veth, dummy, loopback, bond, vlan, linux-bridge, vxlan, mac-vlan, mac-vtap, vrf (did you mean "linux-bridge"?)',
    ],
    [
      'a slip in an option',
      item('bond0', 'type: bond\nlink-aggregation: {options: {mimon: 100}}'),
      '4:34 UNKNOWN_KEY: interface "bond0": unknown key "mimon" in link-aggregation.options (did you mean "miimon"?)',
    ],
    [
      'a slip in an enumeration',
      item('bond0', 'type: bond\nlink-aggregation: {mode: active-bakcup}'),
      '4:24 INVALID_VALUE: interface "bond0": link-aggregation.mode is "active-bakcup", must be one of balance-rr, active-backup, balance-xor, broadcast, 802.3ad, balance-tlb, balance-alb (did you mean "active-backup"?)',
    ],
    [
      'a prefix length in the address',
      item('eth1', 'ipv4: {address: [{ip: 192.0.2.5/24, prefix-length: 24}]}'),
      '3:23 INVALID_VALUE: interface "eth1": ipv4.address[0].ip is "192.0.2.5/24", must be an IPv4 address like 192.0.2.5 (the length goes to prefix-length)',
    ],
    [
      'an address with leading zeroes',
      item('eth1', 'ipv4: {address: [{ip: 010.0.0.1, prefix-length: 24}]}'),
      '3:23 INVALID_VALUE: interface "eth1": ipv4.address[0].ip is "010.0.0.1", must be an IPv4 address like 192.0.2.5',
    ],
    [
      'a missing value',
      item('eth1', 'ipv4: {address: [{ip: 192.0.2.5}]}'),
      '3:22 INVALID_VALUE: interface "eth1": ipv4.address[0].prefix-length is missing: it must be 0–32',
    ],
    [
      'a section of another kind',
      item('d', 'type: dummy\nvlan: {id: 5}'),
      '4:5 UNKNOWN_KEY: interface "d": unknown key "vlan"',
    ],
    [
      'two names of one key',
      item('bond0', 'type: bond\nlink-aggregation: {port: [eth1], slaves: [eth1]}'),
      '4:38 INVALID_VALUE: interface "bond0": both "port" and "slaves" are given; they are two names of one key',
    ],
    [
      'a trunk with a tag and no native VLAN',
      item(
        'br0',
        'bridge: {port: [{name: eth1, vlan: {mode: trunk, tag: 5, trunk-tags: [{id: 6}]}}]}',
      ),
      '3:54 INVALID_NETWORK: interface "br0": bridge port "eth1": the tag of a trunk port is its native VLAN: write enable-native: true with it',
    ],
    [
      'a VLAN in two ranges',
      item(
        'br0',
        'bridge: {port: [{name: eth1, vlan: {trunk-tags: [{id: 6}, {id-range: {min: 5, max: 9}}]}}]}',
      ),
      '3:63 INVALID_NETWORK: interface "br0": bridge port "eth1": VLAN 6 is in trunk-tags twice',
    ],
    [
      'an option of resolv.conf',
      'dns-resolver:\n  config: {options: [rotated]}',
      '2:22 INVALID_VALUE: dns-resolver: config.options[0] is "rotated", must be an option of resolv.conf (did you mean "rotate"?)',
    ],
    [
      'a rule over two families',
      'route-rules:\n  config: [{ip-from: 192.0.2.0/24, family: ipv6}]',
      '2:12 INVALID_NETWORK: route rule: family, ip-from and ip-to mix IPv4 and IPv6; a rule is for one family',
    ],
    [
      'a list that is none',
      'interfaces: eth1',
      '1:1 INVALID_VALUE: interfaces is "eth1", must be a list',
    ],
    [
      'an item that is none',
      'interfaces: [eth1]',
      '1:14 INVALID_VALUE: interface: is "eth1", must be a map',
    ],
  ])('%s', (_, text, expected) => {
    expect(failureOf(() => desiredOf(text)).map((error) => error.split('\n')[0])).toEqual([
      `plan.yml:${expected}`,
    ]);
  });

  test.each(['', '-eth', 'a/b', 'a b', '..', 'a:1', 'a;reboot', 'all', 'naïve', 'a\\nb'])(
    'the name "%s" is refused',
    (name) => {
      const [error, ...more] = failureOf(() => desiredOf(`interfaces: [{name: "${name}"}]`));
      expect(more).toEqual([]);
      expect(error).toMatch(/^plan.yml:1:15 INVALID_VALUE: interface .*: name is .*, must be /s);
    },
  );

  test('the bridge that VDSM keeps on hosts of oVirt is passed over', () => {
    const text =
      "interfaces: [{name: ';vdsmdummy;', type: linux-bridge, state: down}, {name: eth1}]";
    expect(desiredOf(text).interfaces.map(({ name }) => name)).toEqual(['eth1']);
  });

  test('what is yet to be made has a name that the kernel takes', () => {
    expect(failureOf(() => desiredOf(item('sixteen-letters-', 'type: dummy')))).toEqual([
      expect.stringMatching(
        /^plan.yml:2:5 INVALID_VALUE: .*name is "sixteen-letters-", must be 1–15 /,
      ),
    ]);
  });

  test('all at once, in the order of the document', () => {
    const errors = failureOf(() =>
      desiredOf(
        'routes: {config: [{destination: 1.2.3.4}]}\ninterfaces:\n  - {name: a, mtu: x}\n  - {name: b, typ: bond}\n',
      ),
    );
    expect(errors.map((error) => error.split(' ')[0])).toEqual([
      'plan.yml:1:20',
      'plan.yml:3:15',
      'plan.yml:4:15',
    ]);
  });
});

describe('what netorch does not do is refused by name', () => {
  test.each([
    [item('eth1', 'ipv6: {enabled: true, dhcp: true}'), 'DHCPv6 is not done'],
    [item('eth1', 'ipv6: {enabled: true, addr-gen-mode: stable-privacy}'), 'eui64 only'],
    [item('t', 'type: team\nteam: {ports: [a]}'), 'type team is not done by netorch yet'],
    [
      item('o', 'type: ovs-bridge\nbridge: {port: [{name: a, vlan: {nonsense: 1}}]}'),
      'Open vSwitch',
    ],
    [item('i', 'type: infiniband'), 'type infiniband is not done by netorch'],
    [item('i', 'type: ipsec'), 'type ipsec'],
    [item('m', 'type: macsec'), 'type macsec'],
    [item('h', 'type: hsr'), 'type hsr'],
    [item('m', 'type: ipvlan'), 'type ipvlan'],
    [item('eth1', '802.1x: {}'), '802.1X'],
    [item('eth1', 'mptcp: {address-flags: [signal]}'), 'MPTCP'],
    [item('eth1', 'ethernet: {sr-iov: {total-vfs: 2}}'), 'SR-IOV'],
    [item('eth1', 'ethtool: {ring: {rx: 5}}'), 'ethtool'],
    [item('"sriov:eth1:0"', 'type: ethernet'), 'SR-IOV virtual functions'],
    ['ovs-db: {}', 'Open vSwitch'],
    ['capture: {a: b}', 'NMPolicy captures'],
  ])('%s', (text, reason) => {
    const [error, ...more] = failureOf(() => desiredOf(text));
    expect(more).toEqual([]);
    expect(error).toMatch(/^plan.yml:\d+:\d+ NOT_SUPPORTED: /);
    expect(error).toContain(reason);
  });
});
