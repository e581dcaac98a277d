/** One play rolled out over many hosts: wave by wave, never on over lost hosts. */
import PQueue from 'p-queue';

import { AtomicGroup } from './atomic-group.js';
import type { CommitGate } from './commit-gate.js';
import type { Outcome, RunEventBody } from './events.js';
import type { Emit } from './event-stream.js';
import type { HostEnvironment } from './host-environment.js';
import type { HostJob, HostResult } from './host-job.js';
import { runHost } from './host-run.js';
import { gateways, observedReach, plannedReach, type Reach } from './last-and-alone.js';
import type { MeshBoard, MeshMembers } from './mesh-board.js';
import { meshBoardFor } from './mesh-probes.js';
import { countOutcomes, exitCodeOf, isBad, reasonToStop, type StopRules } from './outcomes.js';
import { Pace } from './pace.js';
import { stateOf } from './recorded-state.js';
import type { RunSwitch } from './run-switch.js';
import {
  checkWave,
  looksAgain,
  type Recorded,
  type RunCommand,
  type WaveChecks,
} from './wave-checks.js';

export type RunRules = StopRules &
  WaveChecks &
  Readonly<{
    /** `manual`: somebody must say yes before each wave but the first, or before an atomic group is committed. */
    approve: 'auto' | 'manual';
    /** Hosts that are confirmed together, or not at all. */
    atomic: 'wave' | 'run' | undefined;
  }>;

export const DEFAULT_RULES: RunRules = {
  maxFailPercentage: undefined,
  anyErrorsFatal: false,
  onLost: 'stop',
  soakSeconds: 0,
  commands: [],
  approve: 'auto',
  atomic: undefined,
};

export type RunOptions = Readonly<{
  run: string;
  command: string;
  version: string;
  /** Names of hosts; each has a job. */
  waves: readonly (readonly string[])[];
  jobs: ReadonlyMap<string, HostJob>;
  /** Hosts in flight at the same time. */
  forks: number;
  rules: RunRules;
  switch: RunSwitch;
  notes: readonly string[];
  /** Of mesh probes. */
  mesh?: MeshMembers;
  /** Told right after the run has begun: what whoever looks at it should know beforehand. */
  firstWords?: readonly string[];
  /** Said by run.started besides. */
  about?: Pick<
    Extract<RunEventBody, { type: 'run.started' }>,
    'play' | 'resumes' | 'undoes' | 'alone' | 'controller'
  >;
  runCommand: RunCommand;
  /** Has the journal taken everything so far? An atomic group is committed only then. */
  isRecorded: () => boolean;
}>;

export type RunResult = Readonly<{
  results: readonly HostResult[];
  counts: Readonly<Record<Outcome, number>>;
  exitCode: number;
}>;

export async function executeRun(
  options: RunOptions,
  environment: Omit<HostEnvironment, 'stopping' | 'emit'>,
  emit: Emit,
): Promise<RunResult> {
  return new Run(options, environment, emit).execute();
}

/** One host under way: when it needs no slot any more, and when it has ended. */
type Started = Readonly<{ settled: Promise<unknown>; ended: Promise<HostResult> }>;

class Run {
  private readonly options: RunOptions;
  private readonly env: HostEnvironment;
  private readonly emit: Emit;
  private readonly queue: PQueue;
  private readonly pace: Pace;
  /** Aborted with the reason why no further host is begun. */
  private readonly halt = new AbortController();
  private readonly hostCount: number;
  private readonly looksAgain: boolean;
  private readonly results = new Map<string, HostResult>();
  /** Wave → its results that are bad. */
  private readonly bad = new Map<number, HostResult[]>();
  /** What checks after the wave compare with: tens of kilobytes a host, so only where they are asked for, until then. */
  private readonly recorded = new Map<string, Recorded>();
  /** How each host reaches others, before and after contact. */
  private readonly reaches: (readonly [host: string, reach: Reach])[];
  private readonly onGood = new Map<string, () => void>();
  private readonly groups = new Map<string, AtomicGroup>();
  private readonly postponed = new Set<string>();
  private readonly mesh: MeshBoard | undefined;
  private problem: string | undefined;
  private isMixed = false;

  constructor(
    options: RunOptions,
    environment: Omit<HostEnvironment, 'stopping' | 'emit'>,
    emit: Emit,
  ) {
    this.options = options;
    this.mesh = meshBoardFor(options.jobs.values(), options.mesh);
    this.hostCount = options.waves.reduce((sum, { length }) => sum + length, 0);
    this.reaches = [...options.jobs].map(([host, { desired, target }]) => [
      host,
      plannedReach(desired, target.address),
    ]);
    this.looksAgain = looksAgain(options.rules, options.jobs.values());
    this.emit = (event) => {
      emit(event);
      this.notice(event);
    };
    const urgent = new PQueue({ concurrency: Math.max(options.forks, 4) });
    this.env = {
      ...environment,
      emit: this.emit,
      stopping: AbortSignal.any([options.switch.stopping.signal, this.halt.signal]),
      // A queue of their own: hosts that wait for a confirmation never stand behind those yet to begin.
      turn: (work) => urgent.add(work),
    };
    this.queue = new PQueue({ concurrency: options.forks });
    this.pace = new Pace(options.forks);
  }

  async execute(): Promise<RunResult> {
    const { options, env } = this;
    const { waves, rules } = options;
    const startedMs = env.now();
    this.emit({
      type: 'run.started',
      run: options.run,
      command: options.command,
      version: options.version,
      hosts: waves.flat(),
      waves,
      ...(rules.atomic === undefined ? {} : { atomic: rules.atomic }),
      ...options.about,
    });
    for (const message of options.firstWords ?? []) {
      this.emit({ type: 'log', level: 'info', message });
    }
    const whole = rules.atomic === 'run' ? this.group(0, waves.flat()) : undefined;
    const ended: Promise<HostResult>[] = [];
    let left = waves;
    for (let index = 0; left.length > 0; index++) {
      const [hosts = [], ...others] = this.gatewaysLast(left);
      left = others;
      const started = await this.wave(index, hosts, whole);
      for (const host of started) ended.push(host.ended);
    }
    const results = await Promise.all(ended);
    const counts = countOutcomes(results);
    const exitCode = exitCodeOf(counts, {
      wasInterrupted: options.switch.stopping.signal.aborted,
      isBroken: this.isMixed || results.some((result) => result.verified === false),
      isCheckFailed: this.problem !== undefined,
    });
    this.emit({
      type: 'run.finished',
      counts,
      exitCode,
      durationMs: Math.round(env.now() - startedMs),
      notes: [...options.notes, ...(this.problem === undefined ? [] : [this.problem])],
    });
    return { results, counts, exitCode };
  }

  // ---- one wave ------------------------------------------------------------------------------------------

  private async wave(
    index: number,
    hosts: readonly string[],
    whole: AtomicGroup | undefined,
  ): Promise<readonly Started[]> {
    const { rules } = this.options;
    const asks = index > 0 && rules.approve === 'manual' && rules.atomic === undefined;
    if (asks && !this.isOver()) {
      await this.options.switch.untilApproved(index, 'wave');
    }
    const skipped = this.whyOver();
    if (skipped !== undefined) return hosts.map((host) => this.skip(host, skipped, whole));
    this.emit({ type: 'wave.started', wave: index, hosts });
    const group = rules.atomic === 'wave' ? this.group(index, hosts) : whole;
    const started = hosts.map((host) => this.start(host, index, hosts, group));
    await Promise.all(started.map((host) => host.settled));
    const isGoodSoFar = !hosts.some((host) => {
      const result = this.results.get(host);
      return result !== undefined && isBad(result);
    });
    // An atomic wave was looked at before it was committed.
    if (isGoodSoFar && group !== undefined && group !== whole) this.emitWave(index, true);
    else {
      const problem = isGoodSoFar ? await this.check(index, hosts) : undefined;
      this.emitWave(index, isGoodSoFar && problem === undefined);
      if (problem !== undefined) {
        this.problem = problem;
        whole?.abandon(problem);
        if (this.results.size < this.hostCount) this.stop(`${problem}: no further host is begun`);
      }
    }
    for (const host of hosts) this.recorded.delete(host);
    return started;
  }

  /** What hosts of earlier waves have as their gateway comes last and alone, as far as that is known by now. */
  private gatewaysLast(left: readonly (readonly string[])[]): readonly (readonly string[])[] {
    const due = new Set(left.flat());
    const last = [...gateways(this.reaches)].filter(
      ([host]) => due.has(host) && !this.postponed.has(host),
    );
    if (last.length === 0) return left;
    for (const [host, why] of last) {
      this.postponed.add(host);
      this.emit({
        type: 'log',
        level: 'info',
        host,
        message: `comes last and alone: it is ${why}`,
      });
    }
    const waves = left.map((wave) => wave.filter((host) => !last.some(([name]) => name === host)));
    return [...waves.filter((wave) => wave.length > 0), ...last.map(([host]) => [host])];
  }

  private emitWave(wave: number, good: boolean): void {
    this.emit({ type: 'wave.finished', wave, good });
  }

  private start(
    host: string,
    wave: number,
    hosts: readonly string[],
    group: AtomicGroup | undefined,
  ): Started {
    const job = this.options.jobs.get(host);
    if (job === undefined) throw new Error(`no job for ${host}`);
    const good = new Promise<void>((resolve) => {
      this.onGood.set(host, resolve);
    });
    let settle: (result: Promise<HostResult>) => void = () => undefined;
    const ended = new Promise<HostResult>((resolve) => {
      settle = resolve;
    });
    const inSlot = this.queue.add(async () => {
      await this.options.switch.untilGoing();
      const way = this.way(job, wave, hosts, group);
      settle(way);
      // A host that waits for its group has no need of its slot: others of the group do.
      await Promise.race([way, good]);
    });
    const isWholeRun = this.options.rules.atomic === 'run';
    return { settled: isWholeRun ? inSlot : ended, ended };
  }

  private async way(
    job: HostJob,
    wave: number,
    hosts: readonly string[],
    group: CommitGate | undefined,
  ): Promise<HostResult> {
    const { host } = job;
    const result = await runHost(
      {
        ...job,
        ...(group === undefined ? {} : { gate: group }),
        ...(this.mesh === undefined ? {} : { mesh: this.mesh }),
        recall: this.options.switch.recallSignal(host),
      },
      this.env,
    );
    this.results.set(host, result);
    if (isBad(result)) {
      const bad = [...(this.bad.get(wave) ?? []), result];
      this.bad.set(wave, bad);
      const reason = reasonToStop(wave + 1, hosts.length, bad, this.options.rules);
      if (reason !== undefined && this.results.size < this.hostCount) this.stop(reason);
    }
    if (group instanceof AtomicGroup) group.ended(result);
    this.adjustPace(result);
    return result;
  }

  private adjustPace(result: HostResult): void {
    const { connectMs, observeMs } = result.timings;
    if (connectMs === undefined || observeMs === undefined) return;
    this.pace.reached(connectMs + observeMs, Math.max(this.queue.pending, 1));
    const deadline = this.options.jobs.get(result.host)?.confirmWindowSeconds;
    if (deadline !== undefined) this.queue.concurrency = this.pace.limit(deadline);
  }

  // ---- groups, checks, stopping --------------------------------------------------------------------------

  private group(number: number, hosts: readonly string[]): AtomicGroup {
    const { rules, forks, isRecorded } = this.options;
    const group = new AtomicGroup({
      group: number,
      hosts,
      forks,
      emit: this.emit,
      now: this.env.now,
      date: this.env.date,
      onGood: (host) => this.onGood.get(host)?.(),
      beforeCommit: async (abandoned) => {
        if (rules.atomic === 'wave') {
          const problem = await this.check(number, hosts, abandoned);
          if (problem !== undefined) return problem;
        }
        if (rules.approve === 'auto' || abandoned.aborted) return undefined;
        const isApproved = await this.options.switch.untilApproved(number, 'commit', abandoned);
        return isApproved ? undefined : 'it was not approved';
      },
      isRecorded,
    });
    for (const host of hosts) this.groups.set(host, group);
    return group;
  }

  private check(
    wave: number,
    hosts: readonly string[],
    abandoned?: AbortSignal,
  ): Promise<string | undefined> {
    const { rules, jobs, forks, runCommand } = this.options;
    const changed = hosts.flatMap((host) => {
      const [job, recorded] = [jobs.get(host), this.recorded.get(host)];
      const result = this.results.get(host);
      const isChanged = result === undefined || result.outcome.startsWith('confirmed');
      return job === undefined || recorded === undefined || !isChanged ? [] : [{ job, recorded }];
    });
    const { signal } = this.options.switch.stopping;
    const stop = abandoned === undefined ? signal : AbortSignal.any([signal, abandoned]);
    return checkWave(
      { wave, hosts: changed, checks: rules, forks, stop, runCommand, mesh: this.mesh },
      this.env,
    );
  }

  private notice(event: RunEventBody): void {
    this.mesh?.notice(event);
    switch (event.type) {
      case 'host.recorded':
        this.reaches.push([event.host, observedReach(stateOf(event.before))]);
        if (this.looksAgain) this.recorded.set(event.host, event);
        break;
      case 'host.lost':
        this.groups.get(event.host)?.abandon(`${event.host} is lost`);
        if (this.options.rules.onLost === 'stop')
          this.stop(`lost ${event.host}: no further host is begun`);
        break;
      case 'group.abandoned':
        this.stop(`an atomic group goes back (${event.reason}): no further host is begun`);
        break;
      case 'group.mixed':
        this.isMixed = true;
        break;
      default:
    }
  }

  private stop(reason: string): void {
    if (this.halt.signal.aborted) return;
    this.halt.abort(reason);
    this.emit({ type: 'run.stopping', reason });
  }

  private isOver(): boolean {
    return this.env.stopping.aborted;
  }

  private whyOver(): string | undefined {
    if (!this.isOver()) return undefined;
    const reason: unknown = this.halt.signal.reason;
    return typeof reason === 'string' ? reason : 'the run was stopped';
  }

  private skip(host: string, cause: string, group: AtomicGroup | undefined): Started {
    const result: HostResult = { host, outcome: 'skipped', cause, durationMs: 0, timings: {} };
    this.results.set(host, result);
    this.emit({ type: 'host.finished', ...result });
    group?.ended(result);
    const ended = Promise.resolve(result);
    return { settled: ended, ended };
  }
}
