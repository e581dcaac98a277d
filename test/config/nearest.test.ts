import { expect, test } from 'vitest';
import { nearest } from '../../src/config/nearest.js';

test.each<[string, string[], string | undefined]>([
  ['adress', ['address', 'access'], 'address'],
  ['base_iface', ['base', 'base-iface'], 'base-iface'],
  ['MTU', ['mac', 'mtu'], 'mtu'],
  ['mtu', ['mac', 'mut'], 'mut'],
  ['cluster2', ['cluster1', 'cluster10'], 'cluster1'],
  ['xyzzy', ['mtu', 'name', 'state'], undefined],
  ['constructor', [], undefined],
])('nearest to %s of %j is %s', (word, candidates, expected) => {
  expect(nearest(word, candidates)).toBe(expected);
});
