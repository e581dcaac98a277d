/** The script that gathers evidence on a host before its change is taken back (diagnose.sh). Pure. */
import { quoteSh } from '../quote-sh.js';
import { agentScript, stdinScript } from './bundle.js';

export type DiagnosisRequest = Readonly<{
  /** Names of interfaces; those that are not there are said to be missing. */
  devices: readonly string[];
  /** Addresses that should be reached. */
  ask: readonly string[];
  /** The controller as the host sees it. */
  peer: string | undefined;
  /** Where SSH should answer. */
  own: string | undefined;
}>;

/** The longest that it may take: four seconds by itself, and a small host is slow to start programs. */
export const DIAGNOSIS_TIMEOUT_MS = 10_000;

/** As a file of the transaction: the host gathers by itself when nobody reaches it. */
export function diagnosisFile(request: DiagnosisRequest): string {
  return [
    `DEVICES=${quoteSh(request.devices.join(' '))}`,
    `ASK=${quoteSh(request.ask.join(' '))}`,
    `PEER=${quoteSh(request.peer ?? '')}`,
    `OWN=${quoteSh(request.own ?? '')}`,
    agentScript('diagnose'),
  ].join('\n');
}

export function diagnosisScript(request: DiagnosisRequest): string {
  return stdinScript(diagnosisFile(request));
}
