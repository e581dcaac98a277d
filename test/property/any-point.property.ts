/** The way back from any point; started by scripts/test-property.js. */
import { expect, test } from 'vitest';
import { stringify } from 'yaml';

import { runAnyPoint } from './any-point.js';
import type { Guest } from './guest.js';
import { failureOf, pairOf, partsOf, type Pair } from './pair.js';
import { placeFor } from './place.js';
import { Progress, wanted } from './progress.js';

type Verdict = Readonly<
  | { seed: number; kind: 'passed'; points: number }
  | { seed: number; kind: 'refused'; reason: string }
  | { seed: number; kind: 'failed'; stage: string; difference: readonly string[] }
>;

/** Side by side; when that fails, in parts, to know whose fault it is. */
async function verdictsOf(guest: Guest, pairs: readonly Pair[]): Promise<readonly Verdict[]> {
  try {
    const { points, refused } = await runAnyPoint(guest, pairs);
    return pairs.map(({ seed }): Verdict => {
      const reason = refused.get(seed);
      return reason === undefined
        ? { seed, kind: 'passed', points: points.get(seed) ?? 0 }
        : { seed, kind: 'refused', reason };
    });
  } catch (error) {
    const { stage, difference } = failureOf(error);
    const [first] = pairs;
    if (first === undefined) return [];
    if (pairs.length === 1) return [{ seed: first.seed, kind: 'failed', stage, difference }];
    const seeds = pairs.map((pair) => pair.seed).join(' ');
    console.log([`${stage}, one of ${seeds}:`, ...difference.slice(0, 8)].join('\n'));
    const verdicts: Verdict[] = [];
    for (const part of partsOf(pairs, difference))
      verdicts.push(...(await verdictsOf(guest, part)));
    if (verdicts.some(({ kind }) => kind === 'failed')) return verdicts;
    const together: Verdict = {
      seed: first.seed,
      kind: 'failed',
      stage: `${stage}, only together: ${seeds}`,
      difference,
    };
    return [together, ...verdicts.filter(({ seed }) => seed !== first.seed)];
  }
}

test('a change cut after any of its lines is given back', async () => {
  const { seed, count, wide, where, progress: file } = wanted();
  const progress = new Progress(file);
  const { guest, leave } = await placeFor(where);
  let all = 0;
  try {
    let next = seed;
    while (progress.run < count) {
      const pairs: Pair[] = [];
      for (; pairs.length < Math.min(wide, count - progress.run); next += 1)
        if (!progress.has(next)) pairs.push(pairOf(next, pairs.length, where === 'lab'));
      for (const verdict of await verdictsOf(guest, pairs)) {
        progress.add(verdict);
        if (verdict.kind === 'passed') all += verdict.points;
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
        `seeds ${seed}-${next - 1}: ${progress.count('passed')} passed, ${progress.count('failed')} failed, ${progress.count('refused')} refused, ${all} points`,
      );
    }
  } finally {
    await leave();
  }
  expect(progress.count('failed')).toBe(0);
});
