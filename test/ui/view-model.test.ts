import { describe, expect, test } from 'vitest';
import type { RunEvent, RunEventBody } from '../../src/run/events.js';
import { EMPTY_RUN_VIEW, reduceRun } from '../../src/ui/view-model.js';
import { START_MS, eventSequence } from './fixtures/event-sequence.js';
import { FOUR_HOSTS } from './fixtures/four-hosts.js';
import { THOUSAND_HOSTS, thousandHostsOutcome } from './fixtures/thousand-hosts.js';
import { viewAt } from './fixtures/view-at.js';

describe('four hosts', () => {
  test('before the first host begins, all are queued', () => {
    const view = viewAt(FOUR_HOSTS, 0);
    expect(view).toMatchObject({ hostCount: 4, queued: 4, finished: 0, currentWave: 0 });
    expect(view.waves.map((wave) => wave.state)).toEqual(['running', 'waiting']);
  });

  test('an armed host carries its deadline and since when it is cut off', () => {
    const web4 = viewAt(FOUR_HOSTS, 26).active.get('web4');
    expect(web4).toEqual({
      host: 'web4',
      phase: 'waiting-for-rollback',
      detail: 'no answer at 192.0.2.14, port 22',
      startedMs: START_MS + 8_800,
      phaseSinceMs: START_MS + 26_000,
      deadlineMs: START_MS + 55_600,
      announcedMs: START_MS + 70_600,
      cutOffSinceMs: START_MS + 11_900,
      outageMs: undefined,
      changes: 4,
      lost: false,
    });
  });

  test('a host that is reached again is no longer cut off', () => {
    expect(viewAt(FOUR_HOSTS, 60.5).active.get('web4')?.cutOffSinceMs).toBeUndefined();
  });

  test('at the end, outcomes are counted and failures kept with their cause', () => {
    const view = viewAt(FOUR_HOSTS, 100);
    expect(view.active.size).toBe(0);
    expect(view.queued).toBe(0);
    expect(view.counts).toMatchObject({ confirmed: 2, unchanged: 1, 'rolled-back': 1 });
    expect(view.failures.map((failure) => failure.host)).toEqual(['web4']);
    expect(view.waves).toEqual([
      { hosts: 1, finished: 1, state: 'good' },
      { hosts: 3, finished: 3, state: 'bad' },
    ]);
    expect(view.result?.exitCode).toBe(3);
    expect(view.stopping).toMatch(/max_fail_percentage/);
  });

  test('folding does not change an earlier view', () => {
    const before = viewAt(FOUR_HOSTS, 9);
    const copy = structuredClone(before);
    FOUR_HOSTS.reduce(reduceRun, before);
    expect(before).toEqual(copy);
  });
});

describe('hosts that never began', () => {
  test('a skipped host leaves the queue', () => {
    const [started] = FOUR_HOSTS;
    const skipped: RunEvent = {
      at: new Date(START_MS).toISOString(),
      seq: 2,
      type: 'host.finished',
      host: 'web4',
      outcome: 'skipped',
      durationMs: 0,
      timings: {},
    };
    const view = [started!, skipped].reduce(reduceRun, EMPTY_RUN_VIEW);
    expect(view).toMatchObject({ queued: 3, finished: 1 });
    expect(view.failures).toEqual([]);
  });
});

describe('a thousand hosts', () => {
  test('queued, active and finished always add up', () => {
    let view = EMPTY_RUN_VIEW;
    let mostActive = 0;
    for (const event of THOUSAND_HOSTS) {
      view = reduceRun(view, event);
      mostActive = Math.max(mostActive, view.active.size);
      if (view.queued + view.active.size + view.finished !== 1000) {
        expect.fail(`does not add up after event ${event.seq}`);
      }
    }
    expect(mostActive).toBe(50);
    expect(view.finished).toBe(1000);
  });

  test('ends with the counts that the run itself reports', () => {
    const view = THOUSAND_HOSTS.reduce(reduceRun, EMPTY_RUN_VIEW);
    expect(view.counts).toEqual(view.result?.counts);
    expect(view.failures).toHaveLength(
      Array.from({ length: 1000 }, (_, index) => thousandHostsOutcome(index + 1)).filter(
        (outcome) => outcome === 'lost' || outcome === 'failed',
      ).length,
    );
  });
});

describe('what a rollout in waves tells', () => {
  const view = (...entries: readonly (readonly [number, RunEventBody])[]) =>
    eventSequence(...entries).reduce(reduceRun, EMPTY_RUN_VIEW);
  const lost = [
    3,
    { type: 'host.finished', host: 'a', outcome: 'lost', durationMs: 1, timings: {} },
  ] as const;

  test('the first reason to stop is the one that is told', () => {
    const { stopping } = view(
      [1, { type: 'run.stopping', reason: 'interrupted' }],
      [2, { type: 'run.stopping', reason: 'every host failed' }],
    );
    expect(stopping).toBe('interrupted');
  });

  test('a run that stops is neither paused nor waits for approval', () => {
    const before = view(
      [1, { type: 'run.paused', by: 'anna' }],
      [2, { type: 'approval.requested', wave: 1, before: 'wave' }],
    );
    expect(before).toMatchObject({ paused: 'anna', approval: { wave: 1, before: 'wave' } });
    const after = view(
      [1, { type: 'run.paused', by: 'anna' }],
      [2, { type: 'approval.requested', wave: 1, before: 'wave' }],
      [3, { type: 'run.stopping', reason: 'stopped by anna' }],
    );
    expect([after.paused, after.approval]).toEqual([undefined, undefined]);
  });

  test('a lost host that comes back counts as what it is then, once', () => {
    const back = [
      4,
      { type: 'host.returned', host: 'a', outcome: 'rolled-back', verified: true },
    ] as const;
    const { counts, failures, finished } = view(lost, back, back);
    expect(counts).toMatchObject({ lost: 0, 'rolled-back': 1 });
    expect(failures).toMatchObject([{ host: 'a', outcome: 'rolled-back', verified: true }]);
    expect(finished).toBe(1);
  });

  test('one that comes back confirmed is no failure any more', () => {
    const { counts, failures } = view(lost, [
      4,
      { type: 'host.returned', host: 'a', outcome: 'confirmed' },
    ]);
    expect(counts).toMatchObject({ lost: 0, confirmed: 1 });
    expect(failures).toEqual([]);
  });
});
