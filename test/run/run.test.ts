import { describe, expect, test } from 'vitest';
import { OUTCOMES, type Outcome } from '../../src/run/events.js';
import { NetorchError } from '../../src/errors.js';
import { countOutcomes, executeRun, exitCodeOf, reasonToStop } from '../../src/run/run.js';
import type { HostResult } from '../../src/run/host-job.js';
import { FakeHost, JOB } from './fake-host.js';

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
    expect(exitCodeOf(countOutcomes(resultsOf(...outcomes)), interrupted)).toBe(code);
  });

  test('a host that rolled back but is not what it was is as bad as a lost one', () => {
    const counts = countOutcomes(resultsOf('confirmed', 'rolled-back'));
    expect(exitCodeOf(counts, false, false)).toBe(3);
    expect(exitCodeOf(counts, false, true)).toBe(4);
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
    const found = reasonToStop(1, resultsOf(...outcomes), share);
    if (reason === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(reason);
  });
});

describe('a run', () => {
  /** Hosts by name, in waves; each its own fake, all on the clock of the first. */
  async function run(
    waves: readonly (readonly string[])[],
    hosts: Readonly<Record<string, FakeHost>>,
    options: { stop?: AbortController; maxFailPercentage?: number; forks?: number } = {},
  ) {
    const names = waves.flat();
    const first = hosts[names[0] ?? ''] ?? new FakeHost();
    const events: string[] = [];
    const stop = options.stop ?? new AbortController();
    const result = await executeRun(
      {
        run: 'r1',
        command: 'netorch apply',
        version: '0',
        waves,
        jobs: new Map(
          names.map((host) => [host, { ...JOB, host, target: { ...JOB.target, host } }]),
        ),
        forks: options.forks ?? 2,
        maxFailPercentage: options.maxFailPercentage,
        stop,
        notes: ['until the next reboot'],
      },
      {
        ...first.environment,
        transport: {
          connect: (target, dial) => {
            const host = hosts[target.host];
            if (host === undefined) throw new Error(target.host);
            return host.environment.transport.connect(target, dial);
          },
        },
      },
      (event) => {
        events.push(
          `${event.type}${'wave' in event ? ` ${event.wave}` : ''}${'host' in event && event.type === 'host.finished' ? ` ${event.host} ${event.outcome}` : ''}`,
        );
      },
    );
    return { ...result, events: events.filter((event) => !/^host\.(?!finished)/.test(event)) };
  }
  const failing = () => {
    const host = new FakeHost();
    host.onDial = () => new NetorchError('HOST_UNREACHABLE', 'no answer');
    return host;
  };

  test('goes wave by wave and says so', async () => {
    const { events, exitCode } = await run([['a'], ['b']], {
      a: new FakeHost(),
      b: new FakeHost(),
    });
    expect(events).toEqual([
      'run.started',
      'wave.started 0',
      'host.finished a confirmed',
      'wave.finished 0',
      'wave.started 1',
      'host.finished b confirmed',
      'wave.finished 1',
      'run.finished',
    ]);
    expect(exitCode).toBe(0);
  });

  test('skips the hosts of later waves when a wave is bad', async () => {
    const b = new FakeHost();
    const { events, counts, exitCode } = await run([['a'], ['b']], { a: failing(), b });
    expect(events).toContain('run.stopping');
    expect(events).toContain('host.finished b skipped');
    expect(counts).toMatchObject({ failed: 1, skipped: 1 });
    expect(exitCode).toBe(1);
    expect(b.connections).toBe(0);
  });

  test('begins no further host of the same wave either when one is lost', async () => {
    const lost = new FakeHost();
    lost.onDial = (times) =>
      times > 1 ? new NetorchError('HOST_UNREACHABLE', 'no answer') : undefined;
    const [b, c, d] = [failing(), new FakeHost(), new FakeHost()];
    const { events, counts, exitCode } = await run(
      [['a', 'c', 'd'], ['b']],
      { a: lost, b, c, d },
      { forks: 1 },
    );
    expect(counts).toMatchObject({ lost: 1, skipped: 3 });
    expect(events.filter((event) => event === 'run.stopping')).toHaveLength(1);
    expect(exitCode).toBe(4);
    expect([b.connections, c.connections, d.connections]).toEqual([0, 0, 0]);
  });

  test('begins no further host when one could not go back to what it was', async () => {
    const broken = new FakeHost();
    broken.onMessage = (message) => {
      if (message === 'begin') {
        broken.answer('begin');
        broken.state = 'incomplete';
        return 'armed 0 40\nrolled-back incomplete\n';
      }
      return undefined;
    };
    const [b, c] = [new FakeHost(), new FakeHost()];
    const { counts } = await run([['a', 'b'], ['c']], { a: broken, b, c }, { forks: 1 });
    expect(counts).toMatchObject({ 'rolled-back': 1, skipped: 2 });
    expect([b.connections, c.connections]).toEqual([0, 0]);
  });

  test('begins no further wave when it is interrupted', async () => {
    const stop = new AbortController();
    const a = new FakeHost();
    a.onMessage = (message) => {
      if (message === 'confirm') stop.abort();
      return undefined;
    };
    const b = new FakeHost();
    const { counts, exitCode } = await run([['a'], ['b']], { a, b }, { stop });
    expect(counts).toMatchObject({ confirmed: 1, skipped: 1 });
    expect(exitCode).toBe(130);
    expect(b.connections).toBe(0);
  });

  test('has a result for each host, in the order of the waves, whatever happens', async () => {
    const { results } = await run([['a', 'b'], ['c']], {
      a: new FakeHost(),
      b: failing(),
      c: new FakeHost(),
    });
    expect(results.map(({ host, outcome }) => `${host} ${outcome}`)).toEqual([
      'a confirmed',
      'b failed',
      'c confirmed',
    ]);
  });
});
