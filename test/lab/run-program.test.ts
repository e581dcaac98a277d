import { describe, expect, test } from 'vitest';
import { processIdentity } from '../../src/lab/namespace.js';
import { runProgram } from '../../src/lab/run-program.js';

describe('runProgram', () => {
  test.each([
    ['an exit code', 'exit 7', 7],
    ['a signal, as a shell counts it', 'kill -TERM $$', 143],
  ])('reports %s', async (_, script, code) => {
    expect(await runProgram(['sh', '-c', script])).toMatchObject({ code });
  });

  test('reports a program that does not exist as a result', async () => {
    const result = await runProgram(['/does/not/exist']);
    expect(result.code).toBe(127);
    expect(result.stderr).toContain('ENOENT');
  });

  test('passes input, and hands out lines that came in pieces', async () => {
    const lines: string[] = [];
    const result = await runProgram(['sh', '-c', 'cat; printf "no "; printf newline'], {
      input: 'one\ntwo\n',
      onLine: (line) => lines.push(line),
    });
    expect(result.stdout).toBe('one\ntwo\nno newline');
    expect(lines).toEqual(['one', 'two', 'no newline']);
  });

  test('does not mind a program that reads nothing of its input', async () => {
    const result = await runProgram(['true'], { input: 'x'.repeat(1_000_000) });
    expect(result.code).toBe(0);
  });

  test('kills at the time limit, along with what the program has started', async () => {
    const script = 'sleep 600 & echo $!; wait';
    const result = await runProgram(['sh', '-c', script], { timeoutMs: 300 });
    expect(result.code).toBe(124);
    const child = Number(result.stdout);
    await expect.poll(() => processIdentity(child)).toBeUndefined();
  });

  test('an abort kills the program and rejects with its reason', async () => {
    const abort = new AbortController();
    const running = runProgram(['sh', '-c', 'echo ready; exec sleep 600'], {
      signal: abort.signal,
      onLine: () => abort.abort(new Error('enough')),
    });
    await expect(running).rejects.toThrow('enough');
  });

  test('lets a program that tidies up do so before it rejects', async () => {
    const abort = new AbortController();
    let tidied = false;
    const running = runProgram(
      ['sh', '-c', 'trap "echo tidied; exit 1" TERM; echo ready; while :; do sleep 0.05; done'],
      {
        signal: abort.signal,
        tidiesUp: true,
        onLine: (line) => {
          if (line === 'ready') abort.abort();
          if (line === 'tidied') tidied = true;
        },
      },
    );
    await expect(running).rejects.toThrow();
    expect(tidied).toBe(true);
  });
});
