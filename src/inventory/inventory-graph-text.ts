/** The tree of groups and hosts as `ansible-inventory --graph` draws it. Pure. */
import { didYouMean } from '../config/nearest.js';
import { NetorchError } from '../errors.js';
import type { Inventory } from './inventory.js';

/** Lines, from `start` down. Throws UNKNOWN_HOST for a group that is not there. */
export function inventoryGraphText(
  { groups }: Pick<Inventory, 'groups'>,
  start: string,
): readonly string[] {
  const lines: string[] = [];
  const draw = (name: string, depth: number): void => {
    const group = groups.get(name);
    if (group === undefined) return;
    lines.push(line(`@${name}:`, depth));
    for (const child of group.children) draw(child, depth + 1);
    if (name === 'all') return;
    for (const host of group.ownHosts) lines.push(line(host, depth + 1));
  };
  if (!groups.has(start)) {
    const text = `no group "${start}" in the inventory${didYouMean(start, groups.keys())}`;
    throw new NetorchError('UNKNOWN_HOST', text);
  }
  draw(start, 0);
  return lines;
}

function line(name: string, depth: number): string {
  return depth === 0 ? name : `${'  |'.repeat(depth)}--${name}`;
}
