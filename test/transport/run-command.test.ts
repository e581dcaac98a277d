/** What a command says that never ends, or never begins: how much of it is kept, and how often it is looked at. */
import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runCommand } from '../../src/transport/run-command.js';
import type { Become } from '../../src/transport/transport.js';

const PIECE = Buffer.alloc(64 * 1024, 'x');
/** So much that looking at all of it again with each piece would take minutes. */
const PIECES = 3000;
const SUDO: Become = { method: 'sudo', user: 'root', password: undefined };

/** A command that says all that on one of its streams, and fails. */
function flood(stream: 'stdout' | 'stderr') {
  const streams = {
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
  };
  const say = async () => {
    for (let count = 0; count < PIECES; count++) {
      if (!streams[stream].write(PIECE)) await turn();
    }
    streams.stdout.end('\nlast\n');
    streams.stderr.end();
    return { code: 1 };
  };
  return () => Promise.resolve({ ...streams, ended: say(), stop: () => undefined });
}

const context = (become: Become | undefined, stream: 'stdout' | 'stderr') => ({
  host: 'h1',
  loginUser: 'ops',
  become,
  start: flood(stream),
  onTimeout: () => undefined,
});

test('a flood before anybody could become root is not kept', async () => {
  const error: unknown = await runCommand(context(SUDO, 'stderr'), 'true', {}).catch(
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'BECOME_FAILED' });
  expect(JSON.stringify(error).length).toBeLessThan(300_000);
});

test('a flood on standard error is cut off', async () => {
  const { stderr, code } = await runCommand(context(undefined, 'stderr'), 'true', {});
  expect(code).toBe(1);
  expect(stderr).toHaveLength(64 * 1024);
});

test('a line without an end is not kept whole', async () => {
  const lines: string[] = [];
  const options = { onLine: (line: string) => lines.push(line), maxOutputBytes: 1e9 };
  await runCommand(context(undefined, 'stdout'), 'true', options);
  expect(lines.map((line) => line.length < 200_000)).toEqual([true, true]);
  expect(lines.at(-1)).toBe('last');
});
