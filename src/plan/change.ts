/**
 * A change plan: the ordered changes that lead one host from its observed to its target state.
 * Pure data; a backend turns the operations into command lines, the UI prints the rest.
 */
import type { SourceLocation } from '../errors.js';
import type {
  BridgePort,
  DhcpClient,
  DhcpProcess,
  DhcpState,
  InterfaceState,
  IpAddress,
  IpFamily,
  Link,
  NetworkState,
  PortVlan,
  Route,
  RouteRule,
  DnsState,
} from '../network/state.js';

/** The primitive acts on one object; a backend makes one or a few command lines of each. */
export type Operation =
  | Readonly<{ op: 'create-link'; link: InterfaceState }>
  | Readonly<{ op: 'delete-link'; name: string }>
  | Readonly<{ op: 'set-up'; name: string }>
  | Readonly<{ op: 'set-down'; name: string }>
  | Readonly<{ op: 'set-mtu'; name: string; mtu: number }>
  | Readonly<{ op: 'set-mac'; name: string; mac: string }>
  | Readonly<{ op: 'set-alias'; name: string; alias: string }>
  | Readonly<{
      op: 'set-alt-names';
      name: string;
      add: readonly string[];
      remove: readonly string[];
    }>
  | Readonly<{ op: 'set-promiscuous'; name: string; promiscuous: boolean }>
  | Readonly<{ op: 'attach'; name: string; to: string }>
  | Readonly<{ op: 'detach'; name: string; from: string }>
  | Readonly<{ op: 'set-bond-options'; name: string; options: Readonly<Record<string, string>> }>
  | Readonly<{ op: 'set-bridge-options'; name: string; options: Readonly<Record<string, string>> }>
  /** Properties of a VLAN or mac-vlan that the kernel changes in place (see network/type-options.ts). */
  | Readonly<{
      op: 'set-type-options';
      name: string;
      kind: Link['kind'];
      options: Readonly<Record<string, string>>;
    }>
  /** Of a bridge's port, or of a bond's. */
  | Readonly<{ op: 'set-port-options'; name: string; options: BridgePort['options']; of?: 'bond' }>
  | Readonly<{ op: 'add-port-vlan'; name: string; vlan: PortVlan }>
  | Readonly<{ op: 'delete-port-vlan'; name: string; vid: number }>
  | Readonly<{ op: 'set-ipv6-enabled'; name: string; enabled: boolean }>
  | Readonly<{ op: 'add-address'; name: string; family: IpFamily; address: IpAddress }>
  | Readonly<{ op: 'delete-address'; name: string; family: IpFamily; address: IpAddress }>
  | Readonly<{ op: 'add-route'; route: Route }>
  | Readonly<{ op: 'delete-route'; route: Route }>
  | Readonly<{ op: 'add-rule'; rule: RouteRule }>
  | Readonly<{ op: 'delete-rule'; rule: RouteRule }>
  | Readonly<{ op: 'set-dns'; dns: DnsState }>
  | Readonly<{ op: 'set-hostname'; hostname: string }>
  /** Ends the client without giving its lease back, and takes away what it set. */
  | Readonly<{ op: 'stop-dhcp'; name: string; client: DhcpClient; process: DhcpProcess }>
  | Readonly<{ op: 'start-dhcp'; name: string; tool: DhcpTool; dhcp: DhcpState }>
  | Readonly<{ op: 'set-autoconf'; name: string; enabled: boolean; forwards: boolean }>;

/** A DHCP client as it is installed: busybox may have it without a name of its own. */
export type DhcpTool = DhcpClient | 'busybox-udhcpc';

export type HazardKind =
  | 'management-path'
  | 'management-address'
  | 'outage'
  | 'mac-change'
  | 'address-lost'
  | 'route-lost'
  | 'recreate'
  | 'consequence'
  | 'lacp'
  /** How long the change is given to be proved good, and why. */
  | 'deadline'
  | 'boot-configuration';

/** A consequence the user would want to know before. `text` is one sentence in network words. */
export type Hazard = Readonly<{ kind: HazardKind; severity: 'note' | 'warning'; text: string }>;

export type Change = Readonly<{
  /** Unique within the plan and stable, e.g. `create bond0`, `attach eth1 bond0`. */
  id: string;
  action: 'create' | 'delete' | 'modify' | 'recreate';
  /** The object that changes: an interface name, `route …`, `rule …` or `dns`. */
  object: string;
  /** One line, e.g. `create bond bond0 (802.3ad, lacp_rate fast)`. */
  summary: string;
  /** Which key of the plan asked for it, or whose consequence it is. */
  why: Readonly<{ text: string; location: SourceLocation | undefined }>;
  hazards: readonly Hazard[];
  /** Does it touch the path that the controller's SSH session takes? */
  touchesManagement: boolean;
  /** In the order in which they must run. */
  operations: readonly Operation[];
}>;

/** Device, address and next hop that carry the controller's SSH session, as the host sees them. */
export type ManagementPath = Readonly<{
  /** The host's end of the SSH connection. */
  address: string;
  port: number;
  /** The controller's end. */
  peer: string;
  /** The device that holds the address. */
  interface: string;
  /** All devices the path runs through, top-down: bridge, VLAN, bond, NICs. */
  devices: readonly string[];
}>;

type WaitKind = 'lacp' | 'spanning-tree' | 'dhcp' | 'router-advertisement' | 'address-check';

/** A negotiation or check that takes its time. A bound in whole seconds: by then it is over, or something is wrong. */
export type Wait = Readonly<{ kind: WaitKind; interface: string; seconds: number }>;

export type ChangePlan = Readonly<{
  changes: readonly Change[];
  /** Hazards of the plan as a whole. */
  hazards: readonly Hazard[];
  target: NetworkState;
  /** Names of all interfaces the transaction may change, directly or by consequence; sorted. */
  scope: readonly string[];
  /** Where SSH will answer after the change; undefined: at the present address. */
  newManagementAddress: string | undefined;
  touchesManagement: boolean;
  /** Seconds for which the host may be cut off (a bound, not a promise); 0: the path is not touched. */
  expectedOutageSeconds: number;
  /** What must be waited for before the change can be proved good, one after the other. */
  waits?: readonly Wait[];
  /** What carries it out, where that is not iproute2. */
  backend?: 'nmcli';
}>;

type FleetFindingKind =
  | 'duplicate-address'
  | 'duplicate-mac'
  | 'unequal-mtu'
  | 'unequal-vlan'
  | 'unequal-lag'
  | 'vlan-on-no-port'
  | 'gateway-unreachable'
  | 'several-default-routes';

/** What only shows when hosts are looked at together. `text` is one sentence in network words that names the hosts; `location` is where one of them was written. */
export type FleetFinding = Readonly<{
  kind: FleetFindingKind;
  severity: 'error' | 'warning';
  hosts: readonly string[];
  text: string;
  location: SourceLocation | undefined;
}>;
