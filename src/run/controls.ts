/**
 * What somebody who watches a run may ask of it: on the screen's keys, or from another terminal. The run
 * answers in events only (run.paused, approval.given, run.stopping, host.phase …).
 */

/** `by`: who asks, for the journal, such as `anna@admin1`. None of these waits or throws. */
export interface RunControls {
  /** No new host is begun; hosts under way go to their end. */
  pause(by: string): void;
  unpause(by: string): void;
  /** The answer to the event `approval.requested`, of this wave if one is given; without one it does nothing. */
  approve(by: string, wave?: number): void;
  /** As the first Ctrl-C: no new host for good, those under way go to their end. */
  stop(by: string): void;
  /** Sends one host under way back at once; a host that is not under way, or confirmed, stays as it is. */
  rollBack(host: string, by: string): void;
}
