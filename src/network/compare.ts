/** Expected against found, value by value: the proof after an apply and after a rollback. */
import { isSameBridgeOption } from './bridge.js';
import { defaultDestination, samePrimaries } from './ip.js';
import { effectiveMetric, routeDevices, routeWay } from './route.js';
import { ruleMeaning, ruleText } from './rule.js';
import type {
  BridgeLink,
  Difference,
  InterfaceState,
  IpState,
  Link,
  NetworkState,
  Route,
} from './state.js';

/**
 * The differences that count: of the interfaces in scope, of the routes through them or without an
 * interface, of rules and DNS. Not compared: a MAC that `expected` leaves to the kernel, options that
 * it does not name, foreign routes and rules, facts.
 */
export function compareStates(
  expected: NetworkState,
  found: NetworkState,
  scope: ReadonlySet<string>,
): readonly Difference[] {
  const differences = new Differences();
  for (const name of [...scope].sort()) {
    compareInterface(differences, name, expected.interfaces.get(name), found.interfaces.get(name));
  }
  compareRoutes(differences, expected, found, scope);
  compareRules(differences, expected, found);
  const isUnchecked = (part: 'dns' | 'hostname'): boolean => expected.unchecked?.has(part) === true;
  if (!isUnchecked('dns')) {
    for (const key of ['servers', 'search', 'options'] as const) {
      differences.add(`dns.${key}`, list(expected.dns[key]), list(found.dns[key]));
    }
  }
  if (!isUnchecked('hostname')) differences.add('hostname', expected.hostname, found.hostname);
  return differences.all;
}

const NONE = 'none';
const list = (items: readonly string[]): string => (items.length === 0 ? NONE : items.join(' '));

class Differences {
  readonly all: Difference[] = [];

  add(
    path: string,
    expected: string | number | boolean | undefined,
    found: string | number | boolean | undefined,
  ): void {
    const [wanted, got] = [String(expected ?? NONE), String(found ?? NONE)];
    if (wanted !== got) this.all.push({ path, expected: wanted, found: got });
  }

  /** Missing so far, and nobody's mistake yet. */
  addAwaited(path: string, expected: string): void {
    this.all.push({ path, expected, found: 'none yet', isAwaited: true });
  }
}

function compareInterface(
  differences: Differences,
  name: string,
  expected: InterfaceState | undefined,
  found: InterfaceState | undefined,
): void {
  if (expected === undefined || found === undefined) {
    const present = (state: InterfaceState | undefined): string =>
      state === undefined ? 'absent' : 'present';
    differences.add(name, present(expected), present(found));
    return;
  }
  const add = (
    key: string,
    wanted: string | number | boolean | undefined,
    got: string | number | boolean | undefined,
  ): void => differences.add(`${name}.${key}`, wanted, got);
  add('state', expected.up ? 'up' : 'down', found.up ? 'up' : 'down');
  if (expected.mac !== undefined) add('mac', expected.mac, found.mac);
  add('mtu', expected.mtu, found.mtu);
  add('controller', expected.controller, found.controller);
  if (expected.alias !== undefined) add('alias', expected.alias || NONE, found.alias || NONE);
  if (expected.altNames !== undefined) {
    add('alt-names', list(expected.altNames), list(found.altNames ?? []));
  }
  if (expected.promiscuous !== undefined)
    add('promiscuous', expected.promiscuous, found.promiscuous);
  compareAddresses(add, 'ipv4', expected.ipv4, found.ipv4);
  compareDhcp(add, expected, found);
  for (const [key, what] of awaitedAddresses(expected, found)) {
    differences.addAwaited(`${name}.${key}`, what);
  }
  add('ipv6.enabled', expected.ipv6.enabled, found.ipv6.enabled);
  compareAddresses(add, 'ipv6', expected.ipv6, found.ipv6);
  compareLinks(add, expected.link, found.link);
}

function compareDhcp(add: Add, expected: InterfaceState, found: InterfaceState): void {
  const running = (ip: IpState): string => (ip.dhcp === undefined ? 'off' : 'on');
  add('ipv4.dhcp', running(expected.ipv4), running(found.ipv4));
  if (expected.ipv6.autoconf !== undefined) {
    add('ipv6.autoconf', expected.ipv6.autoconf, found.ipv6.autoconf);
  }
}

/** Dynamic addresses are waited for, not forced: which one it is, the server says. */
function awaitedAddresses(
  expected: InterfaceState,
  found: InterfaceState,
): readonly (readonly [key: string, what: string])[] {
  const dynamic = found.facts?.dynamicAddresses ?? [];
  const has = (isIpv6: boolean) => dynamic.some(({ ip }) => ip.includes(':') === isIpv6);
  return [
    ...(expected.ipv4.isAwaited === true && !has(false)
      ? [['ipv4.dhcp', 'an address from the DHCP server'] as const]
      : []),
    ...(expected.ipv6.isAwaited === true && !has(true)
      ? [['ipv6.autoconf', 'an address from router advertisements'] as const]
      : []),
  ];
}

type Add = (
  key: string,
  expected: string | number | boolean | undefined,
  found: string | number | boolean | undefined,
) => void;

function compareAddresses(
  add: Add,
  family: 'ipv4' | 'ipv6',
  expected: IpState,
  found: IpState,
): void {
  if (samePrimaries(expected.addresses, found.addresses)) return;
  const texts = (ip: IpState): string[] =>
    ip.addresses.map((address) => `${address.ip}/${address.prefixLength}`);
  add(`${family}.addresses`, list(texts(expected)), list(texts(found)));
}

function compareLinks(add: Add, expected: Link, found: Link): void {
  const kind = (link: Link): string => (link.kind === 'other' ? link.type : link.kind);
  if (expected.kind !== found.kind) {
    add('link.kind', kind(expected), kind(found));
    return;
  }
  const same = <T extends Link>(of: T, other: Link): other is T => of.kind === other.kind;
  switch (expected.kind) {
    case 'bond':
      if (!same(expected, found)) return;
      add('link.mode', expected.mode, found.mode);
      compareOptions(add, 'link.options', expected.options, found.options);
      add('link.ports', list(expected.ports), list(found.ports));
      for (const [port, options] of Object.entries(expected.portOptions ?? {})) {
        compareOptions(add, `link.ports.${port}`, options, found.portOptions?.[port] ?? {});
      }
      return;
    case 'vlan':
      if (!same(expected, found)) return;
      add('link.base', expected.base, found.base);
      add('link.id', expected.id, found.id);
      add('link.protocol', expected.protocol, found.protocol);
      compareOptions(add, 'link.options', expected.options ?? {}, found.options ?? {});
      return;
    case 'vxlan':
      if (!same(expected, found)) return;
      for (const key of ['id', 'base', 'local', 'remote', 'destinationPort', 'learning'] as const) {
        add(`link.${key}`, expected[key], found[key]);
      }
      compareOptions(add, 'link.options', expected.options ?? {}, found.options ?? {});
      return;
    case 'mac-vlan':
    case 'mac-vtap':
      if (!same(expected, found)) return;
      for (const key of ['base', 'mode', 'promiscuous'] as const) {
        add(`link.${key}`, expected[key], found[key]);
      }
      return;
    case 'vrf':
      if (!same(expected, found)) return;
      add('link.table', expected.table, found.table);
      add('link.ports', list(expected.ports), list(found.ports));
      return;
    case 'linux-bridge':
      if (same(expected, found)) compareBridges(add, expected, found);
      return;
    case 'veth':
      if (same(expected, found)) add('link.peer', expected.peer, found.peer);
      return;
    case 'other':
      add('link.type', expected.type, kind(found));
      return;
    case 'ethernet':
    case 'dummy':
    case 'loopback':
      return;
  }
}

function compareOptions(
  add: Add,
  path: string,
  expected: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): void {
  for (const [option, value] of Object.entries(expected))
    // An option of nothing (no primary, no target to ask) is one that the host does not show.
    add(`${path}.${option}`, value || NONE, found[option] || NONE);
}

function compareBridges(add: Add, expected: BridgeLink, found: BridgeLink): void {
  for (const [option, value] of Object.entries(expected.options)) {
    const other = found.options[option];
    // Not to be known while spanning tree sees the topology change.
    if (option === 'ageing_time' && other === undefined) continue;
    if (other !== undefined && isSameBridgeOption(option, value, other)) continue;
    add(`link.options.${option}`, value, other);
  }
  const names = (link: BridgeLink): string => list(link.ports.map((port) => port.name));
  add('link.ports', names(expected), names(found));
  const filters = expected.options['vlan_filtering'] === '1';
  for (const port of expected.ports) {
    const other = found.ports.find((candidate) => candidate.name === port.name);
    if (other === undefined) continue;
    compareOptions(add, `link.ports.${port.name}`, port.options, other.options);
    const table = (vlans: typeof port.vlans): string =>
      list(
        vlans.map(
          (vlan) => `${vlan.vid}${vlan.pvid ? ' pvid' : ''}${vlan.untagged ? ' untagged' : ''},`,
        ),
      ).replace(/,$/, '');
    if (filters) add(`link.ports.${port.name}.vlans`, table(port.vlans), table(other.vlans));
  }
}

/**
 * Expected routes must be found; found ones through interfaces in scope must be expected. Who set a
 * route does not count. Without a metric given, any will do.
 */
function compareRoutes(
  differences: Differences,
  { routes: expected, interfaces }: NetworkState,
  { routes: found }: NetworkState,
  scope: ReadonlySet<string>,
): void {
  const inScope = (route: Route): boolean =>
    !route.foreign &&
    (routeDevices(route).length === 0 || routeDevices(route).some((device) => scope.has(device)));
  const slot = (route: Route): string =>
    `${route.destination} ${route.table} ${effectiveMetric(route)}`;
  const path = (route: Route): string =>
    route.table === 254
      ? `routes[${route.destination}]`
      : `routes[${route.destination}@${route.table}]`;
  const text = (route: Route): string => {
    const metric = route.metric === undefined ? '' : ` metric ${route.metric}`;
    return `${routeWay(route)}${metric}`;
  };
  const wanted = expected.filter(inScope);
  const got = found.filter(inScope);
  const isSame = (a: Route, b: Route): boolean =>
    slot(a) === slot(b) && routeWay(a) === routeWay(b);
  const missing = wanted.filter((route) => !got.some((other) => isSame(route, other)));
  // Some clients set the default route as if a person had.
  const isOfDhcp = (route: Route): boolean =>
    route.destination === defaultDestination('ipv4') &&
    routeDevices(route).every((device) => interfaces.get(device)?.ipv4.dhcp !== undefined);
  const extra = got.filter(
    (route) =>
      !wanted.some((other) => isSame(route, other)) && !isDynamic(route) && !isOfDhcp(route),
  );
  for (const route of missing) {
    const instead = extra.find((other) => slot(other) === slot(route));
    if (instead !== undefined) extra.splice(extra.indexOf(instead), 1);
    differences.add(path(route), text(route), instead === undefined ? 'absent' : text(instead));
  }
  for (const route of extra) differences.add(path(route), 'absent', text(route));
}

/** Routes of router advertisements and DHCP come and go by themselves (RTPROT_RA, RTPROT_DHCP). */
function isDynamic(route: Route): boolean {
  return route.protocol === 9 || route.protocol === 16;
}

function compareRules(differences: Differences, expected: NetworkState, found: NetworkState): void {
  const rest = found.rules.filter((rule) => !rule.foreign);
  for (const rule of expected.rules) {
    if (rule.foreign) continue;
    const at = rest.findIndex(
      (other) =>
        ruleMeaning(other) === ruleMeaning(rule) &&
        (rule.priority === undefined || other.priority === rule.priority),
    );
    if (at === -1) differences.add(`rules[${ruleText(rule)}]`, 'present', 'absent');
    else rest.splice(at, 1);
  }
  for (const rule of rest) differences.add(`rules[${ruleText(rule)}]`, 'absent', 'present');
}
