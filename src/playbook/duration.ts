/** `45s`, `2m`, `1h30m`, or a number of seconds. */

/** Bounds of the time to prove a changed host good. */
export const DEADLINE_SECONDS = { least: 5, most: 3600 } as const;

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** Seconds, or undefined when the value is no duration. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string') return undefined;
  const text = value.replace(/\s+/g, '');
  if (/^\d+$/.test(text)) return Number(text);
  if (!/^(?:\d+[hms])+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)([hms])/g)) {
    seconds += Number(amount) * (UNITS[unit ?? ''] ?? 0);
  }
  return seconds;
}
