/** What the user sees of watched hosts: in words, on a screen, as JSON. */
import { renderToString } from 'ink';
import { describe, expect, test } from 'vitest';
import type {
  MonitorEvent,
  MonitorEventBody,
  NetworkChange,
} from '../../src/run/monitor-events.js';
import { App } from '../../src/ui/app.js';
import { ASCII_GLYPHS, UNICODE_GLYPHS } from '../../src/ui/glyphs.js';
import { monitorLiveLines } from '../../src/ui/monitor-live.js';
import { createMonitorReporter } from '../../src/ui/monitor-reporter.js';
import { EMPTY_MONITOR_VIEW, reduceMonitor } from '../../src/ui/monitor-view.js';
import { changeWords, monitorLine } from '../../src/ui/monitor-words.js';
import { lineText, lineWidth } from '../../src/ui/styled-line.js';
import { createClockFormat } from '../../src/ui/words.js';

const START_MS = Date.parse('2026-11-30T12:00:00Z');
const PRESENTATION = { glyphs: UNICODE_GLYPHS, clock: createClockFormat('UTC') };

const at = (seconds: number, event: MonitorEventBody): MonitorEvent =>
  ({ at: new Date(START_MS + seconds * 1000).toISOString(), ...event }) as MonitorEvent;

const started = (...hosts: readonly string[]) =>
  at(0, { type: 'monitor.started', hosts, command: 'netorch monitor' });
const watched = (seconds: number, host: string, withoutCarrier: readonly string[] = []) =>
  at(seconds, {
    ...{ type: 'host.watched', host, again: false, links: 6, withoutCarrier },
    networkManager: false,
  });
const changed = (seconds: number, host: string, change: NetworkChange) =>
  at(seconds, { type: 'network.changed', host, change });

const view = (events: readonly MonitorEvent[]) => events.reduce(reduceMonitor, EMPTY_MONITOR_VIEW);

function screen(
  events: readonly MonitorEvent[],
  seconds: number,
  size = { columns: 80, rows: 24 },
  glyphs = UNICODE_GLYPHS,
): readonly string[] {
  const live = monitorLiveLines(view(events), {
    ...{ ...PRESENTATION, glyphs, ...size },
    nowMs: START_MS + seconds * 1000,
  });
  const text = renderToString(<App live={live} colour={false} onKey={() => undefined} />, {
    columns: size.columns,
  });
  return text === '' ? [] : text.split('\n');
}

test.each<[NetworkChange, string]>([
  [{ kind: 'carrier-lost', link: 'eth1' }, 'eth1 lost carrier'],
  [{ kind: 'carrier-found', link: 'eth1' }, 'eth1 has carrier'],
  [
    { kind: 'address-removed', link: 'bond0', address: '10.0.0.1/24' },
    'bond0 has address 10.0.0.1/24 no more',
  ],
  [
    {
      kind: 'route-added',
      route: { destination: 'default', hops: [{ via: '192.0.2.1', on: 'eth0' }], metric: 100 },
    },
    'default route via 192.0.2.1 on eth0 (metric 100)',
  ],
  [
    {
      kind: 'route-removed',
      route: {
        destination: '10.0.0.0/8',
        hops: ['a', 'b', 'c', 'd', 'e', 'f'].map((on) => ({ on })),
        table: '77',
        protocol: 'bgp',
      },
    },
    'no more: route to 10.0.0.0/8 on a and on b and on c and on d and 2 more (table 77, from bgp)',
  ],
  [
    { kind: 'route-added', route: { destination: '10.0.0.0/8', type: 'blackhole', hops: [] } },
    'route to 10.0.0.0/8 (blackhole)',
  ],
  [
    { kind: 'nm-device', link: 'eth1', state: 'activated', profile: 'storage' },
    'NetworkManager: eth1 activated (profile storage)',
  ],
  [
    { kind: 'active-port-changed', link: 'bond0', port: 'eth2', before: 'eth1' },
    'bond0 sends through eth2 (was eth1)',
  ],
  [{ kind: 'link-added', link: 'br0', condition: 'no-carrier' }, 'br0 is new, up, without carrier'],
])('%j', (change, text) => {
  expect(changeWords(change).text).toBe(text);
});

test('what a host sends can drive no terminal', () => {
  const evil = 'a\u001b]0;owned\u0007\u001b[2J\nb\u202e';
  const events: readonly MonitorEvent[] = [
    changed(1, evil, { kind: 'nm-device', link: evil, state: 'failed', profile: evil }),
    at(1, { type: 'host.lost', host: evil, reason: evil, retrySeconds: 2, isNews: true }),
    at(1, { type: 'host.given-up', host: evil, code: 'HOST_UNFIT', reason: evil }),
    watched(1, evil, [evil]),
    at(1, {
      ...{ type: 'events.left-out', host: evil, count: 3, seconds: 1 },
      links: [{ link: evil, condition: 'up' }],
    }),
  ];
  const lines = events.map((event) => lineText(monitorLine(event) ?? []));
  const frames = events.flatMap((event) => screen([started(evil), event], 2));
  expect(lines).toHaveLength(5);
  for (const line of [...lines, ...frames])
    expect(line).toMatch(/^[\x20-\x7e\u00a0-\u200d\u2010-\u2027\u2030-\uffff]*$/);
});

describe('the screen', () => {
  const EVENTS: readonly MonitorEvent[] = [
    started('web1', 'web2', 'db1', 'gone'),
    watched(1, 'web1', ['eth3']),
    watched(1, 'web2'),
    at(2, {
      ...{ type: 'host.given-up', host: 'gone', code: 'AUTH_FAILED' },
      reason: '192.0.2.9 port 22 does not let "root" log in',
    }),
    changed(10, 'web1', { kind: 'carrier-lost', link: 'eth1' }),
    changed(12, 'web2', { kind: 'address-added', link: 'bond0', address: '10.0.0.1/24' }),
    at(14, {
      ...{ type: 'events.left-out', host: 'web2', count: 40, seconds: 2 },
      links: [{ link: 'eth2', condition: 'no-carrier' }],
    }),
    watched(14, 'db1'),
    at(20, {
      ...{ type: 'host.lost', host: 'db1', reason: 'no sign of life for 9 s' },
      ...{ retrySeconds: 4, isNews: true },
    }),
  ];

  test('has those on top that are not watched, then what happened last, and the totals', () => {
    expect(screen(EVENTS, 21)).toEqual([
      '── netorch monitor ──────────────────────────────────────────────────── 21 s ──',
      '! db1   not watched for 1 s, next try in 3 s: no sign of life for 9 s',
      '✗ gone  cannot be watched: 192.0.2.9 port 22 does not let "root" log in',
      '✓ web2  no carrier: eth2  1 event, 40 left out; 9 s ago: bond0 has address 10.…',
      '✓ web1  no carrier: eth3, eth1  1 event; 11 s ago: eth1 lost carrier',
      '4 hosts  1 not watched  1 given up  2 watched  2 lack carrier  2 events, 40 le…',
      'q or Ctrl-C: end',
    ]);
  });

  test('forgets what has mended itself, and counts from when a host was lost first', () => {
    const more = [
      changed(22, 'web1', { kind: 'carrier-found', link: 'eth1' }),
      changed(22, 'web1', { kind: 'link-removed', link: 'eth3' }),
      at(24, {
        ...{ type: 'host.lost', host: 'db1', reason: 'no answer', retrySeconds: 8 },
        isNews: true,
      } as const),
    ];
    expect(screen([...EVENTS, ...more], 40).slice(1, 4)).toEqual([
      '! db1   not watched for 20 s, dialling: no answer',
      '✗ gone  cannot be watched: 192.0.2.9 port 22 does not let "root" log in',
      '✓ web1  3 events; 18 s ago: eth3 is gone',
    ]);
  });

  test('is empty before the beginning and after the end', () => {
    const over = at(30, {
      ...{ type: 'monitor.finished', why: 'asked', notWatched: [], exitCode: 0 },
    });
    expect(screen([], 0)).toEqual([]);
    expect(screen([...EVENTS, over], 30)).toEqual([]);
  });

  test.each([
    { columns: 80, rows: 24, most: 20 },
    { columns: 200, rows: 50, most: 20 },
    { columns: 40, rows: 10, most: 8 },
    { columns: 20, rows: 5, most: 3 },
  ])('of a thousand hosts fits $columns×$rows', ({ most, ...size }) => {
    const hosts = Array.from({ length: 1000 }, (_, index) => `host-with-a-long-name-${index}`);
    const events = [
      started(...hosts),
      ...hosts.map((host) => watched(1, host, ['eth1', 'eth2', 'eth3', 'eth4', 'eth5', 'eth6'])),
    ];
    for (const glyphs of [UNICODE_GLYPHS, ASCII_GLYPHS]) {
      const lines = screen(events, 2, size, glyphs);
      expect(lines).toHaveLength(most);
      const live = monitorLiveLines(view(events), {
        ...{ ...PRESENTATION, glyphs, ...size, nowMs: START_MS },
      });
      expect(Math.max(...live.map(lineWidth))).toBeLessThan(size.columns);
    }
  });
});

describe('without a screen', () => {
  /** A stream that takes what it is given, or, stalled, nothing. */
  function output() {
    const written: string[] = [];
    const stream = {
      isTTY: false,
      columns: 80,
      rows: 24,
      writableLength: 0,
      write: (text: string, done?: () => void) => {
        written.push(text);
        done?.();
        return true;
      },
    };
    return { written, stream };
  }
  const reporter = async (kind: 'lines' | 'json', stream: object) =>
    createMonitorReporter(kind, {
      stdout: stream as NodeJS.WriteStream,
      stdin: process.stdin,
      env: { LANG: 'C.UTF-8' },
      now: () => START_MS,
      timeZone: 'UTC',
      onInterrupt: () => undefined,
      onLeave: () => undefined,
    });
  const EVENTS = [
    started('h1', 'h2'),
    watched(1, 'h1', ['eth2']),
    at(1, {
      ...{ type: 'host.lost', host: 'h2', reason: 'no answer', retrySeconds: 2 },
      isNews: true,
    } as const),
    at(3, {
      ...{ type: 'host.lost', host: 'h2', reason: 'no answer', retrySeconds: 4 },
      isNews: false,
    } as const),
    { ...changed(4, 'h1', { kind: 'carrier-lost', link: 'eth1' }), meanwhile: true } as const,
    at(65, { type: 'monitor.finished', why: 'time', notWatched: ['h2'], exitCode: 1 }),
  ];

  test('each event is a line with its time; the same failure again is none', async () => {
    const { written, stream } = output();
    const lines = await reporter('lines', stream);
    for (const event of EVENTS) lines.handle(event);
    await lines.close();
    expect(written.join('')).toBe(
      `12:00:00  watching 2 hosts
12:00:01  h1: watched (6 links; without carrier: eth2)
12:00:01  h2: not watched: no answer; trying again
12:00:04  h1: eth1 lost carrier (while not watched)
ended after 1 min 05 s: 1 event of 2 hosts; not watched at the end: h2
`,
    );
  });

  test('JSON has every event as it is', async () => {
    const { written, stream } = output();
    const json = await reporter('json', stream);
    for (const event of EVENTS) json.handle(event);
    await json.close();
    const parsed = written.filter((text) => text !== '').map((text) => JSON.parse(text) as unknown);
    expect(parsed).toEqual(EVENTS);
  });

  test.each(['lines', 'json'] as const)(
    'a reader of %s that does not read costs no memory, and is told what it missed',
    async (kind) => {
      const { written, stream } = output();
      const shown = await reporter(kind, stream);
      const event = changed(1, 'h1', { kind: 'carrier-lost', link: 'eth1' });
      shown.handle(event);
      stream.writableLength = 5 * 1024 * 1024;
      for (let count = 0; count < 1000; count++) shown.handle(event);
      expect(written).toHaveLength(1);
      stream.writableLength = 0;
      shown.handle(event);
      expect(written).toHaveLength(3);
      expect(written[1]).toMatch(kind === 'lines' ? /1000 lines left out/ : /"count":1000/);
    },
  );
});
