/** Questions to a zod schema about the place an issue points at; the issue itself does not say. */
import { z } from 'zod';
import { childOf } from './located.js';
import type { DocumentPath } from './located.js';

/** The part of zod's own description of a schema (`schema._zod.def`) that is read here. */
type Definition = Readonly<{
  type: string;
  innerType?: z.core.$ZodType;
  in?: z.core.$ZodType;
  out?: z.core.$ZodType;
  left?: z.core.$ZodType;
  right?: z.core.$ZodType;
  element?: z.core.$ZodType;
  valueType?: z.core.$ZodType;
  getter?: () => z.core.$ZodType;
  shape?: Readonly<Record<string, z.core.$ZodType>>;
  options?: readonly z.core.$ZodType[];
  items?: readonly z.core.$ZodType[];
  discriminator?: string;
}>;

/** The keys that a map at `path` may have; of a discriminated union those of the value's own kind. */
export function knownKeysAt(
  schema: z.core.$ZodType,
  path: DocumentPath,
  value: unknown,
): readonly string[] {
  const { schemas, value: there } = descend(schema, path, value);
  const keys = schemas.flatMap((found) =>
    flatten(found, there).flatMap((part) => Object.keys(definitionOf(part).shape ?? {})),
  );
  return [...new Set(keys)];
}

export type NumberBounds = Readonly<{ minimum?: number; maximum?: number }>;

/** The bounds of the number at `path`, when the schema there is one number. */
export function numberBoundsAt(
  schema: z.core.$ZodType,
  path: DocumentPath,
  value: unknown,
): NumberBounds {
  const { schemas, value: there } = descend(schema, path, value);
  const numbers = schemas
    .flatMap((found) => flatten(found, there))
    .filter((part) => part instanceof z.ZodNumber);
  const [only] = numbers;
  if (only === undefined || numbers.length > 1) return {};
  const { minValue, maxValue } = only;
  return {
    ...(minValue !== null && minValue > Number.MIN_SAFE_INTEGER ? { minimum: minValue } : {}),
    ...(maxValue !== null && maxValue < Number.MAX_SAFE_INTEGER ? { maximum: maxValue } : {}),
  };
}

function definitionOf(schema: z.core.$ZodType): Definition {
  return schema._zod.def as unknown as Definition;
}

function descend(
  schema: z.core.$ZodType,
  path: DocumentPath,
  value: unknown,
): { schemas: readonly z.core.$ZodType[]; value: unknown } {
  let schemas: readonly z.core.$ZodType[] = [schema];
  let current = value;
  for (const key of path) {
    const parent = current;
    schemas = schemas.flatMap((found) =>
      flatten(found, parent).flatMap((part) => child(part, key) ?? []),
    );
    current = childOf(current, key);
  }
  return { schemas, value: current };
}

function child(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | undefined {
  const definition = definitionOf(schema);
  if (definition.type === 'object') return childOf(definition.shape, key) as z.core.$ZodType;
  if (definition.type === 'array') return definition.element;
  if (definition.type === 'record') return definition.valueType;
  if (definition.type === 'tuple') return definition.items?.[Number(key)];
  return undefined;
}

/** Looks through optional, default, pipe, lazy, union … to the schemas that describe a value. */
function flatten(schema: z.core.$ZodType, value: unknown, depth = 0): readonly z.core.$ZodType[] {
  const definition = definitionOf(schema);
  if (depth > 20) return [];
  const into = (inner: z.core.$ZodType | undefined): readonly z.core.$ZodType[] =>
    inner === undefined ? [] : flatten(inner, value, depth + 1);
  if (definition.type === 'lazy') return into(definition.getter?.());
  if (definition.type === 'pipe') return [...into(definition.in), ...into(definition.out)];
  if (definition.type === 'intersection') {
    return [...into(definition.left), ...into(definition.right)];
  }
  if (definition.options !== undefined) {
    const { discriminator } = definition;
    const fitting = definition.options.filter((option) =>
      discriminator === undefined ? true : hasKind(option, discriminator, value),
    );
    return (fitting.length > 0 ? fitting : definition.options).flatMap(into);
  }
  if (definition.innerType !== undefined) return into(definition.innerType);
  return [schema];
}

function hasKind(option: z.core.$ZodType, discriminator: string, value: unknown): boolean {
  const kind = childOf(value, discriminator);
  const kinds = option._zod.propValues?.[discriminator];
  return kinds !== undefined && kinds.has(kind as z.core.util.Primitive);
}
