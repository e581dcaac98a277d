/**
 * One host's way through a run: observe, plan, begin, reach it again over a NEW connection, compare,
 * probe, confirm; or see it roll back. Never rejects: whatever happens is a HostResult.
 *
 * What counts is the state file on the host; exit codes and kept connections prove nothing.
 */
import { setTimeout as realDelay } from 'node:timers/promises';

import { RUN_FROM_STDIN, observeScript } from '../agents/bundle.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { parseObservation } from '../agents/reading.js';
import { splitSections } from '../agents/canonical.js';
import {
  beginScript,
  confirmScript,
  parseBeginLine,
  parseStatus,
  rollbackScript,
  statusAndObserveScript,
  type BeginEvent,
  type TransactionStatus,
} from '../agents/transaction.js';
import { iproute2Scripts } from '../backends/backend.js';
import type { BackendScripts } from '../backends/steps.js';
import { NetorchError, NetorchErrors, formatError } from '../errors.js';
import { compareStates } from '../network/compare.js';
import type { Difference } from '../network/state.js';
import type { ChangePlan } from '../plan/change.js';
import { planHost } from '../plan/plan-host.js';
import { parseProbes, probeName, probesScript, probesTimeoutMs } from '../probes/probe-script.js';
import type { Connection, Transport } from '../transport/transport.js';
import { budgetFor, type Budget } from './budget.js';
import type { HostPhase, Timings } from './events.js';
import type { Emit } from './event-stream.js';
import { failureText } from './failure-text.js';
import type { HostJob, HostResult } from './host-job.js';
import { planFingerprint } from './plan-fingerprint.js';

export type HostEnvironment = Readonly<{
  transport: Transport;
  emit: Emit;
  /** Monotonic milliseconds. */
  now: () => number;
  date: () => Date;
  /** Waits; rejects when aborted. Tests give a clock of their own. */
  delay?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  /** Aborted: begin nothing new. What has begun runs to its end. */
  stopping: AbortSignal;
  newTransactionId: () => string;
  newNonce: () => string;
  /** Who begins the transaction, for others who find it: `user@host, netorch RUN`. */
  owner: string;
}>;

const OBSERVE_TIMEOUT_MS = 30_000;
const MESSAGE_TIMEOUT_MS = 15_000;
/** A dial that is on its way when sshd or the link come back would wait long: give up early, dial again. */
const REDIAL_TIMEOUT_MS = 6_000;
const REDIAL_PAUSE_MS = 1_000;
/** Hosts whose clock or processor lags get this much more before they count as lost. */
const GRACE_MS = 30_000;
const REPLANS = 3;
const COMPARE_TRIES = 3;

/** The cause that runtime.sh gives when a transaction is ended that was never armed. */
const NOTHING_BEGUN = 'nothing was begun';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export async function runHost(job: HostJob, env: HostEnvironment): Promise<HostResult> {
  return new HostRun(job, env).run();
}

type Begun = {
  readonly id: string;
  readonly nonce: string;
  readonly plan: ChangePlan;
  readonly scripts: BackendScripts;
  readonly observed: ObservedHost;
  readonly budget: Budget;
  readonly firstConnection: Connection;
  /** Monotonic ms at which an unconfirmed host starts to roll back; moved once the host has said it. */
  deadlineMs: number;
  /** The host has said that its timer runs, or was seen in a state behind that. */
  wasArmed: boolean;
};

class HostRun {
  private readonly job: HostJob;
  private readonly env: HostEnvironment;
  private readonly startedMs: number;
  private readonly timings: Mutable<Timings> = {};
  private cutOffAtMs: number | undefined;
  private outageMs: number | undefined;

  constructor(job: HostJob, env: HostEnvironment) {
    this.job = job;
    this.env = env;
    this.startedMs = env.now();
  }

  async run(): Promise<HostResult> {
    let result: HostResult;
    try {
      result = await this.go();
    } catch (error) {
      if (error instanceof NetorchError || error instanceof NetorchErrors) {
        result = this.failed(error);
      } else {
        const text = error instanceof Error ? error.message : String(error);
        result = this.result('failed', { cause: `internal error: ${text}` });
        this.env.emit({
          type: 'log',
          level: 'error',
          host: this.job.host,
          message: `internal error: ${text}`,
        });
      }
    }
    this.env.emit({ type: 'host.finished', ...result });
    return result;
  }

  private async go(): Promise<HostResult> {
    if (this.env.stopping.aborted) return this.result('skipped', { cause: this.whyStopped() });
    this.phase('connecting');
    const connection = await this.timed('connectMs', () =>
      this.env.transport.connect(this.job.target),
    );
    try {
      return await this.overConnection(connection);
    } finally {
      connection.close();
    }
  }

  private async overConnection(connection: Connection): Promise<HostResult> {
    for (let attempt = 1; ; attempt++) {
      const observed = await this.observe(connection);
      this.phase('planning');
      const plan = await this.timed('planMs', () =>
        Promise.resolve(planHost(this.job.host, observed, this.job.desired)),
      );
      if (plan.changes.length === 0) return this.result('unchanged', {});
      this.checkFingerprint(plan, observed);
      this.env.emit({
        type: 'host.planned',
        host: this.job.host,
        changes: plan.changes.map((change) => change.summary),
        hazards: plan.hazards,
        touchesManagement: plan.touchesManagement,
      });
      const open = observed.transactions.find(
        (item) =>
          !['confirmed', 'rolled-back', 'incomplete'].includes(item.state) && item.state !== 'new',
      );
      if (open !== undefined) throw busy(this.job.host, open);
      if (this.env.stopping.aborted) return this.result('skipped', { cause: this.whyStopped() });
      const outcome = await this.transact(connection, plan, observed);
      if (outcome !== 'changed') return outcome;
      if (attempt >= REPLANS || this.job.expectedFingerprint !== undefined) {
        throw new NetorchError(
          'HOST_CHANGED',
          `${this.job.host}: the host's network changes while netorch looks at it: nothing was touched`,
          {
            notes: this.changedLines.slice(0, 6),
          },
        );
      }
      this.env.emit({
        type: 'log',
        level: 'info',
        host: this.job.host,
        message: 'the host changed since it was observed: planning again',
      });
    }
  }

  private checkFingerprint(plan: ChangePlan, observed: ObservedHost): void {
    const expected = this.job.expectedFingerprint;
    if (expected !== undefined && planFingerprint(plan, observed) !== expected) {
      throw new NetorchError(
        'PLAN_STALE',
        `${this.job.host}: the host's network has changed since the plan was made: nothing was touched`,
        {
          notes: ['make a new plan with "netorch plan --out FILE" and look at it again'],
        },
      );
    }
  }

  private async observe(connection: Connection): Promise<ObservedHost> {
    this.phase('observing');
    const observed = await this.timed('observeMs', () => observeHost(this.job.host, connection));
    return observed;
  }

  // ---- the transaction ---------------------------------------------------------------------------------

  private changedLines: string[] = [];

  private async transact(
    connection: Connection,
    plan: ChangePlan,
    observed: ObservedHost,
  ): Promise<HostResult | 'changed'> {
    const { job, env } = this;
    const budget = budgetFor(plan, job.confirmWindowSeconds);
    const secondsToDeadline = budget.applySeconds + budget.confirmSeconds;
    const scripts = iproute2Scripts({ plan, observed: observed.state, lines: observed.lines });
    const begun: Begun = {
      id: env.newTransactionId(),
      nonce: env.newNonce(),
      plan,
      scripts,
      observed,
      budget,
      firstConnection: connection,
      deadlineMs: env.now() + secondsToDeadline * 1000,
      wasArmed: false,
    };
    const script = beginScript({
      id: begun.id,
      nonce: begun.nonce,
      owner: env.owner,
      secondsToDeadline,
      maxSeconds: secondsToDeadline + 600,
      scripts,
      resolvConf: observed.resolvConf,
    });
    this.phase('arming');
    const sentMs = env.now();
    const watch = this.watchBegin(connection, script, begun);
    const first = await Promise.race([watch.armed, watch.ended]);
    if (first.kind === 'changed') return 'changed';
    if (first.kind === 'busy') throw busy(job.host, first);
    if (first.kind === 'environment') {
      throw new NetorchError(
        'HOST_UNFIT',
        `${job.host}: the transaction could not begin: ${first.text}`,
      );
    }
    this.phase('applying');
    // A change of the very path may leave the session half open: do not wait for its last word for long.
    // Behind address translation the path is not known, so the time for the confirmation is never waited away.
    const patienceMs = plan.touchesManagement ? 2_000 : budget.applySeconds * 1_000;
    const abort = new AbortController();
    const last = await Promise.race([
      watch.ended,
      this.delay(patienceMs, abort.signal).then(
        () => ({ kind: 'other', text: 'no word' }) as const,
        () => ({ kind: 'other', text: 'no word' }) as const,
      ),
    ]);
    abort.abort();
    this.timings.applyMs = Math.round(env.now() - sentMs);
    if (last.kind === 'applied') {
      env.emit({ type: 'host.applied', host: job.host, durationMs: this.timings.applyMs });
    } else if (last.kind === 'rolled-back') {
      this.goesBack = true;
    }
    return this.reachAgain(begun);
  }

  /** Sends the transaction and turns what the host says into promises; neither ever rejects. */
  private watchBegin(
    connection: Connection,
    script: string,
    begun: Begun,
  ): { armed: Promise<BeginEvent>; ended: Promise<BeginEvent> } {
    const { job, env } = this;
    this.changedLines = [];
    let sayArmed: (event: BeginEvent) => void = () => undefined;
    const armed = new Promise<BeginEvent>((resolve) => {
      sayArmed = resolve;
    });
    let final: BeginEvent = { kind: 'other', text: 'no word' };
    const onLine = (line: string): void => {
      const event = parseBeginLine(line);
      switch (event.kind) {
        case 'armed': {
          begun.wasArmed = true;
          const { applySeconds, confirmSeconds, rollbackSeconds } = begun.budget;
          // Never more than was asked for, and a number: what a host says is not trusted.
          const secondsLeft = Number.isFinite(event.secondsLeft)
            ? Math.min(Math.max(event.secondsLeft, 0), applySeconds + confirmSeconds)
            : applySeconds + confirmSeconds;
          begun.deadlineMs = env.now() + secondsLeft * 1000;
          const inMs = (ms: number) => new Date(env.date().getTime() + ms).toISOString();
          env.emit({
            type: 'host.armed',
            host: job.host,
            transaction: begun.id,
            deadline: inMs(secondsLeft * 1000),
            announced: inMs((secondsLeft + rollbackSeconds) * 1000),
            deadlineSeconds: secondsLeft,
            rollbackBudgetSeconds: rollbackSeconds,
          });
          sayArmed(event);
          break;
        }
        case 'changed-line':
          this.changedLines.push(event.text);
          break;
        case 'rolling-back':
          this.phase('rolling-back');
          break;
        case 'failed':
        case 'other':
          break;
        case 'applied':
        case 'rolled-back':
        case 'changed':
        case 'busy':
        case 'environment':
          final = event;
          break;
      }
    };
    const timeoutMs =
      (begun.budget.applySeconds + begun.budget.confirmSeconds + begun.budget.rollbackSeconds) *
      1000;
    const ended = connection.exec(RUN_FROM_STDIN, { input: script, onLine, timeoutMs }).then(
      (): BeginEvent => final,
      // The session was cut off: whether the transaction began is asked of the host.
      (): BeginEvent => final,
    );
    return { armed, ended };
  }

  /** A dial failed or a session broke: the host has been cut off, at the latest, since `sinceMs`. */
  private cutOff(sinceMs: number): void {
    if (this.cutOffAtMs !== undefined) return;
    this.cutOffAtMs = sinceMs;
    this.env.emit({ type: 'host.cut-off', host: this.job.host });
  }

  /** Dials anew until the transaction has ended, one way or the other, or the host counts as lost. */
  private async reachAgain(begun: Begun): Promise<HostResult> {
    const { job, env } = this;
    const fromMs = env.now();
    const lostAtMs = () => begun.deadlineMs + begun.budget.rollbackSeconds * 1000 + GRACE_MS;
    let waiting = false;
    this.phase('reconnecting');
    while (env.now() < lostAtMs()) {
      const isOver = env.now() >= begun.deadlineMs;
      if (isOver && !waiting && !this.goesBack) {
        waiting = true;
        this.phase('waiting-for-rollback');
      }
      const newAddress = begun.plan.newManagementAddress;
      // Until the deadline the new address comes first; afterwards the host is on its way back to the old
      // one, unless a confirmation was sent whose answer was lost.
      const old = begun.firstConnection.address;
      const addresses =
        newAddress === undefined || this.goesBack
          ? [old]
          : !isOver
            ? [newAddress, old]
            : this.confirmationSent
              ? [old, newAddress]
              : [old];
      let connection: Connection | undefined;
      const dialledMs = env.now();
      for (const address of addresses) {
        try {
          connection = await env.transport.connect(
            {
              ...job.target,
              connectTimeoutMs: redialTimeoutMs(
                job.target.connectTimeoutMs,
                begun.deadlineMs - env.now(),
              ),
            },
            { address, expectedHostKey: begun.firstConnection.hostKey },
          );
          break;
        } catch (error) {
          this.lastError = this.messageOf(error);
          if (address === addresses[0]) this.cutOff(dialledMs);
        }
      }
      if (connection !== undefined) {
        try {
          const isAtNewAddress = newAddress === undefined || connection.address === newAddress;
          const result = await this.overNewConnection(connection, begun, isAtNewAddress, fromMs);
          if (result !== 'again') return result;
        } catch (error) {
          this.lastError = this.messageOf(error);
          this.cutOff(env.now());
        } finally {
          connection.close();
        }
      }
      await this.delay(REDIAL_PAUSE_MS);
    }
    return this.result('lost', {
      cause: `the host did not come back within the announced time (${begun.budget.applySeconds + begun.budget.confirmSeconds} s and ${begun.budget.rollbackSeconds} s for the way back)`,
      details: [
        ...(this.lastError === undefined ? [] : [`last try: ${this.lastError}`]),
        `its state is unknown: look at its console, or run "netorch status --hosts ${job.host}" when it is back`,
      ],
    });
  }

  private async overNewConnection(
    connection: Connection,
    begun: Begun,
    isAtNewAddress: boolean,
    fromMs: number,
  ): Promise<HostResult | 'again'> {
    const { job, env } = this;
    for (let compared = 1; ;) {
      const { status, observed } = await this.readAgain(connection, begun);
      if (observed.bootId !== begun.observed.bootId) {
        // The new address is there at run time only: who answers at it and is newly booted is another machine.
        if (connection.address === begun.plan.newManagementAddress) {
          this.lastError = `another machine answers at ${connection.address}`;
          return 'again';
        }
        return this.rebooted(begun, observed);
      }
      if (status.state !== 'gone' && status.state !== 'new') begun.wasArmed = true;
      switch (status.state) {
        case 'applied':
          break;
        case 'confirmed':
          return this.result('confirmed', {});
        case 'rolled-back':
        case 'incomplete':
          return this.rolledBack(begun, status);
        case 'gone':
          return this.gone(begun, observed);
        case 'new':
          // It stopped before its timer was armed: ended here, so that it cannot begin later on.
          if (env.now() >= begun.deadlineMs) {
            return this.rollBack(connection, begun, 'it did not begin in time', []);
          }
          return 'again';
        case 'armed':
        case 'applying':
        case 'rolling-back':
          return 'again';
      }
      if (status.secondsLeft <= 0) return 'again';
      // Reached at the old address though the plan leads to a new one: that proves nothing yet.
      if (!isAtNewAddress) return 'again';
      if (this.timings.reconnectMs === undefined) {
        this.timings.reconnectMs = Math.round(env.now() - fromMs);
        this.outageMs = this.cutOffAtMs === undefined ? 0 : Math.round(env.now() - this.cutOffAtMs);
        env.emit({
          type: 'host.reached',
          host: job.host,
          address: connection.address,
          outageMs: this.outageMs,
        });
      }
      this.phase('verifying');
      const verifyMs = env.now();
      const differences = compareStates(
        begun.plan.target,
        observed.state,
        new Set(begun.plan.scope),
      );
      this.timings.verifyMs = Math.round(env.now() - verifyMs) + (this.timings.verifyMs ?? 0);
      if (differences.length === 0) return this.prove(connection, begun);
      const words = differences.map(differenceText);
      env.emit({ type: 'host.differed', host: job.host, differences: words });
      if (compared >= COMPARE_TRIES) {
        return this.rollBack(connection, begun, 'the host is not what the plan says', words);
      }
      compared += 1;
      await this.delay(REDIAL_PAUSE_MS);
    }
  }

  private async readAgain(
    connection: Connection,
    begun: Begun,
  ): Promise<{ status: TransactionStatus; observed: ObservedHost }> {
    const { stdout } = await connection.exec(RUN_FROM_STDIN, {
      input: statusAndObserveScript(begun.id),
      timeoutMs: OBSERVE_TIMEOUT_MS,
    });
    const sections = splitSections(stdout);
    return {
      status: parseStatus(this.job.host, sections.get('status') ?? []),
      observed: parseObservation(this.job.host, stdout),
    };
  }

  /** Probes, then the word that ends the transaction. */
  private async prove(connection: Connection, begun: Begun): Promise<HostResult | 'again'> {
    const { job, env } = this;
    if (job.probes.length > 0) {
      this.phase('probing');
      const startMs = env.now();
      // LACP, spanning tree and address checks take their time: tried until shortly before the deadline.
      let waitingFor: string | undefined;
      for (;;) {
        const { stdout } = await connection.exec(RUN_FROM_STDIN, {
          input: probesScript(job.probes),
          timeoutMs: probesTimeoutMs(job.probes),
        });
        const answers = parseProbes(job.probes, stdout);
        this.timings.probeMs = Math.round(env.now() - startMs);
        const isLast = env.now() + 8_000 > begun.deadlineMs;
        const bad = job.probes.flatMap((probe, index) => {
          const answer = answers[index];
          if (answer === undefined || answer.good) return [];
          return [`${probeName(probe)}: ${answer.text}`];
        });
        if (bad.length === 0 || isLast) {
          job.probes.forEach((probe, index) => {
            const answer = answers[index] ?? { good: false, text: '' };
            env.emit({
              type: 'host.probed',
              host: job.host,
              probe: probeName(probe),
              good: answer.good,
              text: answer.text,
            });
          });
          if (bad.length > 0)
            return this.rollBack(
              connection,
              begun,
              `after the change: ${bad[0] ?? ''}`,
              bad.slice(1),
            );
          break;
        }
        if (bad[0] !== waitingFor) {
          waitingFor = bad[0];
          this.phase('probing', `waiting for ${bad[0] ?? ''}`);
        }
        await this.delay(REDIAL_PAUSE_MS);
      }
    }
    this.phase('confirming');
    const startMs = env.now();
    this.confirmationSent = true;
    const { stdout } = await connection.exec(RUN_FROM_STDIN, {
      input: confirmScript(begun.id, begun.nonce),
      timeoutMs: MESSAGE_TIMEOUT_MS,
    });
    this.timings.confirmMs = Math.round(env.now() - startMs);
    if (stdout.trim() === 'confirmed') return this.result('confirmed', {});
    return 'again';
  }

  /** Asks the host to go back at once. If that cuts the session off, the host is dialled until it is back. */
  private async rollBack(
    connection: Connection,
    begun: Begun,
    cause: string,
    details: readonly string[],
  ): Promise<HostResult | 'again'> {
    this.phase('rolling-back', cause);
    const startMs = this.env.now();
    this.rollbackDetails = details;
    this.goesBack = true;
    try {
      await connection.exec(RUN_FROM_STDIN, {
        input: rollbackScript(begun.id, begun.nonce, cause),
        timeoutMs: Math.min((begun.budget.rollbackSeconds + 5) * 1000, 60_000),
      });
    } catch (error) {
      this.messageOf(error);
      this.cutOff(this.env.now());
    }
    this.timings.rollbackMs = Math.round(this.env.now() - startMs);
    // The way back may take the very path of this session: the next dial reads how it ended.
    return 'again';
  }

  private rollbackDetails: readonly string[] = [];
  /** The host was asked to go back, or does so: only its former address counts. */
  private goesBack = false;
  /** The host may be confirmed, whatever was heard of it since. */
  private confirmationSent = false;
  private timesGone = 0;
  /** Of the last dial that failed. */
  private lastError: string | undefined;

  /**
   * From the moment a transaction is sent, no error ends a host's way: only what the host says, or its
   * time being over, does.
   */
  private messageOf(error: unknown): string {
    if (error instanceof NetorchError) return error.message;
    const message = `internal error: ${error instanceof Error ? error.message : String(error)}`;
    this.env.emit({ type: 'log', level: 'error', host: this.job.host, message });
    return message;
  }

  private rolledBack(begun: Begun, status: TransactionStatus): HostResult {
    if (this.cutOffAtMs !== undefined) {
      this.outageMs = Math.round(this.env.now() - this.cutOffAtMs);
    }
    const verified = status.state === 'rolled-back';
    if (status.cause === NOTHING_BEGUN)
      return this.neverBegun('it did not get as far as its timer');
    const differences = verified
      ? []
      : ['NOT exactly what it was; these differ:', ...status.differences.slice(0, 20)];
    if (status.failure.length > 0) {
      const failure = failureText(status.failure, begun.scripts.segments, begun.plan.changes);
      return this.result('rolled-back', {
        cause: failure.cause,
        details: [...failure.details, ...differences],
        verified,
      });
    }
    const byDeadline = status.cause?.startsWith('the deadline passed') === true;
    const address = begun.plan.newManagementAddress ?? begun.firstConnection.address;
    return this.result('rolled-back', {
      cause: byDeadline
        ? this.timings.reconnectMs === undefined
          ? `after the change SSH at ${address} did not answer within ${begun.budget.confirmSeconds} s`
          : `after the change the host could not be proved good within ${begun.budget.confirmSeconds} s`
        : (status.cause ?? 'unknown'),
      details: [
        ...(this.timings.reconnectMs === undefined && this.lastError !== undefined
          ? [`last try: ${this.lastError}`]
          : []),
        ...this.rollbackDetails,
        ...differences,
      ],
      verified,
    });
  }

  private neverBegun(why: string): HostResult {
    return this.result('failed', {
      cause: `the transaction did not begin (${why}): nothing was touched`,
    });
  }

  /** The host knows nothing of the transaction, and was not rebooted. */
  private gone(begun: Begun, observed: ObservedHost): HostResult | 'again' {
    // What was sent may be on its way still, just before its first line is carried out.
    this.timesGone += 1;
    if (this.timesGone < 3) return 'again';
    if (!begun.wasArmed) return this.neverBegun('what was sent did not arrive, or was not run');
    const differences = compareStates(
      begun.observed.state,
      observed.state,
      new Set(begun.plan.scope),
    );
    const cause = 'the record of the transaction was removed on the host';
    if (differences.length === 0) return this.result('rolled-back', { cause, verified: true });
    return this.result('lost', {
      cause: `${cause}: whether it goes back is unknown`,
      details: ['against what it was:', ...differences.map(differenceText)],
    });
  }

  /** Nothing that a boot reads was written: after a reboot the host is what its boot configuration says. */
  private rebooted(begun: Begun, observed: ObservedHost): HostResult {
    const differences = compareStates(
      begun.observed.state,
      observed.state,
      new Set(begun.plan.scope),
    );
    return this.result('rolled-back', {
      cause:
        'the host was rebooted before the change was confirmed: it runs its boot configuration',
      details: differences.map(differenceText),
      verified: differences.length === 0,
    });
  }

  private whyStopped(): string {
    const reason: unknown = this.env.stopping.reason;
    return typeof reason === 'string' ? reason : 'the run was stopped before';
  }

  // ---- small things ----------------------------------------------------------------------------------------

  private delay(ms: number, signal?: AbortSignal): Promise<unknown> {
    return this.env.delay?.(ms, signal) ?? realDelay(ms, undefined, signal && { signal });
  }

  private phase(phase: HostPhase, detail?: string): void {
    this.env.emit({
      type: 'host.phase',
      host: this.job.host,
      phase,
      ...(detail === undefined ? {} : { detail }),
    });
  }

  private async timed<T>(key: keyof Timings, work: () => Promise<T>): Promise<T> {
    const start = this.env.now();
    try {
      return await work();
    } finally {
      this.timings[key] = Math.round(this.env.now() - start);
    }
  }

  private failed(error: NetorchError | NetorchErrors): HostResult {
    if (error instanceof NetorchErrors) {
      return this.result('failed', {
        cause:
          error.errors[0] === undefined
            ? 'unknown'
            : withoutHost(this.job.host, formatError(error.errors[0]).split('\n')[0] ?? ''),
        details: error.errors
          .slice(1)
          .flatMap((item) => withoutHost(this.job.host, formatError(item)).split('\n')),
      });
    }
    const [first = '', ...rest] = formatError(error).split('\n');
    return this.result('failed', {
      cause: withoutHost(this.job.host, first),
      details: rest.map((line) => line.trim()),
    });
  }

  private result(
    outcome: HostResult['outcome'],
    extra: Readonly<{ cause?: string; details?: readonly string[]; verified?: boolean }>,
  ): HostResult {
    return {
      host: this.job.host,
      outcome,
      ...extra,
      durationMs: Math.round(this.env.now() - this.startedMs),
      ...(this.outageMs === undefined ? {} : { outageMs: this.outageMs }),
      timings: this.timings,
    };
  }
}

/** Slow hosts are given the time their user allows, but never so long that only one try is left. */
function redialTimeoutMs(connectTimeoutMs: number, leftMs: number): number {
  return Math.min(connectTimeoutMs, Math.max(REDIAL_TIMEOUT_MS, leftMs / 3));
}

/** The host's name stands in front of every line already. */
function withoutHost(host: string, text: string): string {
  return text.replace(`: ${host}: `, ': ');
}

function differenceText(difference: Difference): string {
  return `${difference.path}: should be ${difference.expected}, is ${difference.found}`;
}

function busy(
  host: string,
  open: Readonly<{
    transaction: string;
    state: string;
    ageSeconds: number;
    secondsLeft: number;
    owner: string;
  }>,
): NetorchError {
  return new NetorchError(
    'HOST_BUSY',
    `${host}: another netorch is at work on this host (${open.owner}, transaction ${open.transaction}, ${open.state} for ${open.ageSeconds} s): nothing was touched`,
    { notes: [`unless it is confirmed, it ends by itself in ${Math.max(0, open.secondsLeft)} s`] },
  );
}

/** One exec, one reading: what the host's network is now. Throws HOST_UNFIT, AGENT_PROTOCOL, CONNECTION_LOST … */
export async function observeHost(host: string, connection: Connection): Promise<ObservedHost> {
  const { stdout, stderr, code } = await connection.exec(RUN_FROM_STDIN, {
    input: observeScript(),
    timeoutMs: OBSERVE_TIMEOUT_MS,
  });
  if (code !== 0 && stdout === '') {
    throw new NetorchError(
      'HOST_UNFIT',
      `${host}: no POSIX shell runs netorch's script there (exit code ${code ?? 'none'})`,
      {
        notes: stderr
          .split('\n')
          .filter((line) => line !== '')
          .slice(0, 3),
      },
    );
  }
  const observed = parseObservation(host, stdout);
  if (!observed.isRoot) throw notRoot(host);
  return observed;
}

export function notRoot(host: string): NetorchError {
  return new NetorchError(
    'BECOME_FAILED',
    `${host}: the login user is not root, and networks are changed by root only`,
    {
      notes: [
        'set "ansible_become: true" for this host (or "become: true" in the play), with sudo rights for the user',
      ],
    },
  );
}
