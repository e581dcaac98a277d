/** Which interfaces a list of changes may touch, directly or by consequence. */
import { routeDevices } from '../network/route.js';
import { baseOf, portsOf, type NetworkState } from '../network/state.js';
import type { Operation } from './change.js';

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

/**
 * Sorted. What stands on a changed interface may change with it (MTU, MAC, up and down), and so may its
 * ports; `isDeleted` says which interfaces go, at least for a while.
 */
export function planScope(
  operations: readonly Operation[],
  observed: NetworkState,
  target: NetworkState,
  isDeleted: (name: string) => boolean,
): readonly string[] {
  const names = new Set(operations.flatMap(namesOf));
  const isBond = (state: NetworkState, name: string) =>
    state.interfaces.get(name)?.link.kind === 'bond';
  for (let before = -1; before !== names.size;) {
    before = names.size;
    for (const state of [observed, target]) {
      for (const { name, controller, link } of state.interfaces.values()) {
        const base = baseOf(link);
        const isAffected =
          (base !== undefined && names.has(base)) ||
          portsOf(link).some((port) => names.has(port)) ||
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
