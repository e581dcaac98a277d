/** Which hosts of a run must answer each other in a mesh probe, and whose fault it is if they do not. */
import { describe, expect, test } from 'vitest';

import type { Outcome, RunEventBody } from '../../src/run/events.js';
import { MeshBoard, type MeshSpec } from '../../src/run/mesh-board.js';
import { desiredOf, hostWith } from '../network/documents.js';
import { AFTER, BEFORE, PLAN } from './fake-host.js';
import { fakeHosts, fakeRun } from './fake-run.js';

const PROBE: MeshSpec = { kind: 'mesh', network: '10.100.0.0/24' };
const EMPTY = hostWith('interfaces: [{name: eth1, type: ethernet, state: up}]');
const at = (number: number, mtu = 1500) =>
  hostWith(
    `interfaces: [{name: eth1, type: ethernet, state: up, mtu: ${mtu}, ipv4: {enabled: true, address: [{ip: 10.100.0.${number}, prefix-length: 24}]}}]`,
  );
const names = (count: number) => Array.from({ length: count }, (_, index) => `h${index + 1}`);
/** As the documents of hosts h1 … say. */
const board = (count: number) =>
  new MeshBoard([PROBE.network], {
    addresses: Object.fromEntries(
      names(count).map((host, index) => [host, [`10.100.0.${index + 1}`]]),
    ),
    groups: { g: ['h1', 'h2'] },
  });

/** The host joins the network. */
const joins = (mesh: MeshBoard, number: number, mtu = 1500) =>
  mesh.begins(`h${number}`, EMPTY, at(number, mtu));

const ends = (mesh: MeshBoard, number: number, outcome: Outcome) =>
  mesh.notice({
    type: 'host.finished',
    host: `h${number}`,
    outcome,
    durationMs: 1,
    timings: {},
  });

/** The host asks those that it has to, and these numbers do not answer, or not more than so many bytes. */
function asks(
  mesh: MeshBoard,
  number: number,
  silent: Readonly<Record<number, number>> = {},
  isLast = true,
  probe = PROBE,
) {
  const host = `h${number}`;
  const asked = mesh.askAfter(host, probe);
  if (asked === undefined) return undefined;
  const short = new Map(
    (asked.peers ?? []).flatMap(({ address, bytes }) => {
      const most = silent[Number(address.split('.')[3])];
      return most === undefined || most >= bytes ? [] : [[address, most] as const];
    }),
  );
  return mesh.judge(host, asked, { good: short.size === 0, text: '', short }, isLast);
}

/** Before its change. */
function askedBefore(
  mesh: MeshBoard,
  number: number,
  answers: Readonly<Record<number, number>> = {},
) {
  const asked = mesh.askBefore(`h${number}`, PROBE);
  if (asked === undefined) return;
  const short = new Map(
    (asked.peers ?? []).flatMap(({ address, bytes }) => {
      const most = answers[Number(address.split('.')[3])] ?? bytes;
      return most >= bytes ? [] : [[address, most] as const];
    }),
  );
  mesh.heardBefore(`h${number}`, asked, { good: short.size === 0, text: '', short });
}

const peersOf = (mesh: MeshBoard, number: number, probe = PROBE) =>
  mesh.askAfter(`h${number}`, probe)?.peers?.map(({ host, bytes }) => `${host} ${bytes}`) ?? [];

describe('who is asked', () => {
  test('nobody, by the first host that joins a network; that is said at once', () => {
    const mesh = board(4);
    joins(mesh, 1);
    expect(mesh.askBefore('h1', PROBE)).toBeUndefined();
    expect(mesh.askAfter('h1', PROBE)).toBeUndefined();
    expect(mesh.notRequired('h1', PROBE)).toBe(
      'mesh 10.100.0.0/24: not required to reach h2-h4 yet, whose turn has not come and who did not answer before',
    );
  });

  test('hosts that are done or under way, with whole packets; not those that went back', () => {
    const mesh = board(6);
    for (const number of [1, 2, 3, 4, 5]) joins(mesh, number, 9000);
    ends(mesh, 2, 'confirmed');
    ends(mesh, 3, 'rolled-back');
    ends(mesh, 4, 'unchanged');
    ends(mesh, 5, 'skipped');
    expect(peersOf(mesh, 1)).toEqual(['h2 9000', 'h4 9000']);
  });

  test('the smaller of the two MTUs, or what the probe says', () => {
    const mesh = board(2);
    joins(mesh, 1, 9000);
    joins(mesh, 2, 4000);
    expect(peersOf(mesh, 1)).toEqual(['h2 4000']);
    expect(peersOf(mesh, 1, { ...PROBE, size: 1400 })).toEqual(['h2 1400']);
  });

  test('hosts whose turn has not come: as much as they answered before', () => {
    const mesh = board(4);
    mesh.begins('h1', at(1), at(1, 9000));
    askedBefore(mesh, 1, { 3: 84, 4: 0 });
    expect(peersOf(mesh, 1)).toEqual(['h2 1500', 'h3 84']);
    expect(mesh.notRequired('h1', PROBE)).toMatch(/not required to reach h4 yet/);
  });

  test('those of the group only, and none by a host that does not belong to it', () => {
    const mesh = board(3);
    for (const number of [1, 2, 3]) joins(mesh, number);
    const probe = { ...PROBE, of: 'g' };
    expect(peersOf(mesh, 1, probe)).toEqual(['h2 1500']);
    expect(peersOf(mesh, 3, probe)).toEqual([]);
  });

  test('hosts whose address no document says, once they were read', () => {
    const mesh = new MeshBoard([PROBE.network]);
    mesh.begins('h1', at(1), at(1, 9000));
    mesh.begins('h2', at(2), at(2, 9000));
    expect(peersOf(mesh, 1)).toEqual(['h2 9000']);
  });

  test('what did not answer before is not required where no plan opens the way', () => {
    const mesh = board(3);
    mesh.begins('h2', at(2), at(2));
    mesh.begins('h3', at(3), at(3, 9000));
    mesh.begins('h1', at(1), at(1));
    askedBefore(mesh, 1, { 2: 0, 3: 0 });
    // The plan of h3 makes room for larger packets, so that it must answer.
    expect(peersOf(mesh, 1)).toEqual(['h3 1500']);
  });
});

describe('whose fault it is', () => {
  test('nobody misses anybody', () => {
    const mesh = board(3);
    for (const number of [1, 2, 3]) joins(mesh, number, 9000);
    expect(asks(mesh, 1)).toEqual({ good: true, text: '2 of 2 hosts reached with 9000 bytes' });
    expect(mesh.problem(PROBE)).toBeUndefined();
  });

  test('until its time is over, everybody waits for everybody', () => {
    const mesh = board(3);
    for (const number of [1, 2, 3]) joins(mesh, number);
    asks(mesh, 2, { 3: 0 }, false);
    asks(mesh, 3, { 1: 0, 2: 0 }, false);
    expect(asks(mesh, 1, { 3: 0 }, false)).toEqual({
      good: false,
      text: 'h3 is reached by nobody',
    });
  });

  test('who has answered is not asked again, unless it is to be asked for more or all are to be asked anew', () => {
    const mesh = board(3);
    mesh.begins('h1', at(1), at(1, 9000));
    askedBefore(mesh, 1);
    joins(mesh, 2);
    expect(asks(mesh, 1, { 2: 0 }, false)).toMatchObject({ good: false });
    // h3 comes later, and has answered 1500 bytes as before.
    expect(peersOf(mesh, 1)).toEqual(['h2 1500']);
    expect(asks(mesh, 1)).toEqual({ good: true, text: '2 of 2 hosts reached with 1500 bytes' });
    expect(peersOf(mesh, 1)).toEqual([]);
    expect(asks(mesh, 1)).toEqual({ good: true, text: '2 of 2 hosts reached with 1500 bytes' });
    mesh.begins('h3', at(3), at(3, 9000));
    expect(peersOf(mesh, 1)).toEqual(['h3 9000']);
    expect(mesh.askAfter('h1', PROBE, true)?.peers).toHaveLength(2);
  });

  test('one that nobody reaches goes back alone', () => {
    const mesh = board(4);
    for (const number of [1, 2, 3, 4]) joins(mesh, number);
    for (const number of [1, 2, 4]) asks(mesh, number, { 3: 0 }, false);
    expect(asks(mesh, 3, { 1: 0, 2: 0, 4: 0 })).toEqual({
      good: false,
      text: 'h3 is reached by nobody',
    });
    for (const number of [1, 2, 4]) {
      expect(asks(mesh, number, { 3: 0 })).toMatchObject({ good: true });
    }
  });

  test('one that has never got so far as to ask is not held against the others', () => {
    const mesh = board(2);
    joins(mesh, 1);
    joins(mesh, 2);
    expect(asks(mesh, 1, { 2: 0 })).toEqual({
      good: true,
      text: '0 of 1 hosts reached with 1500 bytes: h1, h2 do not reach each other; h2 will look for itself when it is so far',
    });
    expect(asks(mesh, 2, { 1: 0 })).toMatchObject({ good: false });
  });

  test('two halves that do not reach each other both go back', () => {
    const mesh = board(4);
    for (const number of [1, 2, 3, 4]) joins(mesh, number, 9000);
    const cut = (one: number, other: number) => ({ [one]: 1500, [other]: 1500 });
    asks(mesh, 1, cut(3, 4), false);
    asks(mesh, 2, cut(3, 4), false);
    asks(mesh, 3, cut(1, 2), false);
    expect(asks(mesh, 4, cut(1, 2))).toEqual({
      good: false,
      text: 'h1, h2 and h3, h4 do not reach each other with more than 1500 bytes',
    });
    expect(asks(mesh, 1, cut(3, 4))).toMatchObject({ good: false });
  });

  test('a host that was proved good before must be reached, however many others miss it too', () => {
    const mesh = board(4);
    joins(mesh, 1);
    ends(mesh, 1, 'confirmed');
    for (const number of [2, 3, 4]) joins(mesh, number);
    for (const number of [2, 3]) asks(mesh, number, { 1: 0 }, false);
    expect(asks(mesh, 4, { 1: 0 })).toMatchObject({ good: false });
  });

  test('a host that asked before another was there has found nothing out about it', () => {
    const mesh = board(3);
    mesh.begins('h1', at(1), at(1, 9000));
    askedBefore(mesh, 1, { 2: 84 });
    asks(mesh, 1, {}, false);
    mesh.begins('h2', at(2), at(2, 9000));
    expect(mesh.problem(PROBE)).toBeUndefined();
  });

  test('a ping that is not there is no answer of the network', () => {
    const mesh = board(2);
    joins(mesh, 1);
    joins(mesh, 2);
    const asked = mesh.askAfter('h1', PROBE) ?? PROBE;
    const answer = { good: false, text: 'there is no ping command on the host' };
    expect(mesh.judge('h1', asked, answer, true)).toEqual(answer);
  });
});

describe('in a run', () => {
  /** Hosts a, b, c … with addresses of their own; after their change nobody hears of the silent ones. */
  function meshRun(
    count: number,
    waves: readonly (readonly string[])[],
    silent: readonly string[],
    onEvent?: (event: RunEventBody) => void,
  ) {
    const hosts = fakeHosts(count);
    const address = (host: string) => `192.0.2.15${Object.keys(hosts).indexOf(host)}`;
    const own = (text: string, host: string) => text.replaceAll('192.0.2.130', address(host));
    const isOff = (host: string) => silent.includes(host) && hosts[host]?.network === 'after';
    for (const [name, host] of Object.entries(hosts)) {
      host.texts = { before: own(BEFORE, name), after: own(AFTER, name) };
      host.onProbe = (input) =>
        [...input.matchAll(/^probe_(\w+) (\d+) (.*)$/gm)]
          .map(([, kind, number = '', peers = '']) => {
            const missing = Object.keys(hosts).filter(
              (other) => peers.includes(`${address(other)}/`) && (isOff(name) || isOff(other)),
            );
            const short = missing.map((other) => `mesh ${number} ${address(other)} 0\n`);
            return `${kind === 'mesh' ? short.join('') : ''}probe ${number} OK\n`;
          })
          .join('');
    }
    return fakeRun(waves, hosts, {
      forks: count,
      rules: { maxFailPercentage: 60, soakSeconds: onEvent === undefined ? 0 : 5 },
      ...(onEvent === undefined ? {} : { onEvent }),
      jobOf: (host) => ({
        desired: desiredOf(own(PLAN, host)),
        probes: [{ kind: 'mesh', network: '192.0.2.128/25' }],
      }),
    });
  }
  const outcomes = (line: readonly string[]) =>
    line.filter((text) => /^[a-z] [a-z-]+$/.test(text)).toSorted();

  test('all reach all', async () => {
    const { line, events } = await meshRun(4, [['a', 'b', 'c', 'd']], []);
    expect(outcomes(line)).toEqual(['a', 'b', 'c', 'd'].map((host) => `${host} confirmed`));
    expect(events.findLast((event) => event.type === 'host.probed')).toMatchObject({
      probe: 'mesh 192.0.2.128/25',
      good: true,
      text: '3 of 3 hosts reached with 1500 bytes',
    });
  });

  test('the one that nobody reaches goes back, and the others stay', async () => {
    const { line, events } = await meshRun(4, [['a', 'b', 'c', 'd']], ['c']);
    expect(outcomes(line)).toEqual(['a confirmed', 'b confirmed', 'c rolled-back', 'd confirmed']);
    expect(
      events.find((event) => event.type === 'host.phase' && event.phase === 'rolling-back'),
    ).toMatchObject({
      host: 'c',
      detail: 'after the change: mesh 192.0.2.128/25: c is reached by nobody',
    });
  });

  test('the one of a later wave that does not reach those of the first goes back', async () => {
    const { line } = await meshRun(4, [['a', 'b'], ['c'], ['d']], ['c']);
    expect(outcomes(line)).toEqual(['a confirmed', 'b confirmed', 'c rolled-back', 'd skipped']);
  });

  test('what has come apart while the wave was used is told once for all', async () => {
    const silent: string[] = [];
    const { line, events } = await meshRun(3, [['a', 'b', 'c']], silent, (event) => {
      if (event.type === 'wave.soaking') silent.push('b');
    });
    expect(outcomes(line)).toEqual(['a confirmed', 'b confirmed', 'c confirmed']);
    const checked = events.filter((event) => event.type === 'wave.checked' && !event.good);
    expect(checked).toEqual([
      {
        type: 'wave.checked',
        wave: 0,
        check: 'mesh 192.0.2.128/25',
        good: false,
        text: 'b is reached by nobody',
      },
    ]);
  });
});
