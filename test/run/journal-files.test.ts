import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { controllerState, thisController } from '../../src/run/controller.js';
import type { Controller, RunEvent } from '../../src/run/events.js';
import { openJournal } from '../../src/run/journal.js';
import {
  findRun,
  followRun,
  listRuns,
  readRun,
  readRunEnds,
  type FollowStep,
} from '../../src/run/journal-files.js';
import { failureOf } from '../config/failure.js';
import { FOUR_HOSTS } from '../ui/fixtures/four-hosts.js';
import { THOUSAND_HOSTS } from '../ui/fixtures/thousand-hosts.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-runs-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const text = (events: readonly RunEvent[]) =>
  events.map((event) => `${JSON.stringify(event)}\n`).join('');

function write(run: string, journal: string): string {
  mkdirSync(join(folder, 'runs', run), { recursive: true });
  const file = join(folder, 'runs', run, 'events.jsonl');
  writeFileSync(file, journal);
  return file;
}

/** The fixture's run, run by `controller`. */
function runBy(controller: Controller | undefined): readonly RunEvent[] {
  return FOUR_HOSTS.map((event) =>
    event.type === 'run.started' && controller !== undefined ? { ...event, controller } : event,
  );
}

/** A process that has ended, and been waited for. */
async function deadController(): Promise<Controller> {
  const child = spawn('true');
  const pid = child.pid ?? 0;
  await once(child, 'exit');
  return { ...thisController(), pid, startTicks: '1' };
}

describe('the name of a run', () => {
  test.each([
    ['20260102T000000-bb', '20260102T000000-bb'],
    ['20260102', '20260102T000000-bb'],
    ['last', '20260103T000000-cd'],
  ])('%s is %s', (wanted, run) => {
    for (const name of ['20260101T000000-aa', '20260102T000000-bb', '20260103T000000-cc']) {
      write(name, '');
    }
    write('20260103T000000-cd', '');
    expect(findRun(folder, wanted)).toBe(run);
  });

  test('of two runs that began in the same second, the last is that whose first event is the later one', () => {
    for (const [run, at] of [
      ['20260103T000000-b', '2026-01-03T00:00:00.100Z'],
      ['20260103T000000-a', '2026-01-03T00:00:00.900Z'],
      ['20260102T235959-c', '2026-01-02T23:59:59.990Z'],
    ] as const) {
      write(run, text(FOUR_HOSTS.map((event) => ({ ...event, at }))));
    }
    write('20260103T000000-c', 'nothing that can be read\n');
    expect(listRuns(folder)).toEqual([
      '20260103T000000-a',
      '20260103T000000-b',
      '20260103T000000-c',
      '20260102T235959-c',
    ]);
    expect(findRun(folder, 'last')).toBe('20260103T000000-a');
  });

  test.each([
    ['2026', /UNKNOWN_RUN: 2 runs begin with "2026".*20260102-b, 20260101-a/s],
    ['', /no run is named ""/],
    ['../20260101-a', /no run is named/],
    ['x', /no run is named "x".*the newest is 20260102-b/s],
  ])('%j is refused', (wanted, words) => {
    write('20260101-a', '');
    write('20260102-b', '');
    expect(failureOf(() => findRun(folder, wanted)).join('\n')).toMatch(words);
  });

  test('without any run it says where it looked', () => {
    expect(listRuns(folder)).toEqual([]);
    expect(failureOf(() => findRun(folder, 'last')).join('\n')).toMatch(/no runs yet.*looked in/s);
  });
});

describe('reading', () => {
  test('what the journal wrote is read back', () => {
    const journal = openJournal(folder, 'r1');
    FOUR_HOSTS.forEach(journal.listener);
    journal.close();
    expect(readRun(folder, 'r1')).toMatchObject({
      events: FOUR_HOSTS,
      damage: { badLines: [], isCut: false },
    });
  });

  test.each([
    ['an empty journal', ''],
    ['one that was cut in its first line', JSON.stringify(FOUR_HOSTS[0]).slice(0, 40)],
    ['one that is none', 'hello\n'],
  ])('%s is the user’s error, and has no ends', (_, journal) => {
    write('r1', journal);
    expect(failureOf(() => readRun(folder, 'r1'))[0]).toMatch(/JOURNAL_UNREADABLE: .*no event/);
    expect(readRunEnds(folder, 'r1')).toMatchObject({ first: undefined, last: [] });
  });

  test('the ends of a long journal are those of the whole', () => {
    write('r1', text(THOUSAND_HOSTS));
    const { first, last } = readRunEnds(folder, 'r1');
    expect(first).toEqual(THOUSAND_HOSTS[0]);
    expect(last.length).toBeGreaterThan(3);
    expect(last).toEqual(THOUSAND_HOSTS.slice(-last.length));
  });

  test('the ends of a journal that was cut are the last whole lines', () => {
    write('r1', text(THOUSAND_HOSTS).slice(0, -20));
    expect(readRunEnds(folder, 'r1').last.at(-1)).toEqual(THOUSAND_HOSTS.at(-2));
  });
});

describe('the controller', () => {
  test('this process is alive, also by its number alone', () => {
    const { startTicks, ...rest } = thisController();
    expect(startTicks).toMatch(/^\d+$/);
    expect(controllerState(thisController())).toBe('alive');
    expect(controllerState(rest)).toBe('alive');
  });

  test('another process with the same number is not the controller', () => {
    expect(controllerState({ ...thisController(), startTicks: '1' })).toBe('dead');
  });

  test('one that has ended is dead, also by its number alone', async () => {
    const { startTicks: _, ...rest } = await deadController();
    expect(controllerState(rest)).toBe('dead');
  });

  test('one of another machine, or none, is not known', () => {
    expect(controllerState({ ...thisController(), machine: `not-${hostname()}` })).toBe('unknown');
    expect(controllerState(undefined)).toBe('unknown');
  });
});

describe('following', () => {
  async function collect(steps: AsyncIterable<FollowStep>) {
    const events: RunEvent[] = [];
    for await (const step of steps) {
      if (step.kind === 'end') return { events, end: step };
      events.push(...step.events);
    }
    return { events, end: undefined };
  }

  test('a run that has finished: its events, and the end', async () => {
    write('r1', text(FOUR_HOSTS));
    const { events, end } = await collect(followRun(folder, 'r1', new AbortController().signal));
    expect(events).toEqual(FOUR_HOSTS);
    expect(end?.why).toBe('finished');
  });

  test('a run that goes on: what is written later comes later, also in half lines', async () => {
    const whole = text(runBy(thisController()));
    const middle = Math.floor(whole.length / 2);
    const file = write('r1', whole.slice(0, middle));
    const steps = followRun(folder, 'r1', new AbortController().signal);
    const early = await steps.next();
    appendFileSync(file, whole.slice(middle));
    const { events, end } = await collect(steps);
    const before = early.value?.kind === 'events' ? early.value.events : [];
    expect(before.length).toBeGreaterThan(0);
    expect([...before, ...events]).toEqual(runBy(thisController()));
    expect(end?.why).toBe('finished');
  });

  test('a controller that died is noticed, and the half line it left is told', async () => {
    const events = runBy(await deadController()).slice(0, 20);
    write('r1', text(events) + '{"at":"2026');
    const followed = await collect(followRun(folder, 'r1', new AbortController().signal));
    expect(followed).toEqual({
      events,
      end: { kind: 'end', why: 'dead', damage: { badLines: [], isCut: true } },
    });
  });

  test('a controller that dies meanwhile is noticed', async () => {
    const child = spawn('sleep', ['60']);
    try {
      const { startTicks: _, ...rest } = thisController();
      write('r1', text(runBy({ ...rest, pid: child.pid ?? 0 }).slice(0, 5)));
      const steps = followRun(folder, 'r1', new AbortController().signal);
      expect((await steps.next()).value?.kind).toBe('events');
      const end = steps.next();
      child.kill('SIGKILL');
      expect((await end).value).toMatchObject({ kind: 'end', why: 'dead' });
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('ends when it is called off', async () => {
    write('r1', text(runBy(thisController()).slice(0, 5)));
    const abort = new AbortController();
    const steps = followRun(folder, 'r1', abort.signal);
    await steps.next();
    const next = steps.next();
    abort.abort();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});
