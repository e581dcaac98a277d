/** Consequences that a user would want to know before: one sentence each, in network words. */
import type { MergeNote } from '../network/merge-draft.js';
import { interfacesByName, type DesiredState } from '../network/desired.js';
import type { NetworkState, Route } from '../network/state.js';
import { linkHazards } from './link-hazards.js';
import type { Change, Hazard, ManagementPath } from './change.js';

/** Hazards of one change. */
export function changeHazards(
  change: Pick<Change, 'action' | 'object' | 'operations'>,
  observed: NetworkState,
  target: NetworkState,
): readonly Hazard[] {
  const hazards: Hazard[] = [];
  for (const operation of change.operations) {
    if (operation.op === 'set-mac') {
      const before = observed.interfaces.get(operation.name)?.mac;
      if (before !== undefined && before !== operation.mac) {
        hazards.push({
          kind: 'mac-change',
          severity: 'note',
          text: `the MAC address of ${operation.name} changes from ${before} to ${operation.mac}`,
        });
      }
    }
    const lacpBond =
      operation.op === 'create-link'
        ? operation.link.name
        : operation.op === 'set-bond-options' && operation.options['mode'] !== undefined
          ? operation.name
          : undefined;
    const bond = lacpBond === undefined ? undefined : target.interfaces.get(lacpBond)?.link;
    if (bond?.kind === 'bond' && bond.mode === '802.3ad') {
      hazards.push({
        kind: 'lacp',
        severity: 'note',
        text: `the switch ports of ${bond.ports.join(', ')} must form one LAG with LACP`,
      });
    }
  }
  return hazards;
}

export type PlanHazardInput = Readonly<{
  observed: NetworkState;
  target: NetworkState;
  desired: DesiredState;
  management: ManagementPath | undefined;
  newAddress: string | undefined;
  notes: readonly MergeNote[];
  isLost: (route: Route) => boolean;
  /** Interfaces that are taken away and made again, each with the one because of which it is. */
  remade: ReadonlyMap<string, string>;
}>;

/** Hazards of the plan as a whole: what changes outside what the plan names. */
export function planHazards(input: PlanHazardInput): Hazard[] {
  const { observed, target, management, newAddress } = input;
  const hazards: Hazard[] = [];
  if (management !== undefined && newAddress === 'none') {
    hazards.push({
      kind: 'management-address',
      severity: 'warning',
      text: `the plan takes away ${management.address}, at which SSH answers, and puts no other address in its place: the host will be cut off and will roll back`,
    });
  } else if (management !== undefined && newAddress !== undefined) {
    hazards.push({
      kind: 'management-address',
      severity: 'warning',
      text: `SSH moves from ${management.address} to ${newAddress}: the change is confirmed at the new address; the inventory must follow`,
    });
  }
  const named = interfacesByName(input.desired);
  for (const before of observed.interfaces.values()) {
    const after = target.interfaces.get(before.name);
    if (after === undefined) {
      if (!named.has(before.name)) {
        hazards.push({
          kind: 'recreate',
          severity: 'warning',
          text: `${before.name} goes, though the plan does not name it`,
        });
      }
      continue;
    }
    for (const family of ['ipv4', 'ipv6'] as const) {
      if (before[family].addresses === after[family].addresses) continue;
      for (const address of before[family].addresses) {
        const isKept = after[family].addresses.some(
          (other) => other.ip === address.ip && other.prefixLength === address.prefixLength,
        );
        if (isKept || named.get(before.name)?.locations.has(`${family}.addresses`) === true)
          continue;
        const isElsewhere = [...target.interfaces.values()].some((item) =>
          item[family].addresses.some((other) => other.ip === address.ip),
        );
        if (isElsewhere) continue;
        hazards.push({
          kind: 'address-lost',
          severity: 'warning',
          text: `${before.name} loses its address ${address.ip}/${address.prefixLength}, which the plan does not name`,
        });
      }
    }
  }
  for (const route of observed.routes) {
    if (route.foreign && input.isLost(route)) {
      hazards.push({
        kind: 'route-lost',
        severity: 'warning',
        text: `the kernel drops the route ${route.destination} (table ${route.table}), which netorch cannot put back: it has attributes of its own`,
      });
    }
  }
  hazards.push(...linkHazards(input));
  for (const note of input.notes)
    hazards.push({
      kind: 'consequence',
      severity: note.warning === true ? 'warning' : 'note',
      text: `${note.interface} ${note.text}`,
    });
  return hazards;
}
