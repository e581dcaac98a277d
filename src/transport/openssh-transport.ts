/**
 * SSH through the system's ssh: certificates, FIDO keys, GSSAPI, post-quantum key exchange. Needs
 * OpenSSH 8.5 or newer (KnownHostsCommand).
 *
 * A connection to a host is one master process of its own with a socket in a private folder; what runs
 * on the host goes through that socket. The confirming connection has no master: each of its commands is
 * a login of its own, so that nothing of an older connection can be mistaken for a sign of life.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';
import { NetorchError } from '../errors.js';
import { effectiveBecome } from './become.js';
import { plainKeyText } from './certificate-key.js';
import { describePlace, stoppedDialling } from './dial.js';
import { createLoginQueues } from './login-queues.js';
import { expectedKeyLine, opensshArguments, opensshDestination } from './openssh-arguments.js';
import { loginProblem, wasDropped } from './openssh-words.js';
import { runCommand } from './run-command.js';
import type { RunningCommand } from './run-command.js';
import type { Connection, ConnectionTarget, ConnectOptions, Transport } from './transport.js';

type OpensshTransportOptions = Readonly<{
  /** Default: the process's own. */
  env?: Readonly<Record<string, string | undefined>>;
}>;

/** Each is a process of its own, and a few of them keep the processor busy. */
const LOGINS = 8;
const CONFIRM_PRIORITY = 1;
/** Impatience is punished by sshd (PerSourcePenalties) and fail2ban. */
const FIRST_PAUSE_MS = 1000;
/** Control sockets have paths of 104 bytes at most, and ssh adds 17 of its own while it makes one. */
const MAX_FOLDER_LENGTH = 60;
const MAX_WORDS = 64 * 1024;

const RECORD_SCRIPT = `# Prints no known keys; writes down the key that is presented.
case $1 in HOSTNAME) printf '%s %s\\n' "$2" "$3" >>"\${0%/*}/presented" ;; esac
exit 0
`;
const ASKPASS_SCRIPT = `#!/bin/sh
# Answers for the password of the login, for nothing else.
case $1 in *assphrase* | *PIN*) exit 1 ;; esac
printf '%s\\n' "$NETORCH_ASKPASS"
`;

export function createOpensshTransport(options: OpensshTransportOptions = {}): Transport {
  const env = options.env ?? process.env;
  const logins = new PQueue({ concurrency: LOGINS });
  const onServer = createLoginQueues();

  return {
    async connect(target, connectOptions = {}) {
      const { signal, expectedHostKey } = connectOptions;
      const address = connectOptions.address ?? target.address;
      const priority = expectedHostKey === undefined ? 0 : CONFIRM_PRIORITY;
      const queued = signal === undefined ? { priority } : { priority, signal };
      const deadline = () => performance.now() + target.connectTimeoutMs;
      try {
        signal?.throwIfAborted();
        return await onServer(target, address, queued, () =>
          logins.add(() => connectInTime(target, address, connectOptions, env, deadline()), queued),
        );
      } catch (error) {
        if (error instanceof NetorchError) throw error;
        if (signal?.aborted === true) throw stoppedDialling(target, signal);
        throw new NetorchError(
          'HOST_UNREACHABLE',
          `${target.host}: the system's ssh cannot be used: ${error instanceof Error ? error.message : String(error)}`,
          { cause: error },
        );
      }
    },
  };
}

/** Tries again, after a pause, where the server only dropped what came too thick. */
async function connectInTime(
  target: ConnectionTarget,
  address: string,
  connectOptions: ConnectOptions,
  env: Readonly<Record<string, string | undefined>>,
  deadline: number,
): Promise<Connection> {
  for (let attempt = 1; ; attempt++) {
    const link = await OpensshLink.prepare(target, address, connectOptions, env);
    try {
      return await link.logIn(connectOptions.signal);
    } catch (error) {
      await link.remove();
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) + Math.random() * 500;
      const mayRetry = error instanceof NetorchError && wasDropped(error);
      if (!mayRetry || performance.now() + pauseMs > deadline) throw error;
      const { signal } = connectOptions;
      await delay(pauseMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}

class OpensshLink {
  readonly #target: ConnectionTarget;
  readonly #address: string;
  readonly #folder: string;
  readonly #expectedHostKey: string | undefined;
  readonly #env: Record<string, string | undefined>;
  readonly #arguments: readonly string[];
  readonly #children = new Set<ChildProcess>();
  readonly #closed: Promise<void>;
  #markClosed: () => void = () => undefined;
  #isClosed = false;
  #logs = 0;

  static async prepare(
    target: ConnectionTarget,
    address: string,
    { expectedHostKey }: ConnectOptions,
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<OpensshLink> {
    const temporary = tmpdir();
    const base = temporary.length > MAX_FOLDER_LENGTH ? '/tmp' : temporary;
    const folder = await mkdtemp(join(base, 'netorch-ssh-'));
    await writeFile(join(folder, 'record'), RECORD_SCRIPT, { mode: 0o600 });
    if (expectedHostKey !== undefined) {
      await writeFile(join(folder, 'known_hosts'), expectedKeyLine(expectedHostKey), {
        mode: 0o600,
      });
    }
    if (target.password !== undefined) {
      await writeFile(join(folder, 'askpass'), ASKPASS_SCRIPT, { mode: 0o700 });
    }
    return new OpensshLink(target, address, folder, expectedHostKey, env);
  }

  private constructor(
    target: ConnectionTarget,
    address: string,
    folder: string,
    expectedHostKey: string | undefined,
    env: Readonly<Record<string, string | undefined>>,
  ) {
    this.#target = target;
    this.#address = address;
    this.#folder = folder;
    this.#expectedHostKey = expectedHostKey;
    this.#env = {
      ...env,
      // In the environment of a process of the same user, never among its arguments.
      ...(target.password === undefined
        ? {}
        : {
            SSH_ASKPASS: join(folder, 'askpass'),
            SSH_ASKPASS_REQUIRE: 'force',
            NETORCH_ASKPASS: target.password,
          }),
    };
    this.#arguments = opensshArguments(
      target,
      address,
      {
        recordScript: join(folder, 'record'),
        knownHosts: join(folder, 'known_hosts'),
        log: join(folder, 'log'),
      },
      expectedHostKey,
    );
    this.#closed = new Promise((resolve) => {
      this.#markClosed = resolve;
    });
  }

  /** Resolves when the host has answered a first command. */
  async logIn(signal: AbortSignal | undefined): Promise<Connection> {
    const mark = `netorch-ready-${randomBytes(8).toString('hex')}`;
    const isMaster = this.#expectedHostKey === undefined;
    const child = this.#spawn(
      isMaster
        ? ['-M', '-S', this.#socket, '-o', 'ControlPersist=no', ...this.#arguments]
        : ['-o', 'ControlMaster=no', '-o', 'ControlPath=none', ...this.#arguments],
      // Ends by itself when this process is no more: its input ends.
      isMaster ? `echo ${mark}; cat >/dev/null` : `echo ${mark}`,
    );
    const words = collectWords(child);
    await this.#untilMark(child, mark, words, signal);
    if (isMaster) {
      child.once('close', () => this.#end());
      if (child.exitCode !== null) this.#end();
    } else child.stdin?.end();
    return {
      hostKey: this.#expectedHostKey ?? (await this.#presentedKey()),
      address: this.#address,
      closed: this.#closed,
      close: () => this.#end(),
      exec: (command, options = {}) =>
        runCommand(
          {
            host: this.#target.host,
            loginUser: this.#target.user,
            become: effectiveBecome(this.#target.become, this.#target.user),
            start: async (text) => this.#start(text),
            onTimeout: () => this.#end(),
          },
          command,
          options,
        ),
    };
  }

  #untilMark(
    child: ChildProcess,
    mark: string,
    words: () => string,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const target = this.#target;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        act();
      };
      const onAbort = () => settle(() => reject(stoppedDialling(target, signal)));
      // ssh limits the first part itself; the login is given as much again.
      const timer = setTimeout(
        () =>
          settle(() =>
            reject(
              new NetorchError(
                'HOST_UNREACHABLE',
                `${target.host}: the SSH server at ${this.#place} did not finish the login within ${(2 * target.connectTimeoutMs) / 1000} s`,
              ),
            ),
          ),
        2 * target.connectTimeoutMs,
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      if (signal?.aborted === true) onAbort();
      let text = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        if (text.length < MAX_WORDS) text += chunk.toString('latin1');
        if (text.includes(`${mark}\n`)) settle(resolve);
      });
      child.once('error', (error) => settle(() => reject(error)));
      child.once('close', (code) => {
        void this.#log(join(this.#folder, 'log')).then((log) =>
          settle(() => reject(loginProblem(target, this.#place, `${log}\n${words()}`, code))),
        );
      });
    });
  }

  #start(command: string): RunningCommand {
    if (this.#isClosed) throw this.#lost('netorch closed the connection');
    const log = join(this.#folder, `log-${++this.#logs}`);
    const shared =
      this.#expectedHostKey === undefined
        ? // Without its master ssh would quietly log in anew: this proxy sees to it that it cannot.
          [
            ...['-F', 'none', '-T', '-E', log, '-S', this.#socket],
            ...['-o', 'ControlMaster=no', '-o', 'ProxyCommand=false', '-o', 'BatchMode=yes'],
            ...['-o', 'EscapeChar=none', '-o', 'LogLevel=INFO'],
          ]
        : ['-o', 'ControlMaster=no', '-o', 'ControlPath=none', '-E', log, ...this.#withoutLog()];
    const child = this.#spawn(shared, command);
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null || stderr === null) throw this.#lost('no pipes');
    const ended = new Promise<{ code: number | undefined }>((resolve, reject) => {
      child.once('error', (error) => reject(this.#lost(error.message)));
      child.once('close', (code) => {
        void this.#log(log).then((text) => {
          // 255 is ssh's own failure, or the command's code: ssh says something only of its own.
          if (code === null) reject(this.#lost('ssh was ended by a signal'));
          else if (this.#isClosed) reject(this.#lost('netorch closed the connection'));
          else if (code === 255 && text !== '') reject(this.#lost(text.split('\n').at(-1) ?? text));
          else resolve({ code });
        });
      });
    });
    ended.catch(() => undefined);
    return { stdin, stdout, stderr, ended, stop: () => endGroup(child) };
  }

  #withoutLog(): readonly string[] {
    const at = this.#arguments.indexOf('-E');
    return [...this.#arguments.slice(0, at), ...this.#arguments.slice(at + 2)];
  }

  #spawn(args: readonly string[], command: string): ChildProcess {
    const destination = opensshDestination(this.#target, this.#address);
    // A process group of its own: Ctrl-C at the terminal must not cut a host off half-way.
    const child = spawn('ssh', [...args, '--', destination, command], {
      detached: true,
      env: this.#env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdin.on('error', () => undefined);
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    child.once('error', () => this.#children.delete(child));
    return child;
  }

  async #presentedKey(): Promise<string> {
    const text = await this.#log(join(this.#folder, 'presented'));
    const key = plainKeyText(text.split('\n').at(-1) ?? '');
    if (key !== undefined) return key;
    this.#end();
    throw new NetorchError(
      'HOST_UNREACHABLE',
      `${this.#target.host}: the system's ssh did not tell which host key ${this.#place} presented`,
      { notes: ['OpenSSH 8.5 or newer is needed (ssh -V)'] },
    );
  }

  /** Ends everything, and takes its folder away. Safe to call twice. */
  #end(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    void this.remove().then(this.#markClosed);
  }

  async remove(): Promise<void> {
    this.#isClosed = true;
    const ends = [...this.#children].map(
      (child) =>
        new Promise<void>((resolve) => {
          child.once('close', () => resolve());
          child.once('error', () => resolve());
          endGroup(child);
        }),
    );
    await Promise.all(ends);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #log(file: string): Promise<string> {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text.replaceAll('\r', '').trim();
  }

  get #socket(): string {
    return join(this.#folder, 's');
  }

  get #place(): string {
    return describePlace(this.#target, this.#address);
  }

  #lost(why: string): NetorchError {
    return new NetorchError(
      'CONNECTION_LOST',
      `${this.#target.host}: the connection to ${this.#address} was lost: ${why}`,
    );
  }
}

/** What was said on standard error; ssh's own words are in its log. */
function collectWords(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    if (text.length < MAX_WORDS) text += chunk.toString('utf8');
  });
  return () => text;
}

function endGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGTERM');
  } catch {
    // It has ended in the meantime.
  }
}
