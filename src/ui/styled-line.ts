/**
 * A line of output as data: pieces of harmless text with a meaning. Layout works on this; colour is put
 * on at the very end, so that with colour off the same text remains.
 */
import { takeWidth, textWidth, truncateText } from './text-width.js';

export type TextStyle = 'plain' | 'strong' | 'faint' | 'good' | 'warning' | 'bad' | 'active';

export type Span = Readonly<{ text: string; style: TextStyle }>;

export type StyledLine = readonly Span[];

/** SGR parameters: on, off. The eight basic colours only, so that every palette stays readable. */
const SGR: Readonly<Record<Exclude<TextStyle, 'plain'>, readonly [string, string]>> = {
  strong: ['1', '22'],
  faint: ['2', '22'],
  good: ['32', '39'],
  warning: ['33', '39'],
  bad: ['31', '39'],
  active: ['36', '39'],
};

export function span(text: string, style: TextStyle = 'plain'): Span {
  return { text, style };
}

export function lineText(line: StyledLine): string {
  return line.map((part) => part.text).join('');
}

export function lineWidth(line: StyledLine): number {
  return textWidth(lineText(line));
}

export function paintLine(line: StyledLine, colour: boolean): string {
  if (!colour) return lineText(line);
  return line
    .map(({ text, style }) => {
      if (style === 'plain' || text === '') return text;
      const [on, off] = SGR[style];
      return `\u001b[${on}m${text}\u001b[${off}m`;
    })
    .join('');
}

/** The line in at most `width` cells. */
export function truncateLine(line: StyledLine, width: number, ellipsis: string): StyledLine {
  if (lineWidth(line) <= width) return line;
  const cut: Span[] = [];
  let room = width;
  for (const part of line) {
    const partWidth = textWidth(part.text);
    const isLast = part === line.at(-1);
    if (partWidth < room || (partWidth === room && isLast)) {
      cut.push(part);
      room -= partWidth;
      continue;
    }
    // Something follows that no longer fits: the ellipsis belongs here, even after a part that fits exactly.
    const text = partWidth > room ? part.text : `${part.text} `;
    cut.push(span(truncateText(text, room, ellipsis), part.style));
    break;
  }
  return cut;
}

/**
 * The line broken at blanks so that no part is wider than `width`; all parts but the first begin with
 * `indent` blanks. Words that are too long are broken hard.
 */
export function wrapStyledLine(
  line: StyledLine,
  width: number,
  indent: number,
): readonly StyledLine[] {
  const margin = ' '.repeat(Math.max(0, Math.min(indent, Math.floor(width / 2))));
  const parts: Span[][] = [[]];
  let used = 0;
  const breakLine = (): void => {
    const ended = parts.at(-1) ?? [];
    if (ended.at(-1)?.text.trim() === '') ended.pop();
    parts.push(margin === '' ? [] : [span(margin)]);
    used = margin.length;
  };
  for (const { text, style } of line) {
    for (const [token] of text.matchAll(/ +|[^ ]+/g)) {
      const isBlank = token.startsWith(' ');
      if (used + textWidth(token) > width && used > margin.length) breakLine();
      // Blanks at which a line was broken are gone; those that indent the first line stay.
      if (isBlank && parts.length > 1 && used === margin.length) continue;
      let rest = token;
      while (used + textWidth(rest) > width) {
        // A character wider than the room still has to go somewhere.
        const head = takeWidth(rest, width - used) || (Array.from(rest)[0] ?? '');
        if (head === rest) break;
        parts.at(-1)?.push(span(head, style));
        rest = rest.slice(head.length);
        breakLine();
      }
      parts.at(-1)?.push(span(rest, style));
      used += textWidth(rest);
    }
  }
  return parts;
}

/** `prefix` and then `text`, wrapped to `width` and indented below the prefix. */
export function wrapLine(
  prefix: StyledLine,
  text: string,
  style: TextStyle,
  width: number,
): readonly StyledLine[] {
  return wrapStyledLine([...prefix, span(text, style)], width, lineWidth(prefix));
}
