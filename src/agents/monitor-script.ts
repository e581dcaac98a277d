/** The script that says what changes in a host's network, for RUN_AND_LISTEN. */
import { agentScript, stdinScript } from './bundle.js';

/** After so long without a word from here the host ends it by itself. */
const LEASE_SECONDS = 45;

/** How often a word is sent: more than one may be late. */
export const MONITOR_WORD_MS = 10_000;

export function monitorScript(leaseSeconds = LEASE_SECONDS): string {
  return stdinScript(agentScript('monitor'), `MONITOR_LEASE=${leaseSeconds}`, 'monitor');
}
