import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { NetorchError } from '../errors.js';
import { becomeFailure, wrapCommand, wrongPassword } from './become.js';
import type { BecomeCommand } from './become.js';
import type { Become, ExecOptions, ExecResult } from './transport.js';

/** A command that was started: a channel of an SSH connection, or a process. */
export type RunningCommand = Readonly<{
  stdin: Writable;
  stdout: Readable;
  stderr: Readable;
  /** How it ended; rejects with a NetorchError when that cannot be known any more. */
  ended: Promise<{ code: number | undefined }>;
  /** Ends it, without waiting. Never throws. */
  stop: () => void;
}>;

type CommandContext = Readonly<{
  host: string;
  loginUser: string;
  become: Become | undefined;
  /** Starts `command` through the login shell; rejects with a NetorchError. */
  start: (command: string) => Promise<RunningCommand>;
  /** Called when a command did not end in time: the connection can no longer be trusted. */
  onTimeout: () => void;
}>;

const DEFAULT_TIMEOUT_MS = 120_000;
const DEFAULT_MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** Standard error is for people; what goes beyond this is dropped, unless more is asked for. */
const MAX_STDERR_CHARS = 64 * 1024;
/** No line that means anything while a command runs is longer; what goes beyond this is dropped. */
const MAX_LINE_CHARS = 64 * 1024;
/** Of what is said before a command begins the end is kept: a prompt or the mark is looked for there. */
const MAX_BEFORE_CHARS = 64 * 1024;

/** The one way a command runs, whatever the transport: input, output, become, time limit, abort. */
export async function runCommand(
  context: CommandContext,
  command: string,
  options: ExecOptions,
): Promise<ExecResult> {
  const { host, become } = context;
  const { signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  if (signal?.aborted === true) throw stoppedError(host, signal);
  const wrapped =
    become === undefined
      ? undefined
      : wrapCommand(host, become, command, randomBytes(8).toString('hex'));

  let isOver = false;
  let running: RunningCommand | undefined;
  let interrupt: (error: unknown) => void = () => undefined;
  const interrupted = new Promise<never>((_resolve, reject) => {
    interrupt = reject;
  });
  const onAbort = () => interrupt(stoppedError(host, signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer = Number.isFinite(timeoutMs)
    ? setTimeout(() => {
        interrupt(timeoutError(host, timeoutMs));
        context.onTimeout();
      }, timeoutMs)
    : undefined;

  const work = async (): Promise<ExecResult> => {
    running = await context.start(wrapped?.command ?? command);
    // A command that starts only after the interruption must not go on unseen.
    if (isOver) running.stop();
    return await converse(context, running, wrapped, options, interrupt);
  };

  try {
    return await Promise.race([work(), interrupted]);
  } catch (error) {
    isOver = true;
    running?.stop();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** Feeds the input, collects the output, and waits for the end. */
async function converse(
  context: CommandContext,
  running: RunningCommand,
  wrapped: BecomeCommand | undefined,
  options: ExecOptions,
  interrupt: (error: unknown) => void,
): Promise<ExecResult> {
  const { host, loginUser, become } = context;
  const { stdin, stdout, stderr } = running;
  // A command may end without reading its input: that is no error of ours.
  stdin.on('error', () => undefined);
  stdout.on('error', () => undefined);
  stderr.on('error', () => undefined);

  const sendInput = () => {
    const { input = '', moreInput } = options;
    if (moreInput === undefined) {
      stdin.end(input);
      return;
    }
    stdin.write(input);
    void sendPieces(stdin, moreInput, interrupt);
  };
  const output = collectOutput(host, stdout, options, interrupt);

  let errorText = '';
  const { dropsExcess = false, maxOutputBytes = 0 } = options;
  const maxErrorText = dropsExcess ? Math.max(maxOutputBytes, MAX_STDERR_CHARS) : MAX_STDERR_CHARS;
  const keepErrorText = (text: string) => {
    errorText += text.slice(0, maxErrorText - errorText.length);
  };
  const gate =
    wrapped === undefined || become === undefined
      ? undefined
      : becomeGate(wrapped, {
          onPrompt: (count) => {
            if (become.password === undefined) {
              interrupt(becomeFailure(host, loginUser, become, 1, 'a password is required'));
            } else if (count > 1) {
              interrupt(wrongPassword(host, loginUser, become));
            } else {
              stdin.write(`${become.password}\n`);
            }
          },
          onMark: () => {
            if (wrapped.prompt !== undefined) sendInput();
          },
        });
  const decoder = new StringDecoder('utf8');
  stderr.on('data', (chunk: Buffer) => {
    const text = decoder.write(chunk);
    keepErrorText(gate === undefined ? text : gate.take(text));
  });

  // Where a password may be asked for, the input waits: it must not be taken for the answer.
  if (wrapped?.prompt === undefined) sendInput();

  const [{ code }] = await Promise.all([running.ended, streamEnd(stdout), streamEnd(stderr)]);
  if (gate !== undefined && become !== undefined && !gate.isOpen()) {
    throw becomeFailure(host, loginUser, become, code, gate.textBefore());
  }
  const { text, isCut } = output();
  return { code, stdout: text, stderr: errorText, ...(isCut ? { isCut } : {}) };
}

/** Never rejects: an input that fails ends the command. Where the command has ended before, nobody reads on. */
async function sendPieces(
  stdin: Writable,
  pieces: AsyncIterable<string>,
  interrupt: (error: unknown) => void,
): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (stdin.destroyed) return;
      stdin.write(piece);
    }
    stdin.end();
  } catch (error) {
    interrupt(error);
  }
}

/** Returns a function that gives the whole output at the end. */
function collectOutput(
  host: string,
  stdout: Readable,
  options: ExecOptions,
  interrupt: (error: unknown) => void,
): () => Readonly<{ text: string; isCut: boolean }> {
  const { onLine, dropsExcess = false, onlyLines = false } = options;
  const maxOutputBytes = onlyLines
    ? Infinity
    : (options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES);
  const chunks: Buffer[] = [];
  let bytes = 0;
  const decoder = new StringDecoder('utf8');
  let openLine = '';
  stdout.on('data', (chunk: Buffer) => {
    const room = maxOutputBytes - bytes;
    bytes += chunk.length;
    if (bytes > maxOutputBytes && dropsExcess) {
      if (room > 0) chunks.push(chunk.subarray(0, room));
      return;
    }
    if (bytes > maxOutputBytes) {
      interrupt(
        new NetorchError(
          'AGENT_PROTOCOL',
          `${host}: a command printed more than ${maxOutputBytes} bytes`,
        ),
      );
      return;
    }
    if (!onlyLines) chunks.push(chunk);
    if (onLine === undefined) return;
    const lines = (openLine + decoder.write(chunk)).split('\n');
    openLine = (lines.pop() ?? '').slice(0, MAX_LINE_CHARS);
    try {
      for (const line of lines) onLine(line.slice(0, MAX_LINE_CHARS));
    } catch (error) {
      interrupt(error);
    }
  });
  return () => ({
    text: Buffer.concat(chunks).toString('utf8'),
    isCut: bytes > maxOutputBytes,
  });
}

type BecomeGate = Readonly<{
  /** Takes text of standard error; returns what belongs to the command. */
  take: (text: string) => string;
  isOpen: () => boolean;
  /** What was said before the command began, without prompts. */
  textBefore: () => string;
}>;

/** Watches standard error for prompts and for the mark after which the command itself speaks. */
function becomeGate(
  wrapped: BecomeCommand,
  on: { onPrompt: (count: number) => void; onMark: () => void },
): BecomeGate {
  const { prompt, mark } = wrapped;
  let before = '';
  let unanswered = '';
  let prompts = 0;
  let isOpen = false;

  function take(text: string): string {
    if (isOpen) return text;
    before = before.slice(-MAX_BEFORE_CHARS) + text;
    unanswered = unanswered.slice(-MAX_BEFORE_CHARS) + text;
    const at = before.indexOf(`${mark}\n`);
    if (at !== -1) {
      isOpen = true;
      const rest = before.slice(at + mark.length + 1);
      before = before.slice(0, at);
      on.onMark();
      return rest;
    }
    const asks =
      typeof prompt === 'string' ? unanswered.includes(prompt) : prompt?.test(unanswered) === true;
    if (asks) {
      unanswered = '';
      prompts += 1;
      on.onPrompt(prompts);
    }
    return '';
  }

  return {
    take,
    isOpen: () => isOpen,
    textBefore: () => (typeof prompt === 'string' ? before.replaceAll(prompt, '') : before),
  };
}

function streamEnd(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', () => resolve());
  });
}

function stoppedError(host: string, signal: AbortSignal | undefined): NetorchError {
  return new NetorchError('CONNECTION_LOST', `${host}: netorch stopped a command`, {
    cause: signal?.reason,
  });
}

function timeoutError(host: string, timeoutMs: number): NetorchError {
  return new NetorchError(
    'CONNECTION_LOST',
    `${host}: a command did not end within ${timeoutMs / 1000} s`,
  );
}
