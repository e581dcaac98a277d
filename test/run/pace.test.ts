import { expect, test } from 'vitest';
import { Pace } from '../../src/run/pace.js';

function paceAfter(reachMs: number, inFlight: number, times = 30): Pace {
  const pace = new Pace(100);
  for (let i = 0; i < times; i++) pace.reached(reachMs, inFlight);
  return pace;
}

test('before anything is measured, as many as are allowed', () => {
  expect(new Pace(100).limit(40)).toBe(100);
});

test('while hosts are reached fast nothing is held back, however few are in flight', () => {
  expect(paceAfter(5_000, 1).limit(40)).toBe(100);
});

test.each([
  // hosts in flight / seconds each × a quarter of the deadline
  [20_000, 80, 40, 40],
  [40_000, 80, 40, 20],
  [60_000, 2, 40, 1],
])(
  'reached in %i ms with %i in flight, and %i s to confirm: %i',
  (ms, inFlight, deadline, limit) => {
    expect(paceAfter(ms, inFlight).limit(deadline)).toBe(limit);
  },
);

test('it is lifted again when hosts are reached fast again', () => {
  const pace = paceAfter(60_000, 50);
  for (let i = 0; i < 30; i++) pace.reached(1_000, 10);
  expect(pace.limit(40)).toBe(100);
});
