import { fc } from '../generated.js';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../src/run/events.js';
import { UNICODE_GLYPHS } from '../../src/ui/glyphs.js';
import { historyLines, overviewRun } from '../../src/ui/history-lines.js';
import { reportHtml } from '../../src/ui/report-html.js';
import { reportLines } from '../../src/ui/report-text.js';
import { diffRuns, runDiffLines } from '../../src/ui/run-diff.js';
import { countReport, isUnderWay, outcomeOf, reportRun } from '../../src/ui/run-report.js';
import { lineText } from '../../src/ui/styled-line.js';
import { createClockFormat } from '../../src/ui/words.js';
import { eventSequence, isoAt } from './fixtures/event-sequence.js';
import { FOUR_HOSTS_RECORDED } from './fixtures/recorded-states.js';
import { THOUSAND_HOSTS } from './fixtures/thousand-hosts.js';
import { eventsUntil } from './fixtures/view-at.js';

const PRESENTATION = { glyphs: UNICODE_GLYPHS, clock: createClockFormat('UTC') };
const GONE = {
  controller: 'dead',
  damage: ['the journal is cut in the middle of its last line'],
} as const;
const OVER = { controller: 'dead', damage: [] } as const;
const RUNNING = { controller: 'alive', damage: [] } as const;

const text = (lines: readonly Parameters<typeof lineText>[0][]) =>
  `${lines.map((line) => lineText(line)).join('\n')}\n`;

describe('the report', () => {
  test('as text tells each wave and host, causes and changes', async () => {
    const report = reportRun(FOUR_HOSTS_RECORDED);
    await expect(text(reportLines(report, OVER, PRESENTATION))).toMatchFileSnapshot(
      'golden/four-hosts.report.txt',
    );
  });

  test('of a controller that died names the hosts under way and when they went back', async () => {
    const report = reportRun(eventsUntil(FOUR_HOSTS_RECORDED, 14));
    await expect(text(reportLines(report, GONE, PRESENTATION))).toMatchFileSnapshot(
      'golden/four-hosts.report-died.txt',
    );
  });

  test('of a run that goes on says so', () => {
    const report = reportRun(eventsUntil(FOUR_HOSTS_RECORDED, 14));
    expect(text(reportLines(report, RUNNING, PRESENTATION))).toContain('still running;');
  });

  test('of a journal without its beginning tells what there is', () => {
    const lines = text(reportLines(reportRun(FOUR_HOSTS_RECORDED.slice(20)), OVER, PRESENTATION));
    expect(lines).toContain('its beginning is missing');
    expect(lines).toMatch(/beginning of the journal does not name\n(.*\n)*.*web3 confirmed/);
  });

  test('of thousands of changes lists some and counts the rest', () => {
    const many = FOUR_HOSTS_RECORDED.map((event): RunEvent =>
      event.type === 'host.planned'
        ? { ...event, changes: Array.from({ length: 2000 }, (_, n) => `create VLAN eth4.${n}`) }
        : event,
    );
    const lines = text(reportLines(reportRun(many), OVER, PRESENTATION));
    expect(lines).toContain('create VLAN eth4.39\n        +1960 more\n');
    expect(lines).not.toContain('eth4.40\n');
  });

  test('counts as the run itself did', () => {
    const last = THOUSAND_HOSTS.at(-1);
    expect(last?.type === 'run.finished' ? last.counts : {}).toMatchObject(
      countReport(reportRun(THOUSAND_HOSTS)),
    );
  });

  test('a lost host that came back is what it came back as', () => {
    const lost = eventSequence(
      [1, { type: 'host.phase', host: 'a', phase: 'applying' }],
      [2, { type: 'host.cut-off', host: 'a' }],
      [3, { type: 'host.finished', host: 'a', outcome: 'lost', durationMs: 1, timings: {} }],
      [9, { type: 'host.returned', host: 'a', outcome: 'rolled-back', verified: true }],
    );
    const [before] = reportRun(lost.slice(0, 3)).hosts;
    const [after] = reportRun(lost).hosts;
    expect([before, after].map((host) => host && outcomeOf(host))).toEqual(['lost', 'rolled-back']);
    expect(before?.outages[0]?.toMs).toBeUndefined();
    expect(after?.outages[0]?.toMs).toBe(Date.parse(isoAt(9)));
  });

  test('cut at any event, every host that was begun is finished or under way', () => {
    const wrong = FOUR_HOSTS_RECORDED.map((_, end) => end).filter((end) => {
      const report = reportRun(FOUR_HOSTS_RECORDED.slice(0, end));
      return report.hosts.some(
        (host) => host.phases.length > 0 && outcomeOf(host) === undefined && !isUnderWay(host),
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe('the page', () => {
  const page = (events: readonly RunEvent[]) => reportHtml('r1', reportRun(events), OVER);
  /** Elements with the names of their attributes, in order. */
  const elements = (markup: string) =>
    [...markup.matchAll(/<(\/?[a-z!][a-z0-9]*)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*\/?>/gi)].map(
      ([, name, attributes]) =>
        [
          name,
          ...[...(attributes ?? '').matchAll(/([\w-]+)(?:="[^"]*")?/g)].map(([, key]) => key),
        ].join(' '),
    );

  test('is the page that was looked at', async () => {
    await expect(page(FOUR_HOSTS_RECORDED)).toMatchFileSnapshot('golden/four-hosts.report.html');
  });

  /** Twenty hosts, each of which ended as web4 did. */
  function alike(name: (index: number) => string): readonly RunEvent[] {
    const names = Array.from({ length: 20 }, (_, index) => name(index));
    return FOUR_HOSTS_RECORDED.flatMap((event): RunEvent[] => {
      if (event.type === 'run.started') return [{ ...event, hosts: names, waves: [names] }];
      if (!('host' in event) || event.host === undefined) return [event];
      return event.host === 'web4' ? names.map((host) => ({ ...event, host })) : [];
    });
  }

  test('says once what is the same of many hosts, and links each', () => {
    const markup = page(alike((index) => `node${index}`));
    const eye = markup.slice(markup.indexOf('What needs an eye'), markup.indexOf('Timeline'));
    expect(eye).toMatch(/<b>20 hosts<\/b>/);
    expect(eye.match(/no answer at 192\.0\.2\.14/g)).toHaveLength(1);
    expect(eye.match(/<a href="#host-\d+">node\d+<\/a>/g)).toHaveLength(20);
  });

  test('tells long names apart in the timeline, and has room for them', () => {
    const markup = page(
      alike((index) => `storage.datacentre-frankfurt.racks-of-the-second-row.node${index + 10}`),
    );
    const chart = markup.slice(markup.indexOf('<svg'), markup.indexOf('</svg>'));
    const labels = [...chart.matchAll(/<text x="0" y="\d+">([^<]*)<title>/g)].map(
      ([, label]) => label,
    );
    expect(new Set(labels).size).toBe(20);
    expect(labels[0]).toBe('storage.datacentre-frankfu…second-row.node10');
    const firstBar = Math.min(
      ...[...chart.matchAll(/<rect[^>]* x="([\d.]+)"/g)].map(([, x]) => Number(x)),
    );
    // 44 characters of a font that is 11 px high, and 0.6 times as wide.
    expect(firstBar).toBeGreaterThan(44 * 11 * 0.6);
  });

  test('loads nothing and runs nothing', () => {
    const markup = page(FOUR_HOSTS_RECORDED);
    expect(markup).not.toMatch(/<script|<link|<img|<iframe|<object|@import|url\(|\son\w+=/i);
    expect(markup.match(/\b(?:href|src)="(?!#)/g)).toBeNull();
    expect(markup).toContain(`default-src 'none'`);
  });

  test('every element that opens is closed', () => {
    const open: string[] = [];
    const names = page(FOUR_HOSTS_RECORDED).matchAll(
      /<(\/?)([a-z][a-z0-9]*)(?:"[^"]*"|[^">])*?(\/?)>/gi,
    );
    for (const [, close, name = '', self] of names) {
      if (close === '/') expect(open.pop()).toBe(name);
      else if (self !== '/' && name !== 'meta') open.push(name);
    }
    expect(open).toEqual([]);
  });

  /** The run with hostile words wherever a host, a user or a document has the word. */
  function hostile(words: string): readonly RunEvent[] {
    return FOUR_HOSTS_RECORDED.map((event): RunEvent => {
      switch (event.type) {
        case 'run.started':
          return {
            ...event,
            command: words,
            version: words,
            hosts: event.hosts.map((host) => host + words),
            waves: event.waves.map((wave) => wave.map((host) => host + words)),
          };
        case 'host.finished':
          return {
            ...event,
            host: event.host + words,
            ...(event.cause === undefined ? {} : { cause: words, details: [`-${words}`, '-'] }),
          };
        case 'host.planned':
          return { ...event, host: event.host + words, changes: event.changes.map(() => words) };
        case 'host.recorded': {
          const rename = (state: typeof event.before) => ({
            ...state,
            interfaces: state.interfaces.map((item) => ({ ...item, name: item.name + words })),
          });
          return {
            ...event,
            host: event.host + words,
            scope: event.scope.map((name) => name + words),
            before: rename(event.before),
            target: rename(event.target),
          };
        }
        case 'run.stopping':
          return { ...event, reason: words };
        // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- only the names matter
        default:
          return 'host' in event && event.host !== undefined
            ? { ...event, host: event.host + words }
            : event;
      }
    });
  }
  const harmless = elements(page(hostile('x')));

  test.each([
    '"><script>alert(1)</script>',
    "' onload='alert(1)",
    '</title></svg><img src=x onerror=alert(1)>',
    '<!--',
    ']]>&lt;&#x3c;',
    '\u202e\u0000\u001b[2J',
    '${alert(1)}`',
  ])('hostile words %j make no element', (words) => {
    expect(elements(page(hostile(words)))).toEqual(harmless);
  });

  test('whatever words come, they make no element', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('<', '>', '"', "'", '&', '/', '=', ' ', 'a', 'on', '!', '-', ';'),
          minLength: 1,
        }),
        (words) => {
          expect(elements(page(hostile(words)))).toEqual(harmless);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the list of runs', () => {
  const options = { width: 120, ellipsis: '…', moment: () => '2026-03-04 03:00:00' };
  const whole = {
    run: '20260304T030000-k7',
    first: FOUR_HOSTS_RECORDED[0],
    last: FOUR_HOSTS_RECORDED.slice(-3),
    controller: 'dead',
  } as const;
  test.each([
    ['finished', whole, /4 hosts {2}1 unchanged, 2 confirmed, 1 rolled back/],
    ['running', { ...whole, last: [], controller: 'alive' }, /4 hosts {2}running {2}netorch apply/],
    ['died', { ...whole, last: [] }, /its controller died {2}netorch/],
    ['unfinished', { ...whole, last: [], controller: 'unknown' }, /not finished/],
    ['unreadable', { ...whole, first: undefined, last: [] }, /k7 .*its journal cannot be read/],
    [
      'finished',
      { ...whole, first: undefined },
      /k7 .*1 unchanged, 2 confirmed, 1 rolled back in 1 min 02 s/,
    ],
  ] as const)('%s', (state, ends, words) => {
    const run = overviewRun(ends);
    expect(run.state).toBe(state);
    expect(text(historyLines([run], options)).trimEnd()).toMatch(words);
  });

  test('is never wider than the terminal', () => {
    const lines = historyLines([overviewRun(whole)], { ...options, width: 40 });
    expect(lines.map((line) => lineText(line).length)).toEqual([40]);
  });
});

describe('two runs against each other', () => {
  const a = reportRun(FOUR_HOSTS_RECORDED);

  test('a run does not differ from itself', () => {
    expect(diffRuns(a, a)).toEqual([]);
    expect(text(runDiffLines([], ['a', 'b']))).toBe('no host differs between a and b\n');
  });

  test('a host that came through in the second, with what its network is then', async () => {
    const mended = FOUR_HOSTS_RECORDED.map((event): RunEvent => {
      if (event.type !== 'host.finished' || event.host !== 'web4') return event;
      const { cause: _, details: _details, verified: _verified, ...rest } = event;
      return { ...rest, outcome: 'confirmed' };
    });
    const lines = runDiffLines(diffRuns(a, reportRun(mended)), ['a', 'b']);
    await expect(text(lines)).toMatchFileSnapshot('golden/four-hosts.diff.txt');
  });

  test('what an earlier version did not record is no difference where it says nothing', () => {
    const renewed = FOUR_HOSTS_RECORDED.map((event): RunEvent => {
      if (event.type !== 'host.recorded') return event;
      const add = (state: typeof event.before) => ({
        ...state,
        interfaces: state.interfaces.map((item) => ({
          ...item,
          label: '',
          dormant: false,
          names: [],
        })),
      });
      return { ...event, before: add(event.before), target: add(event.target) };
    });
    expect(diffRuns(a, reportRun(renewed))).toEqual([]);
  });

  test('hosts that differ in the same way are told together', () => {
    const none = reportRun([]);
    const lines = text(runDiffLines(diffRuns(none, reportRun(THOUSAND_HOSTS)), ['a', 'b']));
    expect(lines).toMatch(/869 hosts: node0001, .*, \+861 more\n {2}only in b/);
    expect(lines.split('\n').length).toBeLessThan(20);
  });
});
