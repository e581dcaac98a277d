/** Which process runs a run, and whether it is still there. */
import { readFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';

import type { Controller } from './events.js';

/** This very process. */
export function thisController(): Controller {
  const startTicks = startTicksOf(process.pid);
  return {
    pid: process.pid,
    machine: hostname(),
    user: userInfo().username,
    ...(startTicks === undefined ? {} : { startTicks }),
  };
}

/**
 * `unknown`: the journal does not name the process, or it is one of another machine. A process with the
 * number of the controller that started at another time is not the controller: numbers are used again.
 */
export function controllerState(controller: Controller | undefined): 'alive' | 'dead' | 'unknown' {
  if (controller === undefined || controller.machine !== hostname()) return 'unknown';
  if (controller.startTicks !== undefined) {
    return startTicksOf(controller.pid) === controller.startTicks ? 'alive' : 'dead';
  }
  try {
    process.kill(controller.pid, 0);
    return 'alive';
  } catch (error) {
    // Somebody else's process may not be signalled, but it is there.
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? 'alive' : 'dead';
  }
}

/** undefined: no such process (a zombie is none), or no /proc. */
function startTicksOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The second field, the program's name in brackets, may hold blanks and brackets itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  return state === 'Z' || state === 'X' ? undefined : fields[19];
}
