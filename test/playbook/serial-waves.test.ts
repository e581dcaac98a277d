import { expect, test } from 'vitest';
import { serialWaves } from '../../src/playbook/serial-waves.js';
import type { SerialStep } from '../../src/playbook/serial-waves.js';

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
  const waves = serialWaves(hosts(count), serial);
  expect(waves.map((wave) => wave.length)).toEqual(sizes);
  expect(waves.flat()).toEqual(hosts(count));
});
