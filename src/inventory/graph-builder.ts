/** Groups and hosts while they are being read: what every kind of inventory source adds to. */
import type { Located } from '../config/located.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError } from '../errors.js';
import type { ErrorCode, SourceLocation } from '../errors.js';
import { parseHostAddress } from './host-address.js';
import { HostRangeError, expandHostRange } from './host-range.js';

/** Maps are in the order of declaration. */
export type GroupNode = {
  readonly name: string;
  readonly location: SourceLocation;
  /** Its own hosts, each with the place that put it here. */
  readonly hosts: Map<string, SourceLocation>;
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
  /** Absolute path of the source that named it first; undefined for lists on the command line. */
  readonly source: string | undefined;
  readonly vars: Map<string, Located>;
};

export type InventoryGraph = Readonly<{
  groups: ReadonlyMap<string, GroupNode>;
  hosts: ReadonlyMap<string, HostNode>;
  /** What was passed over, as Ansible does it. */
  warnings: readonly NetorchError[];
}>;

const NOWHERE: SourceLocation = { file: 'inventory', line: 1, column: 1 };
/** Deeper trees of groups are a slip of a program, and recursion has to end somewhere. */
const MAX_GROUP_DEPTH = 500;
const MAX_PORT = 65_535;

export class GraphBuilder {
  readonly groups = new Map<string, GroupNode>();
  readonly hosts = new Map<string, HostNode>();
  readonly errors: NetorchError[] = [];
  readonly warnings: NetorchError[] = [];
  /** Absolute path of the source that is being read. */
  source: string | undefined;

  constructor() {
    const all = this.group('all', NOWHERE);
    this.group('ungrouped', NOWHERE);
    this.link(all, 'ungrouped', NOWHERE);
  }

  /** The group of that name, declared here when it is new. */
  group(name: string, location: SourceLocation): GroupNode {
    const known = this.groups.get(name);
    if (known !== undefined) return known;
    const group: GroupNode = {
      name,
      location,
      hosts: new Map(),
      children: new Map(),
      parents: new Set(),
      vars: new Map(),
      depth: 0,
      priority: 1,
    };
    this.groups.set(name, group);
    return group;
  }

  link(parent: GroupNode, child: string, location: SourceLocation): void {
    if (child === 'ungrouped' && parent.name !== 'all') {
      const text = `"ungrouped" cannot be a child of "${parent.name}": its hosts are in no other group`;
      return this.error(location, text);
    }
    if (!parent.children.has(child)) parent.children.set(child, location);
    this.groups.get(child)?.parents.add(parent.name);
  }

  /**
   * The names that a host line or key stands for, with its port; undefined when it is refused. A name
   * that is no address is taken as it is, as in Ansible, if it can be a name of a host at all.
   */
  hostNames(
    pattern: string,
    location: SourceLocation,
  ): { names: readonly string[]; port: number | undefined } | undefined {
    const address = parseHostAddress(pattern);
    const port = address?.port;
    if (port !== undefined && (port < 1 || port > MAX_PORT)) {
      this.error(location, `"${pattern}": the port must be from 1 to ${MAX_PORT}`);
      return undefined;
    }
    let names: readonly string[];
    try {
      names = expandHostRange(address?.host ?? pattern);
    } catch (error) {
      if (!(error instanceof HostRangeError)) throw error;
      this.error(location, error.message);
      return undefined;
    }
    return names.every((name) => this.isHostName(name, location)) ? { names, port } : undefined;
  }

  /** Reports what can be no host name. */
  isHostName(name: string, location: SourceLocation): boolean {
    const hasColon = name.includes(':');
    const address = hasColon ? parseHostAddress(name) : undefined;
    if (hasColon && (address === undefined || address.port !== undefined)) {
      const text = `"${name}" is no host name: a colon stands before a port only, or in an IPv6 address`;
      this.error(location, text, ['an IPv6 address with a port is written [2001:db8::1]:22']);
      return false;
    }
    if (name === '' || name === '__proto__' || /^-|[\s,/\p{Cc}]/u.test(name)) {
      const text = `"${name}" is no host name: blanks, commas, slashes and a leading "-" are refused`;
      this.error(location, text);
      return false;
    }
    return true;
  }

  /** Adds a host to a group. As in Ansible, only the first mention of a host can give it a port. */
  host(name: string, location: SourceLocation, group: GroupNode, port?: number): void {
    if (!this.hosts.has(name)) {
      const host: HostNode = { name, location, source: this.source, vars: new Map() };
      if (port !== undefined) {
        host.vars.set('ansible_port', { value: port, locate: () => location });
      }
      this.hosts.set(name, host);
    }
    if (!group.hosts.has(name)) group.hosts.set(name, location);
  }

  /** A host that is named like a group gives its variables to the group (so does Ansible). */
  setHostVar(host: string, key: string, value: Located): void {
    const group = this.groups.get(host);
    if (group === undefined) this.#setVar(this.hosts.get(host)?.vars, key, value);
    else this.setGroupVar(group, key, value);
  }

  setGroupVar(group: GroupNode, key: string, value: Located): void {
    if (key !== 'ansible_group_priority') return this.#setVar(group.vars, key, value);
    const priority = typeof value.value === 'boolean' ? Number.NaN : Number(value.value);
    if (Number.isInteger(priority)) {
      const changed = group;
      changed.priority = priority;
    } else {
      const text = `ansible_group_priority is ${valueText(value.value)}, must be a whole number`;
      this.error(value.locate([]), text, [], 'INVALID_VALUE');
    }
  }

  #setVar(vars: Map<string, Located> | undefined, key: string, value: Located): void {
    if (key === '__proto__') {
      this.error(value.locate([]), 'the name "__proto__" is not allowed; choose another one');
    } else {
      vars?.set(key, value);
    }
  }

  /** Everything hangs below `all`; hosts in no other group are in `ungrouped`; no loops. */
  finish(): void {
    const all = this.group('all', NOWHERE);
    const ungrouped = this.group('ungrouped', NOWHERE);
    for (const group of this.groups.values()) {
      if (group !== all && group.parents.size === 0) this.link(all, group.name, group.location);
    }
    const grouped = new Set<string>();
    for (const group of this.groups.values()) {
      if (group === all || group === ungrouped) continue;
      for (const host of group.hosts.keys()) grouped.add(host);
    }
    for (const host of this.hosts.values()) {
      if (grouped.has(host.name)) ungrouped.hosts.delete(host.name);
      else if (!ungrouped.hosts.has(host.name)) ungrouped.hosts.set(host.name, host.location);
    }
    this.#setDepths();
  }

  /** Parents before children; a loop is told at the place that closes it. */
  #setDepths(): void {
    const finished = new Set<GroupNode>();
    const order: GroupNode[] = [];
    for (const start of this.groups.values()) {
      if (finished.has(start)) continue;
      const way = [{ group: start, children: start.children.entries() }];
      const open = new Set([start.name]);
      for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
        const next = top.children.next();
        if (next.done === true) {
          finished.add(top.group);
          order.push(top.group);
          open.delete(top.group.name);
          way.pop();
          continue;
        }
        const [name, location] = next.value;
        const child = this.groups.get(name);
        if (child === undefined || finished.has(child)) continue;
        if (open.has(name)) {
          const names = way.map(({ group }) => group.name);
          const loop = [...names.slice(names.indexOf(name)), name].join(' → ');
          this.error(location, `group "${name}" contains itself: ${loop}`);
          continue;
        }
        open.add(name);
        way.push({ group: child, children: child.children.entries() });
      }
    }
    for (const group of order.reverse()) {
      for (const [name, location] of group.children) {
        const child = this.groups.get(name);
        if (child === undefined || child.depth > group.depth) continue;
        child.depth = group.depth + 1;
        if (child.depth === MAX_GROUP_DEPTH) {
          this.error(location, `groups are nested more than ${MAX_GROUP_DEPTH} levels deep`);
        }
      }
    }
  }

  error(
    location: SourceLocation,
    message: string,
    notes: readonly string[] = [],
    code: ErrorCode = 'INVENTORY_ERROR',
  ): void {
    this.errors.push(new NetorchError(code, message, { location, notes }));
  }

  warn(location: SourceLocation, message: string): void {
    this.warnings.push(new NetorchError('INVENTORY_ERROR', message, { location }));
  }
}
