import { expect, test } from 'vitest';
import { parsePythonLiteral } from '../../src/inventory/python-literal.js';

test.each<[string, unknown]>([
  ['5', 5],
  ['-5', -5],
  ['- 5', -5],
  ['0x10', 16],
  ['0o17', 15],
  ['1_000', 1000],
  ['00', 0],
  ['01.5', 1.5],
  ['1e3', 1000],
  ['True', true],
  ['None', null],
  ['(1)', 1],
  ['(1,)', [1]],
  ['1,2', [1, 2]],
  ['()', []],
  ["[1, 'a', [None]]", [1, 'a', [null]]],
  ["{'a': 1, 2: {}}", { a: 1, 2: {} }],
  ['\'a\' "b"', 'ab'],
  ["'''a'b'''", "a'b"],
  ["r'\\n'", '\\n'],
  ["'\\x41\\u00e9\\101\\q'", 'AéA\\q'],
  ["b'x'", 'x'],
  ['8080 # port', 8080],
])('%s is a literal', (text, value) => {
  expect(parsePythonLiteral(text)).toEqual({ value });
});

test.each([
  '',
  'text',
  'true',
  'null',
  'yes',
  '01',
  '--5',
  '+True',
  '1.0.0',
  '10:20',
  '1__0',
  '0x',
  '1 2',
  '[1',
  '[1, # c]',
  '{1, 2}',
  '{[1]: 2}',
  "{'__proto__': 1}",
  "'a",
  "b'x' 'y'",
  "f'x'",
  '1+2j',
  '1e999',
  '9007199254740993',
  "'\\xZ'",
  'set()',
  '('.repeat(300),
])('%s stays text', (text) => {
  expect(parsePythonLiteral(text)).toBeUndefined();
});
