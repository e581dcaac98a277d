/** What the kernel refuses of VXLANs (drivers/net/vxlan, vxlan_config_validate). */
import { locationOf } from './desired.js';
import type { Draft } from './merge-draft.js';
import { MINIMUM_IPV6_MTU } from './ip.js';
import type { VxlanLink } from './state.js';

/**
 * A tunnel over IPv6 is neither made nor changed on a base whose IPv6 is switched off: "IPv6 support
 * disabled by administrator". One that is there already stays when the switch is turned.
 */
export function checkVxlans(draft: Draft): void {
  for (const { name, link } of draft.interfaces.values()) {
    if (link.kind !== 'vxlan' || link.base === undefined) continue;
    const wanted = draft.wanted.get(name);
    const base = draft.interfaces.get(link.base);
    // With a small MTU it has no IPv6 at all, which the kernel does not mind.
    if (wanted === undefined || base === undefined || base.ipv6.enabled) continue;
    if (base.mtu < MINIMUM_IPV6_MTU) continue;
    const end = (['remote', 'local'] as const).find((key) => link[key]?.includes(':'));
    const before = draft.before(name)?.link;
    if (end === undefined || (before?.kind === 'vxlan' && isSame(before, link))) continue;
    draft.errorAt(
      locationOf(wanted, `vxlan.${end}`),
      `interface "${name}": its ${end} ${link[end]} needs IPv6, which is off on its base-iface "${base.name}"; write ipv6: {enabled: true} there, or give an IPv4 address`,
    );
  }
}

function isSame(one: VxlanLink, other: VxlanLink): boolean {
  const keys = ['id', 'base', 'local', 'remote', 'destinationPort', 'learning'] as const;
  return keys.every((key) => one[key] === other[key]);
}
