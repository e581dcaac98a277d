/**
 * What netorch is answerable for on a host, as canonical lines: what a boot has to bring back, and what a
 * boot must not bring back. Two of these are kept there: the running one (all confirmed changes since the
 * boot, under /run) and the persistent one (what the next boot makes, under /var/lib/netorch). Pure.
 */
import type { DesiredState } from '../network/desired.js';
import type { NetworkState } from '../network/state.js';
import { altNamesIn, withAltNames } from './recorded-alt-names.js';

export type PersistRecord = Readonly<{
  version: 1;
  /** The transaction, or the command, that made it; for people. */
  by: string;
  /** Interfaces, sorted. */
  scope: readonly string[];
  /** Those of them that netorch made. */
  created: readonly string[];
  /** Canonical lines that must be there, in the order of the readings. */
  lines: readonly string[];
  /** Canonical lines that changes took away, and that the host's own boot may bring again. */
  removed: readonly string[];
  /** Bridge ports whose path cost was asked for; of the others it follows their speed. */
  costs: readonly string[];
  /** resolv.conf is netorch's. */
  dns: boolean;
  /**
   * `INTERFACE NAME`: alternative names that must be there, which `lines` hold, or must not. Others are in no line.
   * Undefined in records of before there was this: all count that are in `lines`.
   */
  altNames?: readonly string[];
}>;

export type RecordInput = Readonly<{
  by: string;
  /** The running record, or where there is none the persistent one. */
  previous: PersistRecord | undefined;
  /** Interfaces that the change may have touched. */
  scope: readonly string[];
  before: NetworkState;
  /** Canonical lines of the host before the change, of its scope at least. */
  beforeLines: readonly string[];
  target: NetworkState;
  /** The host as it was read when it was found good. */
  confirmed: Readonly<{ state: NetworkState; lines: readonly string[] }>;
  desired: Pick<DesiredState, 'interfaces' | 'routes'>;
}>;

const KERNEL_LINK_LOCAL = / inet6 fe80:.* scope link/;

/** First and second word: what it is, and whose (an interface, a route's type, a rule's number). */
function headOf(line: string): readonly [string, string] {
  const [what = '', name = ''] = line.split(' ', 2);
  return [what, name];
}

export function devicesOf(line: string): readonly string[] {
  return [...line.matchAll(/ dev (\S+)/g)].map((match) => match[1] ?? '');
}

function isRoute(what: string): boolean {
  return what === 'route' || what === 'route6';
}

function isRule(what: string): boolean {
  return what === 'rule4' || what === 'rule6';
}

/**
 * Of interfaces that netorch made everything counts. Of those that the host has by itself the link counts,
 * and besides only what netorch changed, what the plan names, and what was recorded before: the rest is
 * whatever else looks after this host gives them, at the next boot too.
 */
export function nextRecord(input: RecordInput): PersistRecord {
  const { previous, confirmed, desired } = input;
  const before = new Set(input.beforeLines);
  const changed = new Set(input.scope);
  const now = new Set(confirmed.lines);
  const exists = (name: string) => confirmed.state.interfaces.has(name);
  const named = desired.interfaces
    .filter((item) => item.state === 'up' || item.state === 'down')
    .map((item) => item.name);
  const scope = new Set([...(previous?.scope ?? []), ...changed, ...named].filter(exists));
  const hadLink = (name: string) => input.before.interfaces.has(name);
  const created = new Set(
    [...scope].filter((name) => !hadLink(name) || (previous?.created.includes(name) ?? false)),
  );
  const recorded = new Set(previous?.lines ?? []);
  const touches = touchedBy(input.before, input.target);
  const dns = touches.dns || (previous?.dns ?? false);
  const setsHostname =
    touches.hostname || (previous?.lines.some((line) => line.startsWith('hostname ')) ?? false);
  const isNamed = namedLines(desired);
  const standards = standardSysctls(confirmed.lines);
  const keep = (line: string): boolean => {
    const [what, name] = headOf(line);
    if (KERNEL_LINK_LOCAL.test(line)) return false;
    if (what === 'dns') return dns;
    if (what === 'hostname') return setsHostname;
    const isNew = !before.has(line);
    if (isRule(what)) return recorded.has(line) || (isNew && touches.rules);
    if (isRoute(what)) {
      const devices = devicesOf(line);
      if (devices.length === 0) return recorded.has(line) || (isNew && touches.routes);
      if (!devices.every((device) => scope.has(device) || device === 'lo')) return false;
      return (
        recorded.has(line) ||
        isNew ||
        isNamed(line) ||
        devices.some((device) => created.has(device))
      );
    }
    if (!scope.has(name)) return false;
    if (what === 'link') return true;
    if (what === 'sysctl') {
      if (recorded.has(line)) return true;
      const [, , family = '', key = '', value] = line.split(' ');
      return created.has(name) ? standards.get(`${family} ${key}`) !== value : isNew;
    }
    return recorded.has(line) || isNew || isNamed(line) || created.has(name);
  };
  const wasThere = (line: string): boolean => {
    const [what, name] = headOf(line);
    if (KERNEL_LINK_LOCAL.test(line)) return false;
    if (what === 'link') {
      // What netorch made itself comes back by no boot.
      const isOurs = previous?.created.includes(name) ?? false;
      return !confirmed.state.interfaces.has(name) && !input.target.interfaces.has(name) && !isOurs;
    }
    if (what === 'addr') return changed.has(name) && exists(name);
    if (isRoute(what)) {
      const devices = devicesOf(line);
      if (devices.length === 0) return touches.routes;
      return devices.some((device) => changed.has(device) && exists(device));
    }
    return isRule(what) && touches.rules;
  };
  const altNames = recordedAltNames(input, scope, created);
  const isBack = (line: string) =>
    line.startsWith('link ') ? exists(headOf(line)[1]) : now.has(line);
  const removed = [
    ...(previous?.removed ?? []),
    ...input.beforeLines.filter((line) => !now.has(line) && !recorded.has(line) && wasThere(line)),
  ].filter((line) => !isBack(line));
  return {
    version: 1,
    by: input.by,
    scope: [...scope].sort(),
    created: [...created].sort(),
    lines: confirmed.lines.filter(keep).map((line) => withAltNames(line, altNames)),
    removed: [...new Set(removed)],
    costs: portsWithCost(input).filter((name) => scope.has(name)),
    dns,
    altNames,
  };
}

/** Of the links in scope: what was recorded before, what the plan names, and all of links that netorch made. */
function recordedAltNames(
  { previous, confirmed, desired }: RecordInput,
  scope: ReadonlySet<string>,
  created: ReadonlySet<string>,
): readonly string[] {
  const linkOf = (text: string) => text.split(' ', 1)[0] ?? '';
  const names = [
    ...(previous?.altNames ?? altNamesIn(previous?.lines ?? [])),
    ...desired.interfaces.flatMap((item) =>
      (item.altNames ?? []).map(({ name }) => `${item.name} ${name}`),
    ),
    ...altNamesIn(confirmed.lines).filter((text) => created.has(linkOf(text))),
  ];
  return [...new Set(names)].filter((text) => scope.has(linkOf(text))).sort();
}

function portsWithCost({ previous, scope, target }: RecordInput): readonly string[] {
  const changed = new Set(scope);
  const asked = [...target.interfaces.values()].flatMap(({ name, link }) =>
    link.kind === 'linux-bridge' && changed.has(name)
      ? link.ports.filter((port) => port.options['cost'] !== undefined)
      : [],
  );
  const names = new Set([...(previous?.costs ?? []), ...asked.map((port) => port.name)]);
  return [...names].sort();
}

/** What a change did besides interfaces, by what it led from and to. */
function touchedBy(
  before: NetworkState,
  target: NetworkState,
): Readonly<{ rules: boolean; routes: boolean; dns: boolean; hostname: boolean }> {
  const differ = (one: unknown, other: unknown) => JSON.stringify(one) !== JSON.stringify(other);
  return {
    rules: differ(before.rules, target.rules),
    routes: differ(before.routes, target.routes),
    dns: differ(before.dns, target.dns),
    hostname: before.hostname !== target.hostname,
  };
}

/** Addresses and routes that the plan names, though nothing had to be changed. */
function namedLines(desired: RecordInput['desired']): (line: string) => boolean {
  const families = new Set(
    desired.interfaces.flatMap((item) => [
      ...(item.ipv4?.addresses === undefined ? [] : [`${item.name} inet`]),
      ...(item.ipv6?.addresses === undefined ? [] : [`${item.name} inet6`]),
    ]),
  );
  const destinations = new Set(
    desired.routes
      .filter((route) => !route.absent && route.destination !== undefined)
      .map((route) => bareDestination(route.destination ?? '')),
  );
  return (line) => {
    const [what, name = '', third = ''] = line.split(' ', 3);
    if (what === 'addr') return families.has(`${name} ${third}`);
    if (!isRoute(what ?? '')) return false;
    return destinations.has(third === 'default' ? `default ${what ?? ''}` : third);
  };
}

/** A destination as `ip route` prints it; of the default routes each family has its own. */
function bareDestination(cidr: string): string {
  if (cidr === '0.0.0.0/0') return 'default route';
  if (cidr === '::/0') return 'default route6';
  return cidr.replace(cidr.includes(':') ? /\/128$/ : /\/32$/, '');
}

/** `FAMILY KEY` to the value that an interface has which is made now. */
function standardSysctls(lines: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    lines.flatMap((line) => {
      const [what, name, family = '', key = '', value = ''] = line.split(' ');
      return what === 'sysctl' && name === 'default' ? [[`${family} ${key}`, value]] : [];
    }),
  );
}

/** What is not as a record says: lines that are missing, and lines that are there again. */
export function recordDifferences(
  record: PersistRecord,
  lines: readonly string[],
): Readonly<{ missing: readonly string[]; surplus: readonly string[] }> {
  const { altNames } = record;
  const now = new Set(
    altNames === undefined ? lines : lines.map((line) => withAltNames(line, altNames)),
  );
  const links = new Set(
    lines.filter((line) => line.startsWith('link ')).map((line) => headOf(line)[1]),
  );
  return {
    missing: record.lines.filter((line) => !now.has(line)),
    surplus: record.removed.filter((line) =>
      line.startsWith('link ') ? links.has(headOf(line)[1]) : now.has(line),
    ),
  };
}

export function isAsRecorded(record: PersistRecord, lines: readonly string[]): boolean {
  const { missing, surplus } = recordDifferences(record, lines);
  return missing.length === 0 && surplus.length === 0;
}

/** The objects that lines are about, for people: interfaces by name, else `route …`, `rule …`, `DNS`. */
export function objectsOf(lines: readonly string[]): readonly string[] {
  const objects = lines.flatMap((line) => {
    const [what, name] = headOf(line);
    if (what === 'dns') return ['DNS'];
    if (what === 'hostname') return ['the hostname'];
    if (isRule(what)) return [`rule ${name.replace(':', '')}`];
    if (!isRoute(what)) return [name];
    const devices = devicesOf(line);
    return devices.length > 0 ? devices : [`route ${line.split(' ')[2] ?? ''}`];
  });
  return [...new Set(objects)].sort();
}

/** One line of JSON. */
export function recordText(record: PersistRecord): string {
  return JSON.stringify(record);
}

/** What a host says is not trusted: anything but a record is undefined. */
export function parseRecord(text: string): PersistRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const record = value as Readonly<Record<string, unknown>>;
  const { version, by, scope, created, lines, removed, costs, dns, altNames } = record;
  if (version !== 1 || typeof by !== 'string' || typeof dns !== 'boolean') return undefined;
  if (!isTexts(scope) || !isTexts(created) || !isTexts(lines)) return undefined;
  if (!isTexts(removed) || !isTexts(costs)) return undefined;
  const known = { version, by, scope, created, lines, removed, costs, dns } as const;
  if (altNames === undefined) return known;
  return isTexts(altNames) ? { ...known, altNames } : undefined;
}

function isTexts(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) && value.every((item) => typeof item === 'string' && !item.includes('\n'))
  );
}
