/** One event in plain words, for output that scrolls. */
import { assertNever } from '../errors.js';
import type { RunEvent } from '../run/events.js';
import { finishedCause, finishedHead } from './finished-lines.js';
import type { Presentation } from './presentation.js';
import { rollbackText } from './rollback-text.js';
import { sanitise } from './sanitise.js';
import type { StyledLine, TextStyle } from './styled-line.js';
import { span } from './styled-line.js';
import type { RunView } from './view-model.js';
import { PHASE_WORDS, formatDuration, formatSeconds, plural } from './words.js';

/** More names or values than this are counted, not listed. */
const LISTED = 5;

/**
 * The line for `event`, without a time. `view` is the view after the event. Undefined: the event says
 * nothing that a reader needs (a phase that another line tells), or is told by the summary.
 */
export function eventLine(
  event: RunEvent,
  view: RunView,
  presentation: Presentation,
): StyledLine | undefined {
  switch (event.type) {
    case 'run.started':
      return [
        span(`run ${sanitise(event.run)}`, 'strong'),
        span(`: ${sanitise(event.command)}: ${plural(event.hosts.length, 'host')} in `),
        span(plural(event.waves.length, 'wave')),
        span(` (netorch ${sanitise(event.version)})`, 'faint'),
      ];
    case 'wave.started':
      return [
        span(waveName(event.wave, view), 'strong'),
        span(`: ${plural(event.hosts.length, 'host')}: ${listed(event.hosts)}`),
      ];
    case 'wave.finished':
      return [
        span(waveName(event.wave, view), 'strong'),
        event.good ? span(' good', 'good') : span(' not good', 'bad'),
      ];
    case 'wave.soaking':
      return [
        span(waveName(event.wave, view), 'strong'),
        span(`: watched for ${formatSeconds(event.seconds)}`),
      ];
    case 'wave.checked': {
      const text = `${event.check} ${event.good ? 'good' : 'failed'}: ${event.text}`;
      if (event.host !== undefined) {
        return hostLine(event.host, `check ${text}`, event.good ? 'plain' : 'bad');
      }
      return [span(`check ${sanitise(text)}`, event.good ? 'plain' : 'bad')];
    }
    case 'approval.requested':
      return [
        span('waiting for approval', 'warning'),
        span(event.before === 'wave' ? ' of ' : ' to confirm '),
        span(waveName(event.wave, view), 'strong'),
      ];
    case 'approval.given':
      return [
        span(waveName(event.wave, view), 'strong'),
        span(` approved by ${sanitise(event.by)}`),
      ];
    case 'run.paused':
      return [span('paused', 'warning'), span(` by ${sanitise(event.by)}: no new host is started`)];
    case 'run.unpaused':
      return [span(`going on, by ${sanitise(event.by)}`)];
    case 'group.ready':
      return [span(`all ${plural(event.hosts.length, 'host')} of the atomic group are good`)];
    case 'group.committed':
      return [
        span('committed', 'good'),
        span(
          `: ${plural(event.hosts.length, 'host')} are confirmed together, each before ${presentation.clock(Date.parse(event.until))}`,
        ),
      ];
    case 'group.abandoned':
      return [
        span('abandoned', 'bad'),
        span(
          `: ${sanitise(event.reason)}: every host of the group goes back: ${listed(event.hosts)}`,
        ),
      ];
    case 'group.mixed':
      return [
        span('MIXED', 'bad'),
        span(
          `: ${listed(event.rolledBack)} went back after the group was committed, ${listed(event.confirmed)} did not; "netorch resume ${sanitise(view.run)}" ends it`,
        ),
      ];
    case 'host.recorded':
      return undefined;
    case 'host.extended':
      return hostLine(
        event.host,
        `deadline moved to ${presentation.clock(Date.parse(event.deadline))}`,
      );
    case 'host.lost':
      return hostLine(
        event.host,
        `LOST: not reached by its deadline; it goes back by itself, and is expected by ${presentation.clock(Date.parse(event.announced))}`,
        'bad',
      );
    case 'host.returned':
      return hostLine(event.host, `is back: ${event.outcome}`);
    case 'host.phase':
      return phaseLine(event, view);
    case 'host.planned': {
      const warnings = event.hazards.filter((hazard) => hazard.severity === 'warning').length;
      const facts = [
        plural(event.changes.length, 'change') + ' planned',
        ...(warnings === 0 ? [] : [plural(warnings, 'warning')]),
        ...(event.touchesManagement ? ['touches the management path'] : []),
      ];
      return hostLine(event.host, facts.join(', '));
    }
    case 'host.armed':
      return hostLine(
        event.host,
        `timer armed: unless confirmed, rolls back at ${presentation.clock(Date.parse(event.deadline))}` +
          ` (in ${formatSeconds(event.deadlineSeconds)}), back by ${presentation.clock(Date.parse(event.announced))}`,
      );
    case 'host.applied':
      return hostLine(event.host, `applied in ${formatDuration(event.durationMs)}`);
    case 'host.cut-off':
      return hostLine(event.host, 'connection cut off by the change');
    case 'host.reached':
      return hostLine(
        event.host,
        `reached again at ${sanitise(event.address)} after ${formatDuration(event.outageMs)}`,
      );
    case 'host.probed':
      return hostLine(
        event.host,
        `probe ${event.probe} ${event.good ? 'good' : 'failed'}: ${event.text}`,
        event.good ? 'plain' : 'warning',
      );
    case 'host.differed':
      return hostLine(
        event.host,
        `not yet what the plan says: ${listed(event.differences, '; ')}`,
        'warning',
      );
    case 'host.diagnosed':
      return hostLine(
        event.host,
        event.cause === undefined ? 'looked for the cause: unknown' : `cause: ${event.cause}`,
        'warning',
      );
    case 'host.finished':
      return finishedHead(event, presentation, finishedCause(event));
    case 'run.stopping':
      return [
        span('stopping', 'warning'),
        span(`: ${sanitise(event.reason)}`),
        // Reasons that the run itself gives mostly end with that.
        ...(/: no further host is begun$/.test(event.reason)
          ? []
          : [span('; no new host is started')]),
        ...(view.active.size === 0
          ? []
          : [span(`, ${plural(view.active.size, 'host')} under way`)]),
      ];
    case 'log': {
      const style =
        event.level === 'error' ? 'bad' : event.level === 'warning' ? 'warning' : 'plain';
      const level = event.level === 'info' ? '' : `${event.level}: `;
      if (event.host !== undefined) return hostLine(event.host, level + event.message, style);
      return [span(level + sanitise(event.message), style)];
    }
    case 'run.finished':
      return undefined;
    default:
      return assertNever(event);
  }
}

function phaseLine(
  event: Extract<RunEvent, { type: 'host.phase' }>,
  view: RunView,
): StyledLine | undefined {
  if (event.phase === 'queued' || event.phase === 'done') return undefined;
  const detail = event.detail === undefined ? '' : `: ${event.detail}`;
  if (event.phase !== 'waiting-for-rollback') {
    return hostLine(event.host, PHASE_WORDS[event.phase] + detail);
  }
  const host = view.active.get(event.host);
  const way = host === undefined ? undefined : rollbackText(host, Date.parse(event.at));
  return hostLine(
    event.host,
    `not reachable${detail}${way === undefined ? '' : `; ${way}`}`,
    'warning',
  );
}

function hostLine(host: string, text: string, style: TextStyle = 'plain'): StyledLine {
  return [span(sanitise(host), 'strong'), span(': '), span(sanitise(text), style)];
}

function waveName(wave: number, view: RunView): string {
  return `wave ${wave + 1} of ${Math.max(view.waves.length, wave + 1)}`;
}

function listed(items: readonly string[], separator = ', '): string {
  const more = items.length - LISTED;
  const shown = items.slice(0, LISTED).map((item) => sanitise(item));
  return shown.join(separator) + (more > 0 ? `${separator}+${more} more` : '');
}
