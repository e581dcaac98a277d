import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createOpensshTransport } from '../../src/transport/openssh-transport.js';
import { createSsh2Transport } from '../../src/transport/ssh2-transport.js';
import type { Connection, ConnectionTarget } from '../../src/transport/transport.js';
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

describeWithSshd('jump hosts', () => {
  let outer: Sshd;
  let inner: Sshd;
  let host: Sshd;
  const cleanups: (() => unknown)[] = [];

  beforeAll(async () => {
    [outer, inner, host] = await Promise.all([
      startSshd('DEBUG1'),
      startSshd('DEBUG1'),
      startSshd(),
    ]);
  });
  afterAll(async () => {
    await Promise.all([outer.stop(), inner.stop(), host.stop()]);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  const throughOne = (changes: Partial<ConnectionTarget> = {}): ConnectionTarget =>
    host.target({ jump: outer.target({ host: 'jump host outer', ...changes }) });
  const throughTwo = (): ConnectionTarget =>
    host.target({
      jump: inner.target({
        host: 'jump host inner',
        jump: outer.target({ host: 'jump host outer' }),
      }),
    });
  const loginsAt = (sshd: Sshd) => sshd.log().match(/Accepted publickey/g)?.length ?? 0;

  function opener() {
    const transport = createSsh2Transport({ env: {} });
    return async (...args: Parameters<typeof transport.connect>): Promise<Connection> => {
      const connection = await transport.connect(...args);
      cleanups.push(async () => {
        connection.close();
        await connection.closed;
      });
      return connection;
    };
  }

  test('a host behind two of them is logged in at, with its own key checked', async () => {
    const open = opener();
    const before = [loginsAt(outer), loginsAt(inner)];
    const connection = await open(throughTwo());
    expect(connection.hostKey).toBe(host.hostKey('ed25519'));
    expect((await connection.exec('echo $SSH_CONNECTION')).stdout).toContain(` ${host.port}\n`);
    expect([loginsAt(outer), loginsAt(inner)]).toEqual(before.map((n) => n + 1));
  });

  test('ssh of the system goes the same way', async () => {
    const transport = createOpensshTransport({ env: { PATH: process.env['PATH'] } });
    const connection = await transport.connect(throughTwo());
    cleanups.push(() => connection.close());
    expect(connection.hostKey).toBe(host.hostKey('ed25519'));
    expect((await connection.exec('echo here')).stdout).toBe('here\n');
  });

  test('twenty hosts share one login at the jump host; every host has logins of its own', async () => {
    const open = opener();
    const before = { jump: loginsAt(outer), host: loginsAt(host) };
    const connections = await Promise.all(
      Array.from({ length: 20 }, (_, i) => open({ ...throughOne(), host: `h${i}` })),
    );
    const confirming = await open(throughOne(), { expectedHostKey: host.hostKey('ed25519') });
    expect((await confirming.exec('echo new')).stdout).toBe('new\n');
    expect(connections).toHaveLength(20);
    expect(loginsAt(outer) - before.jump).toBe(1);
    expect(loginsAt(host) - before.host).toBe(21);
  });

  test('a jump host whose connection has died is dialled anew', async () => {
    const open = opener();
    const relay = await startServer((socket) => {
      const onward = connectTcp(outer.port, '127.0.0.1');
      onward.on('error', () => undefined);
      socket.on('close', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    });
    cleanups.push(relay.stop);
    const target = throughOne({ port: relay.port, hostKeyChecking: 'off' });
    const first = await open(target);
    const before = loginsAt(outer);
    relay.cut();
    await first.closed;
    const second = await open(target, { expectedHostKey: first.hostKey });
    expect((await second.exec('echo back')).stdout).toBe('back\n');
    expect(loginsAt(outer) - before).toBe(1);
  });

  test('a changed host key is refused on each hop, and the hop is named', async () => {
    const transport = createSsh2Transport({ env: {} });
    const stranger = readFileSync(`${outer.keyFile}.pub`, 'utf8');
    const wrongFor = (sshd: Sshd) =>
      outer.write(`wrong_${sshd.port}`, `[127.0.0.1]:${sshd.port} ${stranger}`);
    const target = throughTwo();
    const { jump } = target;
    const cases: [ConnectionTarget, string][] = [
      [{ ...target, knownHostsFiles: [wrongFor(host)] }, 'h1: the host key of 127.0.0.1'],
      [
        { ...target, jump: { ...jump!, knownHostsFiles: [wrongFor(inner)] } },
        'h1: jump host inner: the host key',
      ],
      [
        {
          ...target,
          jump: { ...jump!, jump: { ...jump!.jump!, knownHostsFiles: [wrongFor(outer)] } },
        },
        'h1: jump host inner: jump host outer: the host key',
      ],
    ];
    for (const [wrong, words] of cases) {
      const error = await rejection(transport.connect(wrong));
      expect(error.code).toBe('HOST_KEY_MISMATCH');
      expect(error.message).toContain(words);
    }
  });

  test('says which of them cannot be reached, or does not reach the host', async () => {
    const transport = createSsh2Transport({ env: {} });
    const port = await freePort();
    const noJump = await rejection(transport.connect(throughOne({ port })));
    expect(noJump.code).toBe('HOST_UNREACHABLE');
    expect(noJump.message).toBe(
      `h1: jump host outer: 127.0.0.1 port ${port} refuses the connection: no SSH server listens there`,
    );
    const noHost = await rejection(transport.connect({ ...throughOne(), port }));
    expect(noHost.code).toBe('HOST_UNREACHABLE');
    expect(noHost.message).toContain(
      `h1: jump host outer does not reach 127.0.0.1 port ${port}: Connection refused`,
    );
  });

  test('a jump host that forwards nothing is told so', async () => {
    const closed = await startSshd('INFO', ['AllowTcpForwarding no']);
    cleanups.push(closed.stop);
    const transport = createSsh2Transport({ env: {} });
    const target = host.target({ jump: closed.target({ host: 'jump host closed' }) });
    const error = await rejection(transport.connect(target));
    expect(textOf(error)).toContain('jump host closed does not reach');
    expect(textOf(error)).toContain('AllowTcpForwarding yes');
  });
});

describeWithSshd('a server that takes ten logins at a time (MaxStartups 10)', () => {
  let narrow: Sshd;
  beforeAll(async () => {
    narrow = await startSshd('DEBUG1', ['MaxStartups 10']);
  });
  afterAll(async () => {
    await narrow.stop();
  });

  /** Each host is asked one thing and left, as a fleet is. */
  async function askAll(targets: readonly ConnectionTarget[]): Promise<readonly string[]> {
    const transport = createSsh2Transport({ env: {} });
    return Promise.all(
      targets.map(async (target) => {
        const connection = await transport.connect(target);
        const { stdout } = await connection.exec(`echo ${target.host}`);
        connection.close();
        return stdout.trim();
      }),
    );
  }
  /** More than the server takes at a time; 200 and more by hand. */
  const count = Number(process.env['NETORCH_FLEET_HOSTS'] ?? 30);
  const names = Array.from({ length: count }, (_, i) => `h${i}`);

  test('lets all hosts behind it be reached that were started at once', async () => {
    const jump = narrow.target({ host: 'jump host narrow' });
    const answers = await askAll(names.map((host) => narrow.target({ host, jump })));
    expect(answers).toEqual(names);
    expect(narrow.log()).not.toContain('MaxStartups');
  });

  test('serves many inventory names that mean this one server', async () => {
    expect(await askAll(names.map((host) => narrow.target({ host })))).toEqual(names);
    expect(narrow.log()).not.toContain('MaxStartups');
  });

  test('is tried again after a pause when others keep it busy', async () => {
    const others = await Promise.all(
      Array.from(
        { length: 10 },
        () =>
          new Promise<ReturnType<typeof connectTcp>>((resolve) => {
            const socket = connectTcp(narrow.port, '127.0.0.1');
            socket.on('error', () => undefined);
            socket.once('data', () => resolve(socket));
          }),
      ),
    );
    const transport = createSsh2Transport({ env: {} });
    const pending = transport.connect(narrow.target());
    await vi.waitFor(() => expect(narrow.log()).toMatch(/MaxStartups/), { timeout: 20_000 });
    for (const socket of others) socket.destroy();
    const connection = await pending;
    expect((await connection.exec('echo at last')).stdout).toBe('at last\n');
    connection.close();
  });
});
