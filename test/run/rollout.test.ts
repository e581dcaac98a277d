import { describe, expect, test } from 'vitest';
import type { RunEventBody } from '../../src/run/events.js';
import { fakeHosts, fakeRun, unreachable } from './fake-run.js';

const waves = (line: readonly string[]) =>
  line.filter((text) => text.startsWith('wave.started')).length;

describe('a lost host', () => {
  test('stops the run when its deadline passes, and is told to be back when it is', async () => {
    const hosts = fakeHosts(4);
    const away = hosts['a']!;
    away.onDial = (times) =>
      times > 1 && away.nowMs < away.deadlineMs + 5_000 ? away.cut() : undefined;
    const { line, events, counts, exitCode } = await fakeRun([['a', 'b'], ['c'], ['d']], hosts);
    expect(line).toEqual([
      'run.started',
      'wave.started 0',
      'b confirmed',
      'host.lost a',
      'run.stopping',
      'host.returned a',
      'a rolled-back',
      'wave.finished 0',
      'c skipped',
      'd skipped',
      'run.finished',
    ]);
    expect(counts).toMatchObject({ confirmed: 1, 'rolled-back': 1, skipped: 2 });
    expect(exitCode).toBe(3);
    const lost = events.find((event) => event.type === 'host.lost');
    const armed = events.find((event) => event.type === 'host.armed' && event.host === 'a');
    // The very times that were announced when it was armed.
    expect(lost).toMatchObject({
      deadline: (armed as { deadline: string }).deadline,
      announced: (armed as { announced: string }).announced,
    });
  });

  test('is lost, too, when it is back at the very moment at which its deadline has passed', async () => {
    const hosts = fakeHosts(2);
    const away = hosts['a']!;
    away.onDial = (times) => (times > 1 && away.nowMs < away.deadlineMs ? away.cut() : undefined);
    const { line } = await fakeRun([['a'], ['b']], hosts);
    expect(line.slice(2, 6)).toEqual([
      'host.lost a',
      'run.stopping',
      'host.returned a',
      'a rolled-back',
    ]);
    expect(line).toContain('b skipped');
  });

  test.each([
    ['is back', 0],
    ['is on its way back', 3_000],
  ])(
    'is lost, too, when a dial that began before its deadline is answered after it, and it %s',
    async (_what, wayBackMs) => {
      const hosts = fakeHosts(2);
      const away = hosts['a']!;
      away.onMessage = (message) => {
        if (message !== 'status' || away.nowMs >= away.deadlineMs + 2_000 + wayBackMs)
          return undefined;
        return away.answer('status').replace('state rolled-back', 'state rolling-back');
      };
      away.onDial = (times) => {
        if (times === 1 || away.nowMs >= away.deadlineMs) return undefined;
        // Silence, until the host is on its way back: then this very dial is answered.
        if (away.nowMs < away.deadlineMs - 5_000) {
          away.clock.nowMs += 4_000;
          return away.cut();
        }
        away.clock.nowMs = away.deadlineMs + 2_000;
        away.tick();
        return undefined;
      };
      const { line } = await fakeRun([['a'], ['b']], hosts);
      expect(line.slice(2, 6)).toEqual([
        'host.lost a',
        'run.stopping',
        'host.returned a',
        'a rolled-back',
      ]);
      expect(line).toContain('b skipped');
    },
  );

  test('is told lost at its deadline: no dial is allowed to last beyond it', async () => {
    const hosts = fakeHosts(2);
    const away = hosts['a']!;
    const late: number[] = [];
    away.onDial = (times, timeoutMs) => {
      if (times === 1 || away.nowMs > away.deadlineMs + 10_000) return undefined;
      away.clock.nowMs += timeoutMs;
      away.tick();
      return away.cut();
    };
    await fakeRun([['a'], ['b']], hosts, {
      onEvent: (event) => {
        if (event.type === 'host.lost') late.push(away.nowMs - Date.parse(event.deadline));
      },
    });
    expect(late).toHaveLength(1);
    expect(late[0]).toBeGreaterThanOrEqual(0);
    // The pause between two dials.
    expect(late[0]).toBeLessThanOrEqual(1_000);
  });

  test('does not stop it with on_lost: continue, but counts as failed', async () => {
    const hosts = fakeHosts(3);
    unreachable(hosts['a']!, 2);
    const rules = { onLost: 'continue' } as const;
    const { counts, exitCode } = await fakeRun([['a', 'b'], ['c']], hosts, { rules });
    expect(counts).toMatchObject({ lost: 1, confirmed: 2 });
    expect(exitCode).toBe(4);
    const strict = fakeHosts(3);
    unreachable(strict['a']!, 2);
    const { line } = await fakeRun([['a', 'b'], ['c']], strict, {
      rules: { ...rules, maxFailPercentage: 49 },
    });
    expect(line).toContain('c skipped');
  });

  test('is not told lost when it was confirmed and only the answer is missing', async () => {
    const hosts = fakeHosts(1);
    const host = hosts['a']!;
    host.onMessage = (message) => {
      if (message !== 'confirm') return undefined;
      host.answer('confirm');
      host.onDial = () => (host.nowMs < host.deadlineMs + 2_000 ? host.cut() : undefined);
      throw host.cut();
    };
    const { line } = await fakeRun([['a']], hosts);
    expect(line).not.toContain('host.lost a');
    expect(line).toContain('a confirmed');
  });
});

describe('failures', () => {
  test('any_errors_fatal ends the run at the first one', async () => {
    const hosts = fakeHosts(4);
    unreachable(hosts['a']!);
    const { counts } = await fakeRun([['a', 'b', 'c'], ['d']], hosts, {
      forks: 1,
      rules: { anyErrorsFatal: true },
    });
    expect(counts).toMatchObject({ failed: 1, skipped: 3 });
  });

  test('max_fail_percentage ends a wave in its middle, as soon as it is exceeded', async () => {
    const hosts = fakeHosts(5);
    unreachable(hosts['a']!);
    unreachable(hosts['b']!);
    const { counts } = await fakeRun([['a', 'b', 'c', 'd', 'e']], hosts, {
      forks: 1,
      rules: { maxFailPercentage: 20 },
    });
    // One of five is 20 %, which is not more than 20 %.
    expect(counts).toMatchObject({ failed: 2, skipped: 3 });
  });
});

describe('after a wave', () => {
  test('time passes, and its hosts are looked at again before the next begins', async () => {
    const hosts = fakeHosts(2);
    const { line, events } = await fakeRun([['a'], ['b']], hosts, { rules: { soakSeconds: 300 } });
    expect(line.slice(1, 7)).toEqual([
      'wave.started 0',
      'a confirmed',
      'wave.soaking 0',
      'wave.checked a state good',
      'wave.finished 0',
      'wave.started 1',
    ]);
    expect(events.find((event) => event.type === 'wave.soaking')).toMatchObject({ seconds: 300 });
    expect(hosts['a']!.nowMs).toBe(600_000);
  });

  test('a host that is not what it was any more stops the run, and it is no success', async () => {
    const hosts = fakeHosts(2);
    const { line, exitCode, events } = await fakeRun([['a'], ['b']], hosts, {
      rules: { soakSeconds: 60 },
      onEvent: (event) => {
        if (event.type === 'wave.soaking') hosts['a']!.network = 'before';
      },
    });
    expect(line).toContain('wave.checked a state bad');
    expect(line).toContain('b skipped');
    expect(exitCode).toBe(3);
    expect(events.at(-1)).toMatchObject({
      notes: ['until the next reboot', expect.stringMatching(/^after wave 1: a: state: .*eth4/)],
    });
  });

  test('a host that does not answer any more stops the run', async () => {
    const hosts = fakeHosts(2);
    const { line } = await fakeRun([['a'], ['b']], hosts, {
      rules: { soakSeconds: 60 },
      onEvent: (event) => {
        if (event.type === 'wave.soaking') unreachable(hosts['a']!);
      },
    });
    expect(line).toContain('wave.checked a reach bad');
    expect(line).toContain('b skipped');
  });

  test('a command of the controller that fails stops the run', async () => {
    const asked: (readonly string[])[] = [];
    const { line } = await fakeRun([['a'], ['b']], fakeHosts(2), {
      rules: { commands: [{ command: ['./check', 'x'], timeoutSeconds: 5 }] },
      runCommand: ({ command }) => {
        asked.push(command);
        return Promise.resolve({ good: false, text: 'latency is up' });
      },
    });
    expect(asked).toEqual([['./check', 'x']]);
    expect(line).toContain('wave.checked - ./check x bad');
    expect(line).toContain('b skipped');
  });

  test('nothing is waited for when no host of it was changed', async () => {
    const hosts = fakeHosts(1);
    hosts['a']!.network = 'after';
    const { line } = await fakeRun([['a']], hosts, { rules: { soakSeconds: 300 } });
    expect(line).toEqual([
      'run.started',
      'wave.started 0',
      'a unchanged',
      'wave.finished 0',
      'run.finished',
    ]);
  });
});

describe('controls', () => {
  test('a wave waits for its approval, the first one does not', async () => {
    const { line } = await fakeRun([['a'], ['b']], fakeHosts(2), {
      rules: { approve: 'manual' },
      onEvent: (event, runSwitch) => {
        if (event.type === 'approval.requested') queueMicrotask(() => runSwitch.approve('anna'));
      },
    });
    expect(line.slice(1)).toEqual([
      'wave.started 0',
      'a confirmed',
      'wave.finished 0',
      'approval.requested 1',
      'approval.given 1',
      'wave.started 1',
      'b confirmed',
      'wave.finished 1',
      'run.finished',
    ]);
  });

  test('a run that is stopped while it waits for an approval begins no further wave', async () => {
    const { line, exitCode } = await fakeRun([['a'], ['b']], fakeHosts(2), {
      rules: { approve: 'manual' },
      onEvent: (event, runSwitch) => {
        if (event.type === 'approval.requested') queueMicrotask(() => runSwitch.stop('anna'));
      },
    });
    expect(line).toContain('b skipped');
    expect(exitCode).toBe(130);
  });

  test('a paused run begins no host until it goes on', async () => {
    const hosts = fakeHosts(3);
    const { line } = await fakeRun([['a', 'b', 'c']], hosts, {
      forks: 1,
      onEvent: (event, runSwitch) => {
        if (event.type === 'host.armed' && event.host === 'a') {
          runSwitch.pause('anna');
          runSwitch.pause('berta');
        }
        if (event.type === 'host.finished' && event.host === 'a') {
          setImmediate(() => runSwitch.unpause('anna'));
        }
      },
    });
    expect(line.filter((text) => /paused|confirmed/.test(text))).toEqual([
      'run.paused',
      'a confirmed',
      'run.unpaused',
      'b confirmed',
      'c confirmed',
    ]);
  });

  test('a host under way is sent back when it is asked for, and others are not', async () => {
    const hosts = fakeHosts(2);
    const { events } = await fakeRun([['a', 'b']], hosts, {
      onEvent: (event, runSwitch) => {
        if (event.type === 'host.armed' && event.host === 'a') runSwitch.rollBack('a', 'anna');
      },
    });
    const ends = events.filter((event) => event.type === 'host.finished');
    expect(ends).toContainEqual(expect.objectContaining({ host: 'b', outcome: 'confirmed' }));
    expect(ends).toContainEqual(expect.objectContaining({ host: 'a', outcome: 'rolled-back' }));
    expect(hosts['a']!.network).toBe('before');
  });
});

test('what is needed to undo a change is told before the change is sent', async () => {
  const hosts = fakeHosts(1);
  const kinds: string[] = [];
  await fakeRun([['a']], hosts, {
    onEvent: (event: RunEventBody) => {
      if (event.type === 'host.recorded') kinds.push(`recorded ${hosts['a']!.state}`);
      if (event.type === 'host.armed') kinds.push('armed');
    },
  });
  expect(kinds).toEqual(['recorded none', 'armed']);
});

test('throttle and waves: never more hosts are under way than are allowed', async () => {
  const hosts = fakeHosts(6);
  let most = 0;
  const under = new Set<string>();
  const { line } = await fakeRun([['a', 'b', 'c', 'd', 'e', 'f']], hosts, {
    forks: 2,
    onEvent: (event) => {
      if (event.type === 'host.phase') under.add(event.host);
      most = Math.max(most, under.size);
      if (event.type === 'host.finished') under.delete(event.host);
    },
  });
  expect(most).toBe(2);
  expect(waves(line)).toBe(1);
});

test('a host that turns out to be the gateway of others comes last and alone', async () => {
  const { line, events, counts } = await fakeRun([['a'], ['b', 'c'], ['d']], fakeHosts(4), {
    // Next hop of a route of each of these hosts.
    addresses: { b: '192.0.2.129' },
  });
  const begun = events.flatMap((event) => (event.type === 'wave.started' ? [event.hosts] : []));
  expect(begun).toEqual([['a'], ['c'], ['d'], ['b']]);
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'log',
      host: 'b',
      message: expect.stringMatching(/gateway of a/),
    }),
  );
  expect(counts).toMatchObject({ confirmed: 4 });
  expect(waves(line)).toBe(4);
});
