/** What one host is asked to become, and what came of it. */
import type { DesiredState } from '../network/desired.js';
import type { ProbeSpec } from '../probes/probe-script.js';
import type { ConnectionTarget } from '../transport/transport.js';
import type { Outcome, Timings } from './events.js';

export type HostJob = Readonly<{
  host: string;
  target: ConnectionTarget;
  desired: DesiredState;
  probes: readonly ProbeSpec[];
  /** Seconds that the controller has, after the change, to prove the host good. */
  confirmWindowSeconds: number;
  /** From a saved plan: the fingerprint the plan must still have (plan-fingerprint.ts). */
  expectedFingerprint: string | undefined;
}>;

export type HostResult = Readonly<{
  host: string;
  outcome: Outcome;
  cause?: string;
  details?: readonly string[];
  verified?: boolean;
  durationMs: number;
  outageMs?: number;
  timings: Timings;
}>;
