/** The events of each host, kept for its detail on the screen: the newest, and nothing large. */
import type { Outcome, RunEvent } from '../run/events.js';
import type { HostReport } from './run-report.js';
import { reportRun } from './run-report.js';
import { isBad } from './words.js';

/** A host that hangs for an hour makes thousands of events. */
const MOST_EVENTS = 200;
/** Of so many hosts that ended well everything is kept; of those before them only how they ended. */
const MOST_GOOD = 500;

export class HostLog {
  private readonly events = new Map<string, RunEvent[]>();
  private readonly commands = new Map<string, readonly string[]>();
  private readonly outcomes = new Map<string, Outcome>();
  /** Hosts that ended well, the oldest first. */
  private readonly good = new Set<string>();

  add(event: RunEvent): void {
    if (event.type === 'run.started') {
      for (const host of event.hosts) this.events.set(host, this.events.get(host) ?? []);
      return;
    }
    if (!('host' in event) || event.host === undefined) return;
    if (event.type === 'host.recorded') {
      // The states are for reports: of a thousand hosts they are tens of megabytes.
      this.commands.set(event.host, event.commands ?? []);
      return;
    }
    if (event.type === 'host.finished' || event.type === 'host.returned') {
      this.outcomes.set(event.host, event.outcome);
    }
    const events = this.events.get(event.host) ?? [];
    events.push(event);
    if (events.length > MOST_EVENTS) events.splice(1, 1);
    this.events.set(event.host, events);
    if (event.type === 'host.finished' && !isBad(event.outcome)) this.dropOldest(event.host);
  }

  private dropOldest(newest: string): void {
    this.good.add(newest);
    if (this.good.size <= MOST_GOOD) return;
    const [oldest = newest] = this.good;
    this.good.delete(oldest);
    this.commands.delete(oldest);
    this.events.set(oldest, this.events.get(oldest)?.slice(-1) ?? []);
  }

  /** All hosts of the run, in the order in which they were named. */
  hosts(): readonly string[] {
    return [...this.events.keys()];
  }

  outcomeOf(host: string): Outcome | undefined {
    return this.outcomes.get(host);
  }

  reportOf(host: string): HostReport | undefined {
    return reportRun(this.events.get(host) ?? []).hosts[0];
  }

  commandsOf(host: string): readonly string[] {
    return this.commands.get(host) ?? [];
  }
}
