/** What NetworkManager holds of a host's network: its devices and its connection profiles. */
import type { IpFamily } from './state.js';

/** A connection profile as `nmcli connection show` tells it; only what netorch must know before it changes one. */
export type NmProfile = Readonly<{
  uuid: string;
  /** The name that people see. */
  id: string;
  /** `connection.type` in NetworkManager's words: `802-3-ethernet`, `bond`, `vlan`, `bridge` … */
  type: string;
  /** The one interface that it is bound to; undefined: it fits several. */
  interfaceName: string | undefined;
  /** Made by NetworkManager for itself (`Wired connection 1`, a link that others made): never changed. */
  isGenerated: boolean;
  /** On no disk: it is gone, or what is on disk counts again, after a reboot. */
  isInMemory: boolean;
  ipv4Method: string;
  ipv6Method: string;
  /** Of a bond: option to value. */
  bondOptions: Readonly<Record<string, string>>;
  /** Routing rules, in nmcli's words. */
  rules: Readonly<Record<IpFamily, readonly string[]>>;
  /** Routes without an interface (`type=blackhole`), in nmcli's words. */
  bareRoutes: Readonly<Record<IpFamily, readonly string[]>>;
  /** It names servers, search domains or options of its own. */
  hasDns: boolean;
}>;

export type NmDevice = Readonly<{
  /** `nmcli device`: `connected`, `disconnected`, `unmanaged`, `connected (externally)` … */
  state: string;
  /** The UUID of the profile that is active on it. */
  profile: string | undefined;
}>;

export type NetworkManagerState = Readonly<{
  profiles: readonly NmProfile[];
  /** By interface name. */
  devices: ReadonlyMap<string, NmDevice>;
}>;

/** Does NetworkManager look after the device, so that a change by anybody else would be undone? */
export function isManaged(device: NmDevice | undefined): boolean {
  if (device === undefined) return false;
  const { state } = device;
  return state !== 'unmanaged' && state !== 'unavailable' && !state.includes('externally');
}

/** The profile that is active on an interface. */
export function activeProfile(manager: NetworkManagerState, name: string): NmProfile | undefined {
  const uuid = manager.devices.get(name)?.profile;
  return uuid === undefined ? undefined : manager.profiles.find((item) => item.uuid === uuid);
}

/**
 * The profile that netorch changes for an interface: the active one, else the only one that is bound to it.
 * What fits several interfaces, or was made by NetworkManager for itself, is left as it is: a profile of
 * netorch's takes precedence over it, and it counts again when that one is gone.
 */
export function ownProfile(
  manager: NetworkManagerState,
  name: string,
  type: string,
): NmProfile | undefined {
  const fits = (item: NmProfile | undefined): item is NmProfile =>
    item !== undefined && !item.isGenerated && item.interfaceName === name && item.type === type;
  const active = activeProfile(manager, name);
  if (fits(active)) return active;
  const own = manager.profiles.find((item) => item.uuid === profileUuid(name));
  if (fits(own)) return own;
  const bound = manager.profiles.filter(fits);
  return bound.length === 1 ? bound[0] : undefined;
}

/**
 * The UUID of the profile that netorch makes for an interface: the name itself, which has 15 bytes at most
 * (IFNAMSIZ), as a UUID of version 8 (RFC 9562, 5.8). So it is the same on each run, and no other name's.
 */
export function profileUuid(name: string): string {
  const hex = [...new TextEncoder().encode(name)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .padEnd(30, '0');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(12, 15)}`,
    `a${hex.slice(15, 18)}`,
    hex.slice(18, 30),
  ].join('-');
}
