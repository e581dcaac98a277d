import { spawn } from 'node:child_process';

/** Exit code 128 + n stands for signal n, as in a shell; 127 for a program that is not there. */
export type ProgramResult = Readonly<{ code: number; stdout: string; stderr: string }>;

export type ProgramOptions = Readonly<{
  input?: string;
  /** The program is killed after this long; its code is then 124, as with timeout(1). */
  timeoutMs?: number;
  /** Kills the program; the returned promise then rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Before it is killed, the program gets SIGTERM and time to tidy up. */
  tidiesUp?: boolean;
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Called with each line of standard output and standard error as it arrives. */
  onLine?: (line: string) => void;
}>;

const TIDY_UP_MS = 15_000;

const SIGNAL_NUMBERS: Partial<Record<NodeJS.Signals, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/**
 * The environment of everything the lab starts: system programs are found for ordinary users too, and
 * messages are not translated, because some are shown next to our own.
 */
export function labEnvironment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PATH: `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`,
    LC_ALL: 'C',
  };
}

/**
 * Runs a program to its end. Rejects only for an abort; a program that fails, is killed or does not
 * exist is a result.
 */
export async function runProgram(
  argv: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('runProgram: empty argv');
  options.signal?.throwIfAborted();
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: options.cwd,
    env: options.env ?? labEnvironment(),
    // A process group of its own, so that a kill reaches all that it has started.
    detached: true,
  });
  let lastResort: NodeJS.Timeout | undefined;
  const killGroup = (signal: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // It has just ended by itself.
    }
  };
  const kill = () => {
    if (options.tidiesUp !== true) return killGroup('SIGKILL');
    killGroup('SIGTERM');
    lastResort ??= setTimeout(() => killGroup('SIGKILL'), TIDY_UP_MS);
  };
  let timedOut = false;
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          kill();
        }, options.timeoutMs);
  options.signal?.addEventListener('abort', kill);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    let rest = '';
    child[name].setEncoding('utf8');
    child[name].on('data', (text: string) => {
      output[name] += text;
      if (options.onLine === undefined) return;
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) options.onLine(line);
    });
    child[name].on('end', () => {
      if (rest !== '') options.onLine?.(rest);
    });
  }
  // A program that ends without reading its input is no error of ours.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  try {
    const code = await new Promise<number>((resolve) => {
      child.on('error', (error) => {
        output.stderr += error.message;
        resolve(127);
      });
      child.on('close', (exitCode, signal) => {
        resolve(exitCode ?? 128 + (signal === null ? 0 : (SIGNAL_NUMBERS[signal] ?? 0)));
      });
      // What escaped into another group may hold the output open; a kill must end the wait all the same.
      child.on('exit', () => {
        if (timedOut || options.signal?.aborted === true) {
          child.stdout.destroy();
          child.stderr.destroy();
        }
      });
    });
    options.signal?.throwIfAborted();
    return { code: timedOut ? 124 : code, ...output };
  } finally {
    clearTimeout(timer);
    clearTimeout(lastResort);
    options.signal?.removeEventListener('abort', kill);
  }
}
