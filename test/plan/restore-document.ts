/**
 * What the way back of a plan would do, as a document to be read, made of the files that the host gets. `take-away`
 * goes first, then each interface is brought from below to what it was (made anew only when it is gone), then
 * `put-back` is done for each line that is missing.
 */
import { stringify } from 'yaml';
import { restoreScripts } from '../../src/backends/iproute2-restore.js';
import type { ChangePlan } from '../../src/plan/change.js';
import type { NetworkState } from '../../src/network/state.js';
import { linesOfState } from './lines-of-state.js';

/** Lines of a file in blocks, each of which begins with this word: the rest of that line, and the lines after it. */
function blocksOf(
  lines: readonly string[],
  word: string,
): readonly (readonly [string, readonly string[]])[] {
  const blocks: [string, string[]][] = [];
  for (const line of lines) {
    if (line.startsWith(`${word} `)) blocks.push([line.slice(word.length + 1), []]);
    else blocks.at(-1)?.[1].push(line);
  }
  return blocks;
}

/** What is brought to its former state of one interface, in words. */
function stateWords(valueOf: (key: string) => string, alias: string): string {
  const words = (label: string, value: string) => (value === '' ? [] : [label, value]);
  return [
    `mtu ${valueOf('mtu')}`,
    ...words('mac', valueOf('mac')),
    valueOf('up') === '1' ? 'up' : 'down',
    ...words('port-of', valueOf('master')),
    ...words('promisc', valueOf('promisc')),
    ...(alias === '' ? [] : [`alias '${alias}'`]),
    ...words('called', valueOf('alt-names')),
    ...words('not-called', valueOf('alt-gone')),
  ].join(' ');
}

/** What one recipe does, in words that a person would type. */
function putBack(recipe: string, groups: ReadonlyMap<string, readonly string[]>): string[] {
  const [, kind = '', ...words] = recipe.split(' ');
  const text = words.join(' ');
  switch (kind) {
    case 'group':
      return (groups.get(text) ?? []).map((line) => `ip ${line}`);
    case 'bridge-port':
      return (groups.get(text) ?? []).map((line) => `bridge ${line}`);
    case 'ip6':
      return [`ip -6 ${text}`];
    case 'dns':
      return ['the resolv.conf that was there'];
    case '':
      return [];
    default:
      return [`${kind} ${text}`];
  }
}

type Way = {
  'take-away': string[];
  interfaces: Record<string, { is: string; anew?: string[]; idle?: string[]; set?: string[] }>;
  'put-back': string[];
};

export function restoreDocument(plan: ChangePlan, observed: NetworkState): string {
  const scripts = restoreScripts({ plan, observed, lines: linesOfState(observed) });
  // Switches for IPv6 that the plan does not touch are in every way back: left out, to be readable.
  const switched = new Set(
    plan.changes.flatMap(({ operations }) =>
      operations.flatMap((one) => (one.op === 'set-ipv6-enabled' ? [one.name] : [])),
    ),
  );
  const recipes = scripts.recipes.filter((recipe) => {
    const name = /\/conf\/([^/]+)\/disable_ipv6 /.exec(recipe)?.[1];
    return name === undefined || switched.has(name);
  });
  const created = /^CREATED='?([^'\n]*)'?$/m.exec(scripts.restore)?.[1] ?? '';
  const way: Way = {
    'take-away': created
      .split(' ')
      .flatMap((name) => (name === '' ? [] : [`ip link del dev ${name}`])),
    interfaces: {},
    'put-back': [],
  };
  for (const [name, lines] of blocksOf(scripts.links, 'interface')) {
    const valuesOf = (key: string) =>
      lines.flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1)] : []));
    const valueOf = (key: string) => valuesOf(key)[0] ?? '';
    const current: Way['interfaces'][string] = {
      is: stateWords(valueOf, observed.interfaces.get(name)?.alias ?? ''),
    };
    const settings = [
      ...(valueOf('no-primary') === '' ? [] : ['no primary']),
      ...valuesOf('options').map((line) => `ip ${line}`),
      ...valuesOf('port').map((words) => `ip link set dev ${name} type ${words}`),
    ];
    const [anew, idle] = [valuesOf('create'), valuesOf('idle')];
    if (anew.length > 0) current.anew = anew.map((line) => `ip ${line}`);
    if (idle.length > 0) current.idle = idle.map((line) => `ip ${line}`);
    if (settings.length > 0) current.set = settings;
    way.interfaces[name] = current;
  }
  const groups = new Map(blocksOf(scripts.groups, 'group'));
  for (const recipe of new Set(recipes)) way['put-back'].push(...putBack(recipe, groups));
  way['take-away'].push(
    ...scripts.removals.map((line) => `ip ${line}`),
    ...scripts.removals6.map((line) => `ip -6 ${line}`),
  );
  return stringify(
    Object.fromEntries(Object.entries(way).filter(([, value]) => Object.keys(value).length > 0)),
    { lineWidth: 0 },
  );
}
