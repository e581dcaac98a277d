/**
 * The interfaces of a plan by the names that the host gives them. A document may name one by an
 * alternative name, or find it by its MAC or PCI address (`identifier:`): then its `name:` is a name
 * within the document, which its other parts may refer to (nmstate, inter_ifaces.rs).
 */
import { NetorchError } from '../errors.js';
import { locationOf } from './desired.js';
import type { DesiredInterface, DesiredRoute, DesiredRule, DesiredState } from './desired.js';
import { MAIN_TABLE } from './route.js';
import type { InterfaceState, NetworkState } from './state.js';

type Resolved = Readonly<{ desired: DesiredState; errors: readonly NetorchError[] }>;

/** Every interface of the plan, and what refers to one, by the host's name. */
export function resolveNames(observed: NetworkState, desired: DesiredState): Resolved {
  const errors: NetorchError[] = [];
  const found = new Map<string, string>();
  for (const item of desired.interfaces) {
    if (item.identifier === undefined) continue;
    const match = identified(observed, item);
    if (typeof match === 'string') {
      const text = `interface "${item.name}": ${observed.hostname ?? 'the host'} has ${match}`;
      const location = locationOf(item, 'identifier');
      errors.push(new NetorchError('INVALID_NETWORK', text, { location }));
    } else {
      found.set(item.name, match.name);
    }
  }
  const byAltName = new Map<string, string>();
  for (const { name, altNames } of observed.interfaces.values()) {
    for (const altName of altNames ?? []) byAltName.set(altName, name);
  }
  if (found.size === 0 && byAltName.size === 0) {
    return { desired: withTables(observed, desired, errors), errors };
  }
  const real = (name: string): string => {
    const identifiedAs = found.get(name);
    if (identifiedAs !== undefined) return identifiedAs;
    if (observed.interfaces.has(name)) return name;
    return byAltName.get(name) ?? name;
  };
  const resolved: DesiredState = {
    ...desired,
    interfaces: desired.interfaces.map((item) =>
      renamed(item, real, found.has(item.name) || item.identifier === undefined),
    ),
    routes: desired.routes.map((route) => renamedRoute(route, real)),
    rules: desired.rules.map((rule) => renamedRule(rule, real)),
  };
  return { desired: withTables(observed, resolved, errors), errors };
}

/** The table of the VRF that a route names (`vrf-name`), which this plan may make or give another one. */
function withTables(
  observed: NetworkState,
  desired: DesiredState,
  errors: NetorchError[],
): DesiredState {
  if (!desired.routes.some(({ vrf }) => vrf !== undefined)) return desired;
  const routes = desired.routes.map((route): DesiredRoute => {
    const { vrf: name, ...rest } = route;
    if (name === undefined) return route;
    if (name === '') return { ...rest, table: MAIN_TABLE };
    const wanted = desired.interfaces.find((item) => item.name === name);
    const present = observed.interfaces.get(name)?.link;
    const isAbsent = wanted?.state === 'absent' && !route.absent;
    const table = wanted?.vrf?.table ?? (present?.kind === 'vrf' ? present.table : undefined);
    if (table !== undefined && !isAbsent) return { ...rest, table };
    const why = isAbsent
      ? 'is absent in this plan'
      : present === undefined
        ? `is no interface of ${observed.hostname ?? 'the host'}`
        : 'is no VRF';
    errors.push(
      new NetorchError(
        'INVALID_NETWORK',
        `route to ${route.destination ?? 'anywhere'}: vrf-name "${name}" ${why}`,
        { location: route.location },
      ),
    );
    return route;
  });
  return { ...desired, routes };
}

/** The one interface, or the words for why there is none. */
function identified(observed: NetworkState, item: DesiredInterface): InterfaceState | string {
  const all = [...observed.interfaces.values()].filter(
    ({ link }) => item.kind === undefined || item.kind === link.kind || isLikeEthernet(item, link),
  );
  if (item.identifier === 'pci-address') {
    const address = item.pciAddress ?? '';
    return oneOf(
      all.filter(({ facts }) => facts?.pciAddress === address),
      `PCI address ${address}`,
    );
  }
  const mac = item.mac ?? '';
  // The address burnt in decides: a bond lends all its ports one MAC, and VLANs have that of their base.
  const permanent = all.filter(({ facts }) => facts?.permanentMac === mac);
  const current = all.filter((state) => state.mac === mac);
  return oneOf(permanent.length > 0 ? permanent : current, `MAC address ${mac}`);
}

function isLikeEthernet(item: DesiredInterface, link: InterfaceState['link']): boolean {
  return item.kind === 'ethernet' && link.kind === 'veth';
}

function oneOf(matches: readonly InterfaceState[], what: string): InterfaceState | string {
  const [first, second] = matches;
  if (first === undefined) return `no interface with ${what}`;
  if (second === undefined) return first;
  return `several interfaces with ${what}: ${matches.map(({ name }) => name).join(', ')}`;
}

type Rename = (name: string) => string;

function renamed(item: DesiredInterface, real: Rename, isFound: boolean): DesiredInterface {
  if (!isFound) return item; // said among the errors
  const { identifier, pciAddress: _address, mac, ...rest } = item;
  const { bond, bridge, vlan, vxlan, macVlan, veth, vrf } = item;
  const isByMac = identifier === 'mac-address';
  const base = <T extends { base?: string }>(section: T): T =>
    section.base === undefined ? section : { ...section, base: real(section.base) };
  const primary = bond?.options?.['primary'];
  return {
    ...rest,
    name: real(item.name),
    // A MAC that the interface was found by asks for nothing.
    ...(mac === undefined || isByMac ? {} : { mac }),
    ...(item.controller === undefined ? {} : { controller: real(item.controller) }),
    ...(item.copyMacFrom === undefined ? {} : { copyMacFrom: real(item.copyMacFrom) }),
    ...(bond === undefined
      ? {}
      : {
          bond: {
            ...bond,
            ...(bond.ports === undefined ? {} : { ports: bond.ports.map(real) }),
            ...(bond.portOptions === undefined
              ? {}
              : {
                  portOptions: Object.fromEntries(
                    Object.entries(bond.portOptions).map(([port, values]) => [real(port), values]),
                  ),
                }),
            ...(primary === undefined
              ? {}
              : { options: { ...bond.options, primary: real(primary) } }),
          },
        }),
    ...(bridge?.ports === undefined
      ? {}
      : {
          bridge: {
            ...bridge,
            ports: bridge.ports.map((port) => ({ ...port, name: real(port.name) })),
          },
        }),
    ...(vlan === undefined ? {} : { vlan: base(vlan) }),
    ...(vxlan === undefined ? {} : { vxlan: base(vxlan) }),
    ...(macVlan === undefined ? {} : { macVlan: base(macVlan) }),
    ...(veth?.peer === undefined ? {} : { veth: { peer: real(veth.peer) } }),
    ...(vrf?.ports === undefined ? {} : { vrf: { ...vrf, ports: vrf.ports.map(real) } }),
    locations: renamedLocations(item.locations, real),
  };
}

/** Keys of ports hold their names: `bond.ports.eth1`, `bridge.ports.eth1.vlans`. */
function renamedLocations(
  locations: DesiredInterface['locations'],
  real: Rename,
): DesiredInterface['locations'] {
  return new Map(
    [...locations].map(([key, location]) => {
      const [, list, name, rest = ''] =
        /^((?:bond|bridge|vrf)\.ports|bond\.portOptions)\.(.+?)(\.vlans)?$/.exec(key) ?? [];
      return [
        list === undefined || name === undefined ? key : `${list}.${real(name)}${rest}`,
        location,
      ];
    }),
  );
}

function renamedRoute(route: DesiredRoute, real: Rename): DesiredRoute {
  const { nextHopInterface: device, vrf } = route;
  if (device === undefined && vrf === undefined) return route;
  return {
    ...route,
    ...(device === undefined ? {} : { nextHopInterface: real(device) }),
    ...(vrf === undefined ? {} : { vrf: real(vrf) }),
  };
}

function renamedRule(rule: DesiredRule, real: Rename): DesiredRule {
  return rule.iif === undefined ? rule : { ...rule, iif: real(rule.iif) };
}
