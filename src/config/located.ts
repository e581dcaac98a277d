/** A value read from documents, with the place each part of it was written at. */
import type { SourceLocation } from '../errors.js';
import { TaggedText } from './tagged-text.js';

export type DocumentPath = readonly (string | number)[];

/** The place of the value at `path`; of the nearest enclosing one when that path has none. */
export type Locate = (path: DocumentPath) => SourceLocation;

/** Plain JavaScript data (null-prototype-safe: no `__proto__` keys) and where it came from. */
export type Located<T = unknown> = Readonly<{ value: T; locate: Locate }>;

export type PlainMap = Readonly<Record<string, unknown>>;

export function isPlainMap(value: unknown): value is PlainMap {
  if (typeof value !== 'object' || value === null) return false;
  return !Array.isArray(value) && !(value instanceof TaggedText);
}

/** The value's own property, never an inherited one (`constructor`, `toString` …). */
export function childOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

export function valueAt(value: unknown, path: DocumentPath): unknown {
  let current = value;
  for (const key of path) current = childOf(current, key);
  return current;
}

/** The part of `located` at `path`, with its places; the value is undefined when there is none. */
export function locatedAt(located: Located, path: DocumentPath): Located {
  return {
    value: valueAt(located.value, path),
    locate: (rest) => located.locate([...path, ...rest]),
  };
}

/** Keys and values of a map in the order written; nothing for anything that is not a map. */
export function locatedEntries(located: Located): readonly (readonly [string, Located])[] {
  if (!isPlainMap(located.value)) return [];
  return Object.keys(located.value).map((key) => [key, locatedAt(located, [key])] as const);
}

/** The items of a list; nothing for anything that is not a list. */
export function locatedItems(located: Located): readonly Located[] {
  if (!Array.isArray(located.value)) return [];
  return located.value.map((_, index) => locatedAt(located, [index]));
}

/** A map made of parts from different places; `own` is the place of the map itself. */
export function composeMap(
  parts: ReadonlyMap<string, Located>,
  own: SourceLocation,
): Located<Record<string, unknown>> {
  return {
    value: Object.fromEntries([...parts].map(([key, part]) => [key, part.value])),
    locate: ([first, ...rest]) =>
      first === undefined ? own : (parts.get(String(first))?.locate(rest) ?? own),
  };
}

/** A list made of parts from different places; `own` is the place of the list itself. */
export function composeList(parts: readonly Located[], own: SourceLocation): Located<unknown[]> {
  return {
    value: parts.map((part) => part.value),
    locate: ([first, ...rest]) =>
      first === undefined ? own : (parts[Number(first)]?.locate(rest) ?? own),
  };
}
