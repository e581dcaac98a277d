/** What one host is asked to become, and what came of it. */
import type { DesiredState } from '../network/desired.js';
import type { ProbeSpec } from '../probes/probe-script.js';
import type { ConnectionTarget } from '../transport/transport.js';
import type { RunEventBody } from './events.js';

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

/** What the event `host.finished` says of a host. */
export type HostResult = Omit<Extract<RunEventBody, { type: 'host.finished' }>, 'type'>;
