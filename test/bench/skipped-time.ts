/**
 * The process's time, without the waiting: a clock that runs as the real one does while there is anything to
 * do, and jumps to the next timer when there is not. Date, performance.now, the timers and node:timers/promises
 * go by it, so that whatever happens every so many milliseconds (frames, heartbeats) happens as often as it
 * would. What the program itself computes takes its real time.
 */

type Timer = {
  dueMs: number;
  order: number;
  readonly fire: () => void;
  everyMs: number | undefined;
  isRef: boolean;
  /** Place in the heap; -1: not waiting. */
  at: number;
};

const realNow = performance.now.bind(performance);
const realSetTimeout = setTimeout;
const realClearTimeout = clearTimeout;
const RealDate = Date;
const originMs = RealDate.now() - realNow();
let skippedMs = 0;
let isSkipping = false;
let orders = 0;
let refs = 0;
let isTurning = false;
let real: NodeJS.Timeout | undefined;
const heap: Timer[] = [];

/** Milliseconds of the process's time. */
export const nowMs = (): number => realNow() + skippedMs;

/** How much waiting has been left out so far. */
export const skippedSoFarMs = (): number => skippedMs;

/** Milliseconds since the process began, as a watch tells them. */
export const wallMs = realNow;

/** From now on nobody waits: until then, files and other things of the real world are read. */
export function startSkipping(): void {
  isSkipping = true;
  schedule();
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

function place(timer: Timer, at: number): void {
  heap[at] = timer;
  timer.at = at;
}

function sift(timer: Timer, from: number): void {
  let at = from;
  for (;;) {
    const above = (at - 1) >> 1;
    const parent = at > 0 ? heap[above] : undefined;
    if (parent === undefined || !isBefore(timer, parent)) break;
    place(parent, at);
    at = above;
  }
  for (;;) {
    let below = 2 * at + 1;
    const [left, right] = [heap[below], heap[below + 1]];
    if (left === undefined) break;
    if (right !== undefined && isBefore(right, left)) below += 1;
    const child = heap[below];
    if (child === undefined || !isBefore(child, timer)) break;
    place(child, at);
    at = below;
  }
  place(timer, at);
}

function add(timer: Timer): void {
  if (timer.isRef) refs += 1;
  heap.push(timer);
  sift(timer, heap.length - 1);
  schedule();
}

function remove(timer: Timer): void {
  const { at } = timer;
  if (at < 0) return;
  timer.at = -1;
  if (timer.isRef) refs -= 1;
  const last = heap.pop();
  if (last !== undefined && last !== timer) sift(last, at);
}

/** While somebody waits for something to go on with, turn by turn; else as real timers do. */
function schedule(): void {
  if (isSkipping && refs > 0) {
    if (isTurning) return;
    isTurning = true;
    setImmediate(turn);
    return;
  }
  realClearTimeout(real);
  const [next] = heap;
  if (next === undefined) return;
  real = realSetTimeout(fireDue, Math.max(0, next.dueMs - nowMs()));
  if (refs === 0) real.unref();
}

/** A file is being synced or read: what follows from that comes before any time that is left out. */
const isDiskBusy = (): boolean =>
  process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'));

function turn(): void {
  if (isDiskBusy()) {
    realSetTimeout(turn, 1);
    return;
  }
  isTurning = false;
  const [next] = heap;
  if (next !== undefined && isSkipping) skippedMs += Math.max(0, next.dueMs - nowMs());
  fireDue();
}

function fireDue(): void {
  const untilMs = nowMs();
  for (let [next] = heap; next !== undefined && next.dueMs <= untilMs; [next] = heap) {
    remove(next);
    if (next.everyMs !== undefined) {
      next.dueMs = untilMs + next.everyMs;
      add(next);
    }
    next.fire();
    // What follows from one timer comes before the next one, as with real timers.
    if (isSkipping) break;
  }
  schedule();
}

class Handle {
  readonly timer: Timer;
  constructor(timer: Timer) {
    this.timer = timer;
    add(timer);
  }
  ref(): this {
    return this.setRef(true);
  }
  unref(): this {
    return this.setRef(false);
  }
  hasRef(): boolean {
    return this.timer.isRef;
  }
  refresh(): this {
    return this;
  }
  private setRef(isRef: boolean): this {
    if (this.timer.isRef !== isRef && this.timer.at >= 0) refs += isRef ? 1 : -1;
    this.timer.isRef = isRef;
    schedule();
    return this;
  }
}

type Work = (...values: readonly unknown[]) => void;

function start(work: Work, ms: number | undefined, values: readonly unknown[], repeats: boolean) {
  const everyMs = Math.max(1, Number(ms) || 0);
  return new Handle({
    dueMs: nowMs() + everyMs,
    order: (orders += 1),
    fire: () => work(...values),
    everyMs: repeats ? everyMs : undefined,
    isRef: true,
    at: -1,
  });
}

function stop(handle: unknown): void {
  if (handle instanceof Handle) {
    remove(handle.timer);
    handle.timer.everyMs = undefined;
  }
}

class ProcessDate extends RealDate {
  constructor(...values: readonly [] | readonly [number]) {
    super(...((values.length === 0 ? [ProcessDate.now()] : values) as readonly [number]));
  }
  static override now(): number {
    return Math.floor(originMs + nowMs());
  }
}

Object.assign(globalThis, {
  Date: ProcessDate,
  setTimeout: (work: Work, ms?: number, ...values: readonly unknown[]) =>
    start(work, ms, values, false),
  setInterval: (work: Work, ms?: number, ...values: readonly unknown[]) =>
    start(work, ms, values, true),
  clearTimeout: stop,
  clearInterval: stop,
});
performance.now = nowMs;
