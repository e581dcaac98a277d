/** A document against itself, without any host: what can be said of every plan. */
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { bondOptionProblems, monitorProblems } from './bond.js';
import { portsConfigProblems } from './bond-port.js';
import { bridgeOptionProblems } from './bridge.js';
import { sortByPlace } from './error-order.js';
import { desiredBase, desiredPorts, interfacesByName, locationOf } from './desired.js';
import type { DesiredInterface, DesiredRoute, DesiredState } from './desired.js';
import { isIpv4Broadcast } from './ip.js';
import { macVlanProblem } from './mac-vlan.js';
import { MAIN_TABLE } from './route.js';
import { bottomUp } from './stacking.js';
import type { InterfaceKind } from './state.js';

/** A document does not change: it is checked once, and then planned for, again and again. */
const known = new WeakMap<DesiredState, readonly NetorchError[]>();

/** INVALID_NETWORK errors, each at the key that is wrong. */
export function checkDesiredState(desired: DesiredState): readonly NetorchError[] {
  const found = known.get(desired) ?? checked(desired);
  known.set(desired, found);
  return found;
}

function checked(desired: DesiredState): readonly NetorchError[] {
  const check = new Check(desired);
  check.names();
  for (const item of check.active) {
    check.ownKeys(item);
    check.bond(item);
    check.bridge(item);
    check.vrf(item);
    check.addresses(item);
    check.stack(item);
  }
  check.controllers();
  check.sameAddressTwice();
  check.rings();
  check.routes();
  check.rules();
  return sortByPlace(check.errors);
}

class Check {
  readonly errors: NetorchError[] = [];
  readonly #desired: DesiredState;
  readonly #byName: ReadonlyMap<string, DesiredInterface>;
  /** Those that shall be there after the plan. */
  readonly active: readonly DesiredInterface[];

  constructor(desired: DesiredState) {
    this.#desired = desired;
    this.#byName = interfacesByName(desired);
    this.active = desired.interfaces.filter((item) => item.state === 'up' || item.state === 'down');
  }

  #at(location: SourceLocation | undefined, text: string, other?: SourceLocation): void {
    const notes =
      other === undefined ? [] : [`the other place: ${other.file}:${other.line}:${other.column}`];
    this.errors.push(new NetorchError('INVALID_NETWORK', text, { location, notes }));
  }

  #error(item: DesiredInterface, key: string, text: string, other?: SourceLocation): void {
    this.#at(locationOf(item, key), `interface "${item.name}": ${text}`, other);
  }

  names(): void {
    const seen = new Map<string, DesiredInterface>();
    for (const item of this.#desired.interfaces) {
      const first = seen.get(item.name);
      if (first === undefined) seen.set(item.name, item);
      else this.#error(item, '', 'is listed twice', locationOf(first));
    }
  }

  ownKeys(item: DesiredInterface): void {
    if (item.mac !== undefined && item.copyMacFrom !== undefined) {
      this.#error(item, 'copyMacFrom', 'mac-address and copy-mac-from exclude each other');
    }
    if (item.copyMacFrom === item.name) {
      this.#error(item, 'copyMacFrom', 'copy-mac-from names the interface itself');
    }
    if (item.mac !== undefined && !isLoopback(item)) {
      const first = Number.parseInt(item.mac.slice(0, 2), 16);
      if (first % 2 === 1) {
        this.#error(
          item,
          'mac',
          `mac-address is ${item.mac}, a multicast address; no device can have it`,
        );
      } else if (item.mac === '00:00:00:00:00:00') {
        this.#error(item, 'mac', 'mac-address is all zeros; no device can have it');
      }
    }
    if (item.mtu !== undefined && item.mtu < 1280) {
      const addresses = item.ipv6?.addresses ?? [];
      if (item.ipv6?.enabled === true || addresses.length > 0) {
        this.#error(item, 'mtu', `mtu is ${item.mtu}, but IPv6 needs at least 1280`);
      }
    }
    for (const family of ['ipv4', 'ipv6'] as const) {
      if (item.waitIp?.includes(family) === true && item[family]?.enabled === false) {
        this.#error(
          item,
          'waitIp',
          `wait-ip is ${item.waitIp}, but ${family} is not enabled in this plan`,
        );
      }
    }
    if (item.exclusive === true && item.bridge?.ports === undefined) {
      this.#error(item, 'exclusive', 'exclusive needs the list of ports that stay: bridge.port');
    }
  }

  bond(item: DesiredInterface): void {
    const { bond } = item;
    if (bond === undefined) return;
    const options = bond.options ?? {};
    if (bond.mode !== undefined) {
      for (const [option, text] of bondOptionProblems(bond.mode, options)) {
        this.#error(item, `bond.options.${option}`, text);
      }
    }
    // Delays may lean on a miimon that the host has; only what both stand here can be compared.
    if (options['miimon'] !== undefined) {
      for (const [option, text] of monitorProblems(options)) {
        this.#error(item, `bond.options.${option}`, text);
      }
    }
    this.#twice(item, 'bond.ports', bond.ports ?? []);
    const problems = portsConfigProblems(bond.mode, bond.ports, bond.portOptions ?? {});
    for (const [port, text] of problems) this.#error(item, `bond.portOptions.${port}`, text);
    const primary = options['primary'];
    if (primary !== undefined && primary !== '' && bond.ports?.includes(primary) === false) {
      this.#error(
        item,
        'bond.options.primary',
        `primary is "${primary}", which is not among its ports`,
      );
    }
    const isFollowing =
      options['fail_over_mac'] === 'active' &&
      (bond.mode === undefined || bond.mode === 'active-backup');
    if (isFollowing && item.mac !== undefined) {
      this.#error(
        item,
        'mac',
        'with fail_over_mac: active the bond has the MAC of its active port; mac-address cannot be set',
      );
    }
    const system = options['ad_actor_system'];
    if (system !== undefined && Number.parseInt(system.slice(0, 2), 16) % 2 === 1) {
      this.#error(item, 'bond.options.ad_actor_system', 'ad_actor_system is a multicast address');
    }
  }

  #twice(item: DesiredInterface, key: string, names: readonly string[]): void {
    if (names.length < 2) return;
    const seen = new Set<string>();
    for (const name of names) {
      if (seen.has(name)) this.#error(item, `${key}.${name}`, `port "${name}" is listed twice`);
      seen.add(name);
    }
  }

  vrf(item: DesiredInterface): void {
    this.#twice(item, 'vrf.ports', item.vrf?.ports ?? []);
  }

  bridge(item: DesiredInterface): void {
    const { bridge } = item;
    if (bridge === undefined) return;
    this.#twice(item, 'bridge.ports', bridge.ports?.map((port) => port.name) ?? []);
    for (const [option, text] of bridgeOptionProblems(bridge.options ?? {})) {
      this.#error(item, `bridge.options.${option}`, text);
    }
  }

  addresses(item: DesiredInterface): void {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const ip = item[family];
      if (ip === undefined) continue;
      const addresses = ip.addresses ?? [];
      if (ip.enabled === false && addresses.length > 0) {
        this.#error(item, `${family}.addresses`, `${family} is not enabled, but has addresses`);
      }
      if (ip.enabled === false && ip.dhcp === true) {
        this.#error(item, `${family}.dhcp`, `${family} is not enabled, but dhcp is true`);
      }
      if (ip.enabled === false && ip.autoconf === true) {
        this.#error(item, `${family}.autoconf`, `${family} is not enabled, but autoconf is true`);
      }
      if ((ip.dhcp === true || ip.autoconf === true) && isLoopback(item)) {
        const what = ip.dhcp === true ? 'dhcp' : 'autoconf';
        this.#error(item, `${family}.${what}`, `the loopback interface has no ${what}`);
      }
      const seen = new Set<string>();
      for (const address of addresses) {
        const key = `${family}.addresses`;
        if (seen.has(address.ip)) this.#error(item, key, `address ${address.ip} is listed twice`);
        seen.add(address.ip);
        const problem = unusable(address.ip, address.prefixLength);
        if (problem !== undefined && !isLoopback(item)) {
          this.#error(item, key, `address ${address.ip}/${address.prefixLength} is ${problem}`);
        }
      }
    }
  }

  /** VLANs and their bases, peers of pairs. */
  stack(item: DesiredInterface): void {
    const { base, key } = desiredBase(item);
    const below = base === undefined ? undefined : this.#byName.get(base);
    if (base === item.name) this.#error(item, key, 'base-iface names the interface itself');
    if (below?.state === 'absent' && below.kind !== undefined && below.kind !== 'ethernet') {
      this.#error(
        item,
        key,
        `its base-iface "${below.name}" is absent in this plan`,
        locationOf(below, 'state'),
      );
    }
    if (item.vxlan === undefined && below?.mtu !== undefined && item.mtu !== undefined) {
      const what = item.vlan === undefined ? 'mac-vlan' : 'VLAN';
      if (item.mtu > below.mtu) {
        this.#error(
          item,
          'mtu',
          `mtu is ${item.mtu}, but its base-iface "${below.name}" has ${below.mtu}; a ${what} cannot have more`,
          locationOf(below, 'mtu'),
        );
      }
    }
    const macVlan = item.macVlan === undefined ? undefined : macVlanProblem(item.macVlan);
    if (macVlan !== undefined) this.#error(item, 'macVlan.promiscuous', macVlan);
    if (item.macVlan?.mode === 'passthru' && item.mac !== undefined) {
      this.#error(
        item,
        'mac',
        'in mode passthru it has the MAC of its base-iface; give that one the mac-address',
      );
    }
    const peer = item.veth?.peer;
    if (peer === item.name) this.#error(item, 'veth.peer', 'veth.peer names the interface itself');
    const other = peer === undefined ? undefined : this.#byName.get(peer);
    const back = other?.veth?.peer;
    if (back !== undefined && back !== item.name) {
      this.#error(item, 'veth.peer', `veth.peer is "${peer}", whose own peer is "${back}"`);
    }
    if (other?.state === 'absent') {
      this.#error(item, 'veth.peer', `its peer "${other.name}" is absent in this plan`);
    }
  }

  /** Port lists and `controller:` must tell one story. */
  controllers(): void {
    const claims = new Map<string, { controller: DesiredInterface; key: string }>();
    for (const item of this.active) {
      for (const { name, key } of desiredPorts(item) ?? []) this.#claim(claims, item, name, key);
    }
    for (const item of this.active) {
      const { controller } = item;
      if (controller === undefined) continue;
      const claim = claims.get(item.name);
      if (claim !== undefined && claim.controller.name !== controller) {
        const says = controller === '' ? 'controller is empty' : `controller is "${controller}"`;
        this.#error(
          item,
          'controller',
          `${says}, but "${claim.controller.name}" lists it as a port`,
          locationOf(claim.controller, claim.key),
        );
        continue;
      }
      const named = this.#byName.get(controller);
      if (named === undefined || claim !== undefined) continue;
      if (named.state === 'absent') {
        this.#error(item, 'controller', `its controller "${controller}" is absent in this plan`);
      } else if (named.bond?.ports !== undefined || named.vrf?.ports !== undefined) {
        this.#error(
          item,
          'controller',
          `controller is "${controller}", whose list of ports does not name it; that list is whole`,
          locationOf(named, named.vrf === undefined ? 'bond.ports' : 'vrf.ports'),
        );
      } else if (named.kind !== undefined && !isController(named.kind)) {
        this.#error(
          item,
          'controller',
          `controller is "${controller}", a ${named.kind}; only bonds, bridges and VRFs have ports`,
        );
      }
      if (named.kind !== 'vrf') this.#noAddresses(item, controller);
    }
  }

  #claim(
    claims: Map<string, { controller: DesiredInterface; key: string }>,
    item: DesiredInterface,
    name: string,
    key: string,
  ): void {
    const first = claims.get(name);
    if (name === item.name) {
      this.#error(item, key, 'lists itself as a port');
      return;
    }
    if (first !== undefined && first.controller.name !== item.name) {
      this.#error(
        item,
        key,
        `port "${name}" is a port of "${first.controller.name}" as well; it can have one controller`,
        locationOf(first.controller, first.key),
      );
      return;
    }
    claims.set(name, { controller: item, key });
    const port = this.#byName.get(name);
    if (port?.state === 'absent') {
      this.#error(item, key, `port "${name}" is absent in this plan`, locationOf(port, 'state'));
    } else if (port !== undefined && item.kind !== 'vrf') {
      this.#noAddresses(port, item.name);
    }
  }

  /** An address on a port stays there and catches the traffic: it belongs on the controller. */
  #noAddresses(port: DesiredInterface, controller: string): void {
    for (const family of ['ipv4', 'ipv6'] as const) {
      const ip = port[family];
      const key = `${family}.${(ip?.addresses ?? []).length > 0 ? 'addresses' : 'enabled'}`;
      const hasAddresses = (ip?.addresses ?? []).length > 0;
      // IPv6 without addresses is the kernel's own default on ports of bridges.
      if (hasAddresses || (family === 'ipv4' && ip?.enabled === true)) {
        this.#error(
          port,
          key,
          `has ${family} enabled, but is a port of "${controller}"; put the addresses there`,
        );
      }
    }
  }

  sameAddressTwice(): void {
    const seen = new Map<string, DesiredInterface>();
    for (const item of this.active) {
      for (const family of ['ipv4', 'ipv6'] as const) {
        for (const { ip } of item[family]?.addresses ?? []) {
          if (ip.startsWith('fe80:')) continue; // good on each link by itself
          const first = seen.get(ip);
          if (first !== undefined && first.name !== item.name) {
            this.#error(
              item,
              `${family}.addresses`,
              `address ${ip} is on "${first.name}" as well`,
              locationOf(first, `${family}.addresses`),
            );
          }
          seen.set(ip, item);
        }
      }
    }
  }

  rings(): void {
    const below = new Map<string, string[]>();
    for (const item of this.active) {
      const { base } = desiredBase(item);
      const ports = item.bond?.ports ?? item.bridge?.ports?.map(({ name }) => name);
      below.set(item.name, base === undefined ? [...(ports ?? item.vrf?.ports ?? [])] : [base]);
    }
    for (const { name, controller } of this.active) {
      if (controller === undefined || controller === '') continue;
      const named = this.#byName.get(controller);
      if (named === undefined || desiredBase(named).base !== undefined) continue;
      below.get(controller)?.push(name);
    }
    const { loop } = bottomUp(below);
    const first = loop?.[0] === undefined ? undefined : this.#byName.get(loop[0]);
    if (loop === undefined || first === undefined || loop.length < 3) return; // itself: said above
    this.#error(first, '', `stands on itself: ${loop.join(' on ')}`);
  }

  routes(): void {
    const slots = new Map<string, DesiredRoute[]>();
    for (const route of this.#desired.routes) {
      const at = (text: string): void => this.#at(route.location, `route ${text}`);
      const device = route.nextHopInterface;
      const via = route.nextHopAddress;
      const type = route.type ?? 'unicast';
      if (route.absent) {
        const keys = Object.values({ ...route, absent: undefined, location: undefined });
        if (keys.every((value) => value === undefined)) {
          at('with state: absent names nothing; give at least a destination or next-hop-interface');
        }
        continue;
      }
      if (route.destination === undefined || route.family === undefined) {
        at('has no destination: give one, like 198.51.100.0/24');
        continue;
      }
      const to = route.destination;
      if (/^0\.\d/.test(to) && to !== '0.0.0.0/0') at(`to ${to}: 0.0.0.0/8 is "this network"`);
      if (type === 'unicast') {
        if (device === undefined || device === '') {
          at(`to ${to}: next-hop-interface is missing`);
        } else {
          const state = this.#byName.get(device)?.state;
          if (state === 'absent' || state === 'down') {
            at(`to ${to}: next-hop-interface "${device}" is ${state} in this plan`);
          }
          if (this.#byName.get(device)?.[route.family]?.enabled === false) {
            at(`to ${to}: ${route.family} is not enabled on "${device}"`);
          }
        }
      } else if ((via !== undefined && via !== '') || (device !== undefined && device !== '')) {
        at(`to ${to}: a ${type} route has no next hop`);
      }
      if (via !== undefined && via !== '' && via.includes(':') !== (route.family === 'ipv6')) {
        at(`to ${to}: next-hop-address ${via} is of the other IP family`);
      }
      if (route.source !== undefined && route.source.includes(':') !== (route.family === 'ipv6')) {
        at(`to ${to}: source ${route.source} is of the other IP family`);
      }
      if (route.onlink === true && (via === undefined || via === ''))
        at(`to ${to}: on-link says how its next-hop-address is reached, and it has none`);
      if (route.vrf !== undefined && route.table !== undefined)
        at(`to ${to}: vrf-name and table-id exclude each other: a VRF has a table of its own`);
      this.#oneRouteASlot(slots, route, to);
      if (route.mtuLocked === true && route.mtu === undefined)
        at(`to ${to}: lock-mtu needs an mtu`);
      if (type !== 'unicast' && route.weight !== undefined) {
        at(`to ${to}: a ${type} route has no weight`);
      }
    }
  }

  /** Several routes to one destination with one metric: each a next hop with its weight (ECMP), or a mistake. */
  #oneRouteASlot(slots: Map<string, DesiredRoute[]>, route: DesiredRoute, to: string): void {
    const table = route.vrf === undefined ? (route.table ?? MAIN_TABLE) : `of ${route.vrf}`;
    const slot = `${to} ${table} ${route.metric ?? '-'}`;
    const others = slots.get(slot) ?? [];
    const [first] = others;
    slots.set(slot, [...others, route]);
    if (first === undefined) return;
    const text = (words: string): void =>
      this.#at(route.location, `route to ${to} ${words}`, first.location);
    if (others.some((other) => other.weight === undefined) || route.weight === undefined) {
      text(
        'is there twice with one metric; to use both next hops (ECMP) give each a weight (1–256)',
      );
      return;
    }
    const sameWay = others.some(
      (other) =>
        other.nextHopInterface === route.nextHopInterface &&
        other.nextHopAddress === route.nextHopAddress,
    );
    if (sameWay) text('is there twice with one next hop');
    if (
      others.some(
        (other) =>
          other.source !== route.source ||
          other.mtu !== route.mtu ||
          other.mtuLocked !== route.mtuLocked ||
          other.cwnd !== route.cwnd ||
          other.initialCwnd !== route.initialCwnd,
      )
    ) {
      text(
        'has next hops that differ in source, mtu or cwnd; these belong to the route as a whole',
      );
    }
  }

  rules(): void {
    for (const rule of this.#desired.rules) {
      const at = (text: string): void => this.#at(rule.location, `route rule ${text}`);
      if (rule.absent) {
        const keys = Object.values({ ...rule, absent: undefined, location: undefined });
        if (keys.every((value) => value === undefined)) {
          at('with state: absent names nothing; give at least ip-from, ip-to or priority');
        }
        continue;
      }
      if (rule.family === undefined) at('needs ip-from, ip-to or family');
      if (rule.fwmask !== undefined && rule.fwmark === undefined) at('has fwmask without fwmark');
      if (rule.action !== undefined && rule.table !== undefined) {
        at('has both action and route-table; they exclude each other');
      }
      if (rule.suppressPrefixLength !== undefined) {
        if (rule.action !== undefined) {
          at(
            'has both action and suppress-prefix-length; only the lookup in a table can be suppressed',
          );
        }
        if (rule.family === 'ipv4' && rule.suppressPrefixLength > 32) {
          at(
            `has suppress-prefix-length ${rule.suppressPrefixLength}; an IPv4 prefix has at most 32`,
          );
        }
      }
    }
  }
}

function isController(kind: InterfaceKind): boolean {
  return kind === 'bond' || kind === 'linux-bridge' || kind === 'vrf';
}

const isLoopback = (item: DesiredInterface): boolean =>
  item.kind === 'loopback' || item.name === 'lo';

/** Addresses that no interface can have. */
function unusable(ip: string, prefixLength: number): string | undefined {
  if (prefixLength === 0) return 'without a prefix: prefix-length 0 takes in everything';
  if (ip.includes(':')) {
    if (ip === '::' || ip === '::1') return 'not an address for an interface';
    return ip.startsWith('ff') ? 'a multicast address' : undefined;
  }
  const first = Number.parseInt(ip, 10);
  if (first === 0 || first === 127) return 'not an address for an interface';
  if (first >= 224) return 'a multicast or reserved address';
  // The address of the network itself is odd, but some routers have it, and nmstate's manual.
  if (prefixLength <= 30 && isIpv4Broadcast({ ip, prefixLength })) {
    return 'the broadcast address of its network';
  }
  return undefined;
}
