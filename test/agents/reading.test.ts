import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseObservation } from '../../src/agents/reading.js';
import { NetorchError } from '../../src/errors.js';

const richHost = readFileSync(join(import.meta.dirname, 'fixtures/rich-host.txt'), 'utf8');

/** The real host's answer with the text of some sections replaced. */
function withSections(sections: Readonly<Record<string, string>>): string {
  return Object.entries(sections).reduce(
    (text, [name, body]) =>
      text.replace(new RegExp(`^@${name}\n[^@]*`, 'm'), () => `@${name}\n${body}\n`),
    richHost,
  );
}

describe('reading a real host', () => {
  const host = parseObservation('h1', richHost);
  const { state } = host;
  const link = (name: string) => state.interfaces.get(name)?.link;

  test('finds every interface and its kind', () => {
    expect([...state.interfaces].map(([name, item]) => `${name} ${item.link.kind}`)).toEqual([
      'bond0 bond',
      'bond0.100 vlan',
      'br0 linux-bridge',
      'dummy0 dummy',
      'eth0 ethernet',
      'eth1 veth',
      'eth2 veth',
      'eth3 veth',
      'eth4 veth',
      'lo loopback',
      'stag vlan',
      'veth0 veth',
      'veth1 veth',
      'vx5 vxlan',
    ]);
  });

  test('reads a bond with its options by the names of the kernel', () => {
    expect(link('bond0')).toMatchObject({
      mode: '802.3ad',
      ports: ['eth2', 'eth3'],
      options: {
        miimon: '100',
        lacp_rate: 'fast',
        xmit_hash_policy: 'layer3+4',
        num_grat_arp: '1',
        arp_validate: 'none',
      },
    });
    expect(state.interfaces.get('eth3')).toMatchObject({
      controller: 'bond0',
      mac: '02:4c:00:00:01:02',
      facts: { permanentMac: '02:4c:00:00:01:03' },
    });
  });

  test('reads VLANs of both protocols and what they stand on', () => {
    const options = {
      gvrp: 'off',
      mvrp: 'off',
      reorder_hdr: 'on',
      loose_binding: 'off',
      'ingress-qos-map': '',
      'egress-qos-map': '',
    };
    expect(link('bond0.100')).toEqual({
      kind: 'vlan',
      base: 'bond0',
      id: 100,
      protocol: '802.1q',
      options,
    });
    expect(link('stag')).toEqual({
      kind: 'vlan',
      base: 'bond0.100',
      id: 7,
      protocol: '802.1ad',
      options,
    });
  });

  test('reads a bridge, its options in the words that set them, and the VLAN table of its port', () => {
    expect(link('br0')).toMatchObject({
      options: {
        vlan_filtering: '1',
        stp_state: '1',
        forward_delay: '400',
        vlan_protocol: '802.1q',
      },
      ports: [
        {
          name: 'bond0.100',
          vlans: [
            { vid: 1, pvid: false, untagged: true },
            { vid: 10, pvid: false, untagged: false },
            { vid: 11, pvid: false, untagged: false },
            { vid: 12, pvid: false, untagged: false },
            { vid: 20, pvid: true, untagged: true },
          ],
        },
      ],
    });
  });

  test('takes no ageing time of a bridge whose topology is changing for the one it has', () => {
    const shortened = parseObservation(
      'h1',
      richHost
        .replaceAll('"topology_change":0', '"topology_change":1')
        .replaceAll('"stp_state":0', '"stp_state":1'),
    );
    const bridge = shortened.state.interfaces.get('br0')?.link;
    expect(link('br0')).toMatchObject({ options: { ageing_time: '30000' } });
    expect(bridge).not.toHaveProperty('options.ageing_time');
    expect(bridge).toHaveProperty('options.forward_delay');
  });

  test('reads vxlan and veth', () => {
    expect(link('vx5')).toEqual({
      kind: 'vxlan',
      id: 5,
      base: 'eth1',
      local: undefined,
      remote: '10.10.0.99',
      destinationPort: 4789,
      learning: true,
    });
    expect(link('veth0')).toEqual({ kind: 'veth', peer: 'veth1' });
  });

  test('lists static addresses in the order of the kernel, dynamic ones apart', () => {
    expect(state.interfaces.get('eth4')).toMatchObject({
      ipv4: { enabled: true, addresses: [{ ip: '192.0.2.130', prefixLength: 25 }] },
      ipv6: { enabled: true, addresses: [] },
      facts: { dynamicAddresses: [{ ip: '192.0.2.140', prefixLength: 25 }] },
    });
    expect(state.interfaces.get('br0')?.ipv6.addresses).toEqual([
      { ip: '2001:db8:1::5', prefixLength: 64 },
    ]);
    expect(state.interfaces.get('br0')?.ipv4.addresses.map(({ ip }) => ip)).toEqual([
      '198.51.100.5',
      '203.0.113.1',
      '198.51.100.6',
    ]);
  });

  test('reads routes, and keeps its hands off those it does not model', () => {
    const routes = state.routes.map(
      (route) =>
        `${route.type} ${route.destination} ${route.nextHopAddress ?? '-'} ${route.table}${route.foreign ? ' foreign' : ''}`,
    );
    expect(routes).toEqual([
      'unicast 0.0.0.0/0 192.0.2.129 200',
      'unicast 0.0.0.0/0 10.10.0.1 254',
      'unicast 172.16.0.0/16 - 254',
      'unicast 172.17.0.0/16 198.51.100.1 254',
      'unicast 172.18.0.0/16 - 254',
      'blackhole 172.19.0.0/16 - 254',
      'unicast 2001:db8:2::/64 2001:db8:1::1 254',
      'unicast 2001:db8:3::/64 - 254',
      'unreachable 2001:db8:dead::/48 - 254',
    ]);
    expect(state.routes.find((route) => route.destination === '172.17.0.0/16')).toMatchObject({
      metric: 50,
      source: '198.51.100.6',
      protocol: 3,
    });
    expect(state.routes.find((route) => route.destination === '2001:db8:3::/64')?.nextHops).toEqual(
      [
        { interface: 'br0', address: '2001:db8:1::1', weight: 1, onlink: false },
        { interface: 'br0', address: '2001:db8:1::2', weight: 1, onlink: false },
      ],
    );
  });

  test('reads rules, with the action that ip -N prints as a number', () => {
    expect(state.rules).toMatchObject([
      { family: 'ipv4', priority: 1000, from: '192.0.2.1/32', table: 200, foreign: false },
      { priority: 1001, fwmark: 5, fwmask: 255, iif: 'eth4', table: 200, foreign: false },
      { priority: 1002, to: '10.9.0.0/16', action: 'prohibit', table: undefined, foreign: false },
      { priority: 1003, foreign: true },
      { family: 'ipv6', priority: 1000, from: '2001:db8:1::/64', table: 200, foreign: false },
    ]);
  });

  test('finds a queueing discipline that somebody set, and only that', () => {
    const attached = [...state.interfaces].flatMap(([name, item]) =>
      (item.facts?.attachments ?? []).map((what) => `${name}: ${what}`),
    );
    expect(attached).toEqual(['dummy0: queueing discipline tbf']);
  });

  test('reads DNS, and resolv.conf byte by byte', () => {
    expect(state.dns).toEqual({
      servers: ['192.0.2.53'],
      search: ['example.com'],
      options: ['ndots:2'],
    });
    expect(host.resolvConf).toBe('search example.com\nnameserver 192.0.2.53\noptions ndots:2\n');
    expect(host.resolvedOwnsDns).toBe(false);
  });

  test('reads the facts', () => {
    expect(host).toMatchObject({
      isRoot: true,
      ssh: { clientAddress: '10.77.0.1', serverAddress: '10.77.0.11', serverPort: 22 },
      transactions: [],
    });
    expect(host.tools.has('arping')).toBe(true);
  });
});

/** A line of the section: number, parent and unit of a process, and its arguments. */
const dhcp = (head: string, command: string): string =>
  `${head} ${command.replaceAll(' ', '\u001f')}\u001f`;

describe('who owns a link', () => {
  const ownerOf = (sections: Readonly<Record<string, string>>, name: string) =>
    parseObservation('h1', withSections(sections)).state.interfaces.get(name)?.facts?.owner;

  test.each([
    [
      'NetworkManager with a connection',
      { nm: 'eth1:connected:Wired\\: 1\neth2:unmanaged:\neth3:connected (externally):eth3' },
      'eth1',
      'NetworkManager (connection "Wired: 1", connected)',
    ],
    ['a device NetworkManager leaves alone', { nm: 'eth2:unmanaged:' }, 'eth2', undefined],
    [
      'a device configured outside of NetworkManager',
      { nm: 'eth3:connected (externally):eth3' },
      'eth3',
      undefined,
    ],
    [
      'systemd-networkd with its file',
      {
        networkd:
          '7 ADMIN_STATE=configured\n7 NETWORK_FILE=/etc/systemd/network/10-lan.network\n8 ADMIN_STATE=unmanaged',
      },
      'eth1',
      'systemd-networkd (/etc/systemd/network/10-lan.network)',
    ],
    [
      'a DHCP client',
      { dhcp: dhcp('321 1 ifup@eth4.service', '/sbin/dhclient -4 -v eth4') },
      'eth4',
      undefined,
    ],
    [
      'a DHCP client of several links',
      { dhcp: dhcp('321 1 -', '/sbin/dhclient eth4 eth1') },
      'eth1',
      'the DHCP client dhclient (process 321): it serves more than one interface',
    ],
    [
      'a DHCP client for IPv6',
      { dhcp: dhcp('321 1 -', 'dhclient -6 eth1') },
      'eth1',
      'the DHCP client dhclient (process 321): DHCPv6 is not done by netorch',
    ],
    [
      'a DHCP client with a unit of its own',
      { dhcp: dhcp('321 1 dhclient@eth1.service', 'dhclient -d eth1') },
      'eth1',
      'the DHCP client dhclient (process 321): the unit dhclient@eth1.service looks after it',
    ],
    [
      'two DHCP clients for one link',
      { dhcp: `${dhcp('321 1 -', 'dhclient eth1')}\n${dhcp('322 1 -', 'udhcpc -ieth1')}` },
      'eth1',
      'the DHCP client udhcpc (process 322): another one runs beside it',
    ],
    [
      'a dhcpcd for all links',
      { dhcp: dhcp('5 1 -', 'dhcpcd -b') },
      'eth1',
      'the DHCP client dhcpcd (process 5): netorch cannot stop it and have it go on; use dhclient or udhcpc',
    ],
    [
      'a dhcpcd under the title that it gives itself',
      { dhcp: '5 1 - dhcpcd: [manager] [ip4] [ip6]\u001f\u001f' },
      'eth1',
      'the DHCP client dhcpcd (process 5): netorch cannot stop it and have it go on; use dhclient or udhcpc',
    ],
    [
      'a dhcpcd for both families',
      { dhcp: '5 1 - dhcpcd: eth1 [ip4] [ip6]\u001f' },
      'eth1',
      'the DHCP client dhcpcd (process 5): netorch cannot stop it and have it go on; use dhclient or udhcpc',
    ],
    [
      "a client that is busybox's applet, under a supervisor",
      { dhcp: dhcp('9 7 -', '/bin/busybox udhcpc -f -i eth1') },
      'eth1',
      'the DHCP client udhcpc (process 9): process 7 looks after it',
    ],
    [
      "an editor of a client's file",
      { dhcp: dhcp('9 1 -', 'vi /etc/dhclient.conf eth1') },
      'eth1',
      undefined,
    ],
  ])('%s', (_what, sections, name, owner) => {
    expect(ownerOf(sections as Readonly<Record<string, string>>, name)).toBe(owner);
  });

  test.each([
    ['dhclient', dhcp('321 1 networking.service', '/sbin/dhclient -4 -v eth1'), 'dhclient'],
    ["busybox's applet", dhcp('9 1 -', 'busybox udhcpc -i eth1'), 'udhcpc'],
  ])('what netorch can carry has no owner: %s', (_what, lines, client) => {
    const state = parseObservation('h1', withSections({ dhcp: lines })).state.interfaces.get(
      'eth1',
    );
    expect(state?.facts?.owner).toBeUndefined();
    expect(state?.ipv4.dhcp?.client).toBe(client);
    expect(state?.ipv4.enabled).toBe(true);
  });
});

describe('an answer that no netorch script gives', () => {
  const codeOf = (output: string): string => {
    try {
      parseObservation('h1', output);
    } catch (error) {
      if (error instanceof NetorchError) return error.code;
      throw error;
    }
    return 'none';
  };

  test.each([
    ['nothing', '', 'HOST_UNFIT'],
    ['no ip command', '@no-ip\n', 'HOST_UNFIT'],
    ['an ip without JSON', '@link\n1: lo: <LOOPBACK>\n@no-json\n@complete\n', 'HOST_UNFIT'],
    ['one that is cut off', richHost.slice(0, richHost.length / 2), 'AGENT_PROTOCOL'],
    ['JSON that is cut off', withSections({ link: '[{"ifname":"lo"' }), 'AGENT_PROTOCOL'],
    ['JSON that is no list', withSections({ vlan: '{"ifname":"lo"}' }), 'AGENT_PROTOCOL'],
    [
      'a name with a command in it',
      withSections({ link: '[{"ifname":"a;reboot"}]' }),
      'HOST_UNFIT',
    ],
    ['a name with a line break', withSections({ link: '[{"ifname":"a\\nb"}]' }), 'HOST_UNFIT'],
    [
      'a name with an escape sequence',
      withSections({ link: '[{"ifname":"\\u001b[2J"}]' }),
      'HOST_UNFIT',
    ],
    ['a path for a name', withSections({ link: '[{"ifname":".."}]' }), 'HOST_UNFIT'],
    ['an interface without a name', withSections({ link: '[{"ifindex":1}]' }), 'HOST_UNFIT'],
  ])('%s is an error for the user', (_what, output, code) => {
    expect(codeOf(output)).toBe(code);
  });

  test('a name in an error cannot move the cursor', () => {
    expect(() =>
      parseObservation('h1', withSections({ link: '[{"ifname":"\\u001b[2J"}]' })),
    ).toThrow(/"\\u001b\[2J"/);
  });

  const long = 5_000_000;
  test.each([
    ['an address', { addr: `1: lo    inet ${' '.repeat(long)}x` }],
    ['a route', { route: `1 10.0.0.0/8${' '.repeat(long)}x` }],
    ['a rule', { rule4: `1000:${'\t'.repeat(long)}x` }],
    ['a neighbour', { neigh: `192.0.2.1 dev eth1 lladdr${' '.repeat(long)}x` }],
    ['a forwarding entry', { fdb: `02:00:00:00:00:01 dev eth1${' '.repeat(long)}static` }],
    ['a sysctl', { sysctl: `/proc/sys/net/ipv4/conf/${'a/'.repeat(long / 2)}x` }],
    ['a VLAN range', { vlan: '[{"ifname":"eth1","vlans":[{"vlan":1,"vlanEnd":1e300}]}]' }],
    ['an SSH connection', { facts: `root 1\nssh ${'1 '.repeat(long / 2)}` }],
  ])('%s without end is read, or refused, and no more', (_what, sections) => {
    expect(['none', 'AGENT_PROTOCOL']).toContain(
      codeOf(withSections(sections as Readonly<Record<string, string>>)),
    );
  });
});
