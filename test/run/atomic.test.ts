import { describe, expect, test } from 'vitest';
import type { RunEventBody } from '../../src/run/events.js';
import type { FakeHost, Message } from './fake-host.js';
import { fakeHosts, fakeRun, unreachable, type FakeRunOptions } from './fake-run.js';

const WAVE: FakeRunOptions = { rules: { atomic: 'wave' }, forks: 2 };

/** Neither some of the hosts changed and some not, nor any of them with an open transaction. */
function expectAll(hosts: Readonly<Record<string, FakeHost>>, network: 'before' | 'after'): void {
  const state = network === 'after' ? 'confirmed' : /rolled-back|none/;
  for (const [name, host] of Object.entries(hosts)) {
    expect(`${name} ${host.network}`).toBe(`${name} ${network}`);
    expect(host.state, name).toMatch(state);
  }
}

const on =
  (type: RunEventBody['type'], act: () => void) =>
  (event: RunEventBody): void => {
    if (event.type === type) act();
  };

describe('an atomic wave', () => {
  test('is confirmed when all are good, more of them than there are slots', async () => {
    const hosts = fakeHosts(5);
    const { line, exitCode } = await fakeRun([['a', 'b', 'c', 'd', 'e']], hosts, WAVE);
    const told = line.filter((text) => text.startsWith('group.'));
    expect(told).toEqual(['group.ready a,b,c,d,e', 'group.committed a,b,c,d,e']);
    expectAll(hosts, 'after');
    expect(exitCode).toBe(0);
  });

  test('no host is sent its confirmation before the decision', async () => {
    const hosts = fakeHosts(3);
    const order: string[] = [];
    for (const [name, host] of Object.entries(hosts)) {
      host.onMessage = (message: Message) => {
        if (message === 'confirm') order.push(`confirm ${name}`);
        return undefined;
      };
    }
    await fakeRun([['a', 'b', 'c']], hosts, {
      ...WAVE,
      onEvent: on('group.committed', () => {
        order.push('committed');
        // Each host could still wait for as long as it takes to reach all of them.
        for (const host of Object.values(hosts)) {
          expect(host.deadlineMs - host.nowMs).toBeGreaterThanOrEqual(60_000);
        }
      }),
    });
    expect(order[0]).toBe('committed');
    expect(order).toHaveLength(4);
  });

  test.each<[string, (host: FakeHost) => void]>([
    ['cannot be reached at all', (host) => unreachable(host)],
    ['does not come back after its change', (host) => unreachable(host, 2)],
    [
      'is not what its plan says',
      (host) => {
        host.onMessage = (message) => {
          if (message === 'begin') {
            const said = host.answer('begin');
            host.network = 'before';
            return said;
          }
          return undefined;
        };
      },
    ],
    ['goes away while it waits for the others', (host) => unreachable(host, 3)],
  ])('goes back as a whole when one host %s', async (_name, breakIt) => {
    const hosts = fakeHosts(4);
    breakIt(hosts['d']!);
    const { line, exitCode } = await fakeRun([['a', 'b', 'c', 'd']], hosts, WAVE);
    expect(line.filter((text) => text.startsWith('group.committed'))).toEqual([]);
    expectAll(hosts, 'before');
    expect([3, 4]).toContain(exitCode);
  });

  test('hosts that need no change are no part of the decision', async () => {
    const hosts = fakeHosts(3);
    hosts['b']!.network = 'after';
    const { line, counts } = await fakeRun([['a', 'b', 'c']], hosts, WAVE);
    expect(line).toContain('group.committed a,c');
    expect(counts).toMatchObject({ confirmed: 2, unchanged: 1 });
  });

  test('no later wave is begun after one went back', async () => {
    const hosts = fakeHosts(3);
    unreachable(hosts['b']!, 2);
    const { line } = await fakeRun([['a', 'b'], ['c']], hosts, WAVE);
    expect(line).toContain('a rolled-back');
    expect(line).toContain('c skipped');
    expect(hosts['c']!.connections).toBe(0);
  });

  test('is checked before the decision, and goes back when a check fails', async () => {
    const hosts = fakeHosts(2);
    const { line } = await fakeRun([['a', 'b']], hosts, {
      rules: {
        atomic: 'wave',
        soakSeconds: 600,
        commands: [{ command: ['./check'], timeoutSeconds: 1 }],
      },
      runCommand: () => Promise.resolve({ good: false, text: 'no' }),
    });
    expect(line).toContain('group.ready a,b');
    expect(line).toContain('wave.checked - ./check bad');
    expectAll(hosts, 'before');
  });

  test('waits for its approval as long as that takes, its hosts staying good', async () => {
    const hosts = fakeHosts(2);
    let renewals = 0;
    const { line } = await fakeRun([['a', 'b']], hosts, {
      rules: { atomic: 'wave', approve: 'manual' },
      onEvent: (event, runSwitch) => {
        if (event.type !== 'approval.requested') return;
        hosts['a']!.onMessage = (message) => {
          if (message === 'extend') renewals += 1;
          if (renewals === 20) runSwitch.approve('anna');
          return undefined;
        };
      },
    });
    expect(line).toContain('approval.given 0');
    expect(hosts['a']!.nowMs).toBeGreaterThan(200_000);
    expectAll(hosts, 'after');
  });

  test('is not committed when a deadline has come to its announced maximum', async () => {
    const hosts = fakeHosts(2);
    hosts['a']!.mostMs = 60_000;
    const { line } = await fakeRun([['a', 'b']], hosts, WAVE);
    expect(line).toContain('group.abandoned a,b');
    expectAll(hosts, 'before');
  });

  test('goes back when one of its hosts is called back', async () => {
    const hosts = fakeHosts(2);
    await fakeRun([['a', 'b']], hosts, {
      ...WAVE,
      onEvent: (event, runSwitch) => {
        if (event.type === 'group.ready') runSwitch.rollBack('b', 'anna');
      },
    });
    expectAll(hosts, 'before');
  });

  test('goes back when the decision cannot be written down', async () => {
    const hosts = fakeHosts(2);
    const { line } = await fakeRun([['a', 'b']], hosts, { ...WAVE, isRecorded: () => false });
    expect(line).toContain('group.abandoned a,b');
    expectAll(hosts, 'before');
  });

  test('a host that goes back after the decision is told: the group is mixed, exit code 4', async () => {
    const hosts = fakeHosts(3);
    const { line, exitCode } = await fakeRun([['a', 'b', 'c']], hosts, {
      ...WAVE,
      forks: 3,
      onEvent: on('group.committed', () => {
        const away = hosts['b']!;
        away.onDial = () => (away.nowMs < away.deadlineMs + 5_000 ? away.cut() : undefined);
      }),
    });
    expect(line).toContain('group.mixed a,c / b');
    expect(exitCode).toBe(4);
  });

  test('a host whose confirmation is lost on the way is asked again, and is no mixed group', async () => {
    const hosts = fakeHosts(2);
    hosts['b']!.onMessage = (message, times) => {
      if (message !== 'confirm' || times > 2) return undefined;
      throw hosts['b']!.cut();
    };
    const { exitCode } = await fakeRun([['a', 'b']], hosts, WAVE);
    expectAll(hosts, 'after');
    expect(exitCode).toBe(0);
  });
});

describe('an atomic run', () => {
  const RUN: FakeRunOptions = { rules: { atomic: 'run' }, forks: 2 };

  test('goes wave by wave, and is committed after the last', async () => {
    const hosts = fakeHosts(4);
    const { line } = await fakeRun([['a', 'b'], ['c'], ['d']], hosts, RUN);
    expect(line.slice(1, 9)).toEqual([
      'wave.started 0',
      'wave.finished 0',
      'wave.started 1',
      'wave.finished 1',
      'wave.started 2',
      'group.ready a,b,c,d',
      'wave.finished 2',
      'group.committed a,b,c,d',
    ]);
    expectAll(hosts, 'after');
  });

  test('goes back as a whole when a host of the last wave fails', async () => {
    const hosts = fakeHosts(4);
    unreachable(hosts['d']!, 2);
    const { line } = await fakeRun([['a', 'b'], ['c'], ['d']], hosts, RUN);
    expect(line.filter((text) => text.startsWith('group.'))).toEqual(['group.abandoned a,b,c,d']);
    expectAll(hosts, 'before');
  });

  test('a check that fails after a wave sends all of it back', async () => {
    const hosts = fakeHosts(2);
    const { line } = await fakeRun([['a'], ['b']], hosts, {
      rules: { atomic: 'run', commands: [{ command: ['./check'], timeoutSeconds: 1 }] },
      runCommand: () => Promise.resolve({ good: false, text: 'no' }),
    });
    expect(line).toContain('b skipped');
    expectAll(hosts, 'before');
  });
});
