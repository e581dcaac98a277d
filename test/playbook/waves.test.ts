import { describe, expect, test } from 'vitest';
import type { SerialStep } from '../../src/playbook/serial-waves.js';
import { lastAndAlone, planWaves } from '../../src/playbook/waves.js';

const hosts = (count: number) => Array.from({ length: count }, (_, index) => `h${index}`);

test.each<[string, number, SerialStep[], number[]]>([
  ['no steps are one wave', 5, [], [5]],
  ['a number', 5, [{ hosts: 2 }], [2, 2, 1]],
  ['the last step repeats', 8, [{ hosts: 1 }, { hosts: 3 }], [1, 3, 3, 1]],
  ['0 is everything that is left', 5, [{ hosts: 1 }, { hosts: 0 }], [1, 4]],
  ['a share is of all hosts', 10, [{ hosts: 1 }, { percent: 50 }], [1, 5, 4]],
  ['a share is truncated', 10, [{ percent: 39 }], [3, 3, 3, 1]],
  ['a share is at least one host', 4, [{ percent: 1 }], [1, 1, 1, 1]],
  ['more than there are', 3, [{ hosts: 9 }], [3]],
  ['no hosts, no waves', 0, [{ hosts: 2 }], []],
])('%s', (_, count, serial, sizes) => {
  const waves = planWaves(hosts(count), { serial, neverTogether: [], spread: undefined });
  expect(waves.map((wave) => wave.length)).toEqual(sizes);
  expect(waves.flat()).toEqual(hosts(count));
});

describe('hosts in racks and quorums', () => {
  /** `a1`: rack a; the number is the member of a quorum, 0 is in none. */
  const rack = (host: string) => host.slice(0, 1);
  const quorum = (host: string) => (host.endsWith('0') ? undefined : host.slice(1));

  test.each<[string, string[], SerialStep[], Partial<Parameters<typeof planWaves>[1]>, string[]]>([
    [
      'are never together with their own kind, and the wave is filled with others',
      ['a1', 'b1', 'a2', 'b2', 'a3'],
      [{ hosts: 2 }],
      { neverTogether: [quorum] },
      ['a1 a2', 'b1 b2', 'a3'],
    ],
    [
      'keep apart by each of several variables',
      ['a1', 'a2', 'b1', 'b2'],
      [],
      { neverTogether: [quorum, rack] },
      ['a1 b2', 'a2 b1'],
    ],
    [
      'are bound to nothing without a value',
      ['a0', 'b0', 'c0', 'a1', 'b1'],
      [],
      { neverTogether: [quorum] },
      ['a0 b0 c0 a1', 'b1'],
    ],
    [
      'are spread: each wave takes its share of each rack',
      ['a1', 'a2', 'a3', 'a4', 'b1', 'b2'],
      [{ hosts: 3 }],
      { spread: rack },
      ['a1 b1 a2', 'a3 b2 a4'],
    ],
    [
      'are spread and kept apart at once',
      ['a1', 'a2', 'b1', 'b2'],
      [{ hosts: 2 }],
      { spread: rack, neverTogether: [quorum] },
      ['a1 a2', 'b1 b2'],
    ],
  ])('%s', (_name, names, serial, rules, waves) => {
    const found = planWaves(names, { serial, neverTogether: [], spread: undefined, ...rules });
    expect(found.map((wave) => wave.join(' '))).toEqual(waves);
  });

  test('come last and alone when others depend on them', () => {
    expect(lastAndAlone([['a', 'gate'], ['b', 'c'], ['inner']], ['inner', 'gate', 'x'])).toEqual([
      ['a'],
      ['b', 'c'],
      ['inner'],
      ['gate'],
    ]);
  });
});
