/** What may change in a host's network while it is watched: plain values, in the words of docs/terminology.md. */

export type LinkCondition = 'up' | 'no-carrier' | 'down' | 'gone';

export type NextHop = Readonly<{ via?: string; on?: string }>;

export type RouteFacts = Readonly<{
  destination: string;
  /** Left out for a route that leads somewhere. */
  type?: 'blackhole' | 'unreachable' | 'prohibit' | 'throw';
  /** Several of a route with several next hops; none of one that leads nowhere. */
  hops: readonly NextHop[];
  /** Left out for the main table. */
  table?: string;
  metric?: number;
  /** Who made it: `static`, `ra`, `dhcp`, the name or number of a routing daemon. */
  protocol?: string;
}>;

/** What NetworkManager may say of a device that somebody would want to read. */
export type DeviceState = 'activated' | 'disconnected' | 'unavailable' | 'unmanaged' | 'failed';

export type NetworkChange = Readonly<
  | { kind: 'link-added'; link: string; condition: LinkCondition }
  | { kind: 'link-removed'; link: string }
  | { kind: 'link-renamed'; link: string; before: string }
  | { kind: 'link-set-up'; link: string; hasCarrier: boolean }
  | { kind: 'link-set-down'; link: string }
  | { kind: 'carrier-lost'; link: string }
  | { kind: 'carrier-found'; link: string }
  | { kind: 'mtu-changed'; link: string; mtu: number; before: number }
  | { kind: 'mac-changed'; link: string; mac: string; before: string }
  /** To a bond, a bridge or a VRF. */
  | { kind: 'attached'; link: string; to: string }
  | { kind: 'detached'; link: string; from: string }
  /** Of a bond that sends through one port at a time; without `port`: it has none. */
  | { kind: 'active-port-changed'; link: string; port?: string; before?: string }
  /** Of a bond that sends through several. */
  | { kind: 'port-activated'; link: string; bond: string }
  | { kind: 'port-deactivated'; link: string; bond: string }
  | { kind: 'address-added'; link: string; address: string }
  | { kind: 'address-removed'; link: string; address: string }
  /** Another machine has it (DAD). */
  | { kind: 'address-taken'; link: string; address: string }
  | { kind: 'route-added'; route: RouteFacts }
  | { kind: 'route-removed'; route: RouteFacts }
  | { kind: 'nm-device'; link: string; state: DeviceState; profile?: string }
  | { kind: 'nm-profile'; profile: string; what: 'created' | 'changed' | 'removed' }
  | { kind: 'nm-service'; isRunning: boolean }
  /** The host's kernel had more to tell than could be read: some of it is lost. */
  | { kind: 'missed' }
>;
