/** A document under construction: values put at paths, each with the place that it was written at. */
import { composeMap, isPlainMap, locatedEntries } from '../config/located.js';
import type { Located } from '../config/located.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError, formatLocation } from '../errors.js';
import type { SourceLocation } from '../errors.js';

/** A value of our own making, at the place of what it was made of. */
export function valueFrom(value: unknown, at: SourceLocation): Located {
  return { value, locate: () => at };
}

/**
 * Maps are put together key by key; a value that is there already must be the same one. What differs is
 * collected as PLAN_CONFLICT, naming both places.
 */
export class ShorthandTree {
  readonly #at: SourceLocation;
  readonly #children = new Map<string, ShorthandTree>();
  #leaf: Located | undefined;

  constructor(at: SourceLocation) {
    this.#at = at;
  }

  /** `owner` is what the value belongs to, for messages: `"bond0"`. */
  put(
    path: readonly string[],
    value: Located,
    owner: string,
    errors: NetorchError[],
    done: readonly string[] = [],
  ): void {
    const [first, ...rest] = path;
    if (first !== undefined) {
      let child = this.#children.get(first);
      if (child === undefined) {
        child = new ShorthandTree(value.locate([]));
        this.#children.set(first, child);
      }
      child.put(rest, value, owner, errors, [...done, first]);
      return;
    }
    if (isPlainMap(value.value)) {
      for (const [key, item] of locatedEntries(value)) {
        this.put([key], item, owner, errors, done);
      }
      if (this.#children.size === 0) this.#leaf ??= value;
      return;
    }
    const known = this.#leaf ?? (this.#children.size > 0 ? this.toLocated() : undefined);
    if (known !== undefined && value.value === null) return; // a key without a value says nothing
    if (known === undefined || known.value === null || isEmptyMap(known.value)) this.#leaf = value;
    else if (JSON.stringify(known.value) !== JSON.stringify(value.value)) {
      const place = known.locate([]);
      errors.push(
        new NetorchError(
          'PLAN_CONFLICT',
          `${done.join('.')} of ${owner} is ${valueText(value.value)} here, but ${valueText(known.value)} at ${formatLocation(place)}`,
          { location: value.locate([]), notes: ['write it in one place'] },
        ),
      );
    }
  }

  has(path: readonly string[]): boolean {
    const [first, ...rest] = path;
    if (first === undefined) return true;
    return this.#children.get(first)?.has(rest) ?? false;
  }

  toLocated(): Located {
    if (this.#children.size === 0) return this.#leaf ?? valueFrom({}, this.#at);
    const parts = [...this.#children].map(([key, child]) => [key, child.toLocated()] as const);
    return composeMap(new Map(parts), this.#at);
  }
}

function isEmptyMap(value: unknown): boolean {
  return isPlainMap(value) && Object.keys(value).length === 0;
}
