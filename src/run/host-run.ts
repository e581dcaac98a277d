/**
 * One host's way through a run: observe, plan, begin; then host-proof.ts proves it from outside and
 * confirms it, or sees it roll back. Never rejects: whatever happens is a HostResult.
 */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { beginScript, parseBeginLine, type BeginEvent } from '../agents/transaction.js';
import { backendScripts } from '../backends/backend.js';
import { commandLines } from '../backends/steps.js';
import { NetorchError } from '../errors.js';
import type { ChangePlan } from '../plan/change.js';
import { ownedDelta } from '../plan/owned-delta.js';
import { planHost } from '../plan/plan-host.js';
import { probeName } from '../probes/probe-script.js';
import type { Connection } from '../transport/transport.js';
import { bootHazards } from './boot-hazards.js';
import { budgetFor, deadlineHazards } from './budget.js';
import { failureText } from './failure-text.js';
import type { HostEnvironment } from './host-environment.js';
import type { HostJob, HostResult } from './host-job.js';
import { proveHost, type SentTransaction } from './host-proof.js';
import { planDiagnosis } from './host-diagnosis.js';
import { HostReport } from './host-report.js';
import { isMesh, probesToAsk } from './mesh-probes.js';
import { observeHost } from './observe-host.js';
import { persistRunning } from './persist-host.js';
import { baselineProbes, isSlowToSettle, waivedText } from './probe-host.js';
import { planFingerprint } from './plan-fingerprint.js';
import { recordState } from './recorded-state.js';

const REPLANS = 3;
/** The latest that "extend" may move a deadline to, from begin, beyond the first one. */
const MOST_EXTENSION_SECONDS = 600;
/** A host of an atomic group waits for the others, and for an approval. */
const MOST_GROUP_EXTENSION_SECONDS = 4 * 3600;

export async function runHost(job: HostJob, env: HostEnvironment): Promise<HostResult> {
  return new HostRun(job, env).run();
}

class HostRun {
  private readonly job: HostJob;
  private readonly env: HostEnvironment;
  private readonly report: HostReport;

  constructor(job: HostJob, env: HostEnvironment) {
    this.job = job;
    this.env = env;
    this.report = new HostReport(job.host, env);
  }

  async run(): Promise<HostResult> {
    let result: HostResult;
    try {
      result = await this.go();
    } catch (error) {
      result = this.report.failed(error);
    }
    this.env.emit({ type: 'host.finished', ...result });
    return result;
  }

  private async go(): Promise<HostResult> {
    const cause = this.whyNotBegun();
    if (cause !== undefined) return this.report.result('skipped', { cause });
    this.report.phase('connecting');
    const connection = await this.report.timed('connectMs', () =>
      this.env.transport.connect(this.job.target, this.job.dial),
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
      this.report.phase('planning');
      const plan = await this.report.timed('planMs', () => Promise.resolve(this.planFor(observed)));
      this.job.mesh?.begins(this.job.host, observed.state, plan.target);
      // What another one has changed and not confirmed yet may be all that this plan wants, and go back again.
      const open = observed.transactions.find(
        ({ state }) => !['new', 'confirmed', 'rolled-back', 'incomplete'].includes(state),
      );
      if (open !== undefined) throw busy(this.job.host, open);
      if (plan.changes.length === 0) return this.unchanged(connection, observed);
      this.checkFingerprint(plan, observed);
      this.env.emit({
        type: 'host.planned',
        host: this.job.host,
        changes: plan.changes.map((change) => change.summary),
        hazards: plan.hazards,
        touchesManagement: plan.touchesManagement,
      });
      const cause = this.whyNotBegun();
      if (cause !== undefined) return this.report.result('skipped', { cause });
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

  /** Nothing is to be changed; what was temporary so far, or could not be made persistent, still may be. */
  private async unchanged(connection: Connection, observed: ObservedHost): Promise<HostResult> {
    const { job, report } = this;
    const { running, persistent, profiles } = observed.persistence;
    const isTemporary =
      (running !== undefined && running !== persistent) ||
      profiles.temporary.length > 0 ||
      profiles.isUnfinished;
    if (job.temporary === true || !isTemporary) {
      return report.result('unchanged', {});
    }
    const answer = await persistRunning(
      job.host,
      connection,
      observed,
      this.env.newTransactionId(),
    );
    if (answer.kind === 'nothing') return report.result('unchanged', {});
    if (answer.kind === 'persisted') {
      return report.result('confirmed', {
        details: ['nothing had to be changed; what runs was made persistent'],
      });
    }
    return report.result('confirmed-not-persistent', { cause: answer.why });
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
    this.report.phase('observing');
    const observed = await this.report.timed('observeMs', () =>
      observeHost(this.job.host, connection),
    );
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
    const scripts = backendScripts({
      plan,
      observed: observed.state,
      lines: observed.lines,
      networkManager: observed.networkManager,
    });
    const budget = budgetFor(
      plan,
      job.confirmWindowSeconds,
      this.report.timings.observeMs,
      scripts.networkManager === undefined ? 0 : scripts.segments.length,
    );
    const secondsToDeadline = budget.applySeconds + budget.confirmSeconds;
    const { required, waived, warnings } = await baselineProbes(
      job.host,
      connection,
      job.probes,
      observed.state,
      plan,
      {
        isUndo: job.planFor !== undefined,
        mesh: job.mesh,
        peer: plan.touchesManagement ? observed.ssh?.clientAddress : undefined,
      },
    );
    for (const message of warnings) {
      env.emit({ type: 'log', level: 'warning', host: job.host, message });
    }
    for (const { probe, text } of waived) {
      env.emit({ type: 'log', level: 'warning', host: job.host, message: waivedText(probe, text) });
    }
    for (const probe of required.filter(isMesh)) {
      const message = job.mesh?.notRequired(job.host, probe);
      if (message !== undefined) env.emit({ type: 'log', level: 'info', host: job.host, message });
    }
    const diagnosis = planDiagnosis(observed, plan, probesToAsk(job.host, required, job.mesh));
    const nonce = env.newNonce();
    const sent: SentTransaction = {
      id: env.newTransactionId(),
      nonce,
      address: connection.address,
      hostKey: connection.hostKey,
      bootId: observed.bootId,
      newAddress: plan.newManagementAddress,
      scope: plan.scope,
      before: observed.state,
      beforeLines: observed.lines,
      target: plan.target,
      probes: required,
      isSlowToSettle: isSlowToSettle(plan),
      diagnosis,
      waits: plan.waits ?? [],
      budget,
      explain: (failure) => failureText(failure, scripts.segments, plan.changes),
      deadlineMs: env.now() + secondsToDeadline * 1000,
      wasArmed: false,
      persistsByItself: plan.backend === 'nmcli',
    };
    const script = beginScript({
      id: sent.id,
      nonce,
      owner: env.owner,
      secondsToDeadline,
      maxSeconds:
        secondsToDeadline +
        (job.gate === undefined ? MOST_EXTENSION_SECONDS : MOST_GROUP_EXTENSION_SECONDS),
      lastResort:
        job.lastResortSeconds === undefined
          ? undefined
          : { rebootSeconds: job.lastResortSeconds, wayBackSeconds: budget.rollbackSeconds },
      scripts,
      resolvConf: observed.resolvConf,
      diagnosis: diagnosis.request,
      temporary: job.temporary === true,
      owned: ownedDelta(observed.state, plan.target, observed.owned, env.owner),
    });
    env.emit({
      type: 'host.recorded',
      host: job.host,
      transaction: sent.id,
      address: sent.address,
      hostKey: sent.hostKey,
      bootId: sent.bootId,
      ...(sent.newAddress === undefined ? {} : { newAddress: sent.newAddress }),
      scope: sent.scope,
      before: recordState(sent.before),
      target: recordState(sent.target),
      budget,
      ...(plan.backend === undefined ? {} : { backend: plan.backend }),
      baseline: scripts.baseline,
      commands: commandLines(scripts.segments),
      ...(waived.length === 0 ? {} : { waivedProbes: waived.map(({ probe }) => probeName(probe)) }),
    });
    // From here on the host is changed: who finds it must be able to find out what it was.
    if (env.recorded !== undefined) await env.recorded();
    this.report.phase('arming');
    const sentMs = env.now();
    const watch = this.watchBegin(connection, script, sent);
    const first = await Promise.race([watch.armed, watch.ended]);
    if (first.kind === 'changed') return 'changed';
    if (first.kind === 'busy') throw busy(job.host, first);
    if (first.kind === 'environment') {
      throw new NetorchError(
        'HOST_UNFIT',
        `${job.host}: the transaction could not begin: ${first.text}`,
      );
    }
    this.report.phase('applying');
    // A change of the very path may leave the session half open: do not wait for its last word for long.
    // Behind address translation the path is not known, so the time for the confirmation is never waited away.
    const patienceMs = plan.touchesManagement ? 2_000 : budget.applySeconds * 1_000;
    const abort = new AbortController();
    const last = await Promise.race([
      watch.ended,
      this.report.delay(patienceMs, abort.signal).then(
        () => ({ kind: 'other', text: 'no word' }) as const,
        () => ({ kind: 'other', text: 'no word' }) as const,
      ),
    ]);
    abort.abort();
    this.report.timings.applyMs = Math.round(env.now() - sentMs);
    if (last.kind === 'applied') {
      env.emit({ type: 'host.applied', host: job.host, durationMs: this.report.timings.applyMs });
    }
    return proveHost(job, env, this.report, sent, last.kind === 'rolled-back');
  }

  /** Sends the transaction and turns what the host says into promises; neither ever rejects. */
  private watchBegin(
    connection: Connection,
    script: string,
    sent: SentTransaction,
  ): { armed: Promise<BeginEvent>; ended: Promise<BeginEvent> } {
    const { job, env } = this;
    this.changedLines = [];
    let sayArmed: (event: BeginEvent) => void = () => undefined;
    const armed = new Promise<BeginEvent>((resolve) => {
      sayArmed = resolve;
    });
    let final: BeginEvent = { kind: 'other', text: 'no word' };
    // Each is said once; a host that floods must not fill the journal.
    const heard = new Set<BeginEvent['kind']>();
    const onLine = (line: string): void => {
      const event = parseBeginLine(line);
      switch (event.kind) {
        case 'armed': {
          if (heard.has('armed')) break;
          heard.add('armed');
          sent.wasArmed = true;
          const { applySeconds, confirmSeconds, rollbackSeconds } = sent.budget;
          // Never more than was asked for, and a number: what a host says is not trusted.
          const secondsLeft = Number.isFinite(event.secondsLeft)
            ? Math.min(Math.max(event.secondsLeft, 0), applySeconds + confirmSeconds)
            : applySeconds + confirmSeconds;
          sent.deadlineMs = env.now() + secondsLeft * 1000;
          const inMs = (ms: number) => new Date(env.date().getTime() + ms).toISOString();
          env.emit({
            type: 'host.armed',
            host: job.host,
            transaction: sent.id,
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
          if (!heard.has('rolling-back')) this.report.phase('rolling-back');
          heard.add('rolling-back');
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
      (sent.budget.applySeconds + sent.budget.confirmSeconds + sent.budget.rollbackSeconds) * 1000;
    const ended = connection.exec(RUN_FROM_STDIN, { input: script, onLine, timeoutMs }).then(
      (): BeginEvent => final,
      // The session was cut off: whether the transaction began is asked of the host.
      (): BeginEvent => final,
    );
    return { armed, ended };
  }

  private planFor(observed: ObservedHost): ChangePlan {
    const { host, desired, planFor, temporary = false } = this.job;
    const plan =
      planFor === undefined ? planHost(host, observed, desired, this.job) : planFor(observed);
    const hazards = [
      ...deadlineHazards(plan, this.job.confirmWindowSeconds),
      ...bootHazards(observed, plan, temporary),
    ];
    return { ...plan, hazards: [...plan.hazards, ...hazards] };
  }

  private whyNotBegun(): string | undefined {
    const { stopping } = this.env;
    if (!stopping.aborted) return undefined;
    const reason: unknown = stopping.reason;
    return typeof reason === 'string' ? reason : 'the run was stopped before';
  }
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
