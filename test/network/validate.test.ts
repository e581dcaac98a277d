import { describe, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { checkDesiredState } from '../../src/network/validate.js';
import { desiredOf } from './documents.js';

const errorsOf = (text: string): readonly string[] =>
  checkDesiredState(desiredOf(text)).map((error) => formatError(error).split('\n')[0] ?? '');

const interfaces = (...items: string[]): string =>
  `interfaces:\n${items.map((item) => `  - {${item}}\n`).join('')}`;

describe('a document that contradicts itself', () => {
  test.each([
    [
      'one port in two bonds',
      interfaces(
        'name: a, type: bond, link-aggregation: {port: [eth1]}',
        'name: b, type: linux-bridge, bridge: {port: [{name: eth1}]}',
      ),
      '3:51 INVALID_NETWORK: interface "b": port "eth1" is a port of "a" as well; it can have one controller',
    ],
    [
      'a port list that does not name the port',
      interfaces(
        'name: a, type: bond, link-aggregation: {port: [eth1]}',
        'name: eth2, controller: a',
      ),
      '3:18 INVALID_NETWORK: interface "eth2": controller is "a", whose list of ports does not name it; that list is whole',
    ],
    [
      'a port that wants another controller',
      interfaces(
        'name: a, type: bond, link-aggregation: {port: [eth1]}',
        'name: eth1, controller: ""',
      ),
      '3:18 INVALID_NETWORK: interface "eth1": controller is empty, but "a" lists it as a port',
    ],
    [
      'a VLAN as a controller',
      interfaces(
        'name: a, type: vlan, vlan: {base-iface: eth1, id: 5}',
        'name: eth2, controller: a',
      ),
      '3:18 INVALID_NETWORK: interface "eth2": controller is "a", a vlan; only bonds, bridges and VRFs have ports',
    ],
    [
      'a route in the table of a VRF and in another one',
      'routes: {config: [{destination: 10.0.0.0/8, next-hop-interface: a, vrf-name: v, table-id: 9}]}',
      '1:19 INVALID_NETWORK: route to 10.0.0.0/8: vrf-name and table-id exclude each other: a VRF has a table of its own',
    ],
    [
      'a route on the link without a gateway',
      'routes: {config: [{destination: 10.0.0.0/8, next-hop-interface: a, on-link: true}]}',
      '1:19 INVALID_NETWORK: route to 10.0.0.0/8: on-link says how its next-hop-address is reached, and it has none',
    ],
    [
      'a port listed twice',
      interfaces('name: a, type: bond, link-aggregation: {port: [eth1, eth1]}'),
      '2:59 INVALID_NETWORK: interface "a": port "eth1" is listed twice',
    ],
    [
      'an interface listed twice',
      interfaces('name: a', 'name: a'),
      '3:5 INVALID_NETWORK: interface "a": is listed twice',
    ],
    [
      'a bond in itself',
      interfaces('name: a, type: bond, link-aggregation: {port: [a]}'),
      '2:53 INVALID_NETWORK: interface "a": lists itself as a port',
    ],
    [
      'a VLAN over the bridge it is in',
      interfaces(
        'name: br0, type: linux-bridge, bridge: {port: [{name: v}]}',
        'name: v, type: vlan, vlan: {base-iface: br0, id: 5}',
      ),
      '2:5 INVALID_NETWORK: interface "br0": stands on itself: br0 on v on br0',
    ],
    [
      'a VLAN over a base that is removed',
      interfaces('name: b, type: bond, state: absent', 'name: v, vlan: {base-iface: b, id: 5}'),
      '3:22 INVALID_NETWORK: interface "v": its base-iface "b" is absent in this plan',
    ],
    [
      'a port that is removed',
      interfaces(
        'name: b, type: bond, link-aggregation: {port: [d]}',
        'name: d, type: dummy, state: absent',
      ),
      '2:53 INVALID_NETWORK: interface "b": port "d" is absent in this plan',
    ],
    [
      'an address on a port',
      interfaces(
        'name: b, type: bond, link-aggregation: {port: [d]}',
        'name: d, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}]}',
      ),
      '3:22 INVALID_NETWORK: interface "d": has ipv4 enabled, but is a port of "b"; put the addresses there',
    ],
    [
      'one address on two interfaces',
      interfaces(
        'name: a, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}]}',
        'name: b, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 32}]}',
      ),
      '3:22 INVALID_NETWORK: interface "b": address 192.0.2.5 is on "a" as well',
    ],
    [
      'addresses on a family that is off',
      interfaces('name: a, ipv4: {enabled: false, address: [{ip: 192.0.2.5, prefix-length: 24}]}'),
      '2:38 INVALID_NETWORK: interface "a": ipv4 is not enabled, but has addresses',
    ],
    [
      'a broadcast address',
      interfaces('name: a, ipv4: {address: [{ip: 192.0.2.255, prefix-length: 24}]}'),
      '2:22 INVALID_NETWORK: interface "a": address 192.0.2.255/24 is the broadcast address of its network',
    ],
    [
      'a VLAN with more MTU than its base',
      interfaces('name: e, mtu: 1500', 'name: v, mtu: 9000, vlan: {base-iface: e, id: 5}'),
      '3:15 INVALID_NETWORK: interface "v": mtu is 9000, but its base-iface "e" has 1500; a VLAN cannot have more',
    ],
    [
      'an MTU without room for IPv6',
      interfaces('name: e, mtu: 1279, ipv6: {enabled: true}'),
      '2:15 INVALID_NETWORK: interface "e": mtu is 1279, but IPv6 needs at least 1280',
    ],
    [
      'a multicast MAC',
      interfaces('name: e, mac-address: 01:00:5e:00:00:01'),
      '2:15 INVALID_NETWORK: interface "e": mac-address is 01:00:5e:00:00:01, a multicast address; no device can have it',
    ],
    [
      'an option that the mode does not take',
      interfaces(
        'name: b, type: bond, link-aggregation: {mode: balance-rr, options: {lacp_rate: fast}}',
      ),
      '2:74 INVALID_NETWORK: interface "b": lacp_rate does not go with mode balance-rr: it needs 802.3ad',
    ],
    [
      'two link monitors',
      interfaces(
        'name: b, type: bond, link-aggregation: {options: {miimon: 100, arp_interval: 100}}',
      ),
      '2:69 INVALID_NETWORK: interface "b": arp_interval and miimon exclude each other: set one of them to 0',
    ],
    [
      'a delay between the beats of miimon',
      interfaces('name: b, type: bond, link-aggregation: {options: {miimon: 100, updelay: 150}}'),
      '2:69 INVALID_NETWORK: interface "b": updelay is 150, must be a multiple of miimon (100)',
    ],
    [
      'a primary that is no port',
      interfaces('name: b, type: bond, link-aggregation: {options: {primary: c}, port: [d]}'),
      '2:56 INVALID_NETWORK: interface "b": primary is "c", which is not among its ports',
    ],
    [
      'a MAC that the active port overrides',
      interfaces(
        'name: b, type: bond, mac-address: 52:54:00:00:00:01, link-aggregation: {mode: 1, options: {fail_over_mac: active}}',
      ),
      '2:27 INVALID_NETWORK: interface "b": with fail_over_mac: active the bond has the MAC of its active port; mac-address cannot be set',
    ],
    [
      'a forward mask that lets STP through',
      interfaces('name: b, type: linux-bridge, bridge: {options: {group-forward-mask: 1}}'),
      '2:54 INVALID_NETWORK: interface "b": group-forward-mask is 1; its lowest three bits (STP, pause, LACP) cannot be set',
    ],
    [
      'STP timers that do not go together',
      interfaces(
        'name: b, type: linux-bridge, bridge: {options: {stp: {enabled: true, forward-delay: 4, max-age: 20}}}',
      ),
      '2:93 INVALID_NETWORK: interface "b": stp: max-age must be at most 2 × (forward-delay − 1)',
    ],
    [
      'an exclusive bridge without a list',
      interfaces('name: b, type: linux-bridge, exclusive: true'),
      '2:35 INVALID_NETWORK: interface "b": exclusive needs the list of ports that stay: bridge.port',
    ],
    [
      'a pair of three',
      interfaces('name: a, veth: {peer: b}', 'name: b, veth: {peer: c}'),
      '2:22 INVALID_NETWORK: interface "a": veth.peer is "b", whose own peer is "c"',
    ],
    [
      'a route without interface',
      'routes:\n  config:\n    - {destination: 0.0.0.0/0, next-hop-address: 192.0.2.1}',
      '3:7 INVALID_NETWORK: route to 0.0.0.0/0: next-hop-interface is missing',
    ],
    [
      'a route into the other family',
      'routes:\n  config:\n    - {destination: "::/0", next-hop-interface: a, next-hop-address: 192.0.2.1}',
      '3:7 INVALID_NETWORK: route to ::/0: next-hop-address 192.0.2.1 is of the other IP family',
    ],
    [
      'a blackhole with a next hop',
      'routes:\n  config:\n    - {destination: 192.0.2.0/24, route-type: blackhole, next-hop-interface: a}',
      '3:7 INVALID_NETWORK: route to 192.0.2.0/24: a blackhole route has no next hop',
    ],
    [
      'two next hops for one route',
      'routes:\n  config:\n    - {destination: 0.0.0.0/0, next-hop-interface: a}\n    - {destination: 0.0.0.0/0, next-hop-interface: b}',
      '4:7 INVALID_NETWORK: route to 0.0.0.0/0 is there twice with one metric; to use both next hops (ECMP) give each a weight (1–256)',
    ],
    [
      'one next hop twice',
      'routes:\n  config:\n    - {destination: 0.0.0.0/0, next-hop-interface: a, weight: 1}\n    - {destination: 0.0.0.0/0, next-hop-interface: a, weight: 2}',
      '4:7 INVALID_NETWORK: route to 0.0.0.0/0 is there twice with one next hop',
    ],
    [
      'next hops that differ in what belongs to the route',
      'routes:\n  config:\n    - {destination: 0.0.0.0/0, next-hop-interface: a, weight: 1}\n    - {destination: 0.0.0.0/0, next-hop-interface: b, weight: 2, mtu: 1400}',
      '4:7 INVALID_NETWORK: route to 0.0.0.0/0 has next hops that differ in source, mtu or cwnd; these belong to the route as a whole',
    ],
    [
      'a locked MTU that is not given',
      'routes:\n  config:\n    - {destination: 0.0.0.0/0, next-hop-interface: a, lock-mtu: true}',
      '3:7 INVALID_NETWORK: route to 0.0.0.0/0: lock-mtu needs an mtu',
    ],
    [
      'a suppressed prefix without a table',
      'route-rules:\n  config:\n    - {family: ipv4, action: prohibit, suppress-prefix-length: 0}',
      '3:7 INVALID_NETWORK: route rule has both action and suppress-prefix-length; only the lookup in a table can be suppressed',
    ],
    [
      'a prefix that no IPv4 route has',
      'route-rules:\n  config:\n    - {family: ipv4, suppress-prefix-length: 33}',
      '3:7 INVALID_NETWORK: route rule has suppress-prefix-length 33; an IPv4 prefix has at most 32',
    ],
    [
      'a wildcard over everything',
      'routes:\n  config:\n    - {state: absent}',
      '3:7 INVALID_NETWORK: route with state: absent names nothing; give at least a destination or next-hop-interface',
    ],
    [
      'a rule for no family',
      'route-rules:\n  config:\n    - {priority: 5, route-table: 100}',
      '3:7 INVALID_NETWORK: route rule needs ip-from, ip-to or family',
    ],
  ])('%s', (_, text, expected) => {
    expect(errorsOf(text)).toEqual([`plan.yml:${expected}`]);
  });

  test('names the other place as well', () => {
    const [error] = checkDesiredState(desiredOf(interfaces('name: a', 'name: a')));
    expect(error?.notes).toEqual(['the other place: plan.yml:2:5']);
  });

  test('a port may name the controller that lists it', () => {
    const text = interfaces(
      'name: a, type: bond, link-aggregation: {port: [eth1]}',
      'name: eth1, controller: a, ipv4: {enabled: false}, ipv6: {enabled: true}',
    );
    expect(errorsOf(text)).toEqual([]);
  });
});
