import { describe, expect, test } from 'vitest';
import { fitText, textWidth, truncateMiddle, truncateText } from '../../src/ui/text-width.js';

test.each([
  ['', 0],
  ['web1', 4],
  ['Zürich', 6],
  ['Zu\u0308rich', 6],
  ['東京', 4],
  ['ｗｅｂ', 6],
  ['서울', 4],
  ['✓ ✗ ↩ ⚑ · …', 11],
  ['🚀', 2],
])('%j takes %i cells', (text, width) => {
  expect(textWidth(text)).toBe(width);
});

describe('truncateText', () => {
  test.each([
    ['web1', 4, 'web1'],
    ['web12', 4, 'web…'],
    ['東京都', 5, '東京…'],
    ['東京都', 4, '東…'],
    ['web1', 1, 'w'],
    ['web1', 0, ''],
  ])('%j in %i cells is %j', (text, width, expected) => {
    expect(truncateText(text, width, '…')).toBe(expected);
  });
});

test('fitText fills up by cells, not by characters', () => {
  expect(fitText('東', 5, '…')).toBe('東   ');
  expect(fitText('東京都', 5, '…')).toBe('東京…');
  expect(fitText('東京都', 4, '…')).toBe('東… ');
});

describe('truncateMiddle', () => {
  test.each([
    ['web1', 4, 'web1'],
    ['abcdefghijkl', 11, 'abcdef…ijkl'],
    ['東京都東京都', 9, '東京都…都'],
  ])('%j in %i cells is %j', (text, width, expected) => {
    expect(truncateMiddle(text, width, '…')).toBe(expected);
  });
});
