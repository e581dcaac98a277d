import { describe, expect, test } from 'vitest';
import type { RunEvent, RunEventBody } from '../../src/run/events.js';
import { ASCII_GLYPHS, UNICODE_GLYPHS } from '../../src/ui/glyphs.js';
import type { LineReporterOptions } from '../../src/ui/line-reporter.js';
import { HEARTBEAT_MS, createLineReporter } from '../../src/ui/line-reporter.js';
import { createClockFormat } from '../../src/ui/words.js';
import { START_MS, eventSequence } from './fixtures/event-sequence.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { createManualTimer } from './fixtures/manual-timer.js';
import { createMemoryStream } from './fixtures/memory-stream.js';
import { THOUSAND_HOSTS } from './fixtures/thousand-hosts.js';
import { eventsUntil } from './fixtures/view-at.js';

function setUp(options: Partial<LineReporterOptions> = {}) {
  const stdout = createMemoryStream();
  const timer = createManualTimer();
  let nowMs = START_MS;
  const reporter = createLineReporter({
    stdout,
    colour: false,
    glyphs: UNICODE_GLYPHS,
    clock: createClockFormat('UTC'),
    now: () => nowMs,
    startTimer: timer.startTimer,
    ...options,
  });
  return {
    stdout,
    timer,
    reporter,
    setNow: (seconds: number) => (nowMs = START_MS + seconds * 1000),
    feed: (events: readonly RunEvent[]) => events.forEach((event) => reporter.handle(event)),
  };
}

const [STARTED] = FOUR_HOSTS as readonly [RunEvent];

describe('a whole run', () => {
  test('reads as a log with the failure repeated at the end', async () => {
    const { reporter, stdout, feed } = setUp();
    feed(FOUR_HOSTS);
    await reporter.close();
    await expect(stdout.text()).toMatchFileSnapshot('golden/four-hosts.lines.txt');
  });

  test('a thousand hosts: every host has its last line, and nothing is overwritten', async () => {
    const { reporter, stdout, feed } = setUp({ glyphs: ASCII_GLYPHS });
    feed(THOUSAND_HOSTS);
    await reporter.close();
    const ends = stdout
      .lines()
      .filter((line) => /^\S+ {2}[*=x!] node\d{4} (confirmed|unchanged|failed|lost)/.test(line));
    expect(ends).toHaveLength(1000);
    expect(stdout.text()).toMatch(/^[\n\u0020-\u007e]*$/);
  });

  test.each([
    ['interrupted', 'stopping: interrupted; no new host is started'],
    ['lost web4: no further host is begun', 'stopping: lost web4: no further host is begun'],
  ])('that is stopping (%s) says once that no host is begun any more', (reason, said) => {
    const { stdout, feed } = setUp();
    feed([STARTED, ...eventSequence([1, { type: 'run.stopping', reason }])]);
    expect(stdout.lines().at(-1)).toBe(`03:00:01  ${said}`);
  });

  test('that goes on when only somebody who watched it leaves says so, and names nobody as left', async () => {
    const { reporter, stdout, feed } = setUp();
    feed(eventsUntil(FOUR_HOSTS, 26));
    await reporter.close({ goesOn: true });
    expect(stdout.lines().at(-2)).toMatch(
      /^so far, after 26 s: 4 hosts: .*, 1 under way, 0 queued$/,
    );
    expect(stdout.text()).not.toMatch(/left/);
  });

  test('closing twice prints the summary once', async () => {
    const { reporter, stdout, feed } = setUp();
    feed(FOUR_HOSTS);
    await reporter.close();
    await reporter.close();
    expect(stdout.text().match(/run finished/g)).toHaveLength(1);
  });
});

describe('a run that is left', () => {
  test('names each host under way and when it is back', async () => {
    const { reporter, stdout, feed } = setUp();
    feed(eventsUntil(FOUR_HOSTS, 26));
    await reporter.close();
    expect(stdout.lines().slice(-5)).toEqual([
      '',
      '1 host left under way:',
      '  web4: unless confirmed, rolls back by itself, back by 03:01:10',
      'run left after 26 s: 4 hosts: 1 unchanged, 2 confirmed',
      'cut off: median 3.1 s, longest 3.1 s (2 hosts)',
    ]);
  });

  test.each([
    ['before anything was sent', 0.5, 'nothing was changed'],
    [
      'while it is being armed',
      1.3,
      'not known whether it was armed; if so, it rolls back by itself',
    ],
    ['once it is armed', 5, 'unless confirmed, rolls back by itself, back by 03:01:01'],
  ])('says what is known of a host %s', async (_, seconds, expected) => {
    const { reporter, stdout, feed } = setUp();
    feed(eventsUntil(FOUR_HOSTS, seconds));
    await reporter.close();
    expect(stdout.lines().slice(-3, -1)).toEqual([`  web1: ${expected}`, '3 hosts not begun']);
  });
});

describe('the heartbeat', () => {
  test('says what is under way and how long until it ends by itself', () => {
    const { stdout, timer, feed, setNow } = setUp();
    feed(eventsUntil(FOUR_HOSTS, 26));
    expect(timer.running()).toBe(HEARTBEAT_MS);
    setNow(32.6);
    timer.fire();
    expect(stdout.lines().at(-1)).toBe(
      '03:00:32  still running: 3 of 4 hosts done (1 unchanged, 2 confirmed), 0 queued, ' +
        '1 under way: web4 cut off, rolls back by itself in 23 s',
    );
    expect(timer.running()).toBe(HEARTBEAT_MS);
  });

  test('ends with the run', () => {
    const { timer, feed } = setUp();
    feed(FOUR_HOSTS);
    expect(timer.running()).toBeUndefined();
  });

  test('ends when the reporter is closed in the middle', async () => {
    const { reporter, timer, feed } = setUp();
    feed([STARTED]);
    expect(timer.running()).toBe(HEARTBEAT_MS);
    await reporter.close();
    expect(timer.running()).toBeUndefined();
  });
});

describe('single events', () => {
  const finished = (body: Partial<Extract<RunEventBody, { type: 'host.finished' }>>) => ({
    type: 'host.finished' as const,
    host: 'web1',
    outcome: 'failed' as const,
    durationMs: 1500,
    timings: {},
    ...body,
  });

  test.each<[string, RunEventBody, string]>([
    [
      'a failure has its cause in the same line, so that a search finds both',
      finished({ cause: 'Permission denied (publickey)' }),
      '✗ web1 failed: Permission denied (publickey) (1.5 s)',
    ],
    [
      'a rollback that was not verified says so',
      finished({ outcome: 'rolled-back', cause: 'deadline passed', verified: false }),
      '↩ web1 rolled back: deadline passed (1.5 s, NOT verified to be what it was)',
    ],
    [
      'confirmed but not persistent is told apart from confirmed',
      finished({ outcome: 'confirmed-not-persistent', cause: 'disk full' }),
      '✓ web1 confirmed, not persistent: disk full (1.5 s)',
    ],
    ['a skipped host took no time', finished({ outcome: 'skipped' }), '- web1 skipped'],
    [
      'many differences are counted',
      { type: 'host.differed', host: 'web1', differences: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] },
      'web1: not yet what the plan says: a; b; c; d; e; +2 more',
    ],
    [
      'a failed probe says what was seen',
      { type: 'host.probed', host: 'web1', probe: 'gateway', good: false, text: 'no answer' },
      'web1: probe gateway failed: no answer',
    ],
    [
      'a warning without a host',
      { type: 'log', level: 'warning', message: 'the journal is slow' },
      'warning: the journal is slow',
    ],
    [
      'escape sequences of a host do not reach the terminal',
      finished({ host: 'we\u001b[2Jb1', cause: 'a\u001b]0;x\u0007\rb' }),
      '✗ web1 failed: a b (1.5 s)',
    ],
  ])('%s', (_, body, expected) => {
    const { stdout, feed } = setUp();
    feed(eventSequence([0, body]));
    expect(stdout.lines()).toEqual([`03:00:00  ${expected}`]);
  });

  test('evidence follows below, a line each', () => {
    const { stdout, feed } = setUp();
    feed(eventSequence([0, finished({ cause: 'one', details: ['two\nthree', '\u001b[1mfour'] })]));
    expect(stdout.lines().map((line) => line.trim())).toEqual([
      '03:00:00  ✗ web1 failed: one (1.5 s)',
      'two',
      'three',
      'four',
    ]);
  });
});

test('colour only adds colour', () => {
  const plain = setUp();
  const coloured = setUp({ colour: true });
  plain.feed(FOUR_HOSTS);
  coloured.feed(FOUR_HOSTS);
  expect(coloured.stdout.text()).toContain('\u001b[32m✓ \u001b[39m');
  // oxlint-disable-next-line no-control-regex -- taking the colour off again
  expect(coloured.stdout.text().replace(/\u001b\[\d+m/g, '')).toBe(plain.stdout.text());
});
