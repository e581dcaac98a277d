import { expect, test } from 'vitest';

import { culprits, meshText, shortNames, type MeshFault } from '../../src/probes/mesh-faults.js';

/** "h1 h2 1500": h1 gets answers from h2 up to 1500 bytes; without a number, none. */
const faultsOf = (...lines: readonly string[]): readonly MeshFault[] =>
  lines.map((line) => {
    const [from = '', to = '', bytes = '0'] = line.split(' ');
    return { from, to, bytes: Number(bytes) };
  });

const hosts = (count: number) => Array.from({ length: count }, (_, index) => `h${index + 1}`);

/** Each of these does not reach each of those. */
const between = (some: readonly string[], others: readonly string[], bytes = 0) =>
  some.flatMap((from) =>
    others.filter((to) => to !== from).map((to): MeshFault => ({ from, to, bytes })),
  );

test.each<[string, readonly MeshFault[], readonly string[], string, readonly string[]]>([
  ['all is well', [], hosts(8), '', []],
  [
    'one host is off the network',
    between(['h3'], hosts(8)),
    hosts(8),
    'h3 is reached by nobody',
    ['h3'],
  ],
  [
    'one host is off the network, and cannot say so itself',
    between(['h1', 'h2', 'h4'], ['h3']),
    hosts(4),
    'h3 is reached by nobody',
    ['h3'],
  ],
  [
    'two hosts are off the network',
    between(['h3', 'h6'], hosts(8)),
    hosts(8),
    'h3, h6 are reached by nobody',
    ['h3', 'h6'],
  ],
  [
    'the two halves are on two switches with a narrow path between them',
    between(hosts(4), ['h5', 'h6', 'h7', 'h8'], 1500),
    hosts(8),
    'h1-h4 and h5-h8 do not reach each other with more than 1500 bytes',
    hosts(8),
  ],
  [
    'one is in another segment with another, and the smaller group is to blame',
    between(['h1', 'h2'], ['h3', 'h4', 'h5', 'h6']),
    hosts(6),
    'h1, h2 and h3-h6 do not reach each other',
    ['h1', 'h2'],
  ],
  [
    'a single pair: nobody knows which of them it is',
    faultsOf('h2 h5'),
    hosts(8),
    'h2 and h5 do not reach each other',
    ['h2', 'h5'],
  ],
  ['two hosts', faultsOf('h1 h2'), hosts(2), 'h1, h2 do not reach each other', hosts(2)],
  [
    'nobody reaches anybody',
    between(hosts(4), hosts(4), 84),
    hosts(4),
    'h1-h4 do not reach each other with more than 84 bytes',
    hosts(4),
  ],
  [
    'one is off, and another takes small packets only from some',
    [...between(['h3'], hosts(6)), ...between(['h5'], ['h1', 'h2'], 1500)],
    hosts(6),
    'h3 is reached by nobody; h1, h2 and h5 do not reach each other with more than 1500 bytes',
    ['h3', 'h5'],
  ],
])('%s', (_, faults, all, text, blamed) => {
  expect(meshText(faults, all)).toBe(text);
  expect([...culprits(faults)].toSorted()).toEqual(blamed);
});

test('a chaos of faults is told in a few sentences', () => {
  const all = hosts(40);
  const faults = all.flatMap((from, index) =>
    all
      .filter((_, other) => other > index && (index * 7 + other * 3) % 5 === 0)
      .map((to) => ({
        from,
        to,
        bytes: 0,
      })),
  );
  expect(meshText(faults, all).length).toBeLessThan(1500);
});

test.each([
  [['a'], 'a'],
  [['h1', 'h2'], 'h1, h2'],
  [['h1', 'h2', 'h3', 'h5'], 'h1-h3, h5'],
  [['web08.x', 'web09.x', 'web10.x', 'web11.x'], 'web08.x-web11.x'],
  [['h9', 'h10', 'h11', 'db1'], 'h9-h11, db1'],
  [hosts(30).filter((_, index) => index % 2 === 0), 'h1, h3, h5, h7, h9, h11, h13, h15 and 7 more'],
])('%j is told as %s', (names, text) => {
  expect(shortNames(names)).toBe(text);
});
