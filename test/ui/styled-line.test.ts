import { describe, expect, test } from 'vitest';
import type { StyledLine } from '../../src/ui/styled-line.js';
import {
  lineText,
  lineWidth,
  paintLine,
  span,
  truncateLine,
  wrapLine,
  wrapStyledLine,
} from '../../src/ui/styled-line.js';

const LINE: StyledLine = [span('✗ ', 'bad'), span('web1', 'strong'), span(' failed: no answer')];

describe('truncateLine', () => {
  test.each([
    [24, '✗ web1 failed: no answer'],
    [23, '✗ web1 failed: no answ…'],
    [6, '✗ web…'],
    [2, '✗…'],
    [1, '✗'],
  ])('in %i cells', (width, expected) => {
    const cut = truncateLine(LINE, width, '…');
    expect(lineText(cut)).toBe(expected);
    expect(lineWidth(cut)).toBeLessThanOrEqual(width);
  });

  test('shows that something is cut where a part ends exactly at the edge', () => {
    expect(lineText(truncateLine(LINE, 6, '…'))).toBe('✗ web…');
    expect(lineText(truncateLine([span('ab'), span('cd')], 2, '…'))).toBe('a…');
  });
});

describe('wrapStyledLine', () => {
  test.each<[string, string, number, number, readonly string[]]>([
    ['breaks at blanks', 'one two three', 7, 0, ['one two', 'three']],
    ['indents what follows', 'one two three', 7, 2, ['one two', '  three']],
    ['keeps the indentation of the first line', '  one two', 5, 4, ['  one', '  two']],
    ['breaks a long word hard', 'ab abcdefgh', 4, 0, ['ab', 'abcd', 'efgh']],
    ['never loses a wide character', '東京', 1, 0, ['東', '京']],
  ])('%s', (_, text, width, indent, expected) => {
    const lines = wrapStyledLine([span(text)], width, indent).map((line) => lineText(line));
    expect(lines).toEqual(expected);
  });

  test('keeps styles across a break', () => {
    expect(wrapStyledLine([span('a '), span('bb cc', 'bad')], 4, 0).at(-1)).toEqual([
      span('cc', 'bad'),
    ]);
  });
});

test('wrapLine indents below its prefix', () => {
  const lines = wrapLine([span('! ', 'warning')], 'one two three', 'plain', 9);
  expect(lines.map((line) => lineText(line))).toEqual(['! one two', '  three']);
});

test('paintLine leaves no colour on at the end of a part', () => {
  expect(paintLine([span('a', 'bad'), span('b')], true)).toBe('\u001b[31ma\u001b[39mb');
  expect(paintLine([span('a', 'bad'), span('b')], false)).toBe('ab');
});
