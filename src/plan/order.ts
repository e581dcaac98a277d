/** The order in which interfaces are built: what stands on something comes after it, to any depth. */
import {
  baseOf,
  portsOf,
  type InterfaceState,
  type Link,
  type NetworkState,
} from '../network/state.js';

const RANK: Readonly<Record<Link['kind'], number>> = {
  loopback: 0,
  ethernet: 1,
  dummy: 2,
  veth: 3,
  other: 4,
  bond: 5,
  vlan: 6,
  vxlan: 7,
  'mac-vlan': 8,
  'mac-vtap': 9,
  'linux-bridge': 10,
  vrf: 11,
};

function before(a: InterfaceState, b: InterfaceState): number {
  const rank = RANK[a.link.kind] - RANK[b.link.kind];
  if (rank !== 0) return rank;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** A state does not change: planner and backend ask for the order of the same one several times. */
const known = new WeakMap<NetworkState['interfaces'], readonly InterfaceState[]>();

/** Bases before what stands on them, ports before their controller; ties by kind, then by name. */
export function dependencyOrder(interfaces: NetworkState['interfaces']): readonly InterfaceState[] {
  const found = known.get(interfaces);
  if (found !== undefined) return found;
  const ordered = sorted(interfaces);
  known.set(interfaces, ordered);
  return ordered;
}

function sorted(interfaces: NetworkState['interfaces']): readonly InterfaceState[] {
  /** How many of those below an interface are not in their place yet. */
  const waiting = new Map<string, number>();
  const dependants = new Map<string, InterfaceState[]>();
  const ready: InterfaceState[] = [];
  for (const item of interfaces.values()) {
    let count = 0;
    const need = (name: string): void => {
      if (name === item.name || !interfaces.has(name)) return;
      count += 1;
      const others = dependants.get(name);
      if (others === undefined) dependants.set(name, [item]);
      else others.push(item);
    };
    for (const port of portsOf(item.link)) need(port);
    const base = baseOf(item.link);
    if (base !== undefined) need(base);
    if (count === 0) ready.push(item);
    else waiting.set(item.name, count);
  }
  ready.sort(before);
  const ordered: InterfaceState[] = [];
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    ordered.push(next);
    for (const item of dependants.get(next.name) ?? []) {
      const left = (waiting.get(item.name) ?? 0) - 1;
      waiting.set(item.name, left);
      if (left !== 0) continue;
      // Sorted insertion keeps the list of the ready ones in order without sorting it again.
      let low = 0;
      let high = ready.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        const other = ready[middle];
        if (other !== undefined && before(other, item) < 0) low = middle + 1;
        else high = middle;
      }
      ready.splice(low, 0, item);
    }
  }
  if (ordered.length !== interfaces.size) {
    const stuck = [...interfaces.keys()].filter(
      (name) => !ordered.some((item) => item.name === name),
    );
    throw new Error(`interfaces that stand on each other in a circle: ${stuck.join(', ')}`);
  }
  return ordered;
}
