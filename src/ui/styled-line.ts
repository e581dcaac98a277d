/**
 * A line of output as data: pieces of harmless text with a meaning. Layout works on this; colour is put
 * on at the very end, so that with colour off the same text remains.
 */
import { textWidth, truncateText, wrapText } from './text-width.js';

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

/** `prefix` and then `text`, wrapped so that no line is wider than `width`; indented below the prefix. */
export function wrapLine(
  prefix: StyledLine,
  text: string,
  style: TextStyle,
  width: number,
): readonly StyledLine[] {
  const indent = Math.min(lineWidth(prefix), Math.floor(width / 2));
  return wrapText(text, Math.max(8, width - lineWidth(prefix))).map((part, index) =>
    index === 0 ? [...prefix, span(part, style)] : [span(' '.repeat(indent)), span(part, style)],
  );
}
