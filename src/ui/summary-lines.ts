/** The end of every run, for people: counts, every failure with its cause, and the notes. */
import { OUTCOMES } from '../run/events.js';
import type { Outcome } from '../run/events.js';
import { finishedCause, finishedDetails, finishedHead } from './finished-lines.js';
import { outageSummary } from './bar-lines.js';
import type { Presentation } from './presentation.js';
import { rollbackMoment } from './rollback-text.js';
import { sanitise } from './sanitise.js';
import type { Span, StyledLine } from './styled-line.js';
import { span } from './styled-line.js';
import type { RunView } from './view-model.js';
import { BAD_OUTCOMES, OUTCOME_STYLES, OUTCOME_WORDS, formatDuration, plural } from './words.js';

/** `3 confirmed, 1 rolled back`: only what there is. */
export function countSpans(counts: Readonly<Record<Outcome, number>>): readonly Span[] {
  const present = OUTCOMES.filter((outcome) => counts[outcome] > 0);
  if (present.length === 0) return [span('no host has finished')];
  return present.flatMap((outcome, index) => [
    ...(index === 0 ? [] : [span(', ')]),
    span(`${counts[outcome]} ${OUTCOME_WORDS[outcome]}`, OUTCOME_STYLES[outcome]),
  ]);
}

/**
 * Lines may be longer than a terminal is wide; whoever prints them lets the terminal wrap. `goesOn`: the run
 * was only looked at, and nobody leaves its hosts alone.
 */
export function summaryLines(
  view: RunView,
  presentation: Presentation,
  goesOn = false,
): readonly StyledLine[] {
  const { result } = view;
  const counts = result?.counts ?? view.counts;
  const elapsed =
    result?.durationMs ?? (view.startedMs === undefined ? 0 : view.lastMs - view.startedMs);
  const head: StyledLine = [
    span(
      result !== undefined
        ? `run finished in ${formatDuration(elapsed)}`
        : goesOn
          ? `so far, after ${formatDuration(elapsed)}`
          : `run left after ${formatDuration(elapsed)}`,
      'strong',
    ),
    span(`: ${plural(view.hostCount, 'host')}: `),
    ...countSpans(counts),
    ...(goesOn && result === undefined
      ? [span(`, ${view.active.size} under way, ${view.queued} queued`)]
      : []),
  ];
  const outage = outageSummary(view.outages);
  // The counts stand at the end: after a hundred failures that is where the eye is.
  return [
    ...BAD_OUTCOMES.flatMap((outcome) => failureLines(view, outcome, presentation)),
    ...(goesOn ? [] : unfinishedLines(view, presentation)),
    ...(view.stopping === undefined
      ? []
      : [[span('stopped early: ', 'warning'), span(sanitise(view.stopping))]]),
    head,
    ...(outage === undefined ? [] : [[span(outage)]]),
    ...(result?.notes ?? []).map((note) => [span('note: ', 'warning'), span(sanitise(note))]),
  ];
}

function failureLines(
  view: RunView,
  outcome: Outcome,
  presentation: Presentation,
): readonly StyledLine[] {
  return view.failures
    .filter((failure) => failure.outcome === outcome)
    .flatMap((failure) => {
      const cause = finishedCause(failure);
      return [
        [
          span('  '),
          ...finishedHead(failure, presentation),
          span(` (at ${presentation.clock(Date.parse(failure.at))})`, 'faint'),
        ],
        ...(cause === undefined ? [] : [[span(`      ${cause}`)]]),
        ...finishedDetails(failure).map((detail) => [span(`      ${detail}`, 'faint')]),
      ];
    });
}

/** Hosts that were under way when the run was left, and what becomes of them. */
function unfinishedLines(view: RunView, { clock }: Presentation): readonly StyledLine[] {
  if (view.result !== undefined || view.active.size === 0) return [];
  return [
    [span(`${plural(view.active.size, 'host')} left under way:`, 'warning')],
    ...[...view.active.values()].map((host) => [
      span('  '),
      span(sanitise(host.host), 'strong'),
      span(`: ${rollbackMoment(host, clock)}`),
    ]),
    ...(view.queued === 0 ? [] : [[span(`${plural(view.queued, 'host')} not begun`)]]),
  ];
}
