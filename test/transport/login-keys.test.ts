import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { askPassphrases } from '../../src/transport/ask-passphrases.js';
import { createSsh2Transport } from '../../src/transport/ssh2-transport.js';
import { describeWithSshd, rejection, startSshd, textOf } from './sshd-fixture.js';
import type { Sshd } from './sshd-fixture.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SECRET = 'correct horse';

describeWithSshd('keys to log in with', () => {
  let sshd: Sshd;
  let locked: string;
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    sshd = await startSshd('INFO', ['MaxAuthTries 3']);
    locked = sshd.makeKey('locked', 'ed25519', SECRET);
    authorize(locked);
  });
  afterAll(async () => {
    await sshd.stop();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  function authorize(keyFile: string): void {
    appendFileSync(join(sshd.folder, 'authorized_keys'), readFileSync(`${keyFile}.pub`, 'utf8'));
  }

  async function startAgent(name: string, keyFiles: readonly string[]): Promise<string> {
    const socket = join(sshd.folder, name);
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    const exited = new Promise<void>((resolve) => {
      agent.on('exit', () => resolve());
    });
    cleanups.push(async () => {
      agent.kill();
      await exited;
    });
    await new Promise((resolve, reject) => {
      agent.stdout.once('data', resolve);
      agent.once('error', reject);
    });
    for (const file of keyFiles) {
      execFileSync('ssh-add', ['-q', file], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    }
    return socket;
  }

  /** Logs in with `env` and what `ask` answers, and leaves again. */
  async function logIn(
    changes: Parameters<Sshd['target']>[0],
    env: Record<string, string>,
    answers: (string | undefined)[] = [],
  ): Promise<readonly string[]> {
    const target = sshd.target(changes);
    const questions: string[] = [];
    const passphrases = await askPassphrases([target, target], env, async (question) => {
      questions.push(question);
      return answers.shift();
    });
    const transport = createSsh2Transport({ env, passphrases });
    const connection = await transport.connect(target);
    expect((await connection.exec('true')).code).toBe(0);
    connection.close();
    await connection.closed;
    return questions;
  }

  test('an encrypted key is asked for once, whoever needs it', async () => {
    const questions = await logIn({ privateKeyFile: locked }, {}, [SECRET]);
    expect(questions).toEqual([`Passphrase for the key ${locked} (empty: go on without it): `]);
  });

  test('a wrong passphrase is asked for again, three times at most', async () => {
    const questions = await logIn({ privateKeyFile: locked }, {}, ['wrong', SECRET]);
    expect(questions).toHaveLength(2);
    expect(questions[1]).toMatch(/^That was not it\./);
    const error = await rejection(logIn({ privateKeyFile: locked }, {}, ['a', 'b', 'c', SECRET]));
    expect(error.code).toBe('AUTH_FAILED');
    expect(error.message).toBe(`the passphrase of ${locked} was wrong 3 times`);
  });

  test('where nobody can be asked, the key is named, and what to do', async () => {
    const error = await rejection(logIn({ privateKeyFile: locked }, {}, [undefined]));
    expect(error.code).toBe('AUTH_FAILED');
    expect(error.message).toContain(`${locked} is encrypted with a passphrase`);
    expect(textOf(error)).toContain('run netorch on a terminal, or hand the key to an agent');
  });

  test.each([
    ['RSA in PEM', ['-t', 'rsa', '-m', 'PEM']],
    ['ECDSA', ['-t', 'ecdsa']],
    ['RSA', ['-t', 'rsa']],
  ])('an encrypted %s key is opened too', async (name, args) => {
    const file = join(sshd.folder, `locked_${name.replaceAll(' ', '_')}`);
    execFileSync('ssh-keygen', ['-q', ...args, '-N', SECRET, '-C', 'test', '-f', file]);
    authorize(file);
    expect(await logIn({ privateKeyFile: file }, {}, [SECRET])).toHaveLength(1);
  });

  test('a default key is asked for, unless there is a password', async () => {
    const home = join(sshd.folder, 'home');
    mkdirSync(join(home, '.ssh'), { recursive: true });
    copyFileSync(locked, join(home, '.ssh/id_ed25519'));
    const env = { HOME: home };
    expect(await logIn({ privateKeyFile: undefined }, env, [SECRET])).toHaveLength(1);
    const target = sshd.target({ privateKeyFile: undefined, password: 'p' });
    const asked = await askPassphrases([target], env, async () => {
      throw new Error('asked');
    });
    expect(asked.size).toBe(0);
  });

  test('what the agent holds is not asked for: the public key is read from the file itself', async () => {
    const plain = sshd.makeKey('opened', 'ed25519');
    authorize(plain);
    const socket = await startAgent('a1.sock', [plain]);
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', SECRET, '-f', plain]);
    execFileSync('rm', [`${plain}.pub`]);
    const env = { SSH_AUTH_SOCK: socket };
    expect(await logIn({ privateKeyFile: plain }, env)).toEqual([]);
    expect(await logIn({ privateKeyFile: undefined, identityFiles: [plain] }, env)).toEqual([]);
  });

  test('the key of ssh_config goes before others of a full agent, and alone with IdentitiesOnly', async () => {
    const others = Array.from({ length: 5 }, (_, i) => sshd.makeKey(`other${i}`, 'ed25519'));
    const socket = await startAgent('a2.sock', [...others, sshd.keyFile]);
    const env = { SSH_AUTH_SOCK: socket };
    // Five strangers are more than the server listens to.
    const error = await rejection(logIn({ privateKeyFile: undefined }, env));
    expect(error.code).toBe('AUTH_FAILED');
    const identityFiles = [join(sshd.folder, 'not-there'), `${sshd.keyFile}.pub`];
    await logIn({ privateKeyFile: undefined, identityFiles }, env);
    await logIn({ privateKeyFile: undefined, identityFiles, identitiesOnly: true }, env);
    const strangers = {
      privateKeyFile: undefined,
      identityFiles: [others[0]!],
      identitiesOnly: true,
    };
    const only = await rejection(logIn(strangers, env));
    expect(textOf(only).match(/of the ssh-agent/g)).toHaveLength(1);
  });

  test('IdentityAgent takes the place of SSH_AUTH_SOCK, and none turns it off', async () => {
    const socket = await startAgent('a3.sock', [sshd.keyFile]);
    await logIn({ privateKeyFile: undefined, identityAgent: socket }, {});
    const off = { privateKeyFile: undefined, identityAgent: 'none' };
    const error = await rejection(logIn(off, { SSH_AUTH_SOCK: socket }));
    expect(textOf(error)).toContain('nothing to log in with');
  });
});
