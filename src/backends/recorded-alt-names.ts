/**
 * Of the alternative names of links a record holds those that a plan gave or took away, and those of links
 * that netorch made. The others are udev's, which gives them anew at each boot, after the slot and the
 * scheme of that boot (systemd.net-naming-scheme(7)): they may be others, and are no difference. Pure.
 */
import { interfaceMap, type NetworkState } from '../network/state.js';
import { escapeEre } from './batch.js';

/**
 * In the subset of regular expressions that JavaScript and POSIX ERE share (agents/canonical.ts);
 * `repeat`: until nothing of it is found any more.
 */
export type Rewrite = Readonly<{ substitute: string; by: string; repeat?: true }>;

/** Takes all alternative names but these out of canonical lines of links. */
export function altNameRewrites(names: readonly string[]): readonly Rewrite[] {
  const marked = '<[^>]*>';
  const mark: Rewrite = {
    substitute: `("altnames":\\[([<"][^">]*[">],)*)"(${names.map(escapeEre).join('|')})"`,
    by: '$1<$3>',
    repeat: true,
  };
  return [
    ...(names.length === 0 ? [] : [mark]),
    { substitute: `("altnames":\\[(${marked},)*)"[^"]*",?`, by: '$1', repeat: true },
    { substitute: `("altnames":\\[(${marked},)*${marked}),\\]`, by: '$1]' },
    { substitute: '("altnames":\\[("[^"]*",)*)<([^>]*)>', by: '$1"$3"', repeat: true },
    { substitute: ',"altnames":\\[\\]', by: '' },
  ];
}

/** A canonical line as a record with these names (`INTERFACE NAME`) holds it. */
export function withAltNames(line: string, names: readonly string[]): string {
  if (!line.startsWith('link ') || !line.includes('"altnames":')) return line;
  let now = line;
  for (const { substitute, by, repeat = false } of altNameRewrites(namesOf(names))) {
    const pattern = new RegExp(substitute, 'g');
    let before: string;
    do {
      before = now;
      now = now.replace(pattern, by);
    } while (repeat && now !== before);
  }
  return now;
}

/** A state as a record with these names (`INTERFACE NAME`) holds it. */
export function withAltNamesOnly(state: NetworkState, names: readonly string[]): NetworkState {
  const recorded = new Set(names);
  const interfaces = [...state.interfaces.values()].map((item) => {
    const { altNames, facts } = item;
    const only = (all: readonly string[]) =>
      all.filter((altName) => recorded.has(`${item.name} ${altName}`));
    return {
      ...item,
      ...(altNames === undefined ? {} : { altNames: only(altNames) }),
      ...(facts === undefined ? {} : { facts: { ...facts, altNames: only(facts.altNames) } }),
    };
  });
  return { ...state, interfaces: interfaceMap(interfaces) };
}

/** The names of `INTERFACE NAME`, each once. A host has one of each name. */
export function namesOf(names: readonly string[]): readonly string[] {
  return [...new Set(names.map((text) => text.split(' ')[1] ?? ''))].sort();
}

/** `INTERFACE NAME` of the alternative names in canonical lines. */
export function altNamesIn(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => {
    const [what, link = ''] = line.split(' ', 2);
    const list = /"altnames":\[("[^"]*"(?:,"[^"]*")*)\]/.exec(line)?.[1];
    if (what !== 'link' || list === undefined) return [];
    return [...list.matchAll(/"([^"]*)"/g)].map((match) => `${link} ${match[1] ?? ''}`);
  });
}
