/**
 * Lays the desired state over the observed one, with nmstate's rules: what is not mentioned stays,
 * given lists of bond ports and addresses are whole, routes and rules are added and removed one by
 * one. On top of that come the consequences that the kernel adds by itself, so that the target is
 * what the host will show afterwards, value by value.
 */
import type { NetorchError } from '../errors.js';
import type { DesiredState } from './desired.js';
import { sortByPlace } from './error-order.js';
import { checkDesiredState } from './validate.js';
import { mergeAddressesOfPorts, mergeAdministrativeState } from './merge-consequences.js';
import { mergeDhcp } from './merge-dhcp.js';
import { Draft } from './merge-draft.js';
import type { MergeNote } from './merge-draft.js';
import { mergeInterfaces } from './merge-interface.js';
import { mergeMacs } from './merge-mac.js';
import { checkMacVlans } from './merge-mac-vlan.js';
import { mergeMtus } from './merge-mtu.js';
import { mergePorts } from './merge-ports.js';
import { mergeRoutes } from './merge-routes.js';
import { mergeRules } from './merge-rules.js';
import { checkVxlans } from './merge-vxlan.js';
import { checkAltNames } from './properties.js';
import { resolveNames } from './resolve-names.js';
import { checkBases } from './stacking.js';
import { interfaceMap } from './state.js';
import { vdsmBreaches } from './vdsm-policy.js';
import type { DnsState, NetworkState } from './state.js';

type Merged = Readonly<{
  /** Only of use when there are no errors. */
  target: NetworkState;
  errors: readonly NetorchError[];
  /** What happens beyond the letter of the plan: ports that stay, VLANs that go with their base … */
  notes: readonly MergeNote[];
}>;

/**
 * The target state. The document's own mistakes (see `checkDesiredState`) are among the errors, so
 * that a plan can never be made of a document that contradicts itself.
 */
export function mergeDesired(observed: NetworkState, written: DesiredState): Merged {
  const { desired, errors } = resolveNames(observed, written);
  const ownMistakes = [...errors, ...checkDesiredState(desired)];
  if (ownMistakes.length > 0) return { target: observed, errors: ownMistakes, notes: [] };

  const draft = new Draft(observed, desired);
  mergeInterfaces(draft);
  mergePorts(draft);
  checkBases(draft);
  checkMacVlans(draft);
  checkAltNames(draft);
  if (draft.errors.length > 0)
    return { target: observed, errors: sortByPlace(draft.errors), notes: draft.notes };

  mergeAdministrativeState(draft);
  mergeAddressesOfPorts(draft);
  mergeDhcp(draft);
  mergeMacs(draft);
  mergeMtus(draft);
  checkVxlans(draft);
  // A DHCP client writes what the server says.
  const isDnsOfDhcp =
    desired.dns === undefined &&
    [...draft.interfaces.values()].some((state) => state.ipv4.dhcp !== undefined);
  const target: NetworkState = {
    ...(isDnsOfDhcp ? { unchecked: new Set(['dns'] as const) } : {}),
    interfaces: interfaceMap(draft.interfaces.values()),
    routes: mergeRoutes(draft),
    rules: mergeRules(draft),
    dns: mergeDns(observed.dns, desired.dns),
    hostname: desired.hostname?.name ?? observed.hostname,
  };
  for (const { interface: name, key, text } of vdsmBreaches(target, desired)) {
    const wanted = draft.wanted.get(name);
    if (desired.policy === 'vdsm' && wanted !== undefined) {
      draft.error(wanted, key, `against the policy vdsm: ${text}`);
    } else {
      draft.notes.push({
        interface: name,
        text: `is unlike what VDSM builds: ${text}`,
        warning: true,
      });
    }
  }
  return { target, errors: sortByPlace(draft.errors), notes: draft.notes };
}

function mergeDns(observed: DnsState, desired: DesiredState['dns']): DnsState {
  if (desired === undefined) return observed;
  return {
    servers: desired.servers ?? observed.servers,
    search: desired.search ?? observed.search,
    options: desired.options ?? observed.options,
  };
}
