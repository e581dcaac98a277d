/** The run as bars over time: a line per host, with its phases, when it was cut off, and its deadline. */
import type { HostPhase } from '../run/events.js';
import type { Html } from './html.js';
import { markup } from './html.js';
import type { HostReport, RunReport } from './run-report.js';
import { outcomeOf } from './run-report.js';
import { textWidth, truncateMiddle } from './text-width.js';
import { OUTCOME_WORDS, PHASE_WORDS, formatDuration, formatSeconds } from './words.js';

/** What a part of a host's way is, for the eye. */
const PHASE_CLASSES: Readonly<Record<HostPhase, string>> = {
  queued: 'look',
  connecting: 'look',
  observing: 'look',
  planning: 'look',
  arming: 'change',
  applying: 'change',
  reconnecting: 'reach',
  verifying: 'prove',
  probing: 'prove',
  confirming: 'prove',
  holding: 'prove',
  'rolling-back': 'back',
  'waiting-for-rollback': 'back',
  done: 'look',
};

/** The names' column is as wide as the longest of them needs, within these. */
const LEAST_LEFT = 150;
const MOST_NAME = 44;
/** Of the fixed-width font at its size (report-style.ts). */
const CHARACTER = 6.8;
const CHART = 640;
const RIGHT = 190;
const ROW = 18;
const TOP = 22;

const label = (name: string): string => truncateMiddle(name, MOST_NAME, '…');

export function timelineSvg(report: RunReport): Html {
  const { startedMs, waves } = report;
  const endMs = Math.max(report.lastMs, startedMs + 1);
  const widest = Math.max(0, ...report.hosts.map(({ host }) => textWidth(label(host))));
  const left = Math.max(LEAST_LEFT, Math.ceil(widest * CHARACTER) + 12);
  const width = left + CHART + RIGHT;
  const x = (ms: number): number =>
    left +
    Math.round(
      ((Math.min(Math.max(ms, startedMs), endMs) - startedMs) / (endMs - startedMs)) * CHART * 10,
    ) /
      10;
  let y = TOP;
  const rows: Html[] = [];
  for (const [index, wave] of waves.entries()) {
    const hosts = report.hosts.filter((host) => host.wave === index);
    if (hosts.length === 0) continue;
    rows.push(
      markup`<text class="wave" x="0" y="${y + 13}">wave ${index + 1}</text>
        <path class="rule" d="M0 ${y + 18} H${width}" />`,
    );
    if (wave.startedMs !== undefined && wave.finishedMs !== undefined) {
      rows.push(
        markup`<rect
          class="span"
          x="${x(wave.startedMs)}"
          y="${y + 15}"
          width="${x(wave.finishedMs) - x(wave.startedMs)}"
          height="3"
        />`,
      );
    }
    y += ROW + 4;
    for (const host of hosts) {
      rows.push(hostRow(host, y, { x, endMs, outcomeX: left + CHART + 8 }));
      y += ROW;
    }
    y += 6;
  }
  const height = y + 4;
  return markup`<svg
    class="timeline"
    role="img"
    aria-label="timeline of the run"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
  >
    <title>timeline of the run</title>
    ${ticks(startedMs, endMs, height, x)} ${rows}
  </svg>`;
}

/** At most eight lines, at round distances. */
function ticks(
  startedMs: number,
  endMs: number,
  height: number,
  x: (ms: number) => number,
): readonly Html[] {
  const seconds = (endMs - startedMs) / 1000;
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 43_200].find(
    (candidate) => seconds / candidate <= 8,
  );
  if (step === undefined || !Number.isFinite(seconds)) return [];
  const count = Math.floor(seconds / step) + 1;
  return Array.from({ length: count }, (_, index) => {
    const at = x(startedMs + index * step * 1000);
    return markup`<path class="tick" d="M${at} ${TOP - 6} V${height}" />
      <text class="tick" x="${at}" y="${TOP - 10}">${formatSeconds(index * step)}</text>`;
  });
}

type Chart = Readonly<{ x: (ms: number) => number; endMs: number; outcomeX: number }>;

function hostRow(host: HostReport, y: number, { x, endMs, outcomeX }: Chart): Html {
  const outcome = outcomeOf(host);
  const bars = host.phases.map(({ phase, detail, fromMs, toMs }) => {
    const untilMs = toMs ?? endMs;
    const words = `${PHASE_WORDS[phase]}, ${formatDuration(untilMs - fromMs)}${detail === undefined ? '' : `: ${detail}`}`;
    return markup`<rect
      class="${PHASE_CLASSES[phase]}"
      x="${x(fromMs)}"
      y="${y}"
      width="${Math.max(0.6, x(untilMs) - x(fromMs))}"
      height="${ROW - 6}"
      ><title>${host.host} ${words}</title></rect
    >`;
  });
  const outages = host.outages.map(
    ({ fromMs, toMs }) =>
      markup`<rect
        class="away"
        x="${x(fromMs)}"
        y="${y + ROW - 6}"
        width="${Math.max(1, x(toMs ?? endMs) - x(fromMs))}"
        height="3"
        ><title>
          ${host.host} was not reachable for ${formatDuration((toMs ?? endMs) - fromMs)}
        </title></rect
      >`,
  );
  const deadlineMs = host.armed === undefined ? undefined : Date.parse(host.armed.deadline);
  const deadline =
    deadlineMs === undefined || deadlineMs > endMs
      ? undefined
      : markup`<path class="deadline" d="M${x(deadlineMs)} ${y - 2} v${ROW - 2}"
          ><title>deadline of ${host.host}</title></path
        >`;
  return markup`<text x="0" y="${y + 10}">${label(host.host)}<title>${host.host}</title></text>
    ${bars}${outages}${deadline}
    <text class="outcome ${outcome ?? 'unknown'}" x="${outcomeX}" y="${y + 10}"
      >${
        outcome === undefined
          ? host.phases.length === 0
            ? 'not begun'
            : 'not known'
          : OUTCOME_WORDS[outcome]
      }</text
    >`;
}
