/** The way back from any point; started by scripts/test-property.js. */
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

import { runAnyPoint } from './any-point.js';
import { Failure, pairOf } from './pair.js';
import { placeFor } from './place.js';
import { Progress, wanted } from './progress.js';

test('a change cut after any of its lines is given back', async () => {
  const { seed, count, where, progress: file } = wanted();
  const progress = new Progress(file);
  const { guest, leave } = await placeFor(where);
  let all = 0;
  try {
    for (let next = seed; progress.run < count; next += 1) {
      if (progress.has(next)) continue;
      const pair = pairOf(next, 0, where === 'lab');
      try {
        const { points, refused } = await runAnyPoint(guest, pair);
        all += points;
        progress.add({ seed: next, kind: refused === undefined ? 'passed' : 'refused', points });
      } catch (error) {
        const known =
          error instanceof Failure
            ? error
            : new Failure('error', [error instanceof Error ? (error.stack ?? '') : String(error)]);
        progress.add({ seed: next, kind: 'failed', stage: known.stage });
        console.log(
          [
            `seed ${next} failed: ${known.stage}`,
            ...known.difference,
            '--- the first document',
            stringify(pair.first),
            '--- the second document',
            stringify(pair.second),
          ].join('\n'),
        );
      }
      console.log(
        `seeds ${seed}-${next}: ${progress.count('passed')} passed, ${progress.count('failed')} failed, ${progress.count('refused')} refused, ${all} points`,
      );
    }
  } finally {
    await leave();
  }
  expect(progress.count('failed')).toBe(0);
});
