/** The command line, as the journal tells it to whoever asks later on what was done. */
import type { Command } from 'commander';

import { quoteSh } from '../quote-sh.js';

/** With its options, to be typed again: no option of netorch's holds a secret. */
export function commandLine(command: Command): string {
  // Not in commander's types: the words as they were given.
  const { rawArgs } = (command.parent ?? command) as Command & Readonly<{ rawArgs?: unknown }>;
  const words = Array.isArray(rawArgs) ? rawArgs.map(String) : [command.name(), ...command.args];
  return ['netorch', ...words.map(quoteSh)].join(' ');
}
