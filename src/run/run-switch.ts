/** The controls of a run (controls.ts), as the run itself feels them. */
import type { RunControls } from './controls.js';
import type { Emit } from './event-stream.js';

type Waiting = Readonly<{ promise: Promise<void>; settle: () => void }>;

function waiting(): Waiting {
  let settle: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}

export class RunSwitch implements RunControls {
  /** Aborted: no new host, for good. */
  readonly stopping = new AbortController();
  private readonly emit: Emit;
  private readonly recalls = new Map<string, AbortController>();
  private paused: Waiting | undefined;
  private approval: (Waiting & { readonly wave: number; by?: string }) | undefined;

  constructor(emit: Emit) {
    this.emit = emit;
  }

  pause(by: string): void {
    if (this.paused !== undefined || this.stopping.signal.aborted) return;
    this.paused = waiting();
    this.emit({ type: 'run.paused', by });
  }

  unpause(by: string): void {
    if (this.paused === undefined) return;
    const { settle } = this.paused;
    this.paused = undefined;
    this.emit({ type: 'run.unpaused', by });
    settle();
  }

  approve(by: string, wave = this.approval?.wave): void {
    if (this.approval === undefined || this.approval.wave !== wave) return;
    this.approval.by = by;
    this.approval.settle();
  }

  stop(by: string): void {
    this.stopFor(`stopped by ${by}`);
  }

  /** `reason` is told as it is. */
  stopFor(reason: string): void {
    if (this.stopping.signal.aborted) return;
    this.stopping.abort();
    this.emit({ type: 'run.stopping', reason });
    this.paused?.settle();
    this.paused = undefined;
    this.approval?.settle();
  }

  rollBack(host: string, by: string): void {
    this.recallOf(host).abort(`sent back by ${by}`);
  }

  private recallOf(host: string): AbortController {
    const known = this.recalls.get(host);
    if (known !== undefined) return known;
    const recall = new AbortController();
    this.recalls.set(host, recall);
    return recall;
  }

  /** For the job of this host. */
  recallSignal(host: string): AbortSignal {
    return this.recallOf(host).signal;
  }

  /** Settles when the run is not paused, or is stopped. */
  async untilGoing(): Promise<void> {
    while (this.paused !== undefined) await this.paused.promise;
  }

  /** Whether somebody approved; false when the run was stopped, or `given` says that the question is void. */
  async untilApproved(
    wave: number,
    before: 'wave' | 'commit',
    given?: AbortSignal,
  ): Promise<boolean> {
    if (this.stopping.signal.aborted || given?.aborted === true) return false;
    const approval: Waiting & { wave: number; by?: string } = { ...waiting(), wave };
    this.approval = approval;
    given?.addEventListener('abort', approval.settle, { once: true });
    this.emit({ type: 'approval.requested', wave, before });
    await approval.promise;
    given?.removeEventListener('abort', approval.settle);
    this.approval = undefined;
    if (approval.by === undefined) return false;
    this.emit({ type: 'approval.given', wave, by: approval.by });
    return true;
  }
}
