import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  PLAY_KEYS,
  SCHEMA_NAMES,
  jsonSchema,
  schemaFile,
  schemaText,
} from '../../src/commands/json-schemas.js';
import { projectFiles } from '../../src/commands/project-files.js';
import { playSchema } from '../../src/playbook/playbook.js';

type Json = Readonly<Record<string, unknown>>;

const ROOT = join(import.meta.dirname, '../..');

/** What of JSON Schema the schemas use; a keyword that this does not know fails the test. */
function problems(value: unknown, schema: Json, root: Json, path = '$'): readonly string[] {
  const found: string[] = [];
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  const properties = (schema['properties'] ?? {}) as Readonly<Record<string, Json>>;
  for (const [keyword, rule] of Object.entries(schema)) {
    switch (keyword) {
      case '$schema':
      case 'title':
      case 'description':
      case 'definitions':
        break;
      case '$ref': {
        const key = String(rule).replace('#/definitions/', '');
        const target = (root['definitions'] as Readonly<Record<string, Json>>)[key];
        if (target === undefined) throw new Error(`no definition ${key}`);
        found.push(...problems(value, target, root, path));
        break;
      }
      case 'type': {
        const types = Array.isArray(rule) ? rule : [rule];
        if (!types.some((type) => isOfType(value, String(type)))) found.push(`${path}: type`);
        break;
      }
      case 'enum':
        if (!(rule as readonly unknown[]).includes(value)) found.push(`${path}: enum`);
        break;
      case 'const':
        if (value !== rule) found.push(`${path}: const`);
        break;
      case 'pattern':
        if (typeof value === 'string' && !new RegExp(String(rule), 'u').test(value)) {
          found.push(`${path}: pattern`);
        }
        break;
      case 'minimum':
        if (typeof value === 'number' && value < Number(rule)) found.push(`${path}: minimum`);
        break;
      case 'maximum':
        if (typeof value === 'number' && value > Number(rule)) found.push(`${path}: maximum`);
        break;
      case 'minLength':
        if (typeof value === 'string' && value.length < Number(rule)) found.push(`${path}: length`);
        break;
      case 'minItems':
        if (Array.isArray(value) && value.length < Number(rule)) found.push(`${path}: items`);
        break;
      case 'not':
        if (problems(value, rule as Json, root, path).length === 0) found.push(`${path}: not`);
        break;
      case 'anyOf': {
        const tries = (rule as readonly Json[]).map((part) => problems(value, part, root, path));
        const best = tries.toSorted((a, b) => a.length - b.length)[0] ?? [];
        found.push(...best);
        break;
      }
      case 'required':
        for (const key of rule as readonly string[]) {
          if (isMap && !Object.hasOwn(value, key)) found.push(`${path}: ${key} is missing`);
        }
        break;
      case 'properties':
        for (const [key, part] of Object.entries(isMap ? value : {})) {
          const own = properties[key];
          if (own !== undefined) found.push(...problems(part, own, root, `${path}.${key}`));
        }
        break;
      case 'additionalProperties':
        for (const [key, part] of Object.entries(isMap ? value : {})) {
          if (Object.hasOwn(properties, key)) continue;
          if (rule === false) found.push(`${path}: unknown ${key}`);
          else found.push(...problems(part, rule as Json, root, `${path}.${key}`));
        }
        break;
      case 'propertyNames':
        break;
      case 'items':
        for (const [index, item] of (Array.isArray(value) ? value : []).entries()) {
          found.push(...problems(item, rule as Json, root, `${path}[${index}]`));
        }
        break;
      // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- any other word
      default:
        throw new Error(`the test does not know the keyword ${keyword}`);
    }
  }
  return found;
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object')
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function check(name: (typeof SCHEMA_NAMES)[number], value: unknown): readonly string[] {
  const schema = jsonSchema(name);
  return problems(value, schema, schema);
}

test.each(SCHEMA_NAMES)(
  'the copy of the schema %s is not stale (else: npm run schemas)',
  (name) => {
    const copy = readFileSync(join(ROOT, 'schemas', schemaFile(name)), 'utf8');
    expect(copy === schemaText(name)).toBe(true);
  },
);

test('every key of a play is described', () => {
  expect(Object.keys(PLAY_KEYS).sort()).toEqual(Object.keys(playSchema.shape).sort());
});

describe('what netorch takes, the schema takes', () => {
  const playbooks = readdirSync(join(ROOT, 'playbooks')).filter((file) => file.endsWith('.yml'));
  test.each(playbooks)('playbooks/%s', (file) => {
    expect(check('playbook', parse(readFileSync(join(ROOT, 'playbooks', file), 'utf8')))).toEqual(
      [],
    );
  });

  test('a new project', () => {
    const files = projectFiles('/run/lab/inventory.yml');
    expect(check('netorch', parse(files['netorch.yml'] ?? ''))).toEqual([]);
    expect(check('playbook', parse(files['playbooks/site.yml'] ?? ''))).toEqual([]);
  });

  const golden = join(ROOT, 'test/network/golden');
  const cases = readdirSync(golden).filter(
    (name) => !readdirSync(join(golden, name)).includes('errors.txt'),
  );
  test.each(cases)('the plan of %s', (name) => {
    const text = readFileSync(join(golden, name, 'desired.yml'), 'utf8');
    expect(check('network', parse(text))).toEqual([]);
  });
});

describe('mistakes are seen', () => {
  test.each<[string, unknown, string]>([
    ['an unknown key of a play', [{ hosts: 'all', serail: 1 }], '$[0]: unknown serail'],
    ['a play without hosts', [{ name: 'x' }], '$[0]: hosts is missing'],
    ['an order that is none', [{ hosts: 'all', order: 'random' }], '$[0].order: enum'],
  ])('%s', (_, value, problem) => {
    expect(check('playbook', value)).toContain(problem);
  });

  const plan = (part: unknown) =>
    check('network', { interfaces: [{ name: 'eth1', ...(part as object) }] });
  test.each<[string, unknown]>([
    ['an unknown key', { mtuu: 9000 }],
    ['a kind that is none', { type: 'bridge' }],
    ['a number out of bounds', { mtu: 99_999 }],
    ['a MAC that is none', { 'mac-address': '52:54' }],
    ['a word that is none', { state: 'upp' }],
    ['a mode that is none', { type: 'bond', 'link-aggregation': { mode: 'lacp' } }],
    ['what netorch does not do', { '802.1x': {} }],
  ])('%s', (_, part) => {
    expect(plan(part)).not.toEqual([]);
  });

  test.each<[string, unknown]>([
    ['a number as text', { mtu: '9000' }],
    ['an expression', { mtu: '{{ mtu }}', state: '{{ state }}' }],
    ['an expression for a list', { type: 'bond', 'link-aggregation': { port: '{{ nics }}' } }],
    ['a word of YAML 1.1', { ipv4: { enabled: 'yes' } }],
    ['the shorthand in an item', { ip: '192.0.2.1/24' }],
  ])('but not in %s', (_, part) => {
    expect(plan(part)).toEqual([]);
  });

  test('the shorthand’s sections are known', () => {
    const good = {
      bonds: { bond0: { ports: ['eth1'], mode: 'lacp', mtu: 9000 } },
      vlans: { 'bond0.1': null },
    };
    expect(check('network', good)).toEqual([]);
    expect(check('network', { bonds: { bond0: { prots: [] } } })).not.toEqual([]);
  });
});
