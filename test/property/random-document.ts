/**
 * Random whole network documents for a host with four NICs: up to twelve interfaces of all kinds, standing
 * on each other, with addresses, routes, rules and DNS. What is generated is meant to be legal; what netorch
 * refuses all the same is counted by the caller. Names, subnets and table numbers come from small pools, so
 * that two documents meet in the same objects.
 */
import { BOND_MODES } from '../../src/network/bond.js';
import type { Random } from './random.js';
import {
  bondOptions,
  bridgeOptions,
  portsConfig,
  portVlans,
  vlanOptions,
} from './random-options.js';
import { randomDns, randomRoutes, randomRules, type Way } from './random-routes.js';

type Section = Readonly<Record<string, unknown>>;
export type InterfaceDocument = Readonly<{ name: string; type?: string; state: string }> & Section;
export type NetworkDocument = Readonly<{
  interfaces: readonly InterfaceDocument[];
  routes: Readonly<{ config: readonly Section[] }>;
  'route-rules': Readonly<{ config: readonly Section[] }>;
  'dns-resolver'?: Section;
}>;

const MOST_INTERFACES = 12;
const byte = (value: number): string => value.toString(16).padStart(2, '0');

type Draft = {
  name: string;
  type: string;
  controller: string | undefined;
  base: string | undefined;
  depth: number;
  mtu: number | undefined;
  up: boolean;
  /** Of a mac-vlan. */
  mode: string | undefined;
  /** Of the VRF that it is a port of. */
  vrfTable: number | undefined;
  section: Section;
};

const isMacVlan = (item: Draft): boolean => item.type.startsWith('mac-v');

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
    // Below a bond, which takes a VLAN as a port.
    if (this.isWhole && random.chance(15)) this.vlan();
    if (this.isWhole)
      for (const name of this.named('bond0', 'bond1')) if (random.chance(60)) this.bond(name);
    for (let index = random.number(0, 4); index > 0 && this.isWhole; index -= 1) this.vlan();
    if (random.chance(25)) this.vxlan();
    for (const name of this.named('br0', 'br1')) if (random.chance(55)) this.bridge(name);
    // On top of the bridges as well.
    for (let index = random.number(0, 2); index > 0 && this.isWhole; index -= 1) this.vlan();
    for (let index = random.number(0, 3) - 1; index > 0; index -= 1) this.macVlan(index);
    if (this.isWhole && random.chance(25)) this.vrf();
    for (const item of this.made.values()) {
      const isBelow = this.standsBelow(item.name);
      if (item.controller === undefined && !isBelow && random.chance(8)) item.up = false;
    }
    const addresses = this.addresses();
    const interfaces = [...this.made.values()].map((item) => this.written(item, addresses));
    const routes = randomRoutes(random, this.slot, this.ways(addresses, interfaces));
    return {
      // The order of a document means nothing.
      interfaces: random.some(interfaces, interfaces.length),
      routes: { config: routes },
      'route-rules': { config: randomRules(random, this.slot, this.nics) },
      ...(random.chance(20) && this.slot === 0
        ? { 'dns-resolver': { config: randomDns(random) } }
        : {}),
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
      mode: undefined,
      vrfTable: undefined,
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

  private hasMacVlan(name: string): boolean {
    return [...this.made.values()].some((item) => item.base === name && isMacVlan(item));
  }

  /** On what is no port of a bond or bridge; passthru is alone there. */
  private macVlan(index: number): void {
    const { random } = this;
    if (!this.hasRoom()) return;
    const kinds = ['ethernet', 'bond', 'vlan', 'veth', 'dummy', 'linux-bridge'];
    const isShared = (name: string): boolean =>
      [...this.made.values()].every(
        (item) => item.base !== name || !isMacVlan(item) || item.mode !== 'passthru',
      );
    const bases = [...this.made.values()].filter(
      (item) =>
        kinds.includes(item.type) &&
        item.controller === undefined &&
        item.depth < 6 &&
        isShared(item.name),
    );
    if (bases.length === 0) return;
    const base = random.pick(bases);
    const type = random.chance(70) ? 'mac-vlan' : 'mac-vtap';
    const canPassThrough = !this.hasMacVlan(base.name) && base.type !== 'linux-bridge';
    const mode =
      canPassThrough && random.chance(15)
        ? 'passthru'
        : random.pick(['vepa', 'bridge', 'private', 'source']);
    const item = this.add(
      `${this.prefix}mv${index}`,
      type,
      {
        [type]: {
          'base-iface': base.name,
          mode,
          ...(mode === 'passthru' && random.chance(30) ? { promiscuous: false } : {}),
        },
      },
      base.name,
    );
    item.mode = mode;
  }

  /** Its ports keep their addresses; their routes are in its table. */
  private vrf(): void {
    const { random } = this;
    if (!this.hasRoom()) return;
    const candidates = [...this.made.values()]
      .filter((item) => item.controller === undefined && !item.type.startsWith('mac-v'))
      .map((item) => item.name);
    const ports = random.some(candidates, random.number(0, 2));
    const table = random.pick([1000, 1100]) + this.slot;
    const name = `${this.prefix}vrf${random.number(0, 1)}`;
    this.add(name, 'vrf', { vrf: { 'route-table-id': table, port: ports } });
    for (const port of ports) {
      const draft = this.made.get(port);
      if (draft === undefined) continue;
      draft.controller = name;
      draft.vrfTable = table;
    }
  }

  /** Interfaces that may become ports. */
  private free(types: readonly string[]): readonly string[] {
    return [...this.made.values()]
      .filter(
        (item) =>
          types.includes(item.type) &&
          item.controller === undefined &&
          // A device takes either mac-vlans or a bond or bridge.
          !this.hasMacVlan(item.name) &&
          // A base that is a port is legal but rare.
          (!this.standsBelow(item.name) || this.random.chance(15)),
      )
      .map((item) => item.name);
  }

  private bond(name: string): void {
    const { random } = this;
    if (!this.hasRoom()) return;
    const ports = random.some(
      this.free(['ethernet', 'veth', 'dummy', 'vlan']),
      random.number(1, 3),
    );
    if (ports.length === 0) return;
    const mode = random.pick(BOND_MODES);
    const item = this.add(name, 'bond', {
      'link-aggregation': {
        mode,
        ...(random.chance(85) ? { options: bondOptions(random, mode, ports) } : {}),
        port: ports,
        ...(random.chance(15) ? { 'ports-config': portsConfig(random, mode, ports) } : {}),
      },
    });
    for (const port of ports) {
      const draft = this.made.get(port);
      if (draft !== undefined) draft.controller = name;
      if (draft !== undefined) item.depth = Math.max(item.depth, draft.depth + 1);
    }
    if (random.chance(40)) item.mtu = random.pick([1400, 1500, 9000]);
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
          ...vlanOptions(random),
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
    const remote = random.pick(['10.0.253.9', '239.1.1.1', '2001:db8:9::9', undefined]);
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
      ...(filters && random.chance(60) ? { vlan: portVlans(random) } : {}),
    }));
    const item = this.add(name, 'linux-bridge', {
      bridge: {
        ...(random.chance(85) ? { options: bridgeOptions(random, filters) } : {}),
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

  // ---- addresses, routes, rules, DNS ------------------------------------------------------------------

  /** Subnet numbers are drawn from one pool: in another document they stand on another interface. */
  private addresses(): ReadonlyMap<string, number> {
    const { random } = this;
    const numbers = random
      .some([1, 2, 3, 4, 5, 6, 7, 8], 8)
      .map((number) => number + 10 * this.slot);
    const chosen = new Map<string, number>();
    for (const item of this.made.values()) {
      const isPort = item.controller !== undefined && item.vrfTable === undefined;
      if (isPort || item.type === 'vrf' || random.chance(45)) continue;
      const number = numbers.pop();
      if (number !== undefined) chosen.set(item.name, number);
    }
    return chosen;
  }

  /** Where routes may lead. */
  private ways(
    addresses: ReadonlyMap<string, number>,
    interfaces: readonly InterfaceDocument[],
  ): readonly Way[] {
    return [...addresses].flatMap(([name, number]) => {
      const item = this.made.get(name);
      const six = interfaces.find((one) => one.name === name)?.['ipv6'] as
        { address?: readonly unknown[] } | undefined;
      const hasIpv6 = (six?.address ?? []).length > 0;
      return item?.up === true ? [{ name, number, hasIpv6, vrfTable: item.vrfTable }] : [];
    });
  }

  private written(item: Draft, addresses: ReadonlyMap<string, number>): InterfaceDocument {
    const { random } = this;
    const number = addresses.get(item.name);
    const result: Record<string, unknown> = {};
    const controller =
      item.vrfTable === undefined ? this.made.get(item.controller ?? '') : undefined;
    if (item.mtu === undefined && controller?.type !== 'bond' && item.type !== 'vlan') {
      if (item.type === 'ethernet' && random.chance(30)) item.mtu = random.pick([1500, 9000, 2000]);
      if (['dummy', 'veth'].includes(item.type) && random.chance(20))
        item.mtu = random.pick([1500, 1000, 1400]);
    }
    if (item.mtu !== undefined) result['mtu'] = item.mtu;
    this.mac(item, controller, result);
    if (random.chance(6)) result['accept-all-mac-addresses'] = random.chance(60);
    if (random.chance(6))
      result['alt-names'] = [{ name: `${item.name}-${random.pick(['x', 'y'])}` }];
    if (controller === undefined && item.type !== 'vrf') this.families(item, number, result);
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
    if (follows || item.mode === 'passthru') return;
    if (random.chance(item.type === 'ethernet' ? 12 : 20)) {
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
