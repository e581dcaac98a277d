/**
 * Very many simulated hosts (test/run/fake-host.ts), each of which exists only while somebody has to do with it:
 * how long it takes for everything, and what happens to it, is drawn from its name and a seed.
 */
import PQueue from 'p-queue';

import { NetorchError } from '../../src/errors.js';
import { FakeHost, SMALL_TEXTS, type HostClock } from '../run/fake-host.js';

/** What happens to a host: nothing bad, or one of these. */
export type Fate = 'good' | 'refused' | 'lost' | 'slow' | 'rebooted';

/** How often, of all hosts; the others are good. */
export type Fates = Readonly<Record<Exclude<Fate, 'good'>, number>>;

/** Half of all take less than `median` ms, one in ten more than `tenth`: a log-normal distribution. */
type Spread = Readonly<{ median: number; tenth: number }>;

/**
 * Milliseconds, from the journal of `npm run bench:fleet -- --real --hosts 30 --forks 2` (docs/scale.md); besides,
 * one way to the host and back is added as often as each of them goes it.
 */
const TIMES: Readonly<Record<string, Spread & Readonly<{ roundTrips: number }>>> = {
  dial: { median: 41, tenth: 62, roundTrips: 7 },
  observe: { median: 113, tenth: 139, roundTrips: 3 },
  begin: { median: 133, tenth: 144, roundTrips: 3 },
  apply: { median: 133, tenth: 144, roundTrips: 0 },
  status: { median: 113, tenth: 139, roundTrips: 3 },
  confirm: { median: 40, tenth: 57, roundTrips: 3 },
};
const OTHERS = { median: 40, tenth: 57, roundTrips: 3 };
/** Assumed: one way and back, from a rack beside the controller to another continent. */
const ROUND_TRIP: Spread = { median: 2, tenth: 40 };
/** Once around the world. */
const LONGEST_ROUND_TRIP_MS = 300;
/** Assumed: the same work takes one host longer than another. */
const PATIENCE: Spread = { median: 1, tenth: 2 };
/** A slow host takes so many times as long for everything. */
const SLOW = 20;
const BOOT_MS: Spread = { median: 45_000, tenth: 120_000 };
/** As ssh2-transport.ts does: so many logins are computed at the same time. */
const HANDSHAKES = 8;

/** A number from 0 to 1 each time, the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The part of a normal distribution below which nine of ten lie, in standard deviations. */
const NINE_OF_TEN = 1.2816;

function draw({ median, tenth }: Spread, random: () => number): number {
  // Box and Muller's way from even to normal.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp((Math.log(tenth / median) / NINE_OF_TEN) * normal);
}

export function fateOf(random: () => number, fates: Fates): Fate {
  let left = random();
  for (const fate of ['refused', 'lost', 'slow', 'rebooted'] as const) {
    left -= fates[fate];
    if (left < 0) return fate;
  }
  return 'good';
}

export type Simulation = Readonly<{
  seed: number;
  fates: Fates;
  /** Hosts with two interfaces in place of some twenty. */
  isSmall: boolean;
}>;

export class SimulatedHosts {
  private readonly alive = new Map<string, FakeHost>();
  private readonly handshakes = new PQueue({ concurrency: HANDSHAKES });
  private readonly clock: HostClock;
  private readonly seed: number;
  private readonly fates: Fates;
  private readonly texts: FakeHost['texts'] | undefined;

  constructor(clock: HostClock, wanted: Simulation) {
    this.clock = clock;
    this.seed = wanted.seed;
    this.fates = wanted.fates;
    this.texts = wanted.isSmall ? SMALL_TEXTS : undefined;
  }

  /** Hosts that somebody has to do with right now. */
  get size(): number {
    return this.alive.size;
  }

  /** `prefix`: the first three numbers of its addresses. */
  host(name: string, prefix: string): FakeHost {
    const known = this.alive.get(name);
    if (known !== undefined) return known;
    const host = this.born(name, prefix);
    this.alive.set(name, host);
    return host;
  }

  /** Nobody will ask for it again. */
  forget(name: string): void {
    this.alive.delete(name);
  }

  private born(name: string, prefix: string): FakeHost {
    let number = this.seed;
    for (const letter of name) number = Math.imul(number, 31) + letter.charCodeAt(0);
    const random = seeded(number);
    const fate = fateOf(random, this.fates);
    const wayMs = Math.min(draw(ROUND_TRIP, random), LONGEST_ROUND_TRIP_MS);
    const factor = draw(PATIENCE, random) * (fate === 'slow' ? SLOW : 1);
    const host = new FakeHost(this.clock);
    const { before, after } = this.texts ?? host.texts;
    host.texts = { before: withPrefix(before, prefix), after: withPrefix(after, prefix) };
    let bootedMs = 0;
    const pause = (what: string): Promise<void> => {
      const { roundTrips, ...spread } = TIMES[what] ?? OTHERS;
      return this.clock.delay((draw(spread, random) + roundTrips * wayMs) * factor);
    };
    host.takes = async (what) => {
      if (what === 'dial') await this.handshakes.add(() => pause(what));
      else await pause(what);
      host.tick();
      if (what !== 'apply' || (fate !== 'lost' && fate !== 'rebooted')) return;
      bootedMs = fate === 'lost' ? Infinity : host.nowMs + draw(BOOT_MS, random);
      if (fate === 'rebooted') host.reboot();
      throw host.cut();
    };
    host.onDial = () =>
      fate === 'refused' || host.nowMs < bootedMs
        ? new NetorchError('HOST_UNREACHABLE', `${name}: connection refused`)
        : undefined;
    return host;
  }
}

/** The fixture's own network, as one of this host alone. */
function withPrefix(text: string, prefix: string): string {
  return text.replaceAll('192.0.2.', `${prefix}.`);
}
