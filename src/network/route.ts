/** Routes: the `routes:` part of documents, and when two routes are the same one. */
import { z } from 'zod';
import type { SourceLocation } from '../errors.js';
import type { DesiredRoute } from './desired.js';
import { interfaceReference } from './interface-name.js';
import { canonicalIp, canonicalNetwork } from './ip.js';
import { documentation, integer, mapping, oneOf, scalarText, truth } from './scalars.js';
import type { IpFamily, NextHop, Route } from './state.js';

export const MAIN_TABLE = 254;

/** rtnetlink protocols of routes that people and tools like this one set: unspec, boot, static. */
export const CONFIGURED_PROTOCOLS: ReadonlySet<number> = new Set([0, 3, 4]);

const destination = z
  .string('must be a network like 198.51.100.0/24')
  .transform((value, context) => {
    const found = value.includes('/') ? canonicalNetwork(value) : undefined;
    if (found !== undefined) return found;
    context.addIssue({
      code: 'custom',
      message: 'must be a network like 198.51.100.0/24 or 2001:db8::/32',
    });
    return z.NEVER;
  });

const ipText = z.string('must be an IP address').transform((value, context) => {
  const found = canonicalIp(value);
  if (found !== undefined) return found;
  context.addIssue({ code: 'custom', message: 'must be an IP address like 192.0.2.1' });
  return z.NEVER;
});

/** 0 stands for the main table, as in nmstate. */
export const tableId = integer(0, 4_294_967_295).transform((id) => (id === 0 ? MAIN_TABLE : id));

/** nmstate's -1: the metric is left to the kernel. */
const metric = integer(-1, 4_294_967_295).transform((value) => (value === -1 ? undefined : value));

/** In `state: absent`, an empty text means "has none". */
const orNone = <T extends z.ZodType>(schema: T) => z.union([z.literal(''), schema]);

export const routeEntry = mapping({
  state: oneOf(['absent', 'ignore']).optional(),
  destination: orNone(destination).optional(),
  'next-hop-interface': orNone(interfaceReference).optional(),
  'next-hop-address': orNone(ipText).optional(),
  metric: metric.optional(),
  'table-id': tableId.optional(),
  source: ipText.optional(),
  'route-type': scalarText(
    { blackhole: 'blackhole', unreachable: 'unreachable', prohibit: 'prohibit' },
    'must be one of blackhole, unreachable, prohibit',
  ).optional(),
  weight: integer(1, 256).optional(),
  cwnd: integer(1, 4_294_967_295).optional(),
  'initial-cwnd': integer(1, 4_294_967_295).optional(),
  mtu: integer(68, 65_535).optional(),
  'lock-mtu': truth.optional(),
  'vrf-name': orNone(interfaceReference).optional(),
  'on-link': truth.optional(),
  description: documentation,
});

/** `none` in the result: the document asks for routes that have no such key. */
export function desiredRoute(
  entry: z.output<typeof routeEntry>,
  location: SourceLocation,
): DesiredRoute {
  const to = entry.destination === '' ? undefined : entry.destination;
  const nextHop = entry['next-hop-address'];
  const family: IpFamily | undefined =
    to?.family ?? (typeof nextHop === 'object' ? nextHop.family : entry.source?.family);
  const type = entry['route-type'] as Route['type'] | undefined;
  const device = entry['next-hop-interface'];
  const table = entry['table-id'];
  return {
    absent: entry.state === 'absent',
    ...(family === undefined ? {} : { family }),
    ...(type === undefined ? {} : { type }),
    ...(to === undefined ? {} : { destination: to.network }),
    ...(table === undefined ? {} : { table }),
    ...(entry['vrf-name'] === undefined ? {} : { vrf: entry['vrf-name'] }),
    ...(entry['on-link'] === undefined ? {} : { onlink: entry['on-link'] }),
    ...(entry.metric === undefined ? {} : { metric: entry.metric }),
    ...(device === undefined ? {} : { nextHopInterface: device }),
    ...(nextHop === undefined ? {} : { nextHopAddress: nextHop === '' ? '' : nextHop.ip }),
    ...(entry.source === undefined ? {} : { source: entry.source.ip }),
    ...(entry.weight === undefined ? {} : { weight: entry.weight }),
    ...(entry.mtu === undefined ? {} : { mtu: entry.mtu }),
    ...(entry['lock-mtu'] === undefined ? {} : { mtuLocked: entry['lock-mtu'] }),
    ...(entry.cwnd === undefined ? {} : { cwnd: entry.cwnd }),
    ...(entry['initial-cwnd'] === undefined ? {} : { initialCwnd: entry['initial-cwnd'] }),
    location,
  };
}

/** The metric that the kernel has for a route: what was given, or its default for the family. */
export function effectiveMetric(route: Pick<Route, 'family' | 'metric'>): number {
  if (route.family === 'ipv4') return route.metric ?? 0;
  // The kernel takes IPv6's 0 for "default".
  return route.metric === undefined || route.metric === 0 ? 1024 : route.metric;
}

/** What makes two routes rivals for one slot of the kernel's table. */
export function routeSlot(
  route: Pick<Route, 'family' | 'destination' | 'table' | 'metric'>,
): string {
  return `${route.destination} table ${route.table} metric ${effectiveMetric(route)}`;
}

/** What of a route is neither its slot nor its way. */
type RouteQualities = Pick<Route, 'mtu' | 'mtuLocked' | 'cwnd' | 'initialCwnd'>;

/** Its MTU and congestion windows, as `ip route` takes and prints them. */
export function qualityWords(route: RouteQualities): readonly (string | number)[] {
  return [
    ...(route.mtu === undefined
      ? []
      : ['mtu', ...(route.mtuLocked === true ? ['lock'] : []), route.mtu]),
    ...(route.cwnd === undefined ? [] : ['cwnd', 'lock', route.cwnd]),
    ...(route.initialCwnd === undefined ? [] : ['initcwnd', route.initialCwnd]),
  ];
}

/** Several next hops, as `ip route` takes and prints them. */
export function nextHopWords(hops: readonly NextHop[]): readonly (string | number)[] {
  return hops.flatMap((hop) => [
    'nexthop',
    ...(hop.address === undefined ? [] : ['via', hop.address]),
    'dev',
    hop.interface,
    'weight',
    hop.weight,
    ...(hop.onlink ? ['onlink'] : []),
  ]);
}

/** The order of next hops in a state: it has no meaning to the kernel. */
export function compareHops(a: NextHop, b: NextHop): number {
  const text = (hop: NextHop): string => `${hop.interface} ${hop.address ?? ''}`;
  return text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0;
}

/** The devices that a route leads through: one, several (ECMP), or none (blackholes …). */
export function routeDevices(
  route: Pick<Route, 'nextHopInterface' | 'nextHops'>,
): readonly string[] {
  if (route.nextHops !== undefined) return route.nextHops.map((hop) => hop.interface);
  return route.nextHopInterface === undefined ? [] : [route.nextHopInterface];
}

/** Where a route leads: what must be equal for a route to count as there already. */
export function routeWay(
  route: Pick<Route, 'type' | 'nextHopInterface' | 'nextHopAddress' | 'source' | 'nextHops'> &
    RouteQualities,
): string {
  const qualities = qualityWords(route).map((word) => ` ${word}`);
  // Kernels show IPv6 blackholes on device lo; the device of such a route says nothing.
  if (route.type !== 'unicast') return [route.type, ...qualities].join('');
  const { nextHopInterface: device, nextHopAddress: via, source, nextHops } = route;
  const way =
    nextHops === undefined
      ? `via ${via ?? '-'} dev ${device ?? '-'}`
      : nextHopWords(nextHops).join(' ');
  return [way, ` src ${source ?? '-'}`, ...qualities].join('');
}

/** A route in the words of `ip route`, for messages. */
export function routeText(route: Route): string {
  const isUnicast = route.type === 'unicast';
  const parts = [
    isUnicast ? '' : `${route.type} `,
    route.destination === '0.0.0.0/0' || route.destination === '::/0'
      ? `default`
      : route.destination,
    route.nextHopAddress === undefined ? '' : ` via ${route.nextHopAddress}`,
    route.nextHopInterface === undefined || !isUnicast ? '' : ` dev ${route.nextHopInterface}`,
    route.table === MAIN_TABLE ? '' : ` table ${route.table}`,
    route.metric === undefined ? '' : ` metric ${route.metric}`,
    route.nextHops === undefined ? '' : ` ${nextHopWords(route.nextHops).join(' ')}`,
  ];
  return parts.join('');
}
