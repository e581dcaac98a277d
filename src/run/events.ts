/**
 * The one stream of typed events that a run is. Every screen, log, report and the journal are made
 * from it and from nothing else. Names are in the past tense. All values are JSON.
 */
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

export type RunEventBody =
  | Readonly<{
      type: 'run.started';
      run: string;
      command: string;
      version: string;
      /** All hosts of the run in the order of their waves. */
      hosts: readonly string[];
      waves: readonly (readonly string[])[];
    }>
  /** `wave`: index into the waves of run.started, from 0. */
  | Readonly<{ type: 'wave.started'; wave: number; hosts: readonly string[] }>
  | Readonly<{ type: 'wave.finished'; wave: number; good: boolean }>
  | Readonly<{ type: 'host.phase'; host: string; phase: HostPhase; detail?: string }>
  | Readonly<{
      type: 'host.planned';
      host: string;
      /** One line a change. */
      changes: readonly string[];
      hazards: readonly PlannedHazard[];
      touchesManagement: boolean;
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
  | Readonly<{ type: 'host.reached'; host: string; address: string; outageMs: number }>
  | Readonly<{ type: 'host.probed'; host: string; probe: string; good: boolean; text: string }>
  | Readonly<{ type: 'host.differed'; host: string; differences: readonly string[] }>
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
