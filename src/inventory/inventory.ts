/** The inventory: hosts and groups in a stable order, and each host's variables by Ansible's precedence. */
import { parseDocument } from '../config/document.js';
import { composeMap, isPlainMap, locatedEntries } from '../config/located.js';
import type { Located } from '../config/located.js';
import { didYouMean } from '../config/nearest.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import type { GroupNode, InventoryGraph } from './inventory-graph.js';

export type Group = Readonly<{
  name: string;
  /** Its own hosts, then those of its children, breadth-first in the order of declaration. */
  hosts: readonly string[];
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
  /** By name, in the order of declaration; with `all` and `ungrouped`. */
  groups: ReadonlyMap<string, Group>;
  /**
   * All variables of the host: later in the precedence wins, maps are replaced, not merged. With
   * `inventory_hostname`, `inventory_hostname_short`, `group_names`, `groups`. Expressions are not
   * rendered. Throws UNKNOWN_HOST.
   */
  hostVars(host: string): Located<Record<string, unknown>>;
  /** Each definition of one variable, general to specific; the last is the one that hostVars has. */
  definitionsOf(host: string, variable: string): readonly VariableDefinition[];
  /** Where the host was first named. */
  locationOf(host: string): SourceLocation;
}>;

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
): Inventory {
  const layers = readVariables(files);
  const groups = new Map<string, Group>();
  for (const node of graph.groups.values()) {
    groups.set(node.name, {
      name: node.name,
      hosts: hostsOf(node, graph),
      children: [...node.children.keys()],
      depth: node.depth,
      priority: node.priority,
    });
  }
  const hosts = groups.get('all')?.hosts ?? [];
  const groupHosts = Object.fromEntries([...groups].map(([name, group]) => [name, group.hosts]));
  const memberships = membershipsOf(graph);
  const cache = new Map<string, Located<Record<string, unknown>>>();

  const layersOf = (host: string): readonly Layer[] => {
    const node = graph.hosts.get(host);
    if (node === undefined) {
      throw new NetorchError(
        'UNKNOWN_HOST',
        `no host "${host}" in the inventory${didYouMean(host, graph.hosts.keys())}`,
      );
    }
    return hostLayers(host, memberships.get(host) ?? [], graph, layers);
  };

  return {
    hosts,
    groups,
    hostVars(host) {
      const known = cache.get(host);
      if (known !== undefined) return known;
      const own = layersOf(host);
      const location = graph.hosts.get(host)?.location ?? { file: host, line: 1, column: 1 };
      const merged = new Map<string, Located>();
      for (const layer of own) for (const [key, value] of layer.vars) merged.set(key, value);
      const magic: Record<string, unknown> = {
        inventory_hostname: host,
        inventory_hostname_short: host.split('.')[0] ?? host,
        group_names: (memberships.get(host) ?? [])
          .map((group) => group.name)
          .filter((name) => name !== 'all')
          .sort(compareText),
        groups: groupHosts,
      };
      for (const [key, value] of Object.entries(magic)) {
        merged.set(key, { value, locate: () => location });
      }
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
    locationOf(host) {
      return graph.hosts.get(host)?.location ?? { file: host, line: 1, column: 1 };
    },
  };
}

type Variables = ReadonlyMap<string, Located>;
type Layer = Readonly<{ owner: string; level: string; vars: Variables }>;

/**
 * The layers of one host, general to specific (Ansible, "understanding variable precedence"): groups
 * in the inventory; group_vars/all of the inventory, then of the playbook; the other group_vars of the
 * inventory, then of the playbook; the host in the inventory; host_vars of the inventory, of the playbook.
 */
function hostLayers(
  host: string,
  groups: readonly GroupNode[],
  graph: InventoryGraph,
  files: ReadonlyMap<string, Variables>,
): readonly Layer[] {
  const groupLayer = (group: GroupNode, vars: Variables | undefined): readonly Layer[] =>
    vars === undefined
      ? []
      : [{ owner: `group ${group.name}`, level: `${group.depth}/${group.priority}`, vars }];
  const filed = (beside: VariablesFile['beside'], isAll: boolean): readonly Layer[] =>
    groups
      .filter((group) => (group.name === 'all') === isAll)
      .flatMap((group) => groupLayer(group, files.get(layerKey('group', group.name, beside))));
  const hostLayer = (vars: Variables | undefined): readonly Layer[] =>
    vars === undefined ? [] : [{ owner: `host ${host}`, level: 'host', vars }];
  return [
    ...groups.flatMap((group) => groupLayer(group, group.vars)),
    ...filed('inventory', true),
    ...filed('playbook', true),
    ...filed('inventory', false),
    ...filed('playbook', false),
    ...hostLayer(graph.hosts.get(host)?.vars),
    ...hostLayer(files.get(layerKey('host', host, 'inventory'))),
    ...hostLayer(files.get(layerKey('host', host, 'playbook'))),
  ];
}

/** The groups of each host, sorted by depth, priority, name: later wins. */
function membershipsOf(graph: InventoryGraph): ReadonlyMap<string, readonly GroupNode[]> {
  const ancestors = new Map<GroupNode, ReadonlySet<GroupNode>>();
  const ancestorsOf = (group: GroupNode): ReadonlySet<GroupNode> => {
    const known = ancestors.get(group);
    if (known !== undefined) return known;
    const found = new Set<GroupNode>([group]);
    for (const name of group.parents) {
      const parent = graph.groups.get(name);
      if (parent !== undefined) for (const above of ancestorsOf(parent)) found.add(above);
    }
    ancestors.set(group, found);
    return found;
  };
  const members = new Map<string, Set<GroupNode>>();
  for (const group of graph.groups.values()) {
    for (const host of group.hosts) {
      let set = members.get(host);
      if (set === undefined) members.set(host, (set = new Set()));
      for (const above of ancestorsOf(group)) set.add(above);
    }
  }
  return new Map(
    [...members].map(([host, set]) => [
      host,
      [...set].sort(
        (a, b) => a.depth - b.depth || a.priority - b.priority || compareText(a.name, b.name),
      ),
    ]),
  );
}

function hostsOf(start: GroupNode, graph: InventoryGraph): readonly string[] {
  const hosts = new Set<string>();
  const seen = new Set([start]);
  // A Set is iterated in the order of insertion, also of what is added meanwhile: breadth-first.
  for (const group of seen) {
    for (const host of group.hosts) hosts.add(host);
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

function readVariables(files: readonly VariablesFile[]): ReadonlyMap<string, Variables> {
  const layers = new Map<string, Map<string, Located>>();
  const errors: NetorchError[] = [];
  for (const { owner, name, beside, file, text } of files) {
    const key = layerKey(owner, name, beside);
    const layer = layers.get(key) ?? new Map<string, Located>();
    layers.set(key, layer);
    try {
      for (const [variable, value] of readVariablesFile(file, text)) layer.set(variable, value);
    } catch (error) {
      if (error instanceof NetorchError) errors.push(error);
      else if (error instanceof NetorchErrors) errors.push(...error.errors);
      else throw error;
    }
  }
  throwCollected(errors);
  return layers;
}

function readVariablesFile(file: string, text: string): readonly (readonly [string, Located])[] {
  if (text.startsWith('$ANSIBLE_VAULT;')) {
    throw new NetorchError('NOT_SUPPORTED', 'encrypted files (ansible-vault) are not read yet', {
      location: { file, line: 1, column: 1 },
      notes: ['write the variables as plain YAML'],
    });
  }
  const document = parseDocument(file, text, { yaml11: true });
  if (document.value === null || isPlainMap(document.value)) return locatedEntries(document);
  const what = `a file of variables is a map, this is ${valueText(document.value)}`;
  throw new NetorchError('INVENTORY_ERROR', what, { location: document.locate([]) });
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
