/**
 * A controller that dies at every point of a run, without running it more than once: what is left of a dead
 * controller is its journal and its hosts, so both are kept at each point, and any future begins from there.
 * A point is behind every event that was written, and behind every message that a host has carried out and
 * whose answer nobody reads any more.
 */
import type { RunEvent, RunEventBody } from '../../src/run/events.js';
import type { HostEnvironment } from '../../src/run/host-environment.js';
import type { HostJob } from '../../src/run/host-job.js';
import { restOfRun } from '../../src/run/rest-of-run.js';
import { accountOf } from '../../src/run/run-account.js';
import { RunSwitch } from '../../src/run/run-switch.js';
import { DEFAULT_RULES, executeRun, type RunRules } from '../../src/run/run.js';
import { settleRun } from '../../src/run/settle-run.js';
import { undoJob } from '../../src/run/undo-job.js';
import { FakeClock, FakeHost, JOB, SMALL_TEXTS, type FakeMemory } from './fake-host.js';

/** What is left when the controller dies. */
export type Remains = Readonly<{
  /** The last thing that it, or a host for it, did. */
  point: string;
  atMs: number;
  /** Of the run that the user began. */
  journal: readonly RunEvent[];
  hosts: Readonly<Record<string, FakeMemory>>;
}>;

/** Names of transactions are never given twice, whichever world they are of. */
let transactions = 0;

/** A world of hosts, and the journal of the one run over them that is looked at. */
export class World {
  readonly clock = new FakeClock();
  readonly hosts: Readonly<Record<string, FakeHost>>;
  readonly journal: RunEvent[];
  readonly waves: readonly (readonly string[])[];
  /** Everywhere that this world's controller could have died so far. */
  readonly deaths: Remains[] = [];

  constructor(waves: readonly (readonly string[])[], from?: Remains) {
    this.waves = waves;
    this.clock.nowMs = from?.atMs ?? 0;
    this.journal = [...(from?.journal ?? [])];
    this.hosts = Object.fromEntries(
      waves.flat().map((name) => {
        const host = new FakeHost(this.clock);
        host.texts = SMALL_TEXTS;
        Object.assign(host, from?.hosts[name]);
        host.onAnswered = (message) => {
          if (message !== 'observe' && message !== 'status') this.point(`${message} ${name}`);
        };
        return [name, host];
      }),
    );
  }

  /** Nobody does anything for so long. */
  pass(seconds: number): void {
    this.clock.nowMs += seconds * 1000;
    for (const host of Object.values(this.hosts)) host.tick();
  }

  /** `a=before b=after`: what runs on each host, `?` behind it where a transaction is open. */
  get networks(): string {
    return Object.entries(this.hosts)
      .map(([name, { network, state }]) => `${name}=${network}${state === 'applied' ? '?' : ''}`)
      .join(' ');
  }

  get groupState(): 'before' | 'after' | 'mixed' {
    const found = new Set(Object.values(this.hosts).map(({ network }) => network));
    return found.size > 1 ? 'mixed' : found.has('after') ? 'after' : 'before';
  }

  /** `netorch apply`. */
  async apply(rules: Partial<RunRules>, forks: number): Promise<number> {
    return this.run(this.waves, rules, forks, this.write);
  }

  /** `netorch resume`, once. Tells the exit code, as commands/resume.ts does. */
  async resume(rules: Partial<RunRules>, forks: number): Promise<number> {
    const account = accountOf(this.journal);
    if (account === undefined) throw new Error('the journal has no beginning');
    const jobs = new Map(this.waves.flat().map((host) => [host, this.job(host)]));
    const settled = await settleRun(account, jobs, forks, {
      ...this.environment(),
      emit: this.write,
      stopping: new AbortController().signal,
    });
    const rest = restOfRun(account, settled, 'stop');
    switch (rest.kind) {
      case 'stopped':
        return 4;
      case 'mixed':
        return this.undo(rest.hosts, forks);
      case 'left': {
        const waves = this.waves
          .map((wave) => wave.filter((host) => rest.hosts.has(host)))
          .filter((wave) => wave.length > 0);
        // A run of its own, with a journal of its own.
        return waves.length === 0
          ? 0
          : this.run(waves, rules, forks, () => this.point('in the new run'));
      }
    }
  }

  private async undo(hosts: readonly string[], forks: number): Promise<number> {
    const account = accountOf(this.journal);
    for (const host of hosts) this.host(host).goal = 'before';
    const code = await this.run(
      [hosts],
      {},
      forks,
      (event) => {
        if (event.type === 'host.finished' && /^(unchanged|confirmed)/.test(event.outcome)) {
          const { host } = event;
          this.write({ type: 'host.returned', host, outcome: 'rolled-back', verified: true });
        } else this.point('in the undoing');
      },
      (host) => {
        const recorded = account?.hosts.get(host)?.recorded;
        if (recorded === undefined) throw new Error(`${host} was not recorded`);
        return undoJob(host, 'r1', recorded, false);
      },
    );
    for (const host of hosts) this.host(host).goal = 'after';
    return code === 0 ? 3 : code;
  }

  private async run(
    waves: readonly (readonly string[])[],
    rules: Partial<RunRules>,
    forks: number,
    emit: (event: RunEventBody) => void,
    more: (host: string) => Partial<HostJob> = () => ({}),
  ): Promise<number> {
    const jobs = waves.flat().map((host) => [host, { ...this.job(host), ...more(host) }] as const);
    const { exitCode } = await executeRun(
      {
        run: 'r1',
        command: 'netorch apply',
        version: '0',
        waves,
        jobs: new Map(jobs),
        forks,
        rules: { ...DEFAULT_RULES, ...rules },
        switch: new RunSwitch(emit),
        notes: [],
        runCommand: () => Promise.resolve({ good: true, text: '' }),
        isRecorded: () => true,
      },
      this.environment(),
      emit,
    );
    return exitCode;
  }

  private readonly write = (event: RunEventBody): void => {
    const at = new Date(this.clock.nowMs).toISOString();
    this.journal.push({ at, seq: this.journal.length + 1, ...event });
    const { host = '', phase = '' } = event as Readonly<{ host?: string; phase?: string }>;
    this.point([event.type, phase, host].filter((word) => word !== '').join(' '));
  };

  private point(name: string): void {
    this.deaths.push({
      point: name,
      atMs: this.clock.nowMs,
      journal: [...this.journal],
      hosts: Object.fromEntries(
        Object.entries(this.hosts).map(([host, fake]) => [host, fake.remember()]),
      ),
    });
  }

  private host(name: string): FakeHost {
    const host = this.hosts[name];
    if (host === undefined) throw new Error(name);
    return host;
  }

  private job(host: string): HostJob {
    return { ...JOB, host, target: { ...JOB.target, host } };
  }

  private environment(): Omit<HostEnvironment, 'stopping' | 'emit'> {
    const { clock } = this;
    return {
      transport: {
        connect: (target, dial) =>
          this.host(target.host).environment.transport.connect(target, dial),
      },
      now: () => clock.nowMs,
      date: () => new Date(clock.nowMs),
      delay: (ms, signal) => clock.delay(ms, signal),
      newTransactionId: () => `tx${(transactions += 1)}`,
      newNonce: () => 'nonce',
      owner: 'test',
    };
  }
}

/** Of deaths that leave the very same behind only the first: many events change nothing that counts later. */
export function distinct(deaths: readonly Remains[]): readonly Remains[] {
  const seen = new Set<string>();
  return deaths.filter(({ hosts, journal, atMs }) => {
    const account = accountOf(journal);
    if (account === undefined) return false;
    const known = [...account.hosts.values()].map((host) => [
      host.outcome,
      host.recorded?.transaction,
      host.wasArmed,
      host.committed,
    ]);
    const memories = Object.values(hosts).map((host) => [
      host.state,
      host.network,
      host.transaction,
      Math.round((host.deadlineMs - atMs) / 10_000),
    ]);
    const key = JSON.stringify([known, memories]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
