/**
 * How much of what one host tells is passed on. Pure. As much as a person could read, and whole bursts of the kind that
 * one pulled cable makes; beyond that nothing until the host is quieter, and how much was left out is told.
 */

const PER_SECOND = 10;
const BURST = 100;
const REPORT_MS = 5_000;
/** Names that are told with what was left out. */
const MOST_LINKS = 8;

export type LeftOut = Readonly<{ count: number; seconds: number; links: readonly string[] }>;

export class EventLimit {
  #room = BURST;
  #filledAtMs: number;
  #isFlooded = false;
  /** Since the last look. */
  #arrived = 0;
  #leftOut = 0;
  #sinceMs = 0;
  #links = new Set<string>();

  constructor(nowMs: number) {
    this.#filledAtMs = nowMs;
  }

  /** Is this one passed on? */
  take(nowMs: number, link: string | undefined): boolean {
    this.#arrived += 1;
    this.#room = Math.min(
      BURST,
      this.#room + (Math.max(0, nowMs - this.#filledAtMs) * PER_SECOND) / 1000,
    );
    this.#filledAtMs = nowMs;
    if (!this.#isFlooded && this.#room >= 1) {
      this.#room -= 1;
      return true;
    }
    if (this.#leftOut === 0) this.#sinceMs = nowMs;
    this.#isFlooded = true;
    this.#leftOut += 1;
    if (link !== undefined && this.#links.size < MOST_LINKS) this.#links.add(link);
    return false;
  }

  /** To be asked once a second: what is to be told of what was left out. */
  look(nowMs: number): LeftOut | undefined {
    const isQuiet = this.#arrived <= PER_SECOND;
    this.#arrived = 0;
    if (!this.#isFlooded) return undefined;
    if (isQuiet) this.#isFlooded = false;
    return isQuiet || nowMs - this.#sinceMs >= REPORT_MS ? this.rest(nowMs) : undefined;
  }

  /** All that is still to be told. */
  rest(nowMs: number): LeftOut | undefined {
    if (this.#leftOut === 0) return undefined;
    const leftOut = {
      count: this.#leftOut,
      seconds: Math.max(1, Math.round((nowMs - this.#sinceMs) / 1000)),
      links: [...this.#links],
    };
    this.#leftOut = 0;
    this.#links.clear();
    return leftOut;
  }
}
