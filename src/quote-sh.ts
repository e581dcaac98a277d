/**
 * One word of POSIX shell text that stands for exactly `word`: single quotes, which no shell expands.
 * The only place where values are put into shell command lines.
 *
 * Throws a plain Error for NUL, which no argument of a process can hold: callers check earlier.
 */
export function quoteSh(word: string): string {
  if (word.includes('\0')) throw new Error('a word of a shell command cannot hold a NUL character');
  return /^[A-Za-z0-9_/.:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
