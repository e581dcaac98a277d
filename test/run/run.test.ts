import { describe, expect, test } from 'vitest';
import { OUTCOMES, type Outcome } from '../../src/run/events.js';
import { countOutcomes, exitCodeOf, reasonToStop } from '../../src/run/outcomes.js';
import { DEFAULT_RULES } from '../../src/run/run.js';
import type { HostResult } from '../../src/run/host-job.js';
import { fakeHosts, fakeRun, unreachable } from './fake-run.js';

const resultsOf = (...outcomes: readonly Outcome[]): HostResult[] =>
  outcomes.map((outcome, index) => ({
    host: `h${index + 1}`,
    outcome,
    durationMs: 0,
    timings: {},
  }));

describe('the exit code of a run', () => {
  test.each<[number, readonly Outcome[], boolean]>([
    [0, [], false],
    [0, ['unchanged', 'confirmed'], false],
    [1, ['failed', 'failed'], false],
    [1, ['failed', 'skipped'], false],
    [3, ['confirmed', 'failed'], false],
    [3, ['unchanged', 'failed'], false],
    [3, ['confirmed', 'rolled-back'], false],
    [3, ['confirmed', 'skipped'], false],
    [4, ['confirmed', 'rolled-back', 'failed', 'lost'], false],
    [4, ['lost'], true],
    [5, ['confirmed', 'confirmed-not-persistent'], false],
    [130, ['confirmed', 'skipped'], true],
    [3, ['confirmed', 'rolled-back', 'skipped'], true],
  ])('is %i for %j (interrupted: %s)', (code, outcomes, interrupted) => {
    expect(exitCodeOf(countOutcomes(resultsOf(...outcomes)), { wasInterrupted: interrupted })).toBe(
      code,
    );
  });

  test('a host that rolled back but is not what it was is as bad as a lost one', () => {
    const counts = countOutcomes(resultsOf('confirmed', 'rolled-back'));
    expect(exitCodeOf(counts, { wasInterrupted: false })).toBe(3);
    expect(exitCodeOf(counts, { wasInterrupted: false, isBroken: true })).toBe(4);
  });

  test('counts every outcome there is', () => {
    expect(Object.keys(countOutcomes([]))).toEqual([...OUTCOMES]);
  });
});

describe('the next wave', () => {
  test.each<[string, readonly Outcome[], number | undefined, RegExp | undefined]>([
    ['begins after a good one', ['confirmed', 'unchanged'], 0, undefined],
    ['never begins after a lost host', ['confirmed', 'lost'], 100, /lost h2 in wave 1/],
    ['begins when some failed and nothing is said', ['confirmed', 'failed'], undefined, undefined],
    ['does not begin when all failed', ['failed', 'rolled-back'], 100, /every host/],
    ['begins when the share is reached', ['confirmed', 'failed'], 50, undefined],
    ['does not begin when it is exceeded', ['confirmed', 'failed'], 49, /1 of 2 hosts/],
    ['does not begin at the first failure with 0', ['confirmed', 'failed'], 0, /1 of 2 hosts/],
  ])('%s', (_name, outcomes, share, reason) => {
    const found = reasonToStop(1, outcomes.length, resultsOf(...outcomes), {
      ...DEFAULT_RULES,
      maxFailPercentage: share,
    });
    if (reason === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(reason);
  });
});

describe('a run', () => {
  test('goes wave by wave and says so', async () => {
    const { line, exitCode } = await fakeRun([['a'], ['b']], fakeHosts(2));
    expect(line).toEqual([
      'run.started',
      'wave.started 0',
      'a confirmed',
      'wave.finished 0',
      'wave.started 1',
      'b confirmed',
      'wave.finished 1',
      'run.finished',
    ]);
    expect(exitCode).toBe(0);
  });

  test('skips the hosts of later waves when a wave is bad', async () => {
    const hosts = fakeHosts(2);
    unreachable(hosts['a']!);
    const { line, counts, exitCode } = await fakeRun([['a'], ['b']], hosts);
    expect(line).toContain('run.stopping');
    expect(line).toContain('b skipped');
    expect(counts).toMatchObject({ failed: 1, skipped: 1 });
    expect(exitCode).toBe(1);
    expect(hosts['b']!.connections).toBe(0);
  });

  test('begins no further host of the same wave either when one is lost', async () => {
    const hosts = fakeHosts(4);
    unreachable(hosts['a']!, 2);
    const { line, counts, exitCode } = await fakeRun([['a', 'c', 'd'], ['b']], hosts, { forks: 1 });
    expect(counts).toMatchObject({ lost: 1, skipped: 3 });
    expect(line.filter((event) => event === 'run.stopping')).toHaveLength(1);
    expect(exitCode).toBe(4);
    expect(['b', 'c', 'd'].map((name) => hosts[name]!.connections)).toEqual([0, 0, 0]);
  });

  test('begins no further host when one could not go back to what it was', async () => {
    const hosts = fakeHosts(3);
    const broken = hosts['a']!;
    broken.onMessage = (message) => {
      if (message === 'begin') {
        broken.answer('begin');
        broken.state = 'incomplete';
        return 'armed 0 40\nrolled-back incomplete\n';
      }
      return undefined;
    };
    const { counts, exitCode } = await fakeRun([['a', 'b'], ['c']], hosts, { forks: 1 });
    expect(counts).toMatchObject({ 'rolled-back': 1, skipped: 2 });
    expect(exitCode).toBe(4);
    expect([hosts['b']!.connections, hosts['c']!.connections]).toEqual([0, 0]);
  });

  test('begins no further wave when it is interrupted', async () => {
    const hosts = fakeHosts(2);
    const { counts, exitCode } = await fakeRun([['a'], ['b']], hosts, {
      onEvent: (event, runSwitch) => {
        if (event.type === 'host.phase' && event.phase === 'confirming')
          runSwitch.stopFor('interrupted');
      },
    });
    expect(counts).toMatchObject({ confirmed: 1, skipped: 1 });
    expect(exitCode).toBe(130);
    expect(hosts['b']!.connections).toBe(0);
  });

  test('has a result for each host, in the order of the waves, whatever happens', async () => {
    const hosts = fakeHosts(3);
    unreachable(hosts['b']!);
    const { results } = await fakeRun([['a', 'b'], ['c']], hosts);
    expect(results.map(({ host, outcome }) => `${host} ${outcome}`)).toEqual([
      'a confirmed',
      'b failed',
      'c confirmed',
    ]);
  });
});
