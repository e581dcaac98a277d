/** The lines that tell how one host ended: one for a good end, the cause and evidence for any other. */
import type { FinishedHost } from './view-model.js';
import type { Presentation } from './presentation.js';
import { sanitise, sanitiseLines } from './sanitise.js';
import type { StyledLine } from './styled-line.js';
import { span } from './styled-line.js';
import { OUTCOME_STYLES, OUTCOME_WORDS, formatDuration, isBad } from './words.js';

/** `✓ web1 confirmed (9.8 s, cut off for 3.1 s)`; with `cause`, the cause stands before the bracket. */
export function finishedHead(
  event: FinishedHost,
  { glyphs }: Presentation,
  cause?: string,
): StyledLine {
  const style = OUTCOME_STYLES[event.outcome];
  const facts = finishedFacts(event);
  return [
    span(`${glyphs.outcome[event.outcome]} `, style),
    span(sanitise(event.host), isBad(event.outcome) ? 'strong' : 'plain'),
    span(` ${OUTCOME_WORDS[event.outcome]}`, style),
    ...(cause === undefined ? [] : [span(`: ${cause}`)]),
    ...(facts.length === 0 ? [] : [span(` (${facts.join(', ')})`, 'faint')]),
  ];
}

function finishedFacts(event: FinishedHost): readonly string[] {
  const facts: string[] = [];
  if (event.outcome !== 'skipped') facts.push(formatDuration(event.durationMs));
  if (event.outageMs !== undefined && event.outageMs > 0) {
    facts.push(`cut off for ${formatDuration(event.outageMs)}`);
  }
  if (event.outcome === 'rolled-back') {
    facts.push(
      event.verified === true ? 'verified: exactly what it was' : 'NOT verified to be what it was',
    );
  }
  return facts;
}

/** The cause in one line, if there is one. */
export function finishedCause(event: FinishedHost): string | undefined {
  return event.cause === undefined ? undefined : sanitise(event.cause);
}

/** The evidence, a line each, not indented. */
export function finishedDetails(event: FinishedHost): readonly string[] {
  return (event.details ?? []).flatMap((detail) => sanitiseLines(detail));
}
