/**
 * What belongs to no interface, and in NetworkManager to the profile of one all the same: routing rules, routes of
 * the kinds blackhole, unreachable and prohibit, DNS. Which profile holds what, and what a plan makes of it. Pure.
 */
import { isInNetwork } from '../network/ip.js';
import {
  activeProfile,
  isManaged,
  type NetworkManagerState,
  type NmProfile,
} from '../network/networkmanager.js';
import { ruleMeaning, ruleText } from '../network/rule.js';
import {
  isSubordinatePort,
  type DnsState,
  type IpFamily,
  type NetworkState,
  type Route,
  type RouteRule,
} from '../network/state.js';
import type { ChangePlan, Operation } from './change.js';

export type SharedInput = Readonly<{
  observed: NetworkState;
  networkManager: NetworkManagerState;
  plan: Pick<ChangePlan, 'changes' | 'target'>;
}>;

export type SharedSettings = Readonly<{
  /** By interface: what its profile gets, and for which change of the plan. */
  byInterface: ReadonlyMap<
    string,
    Readonly<{ change: string; settings: Readonly<Record<string, string>> }>
  >;
  /** Routes without an interface, `INTERFACE FAMILY` to texts of nmcli; where nothing is said the profile keeps its own. */
  bareRoutes: ReadonlyMap<string, readonly string[]>;
  /** What cannot be carried out. */
  limits: ReadonlyMap<Operation, string>;
}>;

const FAMILIES: readonly IpFamily[] = ['ipv4', 'ipv6'];
const MAIN_TABLE = 254;
/** Below 0 a profile's DNS is all there is, whatever others (a DHCP server) say. */
const DNS_PRIORITY = '-50';

export function sharedSettings(input: SharedInput): SharedSettings {
  return new Shared(input).settings();
}

type Kind = 'rules' | 'routes';
type Slot = { change: string; texts: string[] };

class Shared {
  private readonly input: SharedInput;
  private readonly limits = new Map<Operation, string>();
  /** `KIND INTERFACE FAMILY`: only those that change. */
  private readonly slots = new Map<string, Slot>();
  private readonly dns = new Map<string, { change: string; settings: Record<string, string> }>();
  private readonly holders: readonly (readonly [string, NmProfile])[];

  constructor(input: SharedInput) {
    this.input = input;
    const { networkManager } = input;
    this.holders = [...networkManager.devices].flatMap(([name, device]) => {
      const profile = isManaged(device) ? activeProfile(networkManager, name) : undefined;
      return profile === undefined || profile.isGenerated ? [] : [[name, profile] as const];
    });
  }

  settings(): SharedSettings {
    this.moveAll();
    for (const { id, operations } of this.input.plan.changes) {
      for (const operation of operations) {
        const limit = this.carryOut(id, operation);
        if (limit !== undefined) this.limits.set(operation, limit);
      }
    }
    const byInterface = new Map(this.dns);
    const bareRoutes = new Map<string, readonly string[]>();
    for (const [key, { change, texts }] of this.slots) {
      const [kind, name, family] = key.split(' ') as [Kind, string, IpFamily];
      const isAsItWas = String(texts) === String(this.former(kind, name, family));
      if (isAsItWas && this.canHold(name, family)) continue;
      const own = byInterface.get(name) ?? { change, settings: {} };
      if (kind === 'routes') bareRoutes.set(`${name} ${family}`, texts);
      byInterface.set(name, {
        change: own.change,
        settings: {
          ...own.settings,
          ...(kind === 'rules' ? { [`${family}.routing-rules`]: texts.join(', ') } : {}),
        },
      });
    }
    return { byInterface, bareRoutes, limits: this.limits };
  }

  private carryOut(change: string, operation: Operation): string | undefined {
    switch (operation.op) {
      case 'add-rule':
        return this.add(change, 'rules', operation.rule.family, {
          text: this.textOfRule(operation.rule),
          key: keyOfRule(operation.rule, this.priorityOf(operation.rule)),
          carrier: this.carrierOfRule(operation.rule),
          what: `the rule ${ruleText(operation.rule)}, for which no interface is there that has an address of its family`,
        });
      case 'delete-rule':
        return this.remove(
          change,
          'rules',
          operation.rule.family,
          keyOfRule(operation.rule, operation.rule.priority),
          `the end of the rule ${ruleText(operation.rule)}, which stands in no active profile`,
        );
      case 'add-route':
        if (!isBare(operation.route)) return undefined;
        return this.add(change, 'routes', operation.route.family, {
          text: bareRouteText(operation.route),
          key: keyOfRoute(operation.route),
          carrier: this.carrierOf(operation.route.family, operation.route.table),
          what: `${operation.route.type} routes (${operation.route.destination}) where no interface has an address of their family`,
        });
      case 'delete-route':
        if (!isBare(operation.route)) return undefined;
        return this.remove(
          change,
          'routes',
          operation.route.family,
          keyOfRoute(operation.route),
          `the end of the ${operation.route.type} route ${operation.route.destination}, which stands in no active profile`,
        );
      case 'set-dns':
        return this.setDns(change, operation.dns);
      default:
        return undefined;
    }
  }

  // ---- which profile --------------------------------------------------------------------------------------

  /** Its profile can hold settings of the family: it has, or asks for, addresses. */
  private canHold(name: string, family: IpFamily): boolean {
    const { plan, observed, networkManager } = this.input;
    const item = plan.target.interfaces.get(name);
    if (item === undefined || name === 'lo' || !item.up) return false;
    if (isSubordinatePort(item, plan.target.interfaces)) return false;
    if (observed.interfaces.has(name) && !isManaged(networkManager.devices.get(name))) return false;
    const ip = item[family];
    return ip.enabled && (ip.addresses.length > 0 || ip.dhcp !== undefined || ip.autoconf === true);
  }

  /**
   * The interface with routes in the table, if it is another one than the main table; else the one that carries the
   * default route of the family; else the first one, by name, that has addresses.
   */
  private carrierOf(family: IpFamily, table: number | undefined): string | undefined {
    const { target } = this.input.plan;
    const can = (name: string | undefined): name is string =>
      name !== undefined && this.canHold(name, family);
    const through = (route: Route) =>
      [route.nextHopInterface, ...(route.nextHops ?? []).map((hop) => hop.interface)].find(can);
    const ofFamily = target.routes.filter((route) => route.family === family && !route.foreign);
    if (table !== undefined && table !== MAIN_TABLE) {
      const [first] = ofFamily
        .filter((route) => route.table === table)
        .flatMap((route) => through(route) ?? [])
        .sort();
      if (first !== undefined) return first;
    }
    const defaults = ofFamily
      .filter(
        (route) => route.table === MAIN_TABLE && /^(0\.0\.0\.0|::)\/0$/.test(route.destination),
      )
      .sort((a, b) => (a.metric ?? 0) - (b.metric ?? 0));
    for (const route of defaults) {
      const name = through(route);
      if (name !== undefined) return name;
    }
    return [...target.interfaces.keys()].find(can);
  }

  /** As `carrierOf`; where no interface has routes in the table, the one that the rule names, or whose address it is about. */
  private carrierOfRule(rule: RouteRule): string | undefined {
    const { interfaces, routes } = this.input.plan.target;
    const hasTable = routes.some(
      (route) => route.family === rule.family && route.table === rule.table && !isBare(route),
    );
    if (rule.table === undefined || rule.table === MAIN_TABLE || !hasTable) {
      if (rule.iif !== undefined && this.canHold(rule.iif, rule.family)) return rule.iif;
      const { from } = rule;
      const own = [...interfaces.values()].find(
        (item) =>
          from !== undefined &&
          this.canHold(item.name, rule.family) &&
          item[rule.family].addresses.some(({ ip }) => isInNetwork(ip, from)),
      );
      if (own !== undefined) return own.name;
    }
    return this.carrierOf(rule.family, rule.table);
  }

  // ---- what stands in it ------------------------------------------------------------------------------------

  private former(kind: Kind, name: string, family: IpFamily): readonly string[] {
    const profile = this.holders.find(([holder]) => holder === name)?.[1];
    return (kind === 'rules' ? profile?.rules : profile?.bareRoutes)?.[family] ?? [];
  }

  private slot(change: string, kind: Kind, name: string, family: IpFamily): Slot {
    const key = `${kind} ${name} ${family}`;
    const found = this.slots.get(key) ?? {
      change,
      texts: this.canHold(name, family) ? [...this.former(kind, name, family)] : [],
    };
    this.slots.set(key, found);
    return found;
  }

  private add(
    change: string,
    kind: Kind,
    family: IpFamily,
    item: Readonly<{ text: string; key: string; carrier: string | undefined; what: string }>,
  ): string | undefined {
    if (item.carrier === undefined) return item.what;
    const { texts } = this.slot(change, kind, item.carrier, family);
    if (!texts.some((text) => keyOf(kind, text, family) === item.key)) texts.push(item.text);
    return undefined;
  }

  private remove(
    change: string,
    kind: Kind,
    family: IpFamily,
    key: string,
    what: string,
  ): string | undefined {
    const fits = (text: string): boolean => keyOf(kind, text, family) === key;
    let found = false;
    for (const name of this.holders.map(([holder]) => holder)) {
      const known = this.slots.get(`${kind} ${name} ${family}`)?.texts;
      if (!(known ?? this.former(kind, name, family)).some(fits)) continue;
      found = true;
      const slot = this.slot(change, kind, name, family);
      slot.texts = slot.texts.filter((text) => !fits(text));
    }
    // It may have been given to another profile, because its own can hold it no more.
    for (const [id, slot] of this.slots) {
      if (!id.startsWith(`${kind} `) || !id.endsWith(` ${family}`) || !slot.texts.some(fits))
        continue;
      found = true;
      slot.texts = slot.texts.filter((text) => !fits(text));
    }
    return found ? undefined : what;
  }

  /** A profile whose interface goes, or becomes a port, holds nothing any more: another one takes over. */
  private moveAll(): void {
    const { plan } = this.input;
    for (const [name, profile] of this.holders) {
      const change = plan.changes.find(({ operations }) =>
        operations.some((operation) => 'name' in operation && operation.name === name),
      )?.id;
      if (change === undefined) continue;
      for (const family of FAMILIES) {
        if (this.canHold(name, family)) continue;
        for (const kind of ['rules', 'routes'] as const) {
          for (const text of this.former(kind, name, family)) {
            const carrier =
              kind === 'rules'
                ? this.carrierOfText(text, family)
                : this.carrierOf(family, tableOf(text));
            if (carrier !== undefined) this.slot(change, kind, carrier, family).texts.push(text);
          }
        }
      }
      const isDnsAsked = plan.changes.some(({ operations }) =>
        operations.some(({ op }) => op === 'set-dns'),
      );
      const isLost = profile.hasDns && !FAMILIES.some((family) => this.canHold(name, family));
      if (isLost && !isDnsAsked && this.carrierOf('ipv4', undefined) !== undefined) {
        this.setDns(change, plan.target.dns);
      }
    }
  }

  private carrierOfText(text: string, family: IpFamily): string | undefined {
    const rule = ruleOf(text, family);
    return rule === undefined ? this.carrierOf(family, undefined) : this.carrierOfRule(rule);
  }

  // ---- rules -------------------------------------------------------------------------------------------------

  /** NetworkManager wants to be told; the kernel's own choice is the one before the first that there is. */
  private priorityOf(rule: RouteRule): number {
    if (rule.priority !== undefined) return rule.priority;
    const others = this.input.observed.rules.flatMap((other) =>
      other.family === rule.family && other.priority !== undefined && other.priority > 0
        ? [other.priority]
        : [],
    );
    return Math.min(32_766, ...others) - 1;
  }

  private textOfRule(rule: RouteRule): string {
    const { from, to, iif, fwmark, fwmask, table, action, suppressPrefixLength } = rule;
    const all = rule.family === 'ipv4' ? '0.0.0.0/0' : '::/0';
    return [
      `priority ${this.priorityOf(rule)}`,
      ...(from === undefined && to !== undefined ? [] : [`from ${from ?? all}`]),
      ...(to === undefined ? [] : [`to ${to}`]),
      ...(iif === undefined ? [] : [`iif ${iif}`]),
      ...(fwmark === undefined
        ? []
        : [`fwmark ${fwmark}${fwmask === undefined ? '' : `/${fwmask}`}`]),
      ...(action === undefined ? [`table ${table ?? MAIN_TABLE}`] : [`type ${action}`]),
      ...(suppressPrefixLength === undefined
        ? []
        : [`suppress_prefixlength ${suppressPrefixLength}`]),
    ].join(' ');
  }

  // ---- DNS ---------------------------------------------------------------------------------------------------

  /** All of it: what other profiles say of DNS goes. */
  private setDns(change: string, { servers, search, options }: DnsState): string | undefined {
    const of: Record<IpFamily, readonly string[]> = {
      ipv4: servers.filter((server) => !server.includes(':')),
      ipv6: servers.filter((server) => server.includes(':')),
    };
    if (String([...of.ipv4, ...of.ipv6]) !== String(servers)) {
      return 'dns-resolver with IPv6 servers before IPv4 ones';
    }
    const named = FAMILIES.filter((family) => of[family].length > 0);
    const isEmpty = servers.length + search.length + options.length === 0;
    const wanted = named.length > 0 || isEmpty ? named : FAMILIES;
    const carriers = wanted.flatMap((family) => {
      const name = this.carrierOf(family, undefined);
      return name === undefined ? [] : [{ family, name }];
    });
    const [first] = carriers;
    if (!isEmpty && (first === undefined || carriers.length < named.length)) {
      return 'dns-resolver where no interface has an address of the family of the servers';
    }
    const names = new Set(carriers.map(({ name }) => name));
    for (const [name, profile] of this.holders) if (profile.hasDns) names.add(name);
    const { interfaces } = this.input.plan.target;
    for (const name of names) {
      const item = interfaces.get(name);
      if (item === undefined || isSubordinatePort(item, interfaces)) continue;
      const settings: Record<string, string> = {};
      for (const family of FAMILIES) {
        const isCarrier = carriers.some((other) => other.name === name && other.family === family);
        const isFirst = first?.name === name && first.family === family;
        const own = isCarrier ? of[family] : [];
        settings[`${family}.dns`] = own.join(',');
        settings[`${family}.dns-search`] = isFirst ? search.join(',') : '';
        settings[`${family}.dns-options`] = isFirst ? options.join(',') : '';
        settings[`${family}.dns-priority`] =
          own.length > 0 || (isFirst && !isEmpty) ? DNS_PRIORITY : '0';
      }
      this.dns.set(name, { change, settings });
    }
    return undefined;
  }
}

/** A route that no interface carries. */
function isBare(route: Route): boolean {
  return route.nextHopInterface === undefined && route.nextHops === undefined;
}

/** `DESTINATION METRIC type=KIND [table=TABLE]` (nmcli(1), ipv4.routes). */
function bareRouteText({ family, destination, metric, type, table }: Route): string {
  return `${destination} ${metric ?? (family === 'ipv4' ? 0 : 1024)} type=${type}${table === MAIN_TABLE ? '' : ` table=${table}`}`;
}

function keyOf(kind: Kind, text: string, family: IpFamily): string {
  if (kind === 'rules') {
    const rule = ruleOf(text, family);
    return rule === undefined ? text : keyOfRule(rule, rule.priority);
  }
  const [destination = '', metric = ''] = text.split(' ');
  return [destination, metric, /(?:^| )type=(\S+)/.exec(text)?.[1], tableOf(text)].join(' ');
}

function keyOfRoute({ family, destination, metric, type, table }: Route): string {
  return [destination, metric ?? (family === 'ipv4' ? 0 : 1024), type, table].join(' ');
}

function tableOf(text: string): number {
  return Number(/(?:^| )table=(\d+)/.exec(text)?.[1] ?? MAIN_TABLE);
}

const whole = (network: string | undefined, family: IpFamily): string | undefined =>
  network === undefined || network === '0.0.0.0/0' || network === '::/0'
    ? undefined
    : network.includes('/')
      ? network
      : `${network}/${family === 'ipv4' ? 32 : 128}`;

function keyOfRule(rule: RouteRule, priority: number | undefined): string {
  const { family } = rule;
  const meaning = ruleMeaning({
    ...rule,
    from: whole(rule.from, family),
    to: whole(rule.to, family),
  });
  return `${priority ?? '-'} ${meaning}`;
}

/** A rule as nmcli tells it; undefined: it has selectors that netorch does not model. */
function ruleOf(text: string, family: IpFamily): RouteRule | undefined {
  const words = text.trim().split(/\s+/);
  const values = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) values.set(words[at] ?? '', words[at + 1] ?? '');
  const known = [
    'priority',
    'from',
    'to',
    'iif',
    'fwmark',
    'table',
    'type',
    'suppress_prefixlength',
  ];
  if (words.length % 2 === 1 || [...values.keys()].some((key) => !known.includes(key))) {
    return undefined;
  }
  const number = (key: string): number | undefined =>
    values.has(key) ? Number(values.get(key)) : undefined;
  const [mark, mask] = (values.get('fwmark') ?? '').split('/');
  const type = values.get('type');
  const suppress = number('suppress_prefixlength');
  return {
    family,
    priority: number('priority'),
    from: whole(values.get('from'), family),
    to: whole(values.get('to'), family),
    iif: values.get('iif'),
    fwmark: mark === undefined || mark === '' ? undefined : Number(mark),
    fwmask: mask === undefined ? undefined : Number(mask),
    table: type === undefined ? (number('table') ?? MAIN_TABLE) : undefined,
    action:
      type === 'blackhole' || type === 'unreachable' || type === 'prohibit' ? type : undefined,
    ...(suppress === undefined ? {} : { suppressPrefixLength: suppress }),
    foreign: false,
  };
}
