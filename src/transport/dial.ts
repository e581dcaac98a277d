/**
 * The byte stream below SSH: a TCP connection, or the standard input and output of a ProxyCommand.
 * Dialling ends with the server's first bytes, so that a host that says nothing never takes the place
 * of one that does in the queue for handshakes.
 */
import { spawn } from 'node:child_process';
import { connect as connectTcp } from 'node:net';
import { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { NetorchError } from '../errors.js';
import { expandProxyCommand } from './proxy-command.js';
import type { ConnectionTarget } from './transport.js';

export type DialledStream = Readonly<{
  stream: Duplex;
  /** What the server said first; still to be read from `stream`. */
  greeting: string;
  /** What a ProxyCommand wrote to its standard error so far. */
  proxyErrors: () => readonly string[];
  /** Ends the stream and its ProxyCommand. Never throws. */
  destroy: () => void;
}>;

/** At least a second: sshd remembers impatient clients and shuts them out (PerSourcePenalties). */
const FIRST_PAUSE_MS = 1000;
/** What sshd says to a connection that it does not take, instead of its name. */
const TOO_MANY = /^Exceeded MaxStartups/;
const SHUT_OUT = /^Not allowed at this time/;
const MAX_PROXY_ERROR_CHARS = 4096;
const MAX_LAST_WORDS_MS = 300;
/** Node gives up an address of a name after 250 ms by default: too short for a far host. */
const ADDRESS_ATTEMPT_MS = 3000;

/** A byte stream to `address` from the host that `target.jump` names. Rejects with a NetorchError. */
export type Forward = (target: ConnectionTarget, address: string) => Promise<Duplex>;

/**
 * `forward` is asked where the target stands behind a jump host. Rejects with NetorchError
 * HOST_UNREACHABLE, or with what the login at the jump host failed of.
 */
export async function dial(
  target: ConnectionTarget,
  address: string,
  signal: AbortSignal | undefined,
  forward: Forward,
): Promise<DialledStream> {
  let deadline = performance.now() + target.connectTimeoutMs;
  for (let attempt = 1; ; attempt++) {
    try {
      const jump = target.jump === undefined ? undefined : await forward(target, address);
      if (attempt === 1 && jump !== undefined)
        deadline = performance.now() + target.connectTimeoutMs;
      return await dialOnce(target, address, deadline - performance.now(), signal, jump);
    } catch (error) {
      // sshd drops connections at random when many log in at once (MaxStartups): worth another try.
      const isDropped = error instanceof DroppedError;
      const pauseMs = FIRST_PAUSE_MS * 2 ** (attempt - 1) + Math.random() * 500;
      if (!isDropped || performance.now() + pauseMs > deadline) {
        throw isDropped ? error.userError : error;
      }
      try {
        await delay(pauseMs, undefined, signal === undefined ? {} : { signal });
      } catch {
        throw stoppedDialling(target, signal);
      }
    }
  }
}

/** The server closed the connection before it said a word. */
class DroppedError extends Error {
  readonly userError: NetorchError;
  constructor(userError: NetorchError) {
    super(userError.message);
    this.userError = userError;
  }
}

function dialOnce(
  target: ConnectionTarget,
  address: string,
  timeoutMs: number,
  signal: AbortSignal | undefined,
  jump: Duplex | undefined,
): Promise<DialledStream> {
  if (signal?.aborted === true) {
    jump?.destroy();
    return Promise.reject(stoppedDialling(target, signal));
  }
  const opened =
    jump !== undefined
      ? openedChannel(jump)
      : target.proxyCommand === undefined
        ? openTcp(target, address)
        : openProxy(target, target.proxyCommand, address);
  const { stream } = opened;
  const place = describePlace(target, address);

  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stream.off('data', onData).off('error', onError).off('close', onClose);
      // The stream may still fail later: without a listener that would end the process.
      stream.on('error', () => undefined);
      finish();
    };
    const fail = (makeError: () => Error) =>
      settle(() => {
        opened.destroy();
        // A ProxyCommand's last words are part of the message.
        void opened.ended.then(() => reject(makeError()));
      });
    const unreachable = (message: string, cause?: unknown) =>
      new NetorchError('HOST_UNREACHABLE', `${target.host}: ${message}`, {
        notes: opened.proxyErrors(),
        cause,
      });

    const onAbort = () => fail(() => stoppedDialling(target, signal));
    const onError = (error: Error) => {
      if (target.proxyCommand !== undefined) {
        onClose();
        return;
      }
      const isReset = 'code' in error && error.code === 'ECONNRESET';
      fail(() => {
        const userError = unreachable(dialProblem(address, place, error), error);
        return isReset ? new DroppedError(userError) : userError;
      });
    };
    const onClose = () =>
      fail(() =>
        target.proxyCommand === undefined
          ? new DroppedError(unreachable(`${place} closes the connection at once`))
          : unreachable(
              `the ProxyCommand ended without a connection to ${address} port ${target.port}`,
            ),
      );
    const onData = (chunk: Buffer) => {
      const greeting = chunk.toString('latin1').split('\n')[0]?.trim() ?? '';
      if (TOO_MANY.test(greeting) || SHUT_OUT.test(greeting)) {
        const why = TOO_MANY.test(greeting)
          ? 'takes no more logins for now (MaxStartups)'
          : 'has shut this machine out for a while (PerSourcePenalties)';
        fail(() => new DroppedError(unreachable(`the SSH server at ${place} ${why}`)));
        return;
      }
      settle(() => {
        stream.pause();
        stream.unshift(chunk);
        resolve({ ...opened, greeting });
      });
    };
    const timer = setTimeout(() => {
      const seconds = target.connectTimeoutMs / 1000;
      const message = opened.isConnected()
        ? `${place} takes the connection, but no SSH server answers within ${seconds} s`
        : `no answer from ${place} within ${seconds} s`;
      fail(() => unreachable(message));
    }, timeoutMs);

    signal?.addEventListener('abort', onAbort, { once: true });
    stream.on('data', onData).on('error', onError).on('close', onClose);
  });
}

type OpenedStream = Omit<DialledStream, 'greeting'> &
  Readonly<{
    isConnected: () => boolean;
    /** After `destroy`: resolves when nothing more will be said. */
    ended: Promise<void>;
  }>;

function openedChannel(stream: Duplex): OpenedStream {
  return {
    stream,
    proxyErrors: () => [],
    isConnected: () => true,
    ended: Promise.resolve(),
    destroy: () => stream.destroy(),
  };
}

function openTcp(target: ConnectionTarget, address: string): OpenedStream {
  const socket = connectTcp({
    host: address,
    port: target.port,
    noDelay: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_ATTEMPT_MS,
  });
  return {
    stream: socket,
    proxyErrors: () => [],
    isConnected: () => !socket.connecting,
    ended: Promise.resolve(),
    destroy: () => socket.destroy(),
  };
}

function openProxy(target: ConnectionTarget, template: string, address: string): OpenedStream {
  const command = expandProxyCommand(template, target, address);
  // A process group of its own: Ctrl-C at the terminal must not cut hosts off in the middle of a
  // transaction, and everything that the command starts can be ended with it.
  const child = spawn('/bin/sh', ['-c', `exec ${command}`], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errorText = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (errorText.length < MAX_PROXY_ERROR_CHARS) errorText += chunk.toString('utf8');
  });
  child.stderr.on('error', () => undefined);
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  const destroy = () => {
    stream.destroy();
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It has ended in the meantime.
    }
  };
  child.on('error', (error) => stream.destroy(error));
  // Nothing can be sent any more when nothing is received: unlike a socket, the pair stays half open.
  stream.on('end', destroy);
  stream.on('close', destroy);
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    // What it left running may keep its standard error open for ever.
    child.on('exit', () => setTimeout(resolve, MAX_LAST_WORDS_MS).unref());
    child.on('error', () => resolve());
  });
  return {
    stream,
    proxyErrors: () => errorText.split('\n').filter((line) => line.trim() !== ''),
    isConnected: () => false,
    ended,
    destroy,
  };
}

export function describePlace(target: ConnectionTarget, address: string): string {
  const via =
    target.jump !== undefined
      ? ` (through ${target.jump.host})`
      : target.proxyCommand === undefined
        ? ''
        : ' (through the ProxyCommand)';
  return `${address} port ${target.port}${via}`;
}

function dialProblem(address: string, place: string, error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ECONNREFUSED':
      return `${place} refuses the connection: no SSH server listens there`;
    case 'EHOSTUNREACH':
      return `no route to ${address}: nobody on the way or on its network knows it`;
    case 'ENETUNREACH':
      return `no route to the network of ${address} from this machine`;
    case 'ENOTFOUND':
      return `the name "${address}" is not known to the resolver (set ansible_host to its address)`;
    case 'EAI_AGAIN':
      return `the name "${address}" cannot be resolved: the resolver does not answer`;
    case 'ETIMEDOUT':
      return `no answer from ${place}`;
    case 'ECONNRESET':
      return `${place} cuts the connection at once`;
    case 'EPIPE':
      return `the connection to ${place} is closed`;
    default:
      return `${place} cannot be reached: ${error.message || code}`;
  }
}

export function stoppedDialling(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): NetorchError {
  return new NetorchError('HOST_UNREACHABLE', `${target.host}: netorch stopped connecting`, {
    cause: signal?.reason,
  });
}
