/** The plan as a whole: its scope, its hazards, and what it does to the path that carries the controller's SSH session. */
import type { Change, ChangePlan, Hazard, Operation } from './change.js';
import { changeHazards, planHazards } from './hazards.js';
import { isInNetwork } from '../network/ip.js';
import { addressesOf, devicesBelow, newManagementAddress } from './management-path.js';
import { outageSeconds } from './outage.js';
import type { PlanDraft } from './plan-draft.js';
import { remadeInterfaces } from './recreate-losses.js';
import { planScope } from './scope.js';
import { planWaits } from './waits.js';

export function finishPlan(draft: PlanDraft): ChangePlan {
  const { observed, target, management } = draft.input;
  const scope = planScope(
    draft.changes,
    observed,
    target,
    (name) => observed.interfaces.has(name) && draft.mustGo(name),
  );
  const touched = new Set(management?.devices ?? []);
  if (management !== undefined) {
    for (const device of management.devices) {
      const controller = target.interfaces.get(device)?.controller;
      if (controller !== undefined) touched.add(controller);
    }
    const holder = [...target.interfaces.values()].find((item) =>
      addressesOf(item).some((address) => address.ip === management.address),
    );
    if (holder !== undefined)
      for (const device of devicesBelow(target, holder.name)) touched.add(device);
  }
  const touches = (operation: Operation): boolean => {
    if (management === undefined) return false;
    switch (operation.op) {
      case 'add-route':
      case 'delete-route':
        return (
          operation.route.table === 254 && isInNetwork(management.peer, operation.route.destination)
        );
      case 'add-rule':
      case 'delete-rule':
        return true;
      case 'set-dns':
      case 'set-hostname':
        return false;
      case 'create-link':
        return touched.has(operation.link.name);
      case 'attach':
        return touched.has(operation.name) || management.devices.includes(operation.to);
      default:
        return touched.has(operation.name);
    }
  };
  const changes = draft.changes.map((change): Change => {
    const touchesManagement = change.operations.some(touches);
    // Key by key: there are dozens for each host, and copying them all at once takes several times as long.
    const { id, action, object, summary, why, operations } = change;
    const hazards = changeHazards(change, observed, target);
    return { id, action, object, summary, why, operations, touchesManagement, hazards };
  });
  const touchesManagement = changes.some((change) => change.touchesManagement);
  const newAddress =
    management === undefined ? undefined : newManagementAddress(observed, target, management);
  const hazards: Hazard[] = planHazards({
    observed,
    target,
    desired: draft.input.desired,
    management,
    newAddress,
    notes: draft.input.notes,
    remade: remadeInterfaces(observed, { changes, target }),
    isLost: (route) => !draft.model.routes.includes(route),
  });
  return {
    changes,
    hazards,
    target,
    scope,
    newManagementAddress: newAddress === 'none' ? undefined : newAddress,
    touchesManagement,
    expectedOutageSeconds: touchesManagement ? outageSeconds(target, touched) : 0,
    waits: planWaits(changes, target),
  };
}
