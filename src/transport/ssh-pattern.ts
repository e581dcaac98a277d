/** OpenSSH's patterns (ssh_config(5), PATTERNS): `*` and `?`, lists with commas and `!`. Pure. */

/**
 * Without regular expressions: a pattern such as `*a*a*a*b` would keep a backtracking one busy for
 * ever, and patterns come from files that others wrote.
 */
export function matchesPattern(text: string, pattern: string): boolean {
  let t = 0;
  let p = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (t < text.length) {
    const char = pattern.charAt(p);
    if (char === '*') {
      starAt = p++;
      resumeAt = t;
    } else if (p < pattern.length && (char === '?' || char === text.charAt(t))) {
      p++;
      t++;
    } else if (starAt !== -1) {
      p = starAt + 1;
      t = ++resumeAt;
    } else return false;
  }
  while (pattern.charAt(p) === '*') p++;
  return p === pattern.length;
}

/** A negated match wins over all others; negated ones alone match nothing. */
export function matchesPatternList(
  text: string,
  list: string,
  letters: 'exact' | 'any-case',
): boolean {
  let isMatch = false;
  for (const item of list.split(',')) {
    const isNegated = item.startsWith('!');
    const written = isNegated ? item.slice(1) : item;
    const pattern = letters === 'any-case' ? written.toLowerCase() : written;
    if (!matchesPattern(text, pattern)) continue;
    if (isNegated) return false;
    isMatch = true;
  }
  return isMatch;
}
