/** The sections "nm" and "nm-profiles" of an observation: what NetworkManager says of itself. */
import {
  activeProfile,
  isManaged,
  type NetworkManagerState,
  type NmDevice,
  type NmProfile,
} from '../network/networkmanager.js';
import type { InterfaceState } from '../network/state.js';

type Sections = ReadonlyMap<string, readonly string[]>;

/** nmcli -t escapes ":" and "\" in values with a backslash. */
export function splitNmcli(line: string): readonly string[] {
  return line.split(/(?<!\\):/).map((part) => part.replace(/\\([\\:])/g, '$1'));
}

/** undefined: it does not run there. */
export function readNetworkManager(sections: Sections): NetworkManagerState | undefined {
  const lines = sections.get('nm') ?? [];
  const devices = new Map<string, NmDevice>();
  for (const line of lines) {
    const [name = '', state = '', , uuid = ''] = splitNmcli(line);
    if (name === '') continue;
    devices.set(name, { state, profile: uuid === '' ? undefined : uuid });
  }
  if (devices.size === 0) return undefined;
  return { devices, profiles: readProfiles(sections.get('nm-profiles') ?? []) };
}

/**
 * What its profile says of addresses that come from others: NetworkManager asks for them itself, and to the kernel
 * they look as if nobody did (accept_ra is 0). Its lease is its own to put back.
 */
export function withProfile(
  item: InterfaceState,
  manager: NetworkManagerState | undefined,
): InterfaceState {
  if (manager === undefined || !isManaged(manager.devices.get(item.name))) return item;
  const profile = activeProfile(manager, item.name);
  if (profile === undefined) return item;
  const { ipv4Method, ipv6Method } = profile;
  const { autoconf: _kernel, ...ipv6 } = item.ipv6;
  return {
    ...item,
    ipv4:
      ipv4Method !== 'auto'
        ? item.ipv4
        : {
            ...item.ipv4,
            enabled: true,
            dhcp: {
              client: 'networkmanager',
              settings: {},
              process: {
                pid: 0,
                command: ['NetworkManager'],
                permanent: [],
                leases: [],
                routes: [],
              },
            },
          },
    // A port's profile says nothing of it.
    ipv6: ipv6Method === '' ? ipv6 : { ...ipv6, autoconf: ipv6Method === 'auto' },
  };
}

/** `generated UUID` and `file UUID:PATH` lines, then the settings of each profile, the UUID first: `connection.uuid:…`. */
function readProfiles(lines: readonly string[]): readonly NmProfile[] {
  const generated = new Set<string>();
  const files = new Map<string, string>();
  const found: Map<string, string>[] = [];
  for (const line of lines) {
    if (line.startsWith('generated ')) {
      generated.add(line.slice('generated '.length));
      continue;
    }
    const at = line.indexOf(':');
    if (at < 0) continue;
    if (line.startsWith('file ')) {
      files.set(line.slice('file '.length, at), line.slice(at + 1));
      continue;
    }
    const key = line.slice(0, at);
    if (key === 'connection.uuid') found.push(new Map());
    found.at(-1)?.set(key, line.slice(at + 1));
  }
  return found.map((values) => {
    const of = (key: string): string => values.get(key) ?? '';
    const uuid = of('connection.uuid');
    return {
      uuid,
      id: of('connection.id'),
      type: of('connection.type'),
      interfaceName: of('connection.interface-name') || undefined,
      isGenerated: generated.has(uuid),
      isInMemory: files.get(uuid)?.startsWith('/run/') === true,
      ipv4Method: of('ipv4.method'),
      ipv6Method: of('ipv6.method'),
      bondOptions: bondOptionsOf(of('bond.options')),
      rules: {
        ipv4: listOf(of('ipv4.routing-rules')),
        ipv6: listOf(of('ipv6.routing-rules')),
      },
      bareRoutes: {
        ipv4: listOf(of('ipv4.routes')).filter(isBareRoute),
        ipv6: listOf(of('ipv6.routes')).filter(isBareRoute),
      },
      hasDns: DNS_SETTINGS.some((key) => of(`ipv4.${key}`) !== '' || of(`ipv6.${key}`) !== ''),
    };
  });
}

const DNS_SETTINGS = ['dns', 'dns-search', 'dns-options'];

const listOf = (text: string): readonly string[] =>
  text === '' ? [] : text.split(/,\s*/).filter((item) => item !== '');

const isBareRoute = (text: string): boolean =>
  / type=(blackhole|unreachable|prohibit)\b/.test(text);

/** `mode=active-backup,miimon=100`; a list of targets holds commas of its own. */
function bondOptionsOf(text: string): Readonly<Record<string, string>> {
  const options: Record<string, string> = {};
  let last: string | undefined;
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    if (at > 0) {
      last = part.slice(0, at);
      options[last] = part.slice(at + 1);
    } else if (last !== undefined && part !== '') {
      options[last] = `${options[last] ?? ''},${part}`;
    }
  }
  return options;
}
