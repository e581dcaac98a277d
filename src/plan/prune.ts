/**
 * Taking away what netorch made and no plan names any longer: the desired state with what has to go
 * written into it, so that everything after this step (merge, order, hazards, transaction, rollback)
 * treats it like any other wish.
 *
 * What somebody else made is never touched, and what netorch made stays as long as something of
 * somebody else's stands on it, is attached to it or goes through it.
 */
import type {
  DesiredInterface,
  DesiredRoute,
  DesiredRule,
  DesiredState,
} from '../network/desired.js';
import { interfacesByName } from '../network/desired.js';
import type { MergeNote } from '../network/merge-draft.js';
import {
  OWN_PROTOCOL,
  addressKey,
  linkKey,
  portKey,
  routeKeyOf,
  ruleKey,
} from '../network/owned.js';
import type { OwnedObject } from '../network/owned.js';
import { MAIN_TABLE, effectiveMetric, routeDevices, routeText } from '../network/route.js';
import { ruleMeaning, ruleText } from '../network/rule.js';
import { baseOf, portsOf } from '../network/state.js';
import type { InterfaceState, IpFamily, NetworkState, Route } from '../network/state.js';

export type PruneInput = Readonly<{
  observed: NetworkState;
  desired: DesiredState;
  /** The host's record of what netorch made. */
  record: readonly OwnedObject[];
  /** Routes of routing daemons, which are not part of the state. */
  daemonRoutes: readonly Route[];
  /** Plans of other plays for this host: what they name stays, too. */
  others: readonly DesiredState[];
  /** `--prune`; without it only ports that netorch attached leave a bridge whose list names them no more. */
  all: boolean;
}>;

export type Pruned = Readonly<{ desired: DesiredState; notes: readonly MergeNote[] }>;

export function prune(input: PruneInput): Pruned {
  // Of what nothing is known to be netorch's, nothing is taken away.
  if (input.record.length === 0 && !input.all) return { desired: input.desired, notes: [] };
  return new Pruning(input).run();
}

const FAMILIES = ['ipv4', 'ipv6'] as const satisfies readonly IpFamily[];

class Pruning {
  readonly #input: PruneInput;
  readonly #owners: ReadonlyMap<string, string>;
  readonly #wanted: ReadonlyMap<string, DesiredInterface>;
  /** Interfaces that a plan needs though it may not list them. */
  readonly #named: ReadonlySet<string>;
  /** Interfaces that other plays say something of: their addresses and ports are theirs to judge. */
  readonly #elsewhere: ReadonlySet<string>;
  /** Owned links that stay because of somebody else, with their ports and addresses. */
  readonly #kept = new Set<string>();
  readonly #notes: MergeNote[] = [];

  constructor(input: PruneInput) {
    this.#input = input;
    this.#owners = new Map(input.record.map((item) => [`${item.kind} ${item.key}`, item.owner]));
    this.#wanted = interfacesByName(input.desired);
    this.#named = new Set([input.desired, ...input.others].flatMap((plan) => [...namesIn(plan)]));
    this.#elsewhere = new Set(
      input.others.flatMap((plan) => plan.interfaces.map((item) => item.name)),
    );
  }

  run(): Pruned {
    const { desired, all } = this.#input;
    const gone = all ? this.#links() : new Map<string, InterfaceState>();
    const changes = new Map<string, DesiredInterface>();
    for (const state of gone.values()) {
      const reason = this.#reason('link', linkKey(state));
      changes.set(state.name, {
        name: state.name,
        state: 'absent',
        locations: new Map(),
        reasons: new Map([['state', reason]]),
      });
    }
    for (const state of this.#input.observed.interfaces.values()) {
      if (gone.has(state.name)) continue;
      this.#releasePort(state, gone, changes);
      if (all) this.#dropAddresses(state, changes);
    }
    if (changes.size === 0 && !all) return { desired, notes: this.#notes };
    const routes = all ? this.#routes(gone) : [];
    const rules = all ? this.#rules() : [];
    const interfaces = desired.interfaces.map((item) => {
      const change = changes.get(item.name);
      changes.delete(item.name);
      return change ?? item;
    });
    return {
      desired: {
        ...desired,
        interfaces: [...interfaces, ...changes.values()],
        routes: [...desired.routes, ...routes],
        rules: [...desired.rules, ...rules],
      },
      notes: this.#notes,
    };
  }

  #isOwned(kind: OwnedObject['kind'], key: string): boolean {
    return this.#owners.has(`${kind} ${key}`);
  }

  #reason(kind: OwnedObject['kind'], key: string): string {
    return `pruned: made by netorch (${this.#owners.get(`${kind} ${key}`) ?? ''}), and no plan names it any more`;
  }

  /** Links to delete: owned, not named, and nothing foreign on them. */
  #links(): ReadonlyMap<string, InterfaceState> {
    const { interfaces } = this.#input.observed;
    const gone = new Map(
      [...interfaces].filter(
        ([name, state]) => !this.#named.has(name) && this.#isOwned('link', linkKey(state)),
      ),
    );
    // What one of them keeps alive may keep another one alive.
    for (let isSettled = false; !isSettled;) {
      isSettled = true;
      for (const [name, state] of gone) {
        const why = this.#keptBy(state, gone);
        if (why === undefined) continue;
        gone.delete(name);
        this.#kept.add(name);
        this.#notes.push({
          interface: name,
          text: `stays, though no plan names it and netorch made it: ${why}`,
        });
        isSettled = false;
      }
    }
    return gone;
  }

  /** Whose it is that would go along with the link. */
  #keptBy(state: InterfaceState, gone: ReadonlyMap<string, InterfaceState>): string | undefined {
    const { observed, daemonRoutes } = this.#input;
    const { name, link } = state;
    for (const other of observed.interfaces.values()) {
      if (gone.has(other.name)) continue;
      if (baseOf(other.link) === name) return `${other.name} stands on it`;
    }
    for (const port of portsOf(link)) {
      if (!gone.has(port) && !this.#isOwned('port', portKey(port, name))) {
        return `netorch did not attach its port ${port}`;
      }
    }
    if (link.kind === 'veth') {
      if (link.peer === undefined) return 'its other end is in another network namespace';
      if (!gone.has(link.peer)) return `its other end, ${link.peer}, stays`;
    }
    for (const family of FAMILIES) {
      for (const address of state[family].addresses) {
        const key = addressKey(name, address);
        if (!this.#isOwned('address', key)) {
          return `netorch did not give it the address ${address.ip}/${address.prefixLength}`;
        }
      }
    }
    const foreign = [
      ...daemonRoutes,
      ...observed.routes.filter((route) => !this.#isOwnRoute(route)),
    ].find((route) => routeDevices(route).includes(name));
    if (foreign !== undefined) return `the route ${routeText(foreign)} is not netorch's`;
    const rule = observed.rules.find(
      (item) => item.iif === name && !this.#isOwned('rule', ruleKey(item)),
    );
    return rule === undefined ? undefined : `the rule ${ruleText(rule)} is not netorch's`;
  }

  #isOwnRoute(route: Route): boolean {
    return (
      !route.foreign && route.protocol === OWN_PROTOCOL && this.#isOwned('route', routeKeyOf(route))
    );
  }

  /** A port that netorch attached leaves a bridge whose list names it no more; unlisted, with `--prune`. */
  #releasePort(
    state: InterfaceState,
    gone: ReadonlyMap<string, InterfaceState>,
    changes: Map<string, DesiredInterface>,
  ): void {
    const { name, controller } = state;
    if (controller === undefined || gone.has(controller) || this.#kept.has(controller)) return;
    if (!this.#isOwned('port', portKey(name, controller))) return;
    if (this.#elsewhere.has(controller) || this.#elsewhere.has(name)) return;
    const own = this.#wanted.get(name);
    if (own?.state === 'absent' || own?.state === 'ignore') return;
    if (own?.controller !== undefined) return;
    if (this.#input.desired.interfaces.some((item) => isPortOf(item, name))) return;
    const owner = this.#wanted.get(controller);
    if (owner?.state === 'absent' || owner?.state === 'ignore') return;
    // Lists of bonds and VRFs are whole by themselves.
    if (owner?.bond?.ports !== undefined || owner?.vrf?.ports !== undefined) return;
    const listed = owner?.bridge?.ports;
    if (listed === undefined && !this.#input.all) return;
    const reason =
      listed === undefined
        ? this.#reason('port', portKey(name, controller))
        : `netorch attached it (${this.#owners.get(`port ${portKey(name, controller)}`) ?? ''}), and the list of ports names it no more`;
    changes.set(name, withReason(base(state, own), { controller: '' }, 'controller', reason));
  }

  #dropAddresses(state: InterfaceState, changes: Map<string, DesiredInterface>): void {
    const written = this.#wanted.get(state.name);
    if (written?.state === 'absent' || written?.state === 'ignore') return;
    if (this.#elsewhere.has(state.name) || this.#kept.has(state.name)) return;
    for (const family of FAMILIES) {
      // A given list is whole by itself.
      if (written?.[family]?.addresses !== undefined || written?.[family]?.enabled === false) {
        continue;
      }
      const { addresses } = state[family];
      const kept = addresses.filter(
        (address) => !this.#isOwned('address', addressKey(state.name, address)),
      );
      const [first] = addresses.filter((address) => !kept.includes(address));
      if (first === undefined) continue;
      const reason = this.#reason('address', addressKey(state.name, first));
      const before = changes.get(state.name) ?? base(state, written);
      changes.set(
        state.name,
        withReason(
          before,
          { [family]: { ...before[family], addresses: kept } },
          `${family}.addresses`,
          reason,
        ),
      );
    }
  }

  #routes(gone: ReadonlyMap<string, InterfaceState>): readonly DesiredRoute[] {
    const { observed, desired, others } = this.#input;
    const wantedRoutes = [desired, ...others].flatMap((plan) => plan.routes);
    return observed.routes.flatMap((route): DesiredRoute[] => {
      if (!this.#isOwnRoute(route)) return [];
      const devices = routeDevices(route);
      if (devices.length > 0 && devices.every((device) => gone.has(device))) return [];
      if (wantedRoutes.some((wanted) => isWanted(wanted, route))) return [];
      return [
        {
          absent: true,
          exactly: route,
          family: route.family,
          type: route.type,
          destination: route.destination,
          table: route.table,
          reason: this.#reason('route', routeKeyOf(route)),
          location: undefined,
        },
      ];
    });
  }

  #rules(): readonly DesiredRule[] {
    const { observed, desired, others } = this.#input;
    const wanted = new Set(
      [desired, ...others]
        .flatMap((plan) => plan.rules)
        .filter((rule) => !rule.absent && rule.family !== undefined)
        .map((rule) => ruleMeaning(asRule(rule))),
    );
    return observed.rules.flatMap((rule): DesiredRule[] => {
      if (rule.foreign || !this.#isOwned('rule', ruleKey(rule))) return [];
      const meaning = ruleMeaning(rule);
      if (wanted.has(meaning)) return [];
      // Two rules that differ in their priority only: which of them is netorch's, nobody knows.
      if (observed.rules.filter((other) => ruleMeaning(other) === meaning).length > 1) {
        this.#notes.push({
          interface: 'route-rules',
          text: `rule ${ruleText(rule)} stays, though no plan names it: it is there more than once`,
        });
        return [];
      }
      return [
        {
          absent: true,
          exactly: rule,
          family: rule.family,
          reason: this.#reason('rule', ruleKey(rule)),
          location: undefined,
        },
      ];
    });
  }
}

/** Every interface that the plan says something of, or that something in it needs. */
function namesIn(desired: DesiredState): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (name: string | undefined): void => {
    if (name !== undefined && name !== '') names.add(name);
  };
  for (const item of desired.interfaces) {
    add(item.name);
    if (item.state === 'absent') continue;
    add(item.controller);
    add(item.copyMacFrom);
    add(item.vlan?.base);
    add(item.vxlan?.base);
    add(item.macVlan?.base);
    add(item.veth?.peer);
    for (const port of item.bond?.ports ?? item.vrf?.ports ?? []) add(port);
    for (const port of item.bridge?.ports ?? []) add(port.name);
  }
  for (const route of desired.routes) if (!route.absent) add(route.nextHopInterface);
  for (const rule of desired.rules) if (!rule.absent) add(rule.iif);
  return names;
}

function isPortOf(item: DesiredInterface, port: string): boolean {
  return (
    item.bond?.ports?.includes(port) === true ||
    item.vrf?.ports?.includes(port) === true ||
    item.bridge?.ports?.some(({ name }) => name === port) === true
  );
}

/** What the plan says of the interface; nothing, where it does not name it. */
function base(state: InterfaceState, written: DesiredInterface | undefined): DesiredInterface {
  return written ?? { name: state.name, state: state.up ? 'up' : 'down', locations: new Map() };
}

function withReason(
  item: DesiredInterface,
  values: Partial<DesiredInterface>,
  key: string,
  reason: string,
): DesiredInterface {
  return { ...item, ...values, reasons: new Map([...(item.reasons ?? []), [key, reason]]) };
}

function isWanted(wanted: DesiredRoute, route: Route): boolean {
  const hops = route.nextHops ?? [
    { interface: route.nextHopInterface, address: route.nextHopAddress },
  ];
  return (
    !wanted.absent &&
    wanted.destination === route.destination &&
    (wanted.table ?? MAIN_TABLE) === route.table &&
    (wanted.metric === undefined ||
      effectiveMetric({ family: route.family, metric: wanted.metric }) ===
        effectiveMetric(route)) &&
    hops.some(
      (hop) =>
        (wanted.nextHopInterface ?? '') === (hop.interface ?? '') &&
        (wanted.nextHopAddress ?? '') === (hop.address ?? ''),
    )
  );
}

function asRule(rule: DesiredRule) {
  return {
    family: rule.family ?? ('ipv4' as const),
    from: rule.from,
    to: rule.to,
    iif: rule.iif,
    fwmark: rule.fwmark,
    fwmask: rule.fwmask,
    table: rule.action === undefined ? (rule.table ?? MAIN_TABLE) : undefined,
    action: rule.action,
    ...(rule.suppressPrefixLength === undefined
      ? {}
      : { suppressPrefixLength: rule.suppressPrefixLength }),
  };
}
