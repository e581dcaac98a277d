/** A real OpenSSH server on loopback, run by the current user, with keys of its own in a temp folder. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { NetorchError } from '../../src/errors.js';
import type { ConnectionTarget } from '../../src/transport/transport.js';

const SSHD = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));

/** Registers tests that need sshd; skipped by name without it, failed when the lab is required. */
export function describeWithSshd(name: string, body: () => void): void {
  if (SSHD !== undefined) {
    describe(name, body);
  } else if (process.env['NETORCH_REQUIRE_LAB'] === '1') {
    test(name, () => {
      throw new Error('NETORCH_REQUIRE_LAB=1, and sshd (openssh-server) is not installed');
    });
  } else {
    describe.skip(`${name} (skipped: sshd of openssh-server is not installed)`, body);
  }
}

export type Sshd = Readonly<{
  port: number;
  folder: string;
  user: string;
  /** The private key that may log in. */
  keyFile: string;
  /** Makes a key pair in the folder; returns the private key's path. */
  makeKey: (name: string, type: string, passphrase?: string) => string;
  /** The `type base64` of a host key. */
  hostKey: (type: 'ed25519' | 'ecdsa' | 'rsa') => string;
  /** A target that works; its known_hosts file holds the ed25519 host key. */
  target: (changes?: Partial<ConnectionTarget>) => ConnectionTarget;
  /** Writes a file of the folder and returns its path. */
  write: (name: string, text: string) => string;
  /** What sshd has logged so far. */
  log: () => string;
  stop: () => Promise<void>;
}>;

/** Takes a second to be made, so the servers of one test file share it. */
let rsaHostKey: readonly [string, string] | undefined;

/** At DEBUG1 sshd also writes into the standard error of sessions: only for tests of its log. */
export async function startSshd(
  logLevel: 'INFO' | 'DEBUG1' = 'INFO',
  /** Lines of sshd_config that come before the others, so that they win. */
  config: readonly string[] = [],
  { authorizedKeys }: Readonly<{ authorizedKeys?: string }> = {},
): Promise<Sshd> {
  if (SSHD === undefined) throw new Error('sshd is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'netorch-sshd-'));
  const user = userInfo().username;
  // sshd's folder for privilege separation; the service would make it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });

  const makeKey = (name: string, type: string, passphrase = '') => {
    const file = join(folder, name);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-C', 'test', '-f', file]);
    return file;
  };
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  for (const type of ['ed25519', 'ecdsa']) makeKey(`host_${type}`, type);
  if (rsaHostKey === undefined) {
    const file = makeKey('host_rsa', 'rsa');
    rsaHostKey = [readFileSync(file, 'utf8'), readFileSync(`${file}.pub`, 'utf8')];
  } else {
    write('host_rsa', rsaHostKey[0]);
    write('host_rsa.pub', rsaHostKey[1]);
  }
  const keyFile = makeKey('user_ed25519', 'ed25519');
  write('authorized_keys', readFileSync(`${keyFile}.pub`, 'utf8'));

  const { port, log, stop } = await listen(folder, SSHD, logLevel, write, [
    ...config,
    ...(authorizedKeys === undefined ? [] : [`AuthorizedKeysFile ${authorizedKeys}`]),
  ]);
  const hostKey = (type: string) =>
    readFileSync(join(folder, `host_${type}.pub`), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  const knownHosts = write('known_hosts', `[127.0.0.1]:${port} ${hostKey('ed25519')}\n`);

  return {
    port,
    folder,
    user,
    keyFile,
    makeKey,
    hostKey,
    log,
    write,
    target: (changes = {}) => ({
      host: 'h1',
      address: '127.0.0.1',
      port,
      user,
      privateKeyFile: keyFile,
      password: undefined,
      proxyCommand: undefined,
      knownHostsFiles: [knownHosts],
      hostKeyChecking: 'strict',
      connectTimeoutMs: 10_000,
      become: undefined,
      kind: 'ssh',
      ...changes,
    }),
    stop: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function listen(
  folder: string,
  program: string,
  logLevel: string,
  write: (name: string, text: string) => string,
  firstLines: readonly string[],
): Promise<{ port: number; log: () => string; stop: () => Promise<void> }> {
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort();
    const config = write(
      'sshd_config',
      [
        ...firstLines,
        `ListenAddress 127.0.0.1:${port}`,
        ...['ed25519', 'ecdsa', 'rsa'].map((type) => `HostKey ${join(folder, `host_${type}`)}`),
        `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
        'PidFile none',
        'UsePAM no',
        'StrictModes no',
        'PasswordAuthentication no',
        'KbdInteractiveAuthentication no',
        'PermitRootLogin yes',
        // Of this one the last value wins.
        ...(firstLines.some((line) => line.startsWith('MaxStartups')) ? [] : ['MaxStartups 200']),
        'PrintMotd no',
        `LogLevel ${logLevel}`,
        '',
      ].join('\n'),
    );
    const child = spawn(program, ['-D', '-e', '-f', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = new Promise<void>((resolve) => {
      child.on('exit', () => resolve());
    });
    let log = '';
    const isListening = await new Promise<boolean>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => {
        log += chunk.toString();
        if (log.includes('Server listening')) resolve(true);
      });
      child.on('exit', () => resolve(false));
    });
    if (isListening) {
      const stop = async () => {
        child.kill();
        await exited;
      };
      return { port, log: () => log, stop };
    }
    // Somebody else may have taken the port meanwhile; anything else is a fault of the set-up.
    if (!/Address already in use/.test(log)) throw new Error(`sshd does not start: ${log}`);
  }
  throw new Error('no free port for sshd');
}

/** A TCP server on an ephemeral loopback port; `stop` also cuts what is connected. */
export async function startServer(onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

export async function freePort(): Promise<number> {
  const server = await startServer(() => undefined);
  await server.stop();
  return server.port;
}

/** The NetorchError that a promise rejects with; anything else fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<NetorchError> {
  const result = await promise.then(
    (value: unknown) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in result && result.error instanceof NetorchError) return result.error;
  throw new Error('expected a NetorchError', {
    cause: 'error' in result ? result.error : result.value,
  });
}

/** All that a user would read of an error. */
export function textOf(error: NetorchError): string {
  return [error.message, ...error.notes].join('\n');
}
