/** Links in words, and what of a link cannot be changed in place. */
import type { InterfaceState, Link } from '../network/state.js';

/** For summaries: `VLAN bond0.100 (id 100 on bond0)`. */
export function describe(item: InterfaceState): string {
  const { link } = item;
  switch (link.kind) {
    case 'bond': {
      const options = Object.entries(link.options).map(([key, value]) => `${key} ${value}`);
      return `bond ${item.name} (${[link.mode, ...options].join(', ')})`;
    }
    case 'vlan':
      return `VLAN ${item.name} (id ${link.id} on ${link.base}${link.protocol === '802.1ad' ? ', 802.1ad' : ''})`;
    case 'linux-bridge':
      return `bridge ${item.name}${link.options['vlan_filtering'] === '1' ? ' (VLAN filtering)' : ''}`;
    case 'vxlan':
      return `vxlan ${item.name} (id ${link.id})`;
    case 'veth':
      return `veth ${item.name}${link.peer === undefined ? '' : ` (peer ${link.peer})`}`;
    case 'mac-vlan':
    case 'mac-vtap':
      return `${link.kind} ${item.name} (${link.mode} on ${link.base})`;
    case 'vrf':
      return `VRF ${item.name} (table ${link.table})`;
    case 'dummy':
      return `dummy ${item.name}`;
    case 'ethernet':
    case 'loopback':
    case 'other':
      return item.name;
  }
}

/** A link that differs in one of these cannot be changed in place: it is made anew. */
export function identity(link: Link): string {
  switch (link.kind) {
    case 'vlan':
      return `vlan ${link.base} ${link.id} ${link.protocol}`;
    case 'vxlan':
      return `vxlan ${[link.id, link.base, link.local, link.remote, link.destinationPort, link.learning].join(' ')}`;
    case 'mac-vlan':
    case 'mac-vtap': {
      // The mode can change, but not to or from passthru, whose flag cannot be cleared again by `ip`.
      const passthru = link.mode === 'passthru' ? ` passthru ${link.promiscuous}` : '';
      return `${link.kind} ${link.base}${passthru}`;
    }
    case 'vrf':
      return `vrf ${link.table}`;
    case 'veth':
      return `veth ${link.peer ?? ''}`;
    default:
      return link.kind;
  }
}
