/** A former run as one page that needs nothing else: no script, no link, nothing to load. */
import { OUTCOMES } from '../run/events.js';
import { finishedDetails } from './finished-lines.js';
import { Html, markup } from './html.js';
import { REPORT_STYLE } from './report-style.js';
import type { RunFacts } from './report-text.js';
import { endText } from './report-text.js';
import type { HostReport, RunReport } from './run-report.js';
import { countReport, isUnderWay, outcomeOf } from './run-report.js';
import { stateDifferences } from './state-differences.js';
import { timelineSvg } from './timeline-svg.js';
import { layoutTopology } from './topology.js';
import { topologySvg } from './topology-svg.js';
import { UNICODE_GLYPHS } from './glyphs.js';
import { OUTCOME_WORDS, formatDuration, isBad, plural } from './words.js';

/** Above this many hosts only those that need an eye are open from the start. */
const OPEN_HOSTS = 12;

export function reportHtml(run: string, report: RunReport, facts: RunFacts): string {
  const { started, finished, stopping } = report;
  const counts = countReport(report);
  const left = report.hosts.filter((host) => outcomeOf(host) === undefined);
  const underWay = left.filter(isUnderWay).length;
  const bad = report.hosts.filter(needsAnEye);
  const presentation = { glyphs: UNICODE_GLYPHS, clock: utcClock };
  const page = markup`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta
          http-equiv="Content-Security-Policy"
          content="default-src 'none'; style-src 'unsafe-inline'"
        />
        <meta name="viewport" content="width=device-width" />
        <title>netorch run ${run}</title>
        <style>
          ${new Html(REPORT_STYLE)}
        </style>
      </head>
      <body>
        <header>
          <h1>netorch run <code>${run}</code></h1>
          <p><code>${started?.command ?? 'the beginning of the journal is missing'}</code></p>
          <p>
            Began ${momentText(report.startedMs)}; ${endText(report, facts, presentation)}. Times
            are UTC.
          </p>
          <ul class="counts">
            ${OUTCOMES.filter((outcome) => counts[outcome] !== undefined).map(
              (outcome) =>
                markup`<li class="${outcome}">
                  <b>${counts[outcome]}</b> ${OUTCOME_WORDS[outcome]}
                </li>`,
            )}
            ${underWay === 0 ? undefined : markup`<li class="unknown"><b>${underWay}</b> under way</li>`}
            ${left.length === underWay ? undefined : markup`<li class="skipped"><b>${left.length - underWay}</b> not begun</li>`}
          </ul>
          ${stopping === undefined ? undefined : markup`<p class="warning">Stopped early: ${stopping}</p>`}
          ${facts.damage.map((line) => markup`<p class="warning">Damaged: ${line}</p>`)}
          ${(finished?.notes ?? []).map((note) => markup`<p class="note">Note: ${note}</p>`)}
        </header>
        <main>
          ${
            bad.length === 0
              ? undefined
              : markup`<section>
                  <h2>What needs an eye</h2>
                  ${needingAnEye(report).map((hosts) => alikeSection(hosts, report))}
                </section>`
          }
          <section>
            <h2>Timeline</h2>
            <p class="legend">
              <i class="look"></i>look and plan <i class="change"></i>change
              <i class="reach"></i>dial anew <i class="prove"></i>prove and confirm
              <i class="back"></i>on its way back <i class="away"></i>not reachable
              <i class="deadline"></i>deadline
            </p>
            <div class="scroll">${timelineSvg(report)}</div>
          </section>
          <section>
            <h2>Hosts</h2>
            ${report.hosts.map((host) => hostSection(host, report))}
          </section>
        </main>
        <footer>Made by netorch ${started?.version ?? ''} from the journal of the run.</footer>
      </body>
    </html> `;
  return page.text;
}

function needsAnEye(host: HostReport): boolean {
  const outcome = outcomeOf(host);
  return outcome === undefined ? isUnderWay(host) : isBad(outcome);
}

/** Hosts that need an eye, those together of which the very same is to be said. */
function needingAnEye(report: RunReport): readonly (readonly HostReport[])[] {
  const alike = new Map<string, HostReport[]>();
  for (const host of report.hosts.filter(needsAnEye)) {
    const key = JSON.stringify([outcomeText(host), host.finished?.cause]);
    alike.set(key, [...(alike.get(key) ?? []), host]);
  }
  return [...alike.values()];
}

function alikeSection(hosts: readonly HostReport[], report: RunReport): Html {
  const [first] = hosts;
  if (first === undefined) return markup``;
  const link = (host: HostReport) => markup`<a href="#${anchor(report, host)}">${host.host}</a>`;
  const { cause } = first.finished ?? {};
  return markup`<p>
      ${hosts.length === 1 ? link(first) : markup`<b>${plural(hosts.length, 'host')}</b>`}
      <span class="outcome ${outcomeOf(first) ?? 'unknown'}">${outcomeText(first)}</span
      >${cause === undefined ? undefined : markup`: ${cause}`}
    </p>
    ${
      hosts.length === 1
        ? undefined
        : markup`<p class="alike">${hosts.map((host, index) => markup`${index === 0 ? '' : ', '}${link(host)}`)}</p>`
    }`;
}

/** A name for a link; hosts' own names may hold anything. */
function anchor(report: RunReport, host: HostReport): string {
  return `host-${report.hosts.indexOf(host) + 1}`;
}

function outcomeText(host: HostReport): string {
  const outcome = outcomeOf(host);
  if (outcome === undefined) return isUnderWay(host) ? 'how it ended is not known' : 'not begun';
  const { finished } = host;
  if (outcome !== 'rolled-back') return OUTCOME_WORDS[outcome];
  const verified = host.returned?.verified ?? finished?.verified;
  return `${OUTCOME_WORDS[outcome]}, ${verified === true ? 'verified: exactly what it was' : 'NOT verified to be what it was'}`;
}

function hostSection(host: HostReport, report: RunReport): Html {
  const { finished, recorded, planned } = host;
  const open = needsAnEye(host) || report.hosts.length <= OPEN_HOSTS;
  const outageMs = finished?.outageMs ?? 0;
  return markup`<details id="${anchor(report, host)}" ${open ? markup` open` : undefined}>
    <summary>
      <b>${host.host}</b>
      <span class="outcome ${outcomeOf(host) ?? 'unknown'}">${outcomeText(host)}</span>
      <span class="faint"
        >${host.wave === undefined ? '' : `wave ${host.wave + 1}`}${
          finished === undefined ? '' : `, ${formatDuration(finished.durationMs)}`
        }${outageMs > 0 ? `, cut off for ${formatDuration(outageMs)}` : ''}</span
      >
    </summary>
    ${finished?.cause === undefined ? undefined : markup`<p class="cause">${finished.cause}</p>`}
    ${finished === undefined ? undefined : list(finishedDetails(finished), 'evidence')}
    ${hazards(host)}
    ${planned === undefined ? undefined : changeList(planned.changes)}
    ${recorded === undefined ? undefined : pictures(host, recorded)}
    ${list(
      host.probes.map(
        (probe) => `probe ${probe.probe}: ${probe.good ? 'good' : 'FAILED'}: ${probe.text}`,
      ),
      'probes',
    )}
  </details>`;
}

/** More are there for who asks for them. */
const OPEN_CHANGES = 30;

function changeList(changes: readonly string[]): Html {
  const title = plural(changes.length, 'change');
  if (changes.length <= OPEN_CHANGES) {
    return markup`<h3>${title}</h3>${list(changes, 'changes')}`;
  }
  return markup`<details class="values"><summary>${title}</summary>${list(changes, 'changes')}</details>`;
}

function hazards(host: HostReport): Html | undefined {
  const texts = (host.planned?.hazards ?? []).map(({ severity, text }) => `${severity}: ${text}`);
  return list(texts, 'hazards');
}

function list(items: readonly string[], kind: string): Html | undefined {
  if (items.length === 0) return undefined;
  return markup`<ul class="${kind}">
    ${items.map((item) => markup`<li>${item}</li>`)}
  </ul>`;
}

function pictures(host: HostReport, recorded: NonNullable<HostReport['recorded']>): Html {
  const { before, target } = recorded;
  const scope = new Set(recorded.scope);
  const differences = stateDifferences(before, target);
  const outcome = outcomeOf(host);
  const isThere = outcome === 'confirmed' || outcome === 'confirmed-not-persistent';
  const after = isThere
    ? 'After'
    : outcome === 'rolled-back'
      ? 'Planned, and taken back'
      : 'Planned';
  return markup`<div class="pictures">
      <figure>
        <figcaption>Before</figcaption>
        <div class="scroll">
          ${topologySvg(layoutTopology(before, target, false, scope), `${host.host} before`)}
        </div>
      </figure>
      <figure>
        <figcaption>${after}</figcaption>
        <div class="scroll">
          ${topologySvg(layoutTopology(target, before, true, scope), `${host.host} after`)}
        </div>
      </figure>
    </div>
    <details class="values">
      <summary>${plural(differences.length, 'value')} differ</summary>
      <table>
        <thead>
          <tr>
            <th>object</th>
            <th>property</th>
            <th>before</th>
            <th>${after.toLowerCase()}</th>
          </tr>
        </thead>
        <tbody>
          ${differences.map(
            (item) =>
              markup`<tr>
                <td>${item.object}</td>
                <td>${item.property}</td>
                <td>${item.before ?? '–'}</td>
                <td>${item.after ?? '–'}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </details>`;
}

function utcClock(ms: number): string {
  return Number.isFinite(ms) ? new Date(ms).toISOString().slice(11, 19) : '--:--:--';
}

function momentText(ms: number): string {
  return Number.isFinite(ms)
    ? new Date(ms).toISOString().replace('T', ' ').slice(0, 19)
    : 'at a time that is not known';
}
