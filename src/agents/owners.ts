/** Who else manages a link and would undo a change within seconds: NetworkManager, networkd, DHCP clients. */

import { isManaged } from '../network/networkmanager.js';
import { splitNmcli } from './networkmanager-reading.js';

type Sections = ReadonlyMap<string, readonly string[]>;

/**
 * Interface name → owner in words. `indexToName` maps ifindex to name: networkd's files are named by index.
 * `dhcpOwners`: DHCP clients that netorch cannot carry along.
 */
export function findOwners(
  sections: Sections,
  indexToName: ReadonlyMap<number, string>,
  dhcpOwners: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const line of sections.get('nm') ?? []) {
    const [device = '', state = '', connection = ''] = splitNmcli(line);
    if (device === '' || !isManaged({ state, profile: undefined })) continue;
    owners.set(
      device,
      connection === ''
        ? `NetworkManager (device state: ${state})`
        : `NetworkManager (connection "${connection}", ${state})`,
    );
  }
  const networkdFiles = new Map<string, string>();
  for (const line of sections.get('networkd') ?? []) {
    const match = /^(\d+) NETWORK_FILE=(.+)$/.exec(line);
    if (match?.[1] !== undefined) networkdFiles.set(match[1], match[2] ?? '');
  }
  for (const line of sections.get('networkd') ?? []) {
    const match = /^(\d+) ADMIN_STATE=(.*)$/.exec(line);
    const name = indexToName.get(Number(match?.[1]));
    if (
      match?.[1] === undefined ||
      name === undefined ||
      match[2] === 'unmanaged' ||
      match[2] === ''
    )
      continue;
    const file = networkdFiles.get(match[1]);
    owners.set(name, file === undefined ? 'systemd-networkd' : `systemd-networkd (${file})`);
  }
  for (const [name, words] of dhcpOwners) if (!owners.has(name)) owners.set(name, words);
  return owners;
}
