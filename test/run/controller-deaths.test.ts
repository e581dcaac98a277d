/** The table of docs/atomic.md, at every point: see controller-deaths.ts. */
import { beforeAll, describe, expect, test } from 'vitest';
import type { RunRules } from '../../src/run/run.js';
import { distinct, World, type Remains } from './controller-deaths.js';

type Group = Readonly<{
  name: string;
  waves: readonly (readonly string[])[];
  forks: number;
  rules: Partial<RunRules>;
}>;

const GROUPS: readonly Group[] = [
  { name: 'three hosts one by one', waves: [['a', 'b', 'c']], forks: 1, rules: { atomic: 'wave' } },
  { name: 'three hosts at once', waves: [['a', 'b', 'c']], forks: 3, rules: { atomic: 'wave' } },
  { name: 'a run of two waves', waves: [['a', 'b'], ['c']], forks: 2, rules: { atomic: 'run' } },
];

/** Longer than any deadline that a host may have. */
const LONG_SECONDS = 5 * 3600;

const isCommitted = ({ journal }: Remains): boolean =>
  journal.some((event) => event.type === 'group.committed');
const confirmedHosts = ({ hosts }: Remains): number =>
  Object.values(hosts).filter(({ state }) => state === 'confirmed').length;

/** Resumes until there is nothing left; the exit codes, and what was there after each, all at rest. */
async function resumeToTheEnd(world: World, { rules, forks }: Group): Promise<string[]> {
  const steps: string[] = [];
  for (let times = 0; times < 4; times++) {
    const code = await world.resume(rules, forks);
    steps.push(`${code} ${world.networks}`);
    world.pass(LONG_SECONDS);
    if (code === 0) break;
  }
  return steps;
}

describe.each(GROUPS)('the controller of $name', (group) => {
  const { waves, forks, rules } = group;
  const hosts = waves.flat();
  let deaths: readonly Remains[];
  let left: readonly Remains[];

  beforeAll(async () => {
    const world = new World(waves);
    expect(await world.apply(rules, forks)).toBe(0);
    deaths = world.deaths;
    left = distinct(deaths);
  });

  test('dies at points of every kind', () => {
    const kinds = new Set(deaths.map(({ point }) => point.replace(/ [abc]$/, '')));
    expect([...kinds]).toEqual(
      expect.arrayContaining([
        'begin',
        'host.armed',
        'extend',
        'host.extended',
        'group.ready',
        'group.committed',
        'host.phase confirming',
        'confirm',
        'host.finished',
      ]),
    );
    for (const host of hosts) {
      expect(deaths.filter(({ point }) => point === `confirm ${host}`)).toHaveLength(1);
    }
  });

  test('dies anywhere: at rest the group is as it was, as planned, or mixed in the one window', () => {
    const wrong = deaths.flatMap((remains) => {
      const world = new World(waves, remains);
      world.pass(LONG_SECONDS);
      const confirmed = confirmedHosts(remains);
      const expected = confirmed === 0 ? 'before' : confirmed === hosts.length ? 'after' : 'mixed';
      const isRight =
        world.groupState === expected &&
        (confirmed === 0 || isCommitted(remains)) &&
        !world.networks.includes('?');
      return isRight ? [] : [`${remains.point}: ${world.networks}`];
    });
    expect(wrong).toEqual([]);
  });

  test('has moved every deadline far enough ahead when it decides', () => {
    const decided = deaths.filter(({ point }) => point === 'group.committed');
    expect(decided).toHaveLength(1);
    for (const { hosts: memories, atMs } of decided) {
      for (const { deadlineMs } of Object.values(memories)) {
        expect(deadlineMs - atMs).toBeGreaterThanOrEqual(60_000);
      }
    }
  });

  test('dies anywhere, and is resumed at once: a group that was decided on is confirmed, no other', async () => {
    for (const remains of left) {
      const world = new World(waves, remains);
      const begun = Object.values(remains.hosts).map(({ transaction }) => transaction);
      const steps = await resumeToTheEnd(world, group);
      const after = hosts.map((host) => `${host}=after`).join(' ');
      expect(`${remains.point}: ${steps[0]}`).toBe(`${remains.point}: 0 ${after}`);
      const transactions = Object.values(world.hosts).map(({ transaction }) => transaction);
      // What was decided is not done twice; what was not goes back before it is done anew.
      if (isCommitted(remains)) expect(transactions, remains.point).toEqual(begun);
      else {
        for (const [index, transaction] of begun.entries()) {
          if (transaction !== '') expect(transactions[index], remains.point).not.toBe(transaction);
        }
      }
    }
  });

  test('dies anywhere, and is resumed when all deadlines are over: never left mixed', async () => {
    for (const remains of left) {
      const world = new World(waves, remains);
      world.pass(LONG_SECONDS);
      const found = world.groupState;
      const steps = await resumeToTheEnd(world, group);
      const [before, after] = ['before', 'after'].map((network) =>
        hosts.map((host) => `${host}=${network}`).join(' '),
      );
      expect([remains.point, ...steps]).toEqual([
        remains.point,
        // A mixed group is undone first, and done anew by the next.
        ...(found === 'mixed' ? [`3 ${before}`] : []),
        `0 ${after}`,
      ]);
    }
  });

  test('dies when it has decided, and is resumed too late for one host: that one is not left alone', async () => {
    const late = left.flatMap((remains) => {
      const { hosts: memories, atMs } = remains;
      const [host] = hosts.filter((name) => memories[name]?.state === 'applied');
      const memory = host === undefined ? undefined : memories[host];
      if (!isCommitted(remains) || host === undefined || memory === undefined) return [];
      return [{ ...remains, hosts: { ...memories, [host]: { ...memory, deadlineMs: atMs } } }];
    });
    expect(late.length).toBeGreaterThanOrEqual(hosts.length);
    for (const remains of late) {
      const world = new World(waves, remains);
      world.pass(0);
      const steps = await resumeToTheEnd(world, group);
      const all = (network: string) => hosts.map((host) => `${host}=${network}`).join(' ');
      expect([remains.point, ...steps]).toEqual([
        remains.point,
        `3 ${all('before')}`,
        `0 ${all('after')}`,
      ]);
    }
  });

  test('dies in the window, and the one that resumes dies too, anywhere: the next ends it', async () => {
    const [mixed] = left.filter(
      (remains) => confirmedHosts(remains) > 0 && confirmedHosts(remains) < hosts.length,
    );
    if (mixed === undefined) throw new Error('there is no such point');
    const first = new World(waves, mixed);
    first.pass(LONG_SECONDS);
    expect(await first.resume(rules, forks)).toBe(3);
    const deathsOfResume = distinct(first.deaths);
    expect(deathsOfResume.length).toBeGreaterThan(3);
    for (const remains of deathsOfResume) {
      const world = new World(waves, remains);
      world.pass(LONG_SECONDS);
      const steps = await resumeToTheEnd(world, group);
      expect([remains.point, steps.at(-1)]).toEqual([
        remains.point,
        `0 ${hosts.map((host) => `${host}=after`).join(' ')}`,
      ]);
    }
  });
});
