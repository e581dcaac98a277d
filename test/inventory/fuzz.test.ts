/** Whatever is read is read or refused with an error for the user: no crash, no hang, no pollution. */
import { fc } from '../generated.js';
import { afterEach, expect, test } from 'vitest';
import { NetorchError, NetorchErrors } from '../../src/errors.js';
import { parseHostAddress } from '../../src/inventory/host-address.js';
import { selectHosts, splitHostPattern } from '../../src/inventory/host-pattern.js';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import type { InventorySource } from '../../src/inventory/inventory-graph.js';
import { inventoryList, sortedJson } from '../../src/inventory/inventory-json.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { createVault } from '../../src/inventory/vault.js';

/** Runs a property; NETORCH_FUZZ_RUNS makes it long. */
const RUNS = Number(process.env['NETORCH_FUZZ_RUNS'] ?? '300');
const check = (property: fc.IProperty<[string]> | fc.IProperty<[unknown]>): void =>
  fc.assert(property as fc.IProperty<[unknown]>, { numRuns: RUNS, seed: 20261121 });

afterEach(() => {
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

/** Texts made of words that mean something, with a little noise between them. */
function textOf(...words: readonly string[]): fc.Arbitrary<string> {
  const noise = fc.string({ unit: 'binary', maxLength: 2 });
  const word = fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...words) }, noise);
  return fc.array(word, { maxLength: 40 }).map((parts) => parts.join(''));
}

function useAll(source: InventorySource): void {
  try {
    const inventory = createInventory(readInventoryGraph([source]));
    JSON.parse(sortedJson(inventoryList(inventory)));
  } catch (error) {
    const errors = error instanceof NetorchErrors ? error.errors : [error];
    for (const one of errors) {
      if (!(one instanceof NetorchError)) throw one;
      expect(one.location?.line).toBeGreaterThan(0);
    }
  }
}

const COMMON = [
  '\n',
  '\n',
  '\n',
  ' ',
  '  ',
  '#',
  ';',
  '"',
  "'",
  '\\',
  '=',
  ':',
  '[',
  ']',
  '{',
  '}',
];
const NAMES = ['web', 'all', 'ungrouped', 'h1', '__proto__', 'constructor', 'toString', 'polluted'];

test('INI', () => {
  const words = [
    '[web]\n',
    '[web:vars]\n',
    '[db:children]\n',
    '[1:3]',
    'h1 a=1\n',
    ':22',
    '(1,',
    '-',
  ];
  check(
    fc.property(
      textOf(...COMMON, ...NAMES, ...words, '0x', 'None', 'ansible_group_priority='),
      (text) => useAll({ kind: 'ini', file: 'hosts', text }),
    ),
  );
});

test('YAML, and what may be either', () => {
  const words = [
    'hosts:',
    'children:',
    'vars:',
    '\n  ',
    '\n    ',
    '- ',
    '!vault |',
    '&a ',
    '*a',
    '<<: ',
  ];
  check(
    fc.property(
      textOf(...COMMON, ...NAMES, ...words, '? ', '| ', '!unsafe ', 'plugin: x'),
      (text) => {
        useAll({ kind: 'yaml', file: 'hosts.yml', text });
        useAll({ kind: 'either', file: 'hosts', text });
      },
    ),
  );
});

test('answers of programs', () => {
  const key = fc.constantFrom(
    'hosts',
    'vars',
    'children',
    '_meta',
    'hostvars',
    '__ansible_vault',
    ...NAMES,
  );
  const { node } = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(key, fc.integer(), fc.constant(null)),
      fc.dictionary(key, tie('node'), { maxKeys: 5 }),
      fc.array(tie('node'), { maxLength: 4 }),
    ),
  }));
  check(
    fc.property(node, (value) => {
      const list: unknown = JSON.parse(JSON.stringify(value));
      useAll({ kind: 'program', file: 'inv', list, hosts: new Map() });
    }),
  );
});

test('patterns and addresses', () => {
  const text =
    '{all: {children: {web: {hosts: {"h[1:9]": , "2001:db8::1": }}, a.b: {hosts: {ü1: }}}}}';
  const inventory = createInventory(readInventoryGraph([{ file: 'i.yml', text }]));
  const words = [
    ...NAMES,
    ',',
    ':',
    '!',
    '&',
    '~',
    '*',
    '?',
    '[',
    ']',
    '[0]',
    '[1:',
    '-',
    '(',
    ')',
    '@x',
  ];
  check(
    fc.property(
      textOf(...words, '(?P<a>', '{,2}', '\\', '^', '$', '|', '2001:db8::1', ' '),
      (pattern) => {
        expect(splitHostPattern(pattern)).not.toContain('');
        parseHostAddress(pattern);
        try {
          const known = new Set([...inventory.hosts, 'localhost']);
          expect(selectHosts(inventory, pattern).filter((host) => !known.has(host))).toEqual([]);
        } catch (error) {
          if (!(error instanceof NetorchError)) throw error;
        }
      },
    ),
  );
});

test('encrypted texts', () => {
  const vault = createVault([]);
  const words = ['$ANSIBLE_VAULT;', '1.1', '1.2', ';AES256', ';x', '\n', '0a', '61', '333', ' '];
  check(
    fc.property(textOf(...words), (text) => {
      expect(() => vault.open(text, { file: 'v', line: 1, column: 1 })).toThrow(NetorchError);
    }),
  );
});
