/**
 * What of a VLAN or a mac-vlan the kernel changes in place, by the words of `ip link set … type KIND`.
 * (Bonds and bridges have operations of their own: their options depend on ports and on being down.)
 */
import { isMacVlanLink, type Link, type MacVlanMode } from './state.js';

type Options = Readonly<Record<string, string>>;

/** The maps of priorities: pairs `FROM:TO` with blanks between; a pair to 0 is as good as none. */
const QOS_MAPS: ReadonlySet<string> = new Set(['ingress-qos-map', 'egress-qos-map']);

const NONE: Options = {};

/** The options of the link by name; none for kinds that are not changed so. */
function typeOptions(link: Link): Options {
  if (link.kind === 'vlan') return link.options ?? {};
  if (isMacVlanLink(link)) return { mode: link.mode };
  return NONE;
}

/** What must be set to come from one link to another of the same identity; {} when nothing must. */
export function typeOptionsDifference(from: Link, to: Link): Options {
  if (from === to) return NONE;
  const before = typeOptions(from);
  const different: Record<string, string> = {};
  for (const [key, value] of Object.entries(typeOptions(to))) {
    if ((before[key] ?? '') === value) continue;
    const isMap = QOS_MAPS.has(key);
    different[key] = isMap ? mapDifference(before[key] ?? '', value) : value;
  }
  return different;
}

/** The link after `set-type-options`. */
export function withTypeOptions(link: Link, options: Options): Link {
  if (isMacVlanLink(link)) {
    const mode = options['mode'] as MacVlanMode | undefined;
    return mode === undefined ? link : { ...link, mode };
  }
  if (link.kind !== 'vlan') return link;
  const merged: Record<string, string> = { ...link.options };
  for (const [key, value] of Object.entries(options)) {
    merged[key] = QOS_MAPS.has(key)
      ? mapText([...qosPairs(merged[key] ?? ''), ...qosPairs(value)])
      : value;
  }
  return { ...link, options: merged };
}

/** The pairs of a map in text. */
export function qosPairs(text: string): readonly (readonly [number, number])[] {
  return text
    .split(' ')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [from = '0', to = '0'] = pair.split(':');
      return [Number(from), Number(to)] as const;
    });
}

/** Sorted, the last one of a kind wins, and pairs to 0 are left out (the kernel shows none of them). */
export function mapText(pairs: readonly (readonly [number, number])[]): string {
  return [...new Map(pairs)]
    .filter(([, to]) => to !== 0)
    .sort(([a], [b]) => a - b)
    .map(([from, to]) => `${from}:${to}`)
    .join(' ');
}

/** Pairs that make one map of another: the kernel adds to what is there, and takes away by mapping to 0. */
function mapDifference(before: string, after: string): string {
  const wanted = new Map(qosPairs(after));
  const present = new Map(qosPairs(before));
  const gone = [...present.keys()].filter((from) => !wanted.has(from)).map((from) => [from, 0]);
  const set = [...wanted].filter(([from, to]) => present.get(from) !== to);
  return [...gone, ...set].map(([from, to]) => `${from}:${to}`).join(' ');
}

/** The words after `type KIND`; a map is a list of words. */
export function typeOptionWords(options: Options): readonly string[] {
  return Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .filter(([, value]) => value !== '')
    .flatMap(([key, value]) => [key, ...value.split(' ')]);
}
