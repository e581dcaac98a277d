/** How a port of a bond or bridge gets back its options. Pure. */
import type { InterfaceState, NetworkState } from '../network/state.js';

/** Port flags of a bridge port (ip/iplink_bridge_slave.c) and what they are on a new port. */
const PORT_FLAGS: Readonly<Record<string, boolean>> = {
  hairpin: false,
  guard: false,
  root_block: false,
  fastleave: false,
  learning: true,
  flood: true,
  proxy_arp: false,
  proxy_arp_wifi: false,
  mcast_flood: true,
  bcast_flood: true,
  mcast_to_unicast: false,
  neigh_suppress: false,
  vlan_tunnel: false,
  isolated: false,
  locked: false,
};

/**
 * What `ip link set … type` needs to give a port its options back; empty: nothing. `line` is its canonical
 * line, `changed` holds the options that the plan sets.
 */
export function portOptionWords(
  line: string,
  observed: NetworkState,
  item: InterfaceState,
  changed: ReadonlySet<string>,
): readonly string[] {
  if (line.includes('"info_slave_kind":"bond"')) {
    const queue = /"queue_id":(\d+)/.exec(line)?.[1] ?? '0';
    const priority = /"prio":(-?\d+)/.exec(line)?.[1] ?? '0';
    const words = [
      ...(queue === '0' && !changed.has('queue_id') ? [] : ['queue_id', queue]),
      ...(priority === '0' && !changed.has('prio') ? [] : ['prio', priority]),
    ];
    return words.length === 0 ? [] : ['bond_slave', ...words];
  }
  if (!line.includes('"info_slave_kind":"bridge"')) return [];
  // What stands before is the port's own: a VXLAN has a "learning", too.
  const own = line.slice(line.indexOf('"info_slave_data"'));
  const words: string[] = [];
  const priority = /"info_slave_data":\{"priority":(\d+)/.exec(own)?.[1];
  if (priority !== undefined && (priority !== '32' || changed.has('priority')))
    words.push('priority', priority);
  for (const [flag, standard] of Object.entries(PORT_FLAGS)) {
    const value = new RegExp(`"${flag}":(true|false)`).exec(own)?.[1];
    if (value === undefined) continue;
    if ((value === 'true') !== standard || changed.has(flag))
      words.push(flag, value === 'true' ? 'on' : 'off');
  }
  // The kernel derives a cost from the speed; only what the plan sets is set back.
  const bridge =
    item.controller === undefined ? undefined : observed.interfaces.get(item.controller);
  const cost =
    bridge?.link.kind === 'linux-bridge'
      ? bridge.link.ports.find((port) => port.name === item.name)?.options['cost']
      : undefined;
  if (changed.has('cost') && cost !== undefined) words.push('cost', cost);
  return words.length === 0 ? [] : ['bridge_slave', ...words];
}
