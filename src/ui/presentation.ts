/** How a reporter may draw: width, signs, colour, the clock. Made once from the terminal's environment. */
import type { Glyphs } from './glyphs.js';
import type { ClockFormat } from './words.js';

export type Presentation = Readonly<{
  glyphs: Glyphs;
  clock: ClockFormat;
}>;
