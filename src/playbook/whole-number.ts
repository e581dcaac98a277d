import { z } from 'zod';

/** A whole number within bounds, which may also be written as text (`"9000"`). */
export function wholeNumber(minimum: number, maximum: number) {
  return z.preprocess(
    (value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value),
    z.number().int().min(minimum).max(maximum),
  );
}
