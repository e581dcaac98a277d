/** What is told of a run afterwards, folded from its events: per wave and host, with the times of each part. Pure. */
import type { HostPhase, Outcome, RunEvent } from '../run/events.js';
import type { FinishedHost } from './view-model.js';

type EventOf<Type extends RunEvent['type']> = Extract<RunEvent, { type: Type }>;

/** A part of a host's way; `toMs` is undefined while it lasts. */
export type PhaseSpan = Readonly<{
  phase: HostPhase;
  detail: string | undefined;
  fromMs: number;
  toMs: number | undefined;
}>;

export type HostReport = Readonly<{
  host: string;
  /** Index of its wave. */
  wave: number | undefined;
  phases: readonly PhaseSpan[];
  planned: EventOf<'host.planned'> | undefined;
  /** Its states before and as planned; the last ones, when it was planned again. */
  recorded: EventOf<'host.recorded'> | undefined;
  armed: EventOf<'host.armed'> | undefined;
  probes: readonly EventOf<'host.probed'>[];
  /** When the controller could not reach it. */
  outages: readonly Readonly<{ fromMs: number; toMs: number | undefined }>[];
  finished: FinishedHost | undefined;
  /** How a lost host ended after all. */
  returned: EventOf<'host.returned'> | undefined;
  /** Its events in order, without the large ones. */
  events: readonly RunEvent[];
}>;

export type WaveReport = Readonly<{
  hosts: readonly string[];
  startedMs: number | undefined;
  finishedMs: number | undefined;
  good: boolean | undefined;
}>;

export type RunReport = Readonly<{
  started: EventOf<'run.started'> | undefined;
  startedMs: number;
  /** The moment of the last event. */
  lastMs: number;
  waves: readonly WaveReport[];
  /** In the order of the waves. */
  hosts: readonly HostReport[];
  /** Why no new host was begun. */
  stopping: string | undefined;
  finished: EventOf<'run.finished'> | undefined;
  /** Events of the run as a whole. */
  events: readonly RunEvent[];
}>;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Draft = Mutable<Omit<HostReport, 'phases' | 'outages' | 'probes' | 'events'>> & {
  phases: Mutable<PhaseSpan>[];
  outages: { fromMs: number; toMs: number | undefined }[];
  probes: EventOf<'host.probed'>[];
  events: RunEvent[];
};

/** `events` as they stand in the journal; hosts and waves that were never announced are taken as they come. */
export function reportRun(events: readonly RunEvent[]): RunReport {
  const started = events.find((event) => event.type === 'run.started');
  const waves: Mutable<WaveReport>[] = (started?.waves ?? []).map((hosts) => ({
    hosts,
    startedMs: undefined,
    finishedMs: undefined,
    good: undefined,
  }));
  const hosts = new Map<string, Draft>();
  const draft = (host: string): Draft => {
    const known = hosts.get(host) ?? emptyHost(host, undefined);
    hosts.set(host, known);
    return known;
  };
  for (const [wave, names] of (started?.waves ?? []).entries()) {
    for (const host of names) hosts.set(host, emptyHost(host, wave));
  }
  let stopping: string | undefined;
  let finished: EventOf<'run.finished'> | undefined;
  const own: RunEvent[] = [];
  for (const event of events) {
    const atMs = Date.parse(event.at);
    if ('host' in event && event.host !== undefined) addToHost(draft(event.host), event, atMs);
    else own.push(event);
    switch (event.type) {
      case 'wave.started':
      case 'wave.finished': {
        const wave = waves[event.wave];
        if (wave === undefined) break;
        if (event.type === 'wave.started') wave.startedMs = atMs;
        else Object.assign(wave, { finishedMs: atMs, good: event.good });
        break;
      }
      case 'run.stopping':
        stopping ??= event.reason;
        break;
      case 'run.finished':
        finished = event;
        break;
      // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others say nothing of the run
      default:
    }
  }
  const [first] = events;
  const last = events.at(-1);
  return {
    started,
    startedMs: Date.parse((started ?? first)?.at ?? ''),
    lastMs: Date.parse(last?.at ?? ''),
    waves,
    hosts: [...hosts.values()],
    stopping,
    finished,
    events: own,
  };
}

function emptyHost(host: string, wave: number | undefined): Draft {
  return {
    host,
    wave,
    phases: [],
    planned: undefined,
    recorded: undefined,
    armed: undefined,
    probes: [],
    outages: [],
    finished: undefined,
    returned: undefined,
    events: [],
  };
}

function addToHost(host: Draft, event: RunEvent, atMs: number): void {
  if (event.type !== 'host.recorded') host.events.push(event);
  const phase = host.phases.at(-1);
  const outage = host.outages.at(-1);
  switch (event.type) {
    case 'host.phase':
      if (phase !== undefined) phase.toMs ??= atMs;
      if (event.phase === 'queued' || event.phase === 'done') break;
      host.phases.push({ phase: event.phase, detail: event.detail, fromMs: atMs, toMs: undefined });
      break;
    case 'host.planned':
      host.planned = event;
      break;
    case 'host.recorded':
      host.recorded = event;
      break;
    case 'host.armed':
      host.armed = event;
      break;
    case 'host.probed':
      host.probes.push(event);
      break;
    case 'host.cut-off':
      host.outages.push({ fromMs: atMs, toMs: undefined });
      break;
    case 'host.reached':
      if (outage !== undefined) outage.toMs ??= atMs;
      break;
    case 'host.returned':
      host.returned = event;
      if (outage !== undefined) outage.toMs ??= atMs;
      break;
    case 'host.finished':
      host.finished = event;
      if (phase !== undefined) phase.toMs ??= atMs;
      // A lost host has not come back.
      if (outage !== undefined && event.outcome !== 'lost') outage.toMs ??= atMs;
      break;
    // oxlint-disable-next-line typescript/switch-exhaustiveness-check -- the others are kept as events
    default:
  }
}

/** What became of it in the end: a lost host that came back is what it came back as. */
export function outcomeOf(host: HostReport): Outcome | undefined {
  return host.returned?.outcome ?? host.finished?.outcome;
}

/** Begun, and nobody has said how it ended. */
export function isUnderWay(host: HostReport): boolean {
  return host.finished === undefined && host.phases.length > 0;
}

/** How often each outcome; hosts without one are not counted. */
export function countReport(report: RunReport): Readonly<Partial<Record<Outcome, number>>> {
  const counts: Partial<Record<Outcome, number>> = {};
  for (const host of report.hosts) {
    const outcome = outcomeOf(host);
    if (outcome !== undefined) counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}
