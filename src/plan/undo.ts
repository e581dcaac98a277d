/** The plan that takes back what an earlier transaction did: the recorded state again, in its scope. Pure. */
import { NetorchError } from '../errors.js';
import { compareStates } from '../network/compare.js';
import type { DesiredState } from '../network/desired.js';
import { ruleMeaning } from '../network/rule.js';
import {
  interfaceMap,
  type InterfaceState,
  type NetworkState,
  type RouteRule,
} from '../network/state.js';
import type { ChangePlan } from './change.js';
import { sameRoute } from './kernel-model.js';
import { planTarget, type HostObservation } from './plan-host.js';

/** What a transaction found and what it led to; `scope`: the interfaces that it could change. */
export type Undoable = Readonly<{
  run: string;
  scope: readonly string[];
  before: NetworkState;
  target: NetworkState;
}>;

/**
 * Throws HOST_CHANGED when the host is not what the transaction made of it any more, unless `force`; else
 * as planHost.
 */
export function planUndo(
  host: string,
  observation: HostObservation,
  undoable: Undoable,
  force: boolean,
): ChangePlan {
  const { run, scope, target: made } = undoable;
  const [first, ...others] = compareStates(made, observation.state, new Set(scope));
  const target = undoneState(observation.state, undoable);
  const isUndone = compareStates(target, observation.state, new Set(scope)).length === 0;
  if (first !== undefined && !isUndone && !force) {
    throw new NetorchError(
      'HOST_CHANGED',
      `${host}: the host has changed since run ${run}: ${first.path} was ${first.expected}, is ${first.found}${others.length === 0 ? '' : ` (and ${others.length} more)`}`,
      {
        notes: [
          'undo the later changes first, or say --force to go back to what it was before that run',
        ],
      },
    );
  }
  const plan = planTarget(host, observation, desiredNames(scope, target), target, []);
  const why = { text: `undoes run ${run}`, location: undefined };
  return {
    ...plan,
    changes: plan.changes.map((change) => ({ ...change, why })),
    // Everything that goes is meant to.
    hazards: plan.hazards.filter(({ kind }) => kind !== 'address-lost' && kind !== 'recreate'),
  };
}

/** The observed state with everything in scope as it was before; what others added meanwhile stays. */
export function undoneState(observed: NetworkState, undoable: Undoable): NetworkState {
  const { before, target: made } = undoable;
  const scope = new Set(undoable.scope);
  const kept = [...observed.interfaces.values()].filter(({ name }) => !scope.has(name));
  const restored = undoable.scope.flatMap((name) => {
    const was = before.interfaces.get(name);
    if (was === undefined) return [];
    const now = observed.interfaces.get(name);
    const then = made.interfaces.get(name);
    return [withoutLearnedCosts(withLaterPorts({ ...was, facts: now?.facts }, now, then), then)];
  });
  const goneRoutes = made.routes.filter((route) => !before.routes.some((b) => sameRoute(b, route)));
  const lostRoutes = before.routes.filter((route) => !made.routes.some((m) => sameRoute(m, route)));
  const routes = observed.routes.filter(
    (route) => route.foreign || !goneRoutes.some((gone) => sameRoute(gone, route)),
  );
  const missing = lostRoutes.filter(
    (route) => !route.foreign && !routes.some((now) => sameRoute(now, route)),
  );
  const ruleKey = (rule: RouteRule) => `${rule.priority ?? ''} ${ruleMeaning(rule)}`;
  const keysOf = (state: NetworkState) => new Set(state.rules.map(ruleKey));
  const [was, then, now] = [keysOf(before), keysOf(made), keysOf(observed)];
  return {
    ...observed,
    interfaces: interfaceMap([...kept, ...restored]),
    routes: [...routes, ...missing],
    rules: [
      ...observed.rules.filter((rule) => was.has(ruleKey(rule)) || !then.has(ruleKey(rule))),
      ...before.rules.filter((rule) => !then.has(ruleKey(rule)) && !now.has(ruleKey(rule))),
    ],
    dns: isSame(before.dns, made.dns) ? observed.dns : before.dns,
    hostname: before.hostname === made.hostname ? observed.hostname : before.hostname,
  };
}

/** Ports of a bridge that neither state knows are somebody else's: virtual machines that were started since. */
function withLaterPorts(
  was: InterfaceState,
  now: InterfaceState | undefined,
  made: InterfaceState | undefined,
): InterfaceState {
  if (was.link.kind !== 'linux-bridge' || now?.link.kind !== 'linux-bridge') return was;
  const known = new Set(was.link.ports.map(({ name }) => name));
  if (made?.link.kind === 'linux-bridge') for (const { name } of made.link.ports) known.add(name);
  const later = now.link.ports.filter(({ name }) => !known.has(name));
  if (later.length === 0) return was;
  const ports = [...was.link.ports, ...later].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...was, link: { ...was.link, ports } };
}

/** The cost of a port is what the kernel makes of its speed, unless the plan of that run had named one. */
function withoutLearnedCosts(
  was: InterfaceState,
  made: InterfaceState | undefined,
): InterfaceState {
  if (was.link.kind !== 'linux-bridge') return was;
  const named = made?.link.kind === 'linux-bridge' ? made.link.ports : [];
  const ports = was.link.ports.map((port) => {
    const isNamed = named.some(
      ({ name, options }) => name === port.name && options['cost'] !== undefined,
    );
    const { cost: _learned, ...options } = port.options;
    return isNamed ? port : { ...port, options };
  });
  return { ...was, link: { ...was.link, ports } };
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** The planner asks the desired state for names and places only. */
function desiredNames(scope: readonly string[], target: NetworkState): DesiredState {
  return {
    interfaces: scope.map((name) => ({
      name,
      state: target.interfaces.has(name) ? ('up' as const) : ('absent' as const),
      locations: new Map(),
    })),
    routes: [],
    rules: [],
    dns: undefined,
  };
}
