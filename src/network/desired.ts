/**
 * What a user wrote about one host's network: partial, with the places it was written at.
 *
 * Not mentioned means "leave it as it is". A given list of bond ports or addresses is whole. Routes
 * and rules are added one by one; `absent` removes, as a wildcard over the keys given (nmstate,
 * route.rs `is_match`: the metric does not take part in matching).
 */
import type { SourceLocation } from '../errors.js';
import type {
  BondMode,
  DhcpSettings,
  InterfaceKind,
  IpAddress,
  IpFamily,
  MacVlanMode,
  PortVlan,
  Route,
  RouteRule,
  RouteType,
  VlanProtocol,
} from './state.js';

export type DesiredIp = Readonly<{
  enabled?: boolean;
  addresses?: readonly IpAddress[];
  /** IPv4 only. */
  dhcp?: boolean;
  dhcpSettings?: DhcpSettings;
  /** IPv6 only. */
  autoconf?: boolean;
}>;

export type DesiredBridgePort = Readonly<{
  name: string;
  options?: Readonly<Record<string, string>>;
  /** undefined: leave the VLAN table alone. */
  vlans?: readonly PortVlan[];
}>;

export type DesiredInterface = Readonly<{
  name: string;
  kind?: InterfaceKind;
  state: 'up' | 'down' | 'absent' | 'ignore';
  mac?: string;
  copyMacFrom?: string;
  mtu?: number;
  /** '' detaches. */
  controller?: string;
  ipv4?: DesiredIp;
  ipv6?: DesiredIp;
  bond?: Readonly<{
    mode?: BondMode;
    options?: Readonly<Record<string, string>>;
    ports?: readonly string[];
    /** By port: `queue_id` and `prio`. */
    portOptions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  }>;
  vlan?: Readonly<{
    base?: string;
    id?: number;
    protocol?: VlanProtocol;
    options?: Readonly<Record<string, string>>;
  }>;
  bridge?: Readonly<{
    options?: Readonly<Record<string, string>>;
    ports?: readonly DesiredBridgePort[];
  }>;
  vxlan?: Readonly<{
    id?: number;
    base?: string;
    local?: string;
    remote?: string;
    destinationPort?: number;
    learning?: boolean;
  }>;
  veth?: Readonly<{ peer?: string }>;
  /** Of a mac-vlan or a mac-vtap. */
  macVlan?: Readonly<{ base?: string; mode?: MacVlanMode; promiscuous?: boolean }>;
  vrf?: Readonly<{ table?: number; ports?: readonly string[] }>;
  /** Kept as the kernel's alias. */
  description?: string;
  altNames?: readonly Readonly<{ name: string; absent: boolean }>[];
  /** accept-all-mac-addresses */
  promiscuous?: boolean;
  /** How the host's interface is found; undefined: by its name (see resolve-names.ts). */
  identifier?: 'mac-address' | 'pci-address';
  pciAddress?: string;
  /** Words for a network manager's profiles, which runtime configuration has none of. */
  profileName?: string;
  waitIp?: 'any' | 'ipv4' | 'ipv6' | 'ipv4+ipv6';
  /** netorch's own key: what cannot be carried over may be lost when it must be made anew. */
  allowRecreate?: boolean;
  /** netorch's own key: the bridge keeps no port that the plan does not name. */
  exclusive?: boolean;
  /**
   * Where each key was written, by its path in this type: '' is the interface itself, else e.g. 'mtu',
   * 'copyMacFrom', 'bond.ports', 'bond.options.miimon', 'ipv4.addresses'. See `locationOf`.
   */
  locations: ReadonlyMap<string, SourceLocation>;
  /** Why a key is there that no document gives (plan/prune.ts), by the same paths. */
  reasons?: ReadonlyMap<string, string>;
}>;

export type DesiredRoute = Readonly<{
  absent: boolean;
  family?: IpFamily;
  type?: RouteType;
  destination?: string;
  table?: number;
  /** In the table of this VRF ('' is the main table); resolve-names.ts makes a `table` of it. */
  vrf?: string;
  metric?: number;
  nextHopInterface?: string;
  nextHopAddress?: string;
  /** netorch's own key: the gateway is on the link, though in no subnet of the interface. */
  onlink?: boolean;
  source?: string;
  /** Given: one of several next hops (ECMP). */
  weight?: number;
  mtu?: number;
  mtuLocked?: boolean;
  cwnd?: number;
  initialCwnd?: number;
  /** With `absent`: this very route and no other. */
  exactly?: Route;
  /** Why it is there, where no document says so (plan/prune.ts). */
  reason?: string;
  location: SourceLocation | undefined;
}>;

export type DesiredRule = Readonly<{
  absent: boolean;
  family?: IpFamily;
  priority?: number;
  from?: string;
  to?: string;
  iif?: string;
  fwmark?: number;
  fwmask?: number;
  table?: number;
  action?: 'blackhole' | 'unreachable' | 'prohibit';
  suppressPrefixLength?: number;
  /** With `absent`: this very rule and no other. */
  exactly?: RouteRule;
  /** Why it is there, where no document says so (plan/prune.ts). */
  reason?: string;
  location: SourceLocation | undefined;
}>;

/** A list that is not given stays as it is; nmstate's empty `config: {}` gives three empty lists. */
export type DesiredDns = Readonly<{
  servers?: readonly string[];
  search?: readonly string[];
  options?: readonly string[];
  location: SourceLocation | undefined;
}>;

export type DesiredState = Readonly<{
  /** netorch's own key: what breaks the rules of VDSM is an error, not a warning. */
  policy?: 'vdsm';
  /** In the order written; names are unique. */
  interfaces: readonly DesiredInterface[];
  routes: readonly DesiredRoute[];
  rules: readonly DesiredRule[];
  /** undefined: leave DNS alone. */
  dns: DesiredDns | undefined;
  /** Not given: leave it as it is. */
  hostname?: Readonly<{ name: string; location: SourceLocation | undefined }>;
}>;

/** A plan does not change: who lays it over a host, plans and looks for hazards asks for the same names. */
const known = new WeakMap<readonly DesiredInterface[], ReadonlyMap<string, DesiredInterface>>();

/** Of several of one name, which is an error, the last. */
export function interfacesByName({
  interfaces,
}: Pick<DesiredState, 'interfaces'>): ReadonlyMap<string, DesiredInterface> {
  const found = known.get(interfaces);
  if (found !== undefined) return found;
  const byName = new Map<string, DesiredInterface>();
  for (const item of interfaces) byName.set(item.name, item);
  known.set(interfaces, byName);
  return byName;
}

/**
 * The place of a key of an interface, e.g. 'bond.options.miimon'; when that was not written (the key
 * is a consequence), the place of the nearest key around it.
 */
export function locationOf(
  desired: Pick<DesiredInterface, 'locations'>,
  key = '',
): SourceLocation | undefined {
  let wanted = key;
  while (wanted !== '') {
    const found = desired.locations.get(wanted);
    if (found !== undefined) return found;
    wanted = wanted.slice(0, Math.max(wanted.lastIndexOf('.'), 0));
  }
  return desired.locations.get('');
}

/** The base that the plan gives the interface, and the key it stands at (e.g. 'vlan.base'). */
export function desiredBase(
  desired: Pick<DesiredInterface, 'vlan' | 'vxlan' | 'macVlan'>,
): Readonly<{ base: string | undefined; key: string }> {
  if (desired.vlan !== undefined) return { base: desired.vlan.base, key: 'vlan.base' };
  if (desired.macVlan !== undefined) return { base: desired.macVlan.base, key: 'macVlan.base' };
  return { base: desired.vxlan?.base, key: 'vxlan.base' };
}

/** The ports that the plan lists for a controller, each with its key; undefined: no list is given. */
export function desiredPorts(
  desired: Pick<DesiredInterface, 'bond' | 'bridge' | 'vrf'>,
): readonly Readonly<{ name: string; key: string }>[] | undefined {
  const section =
    desired.bond?.ports !== undefined
      ? 'bond'
      : desired.bridge?.ports !== undefined
        ? 'bridge'
        : 'vrf';
  const names =
    desired.bond?.ports ?? desired.bridge?.ports?.map((port) => port.name) ?? desired.vrf?.ports;
  return names?.map((name) => ({ name, key: `${section}.ports.${name}` }));
}
