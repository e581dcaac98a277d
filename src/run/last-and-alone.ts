/**
 * Hosts that others depend on while a run is under way: while a jump host or a gateway is changed, hosts
 * behind it can neither be confirmed nor be seen to come back. They are changed last, each alone. Pure.
 */
import type { NetworkState } from '../network/state.js';
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

/**
 * Host → why it comes last: an address of it is the next hop of routes of others, as they were observed.
 * `addresses`: where each host is dialled, which is all that is known of one that was not observed yet.
 */
export function gateways(
  states: ReadonlyMap<string, NetworkState>,
  addresses: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const holderOf = new Map([...addresses].map(([host, address]) => [address, host]));
  for (const [host, state] of states) {
    for (const { ipv4, ipv6 } of state.interfaces.values()) {
      for (const { ip } of [...ipv4.addresses, ...ipv6.addresses]) holderOf.set(ip, host);
    }
  }
  const behind = new Map<string, string[]>();
  for (const [host, state] of states) {
    const holders = state.routes.flatMap(({ nextHopAddress }) =>
      nextHopAddress === undefined ? [] : (holderOf.get(nextHopAddress) ?? []),
    );
    for (const name of new Set(holders)) {
      if (name !== host) behind.set(name, [...(behind.get(name) ?? []), host]);
    }
  }
  return inOrder(behind, 'gateway of');
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
