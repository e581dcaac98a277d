/** One host's network plan, out of the play's `network:` and the host's own `network:` variable. */
import {
  composeList,
  composeMap,
  isPlainMap,
  locatedEntries,
  locatedItems,
} from '../config/located.js';
import type { Located } from '../config/located.js';
import { valueText } from '../config/schema-errors.js';
import { renderTemplates } from '../config/template.js';
import { NetorchError, formatLocation, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import type { Inventory } from '../inventory/inventory.js';
import { expandShorthand } from '../network/shorthand.js';
import { variablesFor } from './playbook.js';
import type { Play } from './playbook.js';

/** The inventory variable that holds a host's own network plan. */
export const NETWORK_VARIABLE = 'network';

/**
 * The merged and rendered plan, general to specific: the play, the groups, the host. Interfaces are
 * merged by name, key by key; routes and rules of all sources are put together; other lists and DNS
 * are replaced as a whole. undefined when there is no plan for this host at all.
 *
 * Throws PLAN_CONFLICT when two equally specific sources (two groups of one depth and priority) give
 * one key different values and nothing more specific settles it, or one source names an interface
 * twice; INVALID_VALUE for a plan that is no map; and what rendering throws.
 */
export function networkPlanFor(
  host: string,
  play: Play | undefined,
  inventory: Inventory,
): Located<Record<string, unknown>> | undefined {
  const sources: Source[] = inventory.definitionsOf(host, NETWORK_VARIABLE).map((definition) => ({
    located: definition,
    origin: { owner: definition.owner, level: definition.level },
  }));
  if (play?.network !== undefined) {
    sources.unshift({ located: play.network, origin: { owner: 'the play', level: 'play' } });
  }
  const given = sources.filter(({ located }) => located.value !== null);
  const [first] = given;
  if (first === undefined) return undefined;

  const variables = variablesFor(host, play, inventory);
  const merge = new Merge();
  let tree: Tree | undefined;
  for (const { located, origin } of given) {
    if (!isPlainMap(located.value)) {
      const text = `network is ${valueText(located.value)}, must be a map: a network plan`;
      throw new NetorchError('INVALID_VALUE', text, { location: located.locate([]) });
    }
    const rendered = renderTemplates(located, variables.value, variables.locate);
    tree = merge.onto(tree, merge.tree(expandShorthand(rendered), origin, []), []);
  }
  merge.finish();
  const result = tree === undefined ? first.located : toLocated(tree);
  return { value: { ...(result.value as Record<string, unknown>) }, locate: result.locate };
}

/** Who said it, and how specific that is. */
type Origin = Readonly<{ owner: string; level: string }>;
type Source = Readonly<{ located: Located; origin: Origin }>;

type Tree =
  | Readonly<{ kind: 'value'; located: Located; origin: Origin }>
  /** A list whose sources are put together. */
  | Readonly<{ kind: 'joined'; items: readonly Located[]; at: SourceLocation }>
  /** A map, or the list of interfaces by name. */
  | Readonly<{ kind: 'map' | 'by-name'; parts: ReadonlyMap<string, Tree>; at: SourceLocation }>;

const JOINED = new Set(['routes.config', 'route-rules.config', 'routes', 'rules']);
const WHOLE = new Set(['dns-resolver', 'dns']);

class Merge {
  readonly #errors: NetorchError[] = [];
  /** By path; taken back when something more specific decides. */
  readonly #conflicts = new Map<string, NetorchError>();

  tree(located: Located, origin: Origin, path: readonly string[]): Tree {
    const key = path.join('.');
    const at = located.locate([]);
    if (key === 'interfaces' && Array.isArray(located.value)) return this.#byName(located, origin);
    if (JOINED.has(key) && Array.isArray(located.value)) {
      return { kind: 'joined', items: locatedItems(located), at };
    }
    if (WHOLE.has(key) || !isPlainMap(located.value)) return { kind: 'value', located, origin };
    const parts = locatedEntries(located).map(
      ([name, part]) => [name, this.tree(part, origin, [...path, name])] as const,
    );
    return { kind: 'map', parts: new Map(parts), at };
  }

  onto(under: Tree | undefined, over: Tree, path: readonly string[]): Tree {
    if (under === undefined) return over;
    if (under.kind === 'joined' && over.kind === 'joined') {
      return { ...over, items: [...under.items, ...over.items] };
    }
    if (isBranch(under) && isBranch(over) && under.kind === over.kind) {
      const parts = new Map(under.parts);
      for (const [name, part] of over.parts) {
        parts.set(name, this.onto(parts.get(name), part, [...path, name]));
      }
      return { kind: over.kind, parts, at: over.at };
    }
    this.#replace(under, over, path);
    return over;
  }

  finish(): void {
    throwCollected([...this.#errors, ...this.#conflicts.values()]);
  }

  #byName(located: Located, origin: Origin): Tree {
    const parts = new Map<string, Tree>();
    for (const [index, item] of locatedItems(located).entries()) {
      const name = isPlainMap(item.value) ? item.value['name'] : undefined;
      // An item without a name is kept as it is: the schema of the plan will say what is wrong.
      const key = typeof name === 'string' ? name : `\0${formatLocation(item.locate([]))}#${index}`;
      const twin = parts.get(key);
      if (twin === undefined) {
        parts.set(key, this.tree(item, origin, ['interfaces', key]));
        continue;
      }
      const text = `interface "${key}" is listed twice; write its keys in one place`;
      this.#errors.push(conflict(text, item.locate([]), [`first at ${place(twin)}`]));
    }
    return { kind: 'by-name', parts, at: located.locate([]) };
  }

  #replace(under: Tree, over: Tree, path: readonly string[]): void {
    const key = path.join('\n');
    const rivals = originsOf(under).filter((old) =>
      originsOf(over).some((origin) => origin.level === old.level && origin.owner !== old.owner),
    );
    const [rival] = rivals;
    const isSame = plainText(under) === plainText(over);
    if (rival !== undefined) {
      if (isSame) return;
      const owner = originsOf(over)[0]?.owner ?? '';
      const text =
        `${describe(path)} is ${valueText(toLocated(over).value)} for ${owner}, ` +
        `but ${valueText(toLocated(under).value)} for ${rival.owner}, and neither is more specific`;
      this.#conflicts.set(
        key,
        conflict(text, toLocated(over).locate([]), [
          `${rival.owner} says so at ${place(under)}`,
          'set it for the host, or give one group a higher ansible_group_priority',
        ]),
      );
      return;
    }
    for (const known of this.#conflicts.keys()) {
      if (known === key || known.startsWith(`${key}\n`)) this.#conflicts.delete(known);
    }
  }
}

function isBranch(tree: Tree): tree is Extract<Tree, { parts: ReadonlyMap<string, Tree> }> {
  return tree.kind === 'map' || tree.kind === 'by-name';
}

function originsOf(tree: Tree): readonly Origin[] {
  if (tree.kind === 'value') return [tree.origin];
  return tree.kind === 'joined' ? [] : [...tree.parts.values()].flatMap(originsOf);
}

function toLocated(tree: Tree): Located {
  switch (tree.kind) {
    case 'value':
      return tree.located;
    case 'joined':
      return composeList(tree.items, tree.at);
    case 'by-name':
      return composeList([...tree.parts.values()].map(toLocated), tree.at);
    case 'map':
      return composeMap(
        new Map([...tree.parts].map(([name, part]) => [name, toLocated(part)])),
        tree.at,
      );
  }
}

function plainText(tree: Tree): string {
  return JSON.stringify(toLocated(tree).value);
}

function place(tree: Tree): string {
  return formatLocation(toLocated(tree).locate([]));
}

function describe([first, second, ...rest]: readonly string[]): string {
  if (first !== 'interfaces' || second === undefined) {
    return [first, second, ...rest].filter((part) => part !== undefined).join('.');
  }
  return rest.length === 0 ? `interface "${second}"` : `${rest.join('.')} of "${second}"`;
}

function conflict(
  message: string,
  location: SourceLocation,
  notes: readonly string[],
): NetorchError {
  return new NetorchError('PLAN_CONFLICT', message, { location, notes });
}
