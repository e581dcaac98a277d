/**
 * How many hosts may be under way: never more than can be reached again well before their deadlines. A
 * controller that is slow (its processor, a jump host) would else arm hosts that it cannot confirm.
 */

/** Weight of the newest host in the running means. */
const NEWEST = 0.2;

export class Pace {
  private readonly most: number;
  private meanSeconds: number | undefined;
  private meanInFlight = 1;

  constructor(most: number) {
    this.most = most;
  }

  /** A host was dialled and read, which took `reachMs`, while `inFlight` hosts were under way. */
  reached(reachMs: number, inFlight: number): void {
    const seconds = reachMs / 1000;
    if (this.meanSeconds === undefined) {
      this.meanSeconds = seconds;
      this.meanInFlight = inFlight;
      return;
    }
    this.meanSeconds += (seconds - this.meanSeconds) * NEWEST;
    this.meanInFlight += (inFlight - this.meanInFlight) * NEWEST;
  }

  /**
   * Hosts armed ≤ measured hosts per second × deadline / 4, where the hosts per second are those in flight
   * divided by the time that each takes. While that time is short, more in flight would be more per second:
   * then nothing is known of a limit.
   */
  limit(deadlineSeconds: number): number {
    const allowed = deadlineSeconds / 4;
    if (this.meanSeconds === undefined || this.meanSeconds <= allowed) return this.most;
    const hosts = Math.floor((this.meanInFlight / this.meanSeconds) * allowed);
    return Math.min(this.most, Math.max(1, hosts));
  }
}
