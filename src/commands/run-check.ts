/** Runs a check of a play that is a program of this machine: no shell, no input, a bounded time. */
import { execFile } from 'node:child_process';

import type { CommandCheck } from '../run/wave-checks.js';

/** Never rejects. `text`: the last line that it printed, or why it could not be run. */
export function runCheck(check: CommandCheck): Promise<Readonly<{ good: boolean; text: string }>> {
  const [program = '', ...args] = check.command;
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      { timeout: check.timeoutSeconds * 1000, killSignal: 'SIGKILL', maxBuffer: 4 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const said = lastLine(error === null ? stdout : stderr) ?? lastLine(stdout);
        if (error === null) {
          resolve({ good: true, text: said ?? 'ended with 0' });
          return;
        }
        const why =
          error.killed === true
            ? `not done after ${check.timeoutSeconds} s`
            : typeof error.code === 'number'
              ? `ended with ${error.code}`
              : (error.message.split('\n')[0] ?? '');
        resolve({ good: false, text: said === undefined ? why : `${why}: ${said}` });
      },
    );
    child.stdin?.end();
  });
}

function lastLine(text: string): string | undefined {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .at(-1);
}
