/** Two recorded network states laid side by side, value by value. Pure; facts that only the host can say are left out. */
import type { RecordedState } from '../run/events.js';

type RecordedInterface = RecordedState['interfaces'][number];

/** One value that is not the same; undefined: there is none on that side. */
export type StateDifference = Readonly<{
  /** The object: `bond0`, `route 0.0.0.0/0`, `rule 100`, `dns`, `hostname`. */
  object: string;
  /** The property within it; empty for an object that is there on one side only. */
  property: string;
  before: string | undefined;
  after: string | undefined;
}>;

/** In the order of objects as they stand in the first state, then those of the second. */
export function stateDifferences(
  before: RecordedState,
  after: RecordedState,
): readonly StateDifference[] {
  const left = objectsOf(before);
  const right = objectsOf(after);
  const names = [...left.keys(), ...[...right.keys()].filter((name) => !left.has(name))];
  return names.flatMap((object) => {
    const a = left.get(object);
    const b = right.get(object);
    if (a === undefined || b === undefined) {
      return [{ object, property: '', before: a?.summary, after: b?.summary }];
    }
    const properties = [...new Set([...Object.keys(a.values), ...Object.keys(b.values)])];
    return properties
      .filter((property) => !isSame(a.values[property], b.values[property]))
      .map((property) => ({
        object,
        property,
        before: a.values[property],
        after: b.values[property],
      }));
  });
}

/** A journal of an earlier version lacks what was added later: nothing and "not" are the same. */
function isSame(a: string | undefined, b: string | undefined): boolean {
  const isNothing = (value: string | undefined): boolean =>
    value === undefined || value === '' || value === 'false';
  return a === b || ((a === undefined || b === undefined) && isNothing(a) && isNothing(b));
}

type Described = Readonly<{ summary: string; values: Readonly<Record<string, string>> }>;

function objectsOf(state: RecordedState): ReadonlyMap<string, Described> {
  const objects = new Map<string, Described>();
  for (const item of state.interfaces) {
    objects.set(item.name, { summary: kindText(item), values: valuesOf(item) });
  }
  // Several routes to one destination are told apart by what they are; only whole ones come and go.
  for (const route of state.routes) {
    const text = routeText(route);
    objects.set(`route ${text}`, { summary: 'there', values: {} });
  }
  for (const rule of state.rules) {
    objects.set(`rule ${flatText(rule)}`, { summary: 'there', values: {} });
  }
  objects.set('dns', { summary: '', values: flatten(state.dns) });
  objects.set('hostname', { summary: '', values: flatten({ name: state.hostname }) });
  return objects;
}

/** `bond 802.3ad`, `vlan 100 on bond0`, `linux-bridge` … */
export function kindText({ link }: RecordedInterface): string {
  switch (link.kind) {
    case 'bond':
      return `bond ${link.mode}`;
    case 'vlan':
      return `vlan ${link.id} on ${link.base}`;
    case 'vxlan':
      return `vxlan ${link.id}`;
    case 'other':
      return link.type;
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- also kinds of a later version's journal
    default:
      return link.kind;
  }
}

function valuesOf(item: RecordedInterface): Readonly<Record<string, string>> {
  const { name: _, facts: _facts, ipv4, ipv6, ...rest } = item;
  return {
    ...flatten(rest),
    ...flatten({ ipv4: ipText(ipv4), ipv6: ipText(ipv6) }),
  };
}

function ipText(ip: RecordedInterface['ipv4']): string {
  if (!ip.enabled) return 'off';
  if (ip.addresses.length === 0) return 'no address';
  return ip.addresses
    .map(({ ip: address, prefixLength }) => `${address}/${prefixLength}`)
    .join(', ');
}

function routeText(route: RecordedState['routes'][number]): string {
  return [
    route.destination,
    ...(route.type === 'unicast' ? [] : [route.type]),
    ...(route.nextHopAddress === undefined ? [] : [`via ${route.nextHopAddress}`]),
    ...(route.nextHopInterface === undefined ? [] : [`dev ${route.nextHopInterface}`]),
    ...(route.table === 254 ? [] : [`table ${route.table}`]),
    ...(route.metric === undefined ? [] : [`metric ${route.metric}`]),
  ].join(' ');
}

function flatText(value: object): string {
  return Object.entries(value)
    .filter(([, part]) => part !== undefined && part !== null && part !== false)
    .map(([key, part]) => `${key} ${String(part)}`)
    .join(' ');
}

/** Each value with its path, `link.options.miimon`; a list of plain values is one value. */
function flatten(value: unknown, path = ''): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (Array.isArray(value)) {
    const isPlain = value.every((item) => typeof item !== 'object' || item === null);
    if (isPlain) return { [path]: value.join(', ') };
    const named = value.map((item: unknown, index): [string, unknown] => [
      nameOf(item, index),
      item,
    ]);
    return flatten(Object.fromEntries(named), path);
  }
  if (typeof value !== 'object') return { [path]: plainText(value) };
  const parts = Object.entries(value).map(([key, part]) =>
    flatten(part, path === '' ? key : `${path}.${key}`),
  );
  return Object.assign({}, ...parts) as Readonly<Record<string, string>>;
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function nameOf(item: unknown, index: number): string {
  if (typeof item === 'object' && item !== null) {
    if ('name' in item) return String(item.name);
    if ('vid' in item) return String(item.vid);
  }
  return String(index);
}
