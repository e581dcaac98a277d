/** From one host's observation and network plan to its change plan, or to all reasons why there is none. */
import { NetorchError, throwCollected } from '../errors.js';
import type { DesiredState } from '../network/desired.js';
import type { MergeNote } from '../network/merge-draft.js';
import { mergeDesired } from '../network/merge.js';
import type { NetworkManagerState } from '../network/networkmanager.js';
import type { OwnedObject } from '../network/owned.js';
import { resolveNames } from '../network/resolve-names.js';
import {
  interfaceMap,
  isSubordinatePort,
  type InterfaceState,
  type NetworkState,
  type Route,
} from '../network/state.js';
import type { ChangePlan, DhcpTool } from './change.js';
import { chooseBackend, type BackendChoice } from './choose-backend.js';
import { findManagementPath, newManagementAddress } from './management-path.js';
import { networkManagerErrors } from './networkmanager-limits.js';
import { planChanges } from './plan.js';
import { recreateErrors } from './recreate-losses.js';
import { prune } from './prune.js';

export type HostObservation = Readonly<{
  state: NetworkState;
  ssh: Readonly<{ clientAddress: string; serverAddress: string; serverPort: number }> | undefined;
  resolvedOwnsDns: boolean;
  /** DHCP clients that are installed, in the order of preference. */
  dhcpClients?: readonly DhcpTool[];
  /** The host's record of what netorch made. */
  owned?: readonly OwnedObject[];
  /** Routes of routing daemons, which are not part of the state. */
  daemonRoutes?: readonly Route[];
  /** undefined: it does not run on the host. */
  networkManager?: NetworkManagerState;
}>;

export type PlanOptions = Readonly<{
  /** Take away what netorch made and this plan names no more. */
  prune?: boolean;
  /** What other plays want of this host: pruning leaves it alone. */
  others?: readonly DesiredState[];
  /** Also a plan that takes away the address at which SSH answers and puts no other in its place. */
  allowCutOff?: boolean;
  /** What carries the plan out; undefined: whoever owns the links (choose-backend.ts). */
  backend?: BackendChoice;
}>;

/** Throws INVALID_NETWORK, OWNED_BY_OTHER, RECREATE_REFUSED or NOT_SUPPORTED; several at once where there are several. */
export function planHost(
  host: string,
  observation: HostObservation,
  written: DesiredState,
  options: PlanOptions = {},
): ChangePlan {
  const { desired, notes: pruneNotes } = prune({
    observed: observation.state,
    // What cannot be resolved stays as it is written, and is among the errors of the merge.
    desired: resolveNames(observation.state, written).desired,
    record: observation.owned ?? [],
    daemonRoutes: observation.daemonRoutes ?? [],
    others: options.others ?? [],
    all: options.prune === true,
  });
  const { target: merged, errors, notes } = mergeDesired(observation.state, desired);
  throwCollected(
    errors.map(
      (error) =>
        new NetorchError(error.code, `${host}: ${error.message}`, {
          location: error.location,
          notes: error.notes,
        }),
    ),
  );
  const target = withoutLearnedCosts(merged, desired);
  const plan = planTarget(
    host,
    observation,
    desired,
    target,
    [...notes, ...pruneNotes],
    options.backend,
  );
  if (options.allowCutOff !== true) refuseCutOff(host, observation, plan);
  return plan;
}

/** From one host's observation to a whole target state. Throws OWNED_BY_OTHER, RECREATE_REFUSED or NOT_SUPPORTED. */
export function planTarget(
  host: string,
  observation: HostObservation,
  desired: DesiredState,
  target: NetworkState,
  notes: readonly MergeNote[],
  choice: BackendChoice = 'auto',
): ChangePlan {
  const management = findManagementPath(observation.state, observation.ssh);
  const { networkManager } = observation;
  // Which client serves depends on who carries the plan out, and that on what the plan changes.
  const planned = (mayBeTheirs: boolean) => {
    const plan = planChanges({
      host,
      observed: observation.state,
      target: mayBeTheirs ? withoutPortsAutoconf(observation.state, target) : target,
      desired,
      management,
      notes,
      dhcpClients: [
        ...(mayBeTheirs ? (['networkmanager'] as const) : []),
        ...(observation.dhcpClients ?? []),
      ],
    });
    const { state: observed } = observation;
    return { plan, ...chooseBackend({ host, choice, observed, networkManager, desired, plan }) };
  };
  const mayBeTheirs = choice !== 'iproute2' && networkManager !== undefined;
  const first = planned(mayBeTheirs);
  const {
    plan,
    backend,
    errors: ownerErrors,
  } = mayBeTheirs && first.backend === 'iproute2' ? planned(false) : first;
  throwCollected([
    ...ownerErrors,
    ...(backend === 'nmcli' && networkManager !== undefined
      ? networkManagerErrors({ host, observed: observation.state, networkManager, plan })
      : []),
    ...recreateErrors(host, observation.state, desired, plan),
    ...dnsErrors(host, observation, plan),
  ]);
  return backend === 'nmcli' ? { ...plan, backend } : plan;
}

/** A port has no addresses: NetworkManager asks no router for it, whatever it did before. */
function withoutPortsAutoconf(observed: NetworkState, target: NetworkState): NetworkState {
  const interfaces = [...target.interfaces.values()].map((item) => {
    const isTheirs = observed.interfaces.get(item.name)?.facts?.owner?.startsWith('NetworkManager');
    if (isTheirs !== true || !isSubordinatePort(item, target.interfaces)) return item;
    const { autoconf: _asked, ...ipv6 } = item.ipv6;
    return { ...item, ipv6 };
  });
  return { ...target, interfaces: interfaceMap(interfaces) };
}

/** Nobody could ever confirm it: the host would be cut off for as long as its deadline, and go back. */
function refuseCutOff(host: string, observation: HostObservation, plan: ChangePlan): void {
  const path = findManagementPath(observation.state, observation.ssh);
  if (path === undefined) return;
  if (newManagementAddress(observation.state, plan.target, path) !== 'none') return;
  throw new NetorchError(
    'CUT_OFF_REFUSED',
    `${host}: the plan takes away ${path.address} of ${path.interface}, at which SSH answers, and puts no other address in its place`,
    {
      notes: [
        'nobody could confirm it: the host would be cut off until its deadline, and go back',
        'give the new address in the same plan; or, if that is meant, say "allow_cut_off: true" in the play',
      ],
    },
  );
}

/**
 * The cost of a bridge port follows its speed (net/bridge/br_if.c, port_cost), and that of a bond follows
 * what LACP finds: it is part of the target only where the plan names it.
 */
function withoutLearnedCosts(target: NetworkState, desired: DesiredState): NetworkState {
  const isLearned = ({ link }: InterfaceState): boolean =>
    link.kind === 'linux-bridge' && link.ports.some(({ options }) => 'cost' in options);
  if (![...target.interfaces.values()].some(isLearned)) return target;
  const interfaces = [...target.interfaces.values()].map((item): InterfaceState => {
    if (item.link.kind !== 'linux-bridge' || !isLearned(item)) return item;
    const named = desired.interfaces.find((other) => other.name === item.name)?.bridge?.ports;
    const ports = item.link.ports.map((port) => {
      const isNamed =
        named?.find((other) => other.name === port.name)?.options?.['cost'] !== undefined;
      if (isNamed) return port;
      const { cost: _learned, ...options } = port.options;
      return { ...port, options };
    });
    return { ...item, link: { ...item.link, ports } };
  });
  return { ...target, interfaces: interfaceMap(interfaces) };
}

function dnsErrors(
  host: string,
  observation: HostObservation,
  plan: ChangePlan,
): readonly NetorchError[] {
  if (!observation.resolvedOwnsDns) return [];
  if (
    !plan.changes.some((change) =>
      change.operations.some((operation) => operation.op === 'set-dns'),
    )
  )
    return [];
  return [
    new NetorchError(
      'OWNED_BY_OTHER',
      `${host}: DNS is managed by systemd-resolved, which netorch does not drive yet`,
      {
        notes: ['leave dns-resolver out of the plan for this host'],
      },
    ),
  ];
}
