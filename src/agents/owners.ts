/** Who else manages a link and would undo a change within seconds: NetworkManager, networkd, DHCP clients. */

const DHCP_CLIENTS: ReadonlySet<string> = new Set(['dhclient', 'dhcpcd', 'udhcpc', 'dhcp6c']);

type Sections = ReadonlyMap<string, readonly string[]>;

/** nmcli -t escapes ":" and "\" in values with a backslash. */
function splitNmcli(line: string): readonly string[] {
  return line.split(/(?<!\\):/).map((part) => part.replace(/\\([\\:])/g, '$1'));
}

/** States of `nmcli device` in which NetworkManager leaves a device alone. */
function isLeftAlone(state: string): boolean {
  return state === 'unmanaged' || state === 'unavailable' || state.includes('externally');
}

/**
 * Interface name → owner in words. `indexToName` maps ifindex to name: networkd's files are named by index.
 * A dhcpcd without interface arguments manages every link.
 */
export function findOwners(
  sections: Sections,
  indexToName: ReadonlyMap<number, string>,
): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const line of sections.get('nm') ?? []) {
    const [device = '', state = '', connection = ''] = splitNmcli(line);
    if (device === '' || isLeftAlone(state)) continue;
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
  for (const line of sections.get('dhcp') ?? []) {
    const [pid = '', ...words] = line.trim().split(' ');
    // An applet of busybox is called through its name or as busybox's argument; dhcpcd retitles itself.
    const called = words.map((word) => (word.split('/').at(-1) ?? word).replace(/:$/, ''));
    const isApplet = called[0] === 'busybox';
    const client = called[isApplet ? 1 : 0] ?? '';
    // The host's search is a coarse one: an editor of a DHCP client's file is found by it too.
    if (!DHCP_CLIENTS.has(client)) continue;
    const args = words.slice(isApplet ? 2 : 1);
    const names = [...indexToName.values()].filter((name) => name !== 'lo');
    const named = names.filter((name) => args.includes(name) || args.includes(`-i${name}`));
    for (const name of named.length > 0 ? named : client === 'dhcpcd' ? names : []) {
      if (!owners.has(name)) owners.set(name, `the DHCP client ${client} (process ${pid})`);
    }
  }
  return owners;
}
