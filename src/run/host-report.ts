/** What is told of one host on its way: its phases, the time each part took, the outage, the result. */
import { NetorchError, NetorchErrors, formatError } from '../errors.js';
import type { HostPhase, Timings } from './events.js';
import { delayIn, type HostEnvironment } from './host-environment.js';
import type { HostResult } from './host-job.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class HostReport {
  readonly host: string;
  readonly timings: Mutable<Timings> = {};
  private readonly env: HostEnvironment;
  private readonly startedMs: number;
  private cutOffAtMs: number | undefined;
  private outageMs: number | undefined;

  constructor(host: string, env: HostEnvironment) {
    this.host = host;
    this.env = env;
    this.startedMs = env.now();
  }

  phase(phase: HostPhase, detail?: string): void {
    this.env.emit({
      type: 'host.phase',
      host: this.host,
      phase,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  async timed<T>(key: keyof Timings, work: () => Promise<T>): Promise<T> {
    const start = this.env.now();
    try {
      return await work();
    } finally {
      this.timings[key] = Math.round(this.env.now() - start);
    }
  }

  delay(ms: number, signal?: AbortSignal): Promise<unknown> {
    return delayIn(this.env, ms, signal);
  }

  /** A dial failed or a session broke: the host has been cut off, at the latest, since `sinceMs`. */
  cutOff(sinceMs: number): void {
    if (this.cutOffAtMs !== undefined) return;
    this.cutOffAtMs = sinceMs;
    this.env.emit({ type: 'host.cut-off', host: this.host });
  }

  /** Reached for the first time since the change, which was done at `fromMs`. */
  reached(address: string, fromMs: number): void {
    const nowMs = this.env.now();
    this.timings.reconnectMs = Math.round(nowMs - fromMs);
    this.answers(address);
  }

  /** It answers: if it was cut off once more, that is over. */
  reachedAgain(address: string): void {
    if (this.cutOffAtMs !== undefined) this.answers(address);
  }

  private answers(address: string): void {
    this.outageEnds();
    this.outageMs ??= 0;
    this.env.emit({ type: 'host.reached', host: this.host, address, outageMs: this.outageMs });
  }

  get wasReached(): boolean {
    return this.timings.reconnectMs !== undefined;
  }

  /** The outage, if there is one, lasts until now: what there were before counts as well. */
  outageEnds(): void {
    if (this.cutOffAtMs === undefined) return;
    this.outageMs = (this.outageMs ?? 0) + Math.round(this.env.now() - this.cutOffAtMs);
    this.cutOffAtMs = undefined;
  }

  /** The words of an error that does not end the host's way; of a bug, the log is told. */
  messageOf(error: unknown): string {
    if (error instanceof NetorchError) return error.message;
    const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    this.env.emit({ type: 'log', level: 'error', host: this.host, message });
    return message;
  }

  result(
    outcome: HostResult['outcome'],
    extra: Readonly<{ cause?: string; details?: readonly string[]; verified?: boolean }>,
  ): HostResult {
    return {
      host: this.host,
      outcome,
      ...extra,
      durationMs: Math.round(this.env.now() - this.startedMs),
      ...(this.outageMs === undefined ? {} : { outageMs: this.outageMs }),
      timings: this.timings,
    };
  }

  /** The result of a host that nothing was done to, because of `error`. */
  failed(error: unknown): HostResult {
    if (error instanceof NetorchErrors) {
      return this.result('failed', {
        cause:
          error.errors[0] === undefined
            ? 'unknown'
            : this.withoutHost(formatError(error.errors[0]).split('\n')[0] ?? ''),
        details: error.errors
          .slice(1)
          .flatMap((item) => this.withoutHost(formatError(item)).split('\n')),
      });
    }
    if (!(error instanceof NetorchError)) {
      return this.result('failed', { cause: this.messageOf(error) });
    }
    const [first = '', ...rest] = formatError(error).split('\n');
    return this.result('failed', {
      cause: this.withoutHost(first),
      details: rest.map((line) => line.trim()),
    });
  }

  /** The host's name stands in front of every line already. */
  private withoutHost(text: string): string {
    return text.replace(`: ${this.host}: `, ': ');
  }
}
