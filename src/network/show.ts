/** A network state as a nmstate document: what `netorch show` prints, and what can be fed back. */
import { BOND_MODES, bondOptions, modesOfBondOption, monitorProblems } from './bond.js';
import { portsConfigDocument } from './bond-port.js';
import {
  bridgeOptionProblems,
  bridgeOptionsDocument,
  portOptionsDocument,
  portVlanSectionOf,
} from './bridge.js';
import { isMacVlan } from './merge-mac-vlan.js';
import { isWritableDns } from './dns.js';
import { isWritableHostname } from './hostname.js';
import { MINIMUM_IPV6_MTU } from './ip.js';
import { macVlanDocument } from './mac-vlan.js';
import { propertiesDocument } from './properties.js';
import { CONFIGURED_PROTOCOLS, MAIN_TABLE, routeSlot } from './route.js';
import type {
  BondLink,
  BridgeLink,
  InterfaceState,
  IpState,
  NetworkState,
  Route,
  RouteRule,
} from './state.js';
import { isSubordinatePort } from './state.js';
import { vlanDocument } from './vlan.js';
import { vrfDocument } from './vrf.js';

type Document = Readonly<Record<string, unknown>>;

/**
 * Read again and merged over the same state, the document changes nothing. Left out are: interfaces
 * that netorch does not model, what DHCP, router advertisements and routing daemons made,
 * routes and rules with attributes that netorch does not model, values that no document can say.
 */
export function showState(state: NetworkState): Record<string, unknown> {
  const interfaces = [...state.interfaces.values()].flatMap((item) =>
    item.link.kind === 'other' ? [] : [showInterface(item, state)],
  );
  const { servers, search, options } = state.dns;
  const dns = {
    ...(servers.length === 0 ? {} : { server: servers }),
    ...(search.length === 0 ? {} : { search }),
    ...(options.length === 0 ? {} : { options }),
  };
  return {
    ...(state.hostname !== undefined && isWritableHostname(state.hostname)
      ? { hostname: { running: state.hostname } }
      : {}),
    interfaces,
    routes: { config: showRoutes(state.routes) },
    'route-rules': { config: state.rules.filter((rule) => !rule.foreign).map(showRule) },
    ...(Object.keys(dns).length > 0 && isWritableDns(dns)
      ? { 'dns-resolver': { config: dns } }
      : {}),
  };
}

function showInterface(item: InterfaceState, state: NetworkState): Document {
  const { link, controller } = item;
  const above = controller === undefined ? undefined : state.interfaces.get(controller)?.link.kind;
  const isPort = isSubordinatePort(item, state.interfaces);
  // In mode passthru the MAC is that of the base.
  const hasBaseMac = isMacVlan(item) && item.link.mode === 'passthru';
  // The bond lends its ports their MAC, and with fail_over_mac: active it follows one of them.
  const hasOwnMac =
    !hasBaseMac &&
    above !== 'bond' &&
    !(link.kind === 'bond' && link.options['fail_over_mac'] === 'active');
  return {
    name: item.name,
    type: link.kind,
    state: item.up ? 'up' : 'down',
    ...(item.mac !== undefined && hasOwnMac && isUsableMac(item.mac)
      ? { 'mac-address': item.mac }
      : {}),
    mtu: item.mtu,
    ...(above === 'bond' || above === 'linux-bridge' || above === 'vrf' ? { controller } : {}),
    ...propertiesDocument(item),
    ...showLink(item, state),
    ...(isPort ? {} : { ipv4: showIp(item.ipv4) }),
    // Below 1280 the kernel has no IPv6 on the device, whatever the switch says.
    ...(isPort || item.mtu < MINIMUM_IPV6_MTU ? {} : { ipv6: showIp(item.ipv6) }),
  };
}

function isUsableMac(mac: string): boolean {
  return Number.parseInt(mac.slice(0, 2), 16) % 2 === 0 && mac !== '00:00:00:00:00:00';
}

function showIp(ip: IpState): Document {
  if (!ip.enabled) return { enabled: false };
  return {
    enabled: true,
    ...(ip.dhcp === undefined ? {} : { dhcp: true }),
    ...(ip.autoconf === undefined ? {} : { autoconf: ip.autoconf }),
    address: ip.addresses.map((address) => ({
      ip: address.ip,
      'prefix-length': address.prefixLength,
    })),
  };
}

function showLink({ link }: InterfaceState, state: NetworkState): Document {
  switch (link.kind) {
    case 'bond':
      return { 'link-aggregation': showBond(link) };
    case 'vlan':
      return { vlan: vlanDocument(link) };
    case 'vxlan':
      return {
        vxlan: {
          id: link.id,
          ...(link.base === undefined ? {} : { 'base-iface': link.base }),
          ...(link.local === undefined ? {} : { local: link.local }),
          ...(link.remote === undefined ? {} : { remote: link.remote }),
          'destination-port': link.destinationPort,
          learning: link.learning,
        },
      };
    case 'veth':
      return link.peer === undefined ? {} : { veth: { peer: link.peer } };
    case 'linux-bridge':
      return { bridge: showBridge(link, state) };
    case 'mac-vlan':
    case 'mac-vtap':
      return { [link.kind]: macVlanDocument(link) };
    case 'vrf':
      return { vrf: vrfDocument(link) };
    case 'ethernet':
    case 'dummy':
    case 'loopback':
    case 'other':
      return {};
  }
}

/** The kernel has values for options of every mode; a document may name only those of this one. */
function showBond(link: BondLink): Document {
  const options: Record<string, unknown> = {};
  for (const [name, schema] of Object.entries(bondOptions)) {
    const value = link.options[name];
    if (value === undefined || modesOfBondOption(name)?.includes(link.mode) === false) continue;
    const written = /^\d{1,9}$/.test(value) ? Number(value) : value;
    const read = schema.safeParse(written);
    if (read.success && read.data === value) options[name] = written;
  }
  // What a document would be refused for, a host may have all the same.
  for (const [option] of monitorProblems(link.options)) delete options[option];
  const { primary } = options;
  if (typeof primary === 'string' && primary !== '' && !link.ports.includes(primary)) {
    delete options['primary'];
  }
  const config = portsConfigDocument(link.portOptions ?? {});
  return {
    mode: BOND_MODES.find((mode) => mode === link.mode),
    options,
    port: link.ports,
    ...(config.length === 0 ? {} : { 'ports-config': config }),
  };
}

function showBridge(link: BridgeLink, state: NetworkState): Document {
  const filters = link.options['vlan_filtering'] === '1';
  // Ports that netorch does not model (running virtual machines) stay without being named.
  const ports = link.ports.filter(
    (port) => (state.interfaces.get(port.name)?.link.kind ?? 'other') !== 'other',
  );
  const options = { ...link.options };
  for (const [option] of bridgeOptionProblems(options)) delete options[option];
  return {
    options: bridgeOptionsDocument(options),
    port: ports.map((port) => {
      const vlan = filters ? portVlanSectionOf(port.vlans) : undefined;
      return {
        name: port.name,
        ...portOptionsDocument(port.options),
        ...(vlan === undefined ? {} : { vlan }),
      };
    }),
  };
}

/** Only what people or tools configured; of several next hops (ECMP) each is an entry, with its weight. */
function showRoutes(routes: readonly Route[]): readonly Document[] {
  const seen = new Set<string>();
  return routes.flatMap((route) => {
    const { foreign, protocol, type, nextHopInterface, nextHops } = route;
    if (foreign || !CONFIGURED_PROTOCOLS.has(protocol)) return [];
    // IPv6 can have more than one route in a slot, beside each other; a document cannot.
    if (seen.has(routeSlot(route))) return [];
    seen.add(routeSlot(route));
    if (nextHops !== undefined) {
      return nextHops.map((hop) =>
        showRoute({ ...route, onlink: hop.onlink }, hop.interface, hop.address, hop.weight),
      );
    }
    if (type !== 'unicast') return [showRoute(route, undefined, undefined, undefined)];
    return nextHopInterface === undefined
      ? []
      : [showRoute(route, nextHopInterface, route.nextHopAddress, undefined)];
  });
}

function showRoute(
  route: Route,
  device: string | undefined,
  via: string | undefined,
  weight: number | undefined,
): Document {
  return {
    destination: route.destination,
    ...(route.type === 'unicast' ? {} : { 'route-type': route.type }),
    ...(device === undefined ? {} : { 'next-hop-interface': device }),
    ...(via === undefined ? {} : { 'next-hop-address': via }),
    ...(via !== undefined && route.onlink ? { 'on-link': true } : {}),
    ...(route.metric === undefined ? {} : { metric: route.metric }),
    'table-id': route.table,
    ...(weight === undefined ? {} : { weight }),
    ...(route.source === undefined ? {} : { source: route.source }),
    ...(route.mtu === undefined ? {} : { mtu: route.mtu }),
    ...(route.mtuLocked === true ? { 'lock-mtu': true } : {}),
    ...(route.cwnd === undefined ? {} : { cwnd: route.cwnd }),
    ...(route.initialCwnd === undefined ? {} : { 'initial-cwnd': route.initialCwnd }),
  };
}

function showRule(rule: RouteRule): Document {
  return {
    family: rule.family,
    ...(rule.priority === undefined ? {} : { priority: rule.priority }),
    ...(rule.from === undefined ? {} : { 'ip-from': rule.from }),
    ...(rule.to === undefined ? {} : { 'ip-to': rule.to }),
    ...(rule.iif === undefined ? {} : { iif: rule.iif }),
    ...(rule.fwmark === undefined ? {} : { fwmark: rule.fwmark }),
    ...(rule.fwmask === undefined ? {} : { fwmask: rule.fwmask }),
    ...(rule.action === undefined
      ? { 'route-table': rule.table ?? MAIN_TABLE }
      : { action: rule.action }),
    ...(rule.suppressPrefixLength === undefined
      ? {}
      : { 'suppress-prefix-length': rule.suppressPrefixLength }),
  };
}
