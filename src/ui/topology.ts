/**
 * A host's interfaces as a picture in columns: NICs on the left, what stands on them to the right. Pure
 * layout; topology-svg.ts draws it.
 */
import type { RecordedState } from '../run/events.js';
import { kindText } from './state-differences.js';

type RecordedInterface = RecordedState['interfaces'][number];

export type TopologyBox = Readonly<{
  name: string;
  /** Further lines: kind, MTU, addresses. */
  lines: readonly string[];
  /** Against the other picture. */
  mark: 'same' | 'changed' | 'gone' | 'new';
  up: boolean;
  x: number;
  y: number;
  height: number;
}>;

export type Topology = Readonly<{
  width: number;
  height: number;
  boxes: readonly TopologyBox[];
  /** From the lower interface to the one above it. */
  edges: readonly Readonly<{ from: string; to: string }>[];
  /** Interfaces that are left out, because nothing happens to them. */
  others: number;
}>;

export const BOX_WIDTH = 190;
const COLUMN = BOX_WIDTH + 56;
const GAP = 12;
const HEAD = 24;
const LINE = 15;
const MARGIN = 8;
/** Not worth a word. */
const USUAL_MTU = 1500;

/** The picture of `state`, marked against `other`; `scope`: what the run was about. */
export function layoutTopology(
  state: RecordedState,
  other: RecordedState,
  isAfter: boolean,
  scope: ReadonlySet<string>,
): Topology {
  const all = new Map(state.interfaces.map((item) => [item.name, item]));
  const shown = related(all, scope);
  const others = new Map(other.interfaces.map((item) => [item.name, item]));
  const edges = [...shown.values()].flatMap((item) =>
    lowerOf(item, all)
      .filter((name) => shown.has(name))
      .map((from) => ({ from, to: item.name })),
  );
  const ranks = ranksOf([...shown.keys()], edges);
  const columns: string[][] = [];
  for (const name of shown.keys()) (columns[ranks.get(name) ?? 0] ??= []).push(name);

  const boxes: TopologyBox[] = [];
  const middle = new Map<string, number>();
  for (const [rank, names] of [...columns].entries()) {
    const order = (name: string): number => {
      const below = edges.filter(({ to }) => to === name).map(({ from }) => middle.get(from) ?? 0);
      return below.length === 0 ? -1 : below.reduce((a, b) => a + b, 0) / below.length;
    };
    let y = MARGIN;
    // Beside what it stands on, as far as the boxes above leave room.
    for (const name of [...(names ?? [])].sort((a, b) => order(a) - order(b))) {
      const item = shown.get(name);
      if (item === undefined) continue;
      const lines = linesOf(item);
      const height = HEAD + lines.length * LINE + 6;
      y = Math.max(y, order(name) - height / 2);
      const mark = markOf(item, others.get(name), isAfter);
      boxes.push({ name, lines, mark, up: item.up, x: MARGIN + rank * COLUMN, y, height });
      middle.set(name, y + height / 2);
      y += height + GAP;
    }
  }
  return {
    width: MARGIN * 2 + Math.max(1, columns.length) * COLUMN - (COLUMN - BOX_WIDTH),
    height: MARGIN + Math.max(0, ...boxes.map((box) => box.y + box.height)),
    boxes,
    edges,
    others: [...all.values()].filter(
      ({ name, link }) => !shown.has(name) && link.kind !== 'loopback',
    ).length,
  };
}

/** The interfaces that this one stands on: its ports, its base. */
function lowerOf(
  item: RecordedInterface,
  all: ReadonlyMap<string, RecordedInterface>,
): readonly string[] {
  const { link } = item;
  const ports = [...all.values()].filter((port) => port.controller === item.name);
  const base = 'base' in link && link.base !== undefined ? [link.base] : [];
  return [...ports.map((port) => port.name), ...base];
}

/** What is in scope and all it is joined with, and whatever has an address; not the loopback. */
function related(
  all: ReadonlyMap<string, RecordedInterface>,
  scope: ReadonlySet<string>,
): ReadonlyMap<string, RecordedInterface> {
  const wanted = new Set<string>();
  const add = (name: string): void => {
    const item = all.get(name);
    if (item === undefined || wanted.has(name)) return;
    wanted.add(name);
    lowerOf(item, all)
      // A hypervisor's bridge has hundreds of ports of its machines, to which nothing happens.
      .filter((lower) => scope.has(lower) || all.get(lower)?.link.kind !== 'other')
      .forEach(add);
    if (item.controller !== undefined) add(item.controller);
  };
  for (const item of all.values()) {
    const hasAddress = item.ipv4.addresses.length + item.ipv6.addresses.length > 0;
    if (scope.has(item.name) || (hasAddress && item.link.kind !== 'loopback')) add(item.name);
    if (!scope.has(item.name)) continue;
    // What stands on it.
    for (const upper of all.values()) {
      if (lowerOf(upper, all).includes(item.name)) add(upper.name);
    }
  }
  return new Map([...all].filter(([name]) => wanted.has(name)));
}

/** The length of the longest way up to each; a circle (two veth ends) ends where it began. */
function ranksOf(
  names: readonly string[],
  edges: readonly Readonly<{ from: string; to: string }>[],
): ReadonlyMap<string, number> {
  const ranks = new Map(names.map((name) => [name, 0]));
  for (let round = 0; round < names.length; round++) {
    let moved = false;
    for (const { from, to } of edges) {
      const rank = (ranks.get(from) ?? 0) + 1;
      if (rank > (ranks.get(to) ?? 0) && rank < names.length) {
        ranks.set(to, rank);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return ranks;
}

function linesOf(item: RecordedInterface): readonly string[] {
  const addresses = [...item.ipv4.addresses, ...item.ipv6.addresses].map(
    ({ ip, prefixLength }) => `${ip}/${prefixLength}`,
  );
  const more = addresses.length - 4;
  return [
    [
      kindText(item),
      ...(item.mtu === USUAL_MTU ? [] : [`mtu ${item.mtu}`]),
      ...(item.up ? [] : ['down']),
    ].join(', '),
    ...addresses.slice(0, more > 1 ? 3 : 4),
    ...(more > 1 ? [`+${more + 1} more addresses`] : []),
  ];
}

function markOf(
  item: RecordedInterface,
  other: RecordedInterface | undefined,
  isAfter: boolean,
): TopologyBox['mark'] {
  if (other === undefined) return isAfter ? 'new' : 'gone';
  const text = ({ facts: _, ...rest }: RecordedInterface): string => JSON.stringify(rest);
  return text(item) === text(other) ? 'same' : 'changed';
}
