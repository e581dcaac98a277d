/** A run as JUnit's XML, the form that CI systems show: a suite per run, a case per host. */
import type { Outcome } from '../run/events.js';
import { finishedDetails } from './finished-lines.js';
import type { Html } from './html.js';
import { markup } from './html.js';
import type { HostReport, RunReport } from './run-report.js';
import { isUnderWay, outcomeOf } from './run-report.js';
import { OUTCOME_WORDS, formatDuration } from './words.js';

/** One document for the runs of all plays. */
export function junitXml(reports: readonly RunReport[]): string {
  const page = markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="netorch">
${reports.map(suite)}</testsuites>
`;
  return page.text;
}

/** Outcomes that a pipeline must not pass over. */
const FAILURES: ReadonlySet<Outcome> = new Set([
  'rolled-back',
  'failed',
  'lost',
  'confirmed-not-persistent',
]);

function suite(report: RunReport): Html {
  const { started, finished, startedMs, lastMs } = report;
  const outcomes = report.hosts.map(outcomeOf);
  const failures = outcomes.filter((outcome) => outcome !== undefined && FAILURES.has(outcome));
  const errors = report.hosts.filter(isUnderWay);
  const skipped = report.hosts.filter((host) => {
    const outcome = outcomeOf(host);
    return outcome === 'skipped' || (outcome === undefined && !isUnderWay(host));
  });
  const name = started?.play ?? started?.command ?? 'netorch';
  const began = Number.isFinite(startedMs) ? new Date(startedMs).toISOString().slice(0, 19) : '';
  return markup`<testsuite name="${name}" id="${started?.run ?? ''}" tests="${report.hosts.length}" failures="${failures.length}" errors="${errors.length}" skipped="${skipped.length}" time="${seconds(finished?.durationMs ?? lastMs - startedMs)}" timestamp="${began}">
${report.hosts.map((host) => testCase(host, name))}</testsuite>
`;
}

function testCase(host: HostReport, suiteName: string): Html {
  const time = seconds(host.finished?.durationMs ?? 0);
  return markup`<testcase name="${host.host}" classname="${suiteName}" time="${time}">${verdict(host)}${output(host)}</testcase>
`;
}

function verdict(host: HostReport): Html | undefined {
  const outcome = outcomeOf(host);
  if (outcome === undefined) {
    return isUnderWay(host)
      ? markup`<error type="unfinished" message="the run ended before this host did" />`
      : markup`<skipped message="not begun" />`;
  }
  const cause = host.finished?.cause ?? OUTCOME_WORDS[outcome];
  if (outcome === 'skipped') return markup`<skipped message="${cause}" />`;
  if (!FAILURES.has(outcome)) return undefined;
  const details = host.finished === undefined ? [] : finishedDetails(host.finished);
  return markup`<failure type="${outcome}" message="${OUTCOME_WORDS[outcome]}: ${cause}">${lines([cause, ...details])}</failure>`;
}

/** What was to be changed, and for how long the host was cut off. */
function output(host: HostReport): Html | undefined {
  const outageMs = host.finished?.outageMs ?? 0;
  const text = [
    ...(host.planned?.changes ?? []),
    ...(outageMs > 0 ? [`cut off for ${formatDuration(outageMs)}`] : []),
  ];
  return text.length === 0 ? undefined : markup`<system-out>${lines(text)}</system-out>`;
}

function lines(text: readonly string[]): readonly Html[] {
  return text.map((line, index) => (index === 0 ? markup`${line}` : markup`\n${line}`));
}

function seconds(milliseconds: number): string {
  return (Math.max(0, Number.isFinite(milliseconds) ? milliseconds : 0) / 1000).toFixed(3);
}
