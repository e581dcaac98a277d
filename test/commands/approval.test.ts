/** `approve: manual` where there is no screen: on a terminal, without one, and from another terminal. */
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { installNetorch, openTerminal, type RealTerminal } from '../ui/fixtures/real-terminal.js';

let netorch: ReturnType<typeof installNetorch>;
let folder: string;
let env: NodeJS.ProcessEnv;

const BUILD_MS = 300_000;
const HOST = join(import.meta.dirname, '../agents/fixtures/rich-host.txt');

beforeAll(() => {
  netorch = installNetorch();
}, BUILD_MS);

afterAll(() => netorch?.remove());

const terminals: RealTerminal[] = [];
const children: ChildProcess[] = [];

function openFolder(): void {
  folder = mkdtempSync(join(tmpdir(), 'netorch-approval-'));
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  // Each host is a shell that answers what a real one did.
  writeFileSync(join(bin, 'sh'), `#!/bin/dash\ncat >/dev/null\ncat ${HOST}\n`);
  chmodSync(join(bin, 'sh'), 0o755);
  writeFileSync(
    join(folder, 'inventory.yml'),
    'all: {vars: {ansible_connection: local}, hosts: {h1: {}, h2: {}, h3: {}}}\n',
  );
  writeFileSync(
    join(folder, 'play.yml'),
    `- hosts: all
  serial: 1
  approve: manual
  network: {interfaces: [{name: eth4, state: up}]}
`,
  );
  env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    XDG_STATE_HOME: join(folder, 'state'),
    TERM: 'xterm',
    LANG: 'C.UTF-8',
    NO_COLOR: '1',
  };
}

afterEach(() => {
  for (const terminal of terminals.splice(0)) terminal.kill();
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A program without a terminal. */
function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [netorch.bin, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const shown: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    shown.push(line);
    for (const look of waiting) look();
  });
  const stderr = textOf(child.stderr);
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      resolve(code);
      for (const look of waiting) look();
    });
  });
  return {
    ended,
    stderr,
    text: () => shown.join('\n'),
    signal: (name: NodeJS.Signals) => child.kill(name),
    /** Settles with the `count`-th match. */
    shows: (pattern: RegExp, count = 1) =>
      new Promise<string>((resolve, reject) => {
        const look = () => {
          const found = shown.filter((line) => pattern.test(line))[count - 1];
          if (found === undefined && child.exitCode === null) return;
          waiting.delete(look);
          if (found === undefined)
            reject(new Error(`never shown: ${pattern.source}\n${shown.join('\n')}`));
          else resolve(found);
        };
        waiting.add(look);
        look();
      }),
  };
}

const apply = (...more: readonly string[]) =>
  start('apply', 'play.yml', '-i', 'inventory.yml', '--ui', 'lines', ...more);

async function say(...args: readonly string[]) {
  const one = start(...args);
  const code = await one.ended;
  return { code, stdout: one.text(), stderr: await one.stderr };
}

function applyAtTerminal(): RealTerminal {
  const terminal = openTerminal({
    // The terminal's own shell is not to be the fake one.
    argv: ['env', `PATH=${env['PATH'] ?? ''}`, process.execPath, netorch.bin].concat([
      'apply',
      'play.yml',
      '-i',
      'inventory.yml',
      '--ui',
      'lines',
    ]),
    cwd: folder,
    env: { ...env, PATH: process.env['PATH'] },
  });
  terminals.push(terminal);
  return terminal;
}

describe('without a terminal', () => {
  test('it is said at the start and at each question how to answer, and "netorch approve" does', async () => {
    openFolder();
    const run = apply();
    const hint = await run.shows(/approve: manual, and no terminal to ask at/);
    const name = /netorch approve (\S+)"/.exec(hint)?.[1] ?? '';
    await run.shows(/waiting for approval of wave 2 of 3/);
    await run.shows(new RegExp(`yes: netorch approve ${name}; no: netorch stop ${name}`));
    expect(await say('approve')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(new RegExp(`run ${name} goes on: wave 2 was approved by .+@`)),
    });
    await run.shows(/waiting for approval of wave 3 of 3/);
    // By its name, too; and nobody is asked twice.
    const both = await Promise.all([say('approve', name), run.ended]);
    expect(both).toMatchObject([{ code: 0 }, 0]);
    expect(run.text()).toMatch(/3 unchanged/);
    expect(await say('approve', name)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/has ended/),
    });
  });

  test('"netorch stop" ends it: the hosts of further waves are skipped', async () => {
    openFolder();
    const run = apply();
    await run.shows(/waiting for approval of wave 2/);
    expect(await say('stop')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/begins no further host: stopped by .+@/),
    });
    expect(await run.ended).toBe(130);
    expect(run.text()).toMatch(/1 unchanged, 2 skipped/);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    '%s while it waits ends it',
    async (signal) => {
      openFolder();
      const run = apply();
      await run.shows(/waiting for approval of wave 2/);
      run.signal(signal);
      expect(await run.ended).toBe(130);
      expect(run.text()).toMatch(/stopping: interrupted/);
      expect(run.text()).toMatch(/1 unchanged, 2 skipped/);
    },
  );

  test('--auto-approve says yes beforehand', async () => {
    openFolder();
    const run = apply('--auto-approve');
    expect(await run.ended).toBe(0);
    expect(run.text()).not.toMatch(/approval|approve: manual/);
  });

  test('a paused run waits though it is approved, and goes on when it is unpaused', async () => {
    openFolder();
    const run = apply();
    await run.shows(/waiting for approval of wave 2/);
    expect(await say('pause')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/is paused/),
    });
    expect(await say('pause')).toMatchObject({
      stdout: expect.stringMatching(/is paused already/),
    });
    expect(await say('approve')).toMatchObject({ code: 0 });
    await run.shows(/wave 2 of 3: 1 host: h2/);
    expect(run.text()).not.toMatch(/h2: connecting/);
    expect(await say('unpause')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/goes on/),
    });
    await run.shows(/h2: connecting/);
    expect(await say('unpause')).toMatchObject({
      stdout: expect.stringMatching(/is not paused/),
    });
    await run.shows(/waiting for approval of wave 3/);
    run.signal('SIGTERM');
    expect(await run.ended).toBe(130);
  });

  test('there is nothing to say to a run whose controller is gone, nor where no run goes on', async () => {
    openFolder();
    expect(await say('approve')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/UNKNOWN_RUN: no run of this user goes on/),
    });
    const run = apply();
    await run.shows(/waiting for approval of wave 2/);
    run.signal('SIGKILL');
    await run.ended;
    expect(await say('approve', 'last')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/controller of run \S+ is gone.*\n.*netorch resume/),
    });
  });
});

describe('on a terminal that shows lines', () => {
  test('it asks there; only yes is yes', async () => {
    openFolder();
    const terminal = applyAtTerminal();
    await terminal.shows(/this terminal is asked/);
    await terminal.shows(/approve wave 2 \(1 host\)\? Type "yes", or "no" to stop the run:/);
    terminal.press('what\r');
    await terminal.shows(/(approve wave 2 [\s\S]*){2}/);
    terminal.press('yes\r');
    await terminal.shows(/wave 2 of 3 approved by \S+@/);
    await terminal.shows(/approve wave 3/);
    terminal.press('y\r');
    const { code, modesBefore, modesAfter } = await terminal.ended;
    expect(code).toBe(0);
    expect(modesAfter).toBe(modesBefore);
  });

  test('no stops the run', async () => {
    openFolder();
    const terminal = applyAtTerminal();
    await terminal.shows(/approve wave 2/);
    terminal.press('no\r');
    expect((await terminal.ended).code).toBe(130);
    expect(terminal.text()).toMatch(/stopped by \S+@[\s\S]*1 unchanged, 2 skipped/);
  });

  test('Ctrl-C while it asks ends it', async () => {
    openFolder();
    const terminal = applyAtTerminal();
    await terminal.shows(/approve wave 2/);
    terminal.press('\u0003');
    expect((await terminal.ended).code).toBe(130);
    expect(terminal.text()).toMatch(/stopping: interrupted[\s\S]*1 unchanged, 2 skipped/);
  });

  test('an answer from another terminal counts, and the question is over', async () => {
    openFolder();
    const terminal = applyAtTerminal();
    await terminal.shows(/approve wave 2/);
    expect(await say('approve')).toMatchObject({ code: 0 });
    await terminal.shows(/approve wave 3/);
    terminal.press('yes\r');
    expect((await terminal.ended).code).toBe(0);
  });

  test('where the terminal has no more to say (Ctrl-D), another one still can', async () => {
    openFolder();
    const terminal = applyAtTerminal();
    await terminal.shows(/approve wave 2/);
    terminal.press('\u0004');
    await terminal.shows(/no answer can be read any more/);
    expect(await say('stop')).toMatchObject({ code: 0 });
    expect((await terminal.ended).code).toBe(130);
  });
});
