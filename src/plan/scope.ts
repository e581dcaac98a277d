/** Which interfaces a list of changes may touch, directly or by consequence. */
import { routeDevices } from '../network/route.js';
import { baseOf, type Link, type NetworkState } from '../network/state.js';
import type { Change, Operation } from './change.js';

/** The interfaces that an operation acts on. */
export function namesOf(operation: Operation): readonly string[] {
  switch (operation.op) {
    case 'create-link': {
      const { name, link } = operation.link;
      return link.kind === 'veth' && link.peer !== undefined ? [name, link.peer] : [name];
    }
    case 'attach':
      return [operation.name, operation.to];
    case 'detach':
      return [operation.name, operation.from];
    case 'add-route':
    case 'delete-route':
      return routeDevices(operation.route);
    case 'add-rule':
    case 'delete-rule':
    case 'set-dns':
    case 'set-hostname':
      return [];
    default:
      return [operation.name];
  }
}

/** The interfaces that any operation of the changes acts on. */
export function namesOfAll(changes: ReadonlyArray<Pick<Change, 'operations'>>): Set<string> {
  const names = new Set<string>();
  for (const { operations } of changes)
    for (const operation of operations) for (const name of namesOf(operation)) names.add(name);
  return names;
}

/**
 * Sorted. What stands on a changed interface may change with it (MTU, MAC, up and down), and so may its
 * ports; `isDeleted` says which interfaces go, at least for a while.
 */
export function planScope(
  changes: ReadonlyArray<Pick<Change, 'operations'>>,
  observed: NetworkState,
  target: NetworkState,
  isDeleted: (name: string) => boolean,
): readonly string[] {
  if (changes.length === 0) return [];
  const names = namesOfAll(changes);
  const isBond = (state: NetworkState, name: string) =>
    state.interfaces.get(name)?.link.kind === 'bond';
  for (let before = -1; before !== names.size;) {
    before = names.size;
    for (const state of [observed, target]) {
      for (const { name, controller, link } of state.interfaces.values()) {
        if (names.has(name)) continue;
        const base = baseOf(link);
        const isAffected =
          (base !== undefined && names.has(base)) ||
          hasPortAmong(link, names) ||
          (controller !== undefined &&
            ((names.has(controller) && isBond(state, controller)) ||
              // The kernel lets go of the ports of an interface that is deleted.
              (state === observed && isDeleted(controller)))) ||
          (link.kind === 'veth' && link.peer !== undefined && isDeleted(link.peer));
        if (isAffected) names.add(name);
      }
    }
  }
  return [...names].sort();
}

function hasPortAmong(link: Link, names: ReadonlySet<string>): boolean {
  if (link.kind === 'linux-bridge') return link.ports.some(({ name }) => names.has(name));
  return (
    (link.kind === 'bond' || link.kind === 'vrf') && link.ports.some((port) => names.has(port))
  );
}
