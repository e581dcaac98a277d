/**
 * The iproute2 backend, way back: what runtime.sh needs to bring a host from any state back to the
 * recorded one. No undo log: the host compares its canonical lines with the baseline and repairs what is
 * missing; what is here says how each thing is made. Pure.
 */
import { quoteSh } from '../quote-sh.js';
import { canonicalNetwork, defaultDestination } from '../network/ip.js';
import { MAIN_TABLE, nextHopWords, routeSlot } from '../network/route.js';
import type { InterfaceState, Link, NetworkState } from '../network/state.js';
import {
  typeOptionsDifference,
  typeOptionWords,
  withTypeOptions,
} from '../network/type-options.js';
import type { ChangePlan, Operation } from '../plan/change.js';
import { sameRoute } from '../plan/kernel-model.js';
import { dependencyOrder } from '../plan/order.js';
import { batchLine, escapeEre } from './batch.js';
import { bondRestore } from './bond-restore.js';
import { isBridgeDefault } from './bridge-defaults.js';
import { routeWords } from './route-words.js';
import { dhcpRestore } from './dhcp-clients.js';
import {
  baseWords,
  bridgeWords,
  isPassthru,
  kindWord,
  linkTypeWords,
  ruleWords,
} from './iproute2.js';
import { portOptionWords } from './port-restore.js';
import { restoredProperties } from './restored-properties.js';
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
    restore: [
      restoreSh(input, { baseline, reads, sysctlsOf }, operations),
      ...dhcp.functions,
      '',
    ].join('\n'),
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

/** More than so many are read faster as all that there are: the shell makes the list one by one. */
const FEW_INTERFACES = 64;

function devicesOfSysctls(baseline: readonly string[]): readonly string[] | undefined {
  const names = baseline.flatMap((line) => /^sysctl (\S+) /.exec(line)?.[1] ?? []);
  const devices = [...new Set(names)];
  return devices.length > FEW_INTERFACES ? undefined : devices;
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

/** `CLASS KIND …`, read by restore_lines in runtime.sh; the class is the step in which it is put back. */
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

// ---- links ------------------------------------------------------------------------------------

/** Printed, but not settable or fixed by the kernel. */
const BRIDGE_READ_ONLY = new Set([
  'mcast_hash_elasticity',
  'vlan_stats_per_port',
  'group_address',
  'no_linklocal_learn',
  'mcast_vlan_snooping',
]);

function settableBridgeOptions(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).filter(
      ([key, value]) => !BRIDGE_READ_ONLY.has(key) && !isBridgeDefault(key, value),
    ),
  );
}

function identityGlob(item: InterfaceState, line: string): string {
  switch (item.link.kind) {
    case 'vlan':
    case 'vxlan': {
      const data = /"info_kind":"[a-z]+","info_data":\{[^[\\*?]*/.exec(line)?.[0] ?? '';
      const base = item.link.kind === 'vlan' ? `"link":"${item.link.base}"` : '';
      return `*${base}*${data}*`;
    }
    case 'vrf':
      return `*"info_kind":"vrf","info_data":{"table":${item.link.table}}*`;
    case 'mac-vlan':
    case 'mac-vtap': {
      const kind = `*"link":"${item.link.base}"*"info_kind":"${kindWord(item.link.kind)}"`;
      if (!isPassthru(item.link)) return `${kind}*"mode":"?[!a]*`; // every mode but passthru
      return `${kind}*"mode":"passthru"${item.link.promiscuous ? ',"[!n]' : ',"nopromisc"'}*`;
    }
    case 'veth':
      return item.link.peer === undefined
        ? '*"info_kind":"veth"*'
        : `*"link":"${item.link.peer}"*"info_kind":"veth"*`;
    case 'bond':
      return '*"info_kind":"bond"*';
    case 'linux-bridge':
      return '*"info_kind":"bridge"*';
    default:
      return `*"info_kind":"${kindWord(item.link.kind)}"*`;
  }
}

function changedOptions(
  operations: readonly Operation[],
  op: Operation['op'],
  name: string,
): Set<string> {
  return new Set(
    operations.flatMap((operation) =>
      operation.op === op && 'options' in operation && operation.name === name
        ? Object.keys(operation.options)
        : [],
    ),
  );
}

function pick(
  options: Readonly<Record<string, string>>,
  keys: ReadonlySet<string>,
): Record<string, string> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => keys.has(key)));
}

function recipe(
  input: RestoreInput,
  item: InterfaceState,
  line: string,
  operations: readonly Operation[],
): string {
  const { observed } = input;
  const { link } = item;
  let create = '';
  let options: readonly string[] = [];
  let idleOptions: readonly string[] = [];
  let noPrimary = false;
  const set = (words: readonly string[]): string[] =>
    words.length === 0 ? [] : [batchLine(['link', 'set', 'dev', item.name, 'type', ...words])];
  if (link.kind === 'bond') {
    const bond = bondRestore(item.name, link, operations);
    create = bond.create.join('\n');
    options = bond.live;
    idleOptions = bond.idle;
    noPrimary = bond.noPrimary;
  } else if (link.kind === 'linux-bridge') {
    create = createLine(item, [
      'type',
      'bridge',
      ...bridgeWords(settableBridgeOptions(link.options)),
    ]);
    const changed = changedOptions(operations, 'set-bridge-options', item.name);
    // A change of the topology may have shortened it (net/bridge/br_stp.c, __br_set_topology_change).
    if (changed.has('stp_state')) changed.add('ageing_time');
    const before = bridgeWords(pick(link.options, changed));
    if (before.length > 0) options = set(['bridge', ...before]);
  } else {
    // A pair whose other end is in another namespace cannot be made from here: to this host it is a NIC.
    const isFarEnd = link.kind === 'veth' && link.peer === undefined;
    const type = isFarEnd ? undefined : linkTypeWords(link);
    if (type !== undefined) create = createLine(item, type);
    options = set(restoredTypeOptions(item.name, link, operations));
  }
  const controller =
    item.controller === undefined ? undefined : observed.interfaces.get(item.controller);
  const permanent = /"perm_hwaddr":"([0-9a-f:]+)"/.exec(line)?.[1];
  const isBondPort = controller?.link.kind === 'bond';
  const mac = isBondPort ? permanent : isPassthru(link) ? undefined : item.mac;
  const values: Readonly<Record<string, string>> = {
    R_CREATE: create,
    R_IDENTITY: create === '' ? '*' : identityGlob(item, line),
    R_OPTIONS: options.join('\n'),
    R_NO_PRIMARY: noPrimary ? '1' : '',
    R_IDLE_OPTIONS: idleOptions.join('\n'),
    R_PORT_OPTIONS: portOptionWords(
      line,
      observed,
      item,
      changedOptions(operations, 'set-port-options', item.name),
    ).join(' '),
    R_MASTER: item.controller ?? '',
    R_MASTER_KIND: controller === undefined ? '' : controller.link.kind,
    R_MAC: mac ?? '',
    R_MTU: String(item.mtu),
    R_UP: item.up ? '1' : '0',
    R_EXTRA: create === '' ? '' : extraWords(line, item).join(' '),
    ...restoredProperties(item, operations),
  };
  const words = Object.entries(values).map(
    ([key, value]) => `${key}=${value === '' ? '' : quoteSh(value)}`,
  );
  return `${quoteSh(item.name)}) ${words.join(' ')} ;;`;
}

/** `WORD VALUE` pairs for `ip link set` that a link made anew lacks: queue length, group. */
function extraWords(line: string, item: InterfaceState): readonly string[] {
  const queue = /"txqlen":(\d+)/.exec(line)?.[1];
  const group = /"group":"([A-Za-z0-9_.-]+)"/.exec(line)?.[1] ?? 'default';
  const isDefaultQueue = queue === undefined || queue === '1000' || item.link.kind === 'loopback';
  return [
    ...(isDefaultQueue ? [] : ['txqueuelen', queue]),
    ...(group === 'default' ? [] : ['group', group]),
  ];
}

/** What set-type-options changes, as it was; from the target of the last one, or from any before it. */
function restoredTypeOptions(
  name: string,
  link: Link,
  operations: readonly Operation[],
): readonly string[] {
  const words: Record<string, string> = {};
  for (const operation of operations) {
    if (operation.op !== 'set-type-options' || operation.name !== name) continue;
    Object.assign(words, typeOptionsDifference(withTypeOptions(link, operation.options), link));
  }
  return Object.keys(words).length === 0 ? [] : [kindWord(link.kind), ...typeOptionWords(words)];
}

function createLine(item: InterfaceState, type: readonly (string | number)[]): string {
  return batchLine(['link', 'add', ...baseWords(item.link), 'name', item.name, ...type]);
}

// ---- restore.sh ------------------------------------------------------------------------------------

function restoreSh(
  input: RestoreInput,
  { baseline, reads, sysctlsOf }: Pick<Restore, 'baseline' | 'reads' | 'sysctlsOf'>,
  operations: readonly Operation[],
): string {
  const scope = new Set(input.plan.scope);
  const linkLines = new Map(
    baseline
      .filter((line) => line.startsWith('link '))
      .map((line) => [line.split(' ', 2)[1] ?? '', line]),
  );
  const order = dependencyOrder(input.observed.interfaces).filter((item) => scope.has(item.name));
  const of = byInterface(operations);
  return [
    `READ=${quoteSh(reads.join(' '))}`,
    ...(sysctlsOf === undefined ? [] : [`SYSCTL_OF=${quoteSh(sysctlsOf.join(' '))}`]),
    `FORCED=${quoteSh(unseenChanges(order, of).join(' '))}`,
    `CREATED=${quoteSh(createdNames(input).join(' '))}`,
    `MADE=${quoteSh(madeAt(input).join(' '))}`,
    `ORDER=${quoteSh(order.map((item) => item.name).join(' '))}`,
    'recipe() {',
    'case $1 in',
    ...order.map((item) => recipe(input, item, linkLines.get(item.name) ?? '', of(item.name))),
    '*) return 1 ;;',
    'esac',
    '}',
    'restore_group() {',
    'case $1 in',
    ...groups(input, baseline, of),
    'esac',
    '}',
    '',
  ].join('\n');
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

function groups(
  input: RestoreInput,
  baseline: readonly string[],
  operationsOf: (name: string) => readonly Operation[],
): readonly string[] {
  const cases: string[] = [];
  const v4 = new Map<string, string[][]>();
  for (const line of baseline) {
    const [what, name = '', family, ...words] = line.split(' ');
    if (what !== 'addr' || family !== 'inet') continue;
    v4.set(name, [...(v4.get(name) ?? []), words]);
  }
  for (const [name, lines] of v4) {
    // All go and all come back in their order: the first of a subnet is its primary address.
    const commands = [
      ...lines.map((words) => ['addr', 'del', words[0] ?? '', 'dev', name]),
      ...lines.map((words) => {
        const known = words.slice(0, -1).filter((word) => word !== 'secondary');
        return ['addr', 'add', ...known, 'label', words.at(-1) ?? name, 'dev', name];
      }),
    ];
    cases.push(
      `${quoteSh(`v4 ${name}`)}) ${commands.map((words) => `q ${quoteSh(batchLine(words))}`).join('; ')} ;;`,
    );
  }
  for (const line of baseline) {
    const [what, name = ''] = line.split(' ');
    if (what !== 'vlan') continue;
    const own = input.observed.interfaces.get(name);
    const bridge =
      own?.controller === undefined ? undefined : input.observed.interfaces.get(own.controller);
    const before =
      bridge?.link.kind === 'linux-bridge'
        ? (bridge.link.ports.find((port) => port.name === name)?.vlans ?? [])
        : [];
    const added = new Set(
      operationsOf(name).flatMap((operation) =>
        operation.op === 'add-port-vlan' ? [operation.vlan.vid] : [],
      ),
    );
    const defaultPvid =
      bridge?.link.kind === 'linux-bridge'
        ? Number(bridge.link.options['vlan_default_pvid'] ?? '1')
        : 1;
    if (defaultPvid > 0) added.add(defaultPvid);
    const commands = [
      ...[...added]
        .filter((vid) => !before.some((vlan) => vlan.vid === vid))
        .map((vid) => ['vlan', 'del', 'dev', name, 'vid', vid]),
      ...before.map((vlan) => [
        'vlan',
        'add',
        'dev',
        name,
        'vid',
        vlan.vid,
        ...(vlan.pvid ? ['pvid'] : []),
        ...(vlan.untagged ? ['untagged'] : []),
      ]),
    ];
    if (commands.length === 0) continue;
    cases.push(
      `${quoteSh(`vlans ${name}`)}) bridge_lines ${commands.map((words) => quoteSh(batchLine(words))).join(' ')} ;;`,
    );
  }
  cases.push('*) : ;;');
  return cases;
}
