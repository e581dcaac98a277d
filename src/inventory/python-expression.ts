/** Regular expressions are written as Python's, which differ from JavaScript's in a few spellings. */

/**
 * Anchored at the start only, as Python's `re.match`. undefined for what is no expression, or has a
 * construct that JavaScript does not know.
 */
export function pythonExpression(source: string): RegExp | undefined {
  const flags = /^\(\?([aimsux]+)\)/.exec(source);
  const letters = flags?.[1] ?? '';
  if (letters.includes('x')) return undefined;
  const body = source
    .slice(flags?.[0].length ?? 0)
    // Pairs first, so that what follows a backslash is looked at with it; sets are left alone.
    .replace(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\(\?P[<=]|\{,\d+\}/g, (token) => {
      if (token === '\\A') return '(?<![\\s\\S])';
      if (token === '\\Z') return '(?![\\s\\S])';
      if (token === '(?P<') return '(?<';
      if (token.startsWith('{,')) return `{0${token.slice(1)}`;
      if (/^\[\^?\]/.test(token)) return token.replace(']', '\\]');
      return token;
    })
    .replace(/\(\?P=([A-Za-z_]\w*)\)/g, '\\k<$1>');
  if (body.includes('(?P=')) return undefined;
  const kept = [...new Set(letters)].filter((letter) => 'ims'.includes(letter)).join('');
  // Strict first; the lenient kind also takes backslashes that are not needed (`\-`).
  // In it, a name without its group would stand for the letters themselves.
  for (const mode of body.includes('\\k<') ? ['u'] : ['u', '']) {
    try {
      return new RegExp(`^(?:${body})`, kept + mode);
    } catch {
      // Tried the other way, or refused below.
    }
  }
  return undefined;
}
