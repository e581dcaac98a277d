/**
 * Random whole network documents for a host with four NICs: up to twelve interfaces of all kinds, standing
 * on each other, with addresses, routes, rules and DNS. What is generated is meant to be legal; what netorch
 * refuses all the same is counted by the caller. Names, subnets and table numbers come from small pools, so
 * that two documents meet in the same objects.
 */
import type { Random } from './random.js';

type Section = Readonly<Record<string, unknown>>;
export type InterfaceDocument = Readonly<{ name: string; type?: string; state: string }> & Section;
export type NetworkDocument = Readonly<{
  interfaces: readonly InterfaceDocument[];
  routes: Readonly<{ config: readonly Section[] }>;
  'route-rules': Readonly<{ config: readonly Section[] }>;
  'dns-resolver'?: Section;
}>;

const MOST_INTERFACES = 12;
const MODES = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
] as const;

const byte = (value: number): string => value.toString(16).padStart(2, '0');

type Draft = {
  name: string;
  type: string;
  controller: string | undefined;
  base: string | undefined;
  depth: number;
  mtu: number | undefined;
  up: boolean;
  section: Section;
};

/** Several pairs stand in one namespace, each in a slot of its own: with its own names and numbers. */
const SLOT_LETTERS = 'abcdefghijklmnop';

export const prefixOf = (slot: number): string => SLOT_LETTERS[slot] ?? 'z';
export const nicsOf = (slot: number): readonly string[] =>
  [0, 1, 2, 3].map((index) => `${prefixOf(slot)}eth${index}`);

/** The same seed gives the same document in every slot, but for names and numbers. */
export function randomDocument(random: Random, slot: number, isWhole: boolean): NetworkDocument {
  return new Generator(random, slot, isWhole).document();
}

class Generator {
  private readonly random: Random;
  private readonly made = new Map<string, Draft>();
  private readonly size: number;

  private readonly slot: number;
  private readonly prefix: string;
  private readonly nics: readonly string[];

  /** With the kinds that many kernels lack: bonds, VLANs, dummies, bridges that filter. */
  private readonly isWhole: boolean;

  constructor(random: Random, slot: number, isWhole: boolean) {
    this.random = random;
    this.isWhole = isWhole;
    this.slot = slot;
    this.prefix = prefixOf(slot);
    this.nics = nicsOf(slot);
    this.size = random.number(this.nics.length, MOST_INTERFACES);
  }

  /** Names of this slot. */
  private named(...names: readonly string[]): readonly string[] {
    return names.map((name) => `${this.prefix}${name}`);
  }

  document(): NetworkDocument {
    const { random } = this;
    for (const name of this.nics) this.add(name, 'ethernet', {});
    if (random.chance(35)) this.vethPair();
    if (this.isWhole)
      for (const name of this.named('dummy1', 'dummy2'))
        if (random.chance(25)) this.add(name, 'dummy', {});
    if (this.isWhole)
      for (const name of this.named('bond0', 'bond1')) if (random.chance(60)) this.bond(name);
    for (let index = random.number(0, 4); index > 0 && this.isWhole; index -= 1) this.vlan();
    if (random.chance(25)) this.vxlan();
    for (const name of this.named('br0', 'br1')) if (random.chance(55)) this.bridge(name);
    // On top of the bridges as well.
    for (let index = random.number(0, 2); index > 0 && this.isWhole; index -= 1) this.vlan();
    for (const item of this.made.values()) {
      const isBelow = this.standsBelow(item.name);
      if (item.controller === undefined && !isBelow && random.chance(8)) item.up = false;
    }
    const addresses = this.addresses();
    const interfaces = [...this.made.values()].map((item) => this.written(item, addresses));
    const routes = this.routes(addresses);
    return {
      // The order of a document means nothing.
      interfaces: random.some(interfaces, interfaces.length),
      routes: { config: routes },
      'route-rules': { config: this.rules() },
      ...(random.chance(20) && this.slot === 0 ? { 'dns-resolver': { config: this.dns() } } : {}),
    };
  }

  private add(name: string, type: string, section: Section, base?: string): Draft {
    const below = base === undefined ? undefined : this.made.get(base);
    const item: Draft = {
      name,
      type,
      controller: undefined,
      base,
      depth: (below?.depth ?? 0) + 1,
      mtu: undefined,
      up: true,
      section,
    };
    this.made.set(name, item);
    return item;
  }

  private hasRoom(count = 1): boolean {
    return this.made.size + count <= this.size;
  }

  private standsBelow(name: string): boolean {
    return [...this.made.values()].some((item) => item.base === name || item.controller === name);
  }

  private vethPair(): void {
    if (!this.hasRoom(2)) return;
    const [one = '', other = ''] = this.named('veth1', 'veth2');
    this.add(one, 'veth', { veth: { peer: other } });
    this.add(other, 'veth', { veth: { peer: one } });
  }

  /** Interfaces that may become ports. */
  private free(types: readonly string[]): readonly string[] {
    return [...this.made.values()]
      .filter(
        (item) =>
          types.includes(item.type) &&
          item.controller === undefined &&
          // A base that is a port is legal but rare.
          (!this.standsBelow(item.name) || this.random.chance(15)),
      )
      .map((item) => item.name);
  }

  private bond(name: string): void {
    const { random } = this;
    if (!this.hasRoom()) return;
    const ports = random.some(this.free(['ethernet', 'veth', 'dummy']), random.number(1, 3));
    if (ports.length === 0) return;
    const mode = random.pick(MODES);
    const item = this.add(name, 'bond', {
      'link-aggregation': {
        mode,
        ...(random.chance(85) ? { options: this.bondOptions(mode, ports) } : {}),
        port: ports,
      },
    });
    for (const port of ports) {
      const draft = this.made.get(port);
      if (draft !== undefined) draft.controller = name;
      if (draft !== undefined) item.depth = Math.max(item.depth, draft.depth + 1);
    }
    if (random.chance(40)) item.mtu = random.pick([1400, 1500, 9000]);
  }

  private bondOptions(mode: (typeof MODES)[number], ports: readonly string[]): Section {
    const { random } = this;
    const options: Record<string, unknown> = {};
    const maybe = (key: string, values: readonly unknown[], percent = 25): void => {
      if (random.chance(percent)) options[key] = random.pick(values);
    };
    const isArpMonitored = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast'].includes(
      mode,
    );
    if (isArpMonitored && random.chance(20)) {
      options['arp_interval'] = random.pick([200, 1000]);
      options['arp_ip_target'] = random.pick(['10.0.1.9', '10.0.1.9,10.0.2.9']);
      if (mode === 'active-backup') maybe('arp_validate', ['none', 'active', 'all']);
      maybe('arp_all_targets', ['any', 'all']);
      maybe('arp_missed_max', [2, 4]);
    } else if (random.chance(75)) {
      options['miimon'] = 100;
      maybe('updelay', [0, 200, 300]);
      maybe('downdelay', [0, 200]);
      maybe('peer_notif_delay', [0, 100], 10);
      maybe('use_carrier', [true, false], 10);
    }
    maybe('resend_igmp', [1, 4], 10);
    maybe('num_grat_arp', [1, 3], 10);
    maybe('min_links', [0, 1], 15);
    maybe('all_slaves_active', [true, false], 10);
    maybe('lp_interval', [1, 5], 10);
    if (['balance-xor', '802.3ad', 'balance-tlb'].includes(mode))
      maybe('xmit_hash_policy', ['layer2', 'layer3+4', 'layer2+3', 'encap3+4', 'vlan+srcmac']);
    if (mode === 'balance-rr') maybe('packets_per_slave', [1, 10]);
    if (mode === '802.3ad') {
      maybe('lacp_rate', ['slow', 'fast'], 50);
      maybe('lacp_active', ['on', 'off'], 10);
      maybe('ad_select', ['stable', 'bandwidth', 'count']);
      maybe('ad_actor_sys_prio', [65_535, 1000], 15);
      maybe('ad_user_port_key', [0, 12], 15);
    }
    if (mode === 'active-backup') {
      maybe('fail_over_mac', ['none', 'active', 'follow'], 30);
    }
    if (['active-backup', 'balance-tlb', 'balance-alb'].includes(mode)) {
      if (ports.length > 0) maybe('primary', ports, 30);
      maybe('primary_reselect', ['always', 'better', 'failure']);
    }
    if (mode === 'balance-tlb') maybe('tlb_dynamic_lb', [true, false]);
    return options;
  }

  private vlan(): void {
    const { random } = this;
    if (!this.hasRoom()) return;
    const bases = [...this.made.values()].filter(
      (item) =>
        ['ethernet', 'bond', 'vlan', 'linux-bridge', 'dummy', 'veth'].includes(item.type) &&
        (item.controller === undefined || random.chance(10)) &&
        item.depth < 6,
    );
    const base = random.pick(bases);
    const id = random.pick([10, 11, 20]);
    // Names of their own meet with other ids and bases in other documents.
    const name = random.chance(50)
      ? `${base.name}.${id}`
      : `${this.prefix}vlan${random.number(1, 3)}`;
    const isThere = [...this.made.values()].some(
      (item) =>
        item.base === base.name &&
        item.type === 'vlan' &&
        (item.section['vlan'] as { id?: number }).id === id,
    );
    if (this.made.has(name) || isThere || name.length > 15) return;
    const item = this.add(
      name,
      'vlan',
      {
        vlan: {
          'base-iface': base.name,
          id,
          ...(random.chance(15) ? { protocol: '802.1ad' } : {}),
        },
      },
      base.name,
    );
    if (random.chance(20)) item.mtu = Math.min(base.mtu ?? 1400, random.pick([1400, 1500, 1300]));
  }

  private vxlan(): void {
    const { random } = this;
    if (!this.hasRoom()) return;
    const base = random.chance(60) ? random.pick(this.nics) : undefined;
    // An IPv6 one needs IPv6 on the base, which may be switched off.
    const remote = random.pick([
      '10.0.253.9',
      '239.1.1.1',
      base === undefined ? '2001:db8:9::9' : undefined,
      undefined,
    ]);
    if (remote === '239.1.1.1' && base === undefined) return;
    const item = this.add(
      `${this.prefix}vxlan0`,
      'vxlan',
      {
        vxlan: {
          id: random.pick([100, 200]) + this.slot,
          ...(base === undefined ? {} : { 'base-iface': base }),
          ...(remote === undefined ? {} : { remote }),
          ...(random.chance(50) ? { 'destination-port': random.pick([4789, 4790]) } : {}),
          ...(random.chance(30) ? { learning: random.chance(50) } : {}),
        },
      },
      base,
    );
    item.mtu = random.pick([1280, 1300]);
  }

  private bridge(name: string): void {
    const { random } = this;
    if (!this.hasRoom()) return;
    const kinds = ['ethernet', 'bond', 'vlan', 'vxlan', 'veth', 'dummy'];
    const names = random.some(this.free(kinds), random.number(0, 4));
    const filters = this.isWhole && random.chance(35);
    const ports = names.map((port) => ({
      name: port,
      ...(random.chance(20) ? { 'stp-priority': random.pick([16, 32, 48]) } : {}),
      ...(random.chance(20) ? { 'stp-path-cost': random.pick([4, 100, 1000]) } : {}),
      ...(random.chance(20) ? { 'stp-hairpin-mode': random.chance(50) } : {}),
      ...(filters && random.chance(60) ? { vlan: this.portVlans() } : {}),
    }));
    const item = this.add(name, 'linux-bridge', {
      bridge: {
        ...(random.chance(85) ? { options: this.bridgeOptions(filters) } : {}),
        port: ports,
      },
      ...(random.chance(40) ? { exclusive: true } : {}),
    });
    for (const port of names) {
      const draft = this.made.get(port);
      if (draft !== undefined) draft.controller = name;
      if (draft !== undefined) item.depth = Math.max(item.depth, draft.depth + 1);
    }
    if (random.chance(30)) item.mtu = random.pick([1400, 1500, 9000]);
  }

  private portVlans(): Section {
    const { random } = this;
    if (random.chance(30)) return { mode: 'access', tag: random.pick([10, 20, 30]) };
    const tags = random.pick([
      [{ id: 10 }, { id: 11 }],
      [{ 'id-range': { min: 100, max: 105 } }],
      [{ id: 20 }, { 'id-range': { min: 30, max: 31 } }],
    ]);
    return {
      mode: 'trunk',
      'trunk-tags': tags,
      ...(random.chance(40) ? { 'enable-native': true, tag: random.pick([1, 40]) } : {}),
    };
  }

  private bridgeOptions(filters: boolean): Section {
    const { random } = this;
    const options: Record<string, unknown> = {};
    const maybe = (key: string, values: readonly unknown[], percent = 20): void => {
      if (random.chance(percent)) options[key] = random.pick(values);
    };
    if (random.chance(70)) {
      const stp: Record<string, unknown> = { enabled: random.chance(40) };
      if (random.chance(30)) stp['forward-delay'] = random.pick([15, 20]);
      if (random.chance(20)) stp['hello-time'] = random.pick([2, 3]);
      if (random.chance(20)) stp['max-age'] = random.pick([20, 24]);
      if (random.chance(30)) stp['priority'] = random.pick([32_768, 4096]);
      options['stp'] = stp;
    }
    // Under spanning tree nobody can read it back while the topology changes.
    const { enabled } = (options['stp'] ?? {}) as { enabled?: boolean };
    if (enabled === false) maybe('mac-ageing-time', [300, 60]);
    maybe('group-forward-mask', [0, 8]);
    maybe('multicast-snooping', [true, false]);
    maybe('multicast-router', [0, 1, 2], 10);
    maybe('multicast-querier', [true, false], 10);
    maybe('hash-max', [4096, 512], 10);
    maybe('multicast-query-interval', [12_500, 6000], 10);
    if (filters) {
      options['vlan-filtering'] = true;
      maybe('vlan-default-pvid', [1, 7], 20);
      maybe('vlan-protocol', ['802.1q', '802.1ad'], 10);
    }
    return options;
  }

  // ---- addresses, routes, rules, DNS ------------------------------------------------------------------

  /** Subnet numbers are drawn from one pool: in another document they stand on another interface. */
  private addresses(): ReadonlyMap<string, number> {
    const { random } = this;
    const numbers = random
      .some([1, 2, 3, 4, 5, 6, 7, 8], 8)
      .map((number) => number + 10 * this.slot);
    const chosen = new Map<string, number>();
    for (const item of this.made.values()) {
      if (item.controller !== undefined || random.chance(45)) continue;
      const number = numbers.pop();
      if (number !== undefined) chosen.set(item.name, number);
    }
    return chosen;
  }

  private written(item: Draft, addresses: ReadonlyMap<string, number>): InterfaceDocument {
    const { random } = this;
    const number = addresses.get(item.name);
    const result: Record<string, unknown> = {};
    const controller = this.made.get(item.controller ?? '');
    if (item.mtu === undefined && controller?.type !== 'bond' && item.type !== 'vlan') {
      if (item.type === 'ethernet' && random.chance(30)) item.mtu = random.pick([1500, 9000, 2000]);
      if (['dummy', 'veth'].includes(item.type) && random.chance(20))
        item.mtu = random.pick([1500, 1000, 1400]);
    }
    if (item.mtu !== undefined) result['mtu'] = item.mtu;
    this.mac(item, controller, result);
    if (controller === undefined) this.families(item, number, result);
    return {
      name: item.name,
      ...(item.type === 'ethernet' && random.chance(30) ? {} : { type: item.type }),
      state: item.up ? 'up' : 'down',
      ...item.section,
      ...result,
    };
  }

  private mac(item: Draft, controller: Draft | undefined, result: Record<string, unknown>): void {
    const { random } = this;
    if (controller?.type === 'bond') return;
    const options = (item.section['link-aggregation'] as { options?: Section } | undefined)
      ?.options;
    const follows = ['active', 'follow'].includes(String(options?.['fail_over_mac']));
    if (follows) return;
    if (item.type !== 'ethernet' && random.chance(20)) {
      const index = [...this.made.keys()].indexOf(item.name);
      result['mac-address'] =
        `02:00:00:${byte(this.slot)}:0${random.number(2, 3)}:0${index.toString(16)}`;
    } else if (item.type === 'linux-bridge' && random.chance(25)) {
      const port = [...this.made.values()].find((other) => other.controller === item.name);
      if (port !== undefined && port.type === 'ethernet') result['copy-mac-from'] = port.name;
    }
  }

  private families(item: Draft, number: number | undefined, result: Record<string, unknown>): void {
    const { random } = this;
    const isSmall = item.mtu !== undefined && item.mtu < 1280;
    if (number === undefined) {
      if (random.chance(30)) result['ipv4'] = { enabled: false };
      if (isSmall || random.chance(20))
        result['ipv6'] = { enabled: isSmall ? false : random.chance(50) };
      return;
    }
    const hosts = random.some([2, 3, 4], random.number(1, 3));
    result['ipv4'] = {
      enabled: true,
      address: [
        ...hosts.map((host) => ({ ip: `10.0.${number}.${host}`, 'prefix-length': 24 })),
        ...(random.chance(15) ? [{ ip: `10.1.${number}.1`, 'prefix-length': 32 }] : []),
      ],
    };
    if (isSmall) {
      result['ipv6'] = { enabled: false };
    } else if (random.chance(60)) {
      const six = random.some(['2', '3'], random.number(0, 2));
      result['ipv6'] = {
        enabled: true,
        address: six.map((host) => ({ ip: `2001:db8:${number}::${host}`, 'prefix-length': 64 })),
      };
    } else if (random.chance(30)) {
      result['ipv6'] = { enabled: false };
    }
  }

  private routes(addresses: ReadonlyMap<string, number>): readonly Section[] {
    const { random } = this;
    const routes: Section[] = [];
    const slots = new Set<string>();
    const add = (route: Readonly<Record<string, unknown>>): void => {
      const slot = [route['destination'], route['table-id'] ?? 254, route['metric'] ?? '-'].join(
        ' ',
      );
      if (slots.has(slot)) return;
      slots.add(slot);
      routes.push(route);
    };
    for (const [name, number] of addresses) {
      const item = this.made.get(name);
      if (item?.up !== true || random.chance(40)) continue;
      for (let index = random.number(1, 2); index > 0; index -= 1) {
        add({
          destination: random.pick([
            // One default route for the host; those of other slots have tables and metrics of their own.
            this.slot === 0 ? '0.0.0.0/0' : `172.${16 + this.slot}.0.0/17`,
            `172.${16 + this.slot}.0.0/16`,
            `192.168.${number}.0/24`,
          ]),
          'next-hop-interface': name,
          ...(random.chance(85) ? { 'next-hop-address': `10.0.${number}.1` } : {}),
          ...(random.chance(40) ? { metric: random.pick([50, 100, 200]) } : {}),
          ...(random.chance(30) ? { 'table-id': this.table() } : {}),
        });
      }
    }
    if (random.chance(15)) {
      add({
        destination: random.pick([`198.18.${this.slot}.0/24`, `2001:db8:dea${this.slot}::/48`]),
        'route-type': random.pick(['blackhole', 'unreachable', 'prohibit']),
      });
    }
    return routes;
  }

  private rules(): readonly Section[] {
    const { random } = this;
    const rules: Section[] = [];
    for (let index = random.number(0, 3) - 1; index > 0; index -= 1) {
      const isSix = random.chance(20);
      rules.push({
        priority: 100 + 10 * this.slot + index,
        ...(isSix
          ? {
              'ip-from': random.pick([
                `2001:db8:${1 + 10 * this.slot}::/64`,
                `2001:db8:${2 + 10 * this.slot}::3/128`,
              ]),
            }
          : {
              'ip-from': random.pick([
                `10.0.${1 + 10 * this.slot}.2/32`,
                `10.0.${2 + 10 * this.slot}.0/24`,
              ]),
            }),
        ...(random.chance(20) && !isSix ? { 'ip-to': '192.0.2.0/24' } : {}),
        ...(random.chance(15) ? { fwmark: 5, ...(random.chance(50) ? { fwmask: 255 } : {}) } : {}),
        ...(random.chance(15) ? { iif: this.nics[0] } : {}),
        ...(random.chance(75)
          ? { 'route-table': this.table() }
          : { action: random.pick(['blackhole', 'unreachable', 'prohibit']) }),
      });
    }
    return rules;
  }

  private table(): number {
    return this.random.pick([100, 200]) + this.slot;
  }

  private dns(): Section {
    const { random } = this;
    return {
      server: random.pick([['192.0.2.1'], ['192.0.2.2', '2001:db8::53']]),
      ...(random.chance(50) ? { search: ['example.org'] } : {}),
    };
  }
}

/**
 * The second document of a pair, so that it takes the host all the way: what only the first one has is
 * made absent (most of the time), its routes and rules too.
 */
export function leavingBehind(
  random: Random,
  first: NetworkDocument,
  second: NetworkDocument,
): NetworkDocument {
  const names = new Set(second.interfaces.map((item) => item.name));
  const gone = first.interfaces
    .filter((item) => !names.has(item.name) && random.chance(85))
    .map((item): InterfaceDocument => ({ name: item.name, state: 'absent' }));
  const routes = second.routes.config;
  const isWanted = (route: Section) =>
    routes.some((other) =>
      ['destination', 'table-id', 'metric'].every((key) => other[key] === route[key]),
    );
  const lost = first.routes.config
    .filter((route) => !isWanted(route) && random.chance(75))
    .map((route) => ({ ...route, state: 'absent' }));
  const rules = first['route-rules'].config
    .filter(() => random.chance(75))
    .map((rule) => ({ ...rule, state: 'absent' }));
  return {
    ...second,
    interfaces: [...second.interfaces, ...gone],
    routes: { config: [...routes, ...lost] },
    'route-rules': { config: [...rules, ...second['route-rules'].config] },
  };
}
