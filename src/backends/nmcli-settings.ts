/** The state of an interface as properties of its NetworkManager profile, in the words of `nmcli`. Pure. */
import { assertNever } from '../errors.js';
import { splitHops, type SingleRoute } from '../network/next-hops.js';
import {
  isSubordinatePort,
  type InterfaceState,
  type IpFamily,
  type Link,
  type NetworkState,
  type PortVlan,
  type Route,
} from '../network/state.js';
import { NM_BRIDGE_OPTIONS } from '../plan/networkmanager-limits.js';

/** Property to value: `nmcli connection modify` takes them as they are, one word each. */
export type Settings = Readonly<Record<string, string>>;

const yesNo = (isOn: boolean): string => (isOn ? 'yes' : 'no');

/** Who it is a port of. Without the empty values a profile keeps what it had. */
export function portSettings(
  item: InterfaceState,
  interfaces: NetworkState['interfaces'],
): Settings {
  const kind = interfaces.get(item.controller ?? '')?.link.kind;
  if (item.controller === undefined || kind === undefined) {
    return { 'connection.master': '', 'connection.slave-type': '' };
  }
  return {
    'connection.master': item.controller,
    'connection.slave-type': kind === 'linux-bridge' ? 'bridge' : kind,
  };
}

/** IPv6 needs a metric of its own, or NetworkManager takes that of the kind of interface (100 and more). */
const DEFAULT_METRIC = { ipv4: 0, ipv6: 1024 } as const;
const MAIN_TABLE = 254;

/** `DESTINATION [NEXT-HOP] METRIC [ATTRIBUTE=VALUE …]` (nmcli(1), ipv4.routes). */
export function routeText(route: SingleRoute): string {
  const attributes = [
    ...(route.table === MAIN_TABLE ? [] : [`table=${route.table}`]),
    ...(route.source === undefined ? [] : [`src=${route.source}`]),
    ...(route.onlink ? ['onlink=true'] : []),
    // One of several next hops; the profiles of their interfaces have one each. Of IPv6 the kernel makes them one route.
    ...(route.weight === undefined || route.family === 'ipv6' ? [] : [`weight=${route.weight}`]),
    ...(route.mtu === undefined ? [] : [`mtu=${route.mtu}`]),
    ...(route.mtuLocked === true ? ['lock-mtu=true'] : []),
    ...(route.cwnd === undefined ? [] : [`cwnd=${route.cwnd}`, 'lock-cwnd=true']),
    ...(route.initialCwnd === undefined ? [] : [`initcwnd=${route.initialCwnd}`]),
  ];
  return [
    route.destination,
    ...(route.nextHopAddress === undefined ? [] : [route.nextHopAddress]),
    route.metric ?? DEFAULT_METRIC[route.family],
    ...attributes,
  ].join(' ');
}

/** What a profile can hold of the routes through an interface. */
function routesOf(
  target: NetworkState,
  name: string,
  family: Route['family'],
  bare: readonly string[],
): string {
  const routes = target.routes
    .filter((route) => route.family === family && route.type === 'unicast' && !route.foreign)
    .flatMap(splitHops)
    .filter((route) => route.nextHopInterface === name)
    .map(routeText)
    .sort();
  return [...routes, ...bare].join(', ');
}

const addressList = (item: InterfaceState['ipv4']): string =>
  item.addresses.map(({ ip, prefixLength }) => `${ip}/${prefixLength}`).join(',');

function ipv4Settings(
  item: InterfaceState,
  target: NetworkState,
  bare: readonly string[],
): Settings {
  const addresses = addressList(item.ipv4);
  return {
    'ipv4.method': item.ipv4.dhcp !== undefined ? 'auto' : addresses === '' ? 'disabled' : 'manual',
    'ipv4.addresses': addresses,
    // A gateway of the profile's own would be one more default route.
    'ipv4.gateway': '',
    'ipv4.routes': routesOf(target, item.name, 'ipv4', bare),
  };
}

function ipv6Settings(
  item: InterfaceState,
  target: NetworkState,
  bare: readonly string[],
): Settings {
  const addresses = addressList(item.ipv6);
  const method = !item.ipv6.enabled
    ? 'disabled'
    : item.ipv6.autoconf === true
      ? 'auto'
      : addresses === ''
        ? 'link-local'
        : 'manual';
  return {
    'ipv6.method': method,
    'ipv6.addresses': addresses,
    'ipv6.gateway': '',
    'ipv6.routes': routesOf(target, item.name, 'ipv6', bare),
  };
}

/** A port of a bond or bridge has no addresses, and NetworkManager refuses them in its profile. */
export function ipSettings(
  item: InterfaceState,
  target: NetworkState,
  /** Routes without an interface that its profile holds. */
  bare: Readonly<Record<IpFamily, readonly string[]>>,
  families: readonly IpFamily[] = ['ipv4', 'ipv6'],
): Settings {
  if (isSubordinatePort(item, target.interfaces)) return {};
  return {
    ...(families.includes('ipv4') ? ipv4Settings(item, target, bare.ipv4) : {}),
    ...(families.includes('ipv6') ? ipv6Settings(item, target, bare.ipv6) : {}),
  };
}

export const mtuSettings = (mtu: number): Settings => ({ '802-3-ethernet.mtu': String(mtu) });

export const macSettings = (mac: string): Settings => ({
  '802-3-ethernet.cloned-mac-address': mac,
});

/** `options`: over those that the profile has, for NetworkManager refuses what does not go with the mode. */
export function bondSettings(
  mode: string,
  former: Readonly<Record<string, string>>,
  options: Readonly<Record<string, string>>,
): Settings {
  const merged: Record<string, string> = { ...former, mode, ...options };
  const words = Object.entries(merged)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a === 'mode' ? -1 : b === 'mode' ? 1 : a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  return { 'bond.options': words.join(',') };
}

export function bridgeSettings(options: Readonly<Record<string, string>>): Settings {
  return Object.fromEntries(
    Object.entries(options)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, value]) => {
        const known = NM_BRIDGE_OPTIONS[key];
        if (known === undefined) return [];
        const text = {
          boolean: () => yesNo(value !== '0'),
          number: () => value,
          seconds: () => String(Number(value) / 100),
          protocol: () => value.replace('802.1q', '802.1Q'),
        }[known.unit]();
        return [[`bridge.${known.property}`, text] as const];
      }),
  );
}

/** `1 pvid untagged, 10, 20-30` (nmcli(1), bridge-port.vlans). */
function vlanTableText(vlans: readonly PortVlan[]): string {
  return vlans
    .map(({ vid, pvid, untagged }) =>
      [String(vid), ...(pvid ? ['pvid'] : []), ...(untagged ? ['untagged'] : [])].join(' '),
    )
    .join(', ');
}

/** `isFiltering`: without it a port has the table that the kernel gives it. */
export function bridgePortSettings(
  options: Readonly<Record<string, string>>,
  vlans: readonly PortVlan[] | undefined,
): Settings {
  const { priority, cost, hairpin } = options;
  return {
    ...(priority === undefined ? {} : { 'bridge-port.priority': priority }),
    ...(cost === undefined ? {} : { 'bridge-port.path-cost': cost }),
    ...(hairpin === undefined ? {} : { 'bridge-port.hairpin-mode': yesNo(hairpin === 'on') }),
    ...(vlans === undefined ? {} : { 'bridge-port.vlans': vlanTableText(vlans) }),
  };
}

/** nm-setting-macvlan.h, NMSettingMacvlanMode. */
const MAC_VLAN_MODES: Readonly<Record<string, string>> = {
  vepa: 'vepa',
  bridge: 'bridge',
  private: 'private',
  passthru: 'passthru',
};

/** What makes the link what it is; of bonds and bridges their options are said apart. */
export function linkSettings(link: Link): Settings {
  switch (link.kind) {
    case 'vlan':
      return {
        'vlan.parent': link.base,
        'vlan.id': String(link.id),
        ...(link.protocol === '802.1q' ? {} : { 'vlan.protocol': link.protocol }),
      };
    case 'vxlan':
      return {
        'vxlan.id': String(link.id),
        ...(link.base === undefined ? {} : { 'vxlan.parent': link.base }),
        ...(link.local === undefined ? {} : { 'vxlan.local': link.local }),
        ...(link.remote === undefined ? {} : { 'vxlan.remote': link.remote }),
        'vxlan.destination-port': String(link.destinationPort),
        'vxlan.learning': yesNo(link.learning),
      };
    case 'vrf':
      return { 'vrf.table': String(link.table) };
    case 'mac-vlan':
    case 'mac-vtap':
      return {
        'macvlan.parent': link.base,
        'macvlan.mode': MAC_VLAN_MODES[link.mode] ?? link.mode,
        'macvlan.promiscuous': yesNo(link.promiscuous),
        'macvlan.tap': yesNo(link.kind === 'mac-vtap'),
      };
    case 'bond':
    case 'linux-bridge':
    case 'dummy':
    case 'ethernet':
    case 'veth':
    case 'loopback':
    case 'other':
      return {};
    default:
      return assertNever(link);
  }
}
