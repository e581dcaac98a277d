/**
 * The network state of one host, in three forms that are never mixed up:
 *
 * - observed: what the host has now (whole),
 * - desired:  what the user wrote (partial; see desired.ts),
 * - target:   desired laid over observed (whole).
 *
 * Observed and target share the types of this file. Everything is plain frozen data; names of
 * properties are camelCase, names of kernel options are the kernel's (sysfs) names.
 */

/** Canonical text (RFC 5952 for IPv6), e.g. `{ip: '192.0.2.5', prefixLength: 24}`. */
export type IpAddress = Readonly<{ ip: string; prefixLength: number }>;

export type IpFamily = 'ipv4' | 'ipv6';

export type IpState = Readonly<{
  /** IPv4: has or may have addresses. IPv6: the stack is on for this device (disable_ipv6 = 0). */
  enabled: boolean;
  /**
   * Static addresses in kernel order (the first IPv4 address of a subnet is the primary one).
   * Link-local fe80::/64 addresses the kernel made, and dynamic (DHCP, RA) ones, are not listed.
   */
  addresses: readonly IpAddress[];
  /** IPv4: a DHCP client runs (or shall run) on the interface. */
  dhcp?: DhcpState;
  /** IPv6: addresses are made of router advertisements. undefined: not known, or left as it is. */
  autoconf?: boolean;
  /** In a target: a dynamic address must show up before the change counts as good. */
  isAwaited?: boolean;
}>;

/** `networkmanager`: its own client, which its profiles start and stop. */
export type DhcpClient = 'dhclient' | 'udhcpc' | 'networkmanager';

/** Where a document wants a client to do otherwise than by default. */
export type DhcpSettings = Readonly<{
  dns?: false;
  gateway?: false;
  routes?: false;
  table?: number;
  metric?: number;
  clientId?: string;
  hostname?: string;
}>;

export type DhcpState = Readonly<{
  /** undefined in a target that leaves it to the planner. */
  client: DhcpClient | undefined;
  settings: DhcpSettings;
  /** The client that runs; undefined where it is yet to be started. */
  process: DhcpProcess | undefined;
  /** In a target: what the server will give again, for the same MAC address had it below. */
  expected?: IpAddress;
}>;

/** A running DHCP client that netorch can stop without releasing the lease, and start again. */
export type DhcpProcess = Readonly<{
  pid: number;
  /** As in /proc/PID/cmdline. */
  command: readonly string[];
  /** Those of its addresses that the kernel does not know to be dynamic (busybox's own script). */
  permanent: readonly IpAddress[];
  leases: readonly Lease[];
  /** Routes that it set with the protocol "dhcp". */
  routes: readonly Route[];
}>;

/** A dynamic IPv4 address, to be put back with what is left of its time. */
export type Lease = Readonly<{
  address: IpAddress;
  broadcast: string | undefined;
  /** The client makes the connected route itself. */
  hasNoPrefixRoute: boolean;
  /** Seconds since the host's boot; undefined: forever. */
  validUntil: number | undefined;
  preferredUntil: number | undefined;
}>;

export type InterfaceKind =
  | 'ethernet'
  | 'veth'
  | 'dummy'
  | 'loopback'
  | 'bond'
  | 'vlan'
  | 'linux-bridge'
  | 'vxlan'
  | 'mac-vlan'
  | 'mac-vtap'
  | 'vrf'
  /** Exists on the host, but netorch does not model it (tap, wireguard, ipvlan …): never changed. */
  | 'other';

export type BondMode =
  | 'balance-rr'
  | 'active-backup'
  | 'balance-xor'
  | 'broadcast'
  | '802.3ad'
  | 'balance-tlb'
  | 'balance-alb';

export type BondLink = Readonly<{
  kind: 'bond';
  mode: BondMode;
  /**
   * Kernel option name (Documentation/networking/bonding.rst) to value as text; enumerations by
   * name (`lacp_rate: 'fast'`), numbers in decimal, lists joined by commas. The mode is not in here.
   * In a target only the options that the plan names or that were observed.
   */
  options: Readonly<Record<string, string>>;
  /** Sorted by name. */
  ports: readonly string[];
  /** By port: `queue_id` and `prio` as text. In a target only what the plan names or was observed. */
  portOptions?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}>;

export type VlanProtocol = '802.1q' | '802.1ad';

export type VlanLink = Readonly<{
  kind: 'vlan';
  base: string;
  /** 1–4094. */
  id: number;
  protocol: VlanProtocol;
  /**
   * By the words of `ip link … type vlan`: `gvrp`, `mvrp`, `reorder_hdr`, `loose_binding` ('on' | 'off'),
   * `ingress-qos-map` and `egress-qos-map` (pairs like `1:2 3:4`, sorted). In a target only what the plan
   * names or what was observed.
   */
  options?: Readonly<Record<string, string>>;
}>;

/** One entry of a bridge port's VLAN table (`bridge vlan`). */
export type PortVlan = Readonly<{ vid: number; pvid: boolean; untagged: boolean }>;

export type BridgePort = Readonly<{
  name: string;
  /** `priority`, `cost`, `hairpin` (IFLA_BRPORT_*) as text; booleans as 'on' | 'off'. */
  options: Readonly<Record<string, string>>;
  /** The port's VLAN table, sorted by vid; only meaningful while the bridge filters VLANs. */
  vlans: readonly PortVlan[];
}>;

export type BridgeLink = Readonly<{
  kind: 'linux-bridge';
  /**
   * Kernel option name as in `ip link … type bridge` (stp_state, priority, forward_delay, hello_time,
   * max_age, ageing_time, vlan_filtering, vlan_default_pvid, vlan_protocol, group_fwd_mask,
   * mcast_snooping …) to value as text in the kernel's unit (times in 1/100 s, booleans '0' | '1').
   */
  options: Readonly<Record<string, string>>;
  /** Sorted by name. */
  ports: readonly BridgePort[];
}>;

export type VxlanLink = Readonly<{
  kind: 'vxlan';
  /** 0–16777215. */
  id: number;
  base: string | undefined;
  local: string | undefined;
  remote: string | undefined;
  destinationPort: number;
  learning: boolean;
  /**
   * What no document names and the host has besides, in words of `ip link add`, by their names: `{ttl: 'ttl 7',
   * proxy: 'proxy'}`. It stays as it is, also where the VXLAN must be made anew.
   */
  options?: Readonly<Record<string, string>> | undefined;
}>;

export type MacVlanMode = 'vepa' | 'bridge' | 'private' | 'passthru' | 'source';

/** `mac-vtap` is a mac-vlan whose frames a program (a virtual machine) reads from a character device. */
export type MacVlanLink = Readonly<{
  kind: 'mac-vlan' | 'mac-vtap';
  base: string;
  mode: MacVlanMode;
  /** May it switch its base to promiscuous mode? Other than true in passthru mode only. */
  promiscuous: boolean;
}>;

export type VrfLink = Readonly<{
  kind: 'vrf';
  /** The routing table of its ports, 1–4294967295. */
  table: number;
  /** Sorted by name. They keep their addresses, MACs and MTUs. */
  ports: readonly string[];
}>;

export type Link =
  | Readonly<{ kind: 'ethernet' }>
  | Readonly<{ kind: 'veth'; peer: string | undefined }>
  | Readonly<{ kind: 'dummy' }>
  | Readonly<{ kind: 'loopback' }>
  | BondLink
  | VlanLink
  | BridgeLink
  | VxlanLink
  | MacVlanLink
  | VrfLink
  /** `base`: the interface that it stands on and vanishes with, where the host says so. */
  | Readonly<{ kind: 'other'; type: string; base?: string }>;

/** What only the host can say about an interface; absent for interfaces that are yet to be made. */
export type InterfaceFacts = Readonly<{
  index: number;
  carrier: boolean;
  permanentMac: string | undefined;
  minMtu: number | undefined;
  maxMtu: number | undefined;
  altNames: readonly string[];
  pciAddress?: string;
  /** Of a bond: the port that carries its traffic, in modes where one does. */
  activePort?: string;
  /** Addresses that DHCP or router advertisements gave. */
  dynamicAddresses: readonly IpAddress[];
  /** Who will fight over this link, e.g. `NetworkManager (connection "Wired connection 1")`. */
  owner: string | undefined;
  /** Things a recreate would lose and netorch cannot carry over, e.g. `qdisc htb`. */
  attachments: readonly string[];
  /** IPv6 forwarding is on: router advertisements are taken with accept_ra = 2 only. */
  forwards6?: boolean;
}>;

export type InterfaceState = Readonly<{
  name: string;
  /** Administrative state (IFF_UP). */
  up: boolean;
  /** Lower case, colons; undefined: none, or (in a target) left to the kernel. */
  mac: string | undefined;
  mtu: number;
  /** What people call it (ifalias, `description:` in documents); '' is none, undefined not known. */
  alias?: string;
  /** Sorted; undefined: not known. */
  altNames?: readonly string[];
  /** Asked to take frames for every MAC (IFF_PROMISC as set by people, not what a bridge adds). */
  promiscuous?: boolean;
  /** The bond or bridge (or vrf) this is a port of. */
  controller: string | undefined;
  ipv4: IpState;
  ipv6: IpState;
  link: Link;
  facts: InterfaceFacts | undefined;
}>;

export type RouteType = 'unicast' | 'blackhole' | 'unreachable' | 'prohibit';

/** One of the next hops that share the traffic of a route (ECMP). */
export type NextHop = Readonly<{
  interface: string;
  address: string | undefined;
  /** 1–256 (rtnetlink's hops + 1). */
  weight: number;
  onlink: boolean;
}>;

export type Route = Readonly<{
  family: IpFamily;
  type: RouteType;
  /** Canonical CIDR; `0.0.0.0/0` and `::/0` for default routes. */
  destination: string;
  /** 254 is main. */
  table: number;
  /** undefined: the kernel's default (0 for IPv4, 1024 for IPv6). */
  metric: number | undefined;
  nextHopInterface: string | undefined;
  nextHopAddress: string | undefined;
  source: string | undefined;
  onlink: boolean;
  /**
   * Two or more next hops, in the order of interface and address; `nextHopInterface` and
   * `nextHopAddress` are undefined then.
   */
  nextHops?: readonly NextHop[];
  /** Path MTU (RTAX_MTU). */
  mtu?: number;
  /** The MTU is not lowered by what path MTU discovery finds. */
  mtuLocked?: boolean;
  /** Clamp of the congestion window; always locked, for the kernel ignores it else (RTAX_CWND). */
  cwnd?: number;
  /** Congestion window that connections begin with (RTAX_INITCWND). */
  initialCwnd?: number;
  /** rtnetlink protocol number (2 kernel, 3 boot, 4 static, 9 ra, 16 dhcp …). */
  protocol: number;
  /** Has attributes that netorch does not model: kept as it is, never changed. */
  foreign: boolean;
}>;

export type RouteRule = Readonly<{
  family: IpFamily;
  /** Always known in an observed state; undefined in a target: the kernel chooses. */
  priority: number | undefined;
  from: string | undefined;
  to: string | undefined;
  iif: string | undefined;
  fwmark: number | undefined;
  fwmask: number | undefined;
  table: number | undefined;
  action: 'blackhole' | 'unreachable' | 'prohibit' | undefined;
  /** Routes of the table with a prefix of this length or shorter are passed over (FRA_SUPPRESS_PREFIXLEN). */
  suppressPrefixLength?: number;
  /** Uses selectors that netorch does not model: kept as it is. */
  foreign: boolean;
}>;

export type DnsState = Readonly<{
  servers: readonly string[];
  search: readonly string[];
  options: readonly string[];
}>;

export type NetworkState = Readonly<{
  /** Keyed by name, iterated in the order of names. */
  interfaces: ReadonlyMap<string, InterfaceState>;
  /** Without kernel-made (protocol 2), local, broadcast and multicast routes. */
  routes: readonly Route[];
  /** Without the three rules every host has (0, 32766, 32767). */
  rules: readonly RouteRule[];
  dns: DnsState;
  /** As the kernel has it. */
  hostname: string | undefined;
  /** In a target: what others (a DHCP client …) may change meanwhile, and what is not compared therefore. */
  unchecked?: ReadonlySet<'dns' | 'hostname'>;
}>;

/** One value that is not what was expected; `path` like `bond0.link.mode` or `routes[0.0.0.0/0]`. */
export type Difference = Readonly<{
  path: string;
  expected: string;
  found: string;
  /** Others bring it (a DHCP server, a router): it takes its time. */
  isAwaited?: boolean;
}>;

/** Static addresses, and those that a server or router gave: all that it has. */
export function interfaceAddresses(
  item: Pick<InterfaceState, 'ipv4' | 'ipv6' | 'facts'>,
): readonly IpAddress[] {
  return [...item.ipv4.addresses, ...item.ipv6.addresses, ...(item.facts?.dynamicAddresses ?? [])];
}

export function isMacVlanLink(link: Link): link is MacVlanLink {
  return link.kind === 'mac-vlan' || link.kind === 'mac-vtap';
}

/**
 * `active`: the bond has the MAC of its active port; `follow`: that has the bond's, the others their own; empty: all
 * ports have the bond's. With the first two the kernel takes no other MAC for the bond (bond_set_mac_address).
 */
export function failOverMac(link: Link): 'active' | 'follow' | '' {
  if (link.kind !== 'bond' || link.mode !== 'active-backup') return '';
  const word = link.options['fail_over_mac'];
  return word === 'active' || word === 'follow' ? word : '';
}

/** Does the bond give each port a MAC, and change it with the active port (bond_alb.c)? */
export function dealsMacs(link: Link): boolean {
  return link.kind === 'bond' && (link.mode === 'balance-tlb' || link.mode === 'balance-alb');
}

/** Ports of an interface, whatever its kind. */
export function portsOf(link: Link): readonly string[] {
  if (link.kind === 'bond' || link.kind === 'vrf') return link.ports;
  if (link.kind === 'linux-bridge') return link.ports.map((port) => port.name);
  return [];
}

/** The interface that this one stands on (the base of a VLAN, vxlan, mac-vlan …), if any. */
export function baseOf(link: Link): string | undefined {
  switch (link.kind) {
    case 'vlan':
    case 'vxlan':
    case 'mac-vlan':
    case 'mac-vtap':
    case 'other':
      return link.base;
    default:
      return undefined;
  }
}

/** Does the interface take its settings (MAC, MTU, being up) from its controller, and have no addresses? */
export function isSubordinatePort(
  state: Pick<InterfaceState, 'controller'>,
  interfaces: ReadonlyMap<string, Pick<InterfaceState, 'link'>>,
): boolean {
  return state.controller !== undefined && interfaces.get(state.controller)?.link.kind !== 'vrf';
}

/** Interfaces sorted by name, as the map that `NetworkState` holds. */
export function interfaceMap(
  interfaces: Iterable<InterfaceState>,
): ReadonlyMap<string, InterfaceState> {
  const sorted = [...interfaces].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const map = new Map<string, InterfaceState>();
  for (const item of sorted) map.set(item.name, item);
  return map;
}
