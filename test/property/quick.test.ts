/**
 * The quick part: a few pairs and one change cut after each of its lines, on this machine's own kernel,
 * which need know no bonds and VLANs. With these, and at length: `npm run test:property`.
 */
import { describe, expect, test } from 'vitest';

import { whyNot } from '../agents/namespace-host.js';
import { runAnyPoint } from './any-point.js';
import { pairOf, runPairs } from './pair.js';
import { placeFor } from './place.js';

const reason = whyNot('dash') ?? whyNot('busybox ash');

describe.skipIf(reason !== undefined)(
  `random documents on a real kernel${reason === undefined ? '' : ` (${reason})`}`,
  () => {
    test('are reached value by value, planned again in vain, and given back', async () => {
      const { guest, leave } = await placeFor('here');
      try {
        const pairs = [1, 2, 3, 4, 5, 6].map((seed, slot) => pairOf(seed, slot, false));
        const verdicts = await runPairs(guest, pairs);
        expect(verdicts.filter((verdict) => verdict.kind === 'failed')).toEqual([]);
        expect(verdicts.filter((verdict) => verdict.kind === 'passed').length).toBeGreaterThan(3);
      } finally {
        await leave();
      }
    });

    test('are given back from after each line of the change', async () => {
      const { guest, leave } = await placeFor('here');
      try {
        const { points } = await runAnyPoint(guest, [pairOf(3, 0, false)]);
        expect(points.get(3)).toBeGreaterThan(5);
      } finally {
        await leave();
      }
    });
  },
);
