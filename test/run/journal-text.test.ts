import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/run/events.js';
import { JournalParser, damageText } from '../../src/run/journal-text.js';
import { FOUR_HOSTS } from '../ui/fixtures/four-hosts.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const journal = (events: readonly RunEvent[]) =>
  events.map((event) => `${JSON.stringify(event)}\n`).join('');

function parse(...pieces: readonly Uint8Array[]) {
  const parser = new JournalParser();
  const events = pieces.flatMap((piece) => parser.push(piece));
  return { events, damage: parser.damage(), words: damageText(parser.damage()) };
}

const [first, second, third] = FOUR_HOSTS;
const log = (message: string): RunEvent => ({
  at: '2026-03-04T03:00:00.000Z',
  seq: 1,
  type: 'log',
  level: 'info',
  message,
});

test('a whole journal is its events again', () => {
  expect(parse(bytes(journal(FOUR_HOSTS)))).toEqual({
    events: FOUR_HOSTS,
    damage: { badLines: [], isCut: false },
    words: [],
  });
});

test('cut at any byte, all lines before the cut are there, and the cut is told', () => {
  const whole = bytes(journal([log('é東'), ...FOUR_HOSTS.slice(0, 4)]));
  const wrong: number[] = [];
  for (let end = 0; end <= whole.length; end++) {
    const { events, damage } = parse(whole.subarray(0, end));
    const lines = whole.subarray(0, end).filter((byte) => byte === 0x0a).length;
    const isCut = end > 0 && whole[end - 1] !== 0x0a;
    if (events.length !== lines || damage.isCut !== isCut || damage.badLines.length > 0) {
      wrong.push(end);
    }
  }
  expect(wrong).toEqual([]);
});

test('in pieces of any size it is the same', () => {
  const whole = bytes(journal([log('é東'), ...FOUR_HOSTS.slice(0, 4)]));
  const pieces = Array.from(whole, (_, index) => whole.subarray(index, index + 1));
  expect(parse(...pieces).events).toEqual(parse(whole).events);
});

describe('lines that are no event', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['no JSON', '{"at":"2026-'],
    ['a number', '7'],
    ['null', 'null'],
    ['no type', '{"at":"2026-03-04T03:00:00Z","seq":1}'],
    ['a type of a later version', '{"at":"2026-03-04T03:00:00Z","seq":1,"type":"host.teleported"}'],
    ['a name of an object', '{"at":"2026-03-04T03:00:00Z","seq":1,"type":"constructor"}'],
    ['no time', '{"at":"yesterday","seq":1,"type":"run.stopping","reason":"x"}'],
    ['a field missing', '{"at":"2026-03-04T03:00:00Z","seq":1,"type":"run.stopping"}'],
    [
      'an outcome of a later version',
      '{"at":"2026-03-04T03:00:00Z","seq":1,"type":"host.finished","host":"a","outcome":"great","durationMs":1,"timings":{}}',
    ],
    ['nothing', ''],
  ];
  test.each(cases)('%s: left out and counted', (_, line) => {
    const text = `${JSON.stringify(first)}\n${line}\n${JSON.stringify(second)}\n`;
    expect(parse(bytes(text))).toEqual({
      events: [first, second],
      damage: { badLines: [2], isCut: false },
      words: ['line 2 of the journal cannot be read and is left out'],
    });
  });

  test('several are counted', () => {
    const { words } = parse(bytes(`x\n${JSON.stringify(first)}\ny\n`));
    expect(words).toEqual([
      '2 lines of the journal cannot be read and are left out, the first is line 1',
    ]);
  });
});

test('what was written behind a line that was cut is not lost', () => {
  const half = JSON.stringify(second).slice(0, 30);
  const { events, damage } = parse(
    bytes(`${JSON.stringify(first)}\n${half}${JSON.stringify(third)}\n`),
  );
  expect(events).toEqual([first, third]);
  expect(damage.badLines).toEqual([2]);
});
