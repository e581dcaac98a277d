/** The edge: programs that print an inventory or a vault password. */
import { spawn } from 'node:child_process';
import { NetorchError } from '../errors.js';

/** A program that says nothing for so long will never: the user should hear of it. */
const TIMEOUT_MS = 120_000;
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const MAX_SHOWN_LINES = 5;

/**
 * What the program prints. It is run itself, not by a shell, with this process's folder, environment
 * and terminal (for prompts). Throws INVENTORY_ERROR when it cannot be run or ends with an error, with
 * the end of what it said.
 */
export async function runProgram(
  path: string,
  args: readonly string[],
  shown: string,
): Promise<string> {
  const call = [shown, ...args].join(' ');
  const fail = (what: string, said: string): NetorchError =>
    new NetorchError('INVENTORY_ERROR', `${call} ${what}`, {
      notes: said.trim() === '' ? [] : said.trim().split('\n').slice(-MAX_SHOWN_LINES),
    });
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      stdio: ['inherit', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    const output: Buffer[] = [];
    let size = 0;
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_OUTPUT_BYTES) child.kill('SIGKILL');
      else output.push(chunk);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4096);
    });
    child.on('error', (cause) => {
      reject(fail(`cannot be run: ${cause.message}`, ''));
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output).toString('utf8'));
      else if (size > MAX_OUTPUT_BYTES) reject(fail('printed more than 256 MiB', ''));
      else if (signal !== null) reject(fail(`was ended by ${signal}`, said));
      else reject(fail(`ended with exit code ${code}`, said));
    });
  });
}
