/** The job that takes back what an earlier run did to a host: a plan of its own, dialled where that run left it. */
import { planUndo } from '../plan/undo.js';
import type { HostJob } from './host-job.js';
import { stateOf } from './recorded-state.js';
import type { Recorded } from './wave-checks.js';

/** `force`: also where the host has changed since. */
export function undoJob(
  host: string,
  run: string,
  recorded: Recorded,
  force: boolean,
): Pick<HostJob, 'planFor' | 'dial'> {
  const undoable = {
    run,
    scope: recorded.scope,
    before: stateOf(recorded.before),
    target: stateOf(recorded.target),
  };
  return {
    planFor: (observed) => planUndo(host, observed, undoable, force),
    ...(recorded.newAddress === undefined
      ? {}
      : { dial: { address: recorded.newAddress, expectedHostKey: recorded.hostKey } }),
  };
}
