/** Host lines of INI inventories are split into words as Python's shlex does it (POSIX, comments on). */

export type Word = Readonly<{
  text: string;
  /** Where it begins in the line, from 0. */
  start: number;
}>;

/** A quote that does not end; the caller knows the place. */
export class ShellSplitError extends Error {}

/**
 * Words of one line, without their quotes and backslashes. `#` begins a comment, even in the middle of
 * a word. Throws ShellSplitError.
 */
export function shellSplit(line: string): readonly Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < line.length) {
    const char = line[at] ?? '';
    if (/[ \t\r\n]/.test(char)) {
      at += 1;
      continue;
    }
    if (char === '#') break;
    const start = at;
    let text = '';
    let isQuoted = false;
    for (; at < line.length; at += 1) {
      const next = line[at] ?? '';
      if (/[ \t\r\n#]/.test(next)) break;
      if (next === '\\') {
        at += 1;
        if (at >= line.length) throw new ShellSplitError('nothing follows the last backslash');
        text += line[at] ?? '';
      } else if (next === '"' || next === "'") {
        const quoted = readQuoted(line, at);
        isQuoted = true;
        text += quoted.text;
        at = quoted.end;
      } else {
        text += next;
      }
    }
    if (text !== '' || isQuoted) words.push({ text, start });
  }
  return words;
}

/** From the quote at `start`; `end` is the place of the closing one. */
function readQuoted(line: string, start: number): { text: string; end: number } {
  const quote = line[start];
  let text = '';
  for (let at = start + 1; at < line.length; at += 1) {
    const char = line[at] ?? '';
    if (char === quote) return { text, end: at };
    if (char === '\\' && quote === '"') {
      at += 1;
      const next = line[at];
      if (next === undefined) break;
      // Within double quotes a backslash escapes only itself and the quote.
      text += next === '\\' || next === '"' ? next : `\\${next}`;
    } else {
      text += char;
    }
  }
  throw new ShellSplitError(`a quote (${quote}) has no end`);
}
