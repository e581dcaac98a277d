/** YAML inventories in Ansible's form: which groups and hosts there are, and who belongs to whom. */
import { parseDocument } from '../config/document.js';
import { isPlainMap, locatedAt, locatedEntries } from '../config/located.js';
import type { Located } from '../config/located.js';
import { didYouMean } from '../config/nearest.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import type { ErrorCode, SourceLocation } from '../errors.js';
import { HostRangeError, expandHostRange } from './host-range.js';

export type InventoryFile = Readonly<{ file: string; text: string }>;

/** What is read from inventory files, still being added to. Maps are in the order of declaration. */
export type GroupNode = {
  readonly name: string;
  readonly location: SourceLocation;
  readonly hosts: Set<string>;
  readonly children: Map<string, SourceLocation>;
  readonly parents: Set<string>;
  readonly vars: Map<string, Located>;
  /** Longest way from `all`. */
  depth: number;
  /** `ansible_group_priority`: who wins among groups of the same depth. */
  priority: number;
};

export type HostNode = {
  readonly name: string;
  readonly location: SourceLocation;
  readonly vars: Map<string, Located>;
};

export type InventoryGraph = Readonly<{
  groups: ReadonlyMap<string, GroupNode>;
  hosts: ReadonlyMap<string, HostNode>;
}>;

/**
 * Reads the files in order; of one variable of the same host or group, the later file wins. Stricter
 * than Ansible, which goes on with half an inventory: whatever is not understood is an error.
 */
export function readInventoryGraph(
  files: readonly InventoryFile[],
  hostLists: readonly (readonly string[])[] = [],
): InventoryGraph {
  const reader = new GraphReader();
  for (const { file, text } of files) reader.file(file, text);
  for (const names of hostLists) reader.hostList(names);
  reader.finish();
  throwCollected(reader.errors);
  return reader;
}

const GROUP_KEYS = ['hosts', 'vars', 'children'];
const NOWHERE: SourceLocation = { file: 'inventory', line: 1, column: 1 };

class GraphReader {
  readonly groups = new Map<string, GroupNode>();
  readonly hosts = new Map<string, HostNode>();
  readonly errors: NetorchError[] = [];

  constructor() {
    this.#group('all', NOWHERE);
    this.#group('ungrouped', NOWHERE);
  }

  file(file: string, text: string): void {
    let document: Located;
    try {
      document = parseDocument(file, text, { yaml11: true });
    } catch (error) {
      if (error instanceof NetorchError) this.errors.push(error);
      else if (error instanceof NetorchErrors) this.errors.push(...error.errors);
      else throw error;
      return;
    }
    if (document.value === null) return;
    if (!isPlainMap(document.value)) {
      const text = `an inventory is a map of groups, this is ${valueText(document.value)}`;
      return this.#error(document.locate([]), text, ['for example: "all: {hosts: {host1: {}}}"']);
    }
    if (Object.hasOwn(document.value, 'plugin')) {
      return this.#error(
        document.locate(['plugin']),
        'inventory plugins are not run yet; write it as YAML: groups with hosts, vars and children',
        [],
        'NOT_SUPPORTED',
      );
    }
    for (const [name, group] of locatedEntries(document)) this.#readGroup(name, group);
  }

  hostList(names: readonly string[]): void {
    for (const name of names) {
      const location = { file: names.join(','), line: 1, column: 1 };
      if (this.#isHostName(name, location)) this.#host(name, location, 'ungrouped');
    }
  }

  /** Everything hangs below `all`; hosts in no other group are in `ungrouped`; no loops. */
  finish(): void {
    const all = this.#group('all', NOWHERE);
    const ungrouped = this.#group('ungrouped', NOWHERE);
    for (const group of this.groups.values()) {
      if (group !== all && group.parents.size === 0) this.#link(all, group.name, group.location);
    }
    const grouped = new Set<string>();
    for (const group of this.groups.values()) {
      if (group === all || group === ungrouped) continue;
      for (const host of group.hosts) grouped.add(host);
    }
    for (const host of this.hosts.keys()) {
      if (grouped.has(host)) ungrouped.hosts.delete(host);
      else ungrouped.hosts.add(host);
    }
    this.#setDepths(all, []);
    // What cannot be reached from `all` has parents, but only in a loop of its own.
    for (const group of this.groups.values()) {
      if (group !== all && group.depth === 0) this.#setDepths(group, []);
    }
  }

  #readGroup(name: string, located: Located): GroupNode {
    const group = this.#group(name, located.locate([]));
    if (located.value === null) return group;
    if (!isPlainMap(located.value)) {
      const text = `group "${name}" is ${valueText(located.value)}, must be a map with hosts, vars or children`;
      this.#error(located.locate([]), text);
      return group;
    }
    for (const key of Object.keys(located.value)) {
      if (GROUP_KEYS.includes(key)) continue;
      const text = `unknown key "${key}" in group "${name}"${didYouMean(key, GROUP_KEYS)}`;
      const notes = [`a group has the keys ${GROUP_KEYS.join(', ')}; groups stand under children`];
      this.#error(located.locate([key]), text, notes, 'UNKNOWN_KEY');
    }
    for (const [key, value] of this.#entries(locatedAt(located, ['vars']), 'vars', false)) {
      this.#setGroupVar(group, key, value);
    }
    for (const [child, body] of this.#entries(locatedAt(located, ['children']), 'children')) {
      this.#readGroup(child, body);
      this.#link(group, child, body.locate([]));
    }
    for (const [pattern, vars] of this.#entries(locatedAt(located, ['hosts']), 'hosts')) {
      this.#readHosts(pattern, vars, group);
    }
    return group;
  }

  #setGroupVar(group: GroupNode, key: string, value: Located): void {
    if (key !== 'ansible_group_priority') {
      group.vars.set(key, value);
      return;
    }
    const priority = Number(value.value);
    if (Number.isInteger(priority)) group.priority = priority;
    else {
      const text = `ansible_group_priority is ${valueText(value.value)}, must be a whole number`;
      this.#error(value.locate([]), text, [], 'INVALID_VALUE');
    }
  }

  /** A single name stands for a map with one entry; empty is no entry; a list is refused. */
  #entries(
    located: Located,
    what: string,
    mayBeName = true,
  ): readonly (readonly [string, Located])[] {
    const { value } = located;
    if (value === null || value === undefined) return [];
    if (typeof value === 'string' && mayBeName) {
      return [[value, { value: null, locate: () => located.locate([]) }]];
    }
    if (isPlainMap(value)) return locatedEntries(located);
    const notes =
      what === 'vars' ? [] : [`each name is a key, with a colon after it: "${what}: {name1: {}}"`];
    const text = `${what} is ${valueText(value)}, must be a map`;
    this.#error(located.locate([]), text, notes, 'INVALID_VALUE');
    return [];
  }

  #readHosts(pattern: string, vars: Located, group: GroupNode): void {
    const location = vars.locate([]);
    if (vars.value !== null && !isPlainMap(vars.value)) {
      const text = `host "${pattern}" is ${valueText(vars.value)}, must be a map of its variables`;
      return this.#error(location, text, [], 'INVALID_VALUE');
    }
    let names: readonly string[];
    try {
      names = expandHostRange(pattern);
    } catch (error) {
      if (!(error instanceof HostRangeError)) throw error;
      return this.#error(location, error.message);
    }
    for (const name of names) {
      if (!this.#isHostName(name, location)) return;
      const host = this.#host(name, location, group.name);
      for (const [key, value] of locatedEntries(vars)) host.vars.set(key, value);
    }
  }

  #isHostName(name: string, location: SourceLocation): boolean {
    if (/^[^:]+:\d+$/.test(name) || /^\[.*\]:\d+$/.test(name)) {
      const [host] = name.split(/:\d+$/);
      const text = `"${name}": ports in host names are not read; write "${host}: {ansible_port: …}"`;
      this.#error(location, text, [], 'NOT_SUPPORTED');
      return false;
    }
    if (name === '' || /^-|[\s,/\p{Cc}]/u.test(name)) {
      const text = `"${name}" is no host name: blanks, commas, slashes and a leading "-" are refused`;
      this.#error(location, text);
      return false;
    }
    return true;
  }

  #group(name: string, location: SourceLocation): GroupNode {
    let group = this.groups.get(name);
    if (group === undefined) {
      group = {
        name,
        location,
        hosts: new Set(),
        children: new Map(),
        parents: new Set(),
        vars: new Map(),
        depth: 0,
        priority: 1,
      };
      this.groups.set(name, group);
    }
    return group;
  }

  #host(name: string, location: SourceLocation, groupName: string): HostNode {
    let host = this.hosts.get(name);
    if (host === undefined) {
      host = { name, location, vars: new Map() };
      this.hosts.set(name, host);
    }
    this.groups.get(groupName)?.hosts.add(name);
    return host;
  }

  #link(parent: GroupNode, child: string, location: SourceLocation): void {
    if (!parent.children.has(child)) parent.children.set(child, location);
    this.groups.get(child)?.parents.add(parent.name);
  }

  #setDepths(group: GroupNode, path: readonly string[]): void {
    const way = [...path, group.name];
    for (const [name, location] of group.children) {
      const child = this.groups.get(name);
      if (child === undefined) continue;
      if (way.includes(name)) {
        const loop = [...way.slice(way.indexOf(name)), name].join(' → ');
        if (!this.errors.some((error) => error.location === location)) {
          this.#error(location, `group "${name}" contains itself: ${loop}`);
        }
      } else if (child.depth < way.length) {
        // A longer way than any before; a shorter one says nothing new about what is below.
        child.depth = way.length;
        this.#setDepths(child, way);
      }
    }
  }

  #error(
    location: SourceLocation,
    message: string,
    notes: readonly string[] = [],
    code: ErrorCode = 'INVENTORY_ERROR',
  ): void {
    this.errors.push(new NetorchError(code, message, { location, notes }));
  }
}
