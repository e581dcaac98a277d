/**
 * The way from a bare host to a recorded state: what a boot runs. The same generator as that of the way
 * back (iproute2-restore.ts): it reads what there is, touches what differs, and is right when run twice.
 */
import type { NetworkState } from '../network/state.js';
import type { Change } from '../plan/change.js';
import { quoteSh } from '../quote-sh.js';
import { escapeEre } from './batch.js';
import { bootDhcp } from './dhcp-clients.js';
import { recipeOf, restoreScripts } from './iproute2-restore.js';
import { devicesOf, type PersistRecord } from './persist-record.js';
import {
  altNameRewrites,
  namesOf,
  withAltNames,
  withAltNamesOnly,
  type Rewrite,
} from './recorded-alt-names.js';
import type { BackendScripts } from './steps.js';

export type EnsureScripts = Pick<
  BackendScripts,
  | 'restore'
  | 'links'
  | 'groups'
  | 'baseline'
  | 'recipes'
  | 'absent'
  | 'removals'
  | 'removals6'
  | 'scopeDevices'
  | 'modules'
> &
  /** What takes out of the links, as they are read at boot, what is not compared. */
  Readonly<{ linkRewrites: readonly Rewrite[] }>;

const MODULES: Readonly<Record<string, string>> = {
  bond: 'bonding',
  vlan: '8021q',
  bridge: 'bridge',
};

/** `state` and `lines`: the host as it was read, being what `record` says. Throws for what no batch can hold. */
export function ensureScripts(
  state: NetworkState,
  lines: readonly string[],
  record: PersistRecord,
): EnsureScripts {
  const wanted = new Set(record.lines);
  const { altNames = [] } = record;
  const links = restoreScripts({
    observed: withAltNamesOnly(state, altNames),
    lines: lines.map((line) => withAltNames(line, altNames)).filter((line) => wanted.has(line)),
    plan: {
      changes: [recordChange(record.costs, altNames)],
      scope: record.scope,
      target: state,
    },
  });
  const known = new Set(links.baseline);
  const others = record.lines.filter((line) => !known.has(line));
  const baseline = [...links.baseline, ...others];
  const recipes = [...links.recipes, ...others.map(recipeOf)];
  const absent = record.removed.map((line) =>
    line.startsWith('link ')
      ? `^link ${escapeEre(line.split(' ', 2)[1] ?? '')} `
      : `^${escapeEre(line)}$`,
  );
  const sections = new Set(['link', ...[...baseline, ...record.removed].map(sectionOf)]);
  const isLink = (line: string) => line.startsWith('link ');
  const goneLinks = record.removed.filter(isLink).map((line) => line.split(' ', 2)[1] ?? '');
  const removals = record.removed.filter((line) => !isLink(line)).map(removalOf);
  const kinds = [...record.lines.join('\n').matchAll(/"info_kind":"([a-z0-9_-]+)"/g)];
  return {
    ...links,
    baseline,
    recipes,
    absent,
    removals: removals.flatMap((removal) => (removal.family === 6 ? [] : [removal.text])),
    removals6: removals.flatMap((removal) => (removal.family === 6 ? [removal.text] : [])),
    // Later assignments win: what the generator of links knows nothing of.
    restore: `${links.restore}READ=${quoteSh([...sections].sort().join(' '))}\nCREATED=${quoteSh(goneLinks.join(' '))}\n${bootDhcp(state, record.scope)}\n`,
    linkRewrites: altNameRewrites(namesOf(altNames)),
    modules: [...new Set(kinds.map((match) => MODULES[match[1] ?? ''] ?? match[1] ?? ''))].sort(),
  };
}

/**
 * Says to the generator of links which path costs are set (it takes their values from the state), and which
 * alternative names are to go where the state has not got them.
 */
function recordChange(ports: readonly string[], altNames: readonly string[]): Change {
  return {
    id: 'costs',
    action: 'modify',
    object: 'ports',
    summary: '',
    why: { text: '', location: undefined },
    hazards: [],
    touchesManagement: false,
    operations: [
      ...ports.map((name) => ({ op: 'set-port-options' as const, name, options: { cost: '' } })),
      ...altNames.map((text) => {
        const [name = '', altName = ''] = text.split(' ');
        return { op: 'set-alt-names' as const, name, add: [altName], remove: [] };
      }),
    ],
  };
}

function sectionOf(line: string): string {
  const name = line.split(' ', 1)[0] ?? '';
  // The hostname is read along with the sysctls.
  return name === 'hostname' ? 'sysctl' : name;
}

/** A line of `ip -batch` (of `ip -6 -batch` for IPv6 rules) that takes away what a canonical line tells of. */
function removalOf(line: string): Readonly<{ text: string; family: 4 | 6 }> {
  const [what = '', name = '', , address = ''] = line.split(' ');
  if (what === 'addr') return { text: `addr del ${address} dev ${name}`, family: 4 };
  const recipe = recipeOf(line);
  if (what === 'rule6') {
    return { text: recipe.replace(/^route ip6 rule add /, 'rule del '), family: 6 };
  }
  return {
    text: recipe.replace(/^route ip (route|rule) (replace|add) /, '$1 del '),
    family: 4,
  };
}

/** The NICs that a state stands on: they are waited for at boot. */
export function nicsOf(state: NetworkState, record: PersistRecord): readonly string[] {
  const needed = new Set([...record.scope, ...record.lines.flatMap(devicesOf)]);
  return [...needed].filter((name) => {
    const link = state.interfaces.get(name)?.link;
    return link?.kind === 'ethernet' || (link?.kind === 'veth' && link.peer === undefined);
  });
}
