/** What a shown document does not tell: MACs that are left open, foreign objects, odd corners. */
import { describe, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { mergeDesired } from '../../src/network/merge.js';
import { interfaceMap } from '../../src/network/state.js';
import type { InterfaceState, NetworkState, Route, RouteRule } from '../../src/network/state.js';
import { bareHost, desiredOf, hostWith } from './documents.js';

const merge = (observed: NetworkState, text: string) => mergeDesired(observed, desiredOf(text));

function targetOf(observed: NetworkState, text: string): NetworkState {
  const { target, errors } = merge(observed, text);
  expect(errors.map(formatError)).toEqual([]);
  return target;
}

const withInterface = (
  state: NetworkState,
  name: string,
  values: Partial<InterfaceState>,
): NetworkState => ({
  ...state,
  interfaces: interfaceMap(
    [...state.interfaces.values()].map((item) =>
      item.name === name ? { ...item, ...values } : item,
    ),
  ),
});

const BOND = `
interfaces:
  - name: bond0
    type: bond
    link-aggregation: {mode: balance-rr, port: [eth1, eth2]}
`;

describe('MAC addresses', () => {
  test('of a new bond and its ports are left to the kernel', () => {
    const { interfaces } = targetOf(bareHost(), BOND);
    expect(['bond0', 'eth1', 'eth2'].map((name) => interfaces.get(name)?.mac)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('of a new bridge are left open when it has two uplinks', () => {
    const { interfaces } = targetOf(
      bareHost(),
      'interfaces: [{name: br0, type: linux-bridge, bridge: {port: [{name: eth1}, {name: eth2}]}}]',
    );
    expect(interfaces.get('br0')?.mac).toBeUndefined();
  });

  test('a port that leaves its bond gets its own back, not the one it was lent', () => {
    const lent = withInterface(hostWith(BOND), 'eth2', { mac: '52:54:00:00:00:01' });
    const { interfaces } = targetOf(
      lent,
      'interfaces: [{name: bond0, link-aggregation: {port: [eth1]}}]',
    );
    expect(interfaces.get('eth2')?.mac).toBe('52:54:00:00:00:02');
  });

  test('ports of a bond that balances have MACs that change by themselves', () => {
    const observed = hostWith(BOND.replace('balance-rr', 'balance-tlb'));
    const seen = withInterface(observed, 'eth2', { mac: '52:54:00:00:00:02' });
    const plan = (mode: string) =>
      `interfaces: [{name: bond0, type: bond, link-aggregation: {mode: ${mode}}}]`;
    expect(targetOf(seen, plan('balance-tlb')).interfaces.get('eth2')?.mac).toBeUndefined();
    // The mode is changed without ports, which get their MACs when they come back.
    expect(targetOf(seen, plan('802.3ad')).interfaces.get('eth2')?.mac).toBeUndefined();
  });

  test('copy-mac-from takes the own MAC of a port', () => {
    const lent = withInterface(hostWith(BOND), 'eth2', { mac: '52:54:00:00:00:01' });
    const { interfaces } = targetOf(lent, 'interfaces: [{name: bond0, copy-mac-from: eth2}]');
    expect(interfaces.get('bond0')?.mac).toBe('52:54:00:00:00:02');
  });

  test('copy-mac-from takes the MAC that the plan gives a port that leaves its bond', () => {
    const lent = withInterface(hostWith(BOND), 'eth2', { mac: '52:54:00:00:00:01' });
    const { interfaces } = targetOf(
      lent,
      `interfaces:
  - {name: bond0, link-aggregation: {port: [eth1]}}
  - {name: eth2, mac-address: 02:00:00:00:00:77}
  - {name: dummy0, type: dummy, copy-mac-from: eth2}`,
    );
    expect(interfaces.get('dummy0')?.mac).toBe('02:00:00:00:00:77');
  });

  test.each(['mac-address: 02:00:00:00:00:77', 'copy-mac-from: eth3'])(
    'a bond that follows its active port is given none: %s',
    (key) => {
      const host = hostWith(
        BOND.replace('balance-rr', 'active-backup').replace(
          'port:',
          'options: {fail_over_mac: active}, port:',
        ),
      );
      expect(merge(host, `interfaces: [{name: bond0, ${key}}]`).errors.map(formatError)).toEqual([
        expect.stringContaining(
          'with fail_over_mac: active the bond has the MAC of its active port',
        ),
      ]);
    },
  );

  test('a VLAN and its base cannot both be ports of a bond that gives each port a MAC', () => {
    const plan = (mode: string) =>
      merge(
        hostWith(BOND),
        `interfaces:
  - {name: v, type: vlan, vlan: {base-iface: eth2, id: 7}}
  - {name: bond0, link-aggregation: {mode: ${mode}, port: [eth1, eth2, v]}}`,
      ).errors.map(formatError);
    expect(plan('balance-alb')).toEqual([
      expect.stringContaining(
        'interface "bond0": its port "v" has the MAC of "eth2", which is its port, too; in mode balance-alb each port needs a MAC of its own',
      ),
    ]);
    expect(plan('balance-rr')).toEqual([]);
  });

  test('ports and VLANs follow the MAC that the plan gives their bond', () => {
    const mac = '52:54:00:00:00:01';
    let observed = hostWith(
      `${BOND}  - {name: bond0.7, type: vlan, vlan: {base-iface: bond0, id: 7}}\n`,
    );
    for (const name of ['bond0', 'bond0.7', 'eth1', 'eth2'])
      observed = withInterface(observed, name, { mac });
    const { interfaces } = targetOf(
      observed,
      'interfaces: [{name: bond0, mac-address: 52:54:00:00:00:aa}]',
    );
    expect(interfaces.get('bond0.7')?.mac).toBe('52:54:00:00:00:aa');
    expect(interfaces.get('eth2')?.mac).toBeUndefined();
  });
});

describe('addresses', () => {
  test('an equal list in another order keeps the observed order', () => {
    const observed = hostWith(
      'interfaces: [{name: eth1, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}, {ip: 198.51.100.5, prefix-length: 24}]}}]',
    );
    const text =
      'interfaces: [{name: eth1, ipv4: {address: [{ip: 198.51.100.5, prefix-length: 24}, {ip: 192.0.2.5, prefix-length: 24}]}}]';
    expect(targetOf(observed, text)).toEqual(observed);
  });

  test('within one subnet the first one becomes the primary', () => {
    const observed = hostWith(
      'interfaces: [{name: eth1, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}, {ip: 192.0.2.6, prefix-length: 24}]}}]',
    );
    const text =
      'interfaces: [{name: eth1, ipv4: {address: [{ip: 192.0.2.6, prefix-length: 24}, {ip: 192.0.2.5, prefix-length: 24}]}}]';
    expect(
      targetOf(observed, text)
        .interfaces.get('eth1')
        ?.ipv4.addresses.map(({ ip }) => ip),
    ).toEqual(['192.0.2.6', '192.0.2.5']);
  });

  test('the link-local address of the kernel is not asked for', () => {
    const observed = bareHost();
    const text =
      'interfaces: [{name: eth1, ipv6: {enabled: true, address: [{ip: "fe80::5054:ff:fe00:1", prefix-length: 64}]}}]';
    expect(targetOf(observed, text)).toEqual(observed);
  });

  test('enabled without any address changes nothing', () => {
    expect(targetOf(bareHost(), 'interfaces: [{name: eth1, ipv4: {enabled: true}}]')).toEqual(
      bareHost(),
    );
  });

  test('IPv6 switched off takes its addresses along', () => {
    const observed = hostWith(
      'interfaces: [{name: eth1, ipv6: {address: [{ip: "2001:db8::5", prefix-length: 64}]}}]',
    );
    const target = targetOf(observed, 'interfaces: [{name: eth1, ipv6: {enabled: false}}]');
    expect(target.interfaces.get('eth1')?.ipv6).toEqual({ enabled: false, addresses: [] });
  });

  test('a link that goes down loses its IPv6 addresses and keeps the IPv4 ones', () => {
    const observed = hostWith(
      'interfaces: [{name: eth1, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}]}, ipv6: {address: [{ip: "2001:db8::5", prefix-length: 64}]}}]',
    );
    const eth1 = targetOf(observed, 'interfaces: [{name: eth1, state: down}]').interfaces.get(
      'eth1',
    );
    expect(eth1?.ipv4.addresses).toHaveLength(1);
    expect(eth1?.ipv6.addresses).toEqual([]);
  });

  test('an MTU that would cost IPv6 is refused', () => {
    const { errors } = merge(bareHost(), 'interfaces: [{name: eth1, mtu: 1279}]');
    expect(errors.map(formatError)).toEqual([
      'plan.yml:1:27 INVALID_NETWORK: interface "eth1": with mtu 1279 the kernel removes IPv6, which needs 1280; raise it, or write ipv6: {enabled: false}',
    ]);
    expect(
      targetOf(
        bareHost(),
        'interfaces: [{name: eth1, mtu: 1279, ipv6: {enabled: false}}]',
      ).interfaces.get('eth1')?.mtu,
    ).toBe(1279);
  });
});

test('what moves to a base with a smaller MTU cannot keep its own', () => {
  const observed = hostWith(
    'interfaces: [{name: mv0, type: mac-vlan, mac-vlan: {base-iface: eth1, mode: private}}, {name: eth2, mtu: 1400}]',
  );
  const text = 'interfaces: [{name: mv0, mac-vlan: {base-iface: eth2, mode: private}';
  const { target, notes } = merge(observed, `${text}}]`);
  expect(target.interfaces.get('mv0')?.mtu).toBe(1400);
  expect(notes.map((note) => note.text)).toContain('mtu drops to 1400 with its base eth2');
  expect(merge(observed, `${text}, mtu: 1500}]`).errors.map(formatError)).toEqual([
    expect.stringContaining('mtu is 1500, but its base-iface "eth2" has 1400'),
  ]);
});

describe('what netorch does not model', () => {
  const route = (values: Partial<Route>): Route => ({
    family: 'ipv4',
    type: 'unicast',
    destination: '0.0.0.0/0',
    table: 254,
    metric: undefined,
    nextHopInterface: 'eth1',
    nextHopAddress: '192.0.2.1',
    source: undefined,
    onlink: false,
    protocol: 3,
    foreign: false,
    ...values,
  });
  const rule: RouteRule = {
    family: 'ipv4',
    priority: 9,
    from: '192.0.2.0/24',
    to: undefined,
    iif: undefined,
    fwmark: undefined,
    fwmask: undefined,
    table: 9,
    action: undefined,
    foreign: true,
  };
  const eth1 = 'interfaces: [{name: eth1, ipv4: {address: [{ip: 192.0.2.5, prefix-length: 24}]}}]';

  test('foreign routes and rules stay, and are named, whatever a wildcard says', () => {
    const observed = { ...hostWith(eth1), routes: [route({ foreign: true })], rules: [rule] };
    const { target, notes } = merge(
      observed,
      'routes: {config: [{state: absent, next-hop-interface: eth1}]}\nroute-rules: {config: [{state: absent, family: ipv4}]}',
    );
    expect(target).toEqual(observed);
    expect(notes.map((note) => note.text)).toEqual([
      'route default via 192.0.2.1 dev eth1 stays: it has attributes that netorch does not model',
      'rule 9: from 192.0.2.0/24 lookup 9 stays: it has selectors that netorch does not model',
    ]);
  });

  test('a foreign route is not overwritten', () => {
    const observed = { ...hostWith(eth1), routes: [route({ foreign: true })] };
    const { errors } = merge(
      observed,
      'routes: {config: [{destination: 0.0.0.0/0, next-hop-interface: eth1, next-hop-address: 192.0.2.9}]}',
    );
    expect(errors.map((error) => error.code)).toEqual(['INVALID_NETWORK']);
  });

  test.each([
    ['stay under a wildcard', '{state: absent, next-hop-interface: eth1}', 1],
    ['go when their destination is named', '{state: absent, destination: 0.0.0.0/0}', 0],
  ])('routes of a routing daemon %s', (_, entry, left) => {
    const observed = { ...hostWith(eth1), routes: [route({ protocol: 186 })] };
    expect(targetOf(observed, `routes: {config: [${entry}]}`).routes).toHaveLength(left);
  });

  test('an absent route without a gateway is asked for by an empty text', () => {
    const direct = route({ destination: '198.51.100.0/24', nextHopAddress: undefined });
    const observed = { ...hostWith(eth1), routes: [route({}), direct] };
    const { routes } = targetOf(
      observed,
      'routes: {config: [{state: absent, next-hop-interface: eth1, next-hop-address: ""}]}',
    );
    expect(routes).toEqual([route({})]);
  });

  test('a route whose source address goes is lost', () => {
    const observed = {
      ...hostWith(eth1),
      routes: [route({ destination: '198.51.100.0/24', source: '192.0.2.5' })],
    };
    const text =
      'interfaces: [{name: eth1, ipv4: {address: [{ip: 192.0.2.6, prefix-length: 24}]}}]';
    expect(targetOf(observed, text).routes).toEqual([]);
  });

  test('a gateway off the link is refused, one that another route reaches is taken', () => {
    const entry =
      '{destination: 0.0.0.0/0, next-hop-interface: eth1, next-hop-address: 203.0.113.1}';
    const { errors } = merge(hostWith(eth1), `routes: {config: [${entry}]}`);
    expect(errors.map(formatError)).toEqual([
      'plan.yml:1:19 INVALID_NETWORK: route default via 203.0.113.1 dev eth1: 203.0.113.1 is in no subnet of "eth1" (192.0.2.5/24)',
    ]);
    const reached = '{destination: 203.0.113.1/32, next-hop-interface: eth1}';
    expect(
      targetOf(hostWith(eth1), `routes: {config: [${reached}, ${entry}]}`).routes,
    ).toHaveLength(2);
  });
});

describe('interfaces', () => {
  test('"ignore" leaves alone even what a port list names', () => {
    const observed = hostWith(
      'interfaces: [{name: br0, type: linux-bridge, bridge: {port: [{name: eth1}]}}]',
    );
    const { interfaces } = targetOf(
      observed,
      'interfaces: [{name: eth1, state: ignore, mtu: 1400}, {name: br0, bridge: {port: [{name: eth1}, {name: eth2}]}}]',
    );
    expect(interfaces.get('eth1')).toEqual(observed.interfaces.get('eth1'));
    expect(interfaces.get('eth2')?.controller).toBe('br0');
  });

  test('the end of a pair that leads to another namespace is emptied, as a NIC is', () => {
    const observed = withInterface(hostWith('veths: {v0: {peer: v0p, ip: 192.0.2.5/24}}'), 'v0', {
      link: { kind: 'veth', peer: undefined },
    });
    const { interfaces } = targetOf(observed, 'interfaces: [{name: v0, state: absent}]');
    expect(interfaces.get('v0')).toMatchObject({ up: false, ipv4: { addresses: [] } });
  });

  test('absent and not there is nothing to do', () => {
    expect(
      targetOf(bareHost(), 'interfaces: [{name: br9, type: linux-bridge, state: absent}]'),
    ).toEqual(bareHost());
  });

  test('a tap may join a bridge, and is not changed otherwise', () => {
    const { interfaces } = targetOf(
      bareHost(),
      'interfaces: [{name: br0, type: linux-bridge, bridge: {port: [{name: tap0}]}}]',
    );
    expect(interfaces.get('tap0')).toEqual({
      ...bareHost().interfaces.get('tap0'),
      controller: 'br0',
    });
  });

  test('a VLAN goes down with its base, and may not be up over it', () => {
    const observed = hostWith(
      'interfaces: [{name: v, type: vlan, vlan: {base-iface: eth1, id: 5}}]',
    );
    const down = 'interfaces: [{name: eth1, state: down}';
    expect(targetOf(observed, `${down}]`).interfaces.get('v')?.up).toBe(false);
    expect(merge(observed, `${down}, {name: v, state: up}]`).errors.map(formatError)).toEqual([
      'plan.yml:1:51 INVALID_NETWORK: interface "v": it cannot be up while its base-iface "eth1" is down',
    ]);
  });

  test('a ring through what the host has is found', () => {
    const observed = hostWith(
      'interfaces: [{name: br0, type: linux-bridge, bridge: {port: [{name: eth1}]}}, {name: v, type: vlan, vlan: {base-iface: br0, id: 5}}]',
    );
    const { errors } = merge(observed, 'interfaces: [{name: v, controller: br0}]');
    expect(errors.map((error) => error.message)).toEqual([
      'interfaces stand on each other in a ring: br0 on v on br0',
    ]);
  });

  test('a pair gets another peer, and the former one goes with what stands on it', () => {
    const observed = hostWith('veths: {v0: {peer: v0p}}\nvlans: {v0p.7: , v0.8: }');
    const { interfaces } = targetOf(observed, 'veths: {v0: {peer: v1p}}');
    expect([...interfaces.keys()].filter((name) => name.startsWith('v'))).toEqual([
      'v0',
      'v0.8',
      'v1p',
    ]);
    expect(interfaces.get('v0')?.link).toEqual({ kind: 'veth', peer: 'v1p' });
    expect(interfaces.get('v1p')?.link).toEqual({ kind: 'veth', peer: 'v0' });
  });

  test('both ends of the new pair may be in the plan', () => {
    const observed = hostWith('veths: {v0: {peer: v0p}}');
    const { interfaces } = targetOf(
      observed,
      'veths: {v0: {peer: v1p}, v1p: {peer: v0, mtu: 1400}}',
    );
    expect(interfaces.get('v1p')).toMatchObject({ mtu: 1400, link: { kind: 'veth', peer: 'v0' } });
    expect(interfaces.has('v0p')).toBe(false);
  });

  test.each([
    [
      'in another namespace',
      (state: NetworkState) =>
        withInterface(state, 'v0', { link: { kind: 'veth', peer: undefined } }),
      'veths: {v0: {peer: v1p}}',
      'its present peer is in another network namespace, whose user would lose it',
    ],
    [
      'in the plan as well',
      (state: NetworkState) => state,
      'veths: {v0: {peer: v1p}}\ninterfaces: [{name: v0p, mtu: 1400}]',
      'its present peer "v0p", which would go, is in this plan as well',
    ],
    [
      'to be replaced by what is there already',
      (state: NetworkState) => state,
      'veths: {v0: {peer: eth1}}',
      'there is such an interface already',
    ],
  ])('a peer that is %s stays', (_name, change, plan, why) => {
    const observed = change(hostWith('veths: {v0: {peer: v0p}}'));
    expect(merge(observed, plan).errors.map((error) => error.message)).toEqual([
      expect.stringContaining(why),
    ]);
  });
});

describe('options of a bond', () => {
  const observed = withInterface(hostWith(BOND), 'bond0', {
    link: {
      kind: 'bond',
      mode: 'active-backup',
      options: { miimon: '200', updelay: '400', resend_igmp: '7', primary: 'eth1' },
      ports: ['eth1', 'eth2'],
    },
  });
  const optionsAfter = (options: string) =>
    targetOf(
      observed,
      `interfaces: [{name: bond0, type: bond, link-aggregation: {${options}}}]`,
    ).interfaces.get('bond0')?.link;

  test('an empty map asks for the defaults, no map for nothing', () => {
    expect(optionsAfter('')).toEqual(observed.interfaces.get('bond0')?.link);
    expect(optionsAfter('options: {}')).toMatchObject({
      options: { miimon: '0', updelay: '0', resend_igmp: '1', primary: 'eth1' },
    });
  });

  test('modes that need MII monitoring keep it', () => {
    expect(optionsAfter('mode: balance-alb, options: {}')).toMatchObject({
      mode: 'balance-alb',
      options: { miimon: '100' },
    });
  });
});

describe('timers of a bridge', () => {
  const observed = withInterface(hostWith('bridges: {br0: {ports: [eth1]}}'), 'br0', {
    link: { kind: 'linux-bridge', options: { mcast_query_interval: '12500' }, ports: [] },
  });
  test.each([
    ['one hundredth off counts as set: the kernel keeps ticks of its own', 12501, '12500'],
    ['two hundredths do not', 12502, '12502'],
  ])('%s', (_name, wanted, expected) => {
    const { interfaces } = targetOf(
      observed,
      `bridges: {br0: {options: {multicast-query-interval: ${wanted}}}}`,
    );
    expect(interfaces.get('br0')?.link).toMatchObject({
      options: { mcast_query_interval: expected },
    });
  });
});
