/**
 * Splits text into words as a POSIX shell does, without expanding anything: single and double quotes,
 * backslashes. Returns undefined when a quote is not closed or the text ends in a backslash.
 *
 * The rule that ansible_ssh_common_args follows (Python's shlex.split without comments).
 */
export function splitShellWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote === "'") {
      if (char === "'") quote = '';
      else word += char;
    } else if (char === '\\') {
      const next = text.charAt(++i);
      if (next === '') return undefined;
      // Inside double quotes the backslash is special only before the characters it can protect.
      const kept = quote === '"' && !'"\\$`\n'.includes(next) ? `\\${next}` : next;
      word = (word ?? '') + kept;
    } else if (quote === '"') {
      if (char === '"') quote = '';
      else word += char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= '';
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + char;
    }
  }
  if (quote !== '') return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
