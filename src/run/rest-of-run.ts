/** What is left to do of an earlier run, once the end of all its hosts is known as far as it can be. Pure. */
import { changedOfMixedGroups, isLeft, type RunAccount } from './run-account.js';
import type { SettledRun } from './settle-run.js';

export type RestOfRun =
  /** Nothing further may be begun. */
  | Readonly<{ kind: 'stopped'; why: string }>
  /** These hosts stayed changed, though not all of their group are. */
  | Readonly<{ kind: 'mixed'; hosts: readonly string[] }>
  /** These hosts are to be done, or done again; none: the run is at its end. */
  | Readonly<{ kind: 'left'; hosts: ReadonlySet<string> }>;

export function restOfRun(
  account: RunAccount,
  { hosts, broken }: SettledRun,
  onLost: 'stop' | 'continue',
): RestOfRun {
  if (broken.length > 0) {
    return { kind: 'stopped', why: `${broken.join(', ')} could not go back to what it was` };
  }
  const lost = [...hosts.values()].filter(({ outcome }) => outcome === 'lost');
  if (lost.length > 0 && onLost === 'stop') {
    return {
      kind: 'stopped',
      why: `${lost.map(({ host }) => host).join(', ')} cannot be reached`,
    };
  }
  const changed = changedOfMixedGroups(account, hosts);
  if (changed.length > 0) return { kind: 'mixed', hosts: changed };
  return {
    kind: 'left',
    hosts: new Set([...hosts.values()].filter(isLeft).map(({ host }) => host)),
  };
}
