/**
 * What netorch made on a host, as the host has it on record (`/run/netorch/owned`): one object a line,
 * `KIND KEY # OWNER`. The key says what the object is by its value, so that another object that has
 * taken its place (a VLAN of the same name with another id) is not mistaken for it.
 */
import { routeSlot, routeWay } from './route.js';
import { ruleMeaning } from './rule.js';
import type { InterfaceState, IpAddress, NetworkState, Route, RouteRule } from './state.js';
import { portsOf } from './state.js';

const KINDS = ['link', 'port', 'address', 'route', 'rule'] as const;

export type OwnedObject = Readonly<{
  kind: (typeof KINDS)[number];
  key: string;
  /** Whose transaction made it: `user@host, run ID`. */
  owner: string;
}>;

/** Lines to add to the record and to take out of it, once a transaction is confirmed. */
export type OwnedDelta = Readonly<{ add: readonly string[]; drop: readonly string[] }>;

/** The routes that netorch adds are of rtnetlink's protocol "static". */
export const OWN_PROTOCOL = 4;

export function linkKey({ name, link }: InterfaceState): string {
  switch (link.kind) {
    case 'vlan':
      return `${name} vlan ${link.base} ${link.protocol} ${link.id}`;
    case 'vxlan':
      return `${name} vxlan ${link.id}`;
    case 'vrf':
      return `${name} vrf ${link.table}`;
    case 'other':
      return `${name} ${link.type}`;
    default:
      return `${name} ${link.kind}`;
  }
}

export const portKey = (port: string, controller: string): string => `${port} ${controller}`;

export const addressKey = (name: string, { ip, prefixLength }: IpAddress): string =>
  `${name} ${ip}/${prefixLength}`;

export const routeKeyOf = (route: Route): string =>
  `${route.family} ${route.type} ${routeSlot(route)} ${routeWay(route)}`;

/** Without the priority: where the plan gives none, the kernel chooses one later. */
export const ruleKey = (rule: RouteRule): string => ruleMeaning(rule);

/** All objects of a state that could be somebody's making, by `KIND KEY`; NICs are nobody's. */
export function ownableObjects(
  state: NetworkState,
): ReadonlyMap<string, Readonly<Pick<OwnedObject, 'kind' | 'key'>>> {
  const found = new Map<string, Pick<OwnedObject, 'kind' | 'key'>>();
  const add = (kind: OwnedObject['kind'], key: string): void => {
    found.set(`${kind} ${key}`, { kind, key });
  };
  for (const item of state.interfaces.values()) {
    const { kind } = item.link;
    if (kind !== 'ethernet' && kind !== 'loopback' && kind !== 'other') add('link', linkKey(item));
    for (const port of portsOf(item.link)) add('port', portKey(port, item.name));
    for (const family of ['ipv4', 'ipv6'] as const) {
      for (const address of item[family].addresses) add('address', addressKey(item.name, address));
    }
  }
  for (const route of state.routes) {
    if (!route.foreign && route.protocol === OWN_PROTOCOL) add('route', routeKeyOf(route));
  }
  for (const rule of state.rules) if (!rule.foreign) add('rule', ruleKey(rule));
  return found;
}

const SEPARATOR = ' # ';

export function ownedLine({ kind, key, owner }: OwnedObject): string {
  return `${kind} ${key}${SEPARATOR}${owner}`;
}

/** undefined for a line that is none: a record that somebody wrote into proves nothing. */
export function parseOwnedLine(line: string): OwnedObject | undefined {
  const at = line.indexOf(SEPARATOR);
  const space = line.indexOf(' ');
  const kind = KINDS.find((known) => known === line.slice(0, space));
  if (kind === undefined || at <= space) return undefined;
  return { kind, key: line.slice(space + 1, at), owner: line.slice(at + SEPARATOR.length) };
}
