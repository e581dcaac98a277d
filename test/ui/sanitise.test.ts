import { fc } from '../generated.js';
import { describe, expect, test } from 'vitest';
import { safeJson, sanitise, sanitiseLines } from '../../src/ui/sanitise.js';

describe('sanitise', () => {
  test.each([
    ['leaves plain text alone', 'eth1 up, 192.0.2.5/24', 'eth1 up, 192.0.2.5/24'],
    ['leaves letters of other scripts alone', 'Zürich 東京 ✓', 'Zürich 東京 ✓'],
    ['removes colours', '\u001b[31mred\u001b[0m', 'red'],
    ['removes cursor movement and screen clearing', 'a\u001b[2J\u001b[Hb', 'ab'],
    ['removes the 8-bit form of a control sequence', 'a\u009b2Jb', 'ab'],
    ['removes a window title (BEL)', 'a\u001b]0;owned\u0007b', 'ab'],
    ['removes a hyperlink (ST)', '\u001b]8;;http://x\u001b\\text\u001b]8;;\u001b\\', 'text'],
    ['removes a device control string', 'a\u001bPq#0\u001b\\b', 'ab'],
    ['removes a terminal reset', 'a\u001bcb', 'ab'],
    ['keeps the text after an introducer that never ends', 'a\u001b]0;rest', 'a0;rest'],
    ['shows other control characters', 'a\u0000\u0008\u007f\u0085b', 'a\ufffd\ufffd\ufffd\ufffdb'],
    ['shows marks that reorder text', 'user\u202etxt.exe', 'user\ufffdtxt.exe'],
    ['makes one line of many', 'a\r\nb\nc\td', 'a b c d'],
  ])('%s', (_, text, expected) => {
    expect(sanitise(text)).toBe(expected);
  });
});

test('sanitiseLines keeps the lines apart and drops empty ones', () => {
  expect(sanitiseLines('one\r\n\u001b[1mtwo\u001b[0m  \n\nthree')).toEqual(['one', 'two', 'three']);
});

test('safeJson means the same value and holds no character a terminal obeys', () => {
  const value = { text: 'a\u001b[2J\u009b2J\u007f\u202e\u2028b' };
  const json = safeJson(value);
  expect(JSON.parse(json)).toEqual(value);
  expect(json).toMatch(/^[\u0020-\u007e]*$/);
});

test('whatever comes in, nothing that a terminal obeys comes out', () => {
  const nasty = fc.string({
    unit: fc.constantFrom(
      '\u001b',
      '[',
      ']',
      '3',
      'm',
      ';',
      '\u0007',
      '\u009b',
      '\u009c',
      '\\',
      'a',
    ),
  });
  fc.assert(
    fc.property(
      fc.oneof(nasty, fc.string({ unit: 'binary' })),
      (text) => !/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(sanitise(text)),
    ),
  );
});
