/** Arbitrary states that a real host could have, for properties over whole states. */
import { fc } from '../generated.js';
import { BOND_MODES } from '../../src/network/bond.js';
import { interfaceMap, isSubordinatePort } from '../../src/network/state.js';
import type {
  InterfaceState,
  IpAddress,
  Link,
  NetworkState,
  PortVlan,
  Route,
  RouteRule,
} from '../../src/network/state.js';

type Gen = fc.GeneratorValue;

export const hex = (value: number): string => value.toString(16).padStart(2, '0');

/** A host with NICs, taps, bonds, VLANs, bridges, VXLANs, veth pairs, addresses, routes, rules, DNS. */
export function legalState(g: Gen): NetworkState {
  const pick = <T>(items: readonly T[]): T => g(() => fc.constantFrom(...items));
  const number = (minimum: number, maximum: number): number =>
    g(() => fc.integer({ min: minimum, max: maximum }));
  const chance = (percent: number): boolean => number(1, 100) <= percent;
  const made = new Map<string, InterfaceState>();
  const add = (name: string, link: Link, values: Partial<InterfaceState> = {}): InterfaceState => {
    const index = made.size + 1;
    const mac = `52:54:00:00:00:${hex(index)}`;
    const state: InterfaceState = {
      name,
      up: chance(80),
      mac,
      mtu: pick([1500, 9000, 1280, 1400]),
      controller: undefined,
      ipv4: { enabled: false, addresses: [] },
      ipv6: { enabled: chance(80), addresses: [] },
      link,
      facts: {
        index,
        carrier: true,
        permanentMac: link.kind === 'ethernet' ? mac : undefined,
        minMtu: 68,
        maxMtu: 9216,
        altNames: [],
        dynamicAddresses: [],
        owner: undefined,
        attachments: [],
      },
      ...values,
    };
    made.set(name, state);
    return state;
  };
  const attach = (name: string, controller: InterfaceState, values = {}): void => {
    const state = made.get(name);
    if (state !== undefined) {
      made.set(name, { ...state, controller: controller.name, up: true, ...values });
    }
  };

  const free: string[] = [];
  for (let index = 0; index < 4; index += 1)
    free.push(add(`eth${index}`, { kind: 'ethernet' }).name);
  for (let index = number(0, 2); index > 0; index -= 1) {
    free.push(add(`tap${index}`, { kind: 'other', type: 'tun' }).name);
  }
  if (chance(40)) {
    add('veth0', { kind: 'veth', peer: 'veth1' });
    add('veth1', { kind: 'veth', peer: 'veth0' });
    free.push('veth0');
  }
  if (chance(30)) free.push(add('dummy0', { kind: 'dummy' }).name);
  const take = (allowed: (name: string) => boolean): string | undefined => {
    const candidates = free.filter(allowed);
    if (candidates.length === 0) return undefined;
    const name = pick(candidates);
    free.splice(free.indexOf(name), 1);
    return name;
  };

  for (let index = 0, bonds = number(0, 2); index < bonds; index += 1) {
    const mode = pick(BOND_MODES);
    const ports = [take((name) => name.startsWith('eth')), take((name) => name.startsWith('eth'))]
      .filter((name) => name !== undefined)
      .sort();
    const queues = pick([
      ['0', '0'],
      ['1', '2'],
      ['2', '1'],
    ]);
    const bond = add(`bond${index}`, {
      kind: 'bond',
      mode,
      // As the kernel reports them: every option, whatever the mode.
      options: {
        miimon: '100',
        updelay: pick(['0', '200']),
        lacp_rate: pick(['slow', 'fast']),
        arp_interval: '0',
        arp_validate: 'none',
        xmit_hash_policy: pick(['layer2', 'layer3+4']),
        all_slaves_active: '0',
        tlb_dynamic_lb: '1',
        fail_over_mac: mode === 'active-backup' ? pick(['none', 'active']) : 'none',
        min_links: '0',
      },
      ports,
      portOptions: Object.fromEntries(
        ports.map((port, place) => [
          port,
          {
            queue_id: queues[place] ?? '0',
            prio: ['active-backup', 'balance-tlb', 'balance-alb'].includes(mode)
              ? pick(['0', '-1', '7'])
              : '0',
          },
        ]),
      ),
    });
    for (const port of ports) attach(port, bond, { mtu: bond.mtu, mac: bond.mac });
    free.push(bond.name);
  }
  for (let index = 0, vlans = number(0, 3); index < vlans; index += 1) {
    const base = pick([...made.keys()].filter((name) => /^(eth|bond)/.test(name)));
    const below = made.get(base);
    if (below === undefined || made.has(`${base}.${10 + index}`)) continue;
    const vlan = add(
      `${base}.${10 + index}`,
      {
        kind: 'vlan',
        base,
        id: 10 + index,
        protocol: pick(['802.1q', '802.1ad']),
        options: {
          gvrp: pick(['off', 'off', 'on']),
          mvrp: 'off',
          reorder_hdr: pick(['on', 'on', 'off']),
          loose_binding: pick(['off', 'off', 'on']),
          'ingress-qos-map': pick(['', '1:2 3:4']),
          'egress-qos-map': pick(['', '0:1']),
        },
      },
      { mtu: below.mtu, up: below.up, ...(chance(70) ? { mac: below.mac } : {}) },
    );
    free.push(vlan.name);
  }
  if (chance(30)) {
    const link: Link = {
      kind: 'vxlan',
      id: number(0, 16_777_215),
      base: 'eth0',
      local: undefined,
      remote: pick([undefined, '192.0.2.9', '2001:db8::9']),
      destinationPort: 4789,
      learning: chance(50),
    };
    free.push(add('vx0', link).name);
  }
  for (let index = 0, bridges = number(0, 2); index < bridges; index += 1) {
    const ports: string[] = [];
    for (let count = number(0, 3); count > 0; count -= 1) {
      const port = take(() => true);
      if (port !== undefined) ports.push(port);
    }
    ports.sort();
    const table = (): readonly PortVlan[] =>
      pick<readonly PortVlan[]>([
        [],
        [{ vid: 1, pvid: true, untagged: true }],
        [
          { vid: 1, pvid: true, untagged: true },
          { vid: 10, pvid: false, untagged: false },
          { vid: 11, pvid: false, untagged: false },
        ],
        [{ vid: 20, pvid: false, untagged: false }],
        // Legal in the kernel, beyond nmstate's words.
        [{ vid: 30, pvid: false, untagged: true }],
      ]);
    const bridge = add(
      `br${index}`,
      {
        kind: 'linux-bridge',
        options: {
          stp_state: pick(['0', '1']),
          forward_delay: pick(['1500', '200', '1550']),
          hello_time: '200',
          max_age: pick(['2000', '4000']),
          ageing_time: '30000',
          priority: '32768',
          vlan_filtering: pick(['0', '1']),
          vlan_default_pvid: pick(['1', '1', '0', '7']),
          vlan_protocol: '802.1q',
          mcast_snooping: '1',
          mcast_router: '1',
          group_fwd_mask: pick(['0', '8']),
          group_address: '01:80:c2:00:00:00',
          nf_call_iptables: '0',
        },
        ports: ports.map((name) => ({
          name,
          options: { priority: '32', cost: pick(['4', '100']), hairpin: pick(['on', 'off']) },
          vlans: table(),
        })),
      },
      chance(50) ? { mac: made.get(ports[0] ?? '')?.mac } : {},
    );
    for (const port of ports) attach(port, bridge);
  }

  if (chance(40)) {
    const base = take((name) => /^(eth|bond\d)/.test(name) && !name.includes('.'));
    const below = made.get(base ?? '');
    if (base !== undefined && below !== undefined) {
      const mode = pick(['vepa', 'bridge', 'private', 'passthru'] as const);
      const values = {
        mtu: Math.min(below.mtu, pick([1500, 9000, 1400])),
        ...(mode === 'passthru' ? { mac: below.mac } : {}),
      };
      const kind = pick(['mac-vlan', 'mac-vtap'] as const);
      const promiscuous = mode !== 'passthru' || chance(50);
      free.push(add('mv0', { kind, base, mode, promiscuous }, values).name);
      if (mode !== 'passthru' && chance(50)) {
        add('mv1', { kind, base, mode: 'bridge', promiscuous: true }, values);
      }
    }
  }
  if (chance(40)) {
    const ports = [take(() => true), take(() => true)].filter((name) => name !== undefined).sort();
    const vrf = add('vrf0', { kind: 'vrf', table: pick([10, 20]), ports }, { mtu: 65_535 });
    for (const name of ports) {
      const state = made.get(name);
      if (state !== undefined) made.set(name, { ...state, controller: vrf.name });
    }
  }

  let counter = 0;
  const routes: Route[] = [];
  for (const state of made.values()) {
    const { kind } = state.link;
    if (isSubordinatePort(state, made) || kind === 'other' || chance(40)) continue;
    counter += 1;
    const ipv4: IpAddress[] = [{ ip: `10.0.${counter}.2`, prefixLength: 24 }];
    if (chance(30)) ipv4.push({ ip: `10.0.${counter}.3`, prefixLength: 24 });
    const ipv6: IpAddress[] = state.ipv6.enabled
      ? [{ ip: `2001:db8:${counter}::2`, prefixLength: 64 }]
      : [];
    made.set(state.name, {
      ...state,
      ipv4: { enabled: true, addresses: ipv4 },
      ipv6: { enabled: state.ipv6.enabled, addresses: ipv6 },
    });
    if (!state.up || chance(50)) continue;
    const isDefault = chance(50);
    routes.push({
      family: 'ipv4',
      type: 'unicast',
      destination: isDefault ? '0.0.0.0/0' : `172.16.${counter}.0/24`,
      table: pick([254, 100]),
      metric: pick([undefined, counter]),
      nextHopInterface: state.name,
      nextHopAddress: `10.0.${counter}.1`,
      source: pick([undefined, `10.0.${counter}.2`]),
      onlink: chance(20),
      protocol: pick([3, 4, 16, 12]),
      foreign: chance(10),
    });
  }
  if (chance(30)) {
    routes.push({
      family: 'ipv6',
      type: 'blackhole',
      destination: '2001:db8:dead::/48',
      table: 254,
      metric: 1024,
      nextHopInterface: 'lo',
      nextHopAddress: undefined,
      source: undefined,
      onlink: false,
      protocol: 3,
      foreign: false,
    });
  }
  const rules: RouteRule[] = [];
  for (let index = number(0, 3); index > 0; index -= 1) {
    const action = pick([undefined, undefined, 'prohibit' as const]);
    rules.push({
      family: 'ipv4',
      priority: 100 + index,
      from: pick([undefined, `10.${index}.0.0/16`]),
      to: pick([undefined, '192.0.2.1/32']),
      iif: pick([undefined, 'eth0']),
      fwmark: pick([undefined, 5]),
      fwmask: undefined,
      table: action === undefined ? 100 : undefined,
      action,
      foreign: chance(10),
    });
  }
  return {
    interfaces: interfaceMap(made.values()),
    routes,
    rules,
    dns: {
      servers: pick([[], ['192.0.2.53', 'fe80::1%eth0']]),
      search: pick([[], ['example.com']]),
      options: pick([[], ['ndots:2', 'rotate'], ['something-new']]),
    },
    hostname: 'h1',
  };
}
