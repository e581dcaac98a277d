import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { keyFingerprint } from '../../src/transport/known-hosts.js';
import { createSsh2Transport } from '../../src/transport/ssh2-transport.js';
import type { Connection } from '../../src/transport/transport.js';
import {
  describeWithSshd,
  freePort,
  rejection,
  startServer,
  startSshd,
  textOf,
} from './sshd-fixture.js';
import type { Sshd } from './sshd-fixture.js';

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** Runs until it is cut off, and does not outlive that. */
const TICKING = 'while echo tick; do sleep 0.02; done';

describeWithSshd('ssh2 transport', () => {
  let sshd: Sshd;
  const cleanups: (() => unknown)[] = [];
  /** No agent and no default keys of whoever runs the tests. */
  const transport = createSsh2Transport({ env: {} });

  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(async () => {
    await sshd.stop();
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function open(...args: Parameters<typeof transport.connect>): Promise<Connection> {
    const connection = await transport.connect(...args);
    cleanups.push(() => connection.close());
    return connection;
  }

  test('logs in by key and runs a command through the login shell', async () => {
    const connection = await open(sshd.target());
    expect(connection.hostKey).toBe(sshd.hostKey('ed25519'));
    expect(connection.address).toBe('127.0.0.1');
    const result = await connection.exec('echo out; echo "err $HOME" | cut -c1-3 >&2; exit 7');
    expect(result).toEqual({ code: 7, stdout: 'out\n', stderr: 'err\n' });
  });

  test.each(['ecdsa', 'rsa'])('logs in with a %s key', async (type) => {
    const privateKeyFile = sshd.makeKey(`user_${type}`, type);
    appendFileSync(
      join(sshd.folder, 'authorized_keys'),
      readFileSync(`${privateKeyFile}.pub`, 'utf8'),
    );
    const connection = await open(sshd.target({ privateKeyFile }));
    expect((await connection.exec('true')).code).toBe(0);
  });

  test('uses the default key files, and then the keys of the agent', async () => {
    const home = join(sshd.folder, 'home');
    const { execFileSync } = await import('node:child_process');
    execFileSync('mkdir', ['-p', join(home, '.ssh')]);
    execFileSync('cp', [sshd.keyFile, join(home, '.ssh/id_ed25519')]);
    const withFiles = createSsh2Transport({ env: { HOME: home } });
    const first = await withFiles.connect(sshd.target({ privateKeyFile: undefined }));
    cleanups.push(() => first.close());
    expect((await first.exec('true')).code).toBe(0);

    const socket = await startAgent();
    execFileSync('ssh-add', ['-q', sshd.keyFile], { env: { SSH_AUTH_SOCK: socket } });
    const withAgent = createSsh2Transport({ env: { SSH_AUTH_SOCK: socket } });
    const second = await withAgent.connect(sshd.target({ privateKeyFile: undefined }));
    cleanups.push(() => second.close());
    expect((await second.exec('true')).code).toBe(0);
  });

  async function startAgent(): Promise<string> {
    const socket = join(sshd.folder, 'agent.sock');
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
    return socket;
  }

  test('names the user and the keys tried when the login is refused', async () => {
    const privateKeyFile = sshd.makeKey('stranger', 'ed25519');
    const error = await rejection(transport.connect(sshd.target({ privateKeyFile })));
    expect(error.code).toBe('AUTH_FAILED');
    expect(error.message).toBe(
      `h1: 127.0.0.1 port ${sshd.port} does not let "${sshd.user}" log in`,
    );
    const [, key = ''] = readFileSync(`${privateKeyFile}.pub`, 'utf8').split(' ');
    expect(textOf(error)).toContain(
      `tried: ${privateKeyFile} (ssh-ed25519 ${keyFingerprint(key)})`,
    );
    expect(textOf(error)).toContain('the host accepts: publickey');
  });

  test('says that there was nothing to log in with, and that the agent is gone', async () => {
    const gone = createSsh2Transport({ env: { SSH_AUTH_SOCK: join(sshd.folder, 'no.sock') } });
    const error = await rejection(gone.connect(sshd.target({ privateKeyFile: undefined })));
    expect(error.code).toBe('AUTH_FAILED');
    expect(textOf(error)).toContain('nothing to log in with');
    expect(textOf(error)).toContain('ssh-agent (SSH_AUTH_SOCK) does not answer');
  });

  test.each([
    ['missing', () => join(sshd.folder, 'nothing'), 'does not exist'],
    ['encrypted', () => sshd.makeKey('locked', 'ed25519', 'secret phrase'), 'encrypted'],
    ['public', () => `${sshd.keyFile}.pub`, 'is a public key'],
    ['no', () => sshd.write('garbage', 'garbage'), 'is no private key'],
  ])('refuses a %s key file before it dials', async (_name, keyFile, words) => {
    const privateKeyFile = keyFile();
    const error = await rejection(transport.connect(sshd.target({ privateKeyFile, port: 1 })));
    expect(error.code).toBe('AUTH_FAILED');
    expect(error.message).toContain(privateKeyFile);
    expect(error.message).toContain(words);
  });

  test('refuses an unknown host key, and says how to add it', async () => {
    const file = sshd.write('empty_known_hosts', '');
    const error = await rejection(transport.connect(sshd.target({ knownHostsFiles: [file] })));
    expect(error.code).toBe('HOST_KEY_UNKNOWN');
    const [, key = ''] = sshd.hostKey('ed25519').split(' ');
    expect(textOf(error)).toContain(`got ssh-ed25519 ${keyFingerprint(key)}`);
    expect(textOf(error)).toContain(`[127.0.0.1]:${sshd.port} ${sshd.hostKey('ed25519')}`);
    expect(textOf(error)).toContain(file);
    expect(readFileSync(file, 'utf8')).toBe('');
  });

  test('refuses another host key than the known one, and shows both', async () => {
    const other = readFileSync(`${sshd.makeKey('other_host', 'ed25519')}.pub`, 'utf8');
    const file = sshd.write('wrong_known_hosts', `# comment\n[127.0.0.1]:${sshd.port} ${other}`);
    for (const hostKeyChecking of ['strict', 'accept-new'] as const) {
      const error = await rejection(
        transport.connect(sshd.target({ knownHostsFiles: [file], hostKeyChecking })),
      );
      expect(error.code).toBe('HOST_KEY_MISMATCH');
      expect(textOf(error)).toContain(keyFingerprint(other.split(' ')[1] ?? ''));
      expect(textOf(error)).toContain(keyFingerprint(sshd.hostKey('ed25519').split(' ')[1] ?? ''));
      expect(textOf(error)).toContain(`${file}:2`);
    }
    const trusting = await open(sshd.target({ knownHostsFiles: [file], hostKeyChecking: 'off' }));
    expect((await trusting.exec('true')).code).toBe(0);
  });

  test.each(['ecdsa', 'rsa'] as const)(
    'asks for the %s host key when that is the known one',
    async (type) => {
      const text = `[127.0.0.1]:${sshd.port} ${sshd.hostKey(type)}\n`;
      const file = sshd.write(`known_${type}`, text);
      const connection = await open(sshd.target({ knownHostsFiles: [file] }));
      expect(connection.hostKey).toBe(sshd.hostKey(type));
    },
  );

  test('records a new host key once with accept-new, in a file that only the user reads', async () => {
    const file = join(sshd.folder, 'new/folder/known_hosts');
    const target = sshd.target({ knownHostsFiles: [file], hostKeyChecking: 'accept-new' });
    await Promise.all([open(target), open(target), open(target)]);
    expect(readFileSync(file, 'utf8')).toBe(
      `[127.0.0.1]:${sshd.port} ${sshd.hostKey('ed25519')}\n`,
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
    await open({ ...target, hostKeyChecking: 'strict' });
  });

  test('takes the key of an earlier connection in place of known_hosts, on another address too', async () => {
    const target = sshd.target({ address: '127.0.0.2', knownHostsFiles: [] });
    const connection = await open(target, {
      address: '127.0.0.1',
      expectedHostKey: sshd.hostKey('rsa'),
    });
    expect(connection.hostKey).toBe(sshd.hostKey('rsa'));
    expect(connection.address).toBe('127.0.0.1');

    const [, stranger = ''] = readFileSync(`${sshd.keyFile}.pub`, 'utf8').split(' ');
    const error = await rejection(
      transport.connect(sshd.target(), { expectedHostKey: `ssh-ed25519 ${stranger}` }),
    );
    expect(error.code).toBe('HOST_KEY_MISMATCH');
    expect(textOf(error)).toContain(keyFingerprint(stranger));
  });

  test('says that a port refuses', async () => {
    const port = await freePort();
    const error = await rejection(transport.connect(sshd.target({ port })));
    expect(error.code).toBe('HOST_UNREACHABLE');
    expect(error.message).toBe(
      `h1: 127.0.0.1 port ${port} refuses the connection: no SSH server listens there`,
    );
  });

  test('gives up on a port that takes the connection and says nothing', async () => {
    const server = await startServer(() => undefined);
    cleanups.push(server.stop);
    const target = sshd.target({ port: server.port, connectTimeoutMs: 200 });
    const error = await rejection(transport.connect(target));
    expect(error.code).toBe('HOST_UNREACHABLE');
    expect(error.message).toBe(
      `h1: 127.0.0.1 port ${server.port} takes the connection, but no SSH server answers within 0.2 s`,
    );
  });

  test('gives up on a server that falls silent in the middle of the login', async () => {
    const server = await startServer((socket) => socket.write('SSH-2.0-silent\r\n'));
    cleanups.push(server.stop);
    const target = sshd.target({ port: server.port, connectTimeoutMs: 200 });
    const error = await rejection(transport.connect(target));
    expect(error.code).toBe('HOST_UNREACHABLE');
    expect(error.message).toContain('did not finish the login within 0.2 s');
  });

  test.each([
    ['another protocol', '220 mail ESMTP\r\n', 'it said: "220 mail ESMTP"'],
    ['an old protocol', 'SSH-1.5-old\r\n', 'broke off'],
  ])('names %s', async (_name, greeting, words) => {
    const server = await startServer((socket) => socket.end(greeting));
    cleanups.push(server.stop);
    const error = await rejection(transport.connect(sshd.target({ port: server.port })));
    expect(error.code).toBe('HOST_UNREACHABLE');
    expect(textOf(error)).toContain(words);
  });

  test('tries again when the server drops a connection before its first word', async () => {
    let connections = 0;
    const server = await startServer((socket) => {
      connections += 1;
      if (connections === 1) socket.destroy();
      else {
        const onward = connectTcp(sshd.port, '127.0.0.1');
        onward.on('error', () => undefined);
        socket.pipe(onward).pipe(socket);
      }
    });
    cleanups.push(server.stop);
    await open(sshd.target({ port: server.port, hostKeyChecking: 'off' }));
    expect(connections).toBe(2);
  });

  test('says that a connection was cut in the middle of a command', async () => {
    const relay = await startServer((socket) => {
      const onward = connectTcp(sshd.port, '127.0.0.1');
      onward.on('error', () => undefined);
      socket.on('close', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    });
    cleanups.push(relay.stop);
    const connection = await open(sshd.target({ port: relay.port, hostKeyChecking: 'off' }));
    const error = await rejection(connection.exec(TICKING, { onLine: () => relay.cut() }));
    expect(error.code).toBe('CONNECTION_LOST');
    expect(error.message).toContain('h1: the connection to 127.0.0.1 was lost');
    await connection.closed;
    expect((await rejection(connection.exec('true'))).code).toBe('CONNECTION_LOST');
  });

  test('closing twice is harmless, ends pending commands and settles closed', async () => {
    const connection = await open(sshd.target());
    const pending = rejection(connection.exec(TICKING, { onLine: close }));
    function close() {
      connection.close();
      connection.close();
    }
    expect((await pending).code).toBe('CONNECTION_LOST');
    await connection.closed;
  });

  test('carries a mebibyte in and out', async () => {
    const connection = await open(sshd.target());
    const input = `${'0123456789abcde\n'.repeat(64 * 1024)}last ü`;
    const lines: string[] = [];
    const result = await connection.exec('cat', { input, onLine: (line) => lines.push(line) });
    expect(result.stdout === input).toBe(true);
    expect(lines).toHaveLength(64 * 1024);
  });

  test('ends a command that does not read its input', async () => {
    const connection = await open(sshd.target());
    const result = await connection.exec('exit 3', { input: 'x'.repeat(4 * 1024 * 1024) });
    expect(result.code).toBe(3);
  });

  test('reports a command that a signal ended without a code', async () => {
    const connection = await open(sshd.target());
    expect((await connection.exec('kill -9 $$')).code).toBeUndefined();
  });

  test('an aborted command loses its pipes, and the connection goes on', async () => {
    const connection = await open(sshd.target());
    const abort = new AbortController();
    const mark = join(sshd.folder, 'pid');
    const error = await rejection(
      connection.exec(`echo $$ > ${mark}; ${TICKING}`, {
        signal: abort.signal,
        onLine: () => abort.abort(),
      }),
    );
    expect(error.code).toBe('CONNECTION_LOST');
    expect(error.message).toContain('netorch stopped a command');
    const pid = readFileSync(mark, 'utf8').trim();
    const gone = await connection.exec(`while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`);
    expect(gone.code).toBe(0);
    expect((await rejection(connection.exec('true', { signal: abort.signal }))).code).toBe(
      'CONNECTION_LOST',
    );
  });

  test('a command that does not end in time costs the connection', async () => {
    const connection = await open(sshd.target());
    const error = await rejection(connection.exec(TICKING, { timeoutMs: 50 }));
    expect(error.message).toBe('h1: a command did not end within 0.05 s');
    await connection.closed;
  });

  test('a connection that has gone silent is given up by the time limit of a command', async () => {
    const relay = await startServer((socket) => {
      const onward = connectTcp(sshd.port, '127.0.0.1');
      onward.on('error', () => undefined);
      socket.on('close', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
      freeze = () => {
        socket.unpipe().pause();
        onward.unpipe().pause();
      };
    });
    let freeze = () => undefined as unknown;
    cleanups.push(relay.stop);
    const connection = await open(sshd.target({ port: relay.port, hostKeyChecking: 'off' }));
    freeze();
    const error = await rejection(connection.exec('true', { timeoutMs: 50 }));
    expect(error.code).toBe('CONNECTION_LOST');
    await connection.closed;
  });

  test('does not ask the host to prove keys that nobody looks at', async () => {
    const talkative = await startSshd('DEBUG1');
    cleanups.push(talkative.stop);
    const connection = await open(talkative.target());
    // The host has announced its keys before it answers the second command.
    await connection.exec('true');
    await connection.exec('true');
    expect(talkative.log()).toContain('server_input_channel_req');
    expect(talkative.log()).not.toContain('hostkeys-prove-00@openssh.com');
  });

  test('ends a command that prints too much', async () => {
    const connection = await open(sshd.target());
    const error = await rejection(connection.exec('yes', { maxOutputBytes: 1000 }));
    expect(error.message).toBe('h1: a command printed more than 1000 bytes');
  });

  test('an aborted connect rejects', async () => {
    const server = await startServer((socket) => {
      socket.write('SSH-2.0-silent\r\n');
      abort.abort();
    });
    cleanups.push(server.stop);
    const abort = new AbortController();
    const target = sshd.target({ port: server.port });
    const error = await rejection(transport.connect(target, { signal: abort.signal }));
    expect(error.code).toBe('HOST_UNREACHABLE');
    expect(error.message).toBe('h1: netorch stopped connecting');
    const again = await rejection(transport.connect(target, { signal: abort.signal }));
    expect(again.message).toBe('h1: netorch stopped connecting');
  });

  test('connects through a ProxyCommand with its tokens filled in, and ends it with the connection', async () => {
    const script = sshd.write(
      'relay.mjs',
      `import { connect } from 'node:net';
       import { writeFileSync } from 'node:fs';
       const [host, port, user, name, percent, log] = process.argv.slice(2);
       writeFileSync(log, [process.pid, host, user, name, percent].join(' '));
       const socket = connect(Number(port), host);
       process.stdin.pipe(socket).pipe(process.stdout);
       process.stdin.on('end', () => setInterval(() => {}, 1000)); // does not end by itself
      `,
    );
    const log = join(sshd.folder, 'relay.log');
    const connection = await open(
      sshd.target({
        proxyCommand: `${process.execPath} ${script} %h %p %r %n %% ${log}`,
      }),
    );
    expect((await connection.exec('echo through')).stdout).toBe('through\n');
    const [pid, ...values] = readFileSync(log, 'utf8').split(' ');
    expect(values).toEqual(['127.0.0.1', sshd.user, 'h1', '%']);

    const other = await open(sshd.target());
    connection.close();
    await connection.closed;
    const wait = `while kill -0 ${pid} 2>/dev/null; do sleep 0.05; done`;
    expect((await other.exec(wait)).code).toBe(0);
  });

  // With a ProxyCommand ssh2 has cleared its session away before the refusal of the key reaches it.
  test('refuses a wrong host key through a ProxyCommand too', async () => {
    const script = sshd.write(
      'plain-relay.mjs',
      `import { connect } from 'node:net';
       const socket = connect(Number(process.argv[3]), process.argv[2]);
       process.stdin.pipe(socket).pipe(process.stdout);
      `,
    );
    const error = await rejection(
      transport.connect(
        sshd.target({
          knownHostsFiles: [],
          proxyCommand: `${process.execPath} ${script} %h %p`,
        }),
      ),
    );
    expect(error.code).toBe('HOST_KEY_UNKNOWN');
  });

  test('shows what a failing ProxyCommand said', async () => {
    const error = await rejection(
      transport.connect(
        sshd.target({ proxyCommand: 'sh -c "echo jump host says no >&2; exit 1"' }),
      ),
    );
    expect(error.code).toBe('HOST_UNREACHABLE');
    expect(error.message).toContain('the ProxyCommand ended');
    expect(error.notes).toContain('jump host says no');
  });

  test('opens forty connections at once', async () => {
    const connections = await Promise.all(
      Array.from({ length: 40 }, (_, i) => open(sshd.target({ host: `h${i}` }))),
    );
    const results = await Promise.all(connections.map((c, i) => c.exec(`echo ${i}`)));
    expect(results.map(({ stdout }) => stdout)).toEqual(connections.map((_, i) => `${i}\n`));
  });

  test('does not let a missing sudo look like a failure of the command', async () => {
    const path = 'PATH=/nonexistent; ';
    const become = { method: 'doas', user: 'somebody', password: undefined } as const;
    const connection = await open(sshd.target({ become }));
    const error = await rejection(connection.exec(`${path}true`));
    expect(error.code).toBe('BECOME_FAILED');
    expect(error.notes).toContain('nothing was run on the host');
  });

  test('does not become whom it is already', async () => {
    const become = { method: 'sudo', user: sshd.user, password: undefined } as const;
    const connection = await open(sshd.target({ become }));
    expect((await connection.exec('id -un')).stdout.trim()).toBe(sshd.user);
  });

  test.skipIf(process.getuid?.() !== 0)('becomes another user with su (as root)', async () => {
    const become = { method: 'su', user: 'nobody', password: undefined } as const;
    const connection = await open(sshd.target({ become }));
    const result = await connection.exec("id -un; cat; echo it\\'s >&2", { input: 'input\n' });
    expect(result).toEqual({ code: 0, stdout: 'nobody\ninput\n', stderr: "it's\n" });
  });

  test.each(['password', 'keyboard-interactive'] as const)('logs in by %s', async (method) => {
    const server = await passwordServer(method);
    const target = sshd.target({
      port: server.port,
      hostKeyChecking: 'off',
      privateKeyFile: undefined,
      password: 'right',
    });
    const connection = await open(target);
    expect(connection.hostKey).toBe(sshd.hostKey('ed25519'));

    const error = await rejection(transport.connect({ ...target, password: 'wrong' }));
    expect(error.code).toBe('AUTH_FAILED');
    expect(textOf(error)).toContain('tried: the password');
    expect(textOf(error)).toContain(`the host accepts: ${method}`);
    expect(textOf(error)).not.toContain('wrong');
  });

  /** sshd checks passwords of real accounts only; this one has its own. */
  async function passwordServer(method: 'password' | 'keyboard-interactive') {
    const hostKeys = [readFileSync(join(sshd.folder, 'host_ed25519'))];
    const server = new ssh2.Server({ hostKeys }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', (context) => {
        if (context.method !== method) context.reject([method]);
        else if (context.method === 'password') {
          if (context.password === 'right') context.accept();
          else context.reject([method]);
        } else if (context.method === 'keyboard-interactive') {
          context.prompt([{ prompt: 'Password:', echo: false }], (answers) => {
            if (answers[0] === 'right') context.accept();
            else context.reject([method]);
          });
        }
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    cleanups.push(
      () =>
        new Promise((resolve) => {
          server.close(resolve);
        }),
    );
    return { port: (server.address() as AddressInfo).port };
  }
});
