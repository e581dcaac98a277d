import { expect, test } from 'vitest';
import { EventLimit } from '../../src/run/event-limit.js';

let number = 0;

/** So many different events at one moment; how many were passed on. */
function burst(limit: EventLimit, count: number, nowMs: number, link?: string): number {
  return Array.from({ length: count }, () => limit.take(nowMs, `${number++}`, link)).filter(Boolean)
    .length;
}

test('a burst is passed on, and what comes steadily after it', () => {
  const limit = new EventLimit(0);
  expect(burst(limit, 100, 0)).toBe(100);
  for (let second = 1; second <= 60; second++) {
    expect(burst(limit, 10, second * 1000)).toBe(10);
    expect(limit.look(second * 1000)).toBeUndefined();
  }
});

test('a flood is left out, told every few seconds and when it is over, and then all is passed on again', () => {
  const limit = new EventLimit(0);
  expect(burst(limit, 1000, 0, 'eth1')).toBe(100);
  const told = [];
  for (let second = 1; second <= 10; second++) {
    told.push(limit.look(second * 1000)?.count);
    if (second < 8) expect(burst(limit, 1000, second * 1000 + 1)).toBe(0);
  }
  expect(told).toEqual([
    ...[undefined, undefined, undefined, undefined, 900 + 4 * 1000],
    ...[undefined, undefined, undefined, 3 * 1000, undefined],
  ]);
  expect(burst(limit, 10, 10_000)).toBe(10);
});

test('names the links of which something was left out, and no more than a few', () => {
  const limit = new EventLimit(0);
  burst(limit, 100, 0);
  for (let index = 0; index < 50; index++) burst(limit, 2, 0, `eth${index}`);
  expect(limit.rest(2000)).toEqual({
    count: 100,
    seconds: 2,
    links: ['eth0', 'eth1', 'eth2', 'eth3', 'eth4', 'eth5', 'eth6', 'eth7'],
  });
  expect(limit.rest(2000)).toBeUndefined();
});

test('what is always the same is passed on a few times, and others still are', () => {
  const limit = new EventLimit(0);
  const flaps = (nowMs: number) =>
    Array.from({ length: 50 }, () => ['lost', 'found'].map((what) => limit.take(nowMs, what, 'e1')))
      .flat()
      .filter(Boolean).length;
  expect(flaps(0)).toBe(10);
  expect(burst(limit, 20, 0)).toBe(20);
  expect(limit.look(1000)).toBeUndefined();
  expect(limit.look(2000)).toEqual({ count: 90, seconds: 2, links: ['e1'] });
  // Once in two seconds is no flood.
  for (let second = 3; second < 40; second += 2) {
    expect(limit.take(second * 1000, 'lost', 'e1')).toBe(true);
    expect(limit.look(second * 1000)).toBeUndefined();
    expect(limit.look((second + 1) * 1000)).toBeUndefined();
  }
});
