/** `h[1:4]`, `h[01:10]`, `rack[a:c]-node[1:9:2]`: names that stand for many (Ansible's ranges). */

/** A range that cannot be expanded; the caller knows the place. */
export class HostRangeError extends Error {}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** More names from one line are a slip of the pen, not a fleet. */
const MAX_NAMES = 65_536;

/**
 * All names, several ranges multiplied from left to right; the name itself when it holds no range.
 * Bounds are inclusive. Unlike Ansible, a range that counts down is refused: there it is silently
 * empty. Throws HostRangeError.
 */
export function expandHostRange(pattern: string): readonly string[] {
  const open = pattern.indexOf('[');
  if (open < 0) return [pattern];
  const close = pattern.indexOf(']', open);
  if (close < 0) throw new HostRangeError(`"${pattern}": "[" has no "]"`);
  const items = rangeItems(pattern.slice(open + 1, close), pattern);
  const heads = items.map((item) => pattern.slice(0, open) + item);
  const tails = expandHostRange(pattern.slice(close + 1));
  if (heads.length * tails.length > MAX_NAMES) {
    throw new HostRangeError(`"${pattern}" stands for more than ${MAX_NAMES} hosts`);
  }
  return heads.flatMap((head) => tails.map((tail) => head + tail));
}

function rangeItems(range: string, pattern: string): readonly string[] {
  const refuse = (what: string): HostRangeError =>
    new HostRangeError(
      `"${pattern}": ${what}; a range looks like [1:4], [01:10], [a:f] or [0:8:2]`,
    );
  const [first = '', last = '', stepText = '1', ...more] = range.split(':');
  if (!range.includes(':') || more.length > 0) throw refuse(`"[${range}]" is no range`);
  if (last === '') throw refuse(`"[${range}]" has no end`);
  const step = /^\d+$/.test(stepText) ? Number(stepText) : 0;
  if (step < 1) throw refuse(`the step of "[${range}]" must be a number from 1`);
  if (/^[a-zA-Z]$/.test(first) && /^[a-zA-Z]$/.test(last)) {
    const [from, to] = [LETTERS.indexOf(first), LETTERS.indexOf(last)];
    if (from > to) throw refuse(`"[${range}]" counts down`);
    return count(from, to, step).map((index) => LETTERS.charAt(index));
  }
  if (!/^\d*$/.test(first) || !/^\d+$/.test(last)) throw refuse(`"[${range}]" is no range`);
  const isPadded = first.length > 1 && first.startsWith('0');
  if (isPadded && first.length !== last.length) {
    throw refuse(`the ends of "[${range}]" must have the same number of digits`);
  }
  const [from, to] = [Number(first), Number(last)];
  if (from > to) throw refuse(`"[${range}]" counts down`);
  if ((to - from) / step >= MAX_NAMES) throw refuse(`"[${range}]" is too long`);
  return count(from, to, step).map((number) =>
    isPadded ? String(number).padStart(first.length, '0') : String(number),
  );
}

function count(from: number, to: number, step: number): readonly number[] {
  return Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, i) => from + i * step);
}
