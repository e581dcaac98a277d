/**
 * How many terminal cells a text takes, so that columns line up and no line is longer than the screen.
 */

/** Blocks that terminals draw two cells wide (Unicode East Asian Width W and F, coarsely). */
const WIDE_RANGES: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];

const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const EMOJI = /^\p{Emoji_Presentation}$/u;

function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return code === 0xad ? 0 : 1;
  if (ZERO_WIDTH.test(character)) return 0;
  if (EMOJI.test(character)) return 2;
  return WIDE_RANGES.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

/** Cells that `text` takes; the text must not hold control characters. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** The longest beginning of `text` that takes at most `width` cells. */
export function takeWidth(text: string, width: number): string {
  let used = 0;
  let end = 0;
  for (const character of text) {
    const next = used + characterWidth(character);
    if (next > width) break;
    used = next;
    end += character.length;
  }
  return text.slice(0, end);
}

/** `text` in at most `width` cells, its end replaced by `ellipsis` when it is cut. */
export function truncateText(text: string, width: number, ellipsis: string): string {
  if (textWidth(text) <= width) return text;
  const room = width - textWidth(ellipsis);
  return room <= 0 ? takeWidth(text, Math.max(0, width)) : takeWidth(text, room) + ellipsis;
}

/** `text` in at most `width` cells, its middle replaced by `ellipsis` when it is cut: names differ at their ends. */
export function truncateMiddle(text: string, width: number, ellipsis: string): string {
  if (textWidth(text) <= width) return text;
  const room = width - textWidth(ellipsis);
  const least = textWidth(text) - Math.floor(room * 0.4);
  let from = 0;
  let before = 0;
  for (const character of text) {
    if (before >= least) break;
    before += characterWidth(character);
    from += character.length;
  }
  const tail = text.slice(from);
  return takeWidth(text, room - textWidth(tail)) + ellipsis + tail;
}

/** `text` in exactly `width` cells: cut or filled up with blanks on the right. */
export function fitText(text: string, width: number, ellipsis: string): string {
  const cut = truncateText(text, width, ellipsis);
  return cut + ' '.repeat(Math.max(0, width - textWidth(cut)));
}
