import { fc } from '../generated.js';
import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../src/config/document.js';
import type { DocumentPath } from '../../src/config/located.js';
import { NetorchError, NetorchErrors } from '../../src/errors.js';
import { failureOf } from './failure.js';

const read = (text: string, yaml11 = false) => parseDocument('a.yml', text, { yaml11 }).value;

describe('values', () => {
  test.each<[string, string, unknown]>([
    [
      'YAML 1.2 words stay text',
      'a: [yes, no, on, y, 12:30:45, 2001-02-03]',
      {
        a: ['yes', 'no', 'on', 'y', '12:30:45', '2001-02-03'],
      },
    ],
    ['a MAC address stays text', 'a: 52:54:00:12:34:56', { a: '52:54:00:12:34:56' }],
    ['JSON is YAML', '{"a": [1, {"b": null}]}', { a: [1, { b: null }] }],
    ['an empty document is null', '# nothing\n', null],
    ['aliases repeat', 'a: &x {k: 1}\nb: *x\nc: [*x]', { a: { k: 1 }, b: { k: 1 }, c: [{ k: 1 }] }],
    [
      'own keys win over merged ones',
      'a: &x {k: 1, l: 2}\nb: {<<: *x, k: 3}',
      {
        a: { k: 1, l: 2 },
        b: { k: 3, l: 2 },
      },
    ],
    [
      'earlier merged maps win',
      'a: &x {k: 1}\nb: &y {k: 2, l: 3}\nc: {<<: [*x, *y]}',
      {
        a: { k: 1 },
        b: { k: 2, l: 3 },
        c: { k: 1, l: 3 },
      },
    ],
    ['an anchor may be set anew', 'a: &x 1\nb: *x\nc: &x 2\nd: *x', { a: 1, b: 1, c: 2, d: 2 }],
    [
      'a number beyond a double stays text',
      'a: 12345678901234567890',
      { a: '12345678901234567890' },
    ],
    ['keys are texts', '100: a\ntrue: b', { '100': 'a', true: 'b' }],
  ])('%s', (_, text, value) => {
    expect(read(text)).toEqual(value);
  });

  test.each<[string, unknown]>([
    ['yes', true],
    ['No', false],
    ['on', true],
    ['y', 'y'],
    ['010', 8],
    ['08', '08'],
    ['1_000', 1000],
    ['1:30', 90],
    ['52:54:00:12:34:56', '52:54:00:12:34:56'],
    ['1e3', '1e3'],
    ['1.5e+3', 1500],
    ['2001-02-03', '2001-02-03'],
    ['~', null],
  ])('as Ansible reads it, %s', (text, value) => {
    expect(read(`a: ${text}`, true)).toEqual({ a: value });
  });

  test('no key reaches a prototype', () => {
    expect(failureOf(() => read('{"__proto__": {"polluted": 1}}'))[0]).toContain('a.yml:1:2');
    expect(read('constructor: 1')).toEqual({ constructor: 1 });
  });
});

describe('places', () => {
  const text = ['plays:', '  - name: x', '    list: [1, 22]', '  - &a', '    k: v', '  - *a'].join(
    '\n',
  );
  const document = parseDocument('a.yml', text);

  test.each<[DocumentPath, number, number]>([
    [[], 1, 1],
    [['plays'], 1, 1],
    [['plays', 0], 2, 5],
    [['plays', 0, 'name'], 2, 5],
    [['plays', 0, 'list'], 3, 5],
    [['plays', 0, 'list', 1], 3, 15],
    [['plays', 0, 'missing', 'deeper'], 2, 5],
    [['plays', 2], 6, 5],
    [['plays', 2, 'k'], 5, 5],
    [['constructor'], 1, 1],
  ])('of %j', (path, line, column) => {
    expect(document.locate(path)).toEqual({ file: 'a.yml', line, column });
  });
});

describe('mistakes', () => {
  test.each<[string, string, string]>([
    ['a tab', 'a:\n\tb: 1', 'a.yml:2:1 YAML_SYNTAX: Tabs are not allowed as indentation'],
    ['an open quote', 'a: "b\n', 'a.yml:2:1 YAML_SYNTAX: Missing closing "quote'],
    ['two documents', 'a: 1\n---\nb: 1', 'a.yml:2:1 YAML_SYNTAX: '],
    [
      'a key given twice',
      'a: 1\nb: 2\na: 3',
      'a.yml:3:1 YAML_SYNTAX: "a" is given twice in one map; keep one of the two\n  first at a.yml:1:1',
    ],
    [
      'an alias without anchor',
      'a: *b',
      'a.yml:1:4 YAML_SYNTAX: alias "*b" has no anchor before it',
    ],
    [
      'an alias of what it is in',
      'a: &a [*a]',
      'a.yml:1:8 YAML_SYNTAX: alias "*a" contains itself',
    ],
    ['a merge of a text', 'a:\n  <<: b', 'a.yml:2:3 YAML_SYNTAX: "<<" merges maps only'],
    ['a secret', 'a: !vault |\n  x', 'a.yml:1:4 NOT_SUPPORTED: !vault is read in inventories'],
    [
      'an unknown tag',
      'a: !ruby/object x',
      'a.yml:1:4 YAML_SYNTAX: the tag !ruby/object is not known here',
    ],
  ])('%s is told at its place', (_, text, message) => {
    expect(failureOf(() => read(text))[0]).toContain(message);
  });

  test.each(['a: {{ x }}', 'a: {{ x }}/24', '- {{ x }}'])('%s: the quotes are missing', (text) => {
    expect(failureOf(() => read(text)).join('\n')).toContain('needs quotes: "{{ name }}"');
  });

  test('aliases that multiply without end are refused', () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(9).fill(`*l${i}`).join(', ')}]`,
    );
    expect(failureOf(() => read(['l0: &l0 x', ...levels].join('\n')))).toEqual([
      expect.stringContaining('aliases expand to more than'),
    ]);
  });

  test.each([100, 20_000])('%i levels are refused', (depth) => {
    expect(failureOf(() => read('['.repeat(depth) + ']'.repeat(depth)))).toEqual([
      expect.stringContaining('more than 64 levels'),
    ]);
  });

  test('all double keys are told at once', () => {
    expect(failureOf(() => read('a: 1\na: 1\nb: {c: 1, c: 2}'))).toHaveLength(2);
  });
});

test('whatever the text, the result is plain data or errors for the user', () => {
  const token = fc.constantFrom(
    'a',
    'b:',
    ': ',
    '- ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    ',',
    '&x ',
    '*x',
    '<<: ',
    '!!set ',
    '"',
    "'",
    '|',
    '>',
    '%YAML 1.1\n',
    '---\n',
    '#',
    '\t',
    '? ',
    '__proto__: ',
    '{{',
    '}}',
    '1',
    '~',
    '\0',
    '!t ',
  );
  const text = fc.oneof(
    fc.array(token, { maxLength: 30 }).map((parts) => parts.join('')),
    fc.string(),
  );
  fc.assert(
    fc.property(text, fc.boolean(), (source, yaml11) => {
      try {
        JSON.stringify(read(source, yaml11));
      } catch (error) {
        expect(error instanceof NetorchError || error instanceof NetorchErrors).toBe(true);
      }
      expect(Object.hasOwn(Object.prototype, 'a')).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('what is written as JSON is read as it was', () => {
  const value = fc
    .jsonValue({ maxDepth: 4 })
    .filter((v) => !JSON.stringify(v).includes('__proto__'));
  fc.assert(
    fc.property(value, (written) => {
      // JSON has no -0 and YAML no way to tell; big numbers stay text on purpose.
      const plain: unknown = JSON.parse(JSON.stringify(written));
      fc.pre(!/\d{16}|e\+/.test(JSON.stringify(plain)));
      expect(read(JSON.stringify(plain))).toEqual(plain);
    }),
  );
});
