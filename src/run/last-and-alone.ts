/**
 * Hosts that others depend on while a run is under way: while a jump host or a gateway is changed, hosts
 * behind it can neither be confirmed nor be seen to come back. They are changed last, each alone. Pure.
 */
import type { DesiredState } from '../network/desired.js';
import type { IpAddress, NetworkState } from '../network/state.js';
import type { ConnectionTarget } from '../transport/transport.js';

/** More names than this are counted, not listed. */
const LISTED = 3;

/**
 * Jump host → why it comes last, the innermost first: one that is itself behind a jump host before that.
 * A jump host is known by the address and port at which it is dialled.
 */
export function jumpHosts(targets: readonly ConnectionTarget[]): ReadonlyMap<string, string> {
  const nameOf = new Map(
    targets.map((target) => [`${target.address} ${target.port}`, target.host]),
  );
  const behind = new Map<string, string[]>();
  for (const target of targets) {
    for (let jump = target.jump; jump !== undefined; jump = jump.jump) {
      const name = nameOf.get(`${jump.address} ${jump.port}`);
      if (name !== undefined && name !== target.host) {
        behind.set(name, [...(behind.get(name) ?? []), target.host]);
      }
    }
  }
  return inOrder(behind, 'jump host of');
}

/** Where a host is, and through whom it reaches others: addresses without prefix lengths. */
export type Reach = Readonly<{
  addresses: readonly string[];
  nextHops: readonly string[];
  /** Of DNS. */
  servers: readonly string[];
}>;

const ipsOf = (
  interfaces: Iterable<
    Readonly<{
      ipv4?: Readonly<{ addresses?: readonly IpAddress[] }>;
      ipv6?: Readonly<{ addresses?: readonly IpAddress[] }>;
    }>
  >,
): string[] =>
  [...interfaces].flatMap(({ ipv4, ipv6 }) =>
    [...(ipv4?.addresses ?? []), ...(ipv6?.addresses ?? [])].map(({ ip }) => ip),
  );

export function observedReach({ interfaces, routes, dns }: NetworkState): Reach {
  return {
    addresses: ipsOf(interfaces.values()),
    nextHops: routes.flatMap(({ nextHopAddress }) => nextHopAddress ?? []),
    servers: dns.servers,
  };
}

/** What is known before contact. `dialled`: the address at which the host is reached. */
export function plannedReach({ interfaces, routes, dns }: DesiredState, dialled: string): Reach {
  return {
    addresses: [dialled, ...ipsOf(interfaces.filter(({ state }) => state === 'up'))],
    nextHops: routes.flatMap(({ absent, nextHopAddress }) =>
      absent ? [] : (nextHopAddress ?? []),
    ),
    servers: dns?.servers ?? [],
  };
}

/** Host → why it comes last: an address of it is the next hop of routes, or the DNS server, of others. */
export function gateways(
  reaches: Iterable<readonly [host: string, reach: Reach]>,
): ReadonlyMap<string, string> {
  const all = [...reaches];
  // Who is both comes as late as a gateway must.
  return new Map([
    ...reachedThrough(all, (reach) => reach.servers, 'DNS server of'),
    ...reachedThrough(all, (reach) => reach.nextHops, 'gateway of'),
  ]);
}

function reachedThrough(
  all: readonly (readonly [host: string, reach: Reach])[],
  needed: (reach: Reach) => readonly string[],
  words: string,
): ReadonlyMap<string, string> {
  const holderOf = new Map(
    all.flatMap(([host, { addresses }]) => addresses.map((ip) => [ip, host])),
  );
  const behind = new Map<string, Set<string>>();
  for (const [host, reach] of all) {
    for (const address of needed(reach)) {
      const holder = holderOf.get(address);
      if (holder === undefined || holder === host) continue;
      behind.set(holder, (behind.get(holder) ?? new Set()).add(host));
    }
  }
  return inOrder(new Map([...behind].map(([host, hosts]) => [host, [...hosts]])), words);
}

/** Those that fewer depend on come first: what is behind another one has fewer behind itself. */
function inOrder(
  behind: ReadonlyMap<string, readonly string[]>,
  words: string,
): ReadonlyMap<string, string> {
  return new Map(
    [...behind]
      .sort(([, a], [, b]) => a.length - b.length)
      .map(([host, hosts]) => {
        const more = hosts.length - LISTED;
        const names = hosts.slice(0, LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
        return [host, `${words} ${names}`];
      }),
  );
}
