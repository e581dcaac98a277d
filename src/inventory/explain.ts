/** Why a host matched a pattern, and where its variables' values come from. Pure. */
import { TaggedText } from '../config/tagged-text.js';
import { formatLocation } from '../errors.js';
import type { PatternStep } from './host-pattern.js';
import type { Inventory } from './inventory.js';

const VERBS = { adds: 'matches', keeps: 'is kept by', removes: 'is removed by' } as const;

/** One line for each part of the pattern that this host is in. */
export function explainMatch(
  inventory: Inventory,
  host: string,
  steps: readonly PatternStep[],
): readonly string[] {
  return steps
    .filter(({ hosts }) => hosts.includes(host))
    .map((step) => `${VERBS[step.effect]} "${step.part}": ${reason(inventory, host, step)}`);
}

function reason(inventory: Inventory, host: string, step: PatternStep): string {
  if (step.named.has(host)) {
    return `by its name (${formatLocation(inventory.locationOf(host))})`;
  }
  const memberships = new Map(inventory.membershipsOf(host).map((item) => [item.group, item]));
  const group = step.groups.find((name) => memberships.has(name));
  if (group === undefined) return 'it is in the pattern';
  const way: string[] = [];
  let at = '';
  for (let name: string | undefined = group; name !== undefined;) {
    const membership = memberships.get(name);
    way.push(name);
    if (membership !== undefined) at = formatLocation(membership.location);
    name = membership?.by;
  }
  return `in group ${way.join(' → ')} (${at})`;
}

export type VariableOrigin = Readonly<{
  name: string;
  /** The winner first, then who lost, down to the most general one. */
  definitions: readonly Readonly<{ value: unknown; owner: string; at: string }>[];
}>;

/** Of each variable, or of one: all its definitions. */
export function variableOrigins(
  inventory: Inventory,
  host: string,
  names: readonly string[],
): readonly VariableOrigin[] {
  return names.map((name) => ({
    name,
    definitions: inventory
      .definitionsOf(host, name)
      .map(({ value, owner, locate }) => ({ value, owner, at: formatLocation(locate([])) }))
      .toReversed(),
  }));
}

/** The value on one line, an encrypted one by its kind only. */
export function shortValue(value: unknown): string {
  if (value instanceof TaggedText && value.tag === 'vault') return '(encrypted)';
  const text = JSON.stringify(value instanceof TaggedText ? value.reveal() : value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
