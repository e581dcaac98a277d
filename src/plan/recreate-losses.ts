/** What is lost when an interface must be made anew, and cannot be put back: refused unless allowed by name. */
import { NetorchError } from '../errors.js';
import { interfacesByName, locationOf, type DesiredState } from '../network/desired.js';
import { baseOf, type InterfaceState, type NetworkState } from '../network/state.js';
import type { ChangePlan } from './change.js';

/** Those that the plan takes away and makes again, and what stands on them, from the bottom up. */
export function remadeInterfaces(
  observed: NetworkState,
  plan: Pick<ChangePlan, 'changes' | 'target'>,
): ReadonlyMap<string, string> {
  /** Each with the one that must be made anew, because of which it is. */
  const remade = new Map<string, string>();
  for (const { operations } of plan.changes) {
    for (const operation of operations) {
      if (operation.op !== 'delete-link' || !plan.target.interfaces.has(operation.name)) continue;
      remade.set(operation.name, remade.get(operation.name) ?? operation.name);
    }
  }
  for (const [name, cause] of remade) {
    // A Map is iterated over what is added meanwhile as well.
    for (const item of observed.interfaces.values()) {
      if (baseOf(item.link) !== name || remade.has(item.name)) continue;
      if (plan.target.interfaces.has(item.name)) remade.set(item.name, cause);
    }
  }
  return remade;
}

function lossesOf(item: InterfaceState): readonly string[] {
  const { link } = item;
  return [
    ...(item.facts?.attachments ?? []),
    ...(link.kind === 'mac-vtap' ? ['the device that a virtual machine has open'] : []),
    ...(link.kind === 'other' ? [`itself: netorch cannot make a ${link.type}`] : []),
  ];
}

/** RECREATE_REFUSED errors, one for each interface that would lose something. */
export function recreateErrors(
  host: string,
  observed: NetworkState,
  desired: DesiredState,
  plan: Pick<ChangePlan, 'changes' | 'target'>,
): readonly NetorchError[] {
  const remade = remadeInterfaces(observed, plan);
  if (remade.size === 0) return [];
  const byName = interfacesByName(desired);
  return [...remade].flatMap(([name, cause]) => {
    const item = observed.interfaces.get(name);
    const losses = item === undefined ? [] : lossesOf(item);
    // What netorch cannot make again is not lost with anybody's leave.
    const isAllowed = byName.get(name)?.allowRecreate === true && item?.link.kind !== 'other';
    if (losses.length === 0 || isAllowed) return [];
    const why =
      name === cause ? 'must be made anew' : `stands on ${cause}, which must be made anew`;
    const wanted = byName.get(name) ?? byName.get(cause);
    return [
      new NetorchError(
        'RECREATE_REFUSED',
        `${host}: ${name} ${why}, and would lose what netorch cannot carry over: ${losses.join(', ')}`,
        {
          location: wanted === undefined ? undefined : locationOf(wanted),
          notes: [
            item?.link.kind === 'other'
              ? `take ${name} away first`
              : `allow it in the plan: "name: ${name}" with "allow-recreate: true"`,
          ],
        },
      ),
    ];
  });
}
