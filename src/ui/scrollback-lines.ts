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
import { span, wrapLine } from './styled-line.js';
import type { RunView } from './view-model.js';

/** `view` is the view after the event. Reasons are wrapped to `width`, indented below the host. */
export function scrollbackLines(
  event: RunEvent,
  view: RunView,
  presentation: Presentation,
  width: number,
): readonly StyledLine[] {
  switch (event.type) {
    case 'host.finished': {
      const cause = finishedCause(event);
      const indent = [span('    ')];
      return [
        finishedHead(event, presentation),
        ...(cause === undefined ? [] : wrapLine(indent, cause, 'plain', width)),
        ...finishedDetails(event).flatMap((detail) => wrapLine(indent, detail, 'faint', width)),
      ];
    }
    case 'run.started':
    case 'wave.started':
    case 'wave.finished':
    case 'run.stopping':
    case 'log': {
      const line = eventLine(event, view, presentation);
      return line === undefined ? [] : [line];
    }
    case 'host.phase':
    case 'host.planned':
    case 'host.armed':
    case 'host.applied':
    case 'host.cut-off':
    case 'host.reached':
    case 'host.probed':
    case 'host.differed':
    case 'run.finished':
      return [];
    default:
      return assertNever(event);
  }
}
