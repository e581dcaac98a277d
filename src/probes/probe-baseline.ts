/**
 * What must be good after a change, seen from what was good before it. A probe that failed before is
 * required only where the plan itself opens the way it takes: a dead name server or gateway must not take a
 * good change back. Pure.
 */
import { canonicalNetwork, isInNetwork, isInSubnet } from '../network/ip.js';
import {
  interfaceAddresses,
  type InterfaceState,
  type Link,
  type NetworkState,
  type Route,
  type VlanLink,
} from '../network/state.js';
import type { ProbeAnswer, ProbeSpec } from './probe-script.js';

/** `before`: its answer before the change. */
export function isRequiredAfter(
  probe: ProbeSpec,
  before: ProbeAnswer,
  observed: NetworkState,
  target: NetworkState,
): boolean {
  if (before.good || probe.isRequired === true) return true;
  switch (probe.kind) {
    case 'run':
    case 'vacant':
    case 'trial':
    case 'lldp':
    case 'way':
      return false;
    case 'mesh':
      // Host by host: run/mesh-board.ts.
      return true;
    case 'dns':
      return String(observed.dns.servers) !== String(target.dns.servers);
    case 'tcp':
    case 'arp':
    case 'ping': {
      const was = wayTo(observed, probe.address);
      const will = wayTo(target, probe.address);
      if (will === undefined) return true;
      if (was?.by !== will.by) return true;
      const { size } = probe.kind === 'ping' ? probe : {};
      return size !== undefined && was.mtu < size && size <= will.mtu;
    }
  }
}

/** All that the host has. */
export function ownAddresses(state: NetworkState): ReadonlySet<string> {
  return new Set([...state.interfaces.values()].flatMap(interfaceAddresses).map(({ ip }) => ip));
}

/**
 * Addresses that the plan gives to the host, and that somebody else may have: probed where the interface is
 * there, up, and stays what it is. A /32 is how floating addresses are written.
 */
export function newAddresses(observed: NetworkState, target: NetworkState): readonly ProbeSpec[] {
  const own = ownAddresses(observed);
  return [...target.interfaces.values()].flatMap((item): ProbeSpec[] => {
    const now = observed.interfaces.get(item.name);
    if (now?.up !== true || now.facts?.carrier !== true) return [];
    if (item.controller !== now.controller || item.link.kind !== now.link.kind) return [];
    if (item.link.kind === 'loopback' || item.link.kind === 'dummy') return [];
    if (item.link.kind === 'vlan' && !isSameVlan(item.link, now.link)) return [];
    return item.ipv4.addresses
      .filter(({ ip, prefixLength }) => prefixLength < 32 && !own.has(ip))
      .map(({ ip }) => ({ kind: 'vacant', address: ip, device: item.name }));
  });
}

const isSameVlan = (one: VlanLink, other: Link): boolean =>
  other.kind === 'vlan' && one.id === other.id && one.base === other.base;

/** The gateways that packets leave by where no better route is known, the preferred one of each family. */
export function defaultGateways(state: NetworkState): readonly Route[] {
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const [best] = defaultRoutes(state, family);
    return best?.nextHopAddress === undefined || best.nextHopInterface === undefined ? [] : [best];
  });
}

function defaultRoutes(state: NetworkState, family: Route['family']): readonly Route[] {
  return state.routes
    .filter(
      (route) =>
        route.family === family &&
        route.table === 254 &&
        route.type === 'unicast' &&
        route.destination.endsWith('/0'),
    )
    .toSorted((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
}

type Way = Readonly<{
  /** The subnet that is reached directly, or the address of the next hop. */
  by: string;
  mtu: number;
}>;

/** undefined: there is none that is known; names are taken to be reached by the default route. */
export function wayTo(state: NetworkState, address: string): Way | undefined {
  let best: (Way & { length: number }) | undefined;
  const consider = (by: string, item: InterfaceState | undefined, length: number) => {
    if (item !== undefined && (best === undefined || length > best.length)) {
      best = { by, mtu: item.mtu, length };
    }
  };
  for (const item of state.interfaces.values()) {
    if (!item.up) continue;
    for (const own of interfaceAddresses(item)) {
      if (!isInSubnet(address, own)) continue;
      const subnet = canonicalNetwork(`${own.ip}/${own.prefixLength}`)?.network ?? '';
      consider(subnet, item, own.prefixLength);
    }
  }
  for (const route of state.routes) {
    if (route.table !== 254 || route.type !== 'unicast') continue;
    if (!isInNetwork(address, route.destination)) continue;
    const device = state.interfaces.get(
      route.nextHopInterface ?? route.nextHops?.[0]?.interface ?? '',
    );
    consider(
      route.nextHopAddress ?? route.nextHops?.[0]?.address ?? route.destination,
      device,
      Number(route.destination.split('/')[1]),
    );
  }
  if (best !== undefined || canonicalNetwork(address) !== undefined) return best;
  const [route] = [...defaultRoutes(state, 'ipv4'), ...defaultRoutes(state, 'ipv6')];
  if (route === undefined) return undefined;
  const device = state.interfaces.get(route.nextHopInterface ?? '');
  return { by: route.nextHopAddress ?? '', mtu: device?.mtu ?? 1500 };
}
