import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Become, ConnectionTarget } from '../../src/transport/transport.js';
import { createTransport } from '../../src/transport/transports.js';
import { rejection, textOf } from './sshd-fixture.js';

function localTarget(become?: Become): ConnectionTarget {
  return {
    host: 'here',
    address: 'here',
    port: 22,
    user: userInfo().username,
    privateKeyFile: undefined,
    password: undefined,
    proxyCommand: undefined,
    knownHostsFiles: [],
    hostKeyChecking: 'strict',
    connectTimeoutMs: 1000,
    become,
    kind: 'local',
  };
}

const transport = createTransport();

test('runs a command with input, output and an exit code', async () => {
  const connection = await transport.connect(localTarget());
  const lines: string[] = [];
  const result = await connection.exec('cat; echo err >&2; exit 4', {
    input: 'one\ntwo\nthree',
    onLine: (line) => lines.push(line),
  });
  expect(result).toEqual({ code: 4, stdout: 'one\ntwo\nthree', stderr: 'err\n' });
  expect(lines).toEqual(['one', 'two']);
  expect((await connection.exec('kill -9 $$')).code).toBeUndefined();
});

test('closing ends what runs, and nothing runs after it', async () => {
  const connection = await transport.connect(localTarget());
  const pending = connection.exec('echo begun; exec sleep 600', {
    onLine: () => connection.close(),
  });
  expect((await rejection(pending)).code).toBe('CONNECTION_LOST');
  await connection.closed;
  expect((await rejection(connection.exec('true'))).code).toBe('CONNECTION_LOST');
});

test('an aborted command ends with all that it started', async () => {
  const connection = await transport.connect(localTarget());
  const abort = new AbortController();
  let pid = '';
  const pending = connection.exec('sleep 600 & echo $!; wait', {
    signal: abort.signal,
    onLine: (line) => {
      pid = line;
      abort.abort();
    },
  });
  expect((await rejection(pending)).message).toBe('here: netorch stopped a command');
  const gone = await connection.exec(`while kill -0 ${pid} 2>/dev/null; do sleep 0.02; done`);
  expect(gone.code).toBe(0);
});

test('an error in a listener ends the command and reaches the caller', async () => {
  const connection = await transport.connect(localTarget());
  const exec = connection.exec('echo line; exec sleep 600', {
    onLine: () => {
      throw new Error('listener');
    },
  });
  await expect(exec).rejects.toThrow('listener');
});

/** The tests' own sudo, su and doas: they say what the real ones say, and write down what they got. */
describe('become', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'netorch-become-'));
    vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  const program = (name: string, script: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "$*" >> '${folder}/calls'\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  const calls = () => readFileSync(join(folder, 'calls'), 'utf8');
  const ran = () => `touch '${folder}/ran'; cat; echo "said 'it'" >&2`;
  const become = (changes: Partial<Become> = {}): Become => ({
    method: 'sudo',
    user: 'other',
    password: undefined,
    ...changes,
  });
  const exec = async (who: Become, command = ran()) =>
    (await transport.connect(localTarget(who))).exec(command, { input: 'input\n' });

  /** Runs what follows `sh -c`, or what follows `-c` of su. */
  const RUN = `while [ "$1" != -c ]; do shift; done; exec sh -c "$2"`;
  const PROMPT = `printf '[lecture]\\n%s' "$4" >&2; IFS= read -r word; [ "$word" = secret ]`;

  test('sudo without a password never waits for one', async () => {
    program('sudo', RUN);
    expect(await exec(become())).toEqual({ code: 0, stdout: 'input\n', stderr: "said 'it'\n" });
    expect(calls()).toMatch(/^-H -n -u other -- sh -c /);
  });

  test('sudo gets the password when it asks, the command its input', async () => {
    program('sudo', `${PROMPT} || exit 1; ${RUN}`);
    const result = await exec(become({ password: 'secret' }));
    expect(result).toEqual({ code: 0, stdout: 'input\n', stderr: "said 'it'\n" });
    expect(calls()).toMatch(/^-H -S -p /);
    expect(calls()).not.toContain('secret');
  });

  test('a sudo that asks for nothing does not pass the password to the command', async () => {
    program('sudo', RUN);
    const result = await exec(become({ password: 'secret' }));
    expect(result).toEqual({ code: 0, stdout: 'input\n', stderr: "said 'it'\n" });
  });

  test('a wrong password is tried once', async () => {
    program(
      'sudo',
      `${PROMPT} && exit 9; echo 'Sorry, try again.' >&2; ${PROMPT}; echo never >> '${folder}/calls'`,
    );
    const error = await rejection(exec(become({ password: 'wrong' })));
    expect(error.code).toBe('BECOME_FAILED');
    expect(error.message).toContain('sudo does not accept the password of');
    expect(textOf(error)).not.toContain('wrong');
    expect(calls()).not.toContain('never');
  });

  test('su gets the password at its translated prompt', async () => {
    program(
      'su',
      `printf 'Passwort: ' >&2; IFS= read -r word; [ "$word" = secret ] || exit 1; ${RUN}`,
    );
    const result = await exec(become({ method: 'su', password: 'secret' }));
    expect(result).toEqual({ code: 0, stdout: 'input\n', stderr: "said 'it'\n" });
    expect(calls()).not.toContain('secret');
  });

  test('su that asks without a password at hand gets nothing', async () => {
    program('su', `printf 'Password: ' >&2; read -r word; echo "got $word" >> '${folder}/calls'`);
    const error = await rejection(exec(become({ method: 'su' })));
    expect(error.message).toContain('su asks for the password of "other"');
    expect(calls()).not.toContain('input');
  });

  test('doas runs without a password, and is refused with one', async () => {
    program('doas', RUN);
    expect((await exec(become({ method: 'doas' }))).stdout).toBe('input\n');
    const error = await rejection(exec(become({ method: 'doas', password: 'secret' })));
    expect(error.code).toBe('BECOME_FAILED');
    expect(textOf(error)).toContain('nopass');
  });

  test.each([
    ['a password', 'sudo: a password is required', 1, 'asks for the password'],
    ['a terminal', 'sudo: a terminal is required to read the password', 1, 'asks for the password'],
    ['a right', 'me is not in the sudoers file.', 1, 'may not become "other"'],
    ['the program', 'sh: 1: sudo: not found', 127, 'it is not installed'],
    ['the user', 'sudo: unknown user: other', 1, 'there is no user "other"'],
    ['anything else', 'sudo: Das Passwort ist abgelaufen', 1, 'sudo failed'],
  ])('says that %s is missing, and that nothing ran', async (_name, said, code, words) => {
    program('sudo', `echo '${said}' >&2; exit ${code}`);
    const error = await rejection(exec(become()));
    expect(error.code).toBe('BECOME_FAILED');
    expect(error.message).toContain(words);
    expect(textOf(error)).toContain(said.replace(/^sudo: /, ''));
    expect(error.notes.at(-1)).toBe('nothing was run on the host');
    expect(() => readFileSync(join(folder, 'ran'))).toThrow('ENOENT');
  });

  test('the exit code of the command is not taken for a refusal', async () => {
    program('sudo', RUN);
    const result = await exec(become(), 'echo "sudo: a password is required" >&2; exit 1');
    expect(result).toEqual({ code: 1, stdout: '', stderr: 'sudo: a password is required\n' });
  });
});
