/** The documents say all that they promise to say, and lead nowhere that is not there. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { interfaceSchema } from '../../src/network/interface-schema.js';
import { KINDS, REFUSED_TYPES } from '../../src/network/kinds.js';
import { routeEntry } from '../../src/network/route.js';
import { ruleEntry } from '../../src/network/rule.js';
import { dnsSection } from '../../src/network/dns.js';
import { OUTCOMES } from '../../src/run/events.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

const markdown = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs')).map((name) => join('docs', name)),
  'vagrant/README.md',
];

describe.each(markdown)('%s', (file) => {
  test('links lead to files and headings that are there', () => {
    const text = read(file);
    const links = [...text.matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)];
    const broken = links
      .map(([, path = '', anchor]) => ({
        target: path === '' ? file : join(dirname(file), path),
        anchor,
      }))
      .filter(
        ({ target, anchor }) =>
          !existsSync(join(root, target)) ||
          (anchor !== undefined && !anchorsOf(read(target)).has(anchor)),
      );
    expect(broken).toEqual([]);
  });
});

/** Names of headings as they are linked to. */
function anchorsOf(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replace(/[^a-z0-9 _-]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

test('docs/errors.md has every code, and no other', () => {
  const union = /export type ErrorCode =([^;]+);/.exec(read('src/errors.ts'))?.[1] ?? '';
  const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map((match) => match[1]);
  const documented = [...read('docs/errors.md').matchAll(/^\| `([A-Z_]+)`/gm)].map(
    (match) => match[1],
  );
  expect(codes.length).toBeGreaterThan(20);
  expect(documented.toSorted()).toEqual(codes.toSorted());
});

test('docs/terminology.md has every outcome', () => {
  const text = read('docs/terminology.md');
  expect(OUTCOMES.filter((outcome) => !text.includes(`\`${outcome}\``))).toEqual([]);
});

test('docs/playbook.md has every key that a network plan may have', () => {
  const text = read('docs/playbook.md');
  const schemas = [...KINDS.map(interfaceSchema), routeEntry, ruleEntry, dnsSection];
  const keys = new Set(schemas.flatMap((schema) => keysOf(schema)));
  expect(keys.size).toBeGreaterThan(100);
  expect([...keys].filter((key) => !text.includes(`\`${key}\``))).toEqual([]);
});

test('docs/playbook.md names every type of interface, also the refused ones', () => {
  const text = read('docs/playbook.md');
  const types = [...KINDS, ...Object.keys(REFUSED_TYPES)];
  expect(types.filter((type) => !text.includes(`\`${type}\``))).toEqual([]);
});

/** All keys of maps in a schema, to any depth. */
function keysOf(value: unknown, seen = new Set<unknown>()): readonly string[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, seen));
  const definition = (value as { _zod?: { def?: Readonly<Record<string, unknown>> } })._zod?.def;
  if (definition === undefined) return [];
  const { shape } = definition;
  const own =
    typeof shape === 'object' && shape !== null
      ? Object.entries(shape).flatMap(([key, item]) => [key, ...keysOf(item, seen)])
      : [];
  const below = ['innerType', 'element', 'options', 'in', 'out', 'valueType'].flatMap((key) =>
    keysOf(definition[key], seen),
  );
  return [...own, ...below];
}
