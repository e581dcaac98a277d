import { describe, expect, test } from 'vitest';
import type { RunEvent, RunEventBody } from '../../src/run/events.js';
import { accountOf, changedOfMixedGroups, isLeft, isUnsettled } from '../../src/run/run-account.js';
import { settleHost } from '../../src/run/settle.js';
import { FakeHost, JOB } from './fake-host.js';
import { fakeHosts, fakeRun, unreachable } from './fake-run.js';

const journal = (events: readonly RunEventBody[]): RunEvent[] =>
  events.map((event, index) => ({ at: new Date(0).toISOString(), seq: index + 1, ...event }));

/** The journal up to and with the first event that fits, as a dead controller leaves it. */
function until(
  events: readonly RunEventBody[],
  fits: (event: RunEventBody) => boolean,
): RunEvent[] {
  return journal(events.slice(0, events.findIndex(fits) + 1));
}

describe('the account of a run', () => {
  test('tells hosts that are done from those that must be asked and those that were not begun', async () => {
    const { events } = await fakeRun([['a'], ['b'], ['c']], fakeHosts(3));
    const account = accountOf(
      until(events, (event) => event.type === 'host.armed' && event.host === 'b'),
    );
    const hosts = [...account!.hosts.values()];
    expect(hosts.map((host) => host.outcome)).toEqual(['confirmed', undefined, undefined]);
    expect(hosts.map(isUnsettled)).toEqual([false, true, false]);
    expect(hosts.map(isLeft)).toEqual([false, true, true]);
  });

  test('a lost host is asked again, unless it was told to be back', async () => {
    const hosts = fakeHosts(1);
    unreachable(hosts['a']!, 2);
    const { events } = await fakeRun([['a']], hosts);
    const told = accountOf(journal(events))!.hosts.get('a')!;
    expect([told.outcome, isUnsettled(told)]).toEqual(['lost', true]);
    const back: RunEventBody = { type: 'host.returned', host: 'a', outcome: 'rolled-back' };
    const later = accountOf(journal([...events, back]))!.hosts.get('a')!;
    expect([later.outcome, isUnsettled(later)]).toEqual(['rolled-back', false]);
  });

  test('is missing when the journal has no beginning', () => {
    expect(accountOf([])).toBeUndefined();
  });
});

describe('what a dead controller left', () => {
  /** Runs until `fits`, forgets the controller, and lets another one settle host `a` at `atMs`. */
  async function settled(
    fits: (event: RunEventBody) => boolean,
    atomic: 'wave' | undefined,
    change: (host: FakeHost) => void,
  ) {
    const hosts = fakeHosts(2);
    const { events } = await fakeRun([['a', 'b']], hosts, { rules: { atomic } });
    const account = accountOf(until(events, fits))!;
    const host = new FakeHost();
    host.state = 'applied';
    host.network = 'after';
    host.deadlineMs = 30_000;
    change(host);
    const result = await settleHost(
      JOB,
      account.hosts.get('a')!,
      atomic !== undefined,
      host.environment,
    );
    return { host, result, events: host.events };
  }
  const armed = (event: RunEventBody) => event.type === 'host.armed' && event.host === 'a';
  const committed = (event: RunEventBody) => event.type === 'group.committed';
  const held = (event: RunEventBody) => event.type === 'group.ready';

  test.each<[string, typeof armed, 'wave' | undefined, (host: FakeHost) => void, string, string[]]>(
    [
      ['proves good, is confirmed', armed, undefined, () => undefined, 'confirmed', ['confirm']],
      [
        'is not what its plan says, goes back',
        armed,
        undefined,
        (host) => (host.network = 'before'),
        'rolled-back',
        ['rollback'],
      ],
      [
        'of a committed group, is confirmed',
        committed,
        'wave',
        () => undefined,
        'confirmed',
        ['confirm'],
      ],
      [
        'of a group that was not, goes back',
        held,
        'wave',
        () => undefined,
        'rolled-back',
        ['rollback'],
      ],
      [
        'of a committed group, has gone back by itself',
        committed,
        'wave',
        (host) => {
          host.state = 'rolled-back';
          host.network = 'before';
        },
        'rolled-back',
        [],
      ],
      [
        'was confirmed before the word of it came, is not touched',
        armed,
        undefined,
        (host) => (host.state = 'confirmed'),
        'confirmed',
        [],
      ],
      [
        'was rebooted before it was confirmed',
        armed,
        undefined,
        (host) => host.reboot(),
        'rolled-back',
        [],
      ],
    ],
  )('a host that %s', async (_name, fits, atomic, change, outcome, asked) => {
    const { host, result } = await settled(fits, atomic, change);
    expect(result.outcome).toBe(outcome);
    expect(host.messages.filter((message) => message !== 'status')).toEqual(asked);
    expect(host.messages).not.toContain('begin');
  });

  test('a host that does not answer is lost after the time that its journal announced', async () => {
    const { result, host } = await settled(armed, undefined, (away) => unreachable(away));
    expect(result.outcome).toBe('lost');
    expect(host.nowMs).toBeLessThan(120_000);
  });
});

test('hosts that stayed changed in a group that did not as a whole are named', async () => {
  const hosts = fakeHosts(3);
  const { events } = await fakeRun([['a', 'b', 'c']], hosts, {
    rules: { atomic: 'wave' },
    forks: 3,
    onEvent: (event) => {
      if (event.type !== 'group.committed') return;
      const away = hosts['b']!;
      away.onDial = () => (away.nowMs < away.deadlineMs + 5_000 ? away.cut() : undefined);
    },
  });
  const account = accountOf(journal(events))!;
  expect(changedOfMixedGroups(account, account.hosts)).toEqual(['a', 'c']);
  const undone: RunEventBody[] = ['a', 'c'].map((host) => ({
    type: 'host.returned',
    host,
    outcome: 'rolled-back',
  }));
  const later = accountOf(journal([...events, ...undone]))!;
  expect(changedOfMixedGroups(later, later.hosts)).toEqual([]);
});
