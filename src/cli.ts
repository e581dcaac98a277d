/** The program: commands put together, errors made into words and exit codes. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { Command, CommanderError } from 'commander';

import { applyCommand } from './commands/apply.js';
import { inventoryCommand } from './commands/inventory.js';
import { execCommand } from './commands/exec.js';
import { expandCommand } from './commands/expand.js';
import { completeCommand, completionCommand } from './commands/completion.js';
import { diffCommand } from './commands/diff.js';
import { driftCommand } from './commands/drift.js';
import { forgetCommand } from './commands/forget.js';
import { historyCommand } from './commands/history.js';
import { initCommand } from './commands/init.js';
import { labCommand } from './commands/lab.js';
import { monitorCommand } from './commands/monitor.js';
import { orderCommand } from './commands/order-run.js';
import { pingCommand } from './commands/ping.js';
import { persistCommand, unpersistCommand } from './commands/persist.js';
import { planCommand } from './commands/plan.js';
import { reportCommand } from './commands/report.js';
import { resumeCommand } from './commands/resume.js';
import { rollbackCommand } from './commands/rollback.js';
import { schemaCommand } from './commands/schema.js';
import { showCommand } from './commands/show.js';
import { statusCommand } from './commands/status.js';
import { validateCommand } from './commands/validate.js';
import { watchCommand } from './commands/watch.js';
import { NetorchError, NetorchErrors } from './errors.js';
import { printErrors } from './commands/print-errors.js';
import { stateFolder } from './run/journal.js';
import { VERSION } from './version.js';

const INTERNAL_ERROR = 70;

export async function main(argv: readonly string[]): Promise<number> {
  // A reader that goes away (`| head`) is no error of ours: the work goes on, its words are lost.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  let exitCode = 0;
  const setExitCode = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('netorch')
    .description(
      'commit-confirm for a fleet of Linux hosts: rolls out network configuration over SSH and never loses a host',
    )
    .version(VERSION, '-V, --version')
    .enablePositionalOptions()
    .showHelpAfterError('(netorch --help shows what there is)')
    .addCommand(planCommand(setExitCode))
    .addCommand(applyCommand(setExitCode))
    .addCommand(showCommand(setExitCode))
    .addCommand(statusCommand(setExitCode))
    .addCommand(resumeCommand(setExitCode))
    .addCommand(rollbackCommand(setExitCode))
    .addCommand(forgetCommand(setExitCode))
    .addCommand(persistCommand(setExitCode))
    .addCommand(unpersistCommand(setExitCode))
    .addCommand(historyCommand())
    .addCommand(reportCommand())
    .addCommand(diffCommand(setExitCode))
    .addCommand(driftCommand(setExitCode))
    .addCommand(watchCommand(setExitCode))
    .addCommand(monitorCommand(setExitCode))
    .addCommand(orderCommand('approve'))
    .addCommand(orderCommand('pause'))
    .addCommand(orderCommand('unpause'))
    .addCommand(orderCommand('stop'))
    .addCommand(pingCommand(setExitCode))
    .addCommand(execCommand(setExitCode))
    .addCommand(validateCommand())
    .addCommand(expandCommand())
    .addCommand(inventoryCommand())
    .addCommand(initCommand())
    .addCommand(labCommand(setExitCode))
    .addCommand(schemaCommand())
    .addCommand(completionCommand());
  program.addCommand(completeCommand(program), { hidden: true });
  const exitAsCommander = (command: Command): void => {
    command.exitOverride();
    command.commands.forEach(exitAsCommander);
  };
  exitAsCommander(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode;
    if (error instanceof NetorchErrors || error instanceof NetorchError) {
      printErrors(error);
      return 1;
    }
    return internalError(error);
  }
}

/** A bug: one line for the user, the rest in a file. */
function internalError(error: unknown): number {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  let where = 'and the details could not be written';
  try {
    const folder = join(stateFolder(process.env, homedir()), 'errors');
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const file = join(folder, `${randomBytes(6).toString('hex')}.txt`);
    writeFileSync(file, `netorch ${VERSION}, Node ${process.version}\n${text}\n`, { mode: 0o600 });
    where = `details in ${file}`;
  } catch {
    // Told to the user by `where`.
  }
  process.stderr.write(`internal error, ${where}\n`);
  return INTERNAL_ERROR;
}
