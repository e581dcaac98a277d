/** The order in which interfaces are built: what stands on something comes after it, to any depth. */
import { baseOf, portsOf, type InterfaceState, type Link } from '../network/state.js';

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

/** Bases before what stands on them, ports before their controller; ties by kind, then by name. */
export function dependencyOrder(
  interfaces: ReadonlyMap<string, InterfaceState>,
): readonly InterfaceState[] {
  const waiting = new Map<string, Set<string>>();
  const dependants = new Map<string, string[]>();
  for (const item of interfaces.values()) {
    const base = baseOf(item.link);
    const needs = [...portsOf(item.link), ...(base === undefined ? [] : [base])].filter(
      (name) => interfaces.has(name) && name !== item.name,
    );
    waiting.set(item.name, new Set(needs));
    for (const name of needs) {
      const known = dependants.get(name);
      if (known === undefined) dependants.set(name, [item.name]);
      else known.push(item.name);
    }
  }
  const ready = [...interfaces.values()]
    .filter((item) => waiting.get(item.name)?.size === 0)
    .sort(before);
  const ordered: InterfaceState[] = [];
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    ordered.push(next);
    for (const name of dependants.get(next.name) ?? []) {
      const left = waiting.get(name);
      left?.delete(next.name);
      const item = interfaces.get(name);
      if (left?.size !== 0 || item === undefined) continue;
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
