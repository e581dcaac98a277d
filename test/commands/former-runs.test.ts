/** Journals of runs that are gone, whole and cut, many and few, through the commands that read them. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';

import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli.js';
import type { RunEvent } from '../../src/run/events.js';
import { captureOutput } from './capture-output.js';
import { FOUR_HOSTS_RECORDED } from '../ui/fixtures/recorded-states.js';
import { eventsUntil } from '../ui/fixtures/view-at.js';

const CUT = 'the journal is cut in the middle of its last line';

let folder = '';
let output = '';
let waiting: (() => void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-former-'));
  output = '';
  waiting = [];
  vi.stubEnv('XDG_STATE_HOME', folder);
  vi.stubEnv('NO_COLOR', '1');
  captureOutput((text) => {
    output += text;
    for (const look of waiting) look();
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Exit code and all that was said. */
async function netorch(...args: string[]): Promise<readonly [number, string]> {
  output = '';
  const code = await main(args);
  return [code, output];
}

function shows(words: RegExp): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (words.test(output)) resolve();
    };
    waiting.push(look);
    look();
  });
}

const text = (events: readonly RunEvent[]) =>
  events.map((event) => `${JSON.stringify(event)}\n`).join('');

function journal(run: string, content: string): void {
  mkdirSync(join(folder, 'netorch', 'runs', run), { recursive: true });
  writeFileSync(join(folder, 'netorch', 'runs', run, 'events.jsonl'), content);
}

/** The first so many seconds of a run whose controller had this number, on this machine. */
function until(seconds: number, pid: number): readonly RunEvent[] {
  const controller = { pid, machine: hostname(), user: 'anna' };
  return eventsUntil(FOUR_HOSTS_RECORDED, seconds).map((event) =>
    event.type === 'run.started' ? { ...event, controller } : event,
  );
}

/** The number of a process that was, and is not any more. */
async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.once('close', resolve));
  return child.pid ?? 0;
}

describe('a journal that is cut in the middle of a line', () => {
  const RUN = '20260304T030000-cut';
  const WHOLE = '20260305T030000-whole';
  beforeEach(async () => {
    journal(RUN, text(until(14, await deadPid())).slice(0, -30));
    journal(WHOLE, text(FOUR_HOSTS_RECORDED));
  });

  test('has its line in the history', async () => {
    const [code, said] = await netorch('history');
    expect(code).toBe(0);
    expect(said).toMatch(/20260304T030000-cut .*its controller died/);
  });

  test.each([
    ['report', ['report', RUN], 0],
    ['report --html', ['report', RUN, '--html', '-'], 0],
    ['watch', ['watch', RUN, '--ui', 'lines'], 4],
    ['diff', ['diff', RUN, WHOLE], 2],
    ['resume', ['resume', RUN], 1],
    ['rollback', ['rollback', RUN, '--hosts', 'web1'], 1],
  ])('%s uses what is whole, and says once that it is not all', async (_, args, expected) => {
    const [code, said] = await netorch(...args);
    expect(said.split(CUT)).toHaveLength(2);
    expect(said).not.toMatch(/internal error|SyntaxError|\n {4}at /);
    expect(code).toBe(expected);
  });
});

test('a watched run whose controller is killed ends with 4, and says what becomes of its hosts', async () => {
  const controller = spawn('sleep', ['600']);
  try {
    const pid = controller.pid ?? 0;
    journal('20260304T030000-live', text(until(14, pid)));
    const watching = netorch('watch', 'last', '--ui', 'lines');
    await shows(/web1 confirmed/);
    controller.kill('SIGKILL');
    const [code, said] = await watching;
    expect(code).toBe(4);
    expect(said).toContain(
      `the controller of run 20260304T030000-live (process ${pid} of anna@${hostname()}) is gone: nobody confirms the hosts under way, they go back by themselves\nsee how they end with: netorch status\n`,
    );
    expect(said).toMatch(/hosts? left under way:\n(.*back by .*\n)+/);
  } finally {
    controller.kill('SIGKILL');
  }
});

describe('five hundred runs', () => {
  beforeEach(() => {
    const [started, ...others] = FOUR_HOSTS_RECORDED;
    const rest = text(others);
    for (let index = 0; index < 500; index++) {
      const run = `20260304T03${String(index).padStart(4, '0')}-run`;
      journal(run, `${JSON.stringify({ ...started, run })}\n${rest}`);
    }
  });

  test('have a line each, the newest first', async () => {
    const [, said] = await netorch('history');
    const named = [...said.matchAll(/^(2026\S+)/gm)].map(([, run]) => run);
    expect(named).toHaveLength(500);
    expect(named).toEqual(named.toSorted().toReversed());
  });

  test('as JSON, and only some of them', async () => {
    const [, said] = await netorch('history', '--json', '-n', '20');
    const runs = said
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { run: string });
    expect(runs).toHaveLength(20);
    expect(runs[0]?.run).toBe('20260304T030499-run');
  });

  test('the newest is "last", and a beginning that many have is refused', async () => {
    const [code, said] = await netorch('report', 'last');
    expect([code, said]).toEqual([0, expect.stringContaining('20260304T030499-run')]);
    const [refused, why] = await netorch('report', '20260304T03');
    expect(refused).toBe(1);
    expect(why).toMatch(/500 runs begin with "20260304T03"/);
  });
});

test('the undoing of a mixed group is gone on with by resume, that of a whole run by rollback', async () => {
  const committed: RunEvent = {
    at: new Date(0).toISOString(),
    seq: 999,
    type: 'group.committed',
    group: 0,
    hosts: ['web1', 'web4'],
    until: new Date(0).toISOString(),
  };
  const atomic = FOUR_HOSTS_RECORDED.map((event) =>
    event.type === 'run.started' ? { ...event, atomic: 'run' as const } : event,
  );
  journal('20260304T030000-mixed', text([...atomic, committed]));
  journal('20260304T030000-whole', text(FOUR_HOSTS_RECORDED));
  for (const [undone, command] of [
    ['mixed', 'resume'],
    ['whole', 'rollback'],
  ]) {
    const events = FOUR_HOSTS_RECORDED.map((event) =>
      event.type === 'run.started' ? { ...event, undoes: `20260304T030000-${undone}` } : event,
    );
    journal('20260306T030000-undo', text(events));
    const [code, said] = await netorch('resume', 'last');
    expect(code).toBe(1);
    expect(said).toContain(`go on with: netorch ${command} 20260304T030000-${undone}`);
  }
});
