/**
 * How many hosts may be under way: never more than can be reached again well before their deadlines. A
 * controller that is slow (its processor, a jump host) would else arm hosts that it cannot confirm.
 */

/** Weight of the newest host in the running mean. */
const NEWEST = 0.2;

export class Pace {
  private readonly most: number;
  private meanMs: number | undefined;

  constructor(most: number) {
    this.most = most;
  }

  /** A host was dialled and read, which took `reachMs`. */
  reached(reachMs: number): void {
    this.meanMs =
      this.meanMs === undefined ? reachMs : this.meanMs * (1 - NEWEST) + reachMs * NEWEST;
  }

  /**
   * Hosts armed ≤ measured hosts per second × deadline / 4. With `inFlight` at work, the hosts per second
   * are `inFlight` divided by the mean time.
   */
  limit(inFlight: number, deadlineSeconds: number): number {
    if (this.meanMs === undefined || this.meanMs <= 0) return this.most;
    const hostsPerSecond = inFlight / (this.meanMs / 1000);
    return Math.min(this.most, Math.max(1, Math.floor((hostsPerSecond * deadlineSeconds) / 4)));
  }
}
