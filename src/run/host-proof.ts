/**
 * One host's way from the moment its transaction was sent until its end is known: dial a NEW connection,
 * compare, probe, confirm; or see it roll back. What counts is the state file on the host: exit codes and
 * kept connections prove nothing. A later run may take this way up where a dead one left it (resume).
 */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import { splitSections } from '../agents/canonical.js';
import { DIAGNOSIS_TIMEOUT_MS } from '../agents/diagnosis-script.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { parsePersisted, type Persisted } from '../agents/persistence.js';
import { parseObservation } from '../agents/reading.js';
import {
  confirmScript,
  extendScript,
  parseExtended,
  parseStatus,
  rollbackScript,
  statusAndObserveScript,
  type TransactionStatus,
} from '../agents/transaction.js';
import type { Diagnosis } from '../diagnosis/diagnose.js';
import { isAsRecorded } from '../backends/persist-record.js';
import { withAltNamesOnly } from '../backends/recorded-alt-names.js';
import { compareStates } from '../network/compare.js';
import type { Difference, NetworkState } from '../network/state.js';
import type { Wait } from '../plan/change.js';
import { waitName } from '../plan/waits.js';
import { probeName, type ProbeSpec } from '../probes/probe-script.js';
import type { Connection } from '../transport/transport.js';
import type { Budget } from './budget.js';
import type { CommitGate, GroupWord } from './commit-gate.js';
import type { FailureText } from './failure-text.js';
import {
  diagnosisOf,
  gatherEvidence,
  isWhole,
  wantedBy,
  type DiagnosisPlan,
} from './host-diagnosis.js';
import type { HostEnvironment } from './host-environment.js';
import type { HostJob, HostResult } from './host-job.js';
import type { HostReport } from './host-report.js';
import { failedPart, judgeAnswers, probesToAsk } from './mesh-probes.js';
import { OBSERVE_TIMEOUT_MS } from './observe-host.js';
import { probeHost } from './probe-host.js';
import { persistenceFiles, type PersistenceFiles } from './persistence-files.js';

/** A transaction that was sent to a host, or may have been. */
export type SentTransaction = {
  readonly id: string;
  /** undefined: begun by a run that is dead, whose secret died with it; root on the host needs none. */
  readonly nonce: string | undefined;
  /** Where the first connection was dialled, and the very key that was met there. */
  readonly address: string;
  readonly hostKey: string;
  readonly bootId: string;
  /** Where SSH answers after the change, if elsewhere. */
  readonly newAddress: string | undefined;
  readonly scope: readonly string[];
  readonly before: NetworkState;
  /** Canonical lines of the host as it was, of its scope at least; without them more becomes persistent. */
  readonly beforeLines?: readonly string[];
  readonly target: NetworkState;
  /** What must be good after the change; undefined (of a run that is dead): all that the job asks for. */
  readonly probes?: readonly ProbeSpec[];
  /** Links go down and up, or negotiate: probes are given until the deadline. undefined: not known. */
  readonly isSlowToSettle?: boolean;
  readonly waits?: readonly Wait[];
  readonly diagnosis?: DiagnosisPlan;
  readonly budget: Budget;
  /** What a failed step means. */
  readonly explain: (failure: readonly string[]) => FailureText;
  /** Monotonic ms at which an unconfirmed host starts to roll back; moved once the host has said it. */
  deadlineMs: number;
  /** The host has said that its timer runs, or was seen in a state behind that. */
  wasArmed: boolean;
  /** The host makes it persistent by what it was given at the beginning: nothing comes with the confirmation. */
  readonly persistsByItself?: boolean;
};

const MESSAGE_TIMEOUT_MS = 15_000;
/** A slow line and a slow host: what is to be persistent may be a megabyte. */
const BYTES_A_MS = 50;
/** A dial that is on its way when sshd or the link come back would wait long: give up early, dial again. */
const REDIAL_TIMEOUT_MS = 6_000;
const REDIAL_PAUSE_MS = 1_000;
/** Hosts whose clock or processor lags get this much more before they count as lost. */
const GRACE_MS = 30_000;
const COMPARE_TRIES = 3;
/** What is negotiated is looked at again until so long before the deadline: the host is to be asked to go back in time. */
const LAST_LOOK_MS = 8_000;
/** Where no link goes down and nothing negotiates, what does not answer by then does not answer. */
const QUICK_PROBES_MS = 10_000;
/** Kept of the time before the deadline for asking the host to go back. */
const GO_BACK_MS = 3_000;
/** A host that answers early in its boot is given this many looks until its network is whole. */
const BOOT_TRIES = 30;
/** A host that waits for its group has its deadline moved this far ahead, again and again. */
const LEASE_SECONDS = 45;
const RENEW_MS = 12_000;

/** The cause that runtime.sh gives when a transaction is ended that was never armed. */
const NOTHING_BEGUN = 'nothing was begun';

type Pass = HostResult | 'again' | 'held';

/** Never rejects. `isGoingBack`: the host has said so itself. */
export async function proveHost(
  job: HostJob,
  env: HostEnvironment,
  report: HostReport,
  sent: SentTransaction,
  isGoingBack = false,
): Promise<HostResult> {
  return new HostProof(job, env, report, sent, isGoingBack).run();
}

class HostProof {
  private readonly job: HostJob;
  private readonly env: HostEnvironment;
  private readonly report: HostReport;
  private readonly sent: SentTransaction;
  private readonly gate: CommitGate | undefined;
  private rollbackDetails: readonly string[] = [];
  /** Why the host was asked to go back: it is asked again if that did not arrive, and not weighed anew. */
  private verdict: string | undefined;
  /** What was not good when it was looked at last: its deadline may pass before anything is asked for. */
  private shortcoming: string | undefined;
  /** The probes were good when they were looked at last, whatever was not good before. */
  private isGoodAtLast = false;
  /** What the host looked like before it was asked to go back, and what was not good. */
  private evidence = '';
  private failedProbes: readonly ProbeSpec[] = [];
  private unleased: readonly string[] = [];
  /** The host was asked to go back, or does so: only its former address counts. */
  private goesBack: boolean;
  /** The host may be confirmed, whatever was heard of it since. */
  private confirmationSent = false;
  private timesGone = 0;
  private timesRebooted = 0;
  private timesUnpersisted = 0;
  /** The host as it was read last, when it was found to be what the plan says. */
  private lastSeen: ObservedHost | undefined;
  /** What went with the confirmation. */
  private persistence: PersistenceFiles | undefined;
  /** Of the last dial that failed. */
  private lastError: string | undefined;
  /**
   * The last dial was answered, and what was asked over it too. One that is answered only after the deadline
   * does not count: whoever answers then is on its way back.
   */
  private isInTouch = false;
  private isLost = false;
  private hasDialled = false;
  private hasHeld = false;
  /** Told once, however often they are met. */
  private lastDifferences: readonly string[] = [];
  private word: GroupWord | undefined;
  private readonly startedMs: number;

  constructor(
    job: HostJob,
    env: HostEnvironment,
    report: HostReport,
    sent: SentTransaction,
    isGoingBack: boolean,
  ) {
    this.job = job;
    this.env = env;
    this.report = report;
    this.sent = sent;
    this.gate = job.gate;
    this.goesBack = isGoingBack;
    this.startedMs = env.now();
  }

  async run(): Promise<HostResult> {
    const result = await this.untilItsEnd();
    if (this.isLost && result.outcome !== 'lost') {
      this.env.emit({
        type: 'host.returned',
        host: this.job.host,
        outcome: result.outcome,
        ...(result.verified === undefined ? {} : { verified: result.verified }),
      });
    }
    return result;
  }

  /** Dials anew until the transaction has ended, one way or the other, or the host counts as lost. */
  private async untilItsEnd(): Promise<HostResult> {
    const { job, env, report, sent } = this;
    let waiting = false;
    report.phase('reconnecting');
    while (env.now() < this.lostAtMs()) {
      const isOver = env.now() >= sent.deadlineMs;
      if (isOver && !waiting && !this.goesBack) {
        waiting = true;
        report.phase('waiting-for-rollback');
        if (this.hasDialled) this.loseIfUnseen();
      }
      const pass =
        this.hasHeld && env.turn !== undefined
          ? await env.turn(() => this.dialOnce(isOver))
          : await this.dialOnce(isOver);
      if (pass === 'held') {
        await this.waitForWord();
        continue;
      }
      if (pass !== 'again') return pass;
      this.hasDialled = true;
      if (isOver) this.loseIfUnseen();
      await report.delay(REDIAL_PAUSE_MS);
    }
    const { applySeconds, confirmSeconds, rollbackSeconds } = sent.budget;
    return report.result('lost', {
      cause: `the host did not come back within the announced time (${applySeconds + confirmSeconds} s and ${rollbackSeconds} s for the way back)`,
      details: [
        ...(this.lastError === undefined ? [] : [`last try: ${this.lastError}`]),
        `its state is unknown: look at its console, or run "netorch status --hosts ${job.host}" when it is back`,
      ],
    });
  }

  private lostAtMs(): number {
    const { deadlineMs, budget } = this.sent;
    return deadlineMs + budget.rollbackSeconds * 1000 + GRACE_MS;
  }

  private async dialOnce(isOver: boolean): Promise<Pass> {
    const { job, env, sent } = this;
    // Until the deadline the new address comes first; afterwards the host is on its way back to the old
    // one, unless a confirmation was sent whose answer was lost.
    const { newAddress, address: old } = sent;
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
    const endMs = isOver ? this.lostAtMs() : sent.deadlineMs;
    for (const address of addresses) {
      const leftMs = endMs - env.now();
      if (leftMs <= 0) break;
      const connectTimeoutMs = redialTimeoutMs(job.target.connectTimeoutMs, leftMs);
      try {
        connection = await env.transport.connect(
          { ...job.target, connectTimeoutMs },
          { address, expectedHostKey: sent.hostKey },
        );
        break;
      } catch (error) {
        this.lastError = this.report.messageOf(error);
        this.isInTouch = false;
        if (address === addresses[0]) this.report.cutOff(dialledMs);
      }
    }
    if (connection === undefined) return 'again';
    const isInTime = env.now() < sent.deadlineMs;
    if (!isOver && !isInTime) this.loseIfUnseen();
    try {
      const isAtNewAddress = newAddress === undefined || connection.address === newAddress;
      const pass = await this.overNewConnection(connection, isAtNewAddress);
      if (isInTime) this.isInTouch = true;
      return pass;
    } catch (error) {
      this.lastError = this.report.messageOf(error);
      this.isInTouch = false;
      this.report.cutOff(env.now());
      return 'again';
    } finally {
      connection.close();
    }
  }

  private async overNewConnection(connection: Connection, isAtNewAddress: boolean): Promise<Pass> {
    const { env, report, sent } = this;
    for (let compared = 1; ;) {
      const { status, observed } = await this.readAgain(connection);
      if (observed.bootId !== sent.bootId) {
        // The new address is there at run time only: who answers at it and is newly booted is another machine.
        if (connection.address === sent.newAddress) {
          this.lastError = `another machine answers at ${connection.address}`;
          return 'again';
        }
        return this.rebooted(observed);
      }
      if (report.wasReached) report.reachedAgain(connection.address);
      if (status.state !== 'gone' && status.state !== 'new') sent.wasArmed = true;
      switch (status.state) {
        case 'applied':
          break;
        case 'confirmed':
          return this.confirmed(status.persisted);
        case 'rolled-back':
        case 'incomplete':
          return this.rolledBack(status);
        case 'gone':
          return this.gone(observed);
        case 'new':
          // It stopped before its timer was armed: ended here, so that it cannot begin later on.
          if (env.now() >= sent.deadlineMs) {
            return this.rollBack(connection, 'it did not begin in time', []);
          }
          return 'again';
        case 'armed':
        case 'applying':
        case 'rolling-back':
          return 'again';
      }
      if (status.secondsLeft <= 0) return 'again';
      // Of a run that is dead, only the host knows where its deadline is by now.
      if (sent.nonce === undefined) sent.deadlineMs = env.now() + status.secondsLeft * 1000;
      const recall = this.recallCause();
      if (recall !== undefined) return this.rollBack(connection, recall, []);
      if (this.verdict !== undefined) {
        return this.rollBack(connection, this.verdict, this.rollbackDetails);
      }
      // Reached at the old address though the plan leads to a new one: that proves nothing yet.
      if (!isAtNewAddress) return 'again';
      if (!report.wasReached) report.reached(connection.address, this.startedMs);
      this.lastSeen = observed;
      // What the whole group has decided is not weighed again on one of its hosts.
      if (this.word === 'confirm') return this.confirm(connection);
      if (!this.hasHeld) report.phase('verifying');
      const verifyMs = env.now();
      const differences = compareStates(sent.target, observed.state, new Set(sent.scope));
      report.timings.verifyMs = Math.round(env.now() - verifyMs) + (report.timings.verifyMs ?? 0);
      if (differences.length === 0) return this.prove(connection);
      const words = differences.map(differenceText);
      if (String(words) !== String(this.lastDifferences)) {
        env.emit({ type: 'host.differed', host: this.job.host, differences: words });
      }
      this.lastDifferences = words;
      // What a server or router brings takes its time; the host's own values do not.
      const isAwaited = differences.every((difference) => difference.isAwaited === true);
      if (isAwaited ? !this.hasTimeFor(LAST_LOOK_MS) : compared >= COMPARE_TRIES) {
        if (isAwaited) {
          this.unleased = differences
            .filter(({ path }) => path.endsWith('.ipv4.dhcp'))
            .map(({ path }) => path.slice(0, -'.ipv4.dhcp'.length));
          await this.gather(connection);
        }
        return this.rollBack(connection, 'the host is not what the plan says', words);
      }
      if (!isAwaited) compared += 1;
      await report.delay(REDIAL_PAUSE_MS);
    }
  }

  private async readAgain(
    connection: Connection,
  ): Promise<{ status: TransactionStatus; observed: ObservedHost }> {
    const { stdout } = await connection.exec(RUN_FROM_STDIN, {
      input: statusAndObserveScript(this.sent.id),
      timeoutMs: OBSERVE_TIMEOUT_MS,
    });
    const sections = splitSections(stdout);
    return {
      status: parseStatus(this.job.host, sections.get('status') ?? []),
      observed: parseObservation(this.job.host, stdout),
    };
  }

  /** Probes, then the word that ends the transaction, or the wait for it. */
  private async prove(connection: Connection): Promise<Pass> {
    const bad = await this.probe(connection);
    if (bad.length > 0) {
      await this.gather(connection);
      return this.rollBack(connection, this.shortcoming ?? '', bad.slice(1));
    }
    if (this.gate === undefined) return this.confirm(connection);
    return this.hold(connection, this.gate);
  }

  /** In the window that is left: the way back never waits for it. */
  private async gather(connection: Connection): Promise<void> {
    if (isWhole(this.evidence)) return;
    this.report.phase('probing', 'looking for the cause');
    this.keep(await this.look(connection));
  }

  /** The newest, but nothing that was cut off in place of what was not. */
  private keep(evidence: string): void {
    if (evidence !== '' && (isWhole(evidence) || !isWhole(this.evidence))) this.evidence = evidence;
  }

  private async look(connection: Connection): Promise<string> {
    const { diagnosis } = this.sent;
    if (diagnosis === undefined || !this.hasTimeFor(2 * GO_BACK_MS)) return '';
    const request = { ...diagnosis.request, ask: this.asked(diagnosis) };
    const leftMs = Math.min(
      this.sent.deadlineMs - this.env.now() - GO_BACK_MS,
      DIAGNOSIS_TIMEOUT_MS,
    );
    return gatherEvidence(connection, request, (signal) => this.report.delay(leftMs, signal));
  }

  /** What failed comes first, whatever else there is to ask for. */
  private asked(diagnosis: DiagnosisPlan): readonly string[] {
    const failed = this.failedProbes.flatMap(wantedBy).map(({ address }) => address);
    return [...new Set([...failed.slice(0, 3), ...diagnosis.request.ask])];
  }

  /** The cause, if the evidence shows one; all of it is told. */
  private diagnosed(evidence: string): Diagnosis | undefined {
    const { sent, env, report } = this;
    if (sent.diagnosis === undefined) return undefined;
    const found = diagnosisOf(
      evidence,
      sent.diagnosis,
      {
        isCutOff: !report.wasReached,
        wanted: this.failedProbes.flatMap(wantedBy),
        unleased: this.unleased,
      },
      sent.before,
      sent.target,
    );
    if (found === undefined) return undefined;
    const { kind, cause } = found;
    env.emit({
      type: 'host.diagnosed',
      host: this.job.host,
      ...(kind === undefined || cause === undefined ? {} : { kind, cause }),
      evidence: found.evidence,
    });
    return found;
  }

  /** Is so much time left before the host goes back by itself? */
  private hasTimeFor(ms: number): boolean {
    return this.env.now() + ms <= this.sent.deadlineMs;
  }

  /** What is not good, in words. */
  private async probe(connection: Connection): Promise<readonly string[]> {
    const { job, env, report, sent } = this;
    const wanted = sent.probes ?? job.probes;
    if (probesToAsk(job.host, wanted, job.mesh).length === 0) return [];
    if (!this.hasHeld) report.phase('probing');
    const startMs = env.now();
    // Still negotiating is not failed: tried until shortly before the deadline, where the network is slow.
    const patienceMs = sent.isSlowToSettle === false ? QUICK_PROBES_MS : Number.POSITIVE_INFINITY;
    let waitingFor: string | undefined;
    let tookMs = 0;
    for (;;) {
      const roundMs = env.now();
      // What does not answer takes most of what is left before the deadline, and no time remains to look for the
      // cause afterwards: what may be the last round goes on beside it. On a busy host a round may take twice as
      // long as the one before.
      const isLikelyLast =
        waitingFor !== undefined && !this.hasTimeFor(LAST_LOOK_MS + REDIAL_PAUSE_MS + 2 * tookMs);
      const looking = isLikelyLast ? this.look(connection) : undefined;
      const probes = probesToAsk(job.host, wanted, job.mesh);
      const heard = await probeHost(connection, probes);
      tookMs = env.now() - roundMs;
      report.timings.probeMs = Math.round(env.now() - startMs);
      const isLast = !this.hasTimeFor(LAST_LOOK_MS) || env.now() - startMs >= patienceMs;
      const answers = judgeAnswers(job.host, probes, heard, job.mesh, isLast);
      const bad = probes.flatMap((probe, index) => {
        const answer = answers[index];
        if (answer === undefined || answer.good) return [];
        return [`${probeName(probe)}: ${answer.text}`];
      });
      this.isGoodAtLast = bad.length === 0;
      if (bad[0] !== undefined) this.shortcoming = `after the change: ${bad[0]}`;
      this.failedProbes = probes.flatMap((probe, index) =>
        answers[index]?.good === false ? [failedPart(probe, heard[index])] : [],
      );
      if (bad.length > 0 && looking !== undefined) this.keep(await looking);
      if (bad.length === 0 || isLast) {
        if (bad.length > 0 || !this.hasHeld) {
          probes.forEach((probe, index) => {
            const answer = answers[index] ?? { good: false, text: '' };
            env.emit({
              type: 'host.probed',
              host: job.host,
              probe: probeName(probe),
              good: answer.good,
              text: answer.text,
            });
          });
        }
        return bad;
      }
      if (bad[0] !== waitingFor) {
        waitingFor = bad[0];
        const slow = (sent.waits ?? []).map(
          (wait) => `${waitName(wait)} may take ${wait.seconds} s`,
        );
        const why = slow.length === 0 ? '' : ` (${slow.join(', ')})`;
        report.phase('probing', `waiting for ${bad[0] ?? ''}${why}`);
      }
      await report.delay(REDIAL_PAUSE_MS);
    }
  }

  /** The host is good: its deadline is moved ahead, and its group told. The word is waited for unconnected. */
  private async hold(connection: Connection, gate: CommitGate): Promise<Pass> {
    const { job, env, report, sent } = this;
    const isSecuring = this.word === 'secure';
    const wanted = isSecuring ? gate.commitSeconds : LEASE_SECONDS;
    const { stdout } = await connection.exec(RUN_FROM_STDIN, {
      input: extendScript(sent.id, sent.nonce, wanted),
      timeoutMs: MESSAGE_TIMEOUT_MS,
    });
    const secondsLeft = parseExtended(stdout);
    if (secondsLeft === undefined) return 'again';
    sent.deadlineMs = env.now() + secondsLeft * 1000;
    const deadline = new Date(env.date().getTime() + secondsLeft * 1000).toISOString();
    if (!this.hasHeld || isSecuring) {
      env.emit({ type: 'host.extended', host: job.host, deadline, secondsLeft });
    }
    if (!this.hasHeld) {
      this.hasHeld = true;
      report.phase('holding');
    }
    if (isSecuring) gate.secured(job.host, secondsLeft);
    else gate.good(job.host);
    return 'held';
  }

  /** Until the group's word changes, the host must be seen again to move its deadline, or it is called back. */
  private async waitForWord(): Promise<void> {
    const { gate } = this;
    if (gate === undefined) return;
    const timer = new AbortController();
    const { recall } = this.job;
    let onRecall: () => void = () => undefined;
    const recalled = new Promise<void>((resolve) => {
      onRecall = resolve;
      if (recall?.aborted === true) resolve();
      else recall?.addEventListener('abort', onRecall, { once: true });
    });
    await Promise.race([
      gate.changed(this.word),
      recalled,
      this.report.delay(RENEW_MS, timer.signal).catch(() => undefined),
    ]);
    timer.abort();
    recall?.removeEventListener('abort', onRecall);
    this.word = gate.word;
  }

  /** Why the host must go back though nothing is wrong with it: its group or a person says so. */
  private recallCause(): string | undefined {
    if (this.confirmationSent) return undefined;
    const { gate } = this;
    if (gate !== undefined) this.word = gate.word;
    if (this.word === 'confirm') return undefined;
    if (this.word !== undefined && this.word !== 'secure') return this.word.goBack;
    const { recall } = this.job;
    if (recall?.aborted !== true) return undefined;
    return typeof recall.reason === 'string' ? recall.reason : 'asked for';
  }

  private async confirm(connection: Connection): Promise<Pass> {
    this.report.phase('confirming');
    const startMs = this.env.now();
    this.persistence = this.filesToKeep();
    this.confirmationSent = true;
    const input = confirmScript(this.sent.id, this.sent.nonce, this.persistence?.files);
    const { stdout } = await connection.exec(RUN_FROM_STDIN, {
      input,
      timeoutMs: MESSAGE_TIMEOUT_MS + input.length / BYTES_A_MS,
    });
    this.report.timings.confirmMs = Math.round(this.env.now() - startMs);
    if (/^confirmed$/m.test(stdout)) return this.confirmed(parsePersisted(stdout));
    return 'again';
  }

  private filesToKeep(): PersistenceFiles | undefined {
    const { sent, job, lastSeen } = this;
    if (lastSeen === undefined || sent.persistsByItself === true) return undefined;
    return persistenceFiles({
      by: sent.id,
      scope: sent.scope,
      before: sent.before,
      beforeLines: sent.beforeLines ?? [],
      target: sent.target,
      confirmed: lastSeen,
      desired: job.desired,
      temporary: job.temporary === true,
    });
  }

  /** It is confirmed: what becomes of it at the next boot? The host persists it by itself, and is asked again. */
  private confirmed(persisted: Persisted | undefined): Pass {
    const { report } = this;
    if (this.job.temporary === true) return report.result('confirmed', {});
    const refused = this.persistence?.refused;
    if (refused !== undefined) {
      return report.result('confirmed-not-persistent', { cause: refused });
    }
    if (persisted?.kind === 'persisted') return report.result('confirmed', {});
    if (persisted?.kind === 'failed') {
      return report.result('confirmed-not-persistent', { cause: persisted.why });
    }
    this.timesUnpersisted += 1;
    const isToCome = this.persistence !== undefined || this.sent.persistsByItself === true;
    if (isToCome && this.timesUnpersisted < 10) return 'again';
    return report.result('confirmed-not-persistent', {
      cause:
        persisted === undefined
          ? 'the host was given nothing for its next boot: run "netorch persist"'
          : 'the host has not made it persistent in time: look with "netorch status"',
    });
  }

  /** Asks the host to go back at once. If that cuts the session off, the host is dialled until it is back. */
  private async rollBack(
    connection: Connection,
    cause: string,
    details: readonly string[],
  ): Promise<Pass> {
    this.report.phase('rolling-back', cause);
    const startMs = this.env.now();
    this.rollbackDetails = details;
    this.verdict = cause;
    this.shortcoming = cause;
    this.goesBack = true;
    try {
      await connection.exec(RUN_FROM_STDIN, {
        input: rollbackScript(this.sent.id, this.sent.nonce, cause),
        timeoutMs: Math.min((this.sent.budget.rollbackSeconds + 5) * 1000, 60_000),
      });
    } catch (error) {
      this.report.messageOf(error);
      this.report.cutOff(this.env.now());
    }
    this.report.timings.rollbackMs = Math.round(this.env.now() - startMs);
    // The way back may take the very path of this session: the next dial reads how it ended.
    return 'again';
  }

  /** Its deadline has passed unseen. Its outcome is told when it is back, or when its time is over. */
  private loseIfUnseen(): void {
    if (this.isLost || this.isInTouch || this.confirmationSent || this.goesBack) return;
    this.isLost = true;
    const { env, sent } = this;
    const inMs = (ms: number) => new Date(env.date().getTime() + ms).toISOString();
    const leftMs = sent.deadlineMs - env.now();
    env.emit({
      type: 'host.lost',
      host: this.job.host,
      deadline: inMs(leftMs),
      announced: inMs(leftMs + sent.budget.rollbackSeconds * 1000),
    });
  }

  private rolledBack(status: TransactionStatus): HostResult {
    const { report, sent } = this;
    report.outageEnds();
    const verified = status.state === 'rolled-back';
    if (status.cause === NOTHING_BEGUN)
      return this.neverBegun('it did not get as far as its timer');
    const differences = verified
      ? []
      : ['NOT exactly what it was; these differ:', ...status.differences.slice(0, 20)];
    if (status.failure.length > 0) {
      const failure = sent.explain(status.failure);
      return report.result('rolled-back', {
        cause: failure.cause,
        details: [...failure.details, ...differences],
        verified,
      });
    }
    const byDeadline = status.cause?.startsWith('the deadline passed') === true;
    const address = sent.newAddress ?? sent.address;
    const tooLate = this.isGoodAtLast ? ' (it was good too late to be confirmed)' : '';
    const symptom = byDeadline
      ? !report.wasReached
        ? `after the change SSH at ${address} did not answer within ${sent.budget.confirmSeconds} s`
        : this.hasHeld
          ? 'it was good, and was not confirmed by its deadline'
          : this.shortcoming === undefined
            ? `after the change the host could not be proved good within ${sent.budget.confirmSeconds} s`
            : this.shortcoming + tooLate
      : (status.cause ?? 'unknown');
    // Who goes back because others do has nothing that could be diagnosed.
    const isAsked = (byDeadline || this.failedProbes.length > 0) && !this.hasHeld;
    const seen = isAsked ? status.evidence : '';
    // What was asked for over a connection may have been cut off.
    const evidence = isWhole(this.evidence) || seen === '' ? this.evidence : seen;
    const diagnosis = this.diagnosed(evidence);
    return report.result('rolled-back', {
      cause: diagnosis?.cause === undefined ? symptom : `${diagnosis.cause} (${symptom})`,
      details: [
        ...(!report.wasReached && this.lastError !== undefined
          ? [`last try: ${this.lastError}`]
          : []),
        ...this.rollbackDetails,
        ...(diagnosis?.evidence ?? []).map((line) => `seen from the host: ${line}`),
        ...differences,
      ],
      verified,
    });
  }

  private neverBegun(why: string): HostResult {
    return this.report.result('failed', {
      cause: `the transaction did not begin (${why}): nothing was touched`,
    });
  }

  private differencesFromBefore(observed: ObservedHost): readonly string[] {
    const { before, scope } = this.sent;
    return compareStates(before, observed.state, new Set(scope)).map(differenceText);
  }

  /** The host knows nothing of the transaction, and was not rebooted. */
  private gone(observed: ObservedHost): HostResult | 'again' {
    // What was sent may be on its way still, just before its first line is carried out.
    this.timesGone += 1;
    if (this.timesGone < 3) return 'again';
    if (!this.sent.wasArmed) return this.neverBegun('what was sent did not arrive, or was not run');
    const differences = this.differencesFromBefore(observed);
    const cause = 'the record of the transaction was removed on the host';
    if (differences.length === 0)
      return this.report.result('rolled-back', { cause, verified: true });
    return this.report.result('lost', {
      cause: `${cause}: whether it goes back is unknown`,
      details: ['against what it was:', ...differences],
    });
  }

  /**
   * After a reboot the host is what is persistent, else what its own boot makes of it. Before the
   * confirmation nothing that a boot reads is written; with it, the reboot may have come before or after.
   */
  private rebooted(observed: ObservedHost): Pass {
    const { sent, report } = this;
    const { persistent, boot, profiles } = observed.persistence;
    // Of a dead run it is not known whether it had sent the confirmation: the host's record tells.
    const mayBeKept = this.confirmationSent || sent.nonce === undefined;
    const isKept = mayBeKept && (persistent?.by === sent.id || profiles.by === sent.id);
    const wanted = isKept ? sent.target : sent.before;
    const altNames = isKept ? persistent?.altNames : undefined;
    const recorded = (state: NetworkState) =>
      altNames === undefined ? state : withAltNamesOnly(state, altNames);
    const fromWanted = compareStates(
      recorded(wanted),
      recorded(observed.state),
      new Set(sent.scope),
    ).map(differenceText);
    // What the host ran before was temporary, in part: what counts after a reboot is what is persistent.
    const isAsPersistent =
      persistent !== undefined && isAsRecorded(persistent, observed.lines) && !isKept;
    const differences = isAsPersistent ? [] : fromWanted;
    const isStillAtIt = persistent !== undefined && boot === undefined;
    this.timesRebooted += 1;
    if ((differences.length > 0 || isStillAtIt) && this.timesRebooted < BOOT_TRIES) {
      if (persistent !== undefined || sent.persistsByItself === true) return 'again';
    }
    if (isKept && differences.length === 0) {
      return report.result('confirmed', {
        details: ['the host was rebooted after its confirmation, and is what the plan says'],
      });
    }
    return report.result('rolled-back', {
      cause: isKept
        ? 'the host was rebooted after its confirmation, and is not what was made persistent'
        : this.confirmationSent
          ? 'the host was rebooted before the change was persistent: it runs what it had before'
          : 'the host was rebooted before the change was confirmed: it runs its boot configuration',
      details: differences,
      verified: differences.length === 0,
    });
  }
}

/**
 * Slow hosts are given the time their user allows, but never so long that only one try is left of the time,
 * and none beyond it: that a host is lost is said when it is.
 */
function redialTimeoutMs(connectTimeoutMs: number, leftMs: number): number {
  // Whole: it is told in seconds when it is over.
  return Math.ceil(Math.min(connectTimeoutMs, Math.max(REDIAL_TIMEOUT_MS, leftMs / 3), leftMs));
}

function differenceText(difference: Difference): string {
  return `${difference.path}: should be ${difference.expected}, is ${difference.found}`;
}
