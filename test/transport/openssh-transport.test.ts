import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createOpensshTransport } from '../../src/transport/openssh-transport.js';
import { createTransport } from '../../src/transport/transports.js';
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

const TICKING = 'while echo tick; do sleep 0.02; done';
const PQ_ONLY = ['KexAlgorithms sntrup761x25519-sha512@openssh.com'];

describeWithSshd('openssh transport', () => {
  let sshd: Sshd;
  const cleanups: (() => unknown)[] = [];
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent' };
  const transport = createOpensshTransport({ env });

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
    cleanups.push(async () => {
      connection.close();
      await connection.closed;
    });
    return connection;
  }

  /** Logins that sshd has let in so far. */
  const loginsOf = (server: Sshd) => server.log().match(/Accepted publickey/g)?.length ?? 0;

  test('logs in, runs commands over one connection, and tells the key that was presented', async () => {
    const before = loginsOf(sshd);
    const connection = await open(sshd.target());
    expect(connection.hostKey).toBe(sshd.hostKey('ed25519'));
    expect(connection.address).toBe('127.0.0.1');
    const results = await Promise.all([
      connection.exec('echo out; echo err >&2; exit 7'),
      connection.exec('cat', { input: 'in ü' }),
    ]);
    expect(results).toEqual([
      { code: 7, stdout: 'out\n', stderr: 'err\n' },
      { code: 0, stdout: 'in ü', stderr: '' },
    ]);
    expect(loginsOf(sshd) - before).toBe(1);
  });

  test('a confirming connection shares nothing: each command is a login of its own', async () => {
    await open(sshd.target());
    const before = loginsOf(sshd);
    const confirming = await open(sshd.target({ address: '127.0.0.2', knownHostsFiles: [] }), {
      address: '127.0.0.1',
      expectedHostKey: sshd.hostKey('ed25519'),
    });
    expect(confirming.hostKey).toBe(sshd.hostKey('ed25519'));
    expect((await confirming.exec('echo one')).stdout).toBe('one\n');
    expect((await confirming.exec('exit 3')).code).toBe(3);
    expect(loginsOf(sshd) - before).toBe(3);
  });

  test.each(['rsa', 'ecdsa'] as const)(
    'a confirming connection asks for the %s key that it expects',
    async (type) => {
      const connection = await open(sshd.target(), { expectedHostKey: sshd.hostKey(type) });
      expect(connection.hostKey).toBe(sshd.hostKey(type));
    },
  );

  test('refuses another key than the one that it expects, though known_hosts has the one presented', async () => {
    const [, stranger = ''] = readFileSync(`${sshd.keyFile}.pub`, 'utf8').split(' ');
    const error = await rejection(
      transport.connect(sshd.target(), { expectedHostKey: `ssh-ed25519 ${stranger}` }),
    );
    expect(error.code).toBe('HOST_KEY_MISMATCH');
  });

  test('refuses unknown and changed host keys, and records new ones only when asked', async () => {
    const empty = sshd.write('o_empty', '');
    const unknown = await rejection(transport.connect(sshd.target({ knownHostsFiles: [empty] })));
    expect(unknown.code).toBe('HOST_KEY_UNKNOWN');
    expect(readFileSync(empty, 'utf8')).toBe('');

    const other = readFileSync(`${sshd.makeKey('o_other', 'ed25519')}.pub`, 'utf8');
    const wrong = sshd.write('o_wrong', `[127.0.0.1]:${sshd.port} ${other}`);
    for (const hostKeyChecking of ['strict', 'accept-new'] as const) {
      const target = sshd.target({ knownHostsFiles: [wrong], hostKeyChecking });
      expect((await rejection(transport.connect(target))).code).toBe('HOST_KEY_MISMATCH');
    }

    const target = sshd.target({ knownHostsFiles: [empty], hostKeyChecking: 'accept-new' });
    const connection = await open(target);
    expect(readFileSync(empty, 'utf8')).toContain(connection.hostKey);
    await open({ ...target, hostKeyChecking: 'strict' });
  });

  test('trusts a host by the certificate of an authority, and knows it again by its plain key', async () => {
    const authority = sshd.makeKey('ca', 'ed25519');
    const hostKeyFile = join(sshd.folder, 'host_ed25519');
    execFileSync('ssh-keygen', [
      '-q',
      '-s',
      authority,
      '-I',
      'h',
      '-h',
      '-n',
      '127.0.0.1',
      `${hostKeyFile}.pub`,
    ]);
    const certified = await startSshd(
      'INFO',
      [`HostCertificate ${hostKeyFile}-cert.pub`, `HostKey ${hostKeyFile}`],
      {
        authorizedKeys: join(sshd.folder, 'authorized_keys'),
      },
    );
    cleanups.push(certified.stop);
    const caKey = readFileSync(`${authority}.pub`, 'utf8');
    const knownHosts = sshd.write('o_ca', `@cert-authority 127.0.0.1,[127.0.0.1]:* ${caKey}`);
    const target = sshd.target({ port: certified.port, knownHostsFiles: [knownHosts] });
    const connection = await open(target);
    expect(connection.hostKey).toBe(sshd.hostKey('ed25519'));
    const again = await open(target, { expectedHostKey: connection.hostKey });
    expect(again.hostKey).toBe(connection.hostKey);

    const notes: string[] = [];
    const auto = createTransport({ env, onNote: (text) => notes.push(text) });
    const found = await auto.connect(target);
    cleanups.push(() => found.close());
    expect(found.hostKey).toBe(sshd.hostKey('ed25519'));
    expect(notes).toEqual([expect.stringContaining('known by a certificate authority')]);
  });

  test('names a refused login, and what ssh said of it', async () => {
    const privateKeyFile = sshd.makeKey('o_stranger', 'ed25519');
    const error = await rejection(transport.connect(sshd.target({ privateKeyFile })));
    expect(error.code).toBe('AUTH_FAILED');
    expect(textOf(error)).toContain('Permission denied (publickey)');
  });

  test('names a port that refuses, and a server that says nothing', async () => {
    const port = await freePort();
    const refused = await rejection(transport.connect(sshd.target({ port })));
    expect(refused.code).toBe('HOST_UNREACHABLE');
    expect(refused.message).toContain('Connection refused');

    const silent = await startServer(() => undefined);
    cleanups.push(silent.stop);
    const target = sshd.target({ port: silent.port, connectTimeoutMs: 1000 });
    expect((await rejection(transport.connect(target))).code).toBe('HOST_UNREACHABLE');
  });

  test('an aborted connect ends its ssh and leaves no folder behind', async () => {
    const abort = new AbortController();
    const silent = await startServer(() => abort.abort());
    cleanups.push(silent.stop);
    const error = await rejection(
      transport.connect(sshd.target({ port: silent.port }), { signal: abort.signal }),
    );
    expect(error.message).toBe('h1: netorch stopped connecting');
  });

  test('a cut connection rejects what runs, settles closed, and logs in no second time', async () => {
    const relay = await startServer((socket) => {
      const onward = connectTcp(sshd.port, '127.0.0.1');
      onward.on('error', () => undefined);
      socket.on('close', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    });
    cleanups.push(relay.stop);
    const connection = await open(sshd.target({ port: relay.port, hostKeyChecking: 'off' }));
    const before = loginsOf(sshd);
    const error = await rejection(connection.exec(TICKING, { onLine: () => relay.cut() }));
    expect(error.code).toBe('CONNECTION_LOST');
    await connection.closed;
    expect((await rejection(connection.exec('true'))).code).toBe('CONNECTION_LOST');
    expect(loginsOf(sshd)).toBe(before);
  });

  test('closing ends what runs and takes the folder away', async () => {
    const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('netorch-ssh-'));
    const before = folders();
    const connection = await transport.connect(sshd.target());
    const mine = folders().filter((name) => !before.includes(name));
    expect(mine.length).toBeGreaterThan(0);
    const pending = rejection(connection.exec(TICKING, { onLine: () => connection.close() }));
    expect((await pending).code).toBe('CONNECTION_LOST');
    await connection.closed;
    connection.close();
    expect(
      mine.filter((name) => existsSync(join(tmpdir(), name)) && folders().includes(name)),
    ).toHaveLength(mine.length - 1);
  });

  test('a server with post-quantum key exchange only is reached automatically, with a word about it', async () => {
    const server = await startSshd('INFO', PQ_ONLY);
    cleanups.push(server.stop);
    const notes: string[] = [];
    const auto = createTransport({ env, onNote: (text) => notes.push(text) });
    const target = server.target({ privateKeyFile: server.keyFile });
    const first = await auto.connect(target);
    cleanups.push(() => first.close());
    expect((await first.exec('echo through')).stdout).toBe('through\n');
    expect(first.hostKey).toBe(server.hostKey('ed25519'));
    // Found out once: the confirm does not begin with a login that cannot succeed.
    const failuresBefore = server.log().match(/no matching key exchange/g)?.length;
    const confirming = await auto.connect(target, { expectedHostKey: first.hostKey });
    cleanups.push(() => confirming.close());
    expect((await confirming.exec('echo again')).stdout).toBe('again\n');
    expect(server.log().match(/no matching key exchange/g)?.length).toBe(failuresBefore);
    expect(notes).toEqual([
      expect.stringMatching(
        /^h1: goes through the system's ssh: the server shares no .*key exchange/,
      ),
    ]);

    const only = await rejection(auto.connect({ ...target, transport: 'ssh2' }));
    expect(textOf(only)).toContain('netorch_transport: auto or openssh');
  });

  test("a jump host that is beyond ssh2 leads to the system's ssh as well", async () => {
    const server = await startSshd('INFO', PQ_ONLY);
    cleanups.push(server.stop);
    const notes: string[] = [];
    const auto = createTransport({ env, onNote: (text) => notes.push(text) });
    const jump = server.target({ host: 'jump host gate' });
    const connection = await auto.connect(sshd.target({ jump }));
    cleanups.push(() => connection.close());
    expect((await connection.exec('echo behind')).stdout).toBe('behind\n');
    expect(notes).toEqual([
      expect.stringMatching(/system's ssh: at the jump host gate the server/),
    ]);
  });

  test('a key with a certificate logs in where only its authority is known', async () => {
    const authority = sshd.makeKey('user_ca', 'ed25519');
    const certified = await startSshd('INFO', [`TrustedUserCAKeys ${authority}.pub`]);
    cleanups.push(certified.stop);
    const keyFile = sshd.makeKey('certified', 'ed25519');
    execFileSync('ssh-keygen', [
      '-q',
      '-s',
      authority,
      '-I',
      'me',
      '-n',
      certified.user,
      `${keyFile}.pub`,
    ]);
    const notes: string[] = [];
    const auto = createTransport({ env, onNote: (text) => notes.push(text) });
    const connection = await auto.connect(certified.target({ privateKeyFile: keyFile }));
    cleanups.push(() => connection.close());
    expect((await connection.exec('echo in')).stdout).toBe('in\n');
    expect(notes).toEqual([`h1: goes through the system's ssh: ${keyFile} has a certificate`]);
  });

  test('follows arguments and configuration of the user, under its own', async () => {
    const relay = sshd.write(
      'o_relay.mjs',
      `import { connect } from 'node:net';
       const socket = connect(Number(process.argv[3]), process.argv[2]);
       process.stdin.pipe(socket).pipe(process.stdout);`,
    );
    const config = sshd.write(
      'o_config',
      `Host other\n  ProxyCommand ${process.execPath} ${relay} %h %p\n  ControlMaster auto\n  ControlPath ${sshd.folder}/o_mux\n  RemoteCommand false\n`,
    );
    const connection = await open(
      sshd.target({
        openssh: { destination: 'other', arguments: ['-F', config], reason: undefined },
      }),
    );
    expect((await connection.exec('echo own')).stdout).toBe('own\n');
    expect(existsSync(join(sshd.folder, 'o_mux'))).toBe(false);
  });
});
