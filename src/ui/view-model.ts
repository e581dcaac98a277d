/**
 * What a screen needs to know about a run, folded from its events. Pure: no clock, no I/O; the same
 * events give the same view, so a screen can be made again from a journal.
 */
import { assertNever } from '../errors.js';
import type { HostPhase, Outcome, RunEvent } from '../run/events.js';
import { OUTCOMES } from '../run/events.js';
import { isBad } from './words.js';

/** A host that is under way. All moments are milliseconds since the epoch, by the controller's clock. */
export type ActiveHost = Readonly<{
  host: string;
  phase: HostPhase;
  detail: string | undefined;
  startedMs: number;
  phaseSinceMs: number;
  /** When it starts to roll back unless confirmed; undefined: nothing is armed. */
  deadlineMs: number | undefined;
  /** When it is back to what it was at the latest. */
  announcedMs: number | undefined;
  /** Since when the controller cannot reach it. */
  cutOffSinceMs: number | undefined;
  /** For how long it could not, once it was reached again. */
  outageMs: number | undefined;
  /** How many changes are planned. */
  changes: number | undefined;
  /** Was not reached by its deadline: whether it came back is not known yet. */
  lost: boolean;
}>;

export type FinishedHost = Extract<RunEvent, { type: 'host.finished' }>;

export type WaveView = Readonly<{
  hosts: number;
  finished: number;
  state: 'waiting' | 'running' | 'good' | 'bad';
}>;

export type RunView = Readonly<{
  run: string;
  command: string;
  startedMs: number | undefined;
  /** The moment of the latest event. */
  lastMs: number;
  hostCount: number;
  /** Hosts that have neither begun nor finished. */
  queued: number;
  /** In the order in which they began. */
  active: ReadonlyMap<string, ActiveHost>;
  counts: Readonly<Record<Outcome, number>>;
  finished: number;
  /** Hosts whose outcome needs a human's eye, in the order in which they finished. */
  failures: readonly FinishedHost[];
  waves: readonly WaveView[];
  /** Index of the latest wave that began. */
  currentWave: number | undefined;
  waveOf: ReadonlyMap<string, number>;
  /** Why no new host is started. */
  stopping: string | undefined;
  /** Who paused the run; undefined: it is not paused. */
  paused: string | undefined;
  /** What waits for somebody's word. */
  approval: Readonly<{ wave: number; before: 'wave' | 'commit' }> | undefined;
  /** The wave that is watched before the next one begins, and until when. */
  soak: Readonly<{ wave: number; untilMs: number }> | undefined;
  /**
   * For how long finished hosts could not be reached, where that was so → how many of them; as exactly as durations
   * are shown, so that many hosts are few numbers.
   */
  outages: ReadonlyMap<number, number>;
  result: Extract<RunEvent, { type: 'run.finished' }> | undefined;
}>;

export const EMPTY_RUN_VIEW: RunView = {
  run: '',
  command: '',
  startedMs: undefined,
  lastMs: 0,
  hostCount: 0,
  queued: 0,
  active: new Map(),
  counts: zeroCounts(),
  finished: 0,
  failures: [],
  waves: [],
  currentWave: undefined,
  waveOf: new Map(),
  stopping: undefined,
  paused: undefined,
  approval: undefined,
  soak: undefined,
  outages: new Map(),
  result: undefined,
};

/** The view after `event`. Events of hosts or waves that were never announced are taken as they come. */
export function reduceRun(before: RunView, event: RunEvent): RunView {
  const atMs = Date.parse(event.at);
  const view = { ...before, lastMs: atMs };
  switch (event.type) {
    case 'run.started':
      return {
        ...EMPTY_RUN_VIEW,
        run: event.run,
        command: event.command,
        startedMs: atMs,
        lastMs: atMs,
        hostCount: event.hosts.length,
        queued: event.hosts.length,
        waves: event.waves.map((hosts) => ({ hosts: hosts.length, finished: 0, state: 'waiting' })),
        waveOf: new Map(event.waves.flatMap((hosts, wave) => hosts.map((host) => [host, wave]))),
      };
    case 'wave.started':
      return {
        ...withWave(view, event.wave, { state: 'running' }),
        currentWave: event.wave,
        approval: undefined,
        soak: undefined,
      };
    case 'wave.finished':
      return withWave(view, event.wave, { state: event.good ? 'good' : 'bad' });
    case 'host.phase':
      if (event.phase === 'queued' || event.phase === 'done') return view;
      return withActive(view, event.host, atMs, {
        phase: event.phase,
        detail: event.detail,
        phaseSinceMs: atMs,
      });
    case 'host.armed':
      return withActive(view, event.host, atMs, {
        deadlineMs: Date.parse(event.deadline),
        announcedMs: Date.parse(event.announced),
      });
    case 'host.cut-off':
      return withActive(view, event.host, atMs, { cutOffSinceMs: atMs });
    case 'host.reached':
      return withActive(view, event.host, atMs, {
        cutOffSinceMs: undefined,
        outageMs: event.outageMs,
        lost: false,
      });
    case 'host.planned':
      return withActive(view, event.host, atMs, { changes: event.changes.length });
    case 'host.finished':
      return withFinished(view, event);
    case 'run.stopping':
      return {
        ...view,
        // What stopped it first is why it stopped.
        stopping: view.stopping ?? event.reason,
        paused: undefined,
        approval: undefined,
      };
    case 'run.finished':
      return { ...view, result: event };
    case 'host.extended':
      return withActive(view, event.host, atMs, { deadlineMs: Date.parse(event.deadline) });
    case 'wave.soaking':
      return { ...view, soak: { wave: event.wave, untilMs: Date.parse(event.until) } };
    case 'approval.requested':
      return { ...view, approval: { wave: event.wave, before: event.before } };
    case 'approval.given':
      return { ...view, approval: undefined };
    case 'run.paused':
      return { ...view, paused: event.by };
    case 'run.unpaused':
      return { ...view, paused: undefined };
    case 'host.lost':
      return withActive(view, event.host, atMs, {
        lost: true,
        deadlineMs: Date.parse(event.deadline),
        announcedMs: Date.parse(event.announced),
      });
    case 'host.returned':
      return withReturned(view, event);
    case 'wave.checked':
    case 'group.ready':
    case 'group.committed':
    case 'group.abandoned':
    case 'group.mixed':
    case 'host.recorded':
    case 'host.applied':
    case 'host.probed':
    case 'host.differed':
    case 'host.diagnosed':
    case 'log':
      return view;
    default:
      return assertNever(event);
  }
}

function zeroCounts(): Record<Outcome, number> {
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
}

function withWave(view: RunView, wave: number, change: Partial<WaveView>): RunView {
  const old = view.waves[wave];
  if (old === undefined) return view;
  return { ...view, waves: view.waves.with(wave, { ...old, ...change }) };
}

function withActive(
  view: RunView,
  host: string,
  atMs: number,
  change: Partial<ActiveHost>,
): RunView {
  const old = view.active.get(host);
  const next: ActiveHost = {
    host,
    phase: 'connecting',
    detail: undefined,
    startedMs: atMs,
    phaseSinceMs: atMs,
    deadlineMs: undefined,
    announcedMs: undefined,
    cutOffSinceMs: undefined,
    outageMs: undefined,
    changes: undefined,
    lost: false,
    ...old,
    ...change,
  };
  const queued = old === undefined ? Math.max(0, view.queued - 1) : view.queued;
  return { ...view, queued, active: new Map(view.active).set(host, next) };
}

function withFinished(view: RunView, event: FinishedHost): RunView {
  const active = new Map(view.active);
  const wasActive = active.delete(event.host);
  const wave = view.waveOf.get(event.host);
  const old = wave === undefined ? undefined : view.waves[wave];
  const next: RunView = {
    ...view,
    active,
    queued: wasActive ? view.queued : Math.max(0, view.queued - 1),
    finished: view.finished + 1,
    counts: { ...view.counts, [event.outcome]: view.counts[event.outcome] + 1 },
    failures: isBad(event.outcome) ? [...view.failures, event] : view.failures,
    outages: withOutage(view.outages, event.outageMs),
  };
  if (wave === undefined || old === undefined) return next;
  return withWave(next, wave, { finished: old.finished + 1 });
}

function withOutage(outages: RunView['outages'], outageMs: number | undefined): RunView['outages'] {
  if (outageMs === undefined || outageMs <= 0) return outages;
  // As formatDuration rounds.
  const digits = outageMs < 9_950 ? 1 : 0;
  const shownMs = Math.round(Number((outageMs / 1000).toFixed(digits)) * 1000);
  return new Map(outages).set(shownMs, (outages.get(shownMs) ?? 0) + 1);
}

/** A host that this run had lost is what it came back as; one under way still has to finish. */
function withReturned(view: RunView, event: Extract<RunEvent, { type: 'host.returned' }>): RunView {
  const lost = view.failures.find(({ host, outcome }) => host === event.host && outcome === 'lost');
  if (lost === undefined) return view;
  const { verified } = event;
  const back: FinishedHost = {
    ...lost,
    outcome: event.outcome,
    ...(verified === undefined ? {} : { verified }),
  };
  return {
    ...view,
    counts: {
      ...view.counts,
      lost: view.counts.lost - 1,
      [event.outcome]: view.counts[event.outcome] + 1,
    },
    failures: isBad(event.outcome)
      ? view.failures.map((failure) => (failure === lost ? back : failure))
      : view.failures.filter((failure) => failure !== lost),
  };
}
