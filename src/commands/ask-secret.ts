/** A question whose answer is not shown. */
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { NetorchError } from '../errors.js';

/**
 * Asks on standard error and reads a line from the terminal without showing it. `instead` names what
 * to use where there is no terminal. Throws USAGE.
 */
export async function askSecret(question: string, instead: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new NetorchError('USAGE', 'a password can be asked for at a terminal only', {
      notes: [`use ${instead}`],
    });
  }
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  // Only now that the terminal echoes nothing any more: the answer may come at once.
  process.stderr.write(question);
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(new NetorchError('USAGE', 'interrupted')));
      lines.once('close', () => reject(new NetorchError('USAGE', 'no password was given')));
    });
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
