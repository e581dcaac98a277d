/** Whether the run that began a transaction still goes on, as far as this machine can know. */
import { readRun } from '../run/journal-files.js';

/** `unknown`: it was begun from another machine, by another user, or its journal is gone. */
export function runOfOwner(owner: string, journals: string): 'alive' | 'dead' | 'unknown' {
  const run = /, run ([A-Za-z0-9-]+)$/.exec(owner)?.[1];
  if (run === undefined) return 'unknown';
  try {
    const record = readRun(journals, run);
    if (record.events.some((event) => event.type === 'run.finished')) return 'dead';
    return record.controller;
  } catch {
    return 'unknown';
  }
}
