/**
 * The iproute2 backend, way back: what runtime.sh needs to bring a host from any state back to the
 * recorded one. No undo log: the host compares its canonical lines with the baseline and repairs what is
 * missing; what is here says how each thing is made. Pure.
 */
import { quoteSh } from '../quote-sh.js';
import { canonicalNetwork, defaultDestination } from '../network/ip.js';
import { MAIN_TABLE, nextHopWords, routeSlot } from '../network/route.js';
import type { InterfaceState, NetworkState } from '../network/state.js';
import type { ChangePlan, Operation } from '../plan/change.js';
import { sameRoute } from '../plan/kernel-model.js';
import { dependencyOrder } from '../plan/order.js';
import { batchLine, escapeEre } from './batch.js';
import { routeWords } from './route-words.js';
import { dhcpRestore } from './dhcp-clients.js';
import { ruleWords } from './iproute2.js';
import { lineGroups } from './line-groups.js';
import { changedOptions, linkRecipe } from './link-recipes.js';
import type { BackendScripts, Segment } from './steps.js';

export type RestoreInput = Readonly<{
  observed: NetworkState;
  /** Canonical lines of the whole host. */
  lines: readonly string[];
  plan: Pick<ChangePlan, 'changes' | 'scope' | 'target'>;
  /** The way there, if there is one: none leads to what is ensured at boot. */
  segments?: readonly Segment[];
}>;

type Restore = Pick<
  BackendScripts,
  | 'restore'
  | 'links'
  | 'groups'
  | 'reads'
  | 'sysctlsOf'
  | 'baseline'
  | 'recipes'
  | 'absent'
  | 'removals'
  | 'removals6'
  | 'scopeDevices'
  | 'leases'
  | 'leaseRoutes'
>;

export function restoreScripts(input: RestoreInput): Restore {
  const operations = input.plan.changes.flatMap((change) => change.operations);
  const scope = new Set(input.plan.scope);
  const dhcp = dhcpRestore(operations);
  const baseline = baselineLines(input.lines, scope, operations);
  const absent = absentPatterns(input, operations).filter((pattern) => !isThere(pattern, baseline));
  const devices = input.plan.scope.map(escapeEre).join('|');
  const reads = sectionsOf([...baseline, ...absent.map((pattern) => pattern.slice(1))]);
  const sysctlsOf = devicesOfSysctls(baseline);
  const { restore, links, groups } = restoreSh(input, { baseline, reads, sysctlsOf }, operations);
  return {
    baseline,
    reads,
    sysctlsOf,
    recipes: baseline.map(recipeOf),
    absent,
    ...withDhcp(dhcp, removalLines(input.observed, operations)),
    leases: dhcp.leases,
    leaseRoutes: dhcp.leaseRoutes,
    scopeDevices: `^(${devices === '' ? '-' : devices}) `,
    links,
    groups,
    restore: [...restore, ...dhcp.functions, ''].join('\n'),
  };
}

/** A pattern is of one class of lines: its first word. */
function isThere(pattern: string, lines: readonly string[]): boolean {
  const expression = new RegExp(pattern);
  const start = pattern.slice(1, pattern.indexOf(' ') + 1);
  return lines.some((line) => line.startsWith(start) && expression.test(line));
}

/** Operations by the interface that they act on: there may be thousands of both. */
function byInterface(operations: readonly Operation[]): (name: string) => readonly Operation[] {
  const found = new Map<string, Operation[]>();
  for (const operation of operations) {
    if (!('name' in operation)) continue;
    const own = found.get(operation.name);
    if (own === undefined) found.set(operation.name, [operation]);
    else own.push(operation);
  }
  return (name) => found.get(name) ?? [];
}

function withDhcp(
  dhcp: ReturnType<typeof dhcpRestore>,
  own: Pick<BackendScripts, 'removals' | 'removals6'>,
): Pick<BackendScripts, 'removals' | 'removals6'> {
  return { ...own, removals: [...dhcp.removals, ...own.removals] };
}

/** The sections that lines come from: their first words. Links are always read. */
function sectionsOf(lines: readonly string[]): readonly string[] {
  const names = lines.map((line) => line.split(' ', 1)[0] ?? '');
  // The hostname is read along with the sysctls, without a process of its own.
  const sections = names.map((name) => (name === 'hostname' ? 'sysctl' : name));
  return [...new Set(['link', ...sections])].sort();
}

function devicesOfSysctls(baseline: readonly string[]): readonly string[] {
  const names = baseline.flatMap((line) => /^sysctl (\S+) /.exec(line)?.[1] ?? []);
  return [...new Set(names)];
}

// ---- the baseline ------------------------------------------------------------------------------------

function baselineLines(
  lines: readonly string[],
  scope: ReadonlySet<string>,
  operations: readonly Operation[],
): readonly string[] {
  const hasRules = operations.some(
    (operation) => operation.op === 'add-rule' || operation.op === 'delete-rule',
  );
  const hasHostname = operations.some((operation) => operation.op === 'set-hostname');
  // A DHCP client writes the servers that it is given.
  const hasDns = operations.some(
    (operation) => operation.op === 'set-dns' || operation.op === 'start-dhcp',
  );
  const destinations = new Set(
    operations.flatMap((operation) =>
      operation.op === 'add-route' || operation.op === 'delete-route'
        ? [operation.route.destination]
        : [],
    ),
  );
  // A route that takes the place of another one: that one may lead through a device out of scope.
  const replaced = new Set(
    operations.flatMap((operation) =>
      operation.op === 'add-route'
        ? [
            `${operation.route.family === 'ipv4' ? 'route' : 'route6'} ${routeSlot(operation.route)}`,
          ]
        : [],
    ),
  );
  const isBareDestination = (word: string, family: string) =>
    destinations.has(word === 'default' ? (family === 'route' ? '0.0.0.0/0' : '::/0') : word) ||
    destinations.has(`${word}/${family === 'route' ? 32 : 128}`);
  const kept = lines.filter((line) => {
    const [what = '', name = '', third = ''] = line.split(' ', 3);
    switch (what) {
      case 'addr':
        // The kernel makes link-local addresses itself, of the MAC or at random.
        return scope.has(name) && !/ inet6 fe80:.* scope link/.test(line);
      case 'link':
      case 'neigh':
      case 'fdb':
      case 'vlan':
      case 'sysctl':
        return scope.has(name);
      case 'route':
      case 'route6': {
        const devices = [...line.matchAll(/ dev (\S+)/g)].map((match) => match[1] ?? '');
        if (devices.some((device) => scope.has(device))) return true;
        if (replaced.has(`${what} ${slotOfLine(line, what)}`)) return true;
        // IPv6 shows a blackhole and its like on lo.
        return devices.every((device) => device === 'lo') && isBareDestination(third, what);
      }
      case 'rule4':
      case 'rule6':
        return hasRules;
      case 'dns':
        return hasDns;
      case 'hostname':
        return hasHostname;
      default:
        return false;
    }
  });
  // A gateway must be reachable when its route comes back: routes without one first.
  const weight = (line: string) => (/^route6? /.test(line) && / via /.test(line) ? 1 : 0);
  return kept
    .map((line, index) => ({ line, index }))
    .sort((a, b) => weight(a.line) - weight(b.line) || a.index - b.index)
    .map(({ line }) => line);
}

/** The `routeSlot` of a canonical line: `route 1 DESTINATION … table N … metric N …`. */
function slotOfLine(line: string, what: 'route' | 'route6'): string {
  const family = what === 'route' ? 'ipv4' : 'ipv6';
  const [, , word = ''] = line.split(' ', 3);
  const valueOf = (key: string): number | undefined => {
    const found = new RegExp(` ${key} ([0-9]+)`).exec(line)?.[1];
    return found === undefined ? undefined : Number(found);
  };
  const destination =
    word === 'default' ? defaultDestination(family) : (canonicalNetwork(word)?.network ?? word);
  return routeSlot({
    family,
    destination,
    table: valueOf('table') ?? MAIN_TABLE,
    metric: valueOf('metric'),
  });
}

const ROUTE_TYPES: Readonly<Record<string, string>> = {
  '1': 'unicast',
  '6': 'blackhole',
  '7': 'unreachable',
  '8': 'prohibit',
  '9': 'throw',
};

/** rtnetlink.h, RTN_*. */
const ROUTE_TYPE_NUMBERS = { blackhole: '6', unreachable: '7', prohibit: '8' } as const;

/** `CLASS KIND …`, read by sort_missing in restore-lines.sh; the class is the step in which it is put back. */
export function recipeOf(line: string): string {
  const [what = '', name = '', ...rest] = line.split(' ');
  switch (what) {
    case 'addr': {
      if (rest[0] === 'inet') return `addr group v4 ${name}`;
      const words = rest.slice(1).filter((word) => word !== 'secondary' && word !== 'temporary');
      return `addr ip addr replace ${words.join(' ')} dev ${name}`;
    }
    case 'route':
    case 'route6': {
      const [destination = '', ...others] = rest;
      const everything = what === 'route' ? '0.0.0.0/0' : '::/0';
      return `route ip route replace ${[ROUTE_TYPES[name] ?? name, destination === 'default' ? everything : destination, ...others].join(' ')}`;
    }
    case 'rule4':
      return `route ip rule add ${rest.join(' ')} pref ${name.replace(':', '')}`;
    case 'rule6':
      return `route ip6 rule add ${rest.join(' ')} pref ${name.replace(':', '')}`;
    case 'neigh': {
      const [address = '', , mac = ''] = rest;
      return `route ip neigh replace ${address} lladdr ${mac} nud permanent dev ${name}`;
    }
    case 'fdb': {
      const [mac = '', ...others] = rest;
      const words = others.filter((word, index) => word !== 'via' && others[index - 1] !== 'via');
      const isMaster = words.indexOf('master');
      const cleaned = isMaster < 0 ? words : words.filter((_, index) => index !== isMaster + 1);
      return `port bridge fdb append ${mac} dev ${name} ${cleaned.join(' ')}`;
    }
    case 'vlan':
      return `port bridge-port vlans ${name}`;
    case 'sysctl': {
      const [family = '', key = '', value = ''] = rest;
      return `sysctl write /proc/sys/net/${family}/conf/${name}/${key} ${value}`;
    }
    case 'dns':
      return 'route dns';
    case 'hostname':
      return `sysctl write /proc/sys/kernel/hostname ${name}`;
    default:
      return '-';
  }
}

// ---- what the plan adds ------------------------------------------------------------------------------------

function absentPatterns(input: RestoreInput, operations: readonly Operation[]): readonly string[] {
  const patterns = new Set<string>();
  for (const name of createdNames(input)) patterns.add(`^link ${escapeEre(name)} `);
  for (const operation of operations) {
    if (operation.op === 'add-address') {
      const family = operation.family === 'ipv4' ? 'inet' : 'inet6';
      patterns.add(
        `^addr ${escapeEre(operation.name)} ${family} ${escapeEre(operation.address.ip)}/${operation.address.prefixLength} `,
      );
    }
    if (operation.op === 'add-route') {
      const { route } = operation;
      const isDefault = route.destination === '0.0.0.0/0' || route.destination === '::/0';
      const bare = route.destination.replace(route.family === 'ipv4' ? /\/32$/ : /\/128$/, '');
      const device = route.nextHopInterface;
      patterns.add(
        `^${route.family === 'ipv4' ? 'route' : 'route6'} [0-9]+ ${isDefault ? 'default' : escapeEre(bare)} ` +
          (route.nextHopAddress === undefined ? '' : `via ${escapeEre(route.nextHopAddress)} `) +
          (device === undefined ? '(dev lo )?' : `dev ${escapeEre(device)} `) +
          `table ${route.table} ` +
          (route.metric === undefined ? '' : `.*metric ${route.metric}( |$)`) +
          (route.nextHops === undefined
            ? ''
            : `.*${route.metric === undefined ? ' ' : ''}${escapeEre(nextHopWords(route.nextHops).join(' '))}( |$)`),
      );
    }
    if (operation.op === 'add-rule') {
      const { rule } = operation;
      const mark = rule.fwmark === undefined ? undefined : `0x${rule.fwmark.toString(16)}`;
      const mask = rule.fwmask === undefined ? '' : `/0x${rule.fwmask.toString(16)}`;
      // In the order of ip/iprule.c, print_rule.
      const words = [
        `from ${rule.from === undefined ? 'all' : hostless(rule.from)}`,
        ...(rule.to === undefined ? [] : [`to ${hostless(rule.to)}`]),
        ...(mark === undefined ? [] : [`fwmark ${mark}${mask}`]),
        ...(rule.iif === undefined ? [] : [`iif ${rule.iif}`]),
        ...(rule.table === undefined ? [] : [`lookup ${rule.table}`]),
        ...(rule.suppressPrefixLength === undefined
          ? []
          : [`suppress_prefixlength ${rule.suppressPrefixLength}`]),
        // Printed as a number (ip -N).
        ...(rule.action === undefined ? [] : [ROUTE_TYPE_NUMBERS[rule.action]]),
      ];
      patterns.add(
        `^${rule.family === 'ipv4' ? 'rule4' : 'rule6'} ${rule.priority ?? '[0-9]+'}: ${words.map(escapeEre).join(' ')}$`,
      );
    }
  }
  return [...patterns];
}

/** ip prints an address with a full prefix length without it. */
function hostless(network: string): string {
  return network.replace(network.includes(':') ? /\/128$/ : /\/32$/, '');
}

function removalLines(
  observed: NetworkState,
  operations: readonly Operation[],
): Pick<BackendScripts, 'removals' | 'removals6'> {
  const lines: string[] = [];
  const lines6: string[] = [];
  for (const operation of operations) {
    switch (operation.op) {
      case 'add-address': {
        const had = observed.interfaces
          .get(operation.name)
          ?.[operation.family].addresses.some(
            (address) =>
              address.ip === operation.address.ip &&
              address.prefixLength === operation.address.prefixLength,
          );
        if (had === true) break;
        lines.push(
          batchLine([
            'addr',
            'del',
            `${operation.address.ip}/${operation.address.prefixLength}`,
            'dev',
            operation.name,
          ]),
        );
        break;
      }
      case 'add-route':
        // What is only put back in the course of the changes was there before.
        if (observed.routes.some((route) => sameRoute(route, operation.route))) break;
        lines.push(batchLine(routeWords(operation.route, 'del')));
        break;
      case 'add-rule':
        (operation.rule.family === 'ipv6' ? lines6 : lines).push(
          batchLine(ruleWords(operation.rule, 'del')),
        );
        break;
      default:
    }
  }
  return { removals: lines, removals6: lines6 };
}

/** Interfaces that are not there before, top-down. */
function createdNames(input: RestoreInput): readonly string[] {
  return [...dependencyOrder(input.plan.target.interfaces)]
    .reverse()
    .map((item) => item.name)
    .filter((name) => !input.observed.interfaces.has(name));
}

/** `SEGMENT:LINE:NAME`, in order: which line of the way there makes which of the new links, and its peer. */
function madeAt(input: RestoreInput): readonly string[] {
  const created = new Set(createdNames(input));
  return (input.segments ?? []).flatMap(({ lines }, segment) =>
    lines.flatMap(({ text }, line) =>
      text.startsWith('link add ')
        ? [...text.matchAll(/ name (\S+)/g)]
            .flatMap(([, name = '']) => (created.has(name) ? [name] : []))
            .map((name) => `${segment + 1}:${line + 1}:${name}`)
        : [],
    ),
  );
}

// ---- restore.sh ------------------------------------------------------------------------------------

function restoreSh(
  input: RestoreInput,
  { baseline, reads, sysctlsOf }: Pick<Restore, 'baseline' | 'reads' | 'sysctlsOf'>,
  operations: readonly Operation[],
): Readonly<{ restore: readonly string[]; links: readonly string[]; groups: readonly string[] }> {
  const scope = new Set(input.plan.scope);
  const linkLines = new Map(
    baseline
      .filter((line) => line.startsWith('link '))
      .map((line) => [line.split(' ', 2)[1] ?? '', line]),
  );
  const order = dependencyOrder(input.observed.interfaces).filter((item) => scope.has(item.name));
  const of = byInterface(operations);
  const aliases = order.flatMap(({ name, alias }) =>
    alias === undefined || alias === '' ? [] : [`${quoteSh(name)}) alias=${quoteSh(alias)} ;;`],
  );
  return {
    links: order.flatMap((item) =>
      linkRecipe(input.observed, item, linkLines.get(item.name) ?? '', of(item.name)),
    ),
    groups: lineGroups(input.observed, baseline, of),
    restore: [
      `READ=${quoteSh(reads.join(' '))}`,
      `SYSCTL_OF=${quoteSh(sysctlsOf.join(' '))}`,
      `FORCED=${quoteSh(unseenChanges(order, of).join(' '))}`,
      `CREATED=${quoteSh(createdNames(input).join(' '))}`,
      `MADE=${quoteSh(madeAt(input).join(' '))}`,
      // Text of any kind, which no line of the file "links" could hold.
      'alias_of() {',
      'alias=',
      ...(aliases.length === 0 ? [] : ['case $1 in', ...aliases, 'esac']),
      '}',
    ],
  };
}

/** Bridges whose ageing time the plan changes where the comparison cannot see it: under spanning tree. */
function unseenChanges(
  order: readonly InterfaceState[],
  operationsOf: (name: string) => readonly Operation[],
): readonly string[] {
  return order
    .filter(
      ({ name, link }) =>
        link.kind === 'linux-bridge' &&
        link.options['stp_state'] !== '0' &&
        changedOptions(operationsOf(name), 'set-bridge-options', name).has('ageing_time'),
    )
    .map(({ name }) => name);
}
