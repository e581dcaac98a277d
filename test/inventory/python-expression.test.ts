import { expect, test } from 'vitest';
import { pythonExpression } from '../../src/inventory/python-expression.js';

test.each([
  ['web', 'web12', true],
  ['eb', 'web', false],
  ['a|web', 'xweb', false],
  ['web\\-\\d{,2}$', 'web-12', true],
  ['web\\-\\d{,2}$', 'web-123', false],
  ['\\Aweb\\Z', 'web', true],
  ['\\Aweb\\Z', 'web1', false],
  ['(?P<a>w)(?P=a)', 'ww', true],
  ['(?P<a>w)(?P=a)', 'wv', false],
  ['(?i)WEB', 'web', true],
  ['[]x]+$', ']x', true],
  ['[^]x]', 'x', false],
  ['[{,2}]', '{', true],
  ['\\[x\\]', '[x]', true],
])('%s on %s: %s', (source, name, matches) => {
  expect(pythonExpression(source)?.test(name)).toBe(matches);
});

test.each(['(', '[a', '(?x)a b', '*', '(?P=a)'])('%s is refused', (source) => {
  expect(pythonExpression(source)).toBeUndefined();
});
