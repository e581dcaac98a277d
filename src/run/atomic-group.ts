/**
 * Hosts that are confirmed together, or not at all, in two steps: when all of them are good, each moves
 * its deadline far enough ahead; then the decision is written to disk; and only then the first of them is
 * confirmed. docs/atomic.md says what that guarantees.
 */
import type { CommitGate, GroupWord } from './commit-gate.js';
import type { Emit } from './event-stream.js';
import type { HostResult } from './host-job.js';

export type GroupOptions = Readonly<{
  /** The number of the wave; 0 when the group is the whole run. */
  group: number;
  hosts: readonly string[];
  /** Hosts that are dialled at the same time: many hosts need longer to be confirmed. */
  forks: number;
  emit: Emit;
  /** Monotonic milliseconds. */
  now: () => number;
  date: () => Date;
  /**
   * Between "all are good" and the decision: soak time, checks, approval. Resolves with the reason why
   * the group must go back, if there is one. Aborted when the group has been abandoned meanwhile.
   */
  beforeCommit: (abandoned: AbortSignal) => Promise<string | undefined>;
  /** The host is good, and told so for the first time. */
  onGood: (host: string) => void;
  /** Asked after the decision was emitted: is it on disk? */
  isRecorded: () => boolean;
}>;

const LEAST_COMMIT_SECONDS = 120;
const SECONDS_PER_HOST = 4;

export class AtomicGroup implements CommitGate {
  readonly commitSeconds: number;
  private readonly options: GroupOptions;
  private current: GroupWord | undefined;
  /** Hosts that are neither good nor at an end. */
  private readonly pending: Set<string>;
  private readonly ready = new Set<string>();
  /** Host → monotonic ms of its moved deadline. */
  private readonly securedUntil = new Map<string, number>();
  private readonly results = new Map<string, HostResult>();
  private readonly abandoned = new AbortController();
  private wakers: (() => void)[] = [];
  private isDeciding = false;

  constructor(options: GroupOptions) {
    this.options = options;
    this.pending = new Set(options.hosts);
    this.commitSeconds = Math.max(
      LEAST_COMMIT_SECONDS,
      Math.ceil((options.hosts.length / options.forks) * SECONDS_PER_HOST),
    );
  }

  get word(): GroupWord | undefined {
    return this.current;
  }

  get isCommitted(): boolean {
    return this.current === 'confirm';
  }

  good(host: string): void {
    if (!this.ready.has(host)) this.options.onGood(host);
    this.pending.delete(host);
    this.ready.add(host);
    this.decideWhenReady();
  }

  secured(host: string, secondsLeft: number): void {
    if (this.current !== 'secure') return;
    // A deadline that has come to its maximum cannot be moved any more: the group has waited too long.
    if (secondsLeft < this.commitSeconds * 0.75) {
      this.abandon(
        `the deadline of ${host} cannot be moved far enough any more (${secondsLeft} s are left): its group took too long`,
      );
      return;
    }
    this.securedUntil.set(host, this.options.now() + secondsLeft * 1000);
    this.commitWhenSecured();
  }

  changed(known: GroupWord | undefined): Promise<void> {
    if (this.current !== known) return Promise.resolve();
    return new Promise((resolve) => {
      this.wakers.push(resolve);
    });
  }

  /** The host's way is over. Unless it needed no change, its group cannot be confirmed any more. */
  ended(result: HostResult): void {
    this.results.set(result.host, result);
    this.pending.delete(result.host);
    if (result.outcome !== 'unchanged') {
      this.abandon(`${result.host} ${result.outcome}${causeOf(result)}`);
    }
    this.decideWhenReady();
    if (this.results.size === this.options.hosts.length) this.tellIfMixed();
  }

  abandon(reason: string): void {
    if (this.current === 'confirm' || this.abandoned.signal.aborted) return;
    this.abandoned.abort();
    const hosts = this.options.hosts.filter((host) => !this.results.has(host));
    if (hosts.length > 0) {
      const { group, emit } = this.options;
      emit({ type: 'group.abandoned', group, hosts, reason });
    }
    this.say({ goBack: `its atomic group goes back: ${reason}` });
  }

  private decideWhenReady(): void {
    if (this.pending.size > 0 || this.ready.size === 0) return;
    if (this.isDeciding || this.abandoned.signal.aborted) return;
    this.isDeciding = true;
    this.decide().catch((error: unknown) => this.abandon(String(error)));
  }

  private async decide(): Promise<void> {
    const { emit, group, beforeCommit } = this.options;
    emit({ type: 'group.ready', group, hosts: [...this.ready] });
    const reason = await beforeCommit(this.abandoned.signal);
    if (this.abandoned.signal.aborted) return;
    if (reason !== undefined) this.abandon(reason);
    else this.say('secure');
  }

  private commitWhenSecured(): void {
    const { emit, group, now, date, isRecorded } = this.options;
    const hosts = [...this.ready];
    const untilMs = Math.min(...hosts.map((host) => this.securedUntil.get(host) ?? 0));
    const leftMs = untilMs - now();
    // A host that was secured long ago moves its deadline again before long.
    if (leftMs < this.commitSeconds * 500) return;
    emit({
      type: 'group.committed',
      group,
      hosts,
      until: new Date(date().getTime() + leftMs).toISOString(),
    });
    if (isRecorded()) this.say('confirm');
    else this.abandon('the decision could not be written to the journal');
  }

  private tellIfMixed(): void {
    if (!this.isCommitted) return;
    const results = [...this.results.values()];
    const of = (isGood: boolean) =>
      results
        .filter(
          ({ outcome }) => outcome !== 'unchanged' && outcome.startsWith('confirmed') === isGood,
        )
        .map(({ host }) => host);
    const [confirmed, others] = [of(true), of(false)];
    if (confirmed.length === 0 || others.length === 0) return;
    this.options.emit({
      type: 'group.mixed',
      group: this.options.group,
      confirmed,
      rolledBack: others,
    });
  }

  private say(word: GroupWord): void {
    this.current = word;
    const { wakers } = this;
    this.wakers = [];
    for (const wake of wakers) wake();
  }
}

function causeOf({ cause }: HostResult): string {
  return cause === undefined ? '' : ` (${cause})`;
}
