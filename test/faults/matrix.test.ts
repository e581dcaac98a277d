/**
 * Every fault at every step of a plan that moves the management NIC into bond, VLAN and bridge. Each point is
 * reached by name, and what became of the host is read from its console. `npm run test:faults` runs it.
 */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { Lab } from '../../src/lab/lab.js';
import { Bench, type Ended, type RunningNetorch } from '../e2e/bench.js';
import { booted } from '../e2e/persistent-dummy.js';
import { ALL_CASES, QUICK_CASES, type FaultCase } from './cases.js';
import { FaultHost, HOOKS, type Settled } from './fault-host.js';
import { measureStarvation } from './starvation.js';

const {
  NETORCH_FAULTS_RESULTS: resultsFile = '',
  NETORCH_FAULTS_SELECTION: selection = 'quick',
  NETORCH_FAULTS_ONLY: only = '',
  NETORCH_FAULTS_LAB: keptLab,
  NETORCH_FAULTS_HOSTS: hostWords = 'f1,f2:systemd',
  NETORCH_FAULTS_RETRY: retries = '',
} = process.env;

const HOSTS = hostWords.split(',').map((word) => {
  const [name = '', init = 'minimal'] = word.split(':');
  return { name, init: init === 'systemd' ? ('systemd' as const) : ('minimal' as const) };
});
/** A loaded machine needs it: a handshake with a lab host then takes many seconds. */
const DEADLINE_SECONDS = Number(process.env['NETORCH_FAULTS_DEADLINE'] ?? 20);
/** For machines that are busy with other things: so much later than announced counts as in time. */
const SLACK_SECONDS = Number(process.env['NETORCH_FAULTS_SLACK'] ?? 0);
/** netorch waits until the announced time is over by half a minute before it calls a host lost. */
const PATIENCE_MS = 150_000;
/** Where nobody can confirm: what the plan's least window comes to. */
const SHORT_DEADLINE_SECONDS = 12;
/** A machine on which somebody waits for a processor nearly all the time: how long a host took tells nothing of it. */
const STARVED = 0.8;
const root = fileURLToPath(new URL('../..', import.meta.url));

export type CaseResult = Readonly<{
  id: string;
  host: string;
  passed: boolean;
  /** What the host ended as, by its console. */
  truth: string;
  /** netorch's word: outcome, or how it ended. */
  word: string;
  /** Host's seconds from the deadline until the end. */
  afterDeadline: number;
  /** It ended later than announced, on a machine so busy that this is not counted. */
  isLate?: true;
  /** It failed at first, and passed when it was run again. */
  isUnsteady?: true;
  /** Of the whole case. */
  seconds?: number;
  /** Share of that time in which somebody waited for a processor. */
  starvation?: number;
  note: string;
}>;

const done = new Set(
  existsSync(resultsFile)
    ? readFileSync(resultsFile, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as CaseResult)
        .filter(({ passed, host }) => passed && !host.startsWith('namespaces'))
        .map(({ id }) => id)
    : [],
);
const cases = (selection === 'all' ? ALL_CASES : QUICK_CASES).filter(
  ({ id }) => new RegExp(only).test(id) && !done.has(id),
);

const NETWORK = {
  interfaces: [
    { name: 'eth1', type: 'ethernet', state: 'up', ipv4: { enabled: false } },
    {
      name: 'bond0',
      type: 'bond',
      state: 'up',
      'link-aggregation': {
        mode: 'active-backup',
        port: ['eth1', 'eth2'],
        options: { miimon: 100, primary: 'eth1' },
      },
    },
    { name: 'bond0.100', type: 'vlan', state: 'up', vlan: { 'base-iface': 'bond0', id: 100 } },
    {
      name: 'br0',
      type: 'linux-bridge',
      state: 'up',
      bridge: { options: { stp: { enabled: false } }, port: [{ name: 'bond0' }] },
      ipv4: {
        enabled: true,
        address: [{ ip: '10.10.0.{{ lab_index | plus: 10 }}', 'prefix-length': 24 }],
      },
    },
    {
      name: 'br100',
      type: 'linux-bridge',
      state: 'up',
      bridge: { options: { stp: { enabled: false } }, port: [{ name: 'bond0.100' }] },
      ipv4: {
        enabled: true,
        address: [{ ip: '10.100.0.{{ lab_index | plus: 10 }}', 'prefix-length': 24 }],
      },
    },
  ],
  routes: {
    config: [
      { destination: '0.0.0.0/0', 'next-hop-interface': 'eth1', state: 'absent' },
      { destination: '0.0.0.0/0', 'next-hop-address': '10.10.0.1', 'next-hop-interface': 'br0' },
    ],
  },
};

/** A copy of netorch whose scripts stop at named points: all that is different of it. */
function installWithHook(): string {
  execFileSync(process.execPath, [join(root, 'scripts', 'build.js')], { stdio: 'inherit' });
  const installed = mkdtempSync(join(tmpdir(), 'netorch-faults-'));
  for (const part of ['bin', 'dist', 'package.json']) {
    cpSync(join(root, part), join(installed, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
  for (const [name, place, hook] of HOOKS) {
    const file = join(installed, 'dist', 'agents', name);
    const before = readFileSync(file, 'utf8');
    const after = before.replace(place, hook);
    if (after === before) throw new Error(`${name} has no place for the hook`);
    writeFileSync(file, after);
  }
  return installed;
}

describe.skipIf(selection === '')('faults', () => {
  let bench: Bench;
  let lab: Lab;
  let installed = '';
  let playbook = '';
  const free: FaultHost[] = [];

  beforeAll(async () => {
    installed = installWithHook();
    lab = await Lab.up({
      dir: keptLab ?? join(tmpdir(), `netorch-faults-${process.pid}`),
      hosts: HOSTS,
      progress: (line) => process.stderr.write(`${line}\n`),
    });
    bench = new Bench(lab, installed);
    playbook = bench.write('management.yml', [
      { name: 'management', hosts: 'cluster1', network: NETWORK, probes: [{ ping: '10.10.0.1' }] },
    ]);
    await lab.mendAll();
    const ready = HOSTS.map(async ({ name }) => {
      const host = new FaultHost(bench, name);
      await host.reset().catch(() => undefined);
      await host.setUp(async () => {
        const run = await start(host, {}).ended;
        expect(run.finished(name), run.stderr).toMatchObject({ outcome: 'confirmed' });
      });
      process.stderr.write(`${name}: the plan has ${host.steps} steps\n`);
      free.push(host);
    });
    await Promise.all(ready);
  });

  afterAll(async () => {
    bench?.close();
    rmSync(installed, { recursive: true, force: true });
    if (keptLab === undefined) await lab?.down();
  });

  function start(
    host: FaultHost,
    env: Readonly<Record<string, string>>,
    { seconds = DEADLINE_SECONDS, isTemporary = true } = {},
  ): RunningNetorch {
    const options = ['--ui', 'json', '--deadline', String(seconds)];
    if (isTemporary) options.push('--temporary');
    return bench.start(['apply', playbook, '--hosts', host.name, ...options], { env });
  }

  /** Strikes from outside while the host is held at the point, and lets it go on. */
  async function strike(
    item: FaultCase,
    host: FaultHost,
    run: RunningNetorch,
    state: string,
  ): Promise<{ after?: () => Promise<void> }> {
    const { name } = host;
    switch (item.fault.outside) {
      case undefined:
        return {};
      case 'kill':
        await run.kill();
        break;
      case 'hup':
        run.signal('SIGHUP');
        break;
      case 'freeze-controller':
        run.signal('SIGSTOP');
        await host.go();
        await host.settled();
        run.signal('SIGCONT');
        return {};
      case 'disk-full':
        fill(state);
        break;
      case 'journal-truncated':
        for (const file of readdirSync(join(state, 'netorch', 'runs'))) {
          truncateSync(join(state, 'netorch', 'runs', file, 'events.jsonl'), 10);
        }
        break;
      case 'second-netorch': {
        const second = await start(host, { XDG_STATE_HOME: `${state}-second` }).ended;
        const { outcome, cause = '' } = second.finished(name);
        // It is told who is at work there; or it cannot come in at all, while a step has the network in pieces.
        const isRefused = outcome === 'failed' && /HOST_BUSY|HOST_UNREACHABLE/.test(cause);
        const isConfirmed = item.point === 'confirmed' && outcome === 'unchanged';
        if (!isRefused && !isConfirmed) {
          throw new Error(`the second netorch was not refused: ${outcome} ${cause}`);
        }
        break;
      }
      case 'power':
        await lab.cut(name);
        await lab.powerOn(name);
        if (item.persists !== undefined) await booted(bench, name);
        return {};
      case 'freeze-host': {
        await host.go();
        await lab.freeze(name);
        // Past its deadline by the controller's clock; the host's own stands still or not, as its kernel likes.
        await run
          .seen('host.phase', ({ phase }) => phase === 'waiting-for-rollback')
          .catch(() => undefined);
        await lab.thaw(name);
        return {};
      }
      case 'port-down':
        await lab.break({ kind: 'link', host: name, nic: 'eth1' });
        await lab.break({ kind: 'link', host: name, nic: 'eth2' });
        await host.go();
        await host.settled();
        await lab.mend({ kind: 'link', host: name, nic: 'eth1' });
        await lab.mend({ kind: 'link', host: name, nic: 'eth2' });
        return {};
      case 'loss':
        await lab.break({ kind: 'loss', host: name, percent: 30 });
        await host.go();
        return {
          after: () => lab.mend({ kind: 'loss', host: name, percent: 30 }),
        };
      case 'delay':
        await lab.break({ kind: 'delay', host: name, ms: 2000 });
        await host.go();
        return {
          after: () => lab.mend({ kind: 'delay', host: name, ms: 2000 }),
        };
    }
    await host.go();
    return {};
  }

  async function runCase(item: FaultCase, host: FaultHost): Promise<CaseResult> {
    const { fault } = item;
    const starvation = measureStarvation();
    await host.arm(item.point, item);
    const state = mkdtempSync(join(bench.folder, 'state-'));
    const mark = join(state, 'mark');
    if (fault.outside === 'disk-full') {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', state]);
    }
    const run = start(
      host,
      {
        XDG_STATE_HOME: state,
        ...(item.signal === undefined
          ? {}
          : {
              NODE_OPTIONS: `--import ${pathToFileURL(join(root, 'test', 'faults', 'halt.js')).href}`,
              NETORCH_FAULT_AT: item.point,
              NETORCH_FAULT_DO: item.signal,
              NETORCH_FAULT_MARK: mark,
            }),
      },
      {
        seconds:
          fault.deadlineSeconds ??
          (fault.isNeverConfirmed === true ? SHORT_DEADLINE_SECONDS : DEADLINE_SECONDS),
        isTemporary: item.persists === undefined,
      },
    );
    let after: (() => Promise<void>) | undefined;
    let settled: Settled;
    let ended: Ended | undefined;
    try {
      if (item.signal === undefined) {
        const isReached = await Promise.race([
          host.reached(100_000),
          run.ended.then(() => host.reached(1_000)),
        ]);
        if (!isReached) {
          run.signal('SIGCONT');
          await run.kill();
          const note = `not reached\n${await host.story()}`;
          return result(item, host, { passed: false, truth: 'not reached', word: 'none', note });
        }
        ({ after } = await strike(item, host, run, state));
      } else if (item.signal === 'SIGSTOP') {
        await expect.poll(() => existsSync(mark), { timeout: 60_000, interval: 100 }).toBe(true);
        await host.settled();
        run.signal('SIGCONT');
      } else {
        await run.ended;
        if (!existsSync(mark)) {
          return result(item, host, { passed: true, truth: 'not reached', word: 'none' });
        }
      }
      // netorch may be at its begin still, while nothing is open yet: it ends first, or is given up.
      settled = await host.settled();
      // A cable that is out keeps netorch from seeing the end.
      if (fault.name === 'NIC unplugged') await host.mend();
      ended = await Promise.race([
        run.ended,
        new Promise<undefined>((resolve) => {
          setTimeout(resolve, PATIENCE_MS, undefined).unref();
        }),
      ]);
      // How long netorch took to see it is not the host's time.
      const last = await host.settled();
      if (last.state !== settled.state || last.isStuck !== settled.isStuck) settled = last;
    } finally {
      await run.kill();
      await after?.();
      if (fault.outside === 'disk-full') execFileSync('umount', [state]);
    }
    const word =
      ended === undefined
        ? 'did not end'
        : (ended.events.find((event) => event.type === 'host.finished')?.outcome ??
          `ended with ${ended.code ?? 'a signal'}`);
    return judge(item, host, settled, word, ended, starvation());
  }

  async function judge(
    item: FaultCase,
    host: FaultHost,
    settled: Settled,
    word: string,
    ended: Ended | undefined,
    starvation: number,
  ): Promise<CaseResult> {
    const { fault } = item;
    let truth = await host.mendedTruth();
    const notes: string[] = [];
    if (settled.isStuck && fault.isNotCovered === 'minimal' && host.isMinimal) {
      // Where nobody is left: the state is named exactly, and one command ends it.
      const status = await bench.run(['status', '--hosts', host.name]);
      // Half-way, it may answer to nobody: then it is ended where it stands.
      if (/HOST_UNREACHABLE|no answer|unreachable/i.test(status.stdout + status.stderr)) {
        const said = await host.goBackByHand();
        if (!said.includes('rolled-back verified')) notes.push(`by hand: ${said}`);
      } else {
        if (!status.stdout.includes('nobody on the host is left to end it')) {
          notes.push(`not named: ${status.stdout}${status.stderr}`);
        }
        const back = await bench.run(['rollback', '--hosts', host.name]);
        if (back.code !== 0) notes.push(`rollback: ${back.stdout}${back.stderr}`);
      }
      truth = await host.truth();
      if (truth !== 'as before') notes.push('not what it was after "netorch rollback"');
      return result(item, host, {
        passed: notes.length === 0,
        truth: 'named, ended by hand',
        word,
        note: notes.join('; '),
        settled,
      });
    }
    if (settled.isStuck) notes.push(`stuck in ${settled.state}`);
    const rollbackBudget = 18 + SLACK_SECONDS;
    const isTimed =
      fault.outside !== 'freeze-host' && fault.outside !== 'power' && !settled.isUntouched;
    let isLate = false;
    if (isTimed && settled.state === 'rolled-back' && settled.afterDeadline > rollbackBudget) {
      isLate = starvation >= STARVED;
      if (!isLate)
        notes.push(
          `${settled.afterDeadline} s after its deadline, announced were ${rollbackBudget}`,
        );
    }
    const isConfirmed = settled.state === 'confirmed' || settled.state === 'persisted';
    if (typeof truth !== 'string') notes.push('neither as planned nor as before');
    else if (fault.outside === 'power') {
      // /run is gone with the power; what the boot made of the host is certain for a host that persists.
      const { persists = 'either' } = item;
      if (persists !== 'either' && persists !== truth) notes.push(`it has to be ${persists}`);
    } else if ((truth === 'as planned') !== isConfirmed) {
      notes.push(`${truth}, but its state is ${settled.state}`);
    }
    const says = word.startsWith('confirmed')
      ? 'as planned'
      : ['rolled-back', 'failed', 'skipped'].includes(word)
        ? 'as before'
        : undefined;
    // A confirmed host that loses its power is what its boot says: running only is told.
    if (says !== undefined && says !== truth && fault.outside !== 'power') {
      notes.push(`netorch says ${word}`);
    }
    if (word === 'lost' && fault.mayBeLost !== true) notes.push('netorch says lost');
    if (word === 'did not end') notes.push('netorch did not end');
    const story = notes.length === 0 ? '' : `\n${await host.story()}\n${ended?.stderr ?? ''}`;
    return result(item, host, {
      passed: notes.length === 0,
      truth: typeof truth === 'string' ? truth : truth.join('\n'),
      word,
      note: notes.join('; ') + story,
      settled,
      ...(isLate ? { isLate } : {}),
    });
  }

  /** On a host that is free, which is again as it was afterwards. */
  async function runAndReset(item: FaultCase): Promise<CaseResult> {
    const host = free.shift();
    if (host === undefined) throw new Error('more cases at once than hosts');
    if (Number(/^step-(\d+)$/.exec(item.point)?.[1] ?? '0') > host.steps) {
      free.push(host);
      return result(item, host, { passed: true, truth: 'not reached', word: 'none' });
    }
    const started = performance.now();
    const starvation = measureStarvation();
    let outcome: CaseResult | undefined;
    try {
      outcome = await runCase(item, host).catch((error: unknown) =>
        result(item, host, { passed: false, truth: 'unknown', word: 'none', note: String(error) }),
      );
    } finally {
      // What a case did that was not reached is nobody's concern.
      const isAsBefore = outcome?.passed === true && outcome.truth === 'as before';
      const back = item.fault.needsBoot === true ? host.boot() : host.reset(isAsBefore);
      await back.finally(() => free.push(host));
    }
    return {
      ...outcome,
      seconds: Math.round((performance.now() - started) / 1000),
      starvation: Math.round(starvation() * 100) / 100,
    };
  }

  test.concurrent.for(cases)('$id', async (item) => {
    let outcome = await runAndReset(item);
    if (!outcome.passed && retries === '1') {
      process.stderr.write(`once more: ${item.id}: ${outcome.note}\n`);
      outcome = { ...(await runAndReset(item)), isUnsteady: true };
    }
    if (resultsFile !== '') appendFileSync(resultsFile, `${JSON.stringify(outcome)}\n`);
    expect(outcome.note).toBe('');
  });
});

function result(
  item: FaultCase,
  host: FaultHost,
  rest: Readonly<{
    passed: boolean;
    truth: string;
    word: string;
    note?: string;
    settled?: Settled;
    isLate?: true;
  }>,
): CaseResult {
  const { passed, truth, word, note = '', settled, isLate } = rest;
  return {
    id: item.id,
    host: host.isMinimal ? 'minimal' : 'systemd',
    passed,
    truth,
    word,
    afterDeadline: settled?.afterDeadline ?? 0,
    ...(isLate === true ? { isLate } : {}),
    note,
  };
}

/** Not a byte is free in this folder any more. */
function fill(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) appendFileSync(join(folder, 'fill'), Buffer.alloc(size));
    } catch {
      // Full for this size.
    }
  }
}
