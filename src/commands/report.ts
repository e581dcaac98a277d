/** `netorch report RUN`: what happened in a run, from its journal. */
import { writeFileSync } from 'node:fs';

import { Command } from 'commander';

import { NetorchError } from '../errors.js';
import { findRun, readRun } from '../run/journal-files.js';
import { damageText } from '../run/journal-text.js';
import { glyphsFor, wantsColour } from '../ui/glyphs.js';
import { reportHtml } from '../ui/report-html.js';
import { reportLines, type RunFacts } from '../ui/report-text.js';
import { reportRun } from '../ui/run-report.js';
import { paintLine } from '../ui/styled-line.js';
import { createClockFormat } from '../ui/words.js';
import { journals } from './run-folder.js';

export function reportCommand(): Command {
  return new Command('report')
    .description('tell what happened in a run: hosts, causes, changes; as text or as one HTML page')
    .argument('[run]', 'its name, a beginning of it, or "last"', 'last')
    .option('--html <file>', 'write one self-contained page ("-": to standard output)')
    .action((wanted: string, options: Readonly<{ html?: string }>) => {
      const folder = journals();
      const record = readRun(folder, findRun(folder, wanted));
      const report = reportRun(record.events);
      const facts: RunFacts = {
        controller: record.controller,
        damage: damageText(record.damage),
      };
      const { stdout, env } = process;
      const presentation = { glyphs: glyphsFor(env), clock: createClockFormat() };
      if (options.html === undefined) {
        const colour = wantsColour(env, stdout.isTTY);
        const lines = reportLines(report, facts, presentation);
        stdout.write(lines.map((line) => `${paintLine(line, colour)}\n`).join(''));
        return;
      }
      const page = reportHtml(record.run, report, facts);
      if (options.html === '-') {
        stdout.write(page);
        return;
      }
      try {
        // As private as the journal it is made from.
        writeFileSync(options.html, page, { mode: 0o600 });
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new NetorchError('FILE_UNREADABLE', `the page cannot be written: ${reason}`, {
          cause,
        });
      }
      process.stderr.write(`written to ${options.html}\n`);
    });
}
