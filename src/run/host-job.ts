/** What one host is asked to become, and what came of it. */
import type { ObservedHost } from '../agents/observed-host.js';
import type { DesiredState } from '../network/desired.js';
import type { ChangePlan } from '../plan/change.js';
import type { BackendChoice } from '../plan/choose-backend.js';
import type { ProbeSpec } from '../probes/probe-script.js';
import type { ConnectOptions, ConnectionTarget } from '../transport/transport.js';
import type { CommitGate } from './commit-gate.js';
import type { RunEventBody } from './events.js';
import type { MeshBoard } from './mesh-board.js';

export type HostJob = Readonly<{
  host: string;
  target: ConnectionTarget;
  /** Where it answers, where that is not what the inventory says (an earlier run has moved it). */
  dial?: Pick<ConnectOptions, 'address' | 'expectedHostKey'>;
  desired: DesiredState;
  /** In place of `desired`: the plan itself, such as the one that undoes an earlier run. Throws as planHost. */
  planFor?: (observed: ObservedHost) => ChangePlan;
  /** Take away what netorch made on the host and this plan names no more. */
  prune?: boolean;
  /** Also a plan that takes away the address at which SSH answers. */
  allowCutOff?: boolean;
  /** What carries the changes out; undefined: whoever owns the links. */
  backend?: BackendChoice;
  /** What other plays want of this host: pruning leaves it alone. */
  others?: readonly DesiredState[];
  probes: readonly ProbeSpec[];
  /** Run, besides the probes, after the host's whole wave. */
  checks?: readonly ProbeSpec[];
  /** Seconds that the controller has, after the change, to prove the host good. */
  confirmWindowSeconds: number;
  /** The change lives until the next reboot: nothing is made persistent. */
  temporary?: boolean;
  /** Reboot the host when it is not what it was after its way back, and nobody has asked of it for so long. */
  lastResortSeconds?: number;
  /** From a saved plan: the fingerprint the plan must still have (plan-fingerprint.ts). */
  expectedFingerprint: string | undefined;
  /** The host is confirmed when its whole group is good, and not before. */
  gate?: CommitGate;
  /** What the hosts of the run find out about each other; without it, mesh probes are not run. */
  mesh?: MeshBoard;
  /** Aborted: the host goes back, for the reason given, unless it was told to confirm before. */
  recall?: AbortSignal;
}>;

/** What the event `host.finished` says of a host. */
export type HostResult = Omit<Extract<RunEventBody, { type: 'host.finished' }>, 'type'>;
