/** Keys and signals on a real terminal, and the terminal afterwards. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { thisController } from '../../src/run/controller.js';
import { eventsUntil } from './fixtures/view-at.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { installNetorch, openTerminal, type RealTerminal } from './fixtures/real-terminal.js';

const SHOW_CURSOR = '\u001b[?25h';
const HIDE_CURSOR = '\u001b[?25l';
const CTRL_C = '\u0003';

let netorch: ReturnType<typeof installNetorch>;
let folder: string;
/** Takes connections and says nothing: a host that stays "connecting". */
let mute: Server;

/** A build, on a machine that may be busy. */
const BUILD_MS = 300_000;

beforeAll(async () => {
  netorch = installNetorch();
  folder = mkdtempSync(join(tmpdir(), 'netorch-terminal-test-'));
  mute = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const address = mute.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  mkdirSync(join(folder, 'playbooks'));
  const inventory = (seconds: number) =>
    `all:
  vars: {ansible_host: 127.0.0.1, ansible_port: ${port}, ansible_timeout: ${seconds}, ansible_user: root}
  hosts: {web1: {}, web2: {}}
`;
  writeFileSync(join(folder, 'patient.yml'), inventory(300));
  writeFileSync(join(folder, 'hasty.yml'), inventory(1));
  writeFileSync(join(folder, 'here.yml'), 'all: {hosts: {here: {ansible_connection: local}}}\n');
  writeFileSync(
    join(folder, 'playbooks', 'site.yml'),
    `- hosts: all
  serial: 1
  network: {interfaces: [{name: eth0, mtu: 1400}]}
`,
  );
}, BUILD_MS);

afterAll(() => {
  mute?.close();
  netorch?.remove();
  if (folder !== undefined) rmSync(folder, { recursive: true });
});

const opened: RealTerminal[] = [];
afterEach(() => {
  for (const terminal of opened.splice(0)) terminal.kill();
});

function open(args: readonly string[], env: NodeJS.ProcessEnv = {}): RealTerminal {
  const terminal = openTerminal({
    argv: [process.execPath, netorch.bin, ...args],
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      HOME: folder,
      XDG_STATE_HOME: join(folder, 'state'),
      TERM: 'xterm-256color',
      LANG: 'C.UTF-8',
      // Colours stand between the words that are looked for.
      NO_COLOR: '1',
      ...env,
    },
  });
  opened.push(terminal);
  return terminal;
}

const apply = (inventory: 'patient' | 'hasty', ...more: readonly string[]) =>
  open(['apply', '-i', `${inventory}.yml`, ...more]);

async function expectRestored(terminal: RealTerminal): Promise<number> {
  const { code, modesBefore, modesAfter } = await terminal.ended;
  expect(modesAfter).toBe(modesBefore);
  const text = terminal.text();
  expect(text).toContain(HIDE_CURSOR);
  // All stays in the scrollback: the alternate screen is never entered.
  expect(text).not.toContain('\u001b[?1049h');
  expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR));
  return code;
}

describe('a run that is interrupted', () => {
  test.each<[string, (terminal: RealTerminal) => void]>([
    ['Ctrl-C', (terminal) => terminal.press(CTRL_C)],
    ['SIGTERM', (terminal) => terminal.signal('SIGTERM')],
    ['SIGHUP', (terminal) => terminal.signal('SIGHUP')],
  ])('%s once: no new host, the one under way goes to its end', async (_, interrupt) => {
    const terminal = apply('hasty');
    await terminal.shows(/web1 +connecting/);
    interrupt(terminal);
    await terminal.shows(/run finished/);
    expect(await expectRestored(terminal)).toBe(1);
    expect(terminal.text()).toMatch(/1 failed, 1 skipped/);
    expect(terminal.text()).toMatch(/stopped early: interrupted/);
  });

  test.each<[string, (terminal: RealTerminal) => void]>([
    ['Ctrl-C', (terminal) => terminal.press(CTRL_C)],
    ['SIGTERM', (terminal) => terminal.signal('SIGTERM')],
    ['SIGHUP', (terminal) => terminal.signal('SIGHUP')],
  ])('%s twice: leaves, and names what is under way', async (_, interrupt) => {
    const terminal = apply('patient');
    await terminal.shows(/web1 +connecting/);
    interrupt(terminal);
    await terminal.shows(/stopping/);
    interrupt(terminal);
    expect(await expectRestored(terminal)).toBe(130);
    expect(terminal.text()).toMatch(/1 host left under way:\s+web1: nothing was changed/);
  });

  test('Ctrl-C three times at once: ends all the same', async () => {
    const terminal = apply('patient');
    await terminal.shows(/web1 +connecting/);
    terminal.press(CTRL_C.repeat(3));
    expect(await expectRestored(terminal)).toBe(130);
  });

  test('in lines: Ctrl-C twice leaves, and nothing of the terminal was touched', async () => {
    const terminal = apply('patient', '--ui', 'lines');
    await terminal.shows(/web1: connecting/);
    terminal.press(CTRL_C);
    await terminal.shows(/stopping: interrupted/);
    terminal.press(CTRL_C);
    const { code, modesBefore, modesAfter } = await terminal.ended;
    expect(code).toBe(130);
    expect(modesAfter).toBe(modesBefore);
    expect(terminal.text()).not.toContain(HIDE_CURSOR);
  });
});

describe('keys', () => {
  test('s, after a question, stops as Ctrl-C does', async () => {
    const terminal = apply('hasty');
    await terminal.shows(/web1 +connecting/);
    terminal.press('s');
    await terminal.shows(/start no new host for good\?/);
    terminal.press('y');
    await terminal.shows(/run finished/);
    await expectRestored(terminal);
    expect(terminal.text()).toMatch(/stopped early: stopped by \S+@/);
  });

  test('Ctrl+F1 and other keys that nothing knows do not end it', async () => {
    const terminal = apply('patient');
    await terminal.shows(/web1 +connecting/);
    terminal.press('\u001b[1;5P\u001b[99~\u0001\u0002\u001bOP');
    terminal.press('?');
    await terminal.shows(/send the selected host back/);
    terminal.press(CTRL_C.repeat(2));
    expect(await expectRestored(terminal)).toBe(130);
  });
});

describe('watching', () => {
  function journal(run: string, seconds: number, extra = ''): void {
    const own = join(folder, 'state', 'netorch', 'runs', run);
    mkdirSync(own, { recursive: true });
    const events = eventsUntil(FOUR_HOSTS, seconds).map((event) =>
      event.type === 'run.started' ? { ...event, controller: thisController() } : event,
    );
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    writeFileSync(join(own, 'events.jsonl'), text + extra);
  }

  test('q leaves, and the run goes on', async () => {
    journal('20270101T000000-live', 26);
    const terminal = open(['watch', '20270101T000000-live']);
    await terminal.shows(/web4 {2}cut off/);
    terminal.press('q');
    expect(await expectRestored(terminal)).toBe(130);
    expect(terminal.text()).toMatch(/the run itself goes on/);
    // Nothing is left undone by somebody who only looked.
    expect(terminal.text()).toMatch(/so far, after .*4 hosts: .*1 under way, 0 queued/);
    expect(terminal.text()).not.toMatch(/left under way|run left/);
  });

  test('a run that has ended is shown, and ends with its exit code', async () => {
    journal('20270101T000000-over', 100);
    const terminal = open(['watch', '20270101T000000-over', '--ui', 'lines']);
    expect((await terminal.ended).code).toBe(3);
    expect(terminal.text()).toMatch(/run finished in 1 min 02 s/);
  });

  test('NO_COLOR and the C locale: neither colour nor any character but ASCII', async () => {
    journal('20270101T000000-plain', 26);
    const terminal = open(['watch', '20270101T000000-plain'], { LANG: 'C' });
    await terminal.shows(/web4 {2}cut off/);
    terminal.press('q');
    await expectRestored(terminal);
    // oxlint-disable-next-line no-control-regex -- looking for escape sequences
    expect(terminal.text()).not.toMatch(/\u001b\[[\d;]*m/);
    expect(terminal.text()).toMatch(/^\p{ASCII}*$/u);
  });
});

describe('hosts that are watched', () => {
  test.each<[string, (terminal: RealTerminal) => void, number]>([
    ['q', (terminal) => terminal.press('q'), 0],
    ['Ctrl-C', (terminal) => terminal.press(CTRL_C), 130],
    ['SIGTERM', (terminal) => terminal.signal('SIGTERM'), 130],
  ])('%s ends it', async (_, end, code) => {
    const terminal = open(['monitor', '-i', 'here.yml']);
    await terminal.shows(/✓ here/);
    end(terminal);
    expect(await expectRestored(terminal)).toBe(code);
    expect(terminal.text()).toMatch(/ended after \d+ s: \d+ events? of 1 host\r?\n/);
  });

  test('a host that nobody can reach is told, and costs the exit code', async () => {
    const terminal = open(['monitor', '-i', 'hasty.yml', 'web1']);
    await terminal.shows(/! web1 +not watched for/);
    terminal.press('q');
    expect(await expectRestored(terminal)).toBe(1);
    expect(terminal.text()).toMatch(/not watched at the end: web1/);
  });
});
