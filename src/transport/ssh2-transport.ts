/**
 * SSH through the ssh2 package. It has no certificates, no post-quantum key exchange and no FIDO keys
 * except through an agent; for these openssh-transport.ts stands beside it.
 */
import PQueue from 'p-queue';
import ssh2 from 'ssh2';
import type {
  Algorithms,
  Client,
  ClientChannel,
  ConnectConfig,
  ServerHostKeyAlgorithm,
} from 'ssh2';
import { NetorchError } from '../errors.js';
import { effectiveBecome } from './become.js';
import { BeyondSsh2Error } from './beyond-ssh2-error.js';
import { describePlace, dial, stoppedDialling } from './dial.js';
import type { DialledStream } from './dial.js';
import { checkHostKey, hostKeyPlace } from './host-key-check.js';
import { createJumpHosts } from './jump-hosts.js';
import { knownKeyTypes, publicKeyText } from './known-hosts.js';
import { createKnownHostsFiles } from './known-hosts-files.js';
import type { KnownHostsFiles } from './known-hosts-files.js';
import { authenticationMethods } from './login.js';
import type { Login } from './login.js';
import { createLoginQueues } from './login-queues.js';
import { createKeyFileReader } from './login-keys.js';
import { runCommand } from './run-command.js';
import type { RunningCommand } from './run-command.js';
import type {
  Connection,
  ConnectionTarget,
  ConnectOptions,
  ExecOptions,
  ExecResult,
  Transport,
} from './transport.js';

type Ssh2TransportOptions = Readonly<{
  /**
   * Handshakes at one time. More do not make a fleet faster, but stall the event loop: 97 ms with 8
   * in flight, a second with 250 (measured).
   */
  handshakes?: number;
  /** Where ~/.ssh is, and SSH_AUTH_SOCK. Default: the process's own. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Key file → passphrase (ask-passphrases.ts). */
  passphrases?: ReadonlyMap<string, string>;
}>;

/** Connections being opened at one time, silent hosts among them. */
const DIALS = 64;
/** A ProxyCommand is mostly a login at one jump host, which drops what comes too thick. */
const PROXY_DIALS = 8;
const KEEPALIVE_INTERVAL_MS = 3000;
const KEEPALIVE_COUNT = 3;
/** A second connection to a host is a confirm, and that is racing a deadline: it goes first. */
const CONFIRM_PRIORITY = 1;
/** All hosts behind a jump host wait for it. */
const JUMP_PRIORITY = 2;

// No SHA-1, no CBC. Finite-field Diffie-Hellman blocks the event loop for long, so it comes last.
const ALGORITHMS = {
  kex: [
    'ecdh-sha2-nistp256',
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group-exchange-sha256',
  ],
  cipher: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  hmac: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512',
  ],
  compress: ['none'],
} satisfies Algorithms;

const HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

export function createSsh2Transport(options: Ssh2TransportOptions = {}): Transport {
  const env = options.env ?? process.env;
  const handshakes = new PQueue({ concurrency: options.handshakes ?? 8 });
  const dials = new PQueue({ concurrency: DIALS });
  const proxyDials = new PQueue({ concurrency: PROXY_DIALS });
  const onServer = createLoginQueues();
  const knownHosts = createKnownHostsFiles();
  const readKeyFile = createKeyFileReader(options.passphrases);
  const forward = createJumpHosts(async (jump) => {
    const { link } = await open(jump, {}, JUMP_PRIORITY);
    return link;
  });

  async function open(
    target: ConnectionTarget,
    connectOptions: ConnectOptions,
    priority: number,
  ): Promise<Opened> {
    const { signal } = connectOptions;
    const address = connectOptions.address ?? target.address;
    const queued = signal === undefined ? { priority } : { priority, signal };
    try {
      signal?.throwIfAborted();
      const login = await authenticationMethods(target, env, readKeyFile);
      const logIn = async () => {
        const dialled =
          target.proxyCommand === undefined || target.jump !== undefined
            ? await dial(target, address, signal, forward)
            : await proxyDials.add(() => dial(target, address, signal, forward), queued);
        try {
          return await handshakes.add(
            () => shakeHands({ target, address, connectOptions, dialled, login, knownHosts }),
            queued,
          );
        } catch (error) {
          dialled.destroy();
          throw error;
        }
      };
      // Neither a confirm nor a jump host is made to wait behind hosts that do not answer.
      return await onServer(target, address, queued, () =>
        priority === 0 ? dials.add(logIn, signal === undefined ? {} : { signal }) : logIn(),
      );
    } catch (error) {
      if (error instanceof NetorchError) throw error;
      if (signal?.aborted === true) throw stoppedDialling(target, signal);
      throw new NetorchError(
        'HOST_UNREACHABLE',
        `${target.host}: ${describePlace(target, address)}: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }

  return {
    async connect(target, connectOptions = {}) {
      const priority = connectOptions.expectedHostKey === undefined ? 0 : CONFIRM_PRIORITY;
      const { link, hostKey } = await open(target, connectOptions, priority);
      return link.connection(hostKey);
    },
  };
}

type Opened = Readonly<{ link: Ssh2Link; hostKey: string }>;

type Handshake = Readonly<{
  target: ConnectionTarget;
  address: string;
  connectOptions: ConnectOptions;
  dialled: DialledStream;
  login: Login;
  knownHosts: KnownHostsFiles;
}>;

async function shakeHands(handshake: Handshake): Promise<Opened> {
  const { target, address, connectOptions, dialled, login, knownHosts } = handshake;
  const { signal, expectedHostKey } = connectOptions;
  const place = describePlace(target, address);
  const entries = await readKnownHosts(target, knownHosts);
  const wantedTypes =
    expectedHostKey === undefined
      ? knownKeyTypes(entries, ...hostKeyPlace(target, address))
      : [expectedHostKey.split(' ')[0] ?? ''];

  const client = new ssh2.Client();
  const link = new Ssh2Link(client, target, dialled, address);
  let hostKey: string | undefined;

  return await new Promise<Opened>((resolve, reject) => {
    const fail = (error: NetorchError) => {
      signal?.removeEventListener('abort', onAbort);
      dialled.destroy();
      reject(error);
    };
    const onAbort = () => fail(stoppedDialling(target, signal));
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener('abort', onAbort, { once: true });

    const verify = async (presented: Buffer): Promise<boolean> => {
      hostKey = publicKeyText(presented);
      const verdict = checkHostKey(target, address, presented, entries, expectedHostKey);
      if (verdict.kind === 'refuse') {
        fail(
          verdict.needsCertificates === true
            ? new BeyondSsh2Error(verdict.error, 'the host is known by a certificate authority')
            : verdict.error,
        );
        return false;
      }
      if (verdict.kind === 'trust-and-record') {
        const [file = ''] = target.knownHostsFiles;
        try {
          await knownHosts.append(file, ...hostKeyPlace(target, address), presented);
        } catch (error) {
          fail(
            new NetorchError(
              'HOST_KEY_UNKNOWN',
              `${target.host}: the host key of ${place} is new and cannot be recorded in ${file}`,
              { notes: [messageOf(error)], cause: error },
            ),
          );
          return false;
        }
      }
      return true;
    };

    // This listener stays for the connection's whole life: an 'error' that nobody hears ends a process.
    client.on('error', (error) => {
      link.noteProblem(error);
      // A key that cannot be used is passed over; the login goes on with the next.
      if (levelOf(error) === 'agent') return;
      fail(handshakeError(target, place, dialled, login, error));
    });
    client.on('close', () =>
      fail(handshakeError(target, place, dialled, login, new Error('the connection was closed'))),
    );
    client.on('ready', () => {
      signal?.removeEventListener('abort', onAbort);
      if (hostKey === undefined) {
        fail(handshakeError(target, place, dialled, login, new Error('no host key was presented')));
        return;
      }
      resolve({ link, hostKey });
    });

    try {
      client.connect({
        sock: dialled.stream,
        username: target.user,
        authHandler: login.next as NonNullable<ConnectConfig['authHandler']>,
        algorithms: { ...ALGORITHMS, serverHostKey: hostKeyAlgorithms(wantedTypes) },
        hostVerifier: (presented: Buffer, answer: (isTrusted: boolean) => void) => {
          // A refusal has destroyed the stream already. ssh2 must not hear of it: once its stream is
          // closed (with a ProxyCommand that is at once), an answer makes it throw where nobody catches.
          void verify(presented).then((isTrusted) => {
            if (!isTrusted || dialled.stream.destroyed) return;
            answer(true);
          });
        },
        readyTimeout: target.connectTimeoutMs,
        keepaliveInterval: target.keepalive?.intervalMs ?? KEEPALIVE_INTERVAL_MS,
        keepaliveCountMax: target.keepalive?.count ?? KEEPALIVE_COUNT,
      });
      skipHostKeyProofs(client);
    } catch (error) {
      fail(handshakeError(target, place, dialled, login, error));
    }
  });
}

async function readKnownHosts(target: ConnectionTarget, knownHosts: KnownHostsFiles) {
  try {
    return await knownHosts.read(target.knownHostsFiles);
  } catch (error) {
    throw new NetorchError(
      'HOST_KEY_UNKNOWN',
      `${target.host}: a known_hosts file cannot be read: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Those for which a key is known come first, or a known host would present an unknown key. */
function hostKeyAlgorithms(knownTypes: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string) =>
    knownTypes.includes(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
  return [
    ...HOST_KEY_ALGORITHMS.filter(isKnown),
    ...HOST_KEY_ALGORITHMS.filter((algorithm) => !isKnown(algorithm)),
  ];
}

/**
 * ssh2 asks every OpenSSH server to prove all its host keys, and nobody reads the answer: 40 % of the
 * controller's and 26 % of the host's work per connection (measured). There is no option for it; where
 * this version's insides are not found, the work is done and nothing else changes.
 */
function skipHostKeyProofs(client: Client): void {
  const protocol: unknown = Reflect.get(client, '_protocol');
  if (typeof protocol !== 'object' || protocol === null) return;
  const handlers: unknown = Reflect.get(protocol, '_handlers');
  if (typeof handlers !== 'object' || handlers === null) return;
  const original: unknown = Reflect.get(handlers, 'GLOBAL_REQUEST');
  if (typeof original !== 'function') return;
  Reflect.set(handlers, 'GLOBAL_REQUEST', (...args: unknown[]) => {
    const [, name, wantsReply] = args;
    if (name === 'hostkeys-00@openssh.com' && wantsReply !== true) return;
    Reflect.apply(original, handlers, args);
  });
}

function handshakeError(
  target: ConnectionTarget,
  place: string,
  dialled: DialledStream,
  login: Login,
  error: unknown,
): NetorchError {
  const message = messageOf(error);
  if (levelOf(error) === 'client-authentication' || /too many auth/i.test(message)) {
    return new NetorchError(
      'AUTH_FAILED',
      `${target.host}: ${place} does not let "${target.user}" log in`,
      { notes: login.report(/too many auth/i.test(message)), cause: error },
    );
  }
  const unreachable = (text: string, notes: readonly string[] = []) =>
    new NetorchError('HOST_UNREACHABLE', `${target.host}: ${text}`, {
      notes: [...notes, ...dialled.proxyErrors()],
      cause: error,
    });
  if (levelOf(error) === 'client-timeout') {
    return unreachable(
      `the SSH server at ${place} did not finish the login within ${target.connectTimeoutMs / 1000} s`,
    );
  }
  const mismatch = /no matching (.+)$/i.exec(message)?.[1];
  if (mismatch !== undefined) {
    return new BeyondSsh2Error(
      unreachable(`the SSH server at ${place} and netorch share no ${mismatch}`, [
        'netorch offers no SHA-1 and no CBC, and this transport has no post-quantum key exchange',
        "set netorch_transport: auto or openssh, and the system's ssh is used",
      ]),
      `the server shares no ${mismatch} with ssh2`,
    );
  }
  if (!dialled.greeting.startsWith('SSH-')) {
    return unreachable(`what answers at ${place} is no SSH server`, [
      `it said: ${JSON.stringify(dialled.greeting.slice(0, 200))}`,
    ]);
  }
  return unreachable(`the login at ${place} broke off: ${message}`);
}

/** An established connection, and why it ended. */
class Ssh2Link {
  readonly #client: Client;
  readonly #target: ConnectionTarget;
  readonly #dialled: DialledStream;
  readonly #address: string;
  readonly #closed: Promise<void>;
  #problem: string | undefined;
  #isClosed = false;

  constructor(client: Client, target: ConnectionTarget, dialled: DialledStream, address: string) {
    this.#dialled = dialled;
    this.#client = client;
    this.#target = target;
    this.#address = address;
    this.#closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#isClosed = true;
        resolve();
      });
    });
  }

  noteProblem(error: Error): void {
    if (levelOf(error) !== 'agent') this.#problem ??= error.message;
  }

  connection(hostKey: string): Connection {
    return {
      hostKey,
      address: this.#address,
      closed: this.#closed,
      exec: (command, options = {}) => this.#exec(command, options),
      close: () => this.close(),
    };
  }

  get closed(): Promise<void> {
    return this.#closed;
  }

  close(): void {
    this.#close('netorch closed the connection');
  }

  /** A connection from this host to another address: what a jump host is for. */
  forward(address: string, port: number): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      try {
        this.#client.forwardOut('127.0.0.1', 0, address, port, (error, channel) => {
          if (error) reject(error);
          else resolve(channel);
        });
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  #close(why: string): void {
    this.#problem ??= why;
    this.#client.end();
    // A host that has gone would never answer the goodbye.
    this.#dialled.destroy();
  }

  #exec(command: string, options: ExecOptions): Promise<ExecResult> {
    const { host, user, become } = this.#target;
    return runCommand(
      {
        host,
        loginUser: user,
        become: effectiveBecome(become, user),
        start: (text) => this.#start(text),
        onTimeout: () => this.#close('a command did not end in time'),
      },
      command,
      options,
    );
  }

  #start(command: string): Promise<RunningCommand> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(this.#lost());
        return;
      }
      // A half-open connection never calls back: its end does.
      void this.#closed.then(() => reject(this.#lost()));
      try {
        this.#client.exec(command, (error, channel) => {
          if (error) reject(this.#isClosed ? this.#lost() : this.#lost(error.message));
          else resolve(this.#running(channel));
        });
      } catch (error) {
        reject(this.#lost(messageOf(error)));
      }
    });
  }

  #running(channel: ClientChannel): RunningCommand {
    const ended = new Promise<{ code: number | undefined }>((resolve, reject) => {
      let exit: { code: number | undefined } | undefined;
      channel.on('exit', (code: number | null) => {
        exit = { code: code ?? undefined };
      });
      channel.on('close', () => {
        if (exit === undefined) reject(this.#lost());
        else resolve(exit);
      });
      void this.#closed.then(() => {
        if (exit === undefined) reject(this.#lost());
      });
    });
    // Whoever waits for it hears of it; nobody waits after an interruption.
    ended.catch(() => undefined);
    return {
      stdin: channel,
      stdout: channel,
      stderr: channel.stderr,
      ended,
      stop: () => {
        if (this.#isClosed) return;
        try {
          // sshd passes the signal on, but not to a session of root; there the closed pipes must do.
          channel.signal('TERM');
          channel.close();
        } catch {
          // The channel is gone already, which is what was wanted.
        }
      },
    };
  }

  #lost(why: string | undefined = this.#problem): NetorchError {
    const reason = why === undefined ? 'the host closed it' : describeLoss(why, this.#target);
    return new NetorchError(
      'CONNECTION_LOST',
      `${this.#target.host}: the connection to ${this.#address} was lost: ${reason}`,
    );
  }
}

function describeLoss(problem: string, { keepalive }: ConnectionTarget): string {
  if (/keepalive/i.test(problem)) {
    const intervalMs = keepalive?.intervalMs ?? KEEPALIVE_INTERVAL_MS;
    return `no sign of life for ${(intervalMs * (keepalive?.count ?? KEEPALIVE_COUNT)) / 1000} s`;
  }
  if (/ECONNRESET/.test(problem)) return 'it was cut (connection reset)';
  return problem;
}

function levelOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('level' in error)) return undefined;
  return typeof error.level === 'string' ? error.level : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
