/** One item of `interfaces:` to the desired interface. */
import { childOf, isPlainMap } from '../config/located.js';
import type { DocumentPath, Located } from '../config/located.js';
import { didYouMean } from '../config/nearest.js';
import { parseWith, valueText } from '../config/schema-errors.js';
import { NetorchError, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { BOND_OPTION_NAMES, desiredBondOptions } from './bond.js';
import type { BondSection } from './bond.js';
import { desiredPortsConfig } from './bond-port.js';
import {
  bridgeOptionPath,
  desiredBridgeOptions,
  desiredPortOptions,
  portVlanTable,
} from './bridge.js';
import type { BridgeSection } from './bridge.js';
import type { DesiredBridgePort, DesiredInterface } from './desired.js';
import { interfaceNameProblem } from './interface-name.js';
import { interfaceSchema } from './interface-schema.js';
import type { InterfaceSection } from './interface-schema.js';
import { desiredIpv4, desiredIpv6 } from './ip-section.js';
import { KINDS, REFUSED_TYPES, SECTION_OF_KIND } from './kinds.js';
import type { DocumentKind } from './kinds.js';
import { desiredMacVlan } from './mac-vlan.js';
import { desiredVlan } from './vlan.js';
import type { VrfSection } from './vrf.js';
import { desiredVxlan } from './vxlan.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Throws all mistakes of this interface at once; their messages do not name it. */
export function parseInterface(item: Located): DesiredInterface {
  const kind = kindOf(item);
  const section = parseWith(interfaceSchema(kind), item, '');
  const locations = new Map<string, SourceLocation>([['', item.locate([])]]);
  const errors: NetorchError[] = [];
  const mark = (key: string, path: DocumentPath): void => {
    if (isWritten(item.value, path)) locations.set(key, item.locate(path));
  };

  const result: Mutable<DesiredInterface> = {
    name: section.name,
    state: section.state ?? 'up',
    locations,
  };
  if (kind !== undefined) result.kind = kind;
  if (section.mtu !== undefined) result.mtu = section.mtu;
  if (section['mac-address'] !== undefined) result.mac = section['mac-address'];
  if (section['copy-mac-from'] !== undefined) result.copyMacFrom = section['copy-mac-from'];
  const controller = onlyOne(item, [], ['controller', 'master'], errors);
  const controllerName = section.controller ?? section.master;
  if (controllerName !== undefined) result.controller = controllerName;
  if (section.ipv4 !== undefined) result.ipv4 = desiredIpv4(section.ipv4);
  if (section.ipv6 !== undefined) result.ipv6 = desiredIpv6(section.ipv6);
  if (section.exclusive !== undefined) result.exclusive = section.exclusive;
  readProperties(section, result);
  if (kind !== undefined && kind !== 'ethernet') {
    // Only what the host has already may be called by a longer, alternative name.
    const problem = interfaceNameProblem(section.name);
    const location = item.locate(['name']);
    if (problem !== undefined) {
      errors.push(
        new NetorchError('INVALID_VALUE', `name is "${section.name}", ${problem}`, { location }),
      );
    }
  }
  if (section.identifier === 'mac-address' && section['mac-address'] === undefined) {
    errors.push(lacking(item, 'identifier: mac-address needs mac-address'));
  }
  if (section.identifier === 'pci-address' && section['pci-address'] === undefined) {
    errors.push(lacking(item, 'identifier: pci-address needs pci-address'));
  }
  mark('kind', ['type']);
  mark('state', ['state']);
  mark('mtu', ['mtu']);
  mark('mac', ['mac-address']);
  mark('copyMacFrom', ['copy-mac-from']);
  mark('controller', [controller]);
  mark('exclusive', ['exclusive']);
  mark('description', ['description']);
  mark('altNames', ['alt-names']);
  mark('promiscuous', ['accept-all-mac-addresses']);
  mark('identifier', ['identifier']);
  mark('profileName', ['profile-name']);
  mark('waitIp', ['wait-ip']);
  for (const family of ['ipv4', 'ipv6'] as const) {
    mark(family, [family]);
    mark(`${family}.enabled`, [family, 'enabled']);
    mark(`${family}.addresses`, [family, 'address']);
    mark(`${family}.dhcp`, [family, 'dhcp']);
    mark(`${family}.autoconf`, [family, 'autoconf']);
  }

  if (section['link-aggregation'] !== undefined) {
    result.bond = readBond(section['link-aggregation'], item, mark, errors);
  }
  if (section.bridge !== undefined) {
    result.bridge = readBridge(section.bridge, item, mark, errors);
    readExtraPorts(section.bridge, item, result, locations, errors);
  }
  if (section.vlan !== undefined) {
    result.vlan = desiredVlan(section.vlan);
    mark('vlan', ['vlan']);
    mark('vlan.base', ['vlan', 'base-iface']);
    mark('vlan.id', ['vlan', 'id']);
    mark('vlan.protocol', ['vlan', 'protocol']);
    for (const key of ['registration-protocol', 'loose-binding'])
      mark(`vlan.${key}`, ['vlan', key]);
  }
  if (section.vxlan !== undefined) {
    result.vxlan = desiredVxlan(section.vxlan);
    mark('vxlan', ['vxlan']);
    mark('vxlan.base', ['vxlan', 'base-iface']);
    mark('vxlan.destinationPort', ['vxlan', 'destination-port']);
    for (const key of ['id', 'local', 'remote', 'learning']) mark(`vxlan.${key}`, ['vxlan', key]);
  }
  if (section.veth !== undefined) {
    const { peer } = section.veth;
    result.veth = peer === undefined ? {} : { peer };
    mark('veth', ['veth']);
    mark('veth.peer', ['veth', 'peer']);
  }
  for (const key of ['mac-vlan', 'mac-vtap'] as const) {
    const macVlan = section[key];
    if (macVlan === undefined) continue;
    result.macVlan = desiredMacVlan(macVlan);
    mark('macVlan', [key]);
    mark('macVlan.base', [key, 'base-iface']);
    mark('macVlan.mode', [key, 'mode']);
    mark('macVlan.promiscuous', [key, 'promiscuous']);
  }
  if (section.vrf !== undefined) result.vrf = readVrf(section.vrf, item, mark, errors);
  throwCollected(errors);
  return result;
}

function lacking(item: Located, text: string): NetorchError {
  return new NetorchError('INVALID_VALUE', text, { location: item.locate(['identifier']) });
}

function readProperties(section: InterfaceSection, result: Mutable<DesiredInterface>): void {
  const { description, identifier } = section;
  if (description !== undefined) result.description = description;
  if (section['accept-all-mac-addresses'] !== undefined) {
    result.promiscuous = section['accept-all-mac-addresses'];
  }
  if (section['alt-names'] !== undefined) {
    result.altNames = section['alt-names'].map(({ name, state }) => ({
      name,
      absent: state === 'absent',
    }));
  }
  if (section['allow-recreate'] !== undefined) result.allowRecreate = section['allow-recreate'];
  if (identifier !== undefined && identifier !== 'name') result.identifier = identifier;
  if (section['pci-address'] !== undefined) result.pciAddress = section['pci-address'];
  if (section['profile-name'] !== undefined) result.profileName = section['profile-name'];
  if (section['wait-ip'] !== undefined) result.waitIp = section['wait-ip'];
}

/**
 * The kind that the document names or shows by its section. Throws NOT_SUPPORTED for what netorch
 * refuses by name, before anything else of the interface is looked at: its keys would only mislead.
 */
function kindOf(item: Located): DocumentKind | undefined {
  if (!isPlainMap(item.value)) {
    throw new NetorchError('INVALID_VALUE', `is ${valueText(item.value)}, must be a map`, {
      location: item.locate([]),
    });
  }
  const type = childOf(item.value, 'type');
  if (type === undefined || type === 'unknown') {
    return KINDS.find((kind) => {
      const section = SECTION_OF_KIND[kind];
      return section !== undefined && childOf(item.value, section) !== undefined;
    });
  }
  const word = (typeof type === 'string' ? type : valueText(type)).toLowerCase();
  const location = item.locate(['type']);
  if (Object.hasOwn(REFUSED_TYPES, word)) {
    throw new NetorchError('NOT_SUPPORTED', `type ${word} ${REFUSED_TYPES[word] ?? ''}`, {
      location,
    });
  }
  // nmstate calls both ends of a veth pair "ethernet" in places, and shows the peer.
  if (word === 'ethernet' && childOf(item.value, 'veth') !== undefined) return 'veth';
  const kind = KINDS.find((known) => known === word);
  if (kind !== undefined) return kind;
  throw new NetorchError(
    'INVALID_VALUE',
    `type is ${valueText(type)}, must be one of ${KINDS.join(', ')}${didYouMean(word, KINDS)}`,
    { location },
  );
}

type Mark = (key: string, path: DocumentPath) => void;

function readBond(
  section: BondSection,
  item: Located,
  mark: Mark,
  errors: NetorchError[],
): NonNullable<DesiredInterface['bond']> {
  const base = ['link-aggregation'];
  const options = section.options === undefined ? undefined : desiredBondOptions(section.options);
  const { num_grat_arp: arp, num_unsol_na: na } = section.options ?? {};
  if (arp !== undefined && na !== undefined && arp !== na) {
    errors.push(
      new NetorchError(
        'INVALID_VALUE',
        `num_grat_arp is ${arp} and num_unsol_na is ${na}; they are one value in the kernel`,
        { location: item.locate([...base, 'options', 'num_unsol_na']) },
      ),
    );
  }
  const key = onlyOne(item, base, ['port', 'ports', 'slaves', 'slave'], errors);
  const ports = section.port ?? section.ports ?? section.slaves ?? section.slave;
  mark('bond', base);
  mark('bond.mode', [...base, 'mode']);
  mark('bond.options', [...base, 'options']);
  for (const name of BOND_OPTION_NAMES) mark(`bond.options.${name}`, [...base, 'options', name]);
  mark('bond.ports', [...base, key]);
  for (const [index, port] of (ports ?? []).entries()) {
    mark(`bond.ports.${port}`, [...base, key, index]);
  }
  const config = section['ports-config'];
  for (const [index, { name }] of (config ?? []).entries()) {
    mark(`bond.portOptions.${name}`, [...base, 'ports-config', index]);
  }
  return {
    ...(section.mode === undefined ? {} : { mode: section.mode }),
    ...(options === undefined ? {} : { options }),
    ...(ports === undefined ? {} : { ports }),
    ...(config === undefined ? {} : { portOptions: desiredPortsConfig(config) }),
  };
}

function readVrf(
  section: VrfSection,
  item: Located,
  mark: Mark,
  errors: NetorchError[],
): NonNullable<DesiredInterface['vrf']> {
  const key = onlyOne(item, ['vrf'], ['port', 'ports'], errors);
  const ports = section.port ?? section.ports;
  const { 'route-table-id': table } = section;
  mark('vrf', ['vrf']);
  mark('vrf.table', ['vrf', 'route-table-id']);
  mark('vrf.ports', ['vrf', key]);
  for (const [index, port] of (ports ?? []).entries()) {
    mark(`vrf.ports.${port}`, ['vrf', key, index]);
  }
  return {
    ...(table === undefined ? {} : { table }),
    ...(ports === undefined ? {} : { ports }),
  };
}

function readBridge(
  section: BridgeSection,
  item: Located,
  mark: Mark,
  errors: NetorchError[],
): NonNullable<DesiredInterface['bridge']> {
  const key = onlyOne(item, ['bridge'], ['port', 'ports', 'slaves', 'slave'], errors);
  const written = section.port ?? section.ports ?? section.slaves ?? section.slave;
  const options: Record<string, string> =
    section.options === undefined ? {} : { ...desiredBridgeOptions(section.options) };
  mark('bridge', ['bridge']);
  mark('bridge.options', ['bridge', 'options']);
  for (const option of Object.keys(options)) {
    mark(`bridge.options.${option}`, ['bridge', 'options', ...bridgeOptionPath(option)]);
  }
  const { 'group-forward-mask': mask, 'group-fwd-mask': alias } = section.options ?? {};
  if (mask !== undefined && alias !== undefined && mask !== alias) {
    errors.push(
      new NetorchError(
        'INVALID_VALUE',
        `group-forward-mask is ${mask} and group-fwd-mask is ${alias}; they are the same option`,
        { location: item.locate(['bridge', 'options', 'group-fwd-mask']) },
      ),
    );
  }
  mark('bridge.ports', ['bridge', key]);
  const ports = written?.map((port, index): DesiredBridgePort => {
    const at = ['bridge', key, index];
    mark(`bridge.ports.${port.name}`, at);
    const portOptions = desiredPortOptions(port);
    if (port.vlan === undefined) return desiredPort(port.name, portOptions, undefined);
    mark(`bridge.ports.${port.name}.vlans`, [...at, 'vlan']);
    const table = portVlanTable(port.vlan);
    for (const problem of table.problems) {
      errors.push(
        new NetorchError('INVALID_NETWORK', `bridge port "${port.name}": ${problem.text}`, {
          location: item.locate([...at, 'vlan', ...problem.key]),
        }),
      );
    }
    return desiredPort(port.name, portOptions, table.vlans);
  });
  // A VLAN table means nothing while the bridge does not filter: nmstate switches it on as well.
  const givesTables = ports?.some((port) => port.vlans !== undefined) === true;
  if (givesTables && options['vlan_filtering'] === '0') {
    errors.push(
      new NetorchError(
        'INVALID_NETWORK',
        'vlan-filtering is false, but ports have a vlan: section, which needs it',
        { location: item.locate(['bridge', 'options', 'vlan-filtering']) },
      ),
    );
  }
  if (givesTables) options['vlan_filtering'] = '1';
  return {
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(ports === undefined ? {} : { ports }),
  };
}

/** nmstate's word for the contrary of `exclusive`; it stands beside the ports or among the options. */
function readExtraPorts(
  section: BridgeSection,
  item: Located,
  result: Mutable<DesiredInterface>,
  locations: Map<string, SourceLocation>,
  errors: NetorchError[],
): void {
  const places: readonly (readonly [boolean | undefined, DocumentPath])[] = [
    [section['allow-extra-ports'], ['bridge', 'allow-extra-ports']],
    [section.options?.['allow-extra-ports'], ['bridge', 'options', 'allow-extra-ports']],
  ];
  for (const [isAllowed, path] of places) {
    if (isAllowed === undefined) continue;
    const location = item.locate(path);
    if (result.exclusive !== undefined && result.exclusive === isAllowed) {
      const text = `allow-extra-ports is ${isAllowed}, which contradicts what is said of the same elsewhere (exclusive: ${result.exclusive})`;
      errors.push(new NetorchError('INVALID_VALUE', text, { location }));
    }
    if (result.exclusive === undefined) locations.set('exclusive', location);
    result.exclusive = !isAllowed;
  }
}

function desiredPort(
  name: string,
  options: Readonly<Record<string, string>>,
  vlans: DesiredBridgePort['vlans'],
): DesiredBridgePort {
  return {
    name,
    ...(Object.keys(options).length === 0 ? {} : { options }),
    ...(vlans === undefined ? {} : { vlans }),
  };
}

/** Which of several spellings of one key is used (the first, when none is); two at once are a mistake. */
function onlyOne(
  item: Located,
  base: DocumentPath,
  names: readonly [string, ...string[]],
  errors: NetorchError[],
): string {
  const used = names.filter((name) => isWritten(item.value, [...base, name]));
  const [first, second] = used;
  if (first !== undefined && second !== undefined) {
    errors.push(
      new NetorchError(
        'INVALID_VALUE',
        `both "${first}" and "${second}" are given; they are two names of one key`,
        { location: item.locate([...base, second]) },
      ),
    );
  }
  return first ?? names[0];
}

function isWritten(value: unknown, path: DocumentPath): boolean {
  let current = value;
  for (const key of path) current = childOf(current, key);
  return current !== undefined;
}
