/** How long the way in may be cut. */
import type { NetworkState } from '../network/state.js';

/** A bound in seconds: LACP and STP need their time, else it is a matter of a second or two. */
export function outageSeconds(target: NetworkState, touched: ReadonlySet<string>): number {
  let seconds = 2;
  for (const name of touched) {
    // Clients ask for an address, and try it out (RFC 5227) before they take it.
    if (target.interfaces.get(name)?.ipv4.dhcp?.process === undefined) {
      if (target.interfaces.get(name)?.ipv4.dhcp !== undefined) seconds = Math.max(seconds, 15);
    }
    const link = target.interfaces.get(name)?.link;
    if (link?.kind === 'bond' && link.mode === '802.3ad') {
      seconds = Math.max(seconds, link.options['lacp_rate'] === 'fast' ? 5 : 30);
    }
    if (link?.kind === 'linux-bridge' && link.options['stp_state'] === '1') {
      // IEEE 802.1D: listening and learning take a forward delay each (in 1/100 s here).
      const forwardDelay = Number(link.options['forward_delay'] ?? '1500');
      seconds = Math.max(seconds, Math.ceil((2 * forwardDelay) / 100) + 2);
    }
  }
  return seconds;
}
