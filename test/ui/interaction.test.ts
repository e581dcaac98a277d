import type { Key } from 'node:readline';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/run/events.js';
import { createReporter } from '../../src/ui/create-reporter.js';
import { ASCII_GLYPHS, UNICODE_GLYPHS } from '../../src/ui/glyphs.js';
import { approvalText } from '../../src/ui/help-lines.js';
import { HostLog } from '../../src/ui/host-log.js';
import { hostRows } from '../../src/ui/host-rows.js';
import type { Interaction } from '../../src/ui/live-lines.js';
import { liveLines } from '../../src/ui/live-lines.js';
import type { KeyContext, ScreenState } from '../../src/ui/screen-state.js';
import { FIRST_SCREEN, pressKey } from '../../src/ui/screen-state.js';
import { lineText, lineWidth } from '../../src/ui/styled-line.js';
import { createClockFormat } from '../../src/ui/words.js';
import { START_MS } from './fixtures/event-sequence.js';
import { createFakeTerminal } from './fixtures/fake-terminal.js';
import { FORTY_HOSTS } from './fixtures/forty-hosts.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { THOUSAND_HOSTS } from './fixtures/thousand-hosts.js';
import { eventsUntil, viewAt } from './fixtures/view-at.js';

const NAMED: Readonly<Record<string, Key>> = {
  '<down>': { name: 'down', sequence: '\u001b[B' },
  '<up>': { name: 'up', sequence: '\u001b[A' },
  '<end>': { name: 'end', sequence: '\u001b[F' },
  '<enter>': { name: 'return', sequence: '\r' },
  '<esc>': { name: 'escape', sequence: '\u001b' },
  '<tab>': { name: 'tab', sequence: '\t' },
  '<bs>': { name: 'backspace', sequence: '\u007f' },
  '<c-c>': { name: 'c', ctrl: true, sequence: '\u0003' },
};

function keysOf(text: string): readonly Key[] {
  return [...text.matchAll(/<[\w-]+>|./gs)].map(
    ([key]) => NAMED[key] ?? { name: key.toLowerCase(), sequence: key },
  );
}

const CONTEXT: KeyContext = {
  hosts: ['a', 'b', 'c'],
  active: new Map([
    ['b', {}],
    ['c', {}],
  ]),
  canControl: true,
  isWatching: false,
  isPaused: false,
  isStopping: false,
  approval: undefined,
};

function press(text: string, context: Partial<KeyContext> = {}, from = FIRST_SCREEN) {
  let state = from;
  const wishes: unknown[] = [];
  for (const key of keysOf(text)) {
    const pressed = pressKey(state, key, { ...CONTEXT, ...context });
    state = pressed.state;
    if (pressed.wish !== undefined) wishes.push(pressed.wish);
  }
  return { state, wishes };
}

describe('keys', () => {
  test.each<[string, string, Partial<KeyContext>, readonly unknown[]]>([
    ['Ctrl-C', '<c-c>', {}, [{ kind: 'interrupt' }]],
    ['Ctrl-C while typing', '/x<c-c>', {}, [{ kind: 'interrupt' }]],
    ['Ctrl-C while asked', 's<c-c>', {}, [{ kind: 'interrupt' }]],
    ['pause', 'p', {}, [{ kind: 'pause' }]],
    ['go on', 'p', { isPaused: true }, [{ kind: 'unpause' }]],
    ['stop, yes', 'sy', {}, [{ kind: 'stop' }]],
    ['stop, no', 'sny', {}, []],
    ['stop, when it stops already', 'sy', { isStopping: true }, []],
    ['approve, yes', 'ay', { approval: 'wave 2' }, [{ kind: 'approve' }]],
    ['approve, no', 'a<esc>y', { approval: 'wave 2' }, []],
    ['approve, nothing to approve', 'ay', {}, []],
    ['roll back, yes', '<down><down>ry', {}, [{ kind: 'roll-back', host: 'b' }]],
    ['roll back in the detail', '<end><enter>ry', {}, [{ kind: 'roll-back', host: 'c' }]],
    ['roll back, nothing selected', 'ry', {}, []],
    ['roll back a host that is not under way', '<down>ry', {}, []],
    ['letters in a filter ask nothing', '/sparay<enter>', { approval: 'x' }, []],
    ['letters in help ask nothing', '?s', {}, []],
    ['q where the run is our own', 'q', {}, []],
    ['q where we watch', 'q', { isWatching: true, canControl: false }, [{ kind: 'leave' }]],
    [
      'no control where we watch',
      'psya<down><down>ry',
      { isWatching: true, canControl: false, approval: 'x' },
      [],
    ],
  ])('%s', (_, text, context, wishes) => {
    expect(press(text, context).wishes).toEqual(wishes);
  });

  test.each<[string, string, Partial<ScreenState>]>([
    ['down selects the first, and then the next', '<down><down>', { selected: 'b' }],
    ['up from nothing selects the first', '<up>', { selected: 'a' }],
    ['no further than the last', '<down><down><down><down><down>', { selected: 'c' }],
    ['no further than the first', '<end><up><up><up><up>', { selected: 'a' }],
    ['Enter opens the host, Esc leaves it', '<down><enter>', { page: 'detail', selected: 'a' }],
    ['Esc', '<down><enter><esc>', { page: 'list', selected: 'a' }],
    ['Esc in the list selects nothing', '<down><esc>', { selected: undefined }],
    ['Tab turns the pages', '<down><enter><tab><tab>', { detailPage: 'commands' }],
    ['Tab after the last page', '<down><enter><tab><tab><tab>', { detailPage: 'events' }],
    ['typing filters', '/no\u00e9d<bs><enter>', { filter: 'no\u00e9', isTyping: false }],
    ['Esc ends a filter', '/no<esc>', { filter: '', isTyping: false }],
    ['Esc ends a filter that was kept', '/no<enter><esc>', { filter: '' }],
    ['order', 'oo', { sort: 'deadline' }],
    ['order goes round', 'oooo', { sort: 'urgency' }],
    ['help, and back with any key', '?x', { isHelp: false }],
    ['a key that is none', '\u0001z', FIRST_SCREEN],
  ])('%s', (_, text, expected) => {
    expect(press(text).state).toMatchObject(expected);
  });

  test('nothing can be selected where there is no host', () => {
    expect(press('<down><up><enter><end>', { hosts: [] }).state).toEqual(FIRST_SCREEN);
  });
});

type Scene = Readonly<{
  events: readonly RunEvent[];
  seconds: number;
  keys?: string;
  as?: Interaction['keys'];
  size?: Readonly<{ columns: number; rows: number }>;
  glyphs?: typeof UNICODE_GLYPHS;
}>;

/** The frame after the keys were pressed. */
function frame({ events, seconds, keys = '', as = 'control', size, glyphs }: Scene) {
  const view = viewAt(events, seconds);
  const log = new HostLog();
  for (const event of eventsUntil(events, seconds)) log.add(event);
  let screen = FIRST_SCREEN;
  for (const key of keysOf(keys)) {
    screen = pressKey(screen, key, {
      hosts: hostRows(view, log, screen).map(({ host }) => host),
      active: view.active,
      canControl: as === 'control',
      isWatching: as === 'watch',
      isPaused: view.paused !== undefined,
      isStopping: view.stopping !== undefined,
      approval: approvalText(view),
    }).state;
  }
  const options = {
    glyphs: glyphs ?? UNICODE_GLYPHS,
    clock: createClockFormat('UTC'),
    ...(size ?? { columns: 80, rows: 24 }),
    nowMs: START_MS + seconds * 1000,
    tick: 0,
  };
  return liveLines(view, options, { screen, log, keys: as });
}

const SCENES: Readonly<Record<string, Scene>> = {
  'forty-hosts.soak': { events: FORTY_HOSTS, seconds: 8 },
  'forty-hosts.approval': { events: FORTY_HOSTS, seconds: 12 },
  'forty-hosts.approval-asked': { events: FORTY_HOSTS, seconds: 12, keys: 'a' },
  'forty-hosts.running': { events: FORTY_HOSTS, seconds: 23 },
  'forty-hosts.paused': { events: FORTY_HOSTS, seconds: 29 },
  'forty-hosts.lost': { events: FORTY_HOSTS, seconds: 60 },
  'forty-hosts.selected': { events: FORTY_HOSTS, seconds: 23, keys: '<down><down><down>' },
  'forty-hosts.roll-back-asked': { events: FORTY_HOSTS, seconds: 23, keys: '<down><down><down>r' },
  'forty-hosts.detail-events': { events: FORTY_HOSTS, seconds: 23, keys: '<down><enter>' },
  'forty-hosts.detail-plan': { events: FORTY_HOSTS, seconds: 23, keys: '<down><enter><tab>' },
  'forty-hosts.detail-commands': {
    events: FORTY_HOSTS,
    seconds: 23,
    keys: '<down><enter><tab><tab>',
  },
  'forty-hosts.filter': { events: FORTY_HOSTS, seconds: 23, keys: '/queued' },
  'forty-hosts.help': { events: FORTY_HOSTS, seconds: 23, keys: '?' },
  'forty-hosts.watch-approval': { events: FORTY_HOSTS, seconds: 12, as: 'watch' },
  'forty-hosts.watch': { events: FORTY_HOSTS, seconds: 23, as: 'watch' },
  'forty-hosts.ascii': { events: FORTY_HOSTS, seconds: 60, keys: '<down>', glyphs: ASCII_GLYPHS },
  'four-hosts.failure-detail': { events: FOUR_HOSTS, seconds: 61.45, keys: '<down><enter>' },
  'thousand-hosts.filter': { events: THOUSAND_HOSTS, seconds: 200, keys: '/node07<enter><end>' },
  'thousand-hosts.by-name': { events: THOUSAND_HOSTS, seconds: 200, keys: 'o<end>' },
};
const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 200, rows: 50 },
  { columns: 250, rows: 80 },
];

describe.each(SIZES)('at $columns×$rows', (size) => {
  test.each(Object.entries(SCENES))('%s', async (name, scene) => {
    const lines = frame({ ...scene, size }).map((line) => lineText(line));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      `golden/${name}.${size.columns}x${size.rows}.txt`,
    );
  });
});

describe('frames', () => {
  test('of every scene fit into every terminal', () => {
    const sizes = [1, 3, 5, 6, 8, 10, 24, 80].flatMap((rows) =>
      [1, 8, 20, 40, 60, 80, 250].map((columns) => ({ columns, rows })),
    );
    const wrong = Object.entries(SCENES).flatMap(([name, scene]) =>
      sizes.flatMap((candidate) => {
        const lines = frame({ ...scene, size: candidate });
        const isLow = lines.length <= Math.max(1, Math.min(candidate.rows - 2, 20));
        const isNarrow = lines.every(
          (line) => lineWidth(line) <= Math.max(1, candidate.columns - 1),
        );
        return isLow && isNarrow ? [] : [`${name} ${candidate.columns}x${candidate.rows}`];
      }),
    );
    expect(wrong).toEqual([]);
  });

  test('in ASCII hold nothing else', () => {
    const text = Object.values(SCENES).flatMap((scene) =>
      frame({ ...scene, glyphs: ASCII_GLYPHS }).map((line) => lineText(line)),
    );
    expect(text.join('\n')).toMatch(/^[\n\u0020-\u007e]*$/);
  });

  test('hold no escape sequence of what was typed or of what hosts said', () => {
    const [started] = FOUR_HOSTS;
    const nasty: RunEvent = {
      at: '2026-03-04T03:00:01.000Z',
      seq: 2,
      type: 'host.planned',
      host: 'web1\u001b[2J',
      changes: ['a\u001b]0;x\u0007b'],
      hazards: [],
      touchesManagement: false,
    };
    const events = [started!, nasty];
    for (const keys of ['<down>r', '<down><enter><tab>', '/w<enter>']) {
      const text = frame({ events, seconds: 2, keys })
        .map((line) => lineText(line))
        .join('');
      expect(text).toContain('web1');
      expect(text).not.toMatch(/\p{Cc}/u);
    }
  });
});

describe('the screen', () => {
  async function start(events: readonly RunEvent[], nowSeconds: number) {
    const asked: string[] = [];
    const terminal = createFakeTerminal({ columns: 100 });
    const ask = (what: string) => (by: string) => {
      asked.push(`${what} by ${by}`);
      terminal.stdout.write(`<${what}>`);
    };
    const reporter = await createReporter('tui', {
      stdout: terminal.stdout,
      stdin: terminal.stdin,
      env: { LANG: 'C.UTF-8', NO_COLOR: '1' },
      onInterrupt: () => asked.push('interrupt'),
      controls: {
        pause: ask('pause'),
        unpause: ask('unpause'),
        approve: ask('approve'),
        stop: ask('stop'),
        rollBack: (host, by) => ask(`roll back ${host}`)(by),
      },
      user: 'anna@admin1',
      now: () => START_MS + nowSeconds * 1000,
      timeZone: 'UTC',
    });
    for (const event of eventsUntil(events, nowSeconds)) reporter.handle(event);
    return { terminal, reporter, asked };
  }

  test('hands wishes on to the run, with who had them', async () => {
    const { terminal, reporter, asked } = await start(FORTY_HOSTS, 23);
    await terminal.shows(/node07/);
    terminal.press('p');
    terminal.press('/node07\r');
    await terminal.shows(/1 found/);
    terminal.press('\u001b[B');
    terminal.press('r');
    await terminal.shows(/send node07 back to what it was, now\?/);
    terminal.press('y');
    await terminal.shows(/<roll back node07>/);
    terminal.press('s');
    await terminal.shows(/start no new host for good\?/);
    terminal.press('y');
    await terminal.shows(/<stop>/);
    await reporter.close();
    expect(asked).toEqual([
      'pause by anna@admin1',
      'roll back node07 by anna@admin1',
      'stop by anna@admin1',
    ]);
  });

  test('answers an approval', async () => {
    const { terminal, reporter, asked } = await start(FORTY_HOSTS, 12);
    await terminal.shows(/waiting for approval of wave 2 \(36 hosts\) {3}a: approve/);
    terminal.press('a');
    await terminal.shows(/approve wave 2 \(36 hosts\)\?/);
    terminal.press('y');
    await terminal.shows(/<approve>/);
    await reporter.close();
    expect(asked).toEqual(['approve by anna@admin1']);
  });

  test('controls that break do not break the run: lines go on', async () => {
    const terminal = createFakeTerminal();
    const broken = (): never => {
      throw new Error('out of order');
    };
    const reporter = await createReporter('tui', {
      stdout: terminal.stdout,
      stdin: terminal.stdin,
      env: { LANG: 'C.UTF-8', NO_COLOR: '1' },
      onInterrupt: () => undefined,
      controls: { pause: broken, unpause: broken, approve: broken, stop: broken, rollBack: broken },
      now: () => START_MS + 5000,
      timeZone: 'UTC',
    });
    for (const event of eventsUntil(FOUR_HOSTS, 5)) reporter.handle(event);
    terminal.press('p');
    await terminal.shows(/the screen failed \(out of order\); going on with plain lines/);
    expect(terminal.isRaw()).toBe(false);
    for (const event of FOUR_HOSTS.slice(eventsUntil(FOUR_HOSTS, 5).length)) reporter.handle(event);
    await reporter.close();
    expect(terminal.text()).toMatch(/web4 rolled back/);
  });
});
