/** The JSON of `ansible-inventory --list`, so that whatever reads that can read ours. Pure. */
import { isPlainMap } from '../config/located.js';
import { TaggedText } from '../config/tagged-text.js';
import type { Inventory } from './inventory.js';

/** What Ansible sets itself for every host, and leaves out of the list. */
const MAGIC = new Set([
  'ansible_config_file',
  'ansible_diff_mode',
  'ansible_facts',
  'ansible_forks',
  'ansible_inventory_sources',
  'ansible_limit',
  'ansible_playbook_python',
  'ansible_run_tags',
  'ansible_skip_tags',
  'ansible_verbosity',
  'ansible_version',
  'group_names',
  'groups',
  'inventory_dir',
  'inventory_file',
  'inventory_hostname',
  'inventory_hostname_short',
  'omit',
  'playbook_dir',
]);

export type InventoryList = Readonly<Record<string, unknown>>;

/** A host's variables without those that every host has. Encrypted values stay encrypted. */
export function writtenVars(inventory: Inventory, host: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(inventory.hostVars(host).value).filter(([key]) => !MAGIC.has(key)),
  );
}

/** Groups with hosts and children, and the variables of `hosts` (all, when not given) in `_meta`. */
export function inventoryList(
  inventory: Inventory,
  hosts: readonly string[] = inventory.hosts,
): InventoryList {
  const list: [string, unknown][] = [];
  for (const { name, ownHosts, children } of inventory.groups.values()) {
    const part = {
      ...(children.length > 0 ? { children } : {}),
      ...(name !== 'all' && ownHosts.length > 0 ? { hosts: ownHosts } : {}),
    };
    if (Object.keys(part).length > 0) list.push([name, part]);
  }
  const hostvars = hosts
    .map((host) => [host, writtenVars(inventory, host)] as const)
    .filter(([, vars]) => Object.keys(vars).length > 0);
  return Object.fromEntries([...list, ['_meta', { hostvars: Object.fromEntries(hostvars) }]]);
}

/** Keys sorted, indented by four, as Ansible prints it. */
export function sortedJson(value: unknown): string {
  return JSON.stringify(sorted(value), null, 4);
}

function sorted(value: unknown): unknown {
  if (value instanceof TaggedText) return value.toJSON();
  if (Array.isArray(value)) return value.map(sorted);
  if (!isPlainMap(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .toSorted(compareCodePoints)
      .map((key) => [key, sorted(value[key])]),
  );
}

function compareCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
