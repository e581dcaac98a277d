/** `netorch history`: the runs of this user, the newest first. */
import { Command, InvalidArgumentError } from 'commander';

import { listRuns, readRunEnds } from '../run/journal-files.js';
import { glyphsFor, wantsColour } from '../ui/glyphs.js';
import { historyLines, overviewRun } from '../ui/history-lines.js';
import { safeJson } from '../ui/sanitise.js';
import { paintLine } from '../ui/styled-line.js';
import { journals } from './run-folder.js';

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('it must be a whole number from 1.');
}

export function historyCommand(): Command {
  return new Command('history')
    .description('list the runs of this user, the newest first')
    .option('-n, --number <count>', 'only the newest ones', count)
    .option('--json', 'print one JSON object a line')
    .action((options: Readonly<{ number?: number; json?: boolean }>) => {
      const folder = journals();
      const runs = listRuns(folder)
        .slice(0, options.number)
        .map((run) => overviewRun(readRunEnds(folder, run)));
      const { stdout, env } = process;
      if (options.json === true) {
        stdout.write(runs.map((run) => `${safeJson(run)}\n`).join(''));
        return;
      }
      const moments = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' });
      const lines = historyLines(runs, {
        width: stdout.isTTY ? stdout.columns : undefined,
        ellipsis: glyphsFor(env).ellipsis,
        moment: (ms) => moments.format(ms),
      });
      const colour = wantsColour(env, stdout.isTTY);
      stdout.write(lines.map((line) => `${paintLine(line, colour)}\n`).join(''));
    });
}
