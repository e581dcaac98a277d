import { renderToString } from 'ink';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/run/events.js';
import { App } from '../../src/ui/app.js';
import { ASCII_GLYPHS, UNICODE_GLYPHS } from '../../src/ui/glyphs.js';
import { liveLines } from '../../src/ui/live-lines.js';
import { scrollbackLines } from '../../src/ui/scrollback-lines.js';
import { lineText, lineWidth } from '../../src/ui/styled-line.js';
import type { RunView } from '../../src/ui/view-model.js';
import { EMPTY_RUN_VIEW, reduceRun } from '../../src/ui/view-model.js';
import { createClockFormat } from '../../src/ui/words.js';
import { START_MS, eventSequence, isoAt } from './fixtures/event-sequence.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { THOUSAND_HOSTS } from './fixtures/thousand-hosts.js';
import { eventsUntil, viewAt } from './fixtures/view-at.js';

const PRESENTATION = { glyphs: UNICODE_GLYPHS, clock: createClockFormat('UTC') };

type Size = Readonly<{ columns: number; rows: number }>;

function live(events: readonly RunEvent[], seconds: number, size: Size, glyphs = UNICODE_GLYPHS) {
  return frame(viewAt(events, seconds), seconds, size, glyphs);
}

function frame(view: RunView, seconds: number, size: Size, glyphs = UNICODE_GLYPHS) {
  const nowMs = START_MS + seconds * 1000;
  return liveLines(view, { ...PRESENTATION, glyphs, ...size, nowMs, tick: 0 });
}

/** The first so many seconds: what has scrolled up, then what ink makes of the live region. */
function screen(events: readonly RunEvent[], seconds: number, size: Size): string {
  let view = EMPTY_RUN_VIEW;
  const above = eventsUntil(events, seconds).flatMap((event) => {
    view = reduceRun(view, event);
    return scrollbackLines(event, view, PRESENTATION, size.columns - 1);
  });
  const below = renderToString(
    <App live={live(events, seconds, size)} colour={false} onKey={() => {}} />,
    { columns: size.columns },
  );
  return [...above.map(lineText), below].join('\n');
}

const SIZES: readonly Size[] = [
  { columns: 80, rows: 24 },
  { columns: 200, rows: 50 },
  { columns: 250, rows: 80 },
  { columns: 40, rows: 10 },
];

describe.each(SIZES)('at $columns×$rows', (size) => {
  const name = `${size.columns}x${size.rows}`;

  test('a host that is cut off stands on top, with the seconds until it rolls back', async () => {
    await expect(`${screen(FOUR_HOSTS, 32.6, size)}\n`).toMatchFileSnapshot(
      `golden/four-hosts.cut-off.${name}.txt`,
    );
  });

  test('a thousand hosts: totals, failures, some of those under way, the rest counted', async () => {
    const lines = live(THOUSAND_HOSTS, 200, size).map((line) => lineText(line));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(
      `golden/thousand-hosts.frame.${name}.txt`,
    );
  });

  test('ink paints the live region as it was laid out', () => {
    const lines = live(FOUR_HOSTS, 32.6, size).map((line) => lineText(line).trimEnd());
    expect(screen(FOUR_HOSTS, 32.6, size).split('\n').slice(-lines.length)).toEqual(lines);
  });
});

describe('the live region', () => {
  const moments = [0, 5, 60.5, 75, 131, 148, 200, 300, 421, 500, 1000];
  const sizes = [1, 3, 5, 6, 7, 8, 10, 15, 24, 50].flatMap((rows) =>
    [1, 8, 20, 40, 59, 60, 80, 200].map((columns) => ({ columns, rows })),
  );

  test('is lower and narrower than any terminal of more than two lines', () => {
    const wrong = moments.flatMap((seconds) => {
      const view = viewAt(THOUSAND_HOSTS, seconds);
      return sizes.filter((size) => {
        const lines = frame(view, seconds, size);
        const fits = lines.every((line) => lineWidth(line) <= Math.max(1, size.columns - 1));
        return !fits || lines.length > Math.max(1, Math.min(size.rows - 2, 20));
      });
    });
    expect(wrong).toEqual([]);
  });

  test('has no rule across a wide window, which a narrower one would wrap and leave pieces of', () => {
    for (const columns of [80, 200, 250]) {
      const [title] = live(THOUSAND_HOSTS, 200, { columns, rows: 50 });
      expect(lineWidth(title!)).toBe(79);
    }
  });

  test('in ASCII holds nothing else', () => {
    const text = moments
      .flatMap((seconds) => live(THOUSAND_HOSTS, seconds, { columns: 80, rows: 24 }, ASCII_GLYPHS))
      .map((line) => lineText(line))
      .join('\n');
    expect(text).toMatch(/^[\n\u0020-\u007e]*$/);
  });

  test('is empty before the run and after it', () => {
    expect(live([], 0, { columns: 80, rows: 24 })).toEqual([]);
    expect(live(FOUR_HOSTS, 100, { columns: 80, rows: 24 })).toEqual([]);
  });

  test('wide names are cut so that columns still line up', () => {
    const [started] = FOUR_HOSTS;
    const phase = (host: string): RunEvent => ({
      at: isoAt(1),
      seq: 2,
      type: 'host.phase',
      host,
      phase: 'applying',
    });
    const lines = live(
      [started!, phase('東京のとても長い名前のホストです一番'), phase('web1')],
      3,
      { columns: 60, rows: 24 },
    ).map((line) => lineText(line));
    expect(lines[1]).toBe('⠋ 東京のとても長い名…  applying       2 s');
    expect(lines[2]).toBe('⠋ web1                 applying       2 s');
  });

  test('after the deadline it counts to the announced time, and then says that it is overdue', () => {
    const size = { columns: 80, rows: 24 };
    const away = eventsUntil(FOUR_HOSTS, 26);
    expect(lineText(live(away, 56, size)[1]!)).toContain('rolling back by itself, back in 15 s');
    expect(lineText(live(away, 75, size)[1]!)).toContain('overdue by 4 s');
  });

  test('escape sequences of a host do not reach it', () => {
    const [started] = FOUR_HOSTS;
    const nasty = eventSequence([
      1,
      { type: 'host.phase', host: 'web1', phase: 'applying', detail: 'a\u001b[2J\u0007b' },
    ]);
    const text = live([started!, ...nasty], 2, { columns: 80, rows: 24 })
      .map((line) => lineText(line))
      .join('');
    expect(text).toContain('a\ufffdb');
    expect(text).not.toMatch(/\p{Cc}/u);
  });
});
