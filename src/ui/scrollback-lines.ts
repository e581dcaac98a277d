/**
 * What a screen leaves behind above its live region: how hosts and waves ended, and what was said. The
 * phases in between are seen in the live region and are not repeated.
 */
import { assertNever } from '../errors.js';
import type { RunEvent } from '../run/events.js';
import { eventLine } from './event-line.js';
import { finishedCause, finishedDetails, finishedHead } from './finished-lines.js';
import type { Presentation } from './presentation.js';
import type { StyledLine } from './styled-line.js';
import { span, wrapLine, wrapStyledLine } from './styled-line.js';
import type { RunView } from './view-model.js';

/** `HH:MM:SS`, two blanks, a sign and a blank: reasons and continued lines stand below the text. */
const INDENT = 12;

/** `view` is the view after the event. Lines are wrapped to `width`. */
export function scrollbackLines(
  event: RunEvent,
  view: RunView,
  presentation: Presentation,
  width: number,
): readonly StyledLine[] {
  const time = span(`${presentation.clock(Date.parse(event.at))}  `, 'faint');
  switch (event.type) {
    case 'host.finished': {
      const cause = finishedCause(event);
      const indent = [span(' '.repeat(INDENT))];
      return [
        ...wrapStyledLine([time, ...finishedHead(event, presentation)], width, INDENT),
        ...(cause === undefined ? [] : wrapLine(indent, cause, 'plain', width)),
        ...finishedDetails(event).flatMap((detail) => wrapLine(indent, detail, 'faint', width)),
      ];
    }
    case 'run.started':
    case 'wave.started':
    case 'wave.finished':
    case 'wave.soaking':
    case 'wave.checked':
    case 'approval.requested':
    case 'approval.given':
    case 'run.paused':
    case 'run.unpaused':
    case 'group.ready':
    case 'group.committed':
    case 'group.abandoned':
    case 'group.mixed':
    case 'host.lost':
    case 'host.returned':
    case 'run.stopping':
    case 'log': {
      const line = eventLine(event, view, presentation);
      return line === undefined ? [] : wrapStyledLine([time, ...line], width, INDENT);
    }
    case 'host.phase':
    case 'host.planned':
    case 'host.armed':
    case 'host.applied':
    case 'host.cut-off':
    case 'host.reached':
    case 'host.probed':
    case 'host.differed':
    case 'host.diagnosed':
    case 'host.extended':
    case 'host.recorded':
    case 'run.finished':
      return [];
    default:
      return assertNever(event);
  }
}
