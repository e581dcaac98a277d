import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/run/events.js';
import type { ReporterEnvironment, ReporterKind } from '../../src/ui/create-reporter.js';
import { chooseKind, createReporter, withFallback } from '../../src/ui/create-reporter.js';
import type { Reporter } from '../../src/ui/reporter.js';
import { createFakeTerminal } from './fixtures/fake-terminal.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { START_MS } from './fixtures/event-sequence.js';
import { eventsUntil } from './fixtures/view-at.js';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
/** Erase in display (2, 3) or a full reset. */
// oxlint-disable-next-line no-control-regex -- looking for escape sequences
const CLEAR = /\u001b\[[23]J|\u001bc/;
const CTRL_C = '\u0003';
const CTRL_F1 = '\u001b[1;5P';

async function start(kind: ReporterKind, overrides: Partial<ReporterEnvironment> = {}) {
  const terminal = createFakeTerminal();
  let interrupts = 0;
  const reporter = await createReporter(kind, {
    stdout: terminal.stdout,
    stdin: terminal.stdin,
    env: { LANG: 'C.UTF-8', NO_COLOR: '1' },
    onInterrupt: () => {
      interrupts += 1;
      terminal.stdout.write('<interrupt>');
    },
    now: () => START_MS + 32_600,
    timeZone: 'UTC',
    ...overrides,
  });
  return { terminal, reporter, interrupts: () => interrupts };
}

function feed(reporter: Reporter, events: readonly RunEvent[]): void {
  for (const event of events) reporter.handle(event);
}

describe('auto', () => {
  const good = { isTTY: true, columns: 80, rows: 24 };
  test.each([
    ['a terminal', good, true, { TERM: 'xterm' }, 'tui'],
    ['output into a pipe', { ...good, isTTY: false }, true, {}, 'lines'],
    ['input from a pipe', good, false, {}, 'lines'],
    ['CI', good, true, { CI: 'true' }, 'lines'],
    ['CI set to false', good, true, { CI: 'false' }, 'tui'],
    ['a dumb terminal', good, true, { TERM: 'dumb' }, 'lines'],
    ['too few rows', { ...good, rows: 9 }, true, {}, 'lines'],
    ['too few columns', { ...good, columns: 59 }, true, {}, 'lines'],
    ['a screen reader', good, true, { INK_SCREEN_READER: 'true' }, 'lines'],
  ] as const)('%s', (_, stdout, stdinIsTTY, env, expected) => {
    const chosen = chooseKind({
      stdout: stdout as unknown as NodeJS.WriteStream,
      stdin: { isTTY: stdinIsTTY } as unknown as NodeJS.ReadStream,
      env,
    });
    expect(chosen).toBe(expected);
  });
});

describe('the screen', () => {
  test('shows the run, and leaves the terminal as it was with the summary below', async () => {
    const { terminal, reporter } = await start('tui');
    expect(terminal.isRaw()).toBe(true);
    feed(reporter, eventsUntil(FOUR_HOSTS, 26));
    await terminal.shows(/web4 {2}cut off .*rolls back by itself in 23 s/);
    expect(terminal.text()).toContain(HIDE_CURSOR);
    feed(reporter, FOUR_HOSTS.slice(eventsUntil(FOUR_HOSTS, 26).length));
    await reporter.close();
    const text = terminal.text();
    expect(text.lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(text.lastIndexOf(HIDE_CURSOR));
    expect(terminal.isRaw()).toBe(false);
    expect(text).toMatch(/run finished in 1 min 02 s: 4 hosts: .*\n(.*\n)*note: running only/);
  });

  test('each finished host is written once', async () => {
    const { terminal, reporter } = await start('tui');
    feed(reporter, eventsUntil(FOUR_HOSTS, 26));
    await terminal.shows(/rolls back by itself/);
    await reporter.close();
    expect(terminal.text().match(/✓ web1 confirmed/g)).toHaveLength(1);
  });

  test('Ctrl-C is handed on, and Ctrl+F1 does nothing', async () => {
    const { terminal, reporter, interrupts } = await start('tui');
    feed(reporter, eventsUntil(FOUR_HOSTS, 5));
    terminal.press(CTRL_F1);
    terminal.press('q');
    terminal.press(CTRL_C);
    await terminal.shows(/<interrupt>/);
    expect(interrupts()).toBe(1);
    await reporter.close();
  });

  test('follows the size of the terminal at once', async () => {
    const { terminal, reporter } = await start('tui');
    feed(reporter, eventsUntil(FOUR_HOSTS, 26));
    await terminal.shows(/cut off/);
    Object.assign(terminal.stdout, { columns: 40, rows: 10 });
    terminal.stdout.emit('resize');
    await terminal.shows(/. web4 rolls back by itself in 23 s/);
    await reporter.close();
  });

  test('never clears the terminal, even when its height shrinks below the frame', async () => {
    const { terminal, reporter } = await start('tui');
    feed(reporter, eventsUntil(FOUR_HOSTS, 26));
    await terminal.shows(/cut off/);
    Object.assign(terminal.stdout, { rows: 3 });
    terminal.stdout.emit('resize');
    await reporter.close();
    expect(terminal.text()).not.toMatch(CLEAR);
  });

  test('that breaks in the middle is replaced by lines that go on from there', async () => {
    const { terminal, reporter } = await start('tui');
    feed(reporter, eventsUntil(FOUR_HOSTS, 26));
    await terminal.shows(/cut off/);
    Object.defineProperty(terminal.stdout, 'rows', {
      get: () => {
        throw new Error('no\u001b[2J size');
      },
    });
    terminal.stdout.emit('resize');
    await terminal.shows(/the screen failed \(no size\); going on with plain lines\n/);
    expect(terminal.isRaw()).toBe(false);
    feed(reporter, FOUR_HOSTS.slice(eventsUntil(FOUR_HOSTS, 26).length));
    await reporter.close();
    expect(terminal.text()).toMatch(/03:01:01 {2}↩ web4 rolled back: no answer at 192\.0\.2\.14/);
    expect(terminal.text().match(/run finished in/g)).toHaveLength(1);
    expect(terminal.text()).toContain('4 hosts: 1 unchanged, 2 confirmed, 1 rolled back');
  });

  test('is refused where there is no terminal', async () => {
    const terminal = createFakeTerminal();
    Object.assign(terminal.stdout, { isTTY: false });
    await expect(start('tui', { stdout: terminal.stdout })).rejects.toMatchObject({
      code: 'USAGE',
      message: '--ui tui needs a terminal; use --ui lines or --ui json',
    });
  });
});

describe('withFallback', () => {
  const recorder = () => {
    const seen: number[] = [];
    const reporter: Reporter = {
      handle: (event) => void seen.push(event.seq),
      close: () => Promise.resolve(),
    };
    return { seen, reporter };
  };

  test('when the first cannot be started, the other takes the run from the beginning', async () => {
    const { seen, reporter: other } = recorder();
    const reporter = await withFallback(
      () => Promise.reject(new Error('cannot load')),
      () => other,
    );
    feed(reporter, FOUR_HOSTS.slice(0, 3));
    expect(seen).toEqual([1, 2, 3]);
  });

  test('an event that makes the first throw is in the view that the other begins with', async () => {
    const { seen, reporter: other } = recorder();
    let hostCount = 0;
    const reporter = await withFallback(
      () =>
        Promise.resolve({
          handle: () => {
            throw new Error('broken');
          },
          close: () => Promise.resolve(),
        }),
      (_error, view) => {
        hostCount = view.hostCount;
        return other;
      },
    );
    feed(reporter, FOUR_HOSTS.slice(0, 3));
    expect(hostCount).toBe(4);
    expect(seen).toEqual([2, 3]);
  });

  test('when both break, the run still goes on', async () => {
    const broken: Reporter = {
      handle: () => {
        throw new Error('broken');
      },
      close: () => Promise.reject(new Error('broken')),
    };
    const reporter = await withFallback(
      () => Promise.resolve(broken),
      () => broken,
    );
    expect(() => feed(reporter, FOUR_HOSTS)).not.toThrow();
    await expect(reporter.close()).resolves.toBeUndefined();
  });
});

describe('lines and JSON', () => {
  test('leave the keyboard alone', async () => {
    const { terminal, reporter } = await start('lines');
    feed(reporter, FOUR_HOSTS);
    await reporter.close();
    expect(terminal.isRaw()).toBe(false);
    expect(terminal.text()).not.toContain('\u001b');
  });

  test('a reader that goes away does not end the run', async () => {
    const { terminal, reporter } = await start('json');
    terminal.stdout.destroy(new Error('EPIPE'));
    expect(() => feed(reporter, FOUR_HOSTS)).not.toThrow();
    await expect(reporter.close()).resolves.toBeUndefined();
  });
});
