/** `netorch diff RUN_A RUN_B`: in which hosts two runs differ, and what their networks were after each. */
import { Command } from 'commander';

import { findRun, readRun } from '../run/journal-files.js';
import { wantsColour } from '../ui/glyphs.js';
import { diffRuns, runDiffLines } from '../ui/run-diff.js';
import { reportRun } from '../ui/run-report.js';
import { paintLine } from '../ui/styled-line.js';
import { journals } from './run-folder.js';
import { tellDamage } from './tell-damage.js';

export function diffCommand(setExitCode: (code: number) => void): Command {
  return new Command('diff')
    .description('compare two runs: outcomes, plans, and the networks of the hosts after each')
    .argument('<run-a>', 'its name, a beginning of it, or "last"')
    .argument('<run-b>')
    .addHelpText('after', '\nExit codes: 0 no host differs, 2 some do, 1 error')
    .action((a: string, b: string) => {
      const folder = journals();
      const runs = [findRun(folder, a), findRun(folder, b)] as const;
      const records = [readRun(folder, runs[0]), readRun(folder, runs[1])] as const;
      for (const record of records) tellDamage(record);
      const differences = diffRuns(reportRun(records[0].events), reportRun(records[1].events));
      const { stdout, env } = process;
      const colour = wantsColour(env, stdout.isTTY);
      const lines = runDiffLines(differences, runs);
      stdout.write(lines.map((line) => `${paintLine(line, colour)}\n`).join(''));
      setExitCode(differences.length === 0 ? 0 : 2);
    });
}
