/** A value read from documents, with the place each part of it was written at. */
import type { SourceLocation } from '../errors.js';

export type DocumentPath = readonly (string | number)[];

/** The place of the value at `path`; of the nearest enclosing one when that path has none. */
export type Locate = (path: DocumentPath) => SourceLocation;

/** Plain JavaScript data (null-prototype-safe: no `__proto__` keys) and where it came from. */
export type Located<T = unknown> = Readonly<{ value: T; locate: Locate }>;
