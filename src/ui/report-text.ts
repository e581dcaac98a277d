/** A former run told as text: `netorch report RUN`. */
import type { Outcome } from '../run/events.js';
import { OUTCOMES } from '../run/events.js';
import { finishedCause, finishedDetails, finishedHead } from './finished-lines.js';
import type { Presentation } from './presentation.js';
import type { HostReport, RunReport, WaveReport } from './run-report.js';
import { countReport, isUnderWay, outcomeOf } from './run-report.js';
import { sanitise } from './sanitise.js';
import type { StyledLine } from './styled-line.js';
import { span } from './styled-line.js';
import { countSpans } from './summary-lines.js';
import { OUTCOME_STYLES, OUTCOME_WORDS, formatDuration, plural } from './words.js';

/** What is known of a run beside its events. */
export type RunFacts = Readonly<{
  /** Whether the process that ran it is still there. */
  controller: 'alive' | 'dead' | 'unknown';
  /** What of the journal could not be read, in words. */
  damage: readonly string[];
}>;

/** Lines may be longer than a terminal is wide. */
export function reportLines(
  report: RunReport,
  facts: RunFacts,
  presentation: Presentation,
): readonly StyledLine[] {
  const waves = report.waves.flatMap((wave, index) => [
    [],
    ...waveLines(report, wave, index, presentation),
  ]);
  const strays = report.hosts.filter((host) => host.wave === undefined);
  return [
    ...headLines(report, facts, presentation),
    ...waves,
    ...(strays.length === 0
      ? []
      : [
          [],
          [span('hosts that the beginning of the journal does not name', 'warning')],
          ...strays.flatMap((host) => hostLines(host, report, presentation)),
        ]),
  ];
}

/** How it ended, or that it has not, in one sentence. */
export function endText(report: RunReport, facts: RunFacts, { clock }: Presentation): string {
  const { finished, lastMs, startedMs, started } = report;
  if (finished !== undefined) {
    return `ended ${clock(lastMs)} after ${formatDuration(finished.durationMs)}, exit code ${finished.exitCode}`;
  }
  const seen = `the last event is of ${clock(lastMs)}, ${formatDuration(lastMs - startedMs)} after the beginning`;
  const { controller } = started ?? {};
  const who =
    controller === undefined
      ? ''
      : ` (process ${controller.pid} of ${sanitise(controller.user)}@${sanitise(controller.machine)})`;
  if (facts.controller === 'alive') return `still running${who}; ${seen}`;
  if (facts.controller === 'dead') return `NOT finished: its controller${who} is gone; ${seen}`;
  return `NOT finished, and whether its controller${who} still runs is not known here; ${seen}`;
}

function headLines(
  report: RunReport,
  facts: RunFacts,
  presentation: Presentation,
): readonly StyledLine[] {
  const { started, finished, stopping } = report;
  const counts = { ...zero(), ...countReport(report) };
  const left = report.hosts.filter((host) => outcomeOf(host) === undefined);
  const underWay = left.filter(isUnderWay);
  const facets = [
    ...(started?.atomic === undefined ? [] : [`atomic: ${started.atomic}`]),
    ...(started?.resumes === undefined ? [] : [`goes on with run ${started.resumes}`]),
    ...(started?.undoes === undefined ? [] : [`undoes run ${started.undoes}`]),
  ];
  return [
    [
      span(`run ${sanitise(started?.run ?? '(its beginning is missing)')}`, 'strong'),
      span(`: ${sanitise(started?.command ?? '')}`),
      ...(started === undefined ? [] : [span(` (netorch ${sanitise(started.version)})`, 'faint')]),
    ],
    [span(`  began ${presentation.clock(report.startedMs)} (${momentOf(report.startedMs)})`)],
    [
      span(
        `  ${endText(report, facts, presentation)}`,
        finished === undefined ? 'warning' : 'plain',
      ),
    ],
    [
      span(`  ${plural(report.hosts.length, 'host')} in ${plural(report.waves.length, 'wave')}: `),
      ...countSpans(counts),
      ...(underWay.length === 0 ? [] : [span(`, ${underWay.length} under way`, 'warning')]),
      ...(left.length === underWay.length
        ? []
        : [span(`, ${left.length - underWay.length} not begun`)]),
    ],
    ...facets.map((facet) => [span(`  ${sanitise(facet)}`)]),
    ...(stopping === undefined
      ? []
      : [[span('  stopped early: ', 'warning'), span(sanitise(stopping))]]),
    ...facts.damage.map((line) => [span('  damaged: ', 'bad'), span(line)]),
    ...(finished?.notes ?? []).map((note) => [span('  note: ', 'warning'), span(sanitise(note))]),
  ];
}

/** With its date, in the journal's own time: the clock beside it is the reader's. */
function momentOf(ms: number): string {
  return Number.isFinite(ms)
    ? new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z')
    : 'when is not known';
}

function zero(): Record<Outcome, number> {
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
}

function waveLines(
  report: RunReport,
  wave: WaveReport,
  index: number,
  presentation: Presentation,
): readonly StyledLine[] {
  const hosts = report.hosts.filter((host) => host.wave === index);
  const state =
    wave.good === undefined
      ? wave.startedMs === undefined
        ? span('not begun', 'faint')
        : span('not ended', 'warning')
      : wave.good
        ? span('good', 'good')
        : span('not good', 'bad');
  const took =
    wave.startedMs === undefined || wave.finishedMs === undefined
      ? ''
      : ` (${formatDuration(wave.finishedMs - wave.startedMs)})`;
  return [
    [
      span(`wave ${index + 1} of ${report.waves.length}`, 'strong'),
      span(': '),
      state,
      span(took, 'faint'),
    ],
    ...hosts.flatMap((host) => hostLines(host, report, presentation)),
  ];
}

/** More changes than this are counted; the page has them all. */
const LISTED = 40;

function hostLines(
  host: HostReport,
  report: RunReport,
  presentation: Presentation,
): readonly StyledLine[] {
  const { finished, planned, returned } = host;
  const all = planned?.changes ?? [];
  const shown =
    all.length <= LISTED ? all : [...all.slice(0, LISTED), `+${all.length - LISTED} more`];
  const changes = shown.map((change) => [span(`        ${sanitise(change)}`, 'faint')]);
  if (finished === undefined) {
    return [
      [span('  '), span(`${presentation.glyphs.queued} `, 'faint'), ...unfinished(host)],
      ...changes,
      ...armedLine(host, presentation),
    ];
  }
  const cause = finishedCause(finished);
  return [
    [span('  '), ...finishedHead(finished, presentation)],
    ...(cause === undefined ? [] : [[span(`      ${cause}`)]]),
    ...finishedDetails(finished).map((detail) => [span(`      ${detail}`, 'faint')]),
    ...(returned === undefined
      ? []
      : [
          [
            span('      came back later: '),
            span(OUTCOME_WORDS[returned.outcome], OUTCOME_STYLES[returned.outcome]),
            span(` at ${presentation.clock(Date.parse(returned.at))}`),
          ],
        ]),
    ...changes,
    ...host.probes
      .filter((probe) => !probe.good)
      .map((probe) => [
        span(`      probe ${sanitise(probe.probe)} failed: ${sanitise(probe.text)}`, 'warning'),
      ]),
  ];
}

function unfinished(host: HostReport): StyledLine {
  const phase = host.phases.at(-1);
  return [
    span(sanitise(host.host), 'strong'),
    phase === undefined
      ? span(' not begun', 'faint')
      : span(` was last seen ${phase.phase.replaceAll('-', ' ')}`, 'warning'),
  ];
}

function armedLine(host: HostReport, { clock }: Presentation): readonly StyledLine[] {
  if (host.armed === undefined) return [];
  const { deadline, announced, transaction } = host.armed;
  const text =
    `transaction ${sanitise(transaction)}: unless it was confirmed, the host goes back by itself ` +
    `from ${clock(Date.parse(deadline))} on, until ${clock(Date.parse(announced))}`;
  return [
    [span(`      ${text}`)],
    [span(`      how it ends, it says itself: netorch status --hosts ${sanitise(host.host)}`)],
  ];
}
