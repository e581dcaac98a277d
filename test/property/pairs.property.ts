/** Random pairs of documents, there and back; started by scripts/test-property.js. */
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

import { pairOf, runPairs, type Pair } from './pair.js';
import { placeFor } from './place.js';
import { Progress, wanted } from './progress.js';

test('every pair is reached value by value, planned again in vain, and given back', async () => {
  const { seed, count, wide, where, progress: file } = wanted();
  const progress = new Progress(file);
  const { guest, leave } = await placeFor(where);
  try {
    let next = seed;
    while (progress.run < count) {
      const pairs: Pair[] = [];
      for (; pairs.length < Math.min(wide, count - progress.run); next += 1)
        if (!progress.has(next)) pairs.push(pairOf(next, pairs.length, where === 'lab'));
      for (const verdict of await runPairs(guest, pairs)) {
        progress.add(verdict);
        if (verdict.kind !== 'failed') continue;
        const pair = pairs.find((one) => one.seed === verdict.seed);
        console.log(
          [
            `seed ${verdict.seed} failed: ${verdict.stage}`,
            ...verdict.difference,
            '--- the first document',
            stringify(pair?.first),
            '--- the second document',
            stringify(pair?.second),
          ].join('\n'),
        );
      }
      console.log(
        `seeds ${seed}-${next - 1}: ${progress.count('passed')} passed, ${progress.count('failed')} failed, ${progress.count('refused')} refused`,
      );
    }
  } finally {
    await leave();
  }
  expect(progress.count('failed')).toBe(0);
});
