/** Which hosts the list of the screen has, in which order: failures first, then those under way, then what a filter finds. */
import type { Outcome } from '../run/events.js';
import type { HostLog } from './host-log.js';
import type { ScreenState } from './screen-state.js';
import type { ActiveHost, FinishedHost, RunView } from './view-model.js';
import { OUTCOME_WORDS, PHASE_WORDS } from './words.js';

/** Pinned: what may need a hand before the run is over, the worst first. */
const PINNED_OUTCOMES: readonly Outcome[] = ['lost', 'failed', 'rolled-back'];

export type HostRow = Readonly<
  | { kind: 'failure'; host: string; failure: FinishedHost }
  | { kind: 'active'; host: string; active: ActiveHost }
  /** Found by the filter alone. */
  | { kind: 'other'; host: string; outcome: Outcome | undefined }
>;

/** The newest first: the older ones are further up in the scrollback anyway. */
export function pinnedFailures(view: RunView): readonly FinishedHost[] {
  return PINNED_OUTCOMES.flatMap((outcome) =>
    view.failures.filter((failure) => failure.outcome === outcome).reverse(),
  );
}

export function hostRows(
  view: RunView,
  log: HostLog,
  { filter, sort }: Pick<ScreenState, 'filter' | 'sort'>,
): readonly HostRow[] {
  const failures = pinnedFailures(view).map((failure): HostRow => ({
    kind: 'failure',
    host: failure.host,
    failure,
  }));
  const active = sortActive(view, sort).map((host): HostRow => ({
    kind: 'active',
    host: host.host,
    active: host,
  }));
  const rows = [...failures, ...active];
  if (filter === '') return rows;
  const known = new Set(rows.map(({ host }) => host));
  const others = log
    .hosts()
    .filter((host) => !known.has(host))
    .map((host): HostRow => ({ kind: 'other', host, outcome: log.outcomeOf(host) }));
  const wanted = filter.toLowerCase();
  return [...rows, ...others].filter((row) => rowWords(row).toLowerCase().includes(wanted));
}

/** What a filter is compared with. */
function rowWords(row: HostRow): string {
  switch (row.kind) {
    case 'failure':
      return `${row.host} ${OUTCOME_WORDS[row.failure.outcome]}`;
    case 'active':
      return `${row.host} ${row.active.lost ? 'lost ' : ''}${PHASE_WORDS[row.active.phase]}`;
    case 'other':
      return `${row.host} ${row.outcome === undefined ? 'queued' : OUTCOME_WORDS[row.outcome]}`;
  }
}

/** Hosts that cannot be reached come first; all sorts are stable, so the others stay as they began. */
export function sortActive(view: RunView, sort: ScreenState['sort']): readonly ActiveHost[] {
  const hosts = [...view.active.values()];
  switch (sort) {
    case 'urgency':
      return hosts.sort((a, b) => urgency(a) - urgency(b));
    case 'name':
      return hosts.sort((a, b) => a.host.localeCompare(b.host, 'en', { numeric: true }));
    case 'deadline':
      return hosts.sort((a, b) => (a.deadlineMs ?? Infinity) - (b.deadlineMs ?? Infinity) || 0);
    case 'phase':
      return hosts.sort((a, b) => a.phase.localeCompare(b.phase, 'en'));
  }
}

function urgency(host: ActiveHost): number {
  if (host.lost) return 0;
  return isAway(host) ? 1 : 2;
}

export function isAway(host: ActiveHost): boolean {
  return host.phase === 'waiting-for-rollback';
}
