/** Python's fnmatch: `*`, `?`, `[abc]`, `[!a-c]`; the whole name, case-sensitive. */

export function globMatcher(pattern: string): (name: string) => boolean {
  if (!/[*?[]/.test(pattern)) return (name) => name === pattern;
  const expression = globExpression(pattern);
  return (name) => expression.test(name);
}

function globExpression(pattern: string): RegExp {
  /** What stands between the stars. */
  const parts = [''];
  for (let at = 0; at < pattern.length;) {
    const char = pattern[at] ?? '';
    if (char === '*') {
      while (pattern[at] === '*') at += 1;
      parts.push('');
      continue;
    }
    const set = char === '[' ? characterSet(pattern, at) : undefined;
    const whole = String.fromCodePoint(pattern.codePointAt(at) ?? 0);
    parts.push((parts.pop() ?? '') + (set?.source ?? (char === '?' ? '.' : escaped(whole))));
    at = set?.end ?? at + whole.length;
  }
  const [first = '', ...rest] = parts;
  const last = rest.pop();
  if (last === undefined) return new RegExp(`^${first}$`, 'su');
  // The first place where a middle part fits is kept (a lookahead does not go back), so that many
  // stars take no longer than one.
  const middle = rest.map((part, index) => `(?=(.*?${part}))\\${index + 1}`).join('');
  return new RegExp(`^${first}${middle}.*${last}$`, 'su');
}

/** From the `[` at `start`; undefined when it has no `]`, and then stands for itself. */
function characterSet(pattern: string, start: number): { source: string; end: number } | undefined {
  const isNegated = pattern[start + 1] === '!';
  const first = start + (isNegated ? 2 : 1);
  // A `]` in the first place is a member of the set.
  const close = pattern.indexOf(']', first + 1);
  if (close < 0) return undefined;
  const members = Array.from(pattern.slice(first, close));
  let source = '';
  for (let at = 0; at < members.length; at += 1) {
    const member = members[at] ?? '';
    const last = members[at + 2];
    if (members[at + 1] === '-' && last !== undefined) {
      // A range that counts down has no members.
      if ((member.codePointAt(0) ?? 0) <= (last.codePointAt(0) ?? 0)) {
        source += `${escapedMember(member)}-${escapedMember(last)}`;
      }
      at += 2;
    } else {
      source += escapedMember(member);
    }
  }
  const end = close + 1;
  if (source === '') return { source: isNegated ? '.' : '(?!)', end };
  return { source: `[${isNegated ? '^' : ''}${source}]`, end };
}

function escaped(char: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char;
}

function escapedMember(char: string): string {
  return char === '-' ? '\\-' : escaped(char);
}
