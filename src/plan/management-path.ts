/** Which devices carry the controller's SSH session, and where SSH will answer after a change. */
import { isInSubnet } from '../network/ip.js';
import {
  baseOf,
  interfaceAddresses,
  portsOf,
  type InterfaceState,
  type IpAddress,
  type NetworkState,
} from '../network/state.js';
import type { ManagementPath } from './change.js';

/** Those that it has, and the one that its DHCP server will give again. */
export function addressesOf(item: InterfaceState | undefined): readonly IpAddress[] {
  const expected = item?.ipv4.dhcp?.expected;
  return item === undefined
    ? []
    : [...interfaceAddresses(item), ...(expected === undefined ? [] : [expected])];
}

export function holderOf(state: NetworkState, ip: string): string | undefined {
  return [...state.interfaces.keys()].find((name) =>
    addressesOf(state.interfaces.get(name)).some((address) => address.ip === ip),
  );
}

/** The device and everything below it: a bridge's ports, a VLAN's base, a bond's ports. */
export function devicesBelow(state: NetworkState, name: string): readonly string[] {
  const found: string[] = [];
  const visit = (current: string) => {
    const item = state.interfaces.get(current);
    if (item === undefined || found.includes(current)) return;
    found.push(current);
    const base = baseOf(item.link);
    if (base !== undefined) visit(base);
    for (const port of portsOf(item.link)) visit(port);
  };
  visit(name);
  return found;
}

/** undefined when the host does not know the address it was reached at (NAT): then nothing can be marked. */
export function findManagementPath(
  state: NetworkState,
  connection:
    Readonly<{ clientAddress: string; serverAddress: string; serverPort: number }> | undefined,
): ManagementPath | undefined {
  if (connection === undefined) return undefined;
  const holder = holderOf(state, connection.serverAddress);
  if (holder === undefined) return undefined;
  return {
    address: connection.serverAddress,
    port: connection.serverPort,
    peer: connection.clientAddress,
    interface: holder,
    devices: devicesBelow(state, holder),
  };
}

/**
 * The address at which SSH will answer in the target state: undefined while the present one stays;
 * 'none' when it goes and nothing takes its place. Of several new addresses the one in the old subnet is
 * taken, then the one on the same device.
 */
export function newManagementAddress(
  observed: NetworkState,
  target: NetworkState,
  path: ManagementPath,
): string | undefined {
  if (holderOf(target, path.address) !== undefined) return undefined;
  const old = addressesOf(observed.interfaces.get(path.interface)).find(
    (address) => address.ip === path.address,
  );
  const isIpv6 = path.address.includes(':');
  const fresh = [...target.interfaces.keys()].flatMap((name) =>
    addressesOf(target.interfaces.get(name))
      .filter(
        (address) =>
          address.ip.includes(':') === isIpv6 && holderOf(observed, address.ip) === undefined,
      )
      .map((address) => ({ name, address })),
  );
  const best =
    fresh.find(({ address }) => old !== undefined && isInSubnet(address.ip, old)) ??
    fresh.find(({ name }) => name === path.interface) ??
    fresh.find(({ name }) =>
      devicesBelow(target, name).some((device) => path.devices.includes(device)),
    );
  return best?.address.ip ?? 'none';
}
