/**
 * How much of what one host tells is passed on. Pure. As much as a person could read, and whole bursts of the kind that
 * one pulled cable makes; beyond that nothing until the host is quieter, and how much was left out is told.
 */

/** A link that flaps tells the same again and again: so often at once, and then as often as it is forgotten. */
const SAME = 5;
const FORGOTTEN_PER_LOOK = 0.5;
const MOST_KNOWN = 1_000;
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
  #grew = false;
  #leftOut = 0;
  #sinceMs = 0;
  #links = new Set<string>();
  readonly #times = new Map<string, number>();

  constructor(nowMs: number) {
    this.#filledAtMs = nowMs;
  }

  /** Is this one passed on? `what`: the same text for the same event. */
  take(nowMs: number, what: string, link: string | undefined): boolean {
    this.#arrived += 1;
    this.#room = Math.min(
      BURST,
      this.#room + (Math.max(0, nowMs - this.#filledAtMs) * PER_SECOND) / 1000,
    );
    this.#filledAtMs = nowMs;
    const times = this.#times.get(what) ?? 0;
    if (!this.#isFlooded && this.#room < 1) this.#isFlooded = true;
    if (!this.#isFlooded && times < SAME) {
      this.#room -= 1;
      if (times > 0 || this.#times.size < MOST_KNOWN) this.#times.set(what, times + 1);
      return true;
    }
    if (this.#leftOut === 0) this.#sinceMs = nowMs;
    this.#leftOut += 1;
    this.#grew = true;
    if (link !== undefined && this.#links.size < MOST_LINKS) this.#links.add(link);
    return false;
  }

  /** To be asked once a second: what is to be told of what was left out. */
  look(nowMs: number): LeftOut | undefined {
    if (this.#arrived <= PER_SECOND) this.#isFlooded = false;
    const isOver = !this.#grew;
    this.#arrived = 0;
    this.#grew = false;
    for (const [what, times] of this.#times) {
      if (times > FORGOTTEN_PER_LOOK) this.#times.set(what, times - FORGOTTEN_PER_LOOK);
      else this.#times.delete(what);
    }
    return isOver || nowMs - this.#sinceMs >= REPORT_MS ? this.rest(nowMs) : undefined;
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
