import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LabFault } from './fault.js';
import type { LabNamespace, ProcessIdentity } from './namespace.js';
import type { LabHost } from './topology.js';

/** What is written down about a lab, in lab.json in its folder. */
export type LabState = Readonly<{
  version: 1;
  /** `starting` until every host has answered; a lab whose starter is gone in that phase is a ruin. */
  phase: 'starting' | 'up';
  starter: ProcessIdentity;
  holder?: ProcessIdentity;
  namespace?: LabNamespace;
  image?: string;
  hosts: readonly LabHost[];
  faults: readonly LabFault[];
}>;

export function readLabState(dir: string): LabState | undefined {
  try {
    const state = JSON.parse(readFileSync(stateFile(dir), 'utf8')) as LabState;
    return state.version === 1 ? state : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all, also for a reader at the same moment. */
export function writeLabState(dir: string, state: LabState): void {
  const temporary = `${stateFile(dir)}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, stateFile(dir));
}

function stateFile(dir: string): string {
  return path.join(dir, 'lab.json');
}
