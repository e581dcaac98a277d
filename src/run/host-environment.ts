/** What a host's way through a run needs of the world. */
import { setTimeout as realDelay } from 'node:timers/promises';

import type { Transport } from '../transport/transport.js';
import type { Emit } from './event-stream.js';

export type HostEnvironment = Readonly<{
  transport: Transport;
  emit: Emit;
  /** Monotonic milliseconds. */
  now: () => number;
  date: () => Date;
  /** Waits; rejects when aborted. Tests give a clock of their own. */
  delay?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  /** Aborted: begin nothing new. What has begun runs to its end. */
  stopping: AbortSignal;
  newTransactionId: () => string;
  newNonce: () => string;
  /** Who begins the transaction, for others who find it: `user@host, netorch RUN`. */
  owner: string;
  /** Settles when all that was told so far is on the controller's disk. Never rejects. */
  recorded?: () => Promise<void>;
  /** Takes its turn among hosts that are dialled again while they wait for their group. */
  turn?: <T>(work: () => Promise<T>) => Promise<T>;
}>;

/** Rejects when aborted. */
export function delayIn(
  env: Pick<HostEnvironment, 'delay'>,
  ms: number,
  signal?: AbortSignal,
): Promise<unknown> {
  return env.delay?.(ms, signal) ?? realDelay(ms, undefined, signal && { signal });
}
