/** YAML (and JSON) inventories: maps of groups with `hosts`, `vars` and `children`. */
import { isPlainMap, locatedEntries } from '../config/located.js';
import type { Located } from '../config/located.js';
import { didYouMean } from '../config/nearest.js';
import { valueText } from '../config/schema-errors.js';
import type { GraphBuilder, GroupNode } from './graph-builder.js';

const GROUP_KEYS = ['hosts', 'vars', 'children'];

/** Adds the document's groups and hosts. */
export function readYamlInventory(builder: GraphBuilder, document: Located): void {
  if (document.value === null) return;
  if (!isPlainMap(document.value)) {
    const text = `an inventory is a map of groups, this is ${valueText(document.value)}`;
    return builder.error(document.locate([]), text, ['for example: "all: {hosts: {host1: {}}}"']);
  }
  if (Object.hasOwn(document.value, 'plugin')) {
    return builder.error(
      document.locate(['plugin']),
      'inventory plugins are not run yet; write it as YAML: groups with hosts, vars and children',
      ['or print it with a program: "ansible-inventory --list" in an executable script'],
      'NOT_SUPPORTED',
    );
  }
  const reader = new YamlReader(builder);
  for (const [name, group] of locatedEntries(document)) reader.group(name, group);
}

class YamlReader {
  readonly #builder: GraphBuilder;

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  group(name: string, located: Located): void {
    const builder = this.#builder;
    const group = builder.group(name, located.locate([]));
    if (located.value === null) return;
    if (!isPlainMap(located.value)) {
      const text = `group "${name}" is ${valueText(located.value)}, must be a map with hosts, vars or children`;
      return builder.error(located.locate([]), text);
    }
    // In the order written, which is the order that hosts and groups have later.
    for (const [key, part] of locatedEntries(located)) {
      switch (key) {
        case 'vars':
          for (const [variable, value] of this.#entries(part, key)) {
            builder.setGroupVar(group, variable, value);
          }
          break;
        case 'children':
          for (const [child, body] of this.#entries(part, key)) {
            this.group(child, body);
            builder.link(group, child, body.locate([]));
          }
          break;
        case 'hosts':
          for (const [pattern, vars] of this.#entries(part, key)) {
            this.#hosts(pattern, vars, group);
          }
          break;
        default:
          this.#unknownKey(name, key, part);
      }
    }
  }

  /**
   * Ansible passes over what it does not know, and so do we, with a warning. But a slip of the pen, or
   * a group that does not stand under `children`, would lose hosts without a word.
   */
  #unknownKey(name: string, key: string, part: Located): void {
    const location = part.locate([]);
    const near = didYouMean(key, GROUP_KEYS);
    const { value } = part;
    const isGroup = isPlainMap(value) && GROUP_KEYS.some((word) => Object.hasOwn(value, word));
    const text = `unknown key "${key}" in group "${name}"${near}`;
    if (near === '' && !isGroup) return this.#builder.warn(location, `${text}: passed over`);
    const notes = [`a group has the keys ${GROUP_KEYS.join(', ')}; groups stand under children`];
    this.#builder.error(location, text, notes, 'UNKNOWN_KEY');
  }

  /** A single name stands for a map with one entry; empty is no entry; a list is refused. */
  #entries(located: Located, what: string): readonly (readonly [string, Located])[] {
    const { value } = located;
    if (value === null || value === undefined) return [];
    if (typeof value === 'string' && what !== 'vars') {
      return [[value, { value: null, locate: () => located.locate([]) }]];
    }
    if (isPlainMap(value)) return locatedEntries(located);
    const notes =
      what === 'vars' ? [] : [`each name is a key, with a colon after it: "${what}: {name1: {}}"`];
    const text = `${what} is ${valueText(value)}, must be a map`;
    this.#builder.error(located.locate([]), text, notes, 'INVALID_VALUE');
    return [];
  }

  #hosts(pattern: string, vars: Located, group: GroupNode): void {
    const builder = this.#builder;
    const location = vars.locate([]);
    if (vars.value !== null && !isPlainMap(vars.value)) {
      const text = `host "${pattern}" is ${valueText(vars.value)}, must be a map of its variables`;
      return builder.error(location, text, [], 'INVALID_VALUE');
    }
    const found = builder.hostNames(pattern, location);
    for (const name of found?.names ?? []) {
      builder.host(name, location, group, found?.port);
      for (const [key, value] of locatedEntries(vars)) builder.setHostVar(name, key, value);
    }
  }
}
