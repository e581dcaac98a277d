/**
 * The PVID trap: a bridge that filters VLANs drops, without a word, the frames of a VLAN that no port of
 * it carries (net/bridge/br_vlan.c, br_allowed_egress). Pure.
 */
import { interfacesByName, type DesiredState } from '../network/desired.js';
import type { InterfaceState, NetworkState } from '../network/state.js';

export type UncarriedVlan = Readonly<{
  /** Holds the addresses that nobody reaches: the bridge, or a VLAN on it. */
  interface: string;
  bridge: string;
  vid: number;
  /** What the ports carry instead, as in "eth1: 10 untagged, 100". */
  ports: readonly string[];
}>;

/** Interfaces with addresses whose frames leave by no port, where the plan names the bridge or the interface. */
export function uncarriedVlans(
  desired: DesiredState,
  target: NetworkState,
): readonly UncarriedVlan[] {
  const named = interfacesByName(desired);
  return [...target.interfaces.values()].flatMap((item) => {
    const way = wayIntoBridge(item, target);
    if (way === undefined || !hasAddresses(item)) return [];
    if (!named.has(item.name) && !named.has(way.bridge.name)) return [];
    const { link, name } = way.bridge;
    // A port whose table is not known may carry anything.
    if (link.kind !== 'linux-bridge' || link.ports.length === 0) return [];
    if (link.ports.some((port) => port.vlans.length === 0)) return [];
    if (link.ports.some((port) => port.vlans.some((vlan) => vlan.vid === way.vid))) return [];
    const ports = link.ports.map(
      (port) =>
        `${port.name}: ${port.vlans.map((vlan) => `${vlan.vid}${vlan.untagged ? ' untagged' : ''}`).join(', ')}`,
    );
    return [{ interface: item.name, bridge: name, vid: way.vid, ports }];
  });
}

const hasAddresses = (item: InterfaceState): boolean =>
  item.up &&
  (item.ipv4.addresses.length > 0 ||
    item.ipv6.addresses.length > 0 ||
    item.ipv4.isAwaited === true);

function wayIntoBridge(
  item: InterfaceState,
  state: NetworkState,
): Readonly<{ bridge: InterfaceState; vid: number }> | undefined {
  const { link } = item;
  if (link.kind === 'linux-bridge') {
    if (link.options['vlan_filtering'] !== '1') return undefined;
    const vid = Number(link.options['vlan_default_pvid'] ?? '1');
    return vid === 0 ? undefined : { bridge: item, vid };
  }
  if (link.kind !== 'vlan' || link.protocol !== '802.1q') return undefined;
  const base = state.interfaces.get(link.base);
  if (base?.link.kind !== 'linux-bridge') return undefined;
  return base.link.options['vlan_filtering'] === '1' ? { bridge: base, vid: link.id } : undefined;
}
