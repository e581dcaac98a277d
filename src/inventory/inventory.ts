/** The inventory: hosts and groups in a stable order, and each host's variables by Ansible's precedence. */
import { parseDocument } from '../config/document.js';
import { composeMap, isPlainMap, locatedEntries } from '../config/located.js';
import type { Located } from '../config/located.js';
import { didYouMean } from '../config/nearest.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import type { GroupNode, InventoryGraph } from './graph-builder.js';
import { LOCKED_VAULT, isVaultText } from './vault.js';
import type { Vault } from './vault.js';

export type Group = Readonly<{
  name: string;
  /** Its own hosts, then those of its children, breadth-first in the order of declaration. */
  hosts: readonly string[];
  /** Its own hosts only. */
  ownHosts: readonly string[];
  children: readonly string[];
  /** Longest way from `all`. */
  depth: number;
  priority: number;
}>;

/** One of the definitions that a variable of a host has. */
export type VariableDefinition = Located &
  Readonly<{
    /** Whose variable it is: `group NAME` or `host NAME`. */
    owner: string;
    /** Definitions with the same level are equally specific; the order between them is by name only. */
    level: string;
  }>;

export type Inventory = Readonly<{
  /** All hosts, in the order of group `all`. */
  hosts: readonly string[];
  /** All hosts, in the order in which they were first named. */
  declaredHosts: readonly string[];
  /** By name, in the order of declaration; with `all` and `ungrouped`. */
  groups: ReadonlyMap<string, Group>;
  /**
   * All variables of the host: later in the precedence wins, maps are replaced, not merged. With
   * `inventory_hostname`, `inventory_hostname_short`, `group_names`, `groups`. Expressions are not
   * rendered. `localhost`, `127.0.0.1` and `::1` are known without being in the inventory: this
   * machine, by a local connection, with the variables of group `all`. Throws UNKNOWN_HOST.
   */
  hostVars(host: string): Located<Record<string, unknown>>;
  /** Each definition of one variable, general to specific; the last is the one that hostVars has. */
  definitionsOf(host: string, variable: string): readonly VariableDefinition[];
  /** Where the host was first named. */
  locationOf(host: string): SourceLocation;
  /** The groups that the host is in, the nearest first, each with the place that put it there. */
  membershipsOf(host: string): readonly Membership[];
  /** What was passed over while reading. */
  warnings: readonly NetorchError[];
}>;

export type Membership = Readonly<{
  group: string;
  /** For a group above: the child by which the host is in it. */
  by: string | undefined;
  location: SourceLocation;
}>;

/** Names of this machine that need not be in the inventory. */
export const LOCAL_NAMES: readonly string[] = ['localhost', '127.0.0.1', '::1'];

/** A file of group_vars/ or host_vars/. Several of one owner are in the order of their precedence. */
export type VariablesFile = Readonly<{
  owner: 'group' | 'host';
  name: string;
  /** Next to the inventory or next to the playbook; the latter is stronger. */
  beside: 'inventory' | 'playbook';
  file: string;
  text: string;
}>;

/** Joins groups, hosts and variable files. Throws what is wrong with the files, all at once. */
export function createInventory(
  graph: InventoryGraph,
  files: readonly VariablesFile[] = [],
  vault: Vault = LOCKED_VAULT,
): Inventory {
  const layers = readVariables(files, vault);
  const groups = new Map<string, Group>();
  for (const node of graph.groups.values()) {
    groups.set(node.name, {
      name: node.name,
      hosts: hostsOf(node, graph),
      ownHosts: [...node.hosts.keys()],
      children: [...node.children.keys()],
      depth: node.depth,
      priority: node.priority,
    });
  }
  const hosts = groups.get('all')?.hosts ?? [];
  const groupHosts = Object.fromEntries([...groups].map(([name, group]) => [name, group.hosts]));
  const memberships = new Memberships(graph);
  const groupLayersOf = new Map<readonly GroupNode[], readonly Layer[]>();
  const cache = new Map<string, Located<Record<string, unknown>>>();

  const locationOf = (host: string): SourceLocation =>
    graph.hosts.get(host)?.location ?? { file: host, line: 1, column: 1 };

  const isImplicit = (host: string): boolean =>
    !graph.hosts.has(host) && LOCAL_NAMES.includes(host);

  const layersOf = (host: string): readonly Layer[] => {
    if (!graph.hosts.has(host) && !isImplicit(host)) {
      throw new NetorchError(
        'UNKNOWN_HOST',
        `no host "${host}" in the inventory${didYouMean(host, graph.hosts.keys())}`,
      );
    }
    const own = memberships.of(host);
    let shared = groupLayersOf.get(own);
    if (shared === undefined) groupLayersOf.set(own, (shared = groupLayers(own, layers)));
    return [...shared, ...hostLayers(host, graph, layers)];
  };

  return {
    hosts,
    declaredHosts: [...graph.hosts.keys()],
    groups,
    warnings: graph.warnings,
    hostVars(host) {
      const known = cache.get(host);
      if (known !== undefined) return known;
      const location = locationOf(host);
      const merged = new Map<string, Located>();
      const fixed = (key: string, value: unknown): void => {
        merged.set(key, { value, locate: () => location });
      };
      if (isImplicit(host)) fixed('ansible_connection', 'local');
      for (const layer of layersOf(host)) {
        for (const [key, value] of layer.vars) merged.set(key, value);
      }
      const source = graph.hosts.get(host)?.source;
      if (source !== undefined) {
        fixed('inventory_file', source);
        fixed('inventory_dir', source.slice(0, Math.max(source.lastIndexOf('/'), 1)));
      }
      fixed('inventory_hostname', host);
      fixed('inventory_hostname_short', host.split('.')[0] ?? host);
      fixed('group_names', isImplicit(host) ? [] : memberships.namesOf(host));
      fixed('groups', groupHosts);
      const result = composeMap(merged, location);
      cache.set(host, result);
      return result;
    },
    definitionsOf(host, variable) {
      return layersOf(host).flatMap(({ owner, level, vars }) => {
        const located = vars.get(variable);
        return located === undefined ? [] : [{ ...located, owner, level }];
      });
    },
    locationOf,
    membershipsOf: (host) => membershipsOf(host, graph),
  };
}

type Variables = ReadonlyMap<string, Located>;
type Layer = Readonly<{ owner: string; level: string; vars: Variables }>;

/**
 * The layers of a host, general to specific (Ansible, "understanding variable precedence"): groups
 * in the inventory; group_vars/all of the inventory, then of the playbook; the other group_vars of the
 * inventory, then of the playbook; the host in the inventory; host_vars of the inventory, of the playbook.
 */
function groupLayers(
  groups: readonly GroupNode[],
  files: ReadonlyMap<string, Variables>,
): readonly Layer[] {
  const layer = (group: GroupNode, vars: Variables | undefined): readonly Layer[] =>
    vars === undefined
      ? []
      : [{ owner: `group ${group.name}`, level: `${group.depth}/${group.priority}`, vars }];
  const filed = (beside: VariablesFile['beside'], isAll: boolean): readonly Layer[] =>
    groups
      .filter((group) => (group.name === 'all') === isAll)
      .flatMap((group) => layer(group, files.get(layerKey('group', group.name, beside))));
  return [
    ...groups.flatMap((group) => layer(group, group.vars)),
    ...filed('inventory', true),
    ...filed('playbook', true),
    ...filed('inventory', false),
    ...filed('playbook', false),
  ];
}

function hostLayers(
  host: string,
  graph: InventoryGraph,
  files: ReadonlyMap<string, Variables>,
): readonly Layer[] {
  const found = [
    graph.hosts.get(host)?.vars,
    files.get(layerKey('host', host, 'inventory')),
    files.get(layerKey('host', host, 'playbook')),
  ];
  return found.flatMap((vars) =>
    vars === undefined || vars.size === 0 ? [] : [{ owner: `host ${host}`, level: 'host', vars }],
  );
}

/** The groups of each host. Hosts with the same groups share one list: there are few such sets. */
class Memberships {
  readonly #graph: InventoryGraph;
  readonly #direct = new Map<string, GroupNode[]>();
  readonly #ancestors = new Map<GroupNode, ReadonlySet<GroupNode>>();
  readonly #sorted = new Map<string, { groups: readonly GroupNode[]; names: readonly string[] }>();

  constructor(graph: InventoryGraph) {
    this.#graph = graph;
    for (const group of graph.groups.values()) {
      for (const host of group.hosts.keys()) {
        const known = this.#direct.get(host);
        if (known === undefined) this.#direct.set(host, [group]);
        else known.push(group);
      }
    }
  }

  /** Sorted by depth, priority, name: of equal variables, the later group's wins. */
  of(host: string): readonly GroupNode[] {
    return this.#find(host).groups;
  }

  namesOf(host: string): readonly string[] {
    return this.#find(host).names;
  }

  #find(host: string): { groups: readonly GroupNode[]; names: readonly string[] } {
    const all = this.#graph.groups.get('all');
    // A host that is not in the inventory (localhost) has the variables of `all`.
    const direct = this.#direct.get(host) ?? (all === undefined ? [] : [all]);
    const key = direct.map((group) => group.name).join('\0');
    let found = this.#sorted.get(key);
    if (found === undefined) {
      const groups = [...new Set(direct.flatMap((group) => [...this.#above(group)]))].sort(
        (a, b) => a.depth - b.depth || a.priority - b.priority || compareText(a.name, b.name),
      );
      const names = groups.map((group) => group.name).filter((name) => name !== 'all');
      found = { groups, names: names.sort(compareText) };
      this.#sorted.set(key, found);
    }
    return found;
  }

  /** The group and all above it. */
  #above(group: GroupNode): ReadonlySet<GroupNode> {
    const known = this.#ancestors.get(group);
    if (known !== undefined) return known;
    const found = new Set<GroupNode>([group]);
    for (const name of group.parents) {
      const parent = this.#graph.groups.get(name);
      if (parent !== undefined) for (const above of this.#above(parent)) found.add(above);
    }
    this.#ancestors.set(group, found);
    return found;
  }
}

function membershipsOf(host: string, graph: InventoryGraph): readonly Membership[] {
  const found = new Map<string, Membership>();
  for (const group of graph.groups.values()) {
    const location = group.hosts.get(host);
    if (location !== undefined)
      found.set(group.name, { group: group.name, by: undefined, location });
  }
  // A Map is iterated in the order of insertion, also over what is added meanwhile: breadth-first.
  for (const name of found.keys()) {
    for (const above of graph.groups.get(name)?.parents ?? []) {
      const location = graph.groups.get(above)?.children.get(name);
      if (location === undefined || found.has(above)) continue;
      found.set(above, { group: above, by: name, location });
    }
  }
  return [...found.values()];
}

function hostsOf(start: GroupNode, graph: InventoryGraph): readonly string[] {
  const hosts = new Set<string>();
  const seen = new Set([start]);
  // A Set is iterated in the order of insertion, also of what is added meanwhile: breadth-first.
  for (const group of seen) {
    for (const host of group.hosts.keys()) hosts.add(host);
    for (const name of group.children.keys()) {
      const child = graph.groups.get(name);
      if (child !== undefined) seen.add(child);
    }
  }
  return [...hosts];
}

function layerKey(owner: string, name: string, beside: string): string {
  return `${beside}/${owner}_vars/${name}`;
}

function readVariables(
  files: readonly VariablesFile[],
  vault: Vault,
): ReadonlyMap<string, Variables> {
  const layers = new Map<string, Map<string, Located>>();
  const errors: NetorchError[] = [];
  for (const { owner, name, beside, file, text } of files) {
    const key = layerKey(owner, name, beside);
    const layer = layers.get(key) ?? new Map<string, Located>();
    layers.set(key, layer);
    try {
      for (const [variable, value] of readVariablesFile(file, text, vault))
        layer.set(variable, value);
    } catch (error) {
      if (error instanceof NetorchError) errors.push(error);
      else if (error instanceof NetorchErrors) errors.push(...error.errors);
      else throw error;
    }
  }
  throwCollected(errors);
  return layers;
}

function readVariablesFile(
  file: string,
  written: string,
  vault: Vault,
): readonly (readonly [string, Located])[] {
  const decrypt = (text: string, at: SourceLocation): string =>
    vault.open(text, at).toString('utf8');
  const text = isVaultText(written) ? decrypt(written, { file, line: 1, column: 1 }) : written;
  const document = parseDocument(file, text, { yaml11: true, decrypt });
  if (document.value === null || isPlainMap(document.value)) return locatedEntries(document);
  const what = `a file of variables is a map, this is ${valueText(document.value)}`;
  throw new NetorchError('INVENTORY_ERROR', what, { location: document.locate([]) });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
