/**
 * Network plans as JSON Schema (draft 7), for editors: completion, and a first look at what is written.
 * What netorch itself says is always more: this cannot check one key against another.
 */
import { z } from 'zod';
import { dnsSection } from './dns.js';
import { interfaceKeys, interfaceSchema } from './interface-schema.js';
import { KINDS } from './kinds.js';
import { topLevel } from './parse.js';
import { routeEntry } from './route.js';
import { ruleEntry } from './rule.js';
import { FOR_EDITORS } from './scalars.js';
import { INTERFACE_WORDS, SHORTHAND_SECTIONS, sectionWords } from './shorthand-interface.js';

export type JsonSchema = { [key: string]: unknown };

/** An expression over variables may stand for any value. */
const EXPRESSION: JsonSchema = { type: 'string', pattern: '\\{\\{' };

/** What zod says of the input, with the scalars' own words (scalars.ts) in their places. */
export function schemaForEditors(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ jsonSchema }) => {
      const own = (jsonSchema as JsonSchema)[FOR_EDITORS];
      if (typeof own !== 'object' || own === null) return;
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as JsonSchema)[key];
      Object.assign(jsonSchema, own);
    },
  }) as JsonSchema;
  return json;
}

/**
 * A network plan, in nmstate's form and in the shorthand. It refers to the definitions as
 * `#/definitions/…`: they belong to the root of the document.
 */
export function networkPlanSchema(): Readonly<{ plan: JsonSchema; definitions: JsonSchema }> {
  const keys = interfaceKeySchemas();
  const top = schemaForEditors(topLevel);
  const sections = Object.entries(SHORTHAND_SECTIONS).map(([key, type]) => [
    key,
    { type: ['object', 'null'], additionalProperties: entrySchema(type) },
  ]);
  const list = (item: z.ZodType): JsonSchema => ({
    type: 'object',
    properties: { config: { type: 'array', items: schemaForEditors(item) }, running: {} },
    additionalProperties: false,
  });
  const plan: JsonSchema = {
    ...top,
    properties: {
      ...(top['properties'] as JsonSchema),
      interfaces: { type: 'array', items: itemSchema(Object.keys(keys)) },
      // A list is the shorthand's form.
      routes: { anyOf: [list(routeEntry), { type: 'array' }] },
      'route-rules': list(ruleEntry),
      rules: { type: 'array' },
      'dns-resolver': schemaForEditors(dnsSection),
      dns: {},
      ...Object.fromEntries(sections),
    },
  };
  return { plan: withExpressions(plan), definitions: mapSchemas(keys, withExpressions) };
}

/** Each key that some kind of interface may have; a key means the same in all kinds. */
function interfaceKeySchemas(): JsonSchema {
  const kinds = KINDS.map((kind) => schemaForEditors(interfaceSchema(kind)));
  const keys = Object.assign({}, ...kinds.map(({ properties }) => properties)) as JsonSchema;
  return { ...keys, type: { enum: KINDS } };
}

function references(keys: readonly string[]): JsonSchema {
  return Object.fromEntries(keys.map((key) => [key, { $ref: `#/definitions/${key}` }]));
}

function anything(words: readonly string[]): JsonSchema {
  return Object.fromEntries(words.map((word) => [word, {}]));
}

/** An item of `interfaces:`, with the keys of all kinds; which of them go together, netorch says. */
function itemSchema(keys: readonly string[]): JsonSchema {
  return {
    type: 'object',
    properties: { ...references(keys), ...anything(INTERFACE_WORDS) },
    additionalProperties: false,
  };
}

/** An entry of a section of the shorthand, such as `bonds: {bond0: …}`. */
function entrySchema(type: string): JsonSchema {
  const kind = KINDS.find((known) => known === type);
  const keys = kind === undefined ? [] : interfaceKeys(kind).filter((key) => key !== 'name');
  return {
    type: ['object', 'null'],
    properties: { ...references(keys), ...anything(sectionWords(type)) },
    additionalProperties: false,
  };
}

/** Every scalar and every list may be an expression instead; keys without a value say nothing. */
function withExpressions(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties, anyOf, ...rest } = schema;
  if (isSchema(properties) || isSchema(additionalProperties)) {
    return {
      ...schema,
      ...(isSchema(properties) ? { properties: mapSchemas(properties, withExpressions) } : {}),
      ...(isSchema(additionalProperties)
        ? { additionalProperties: withExpressions(additionalProperties) }
        : {}),
    };
  }
  if (Array.isArray(anyOf)) {
    const isNested = anyOf.some(
      (part) => isSchema(part) && ('properties' in part || 'items' in part),
    );
    const parts = isNested
      ? anyOf.map((part: unknown) => (isSchema(part) ? withExpressions(part) : part))
      : anyOf;
    return { ...rest, anyOf: [...parts, EXPRESSION] };
  }
  if (isSchema(items)) return { anyOf: [{ ...schema, items: withExpressions(items) }, EXPRESSION] };
  const isOpen = Object.keys(schema).length === 0 || 'not' in schema || '$ref' in schema;
  const isAnyText = schema['type'] === 'string' && !('pattern' in schema) && !('const' in schema);
  return isOpen || isAnyText ? schema : { anyOf: [schema, EXPRESSION] };
}

function mapSchemas(schemas: JsonSchema, work: (schema: JsonSchema) => JsonSchema): JsonSchema {
  return Object.fromEntries(
    Object.entries(schemas).map(([key, schema]) => [key, isSchema(schema) ? work(schema) : schema]),
  );
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
