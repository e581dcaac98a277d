/** `netorch completion SHELL`, and the hidden command that its scripts call. */
import { Argument, Command } from 'commander';

import { listRuns } from '../run/journal-files.js';
import { sanitise } from '../ui/sanitise.js';
import { completeWords } from './complete-words.js';
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from './completion-scripts.js';
import { openInventory } from './prepare.js';
import { journals } from './run-folder.js';

/** Nobody looks through more on a command line. */
const MOST_RUNS = 50;

export function completionCommand(): Command {
  return new Command('completion')
    .description('print what makes a shell complete commands, options, hosts, groups and runs')
    .addArgument(new Argument('<shell>').choices([...SHELLS]))
    .addHelpText(
      'after',
      '\nbash: source <(netorch completion bash)   zsh: source <(netorch completion zsh)   fish: netorch completion fish | source',
    )
    .action((shell: Shell) => {
      process.stdout.write(COMPLETION_SCRIPTS[shell]);
    });
}

/** Prints a candidate a line, with a tab before its description; `:files` where files may come. */
export function completeCommand(program: Command): Command {
  return new Command('__complete')
    .argument('[words...]')
    .option('--line <line>', 'the whole line up to the cursor, instead of words')
    .action(async (given: readonly string[], options: Readonly<{ line?: string }>) => {
      const words = options.line === undefined ? given : splitLine(options.line).slice(1);
      const { candidates, files } = await completeWords(
        program,
        words.length === 0 ? [''] : words,
        {
          hosts: inventoryNames,
          runs: () => listRuns(journals()).slice(0, MOST_RUNS),
        },
      );
      const lines = candidates.map(
        ({ value, description }) => `${sanitise(value)}\t${sanitise(description)}`,
      );
      process.stdout.write([...lines, ...(files ? [':files'] : [])].join('\n') + '\n');
    });
}

/** None when there is no inventory, or it has mistakes: completion is silent. */
async function inventoryNames(inventory: readonly string[]): Promise<readonly string[]> {
  try {
    const found = await openInventory({
      cwd: process.cwd(),
      ...(inventory.length === 0 ? {} : { inventory }),
    });
    return [...new Set([...found.inventory.hosts, ...found.inventory.groups.keys()])].sort();
  } catch {
    return [];
  }
}

/** Words of an unfinished command line; quotes and backslashes as a shell reads them, the last may be open. */
function splitLine(line: string): readonly string[] {
  const words: string[] = [];
  for (const [word] of line.matchAll(
    /(?:\\.|'[^']*(?:'|$)|"(?:\\.|[^"\\])*(?:"|$)|[^\s\\'"])+/gs,
  )) {
    words.push(
      word.replace(/\\(.)|'([^']*)'?|"((?:\\.|[^"\\])*)"?/gs, (_, escaped, single, double) =>
        String(escaped ?? single ?? String(double ?? '').replace(/\\(.)/gs, '$1')),
      ),
    );
  }
  return /\s$|^$/.test(line) ? [...words, ''] : words;
}
