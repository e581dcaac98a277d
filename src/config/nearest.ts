/** "Did you mean …": the known word that is nearest to what somebody typed. */

/**
 * The nearest candidate, or undefined when none is near enough to be a likely slip: a third of the
 * letters may differ. Case and the choice between `-`, `_` and a blank do not count as differences.
 * The first of equally near candidates wins.
 */
export function nearest(key: string, candidates: Iterable<string>): string | undefined {
  const wanted = normalise(key);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate === key) continue;
    const distance = editDistance(wanted, normalise(candidate), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` (did you mean "x"?)`, or nothing. */
export function didYouMean(key: string, candidates: Iterable<string>): string {
  const found = nearest(key, candidates);
  return found === undefined ? '' : ` (did you mean "${found}"?)`;
}

function normalise(text: string): string {
  return text.slice(0, 100).toLowerCase().replace(/[\s_]/g, '-');
}

/** Insertions, deletions, substitutions and swaps of neighbours; `limit` when it is not below that. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(cell(last, j) + 1, cell(row, j - 1) + 1, cell(last, j - 1) + +!same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, cell(beforeLast, j - 2) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return Math.min(cell(last, b.length), limit);
}

function cell(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
