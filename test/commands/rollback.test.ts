import { expect, test } from 'vitest';
import { whyNotMine } from '../../src/commands/rollback.js';

const open = (secondsLeft: number) => ({
  transaction: '20260101T000000-a',
  state: 'applied',
  ageSeconds: 10,
  secondsLeft,
  owner: 'me@laptop, run 1',
});

test.each([
  ['the run is known to be dead', 20, 'dead', undefined],
  ['its deadline has passed', -1, 'unknown', undefined],
  ['its deadline has passed though the run goes on', 0, 'alive', undefined],
  ['the run goes on', 20, 'alive', 'its run still goes on, on this machine'],
  ['nobody knows', 20, 'unknown', 'its run may still go on: it was begun elsewhere'],
] as const)('whether an open transaction may be ended: %s', (_, left, run, expected) => {
  expect(whyNotMine(open(left), run)).toBe(expected);
});
