/** A host that exists only as a state machine, with a clock that runs when everybody waits. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NetorchError } from '../../src/errors.js';
import type { RunEventBody } from '../../src/run/events.js';
import type { HostEnvironment } from '../../src/run/host-environment.js';
import type { HostJob } from '../../src/run/host-job.js';
import type {
  Connection,
  ConnectOptions,
  ConnectionTarget,
  ExecOptions,
} from '../../src/transport/transport.js';
import { desiredOf } from '../network/documents.js';
import { sshTarget } from './ssh-target.js';

/** What a real host answered (test/agents/fixtures). */
export const BEFORE = readFileSync(
  join(import.meta.dirname, '../agents/fixtures/rich-host.txt'),
  'utf8',
);
const ADDRESS = '10: eth4    inet 192.0.2.130/25 scope global eth4\\';
/** The same host with the address that `PLAN` adds. */
export const AFTER = BEFORE.replace(
  ADDRESS,
  () => `${ADDRESS}       valid_lft forever\n${ADDRESS.replace('.130', '.133')}`,
);
export const PLAN = `interfaces:
  - name: eth4
    ipv4:
      enabled: true
      address: [{ ip: 192.0.2.130, prefix-length: 25 }, { ip: 192.0.2.133, prefix-length: 25 }]
`;

/** A host of few interfaces is read and planned several times as fast: for tests of very many runs. */
export const SMALL_TEXTS = { before: smaller(BEFORE), after: smaller(AFTER) };

function smaller(text: string): string {
  const kept = ['lo', 'eth4'];
  return text
    .split('\n')
    .filter(
      (line) =>
        !/\b(stag|br0|bond\d|eth[0-35-9]|v?rf\w+|vx\w+|veth\w+|dummy\w*)\b/.test(line) ||
        line.startsWith('['),
    )
    .map((line) => {
      if (!line.startsWith('[')) return line;
      const items = JSON.parse(line) as readonly Readonly<{ ifname?: string; dev?: string }>[];
      return JSON.stringify(items.filter((item) => kept.includes(item.ifname ?? item.dev ?? '')));
    })
    .join('\n');
}

const TARGET = sshTarget('h1', '192.0.2.130');

export const JOB: HostJob = {
  host: 'h1',
  target: TARGET,
  desired: desiredOf(PLAN),
  probes: [],
  confirmWindowSeconds: 30,
  expectedFingerprint: undefined,
};

export type Message = 'observe' | 'begin' | 'status' | 'extend' | 'confirm' | 'rollback' | 'probe';

function messageOf(input: string): Message {
  if (input.includes('SECONDS_TO_DEADLINE=') && input.includes('write_files')) return 'begin';
  if (/runtime\.sh'? '?request-rollback/.test(input)) return 'rollback';
  if (/runtime\.sh'? '?confirm/.test(input)) return 'confirm';
  if (/runtime\.sh'? '?extend/.test(input)) return 'extend';
  if (input.includes('echo @status')) return 'status';
  if (/^probe_\w+ \d/m.test(input)) return 'probe';
  return 'observe';
}

function transactionOf(input: string): string | undefined {
  return /\/run\/netorch\/([\w-]+)\/runtime\.sh/.exec(input)?.[1];
}

/** The time that a host lives in. */
export type HostClock = {
  nowMs: number;
  delay: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Told of every host that begins to live in it. */
  hosts: { push: (host: FakeHost) => unknown };
};

/** Time goes on only when nothing else is left to do. */
export class FakeClock implements HostClock {
  nowMs = 0;
  readonly hosts: FakeHost[] = [];
  private readonly waiting: { atMs: number; wake: () => void }[] = [];
  private pumping = false;

  delay(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = { atMs: this.nowMs + ms, wake: resolve };
      this.waiting.push(timer);
      signal?.addEventListener('abort', () => {
        const index = this.waiting.indexOf(timer);
        if (index >= 0) this.waiting.splice(index, 1);
        reject(new Error('aborted'));
      });
      this.pump();
    });
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    setImmediate(() => {
      this.pumping = false;
      this.waiting.sort((a, b) => a.atMs - b.atMs);
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      for (const host of this.hosts) host.tick();
      next.wake();
      if (this.waiting.length > 0) this.pump();
    });
  }
}

type Link = { isCut: boolean };

type FakeNetwork = 'before' | 'after';

/** All that a fake host still knows after the controller is gone. */
export type FakeMemory = Pick<
  FakeHost,
  'state' | 'network' | 'former' | 'deadlineMs' | 'mostMs' | 'cause' | 'transaction' | 'ended'
>;

export class FakeHost {
  state = 'none';
  network: FakeNetwork = 'before';
  /** What a transaction makes of it, and what it was when that began. */
  goal: FakeNetwork = 'after';
  former: FakeNetwork = 'before';
  /** The name of the newest transaction, where the test gives each one of its own. */
  transaction = '';
  /** Name → end of earlier transactions. */
  ended: ReadonlyMap<string, string> = new Map();
  texts = { before: BEFORE, after: AFTER };
  /** A message has been carried out, and its answer is not read yet. */
  onAnswered: (message: Message) => void = () => undefined;
  bootId = 'a738547a-3ed4-47b4-8996-2cbf1b9dfe8f';
  deadlineMs = Number.POSITIVE_INFINITY;
  /** The latest that its deadline may be moved to. */
  mostMs = Number.POSITIVE_INFINITY;
  cause = '';
  /** What becomes of a confirmed change at its next boot, in the host's words. */
  persist = 'persisted';
  connections = 0;
  readonly messages: Message[] = [];
  readonly events: RunEventBody[] = [];
  readonly stopping = new AbortController();
  /** Replaces what it would do by itself; undefined: it does that. Throws for a cut connection. */
  onMessage: (message: Message, times: number) => string | undefined = () => undefined;
  /** Why the n-th dial fails, if so; it may take up to `timeoutMs`. */
  onDial: (times: number, timeoutMs: number) => NetorchError | undefined = () => undefined;

  /** Answers to probes, whose script it is given. */
  onProbe: (input: string) => string = () => 'probe 0 OK fine\n';
  /** What is said of the new address. */
  vacancy = 'probe 0 OK\n';
  /** How long a dial or a message takes: settles when it is over. undefined: no time at all. */
  takes: (what: Message | 'dial' | 'apply') => Promise<void> | undefined = () => undefined;
  /** Which messages it never answers: they end when they are given up, or cost the connection when their time is over. */
  takesUntilAborted: (message: Message) => boolean = () => false;
  readonly clock: HostClock;

  constructor(clock: HostClock = new FakeClock()) {
    this.clock = clock;
    clock.hosts.push(this);
  }

  get nowMs(): number {
    return this.clock.nowMs;
  }

  readonly environment: HostEnvironment = {
    transport: { connect: (target, options) => this.connect(target, options) },
    emit: (event) => void this.events.push(event),
    now: () => this.nowMs,
    date: () => new Date(this.nowMs),
    delay: (ms, signal) => this.clock.delay(ms, signal),
    stopping: this.stopping.signal,
    newTransactionId: () => 'tx',
    newNonce: () => 'nonce',
    owner: 'test',
  };

  cut(message = 'the connection is gone'): NetorchError {
    return new NetorchError('CONNECTION_LOST', `h1: ${message}`);
  }

  remember(): FakeMemory {
    const { state, network, former, deadlineMs, mostMs, cause, transaction, ended } = this;
    return { state, network, former, deadlineMs, mostMs, cause, transaction, ended };
  }

  reboot(): void {
    this.bootId = 'b0000000-0000-0000-0000-000000000000';
    this.state = 'none';
    this.network = 'before';
  }

  /** As its timer does: from the deadline on an unconfirmed host is on its way back. */
  tick(): void {
    if (this.nowMs < this.deadlineMs) return;
    if (['armed', 'applying', 'applied'].includes(this.state)) {
      this.state = 'rolled-back';
      this.network = this.former;
      this.cause = 'the deadline passed without a confirmation';
    }
  }

  private async connect(target: ConnectionTarget, options?: ConnectOptions): Promise<Connection> {
    this.connections += 1;
    const time = this.takes('dial');
    if (time !== undefined) await time;
    const failure = this.onDial(this.connections, target.connectTimeoutMs);
    if (failure !== undefined) throw failure;
    const address = options?.address ?? target.address;
    const link: Link = { isCut: false };
    return {
      hostKey: 'ssh-ed25519 AAAA',
      address,
      exec: (_command, execOptions) => this.exec(link, execOptions ?? {}),
      close: () => undefined,
      closed: new Promise(() => undefined),
    };
  }

  private async neverEnding(link: Link, options: ExecOptions): Promise<never> {
    const { signal, timeoutMs = 120_000 } = options;
    await this.clock.delay(timeoutMs, signal).then(
      () => void (link.isCut = true),
      () => undefined,
    );
    throw this.cut('a command did not end in time');
  }

  private async exec(
    link: Link,
    options: ExecOptions,
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const input = options.input ?? '';
    // Nobody else has the address that `PLAN` brings; tests look at what they ask for themselves.
    if (/^probe_vacant/m.test(input) && !/^probe_(?!vacant)\w+ \d/m.test(input)) {
      return { code: 0, stdout: this.vacancy, stderr: '' };
    }
    const message = messageOf(input);
    if (link.isCut) throw this.cut();
    if (this.takesUntilAborted(message)) return this.neverEnding(link, options);
    const time = this.takes(message);
    if (time !== undefined) await time;
    this.messages.push(message);
    const times = this.messages.filter((other) => other === message).length;
    const stdout = this.onMessage(message, times) ?? this.answer(message, options.input);
    this.onAnswered(message);
    for (const line of stdout.split('\n').slice(0, -1)) {
      const applying = line === 'applied' ? this.takes('apply') : undefined;
      if (applying !== undefined) await applying;
      options.onLine?.(line);
    }
    return { code: 0, stdout, stderr: '' };
  }

  private observation(): string {
    return this.texts[this.network].replace(/^boot-id .*$/m, `boot-id ${this.bootId}`);
  }

  /** `transaction`: undefined where the test gives them no names. */
  status(transaction?: string): string {
    const former = transaction === undefined ? undefined : this.ended.get(transaction);
    const named = this.transaction !== '' && transaction !== undefined;
    const isOther = named && transaction !== this.transaction;
    if (this.state === 'none' || (isOther && former === undefined)) return 'gone\n';
    const seconds = (ms: number) => Math.floor(ms / 1000);
    return [
      `state ${former ?? this.state}`,
      `uptime ${seconds(this.nowMs)}`,
      `deadline ${seconds(this.deadlineMs)}`,
      ...(this.cause === '' ? [] : [`cause ${this.cause}`]),
      ...(this.state === 'confirmed' ? [`persist ${this.persist}`] : []),
      '',
    ].join('\n');
  }

  /** What the host's own scripts would do and say. */
  answer(message: Message, input = ''): string {
    switch (message) {
      case 'observe':
        return this.observation();
      case 'begin':
        if (this.transaction !== '') {
          this.ended = new Map([...this.ended, [this.transaction, this.state]]);
        }
        this.transaction = /^TX=([\w-]+)\nOWNER=/m.exec(input)?.[1] ?? '';
        this.deadlineMs = this.nowMs + 40_000;
        this.state = 'applied';
        this.former = this.network;
        this.network = this.goal;
        return `armed 0 40\napplied\n`;
      case 'status':
        return `@status\n${this.status(transactionOf(input))}@end-status\n${this.observation()}`;
      case 'extend': {
        if (this.state !== 'applied' || this.nowMs >= this.deadlineMs)
          return `too-late ${this.state}\n`;
        const seconds = Number(/extend'? '?(\d+)/.exec(input)?.[1]);
        this.deadlineMs = Math.min(this.nowMs + seconds * 1000, this.mostMs);
        return `extended ${Math.floor(this.deadlineMs / 1000)} ${Math.floor(this.nowMs / 1000)}\n`;
      }
      case 'confirm':
        if (this.state === 'applied') this.state = 'confirmed';
        return this.state === 'confirmed'
          ? `confirmed\npersist ${this.persist}\n`
          : `not-applied ${this.state}\n`;
      case 'rollback':
        this.state = 'rolled-back';
        this.network = this.former;
        return 'rolling-back\nrolled-back verified\n';
      case 'probe':
        return this.onProbe(input);
    }
  }
}
