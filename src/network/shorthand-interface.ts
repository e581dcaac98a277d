/** The short words of one interface (`ip`, `ports`, `mode` …) to nmstate's keys. */
import {
  composeList,
  isPlainMap,
  locatedAt,
  locatedEntries,
  locatedItems,
} from '../config/located.js';
import type { Located } from '../config/located.js';
import { didYouMean } from '../config/nearest.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError } from '../errors.js';
import { BOND_OPTION_NAMES } from './bond.js';
import { interfaceKeys } from './interface-schema.js';
import { canonicalIp } from './ip.js';
import { KINDS } from './kinds.js';
import { isFalse, isTrue } from './scalars.js';
import { expandRoute, routeItems } from './shorthand-routes.js';
import { ShorthandTree, valueFrom } from './shorthand-tree.js';

/** The sections of the shorthand and the type of what stands in them. */
export const SHORTHAND_SECTIONS: Readonly<Record<string, string>> = {
  ethernets: 'ethernet',
  nics: 'ethernet',
  bonds: 'bond',
  vlans: 'vlan',
  bridges: 'linux-bridge',
  vxlans: 'vxlan',
  dummies: 'dummy',
  veths: 'veth',
  vrfs: 'vrf',
  macvlans: 'mac-vlan',
};

/**
 * Keys that stand on an interface until all sources of a plan are merged: a host's own gateway takes
 * the place of its group's, and a base that somebody wrote goes before the one that the name tells.
 */
export const GATEWAY = 'gateway';
export const FROM_NAME = 'base-and-id-from-name';

/** Words of one kind, and where their values go. */
const WORDS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  bond: {
    ports: ['link-aggregation', 'port'],
    options: ['link-aggregation', 'options'],
    ...Object.fromEntries(
      BOND_OPTION_NAMES.flatMap((name) => {
        const path = ['link-aggregation', 'options', name];
        return [
          [name, path],
          [name.replaceAll('_', '-'), path],
        ] as const;
      }),
    ),
  },
  vlan: {
    base: ['vlan', 'base-iface'],
    link: ['vlan', 'base-iface'],
    id: ['vlan', 'id'],
    protocol: ['vlan', 'protocol'],
  },
  'linux-bridge': {
    options: ['bridge', 'options'],
    'vlan-filtering': ['bridge', 'options', 'vlan-filtering'],
    'vlan-default-pvid': ['bridge', 'options', 'vlan-default-pvid'],
  },
  vxlan: {
    base: ['vxlan', 'base-iface'],
    id: ['vxlan', 'id'],
    local: ['vxlan', 'local'],
    remote: ['vxlan', 'remote'],
    port: ['vxlan', 'destination-port'],
    learning: ['vxlan', 'learning'],
  },
  veth: { peer: ['veth', 'peer'] },
  vrf: { table: ['vrf', 'route-table-id'], ports: ['vrf', 'port'] },
  'mac-vlan': {
    base: ['mac-vlan', 'base-iface'],
    mode: ['mac-vlan', 'mode'],
    promiscuous: ['mac-vlan', 'promiscuous'],
  },
};

/** Words that need more than a new place, by kind. */
const OWN_WORDS: Readonly<Record<string, readonly string[]>> = {
  bond: ['mode'],
  'linux-bridge': ['ports', 'stp'],
};

/** Words that every interface may have, in the long form too. */
export const INTERFACE_WORDS = ['ip', GATEWAY, 'dhcp', 'autoconf', 'mac', 'routes'];

/** The words of the shorthand that an entry of the type may have, beside the keys of the long form. */
export function sectionWords(type: string): readonly string[] {
  return [...Object.keys(WORDS[type] ?? {}), ...(OWN_WORDS[type] ?? []), ...INTERFACE_WORDS];
}

type Collected = Readonly<{ errors: NetorchError[]; routes: Located[] }>;

/** One entry of a section: `bond0: {ports: […]}`. Its routes are put among `collected`. */
export function expandSectionItem(
  tree: ShorthandTree,
  type: string,
  name: string,
  item: Located,
  collected: Collected,
): void {
  const { errors } = collected;
  const owner = `"${name}"`;
  const at = item.locate([]);
  tree.put(['name'], valueFrom(name, at), owner, errors);
  tree.put(['type'], valueFrom(type, at), owner, errors);
  if (item.value !== null && !isPlainMap(item.value)) {
    const text = `interface ${owner}: is ${valueText(item.value)}, must be a map (or nothing)`;
    errors.push(new NetorchError('INVALID_VALUE', text, { location: at }));
    return;
  }
  if (type === 'vlan') tree.put([FROM_NAME], valueFrom(true, at), owner, errors);
  const words = WORDS[type] ?? {};
  const kind = KINDS.find((known) => known === type);
  const known = sectionWords(type);
  const allowed = kind === undefined ? undefined : new Set([...known, ...interfaceKeys(kind)]);
  for (const [key, value] of locatedEntries(item)) {
    const path = Object.hasOwn(words, key) ? words[key] : undefined;
    if (path !== undefined) tree.put(path, value, owner, errors);
    else if (type === 'bond' && key === 'mode') {
      const mode = value.value === 'lacp' ? valueFrom('802.3ad', value.locate([])) : value;
      tree.put(['link-aggregation', 'mode'], mode, owner, errors);
    } else if (type === 'linux-bridge' && key === 'ports') {
      tree.put(['bridge', 'port'], bridgePorts(value, errors), owner, errors);
    } else if (type === 'linux-bridge' && key === 'stp') {
      const path = ['bridge', 'options', 'stp'];
      tree.put(isPlainMap(value.value) ? path : [...path, 'enabled'], value, owner, errors);
    } else if (INTERFACE_WORDS.includes(key)) {
      expandCommonWord(tree, name, key, value, collected);
    } else if (allowed?.has(key) === false) {
      const text = `interface ${owner}: unknown key "${key}"${didYouMean(key, allowed)}`;
      errors.push(new NetorchError('UNKNOWN_KEY', text, { location: value.locate([]) }));
    } else tree.put([key], value, owner, errors);
  }
}

/** An item of `interfaces:`: nmstate's keys as they are, and the words that any interface may have. */
export function expandInterfaceItem(
  tree: ShorthandTree,
  name: string,
  item: Located,
  collected: Collected,
): void {
  for (const [key, value] of locatedEntries(item)) {
    if (INTERFACE_WORDS.includes(key)) expandCommonWord(tree, name, key, value, collected);
    else tree.put([key], value, `"${name}"`, collected.errors);
  }
}

function expandCommonWord(
  tree: ShorthandTree,
  name: string,
  key: string,
  value: Located,
  { errors, routes }: Collected,
): void {
  const owner = `"${name}"`;
  const at = value.locate([]);
  // Nothing after the colon says nothing, as everywhere.
  if (value.value === null) return;
  const put = (path: readonly string[], made: unknown, place = at): void => {
    tree.put(path, valueFrom(made, place), owner, errors);
  };
  switch (key) {
    case 'mac':
      tree.put(['mac-address'], value, owner, errors);
      break;
    case 'autoconf':
      if (isTrue(value.value)) put(['ipv6', 'enabled'], true);
      tree.put(['ipv6', 'autoconf'], value, owner, errors);
      break;
    case 'dhcp':
      for (const [family, isOn] of dhcpFamilies(value, owner, errors)) {
        if (isOn) put([family, 'enabled'], true);
        put([family, 'dhcp'], isOn);
      }
      break;
    case 'ip':
      expandIp(tree, value, owner, errors);
      break;
    case GATEWAY:
      tree.put([GATEWAY], value, owner, errors);
      break;
    case 'routes':
      for (const item of routeItems(value, errors)) routes.push(expandRoute(item, name, errors));
      break;
    default:
      break;
  }
}

/** `ip:` is whole for each family that it gives addresses of; `none` is for both. */
function expandIp(
  tree: ShorthandTree,
  value: Located,
  owner: string,
  errors: NetorchError[],
): void {
  const put = (path: readonly string[], made: unknown, at = value.locate([])): void => {
    tree.put(path, valueFrom(made, at), owner, errors);
  };
  const entries = Array.isArray(value.value) ? locatedItems(value) : [value];
  const found = { ipv4: [] as Located[], ipv6: [] as Located[] };
  let isNone = entries.length === 0;
  for (const entry of entries) {
    const at = entry.locate([]);
    const text = typeof entry.value === 'string' ? entry.value.trim() : undefined;
    if (text === 'dhcp') {
      put(['ipv4', 'enabled'], true, at);
      put(['ipv4', 'dhcp'], true, at);
      continue;
    }
    if (text === 'none' && entries.length === 1) {
      isNone = true;
      continue;
    }
    const [ip = '', length, ...rest] = (text ?? '').split('/');
    const address = canonicalIp(ip);
    if (address === undefined || length === undefined || rest.length > 0 || !/^\d+$/.test(length)) {
      const words =
        address !== undefined && length === undefined
          ? `its prefix length is missing, as in ${ip}/${address.family === 'ipv4' ? '24' : '64'}`
          : 'must be an address with its prefix length like 192.0.2.5/24, "dhcp" or "none"';
      errors.push(
        new NetorchError(
          'INVALID_VALUE',
          `interface ${owner}: ip is ${valueText(entry.value)}: ${words}`,
          { location: at },
        ),
      );
      continue;
    }
    const item = { ip: address.ip, 'prefix-length': Number(length) };
    found[address.family].push(valueFrom(item, at));
  }
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (found[family].length === 0) continue;
    put([family, 'enabled'], true);
    if (family === 'ipv4') put([family, 'dhcp'], false);
    const list = composeList(found[family], value.locate([]));
    tree.put([family, 'address'], list, owner, errors);
  }
  if (isNone) {
    put(['ipv4', 'enabled'], false);
    put(['ipv6', 'address'], []);
  }
}

function dhcpFamilies(
  value: Located,
  owner: string,
  errors: NetorchError[],
): readonly (readonly ['ipv4' | 'ipv6', boolean])[] {
  const word = String(value.value).toLowerCase();
  if (['ipv4', 'v4', '4'].includes(word)) return [['ipv4', true]];
  if (['ipv6', 'v6', '6'].includes(word)) return [['ipv6', true]];
  const both = (isOn: boolean) => [['ipv4', isOn] as const, ['ipv6', isOn] as const];
  if (word === 'both') return both(true);
  if (isTrue(value.value)) return [['ipv4', true]];
  if (isFalse(value.value)) return both(false);
  const text = `interface ${owner}: dhcp is ${valueText(value.value)}, must be true, false, ipv4, ipv6 or both`;
  errors.push(new NetorchError('INVALID_VALUE', text, { location: value.locate([]) }));
  return [];
}

/** Ports of a bridge: names, maps with a name, or one map from names to what is said of each. */
function bridgePorts(value: Located, errors: NetorchError[]): Located {
  if (isPlainMap(value.value)) {
    const items = locatedEntries(value).map(([name, item]) => bridgePort(item, name, errors));
    return composeList(items, value.locate([]));
  }
  if (!Array.isArray(value.value)) return value; // nmstate's schema says what is wrong
  const items = locatedItems(value).map((item) => bridgePort(item, undefined, errors));
  return composeList(items, value.locate([]));
}

function bridgePort(item: Located, name: string | undefined, errors: NetorchError[]): Located {
  const at = item.locate([]);
  if (typeof item.value === 'string') return valueFrom({ name: item.value }, at);
  const tree = new ShorthandTree(at);
  const owner = `port "${name ?? String(locatedAt(item, ['name']).value)}"`;
  if (name !== undefined) tree.put(['name'], valueFrom(name, at), owner, errors);
  if (item.value !== null && !isPlainMap(item.value)) return item;
  for (const [key, value] of locatedEntries(item)) {
    const place = value.locate([]);
    const put = (path: readonly string[], made: Located): void => {
      tree.put(path, made, owner, errors);
    };
    if (key === 'access') {
      put(['vlan', 'mode'], valueFrom('access', place));
      put(['vlan', 'tag'], value);
    } else if (key === 'trunk') {
      put(['vlan', 'mode'], valueFrom('trunk', place));
      put(['vlan', 'trunk-tags'], valueFrom(trunkTags(value, owner, errors), place));
    } else if (key === 'native') {
      put(['vlan', 'enable-native'], valueFrom(true, place));
      put(['vlan', 'tag'], value);
    } else put([key], value);
  }
  return tree.toLocated();
}

/** `100-199,300`, a number, or a list of such. */
function trunkTags(value: Located, owner: string, errors: NetorchError[]): readonly unknown[] {
  const items: readonly unknown[] = Array.isArray(value.value) ? value.value : [value.value];
  return items.flatMap((item) =>
    String(item)
      .split(',')
      .flatMap((part): unknown[] => {
        const match = /^\s*(\d+)(?:\s*-\s*(\d+))?\s*$/.exec(part);
        if (match === null) {
          const text = `${owner}: trunk is ${valueText(item)}, must be VLAN ids like 100-199,300`;
          errors.push(new NetorchError('INVALID_VALUE', text, { location: value.locate([]) }));
          return [];
        }
        const [, first, last] = match;
        if (last === undefined) return [{ id: Number(first) }];
        return [{ 'id-range': { min: Number(first), max: Number(last) } }];
      }),
  );
}
