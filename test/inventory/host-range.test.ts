import { expect, test } from 'vitest';
import { HostRangeError, expandHostRange } from '../../src/inventory/host-range.js';

test.each<[string, string[]]>([
  ['h1', ['h1']],
  ['h[1:3]', ['h1', 'h2', 'h3']],
  ['h[08:11]', ['h08', 'h09', 'h10', 'h11']],
  ['h[0:8:4].x', ['h0.x', 'h4.x', 'h8.x']],
  ['h[:2]', ['h0', 'h1', 'h2']],
  ['h[y:B]', ['hy', 'hz', 'hA', 'hB']],
  ['r[1:2]-[a:b]', ['r1-a', 'r1-b', 'r2-a', 'r2-b']],
  ['h[3:3]', ['h3']],
])('%s is %j', (pattern, names) => {
  expect(expandHostRange(pattern)).toEqual(names);
});

test.each([
  ['h[3:1]', 'counts down'],
  ['h[f:a]', 'counts down'],
  ['h[01:100]', 'same number of digits'],
  ['h[1:]', 'has no end'],
  ['h[1:c]', 'is no range'],
  ['h[1]', 'is no range'],
  ['h[1:9:0]', 'the step'],
  ['h[1:9', 'has no "]"'],
  ['h[1:999999999]', 'too long'],
  ['h[1:999][1:999]', 'more than'],
])('%s is refused', (pattern, message) => {
  expect(() => expandHostRange(pattern)).toThrow(HostRangeError);
  expect(() => expandHostRange(pattern)).toThrow(message);
});
