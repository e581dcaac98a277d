/** A word that is empty on purpose, for `ip` to read. */
export const EMPTY_WORD = '""';

/**
 * Quoting for the batch files of `ip` and `bridge`. iproute2 cuts lines at white space, takes quotes,
 * backslashes and `#` as its own syntax (lib/utils.c, makeargs): no value that netorch lets through holds
 * any of these, so nothing is escaped; what could be taken for syntax is refused.
 */
export function batchLine(words: readonly (string | number)[]): string {
  return words
    .map((word) => {
      const text = String(word);
      if (text === EMPTY_WORD) return text;
      if (!/^[A-Za-z0-9_.:@+,/%-]+$/.test(text)) {
        throw new Error(`not a word of an ip batch: ${JSON.stringify(text)}`);
      }
      return text;
    })
    .join(' ');
}

/** A literal in a POSIX extended regular expression. */
export function escapeEre(text: string): string {
  return text.replace(/[.[\]{}()*+?^$|\\]/g, '\\$&');
}
