/**
 * The one stream of typed events that a run is. Every screen, log, report and the journal are made
 * from it and from nothing else. Names are in the past tense. All values are JSON.
 */
import type { InterfaceState, NetworkState } from '../network/state.js';
import type { HazardKind } from '../plan/change.js';

export type Outcome =
  | 'unchanged'
  | 'confirmed'
  /** Confirmed and running, but a reboot brings back the former state. */
  | 'confirmed-not-persistent'
  | 'rolled-back'
  /** Refused or failed before anything was touched. */
  | 'failed'
  /** Did not come back within the announced time; its state is unknown. */
  | 'lost'
  | 'skipped';

export type HostPhase =
  | 'queued'
  | 'connecting'
  | 'observing'
  | 'planning'
  | 'arming'
  | 'applying'
  /** The session is cut or the change is done: dialling a new connection. */
  | 'reconnecting'
  | 'verifying'
  | 'probing'
  /** Proved good; waits, its deadline being moved on, until its whole atomic group is. */
  | 'holding'
  | 'confirming'
  | 'rolling-back'
  /** Not reachable; the host rolls back by itself at its deadline. */
  | 'waiting-for-rollback'
  | 'done';

export type PlannedHazard = Readonly<{
  kind: HazardKind;
  severity: 'note' | 'warning';
  text: string;
}>;

/** Milliseconds spent per part of one host's way. */
export type Timings = Readonly<{
  connectMs?: number;
  observeMs?: number;
  planMs?: number;
  /** From sending the transaction until the host said applied (or was reached again). */
  applyMs?: number;
  reconnectMs?: number;
  verifyMs?: number;
  probeMs?: number;
  confirmMs?: number;
  rollbackMs?: number;
}>;

/** A network state as JSON: the interfaces as a list. run/recorded-state.ts makes it a state again. */
export type RecordedState = Omit<NetworkState, 'interfaces'> &
  Readonly<{ interfaces: readonly InterfaceState[] }>;

/** Which process runs a run; with it another process can tell whether the run is still alive. */
export type Controller = Readonly<{
  pid: number;
  /** The machine's name: elsewhere the pid means nothing. */
  machine: string;
  user: string;
  /** Start of the process in clock ticks since boot (proc(5), stat field 22), where there is /proc. */
  startTicks?: string;
}>;

export type RunEventBody =
  | Readonly<{
      type: 'run.started';
      run: string;
      command: string;
      version: string;
      /** All hosts of the run in the order of their waves. */
      hosts: readonly string[];
      waves: readonly (readonly string[])[];
      play?: string;
      /** Hosts that are confirmed together, or not at all: those of each wave, or those of the run. */
      atomic?: 'wave' | 'run';
      /** The earlier run that this one goes on with. */
      resumes?: string;
      /** The earlier run that this one undoes. */
      undoes?: string;
      /** Host → why it comes last and alone. */
      alone?: Readonly<Record<string, string>>;
      controller?: Controller;
    }>
  /** `wave`: index into the waves of run.started, from 0. */
  | Readonly<{ type: 'wave.started'; wave: number; hosts: readonly string[] }>
  | Readonly<{ type: 'wave.finished'; wave: number; good: boolean }>
  /** Time to see whether the wave stays good. `until`: ISO time by the controller's clock. */
  | Readonly<{ type: 'wave.soaking'; wave: number; seconds: number; until: string }>
  /** A check after the wave; `host` is missing for a command of the controller. */
  | Readonly<{
      type: 'wave.checked';
      wave: number;
      check: string;
      host?: string;
      good: boolean;
      text: string;
    }>
  /** The run waits for a word: before wave `wave` begins, or before an atomic group is committed. */
  | Readonly<{ type: 'approval.requested'; wave: number; before: 'wave' | 'commit' }>
  | Readonly<{ type: 'approval.given'; wave: number; by: string }>
  | Readonly<{ type: 'run.paused'; by: string }>
  | Readonly<{ type: 'run.unpaused'; by: string }>
  /** Every host of the atomic group is good; their deadlines are moved before the decision. */
  | Readonly<{ type: 'group.ready'; group: number; hosts: readonly string[] }>
  /**
   * The decision: synced to disk before the first host is confirmed. `until`: the earliest ISO time at
   * which a host of the group starts to roll back if its confirmation does not arrive.
   */
  | Readonly<{ type: 'group.committed'; group: number; hosts: readonly string[]; until: string }>
  /** The other decision: every host of the group goes back. */
  | Readonly<{
      type: 'group.abandoned';
      group: number;
      hosts: readonly string[];
      reason: string;
    }>
  /** Committed, but hosts rolled back before their confirmation came: `netorch resume` ends it. */
  | Readonly<{
      type: 'group.mixed';
      group: number;
      confirmed: readonly string[];
      rolledBack: readonly string[];
    }>
  | Readonly<{ type: 'host.phase'; host: string; phase: HostPhase; detail?: string }>
  | Readonly<{
      type: 'host.planned';
      host: string;
      /** One line a change. */
      changes: readonly string[];
      hazards: readonly PlannedHazard[];
      touchesManagement: boolean;
    }>
  /**
   * Just before the transaction is sent: what is needed to show, to go on with and to undo it. Not for
   * screens, and large: tens of kilobytes.
   */
  | Readonly<{
      type: 'host.recorded';
      host: string;
      transaction: string;
      /** The address dialled, and the very host key that was met there. */
      address: string;
      hostKey: string;
      bootId: string;
      /** Where SSH answers after the change, if elsewhere. */
      newAddress?: string;
      /** Interfaces that the transaction may change. */
      scope: readonly string[];
      before: RecordedState;
      target: RecordedState;
      budget: Readonly<{ applySeconds: number; confirmSeconds: number; rollbackSeconds: number }>;
      /** Canonical lines (agents/canonical.ts) of all in scope as it was. */
      baseline: readonly string[];
      /** What carries it out, where that is not iproute2. */
      backend?: 'nmcli';
      /** The command lines of the way there, in order, for people to read. */
      commands?: readonly string[];
      /** Names of probes that were not good before, and are not required after. */
      waivedProbes?: readonly string[];
    }>
  | Readonly<{
      type: 'host.armed';
      host: string;
      transaction: string;
      /** ISO time (controller's clock) at which an unconfirmed host starts to roll back. */
      deadline: string;
      /** ISO time by which it is back to what it was: deadline + rollback budget. */
      announced: string;
      deadlineSeconds: number;
      rollbackBudgetSeconds: number;
    }>
  | Readonly<{ type: 'host.applied'; host: string; durationMs: number }>
  | Readonly<{ type: 'host.cut-off'; host: string }>
  /** The host's deadline was moved, because its group or a pause needs longer. */
  | Readonly<{ type: 'host.extended'; host: string; deadline: string; secondsLeft: number }>
  /**
   * Not reached by its deadline: it is on its way back by itself, and is expected by `announced`. No
   * further host is begun unless the play says `on_lost: continue`. Its outcome comes later.
   */
  | Readonly<{ type: 'host.lost'; host: string; deadline: string; announced: string }>
  /** A lost host was reached again; also one that an earlier run had lost (`netorch resume`). */
  | Readonly<{ type: 'host.returned'; host: string; outcome: Outcome; verified?: boolean }>
  /** Also after each further cut; `outageMs`: in all so far. */
  | Readonly<{ type: 'host.reached'; host: string; address: string; outageMs: number }>
  | Readonly<{ type: 'host.probed'; host: string; probe: string; good: boolean; text: string }>
  | Readonly<{ type: 'host.differed'; host: string; differences: readonly string[] }>
  /** Looked at in the window before it went back. Without a cause: it is unknown. */
  | Readonly<{
      type: 'host.diagnosed';
      host: string;
      kind?: string;
      /** One sentence in network words. */
      cause?: string;
      evidence: readonly string[];
    }>
  | Readonly<{
      type: 'host.finished';
      host: string;
      outcome: Outcome;
      /** For anything but unchanged and confirmed: one sentence in network words. */
      cause?: string;
      /** Further lines: evidence, the command's own words, what to do. */
      details?: readonly string[];
      /** Did the host prove that it is exactly what it was (rolled-back only)? */
      verified?: boolean;
      durationMs: number;
      outageMs?: number;
      timings: Timings;
    }>
  | Readonly<{ type: 'run.stopping'; reason: string }>
  | Readonly<{ type: 'log'; level: 'info' | 'warning' | 'error'; host?: string; message: string }>
  | Readonly<{
      type: 'run.finished';
      counts: Readonly<Record<Outcome, number>>;
      exitCode: number;
      durationMs: number;
      /** Lines that every summary repeats, e.g. "running only: a reboot brings back the former state". */
      notes: readonly string[];
    }>;

/** `at`: ISO time of the controller; `seq` counts from 1 within the run. */
export type RunEvent = Readonly<{ at: string; seq: number }> & RunEventBody;

export type EventListener = (event: RunEvent) => void;

export const OUTCOMES: readonly Outcome[] = [
  'unchanged',
  'confirmed',
  'confirmed-not-persistent',
  'rolled-back',
  'failed',
  'lost',
  'skipped',
];
