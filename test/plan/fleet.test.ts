import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

import { formatLocation } from '../../src/errors.js';
import { mergeDesired } from '../../src/network/merge.js';
import { interfaceMap } from '../../src/network/state.js';
import { checkFleet, type FleetHost } from '../../src/plan/fleet.js';
import { bareHost, desiredOf, hostWith } from '../network/documents.js';

/** A host whose NICs have MACs of their own, as two machines have. */
function observed(host: string, text: string): FleetHost {
  const desired = desiredOf(text, `${host}.yml`);
  const bare = bareHost();
  const own = Buffer.from(host)
    .toString('hex')
    .replace(/(..)(..)/, '$1:$2');
  const interfaces = [...bare.interfaces.values()].map((item, index) => ({
    ...item,
    mac: `02:00:0${index}:00:${own}`,
  }));
  const { target, errors } = mergeDesired(
    { ...bare, interfaces: interfaceMap(interfaces) },
    desired,
  );
  expect(errors).toEqual([]);
  return { host, desired, target };
}

/** As it was before the run: nothing of it is planned. */
const before = (host: string, text: string): FleetHost => ({
  ...observed(host, text),
  desired: desiredOf('{}'),
});

const planned = (host: string, text: string): FleetHost => ({
  host,
  desired: desiredOf(text, `${host}.yml`),
});

const address = (ip: string, length = 24) =>
  `{enabled: true, address: [{ip: ${ip}, prefix-length: ${length}}]}`;

const nic = (ip: string, more = '') =>
  `interfaces: [{name: eth1, type: ethernet, state: up, ipv4: ${address(ip)}${more}}]`;

const said = (hosts: readonly FleetHost[]) =>
  checkFleet(hosts).map(
    ({ severity, text, location }) =>
      `${severity} ${location === undefined ? '' : `${formatLocation(location)} `}${text}`,
  );

describe('an address on two hosts', () => {
  test('is an error before any host is asked, at the place where the second has it', () => {
    expect(said([planned('h1', nic('192.0.2.5')), planned('h2', nic('192.0.2.5'))])).toEqual([
      'error h2.yml:1:76 192.0.2.5 is on 2 hosts: h1 (eth1), h2 (eth1); their neighbours would reach one or the other',
    ]);
  });

  test('is an error where a host that no plan gives it to has it', () => {
    expect(said([before('h1', nic('192.0.2.5')), observed('h2', nic('192.0.2.5'))])[0]).toMatch(
      /^error h2\.yml:\d+:\d+ 192\.0\.2\.5 is on 2 hosts: h1 \(eth1\), h2 \(eth1\)/,
    );
  });

  test('is a warning where it was so before', () => {
    const hosts = [before('h1', nic('192.0.2.5')), before('h2', nic('192.0.2.5'))];
    expect(said(hosts)).toEqual([expect.stringMatching(/^warning 192\.0\.2\.5 is on 2 hosts/)]);
  });

  test.each([
    ['moves from one to the other', nic('192.0.2.5'), nic('192.0.2.6')],
    [
      'is an anycast address on dummies',
      `interfaces: [{name: any0, type: dummy, state: up, ipv4: ${address('192.0.2.5', 24)}}]`,
      `interfaces: [{name: any0, type: dummy, state: up, ipv4: ${address('192.0.2.5', 24)}}]`,
    ],
    [
      'is a host route that floats',
      `interfaces: [{name: eth1, type: ethernet, state: up, ipv4: ${address('192.0.2.5', 32)}}]`,
      `interfaces: [{name: eth1, type: ethernet, state: up, ipv4: ${address('192.0.2.5', 32)}}]`,
    ],
    [
      'is a link-local one',
      'interfaces: [{name: eth1, type: ethernet, state: up, ipv6: {enabled: true, address: [{ip: "fe80::1", prefix-length: 64}]}}]',
      'interfaces: [{name: eth1, type: ethernet, state: up, ipv6: {enabled: true, address: [{ip: "fe80::1", prefix-length: 64}]}}]',
    ],
    [
      'is taken away from one of them',
      nic('192.0.2.5'),
      'interfaces: [{name: eth1, type: ethernet, state: absent}]',
    ],
  ])('is none where it %s', (_name, first, second) => {
    expect(said([planned('h1', first), planned('h2', second)])).toEqual([]);
    expect(said([observed('h1', first), observed('h2', second)])).toEqual([]);
  });

  test('names five hosts and counts the others', () => {
    const hosts = Array.from({ length: 8 }, (_, index) => planned(`h${index}`, nic('192.0.2.5')));
    expect(said(hosts)[0]).toContain(
      'on 8 hosts: h0 (eth1), h1 (eth1), h2 (eth1), h3 (eth1), h4 (eth1) and 3 more;',
    );
  });
});

describe('on one segment', () => {
  const vlan = (ip: string, id: number) => `
interfaces:
  - {name: eth1.${id}, type: vlan, state: up, vlan: {base-iface: eth1, id: ${id}}}
  - {name: br0, type: linux-bridge, state: up, bridge: {port: [{name: eth1.${id}}]}, ipv4: ${address(ip)}}`;

  test('unequal MTUs are told, the odd ones last and placed', () => {
    const hosts = [
      observed('h1', nic('192.0.2.1', ', mtu: 9000')),
      observed('h2', nic('192.0.2.2')),
      observed('h3', nic('192.0.2.3', ', mtu: 9000')),
    ];
    expect(said(hosts)).toEqual([
      expect.stringMatching(
        /^warning h2\.yml:1:\d+ 192\.0\.2\.0\/24 has MTU 9000 on h1, h3, and MTU 1500 on h2: large packets/,
      ),
    ]);
  });

  test('MTUs that no plan names are not guessed before the hosts are asked', () => {
    expect(
      said([planned('h1', nic('192.0.2.1', ', mtu: 9000')), planned('h2', nic('192.0.2.2'))]),
    ).toEqual([]);
  });

  test('different VLANs are told, also where a bridge stands on them', () => {
    expect(
      said([observed('h1', vlan('192.0.2.1', 100)), observed('h2', vlan('192.0.2.2', 101))]),
    ).toEqual([expect.stringMatching(/192\.0\.2\.0\/24 has VLAN 100 on h1, and VLAN 101 on h2/)]);
    expect(
      said([observed('h1', vlan('192.0.2.1', 100)), observed('h2', nic('192.0.2.2'))]),
    ).toEqual([expect.stringMatching(/has VLAN 100 on h1, and untagged on h2/)]);
    expect(
      said([observed('h1', vlan('192.0.2.1', 100)), observed('h2', vlan('192.0.2.2', 100))]),
    ).toEqual([]);
  });

  const bonded = (ip: string, mode: string, name = 'bond0') => `
interfaces:
  - {name: ${name}, type: bond, state: up, link-aggregation: {mode: ${mode}, port: [eth3, eth4]}}
  - {name: ${name}.100, type: vlan, state: up, vlan: {base-iface: ${name}, id: 100}, ipv4: ${address(ip)}}`;

  test('LACP on some hosts and none on another is told', () => {
    expect(
      said([
        observed('h1', bonded('192.0.2.1', '802.3ad')),
        observed('h2', bonded('192.0.2.2', 'active-backup')),
        observed('h3', bonded('192.0.2.3', '802.3ad')),
      ]),
    ).toEqual([
      expect.stringMatching(
        /^warning h2\.yml:4:\d+ 192\.0\.2\.0\/24 has LACP \(bond0\) on h1, h3, and no LACP \(bond0\) on h2/,
      ),
    ]);
  });

  test.each([
    ['the same', bonded('192.0.2.2', '802.3ad')],
    ['called otherwise', bonded('192.0.2.2', 'active-backup', 'uplink')],
    ['none', `${vlan('192.0.2.2', 100)}`],
  ])('bonds are nothing to tell where another host has %s', (_, other) => {
    expect(said([observed('h1', bonded('192.0.2.1', '802.3ad')), observed('h2', other)])).toEqual(
      [],
    );
  });

  test('two hosts with one MAC address are told; in two segments they may have it', () => {
    const withMac = (ip: string) => nic(ip, ', mac-address: "02:00:00:00:00:01"');
    const near = [observed('h1', withMac('192.0.2.1')), observed('h2', withMac('192.0.2.2'))];
    expect(said(near)).toEqual([
      expect.stringMatching(
        /^warning .*h1 \(eth1\), h2 \(eth1\) have one MAC address, 02:00:00:00:00:01/,
      ),
    ]);
    const far = [observed('h1', withMac('192.0.2.1')), observed('h2', withMac('198.51.100.2'))];
    expect(said(far)).toEqual([]);
  });
});

describe('routes', () => {
  const routed = (gateway: string, more = '') =>
    `${nic('192.0.2.5')}
routes: {config: [{destination: 0.0.0.0/0, next-hop-interface: eth1, next-hop-address: ${gateway}}${more}]}`;

  test('a gateway that is the host itself is an error', () => {
    const { desired, target } = observed('h1', routed('192.0.2.1'));
    const itself = desiredOf(routed('192.0.2.5'), 'h1.yml');
    if (target === undefined) throw new Error('not observed');
    expect(said([{ host: 'h1', desired, target }])).toEqual([]);
    expect(said([{ host: 'h1', desired: itself, target }])).toEqual([
      'error h1.yml:2:19 h1: the gateway 192.0.2.5 is an address of the host itself',
    ]);
  });

  test('a second default route by another NIC is told, with both', () => {
    const second = `
interfaces:
  - {name: eth1, type: ethernet, state: up, ipv4: ${address('192.0.2.5')}}
  - {name: eth2, type: ethernet, state: up, ipv4: ${address('198.51.100.5')}}
routes:
  config:
    - {destination: 0.0.0.0/0, next-hop-interface: eth1, next-hop-address: 192.0.2.1, metric: 100}
    - {destination: 0.0.0.0/0, next-hop-interface: eth2, next-hop-address: 198.51.100.1, metric: 200}`;
    expect(said([observed('h1', second)])).toEqual([
      expect.stringMatching(
        /^warning h1\.yml:7:\d+ h1 has 2 default routes \(eth1 via 192\.0\.2\.1 metric 100; eth2 via 198\.51\.100\.1 metric 200\)/,
      ),
    ]);
    expect(said([before('h1', second)])).toEqual([]);
    const inATable = second.replace('metric: 200', 'metric: 200, table-id: 200');
    expect(said([observed('h1', inATable)])).toEqual([]);
  });
});

describe('a bridge that filters VLANs', () => {
  const filtering = (vlans: string, more: string) => `
interfaces:
  - name: br0
    type: linux-bridge
    state: up
    ${more}
    bridge:
      options: {vlan-default-pvid: 1}
      port: [{name: eth1, vlan: ${vlans}}]`;
  const own = `ipv4: ${address('192.0.2.1')}`;
  const onVlan = `
  - {name: br0.100, type: vlan, state: up, vlan: {base-iface: br0, id: 100}, ipv4: ${address('192.0.2.1')}}`;

  test.each([
    [
      'whose port has another native VLAN than the bridge',
      filtering('{mode: access, tag: 20}', own),
      'br0 is in VLAN 1, which no port of br0 carries (eth1: 20 untagged): nobody reaches it',
    ],
    [
      'whose port lacks the VLAN that stands on it',
      filtering('{mode: trunk, trunk-tags: [{id: 200}]}', '') + onVlan,
      'br0.100 is in VLAN 100, which no port of br0 carries (eth1: 200): nobody reaches it',
    ],
  ])('%s is told', (_, text, expected) => {
    expect(said([observed('h1', text)])).toEqual([
      expect.stringContaining(`warning h1.yml:3:5 h1: ${expected}`),
    ]);
  });

  test.each([
    ['whose port is in the VLAN of the bridge', filtering('{mode: access, tag: 1}', own)],
    [
      'whose port carries the VLAN that stands on it',
      filtering('{mode: trunk, trunk-tags: [{id: 100}]}', '') + onVlan,
    ],
    ['without an address', filtering('{mode: access, tag: 20}', '')],
  ])('%s is nothing to tell', (_, text) => {
    expect(said([observed('h1', text)])).toEqual([]);
  });
});

describe('nothing is told of', () => {
  const golden = join(import.meta.dirname, 'golden');
  test.each(readdirSync(golden))('the golden case %s', (name) => {
    const read = (file: string) => {
      const path = join(golden, name, file);
      return existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    const desired = desiredOf(read('desired.yml'));
    const { target, errors } = mergeDesired(hostWith(read('observed.yml')), desired);
    expect(errors).toEqual([]);
    expect(said([{ host: 'h1', desired, target }])).toEqual([]);
  });
});

test('a thousand hosts are checked against each other', () => {
  const hosts = Array.from({ length: 1000 }, (_, index) =>
    planned(`h${index}`, nic(`10.0.${index >> 8}.${index & 255}`)),
  );
  expect(said(hosts)).toEqual([]);
  expect(said([...hosts, planned('late', nic('10.0.3.200'))])).toHaveLength(1);
});
