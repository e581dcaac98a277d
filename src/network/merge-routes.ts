/** Routes: those that go, those that are lost with their interface, those that the plan adds. */
import { locationOf } from './desired.js';
import type { DesiredRoute } from './desired.js';
import { defaultDestination, isInNetwork, isInSubnet, isLinkLocal } from './ip.js';
import { isNewPort } from './merge-consequences.js';
import type { Draft } from './merge-draft.js';
import {
  CONFIGURED_PROTOCOLS,
  MAIN_TABLE,
  effectiveMetric,
  routeSlot,
  routeText,
  routeWay,
} from './route.js';
import { joinHops, splitHops } from './next-hops.js';
import type { SingleRoute } from './next-hops.js';
import { interfaceAddresses, type InterfaceState, type IpFamily, type Route } from './state.js';

const STATIC = 4;

export function mergeRoutes(draft: Draft): readonly Route[] {
  const { desired } = draft;
  const absents = desired.routes.filter((route) => route.absent);
  const pruned = new Set(absents.map((absent) => absent.exactly));
  const standing = draft.observed.routes.filter((route) => !pruned.has(route));
  let routes = standing.flatMap(splitHops).filter((route) => {
    const matches = absents.some((absent) => isMatch(absent, route));
    if (matches && route.foreign) {
      draft.note(
        route.nextHopInterface ?? 'routes',
        `route ${routeText(route)} stays: it has attributes that netorch does not model`,
      );
    }
    return !matches || route.foreign;
  });
  routes = routes.filter((route) => !isLost(draft, route));
  const added: SingleRoute[] = [];
  for (const item of desired.routes) {
    if (item.absent) continue;
    const route = newRoute(draft, item);
    if (route === undefined) continue;
    const present = routes.find((other) => isSame(other, route, item));
    if (present !== undefined) continue;
    const rivals = routes.filter(
      (other) => isRival(other, route) || isFormerDefault(draft, other, item),
    );
    const foreign = rivals.find((other) => other.foreign);
    if (foreign !== undefined) {
      draft.errorAt(
        item.location,
        `route ${routeText(route)}: the host has ${routeText(foreign)} with attributes that netorch does not model, and cannot replace it`,
      );
      continue;
    }
    for (const rival of rivals) {
      draft.note(
        rival.nextHopInterface ?? 'routes',
        `route ${singleText(rival)} is replaced by ${singleText(route)}`,
      );
    }
    routes = routes.filter((other) => !rivals.includes(other));
    routes.push(route);
    added.push(route);
  }
  checkNextHops(draft, routes, added);
  return joinHops(routes);
}

function singleText(route: SingleRoute): string {
  return `${routeText(route)}${route.weight === undefined ? '' : ` weight ${route.weight}`}`;
}

/** In the same slot, unless both are next hops of one route (ECMP) and lead different ways. */
function isRival(other: SingleRoute, route: SingleRoute): boolean {
  if (routeSlot(other) !== routeSlot(route)) return false;
  if (other.weight === undefined || route.weight === undefined) return true;
  return (
    other.nextHopInterface === route.nextHopInterface &&
    other.nextHopAddress === route.nextHopAddress
  );
}

/** Every key that `absent` gives must fit, but the metric; '' means "has none". */
function isMatch(absent: DesiredRoute, route: SingleRoute): boolean {
  if (absent.exactly !== undefined) return false; // looked at before
  const fits = <T>(wanted: T | undefined, found: T | undefined): boolean =>
    wanted === undefined || (wanted === '' ? found === undefined : wanted === found);
  // Routes of DHCP, router advertisements and routing daemons are theirs; only by name do they go.
  if (absent.destination === undefined && !CONFIGURED_PROTOCOLS.has(route.protocol)) return false;
  return (
    fits(absent.family, route.family) &&
    fits(absent.destination, route.destination) &&
    fits(absent.table, route.table) &&
    fits(absent.nextHopInterface, route.nextHopInterface) &&
    fits(absent.nextHopAddress, route.nextHopAddress) &&
    fits(absent.onlink, route.onlink) &&
    fits(absent.source, route.source) &&
    fits(absent.type, route.type) &&
    fits(absent.weight, route.weight) &&
    fits(absent.mtu, route.mtu) &&
    fits(absent.cwnd, route.cwnd) &&
    fits(absent.initialCwnd, route.initialCwnd)
  );
}

/** Routes that the kernel drops by itself when the links and addresses change as planned. */
function isLost(draft: Draft, route: SingleRoute): boolean {
  const name = route.nextHopInterface;
  const lose = (why: string): boolean => {
    draft.note(name ?? 'routes', `route ${routeText(route)} is lost: ${why}`);
    return true;
  };
  if (route.source !== undefined && hadAddress(draft, route.source)) {
    const stays = [...draft.interfaces.values()].some((state) =>
      [...state.ipv4.addresses, ...state.ipv6.addresses].some(({ ip }) => ip === route.source),
    );
    if (!stays) return lose(`its source address ${route.source} goes`);
  }
  if (name === undefined) return false;
  const before = draft.before(name);
  const after = draft.interfaces.get(name);
  if (before === undefined) return false; // several next hops, or another namespace
  if (after === undefined) return lose(`${name} is removed`);
  if (before.up && !after.up) return lose(`${name} goes down`);
  if (isNewPort(draft, after)) return lose(`${name} becomes a port of ${after.controller ?? ''}`);
  if (isOfFormerDhcp(route, before, after)) return lose(`DHCP on ${name} ends, which set it`);
  const isLastAddressGone =
    route.family === 'ipv4' &&
    before.ipv4.addresses.length > 0 &&
    after.ipv4.addresses.length === 0 &&
    !(before.facts?.dynamicAddresses ?? []).some(({ ip }) => !ip.includes(':'));
  if (isLastAddressGone) return lose(`${name} has no IPv4 address any more`);
  if (route.family === 'ipv6' && before.ipv6.enabled && !after.ipv6.enabled) {
    return lose(`IPv6 is switched off on ${name}`);
  }
  return false;
}

/** Some clients set the default route as if a person had: through a gateway in their address's subnet. */
function isOfFormerDhcp(
  route: SingleRoute,
  before: InterfaceState,
  after: InterfaceState,
): boolean {
  const { nextHopAddress: via } = route;
  return (
    before.ipv4.dhcp !== undefined &&
    after.ipv4.dhcp === undefined &&
    route.destination === defaultDestination('ipv4') &&
    via !== undefined &&
    (before.facts?.dynamicAddresses ?? []).some((address) => isInSubnet(via, address)) &&
    !after.ipv4.addresses.some((address) => isInSubnet(via, address))
  );
}

function hadAddress(draft: Draft, address: string): boolean {
  return [...draft.observed.interfaces.values()].some((state) =>
    [...state.ipv4.addresses, ...state.ipv6.addresses].some(({ ip }) => ip === address),
  );
}

function newRoute(draft: Draft, item: DesiredRoute): SingleRoute | undefined {
  const family: IpFamily | undefined = item.family;
  const { destination } = item;
  if (family === undefined || destination === undefined) return undefined; // checkDesiredState
  const device = item.nextHopInterface === '' ? undefined : item.nextHopInterface;
  const via = item.nextHopAddress === '' ? undefined : item.nextHopAddress;
  const type = item.type ?? 'unicast';
  const route: SingleRoute = {
    family,
    type,
    destination,
    table: item.table ?? MAIN_TABLE,
    metric: item.metric,
    nextHopInterface: type === 'unicast' ? device : undefined,
    nextHopAddress: type === 'unicast' ? via : undefined,
    source: item.source,
    onlink: item.onlink ?? false,
    ...(item.weight === undefined ? {} : { weight: item.weight }),
    ...(item.mtu === undefined ? {} : { mtu: item.mtu }),
    ...(item.mtuLocked === true ? { mtuLocked: true } : {}),
    ...(item.cwnd === undefined ? {} : { cwnd: item.cwnd }),
    ...(item.initialCwnd === undefined ? {} : { initialCwnd: item.initialCwnd }),
    protocol: STATIC,
    foreign: false,
  };
  if (type !== 'unicast' || device === undefined) return route;
  const state = draft.interfaces.get(device);
  if (state === undefined) {
    const absent = draft.wanted.get(device);
    const at = absent === undefined ? '' : ' after this plan';
    draft.errorAt(item.location, `route ${routeText(route)}: ${draft.missing(device)}${at}`);
    return undefined;
  }
  if (!state.up) {
    draft.errorAt(item.location, `route ${routeText(route)}: "${device}" is down`);
  } else if (family === 'ipv6' && !state.ipv6.enabled) {
    draft.errorAt(item.location, `route ${routeText(route)}: IPv6 is switched off on "${device}"`);
  }
  return route;
}

/** Is the route there already? What the plan leaves open (metric, source, MTU …) may be any. */
function isSame(other: SingleRoute, route: SingleRoute, item: DesiredRoute): boolean {
  const asked = {
    ...route,
    source: item.source ?? other.source,
    ...only('mtu', item.mtu ?? other.mtu),
    ...only(
      'mtuLocked',
      item.mtuLocked === false ? undefined : (item.mtuLocked ?? other.mtuLocked),
    ),
    ...only('cwnd', item.cwnd ?? other.cwnd),
    ...only('initialCwnd', item.initialCwnd ?? other.initialCwnd),
  };
  return (
    !other.foreign &&
    other.family === route.family &&
    other.destination === route.destination &&
    other.table === route.table &&
    other.weight === route.weight &&
    (item.metric === undefined || effectiveMetric(other) === effectiveMetric(route)) &&
    (item.onlink === undefined || other.onlink === item.onlink) &&
    routeWay(other) === routeWay(asked)
  );
}

function only<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Partial<Record<K, V>>);
}

/**
 * A default route without a metric is meant to be the default route: one with another metric that
 * somebody configured in the same table gives way, unless the plan wants it as well.
 */
function isFormerDefault(draft: Draft, other: SingleRoute, item: DesiredRoute): boolean {
  return (
    item.metric === undefined &&
    item.destination === defaultDestination(other.family) &&
    other.destination === item.destination &&
    other.table === (item.table ?? MAIN_TABLE) &&
    CONFIGURED_PROTOCOLS.has(other.protocol) &&
    !other.foreign &&
    !draft.desired.routes.some(
      (wanted) =>
        !wanted.absent &&
        wanted.destination === other.destination &&
        wanted.nextHopAddress === other.nextHopAddress &&
        wanted.nextHopInterface === other.nextHopInterface,
    )
  );
}

/**
 * The kernel takes a gateway only when it is on the link: in a subnet of the device's addresses, or
 * reached by another route of that device. A route that stays although its gateway's subnet goes
 * would lead nowhere: refused as well, for dropping a default route in silence would be worse.
 */
function checkNextHops(
  draft: Draft,
  routes: readonly SingleRoute[],
  added: readonly SingleRoute[],
): void {
  for (const route of routes) {
    const { nextHopAddress: via, nextHopInterface: device } = route;
    if (via === undefined || device === undefined || route.foreign || route.onlink) continue;
    if (isLinkLocal(via) || isOnLink(draft.interfaces, routes, device, via)) continue;
    const isNew = added.includes(route);
    const item = draft.desired.routes.find(
      (wanted) =>
        !wanted.absent && wanted.destination === route.destination && wanted.nextHopAddress === via,
    );
    if (isNew) {
      draft.errorAt(
        item?.location,
        `route ${routeText(route)}: ${via} is in no subnet of "${device}"${addressList(draft, device)}`,
      );
      continue;
    }
    const before = draft.observed.routes.flatMap(splitHops);
    if (!isOnLink(draft.observed.interfaces, before, device, via)) continue;
    const wanted = draft.wanted.get(device);
    const family = route.family === 'ipv4' ? 'ipv4' : 'ipv6';
    draft.errorAt(
      wanted === undefined ? undefined : locationOf(wanted, `${family}.addresses`),
      `interface "${device}": route ${routeText(route)} would lead nowhere with the new addresses; remove it (state: absent) or give a new one for ${route.destination === defaultDestination(route.family) ? 'the default route' : route.destination}`,
    );
  }
}

function addressList(draft: Draft, device: string): string {
  const state = draft.interfaces.get(device);
  const list = [...(state?.ipv4.addresses ?? []), ...(state?.ipv6.addresses ?? [])];
  const texts = list.map((address) => `${address.ip}/${address.prefixLength}`);
  return texts.length === 0 ? ', which has no address' : ` (${texts.join(', ')})`;
}

function isOnLink(
  interfaces: Draft['observed']['interfaces'],
  routes: readonly Route[],
  device: string,
  via: string,
): boolean {
  const state = interfaces.get(device);
  if (state === undefined) return false;
  if (interfaceAddresses(state).some((address) => isInSubnet(via, address))) return true;
  return routes.some(
    (route) =>
      route.nextHopInterface === device &&
      route.nextHopAddress === undefined &&
      isInNetwork(via, route.destination),
  );
}
