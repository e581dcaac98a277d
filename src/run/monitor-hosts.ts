/** Watches many hosts, each over one connection that stays; a host that is lost is dialled again. */
import { setTimeout as delay } from 'node:timers/promises';
import PQueue from 'p-queue';

import { RUN_AND_LISTEN } from '../agents/bundle.js';
import { MonitorReading } from '../agents/monitor-reading.js';
import { MONITOR_WORD_MS, monitorScript } from '../agents/monitor-script.js';
import type { NetworkChange } from '../agents/network-change.js';
import { NetorchError, type ErrorCode } from '../errors.js';
import type { Connection, ConnectionTarget, Transport } from '../transport/transport.js';
import { EventLimit } from './event-limit.js';
import type { MonitorEventBody } from './monitor-events.js';

export type MonitorOptions = Readonly<{
  targets: readonly ConnectionTarget[];
  transport: Transport;
  /** Ends it, with all that runs on the hosts. */
  signal: AbortSignal;
  emit: (event: MonitorEventBody) => void;
  /** Logins at one time. */
  forks: number;
  /** Milliseconds; default: the process's clock. */
  now?: () => number;
  /** From 0 to 1: hosts that were lost together are not dialled together. Default: by chance. */
  chance?: () => number;
  /** Before a host is dialled the first time again; doubles up to `MOST_PAUSE_MS`. */
  firstPauseMs?: number;
}>;

const FIRST_PAUSE_MS = 2_000;
const MOST_PAUSE_MS = 30_000;
const LOOK_MS = 1_000;
/** What a host may take to say what it is. */
const BEGIN_MS = 60_000;
/** What a host may take to end what runs there, before the connection is closed over it. */
const END_MS = 3_000;
const MOST_NAMES = 16;
const MOST_REASON = 300;

/** Trying again would change nothing, and some of these would be punished. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'AUTH_FAILED',
  'HOST_KEY_UNKNOWN',
  'HOST_KEY_MISMATCH',
  'BECOME_FAILED',
  'HOST_UNFIT',
]);

/**
 * Settles when it was ended, or no host is left; with the hosts that were not watched at the end. Rejects only for bugs,
 * and leaves nothing running then either.
 */
export async function monitorHosts(given: MonitorOptions): Promise<readonly string[]> {
  const dials = new PQueue({ concurrency: given.forks });
  const hosts = given.targets.map((target) => new MonitoredHost(target, given, dials));
  const end = (): void => {
    for (const host of hosts) host.end();
  };
  given.signal.addEventListener('abort', end, { once: true });
  if (given.signal.aborted) end();
  const timer = setInterval(() => {
    for (const host of hosts) host.look();
  }, LOOK_MS);
  try {
    await Promise.all(hosts.map((host) => host.run()));
  } finally {
    given.signal.removeEventListener('abort', end);
    end();
    clearInterval(timer);
  }
  return hosts.filter(({ wasWatched }) => !wasWatched).map(({ name }) => name);
}

class MonitoredHost {
  readonly name: string;
  /** When it was ended, or now. */
  wasWatched = false;
  readonly #target: ConnectionTarget;
  readonly #options: MonitorOptions;
  readonly #dials: PQueue;
  readonly #now: () => number;
  readonly #reading = new MonitorReading();
  readonly #limit: EventLimit;
  /** Its own: hundreds of hosts would be listeners of one. */
  readonly #ended = new AbortController();
  #failures = 0;
  #reason = '';
  #wasEverWatched = false;

  constructor(target: ConnectionTarget, options: MonitorOptions, dials: PQueue) {
    this.name = target.host;
    this.#target = target;
    this.#options = options;
    this.#dials = dials;
    this.#now = options.now ?? (() => performance.now());
    this.#limit = new EventLimit(this.#now());
  }

  async run(): Promise<void> {
    const { chance = Math.random, firstPauseMs = FIRST_PAUSE_MS } = this.#options;
    const { signal } = this.#ended;
    while (!signal.aborted) {
      const error = await this.#watch();
      if (signal.aborted) break;
      this.wasWatched = false;
      const [first = error.message] = error.message.split('\n');
      const named = `${this.name}: `;
      const reason = (first.startsWith(named) ? first.slice(named.length) : first).slice(
        0,
        MOST_REASON,
      );
      if (HOPELESS.has(error.code)) {
        const { code } = error;
        this.#options.emit({ type: 'host.given-up', host: this.name, code, reason });
        break;
      }
      const pauseMs = Math.min(MOST_PAUSE_MS, firstPauseMs * 2 ** this.#failures);
      this.#failures += 1;
      const retrySeconds = Math.ceil(pauseMs / 1000);
      const isNews = reason !== this.#reason;
      this.#reason = reason;
      this.#options.emit({ type: 'host.lost', host: this.name, reason, retrySeconds, isNews });
      await delay(pauseMs * (0.75 + chance() / 4), undefined, { signal }).catch(() => undefined);
    }
    this.#tellLeftOut(this.#limit.rest(this.#now()));
  }

  end(): void {
    this.#ended.abort();
  }

  /** Once a second. */
  look(): void {
    this.#tellLeftOut(this.#limit.look(this.#now()));
  }

  /** One connection, from dialling to its end; the value is why it ended. Never rejects. */
  async #watch(): Promise<NetorchError> {
    const { transport } = this.#options;
    const { signal } = this.#ended;
    let connection: Connection | undefined;
    try {
      connection = await this.#dials.add(() => transport.connect(this.#target, { signal }), {
        signal,
      });
      return await this.#listen(connection);
    } catch (error) {
      if (error instanceof NetorchError) return error;
      if (signal.aborted) return new NetorchError('CONNECTION_LOST', 'ended');
      throw error;
    } finally {
      connection?.close();
    }
  }

  async #listen(connection: Connection): Promise<NetorchError> {
    const { signal } = this.#ended;
    /** The command is over. */
    const over = new AbortController();
    /** It does not do what it should. */
    const cut = new AbortController();
    const beginTimer = setTimeout(() => cut.abort(), BEGIN_MS);
    let endTimer: NodeJS.Timeout | undefined;
    const onAsked = (): void => {
      endTimer = setTimeout(() => cut.abort(), END_MS);
    };
    signal.addEventListener('abort', onAsked, { once: true });
    if (signal.aborted) onAsked();
    let unfit: string | undefined;
    let isWatching = false;
    this.#reading.begin();
    const onLine = (line: string): void => {
      const heard = this.#reading.take(line);
      if (heard.kind === 'unfit') unfit = heard.what;
      if (heard.kind === 'watching') {
        isWatching = true;
        clearTimeout(beginTimer);
        this.#begin(heard.hasNetworkManager);
      }
      if (heard.kind !== 'unfit') this.#pass(heard.changes, heard.kind === 'watching');
    };
    try {
      const { code, stderr } = await connection.exec(RUN_AND_LISTEN, {
        input: monitorScript(),
        moreInput: words(AbortSignal.any([signal, over.signal])),
        signal: cut.signal,
        timeoutMs: Infinity,
        onlyLines: true,
        onLine,
      });
      if (unfit !== undefined) return new NetorchError('HOST_UNFIT', unfit);
      const [said] = stderr.split('\n').filter((line) => line !== '');
      const because = said === undefined ? '' : `: ${said}`;
      if (isWatching) return new NetorchError('CONNECTION_LOST', `its monitor ended${because}`);
      return new NetorchError(
        'HOST_UNFIT',
        `no POSIX shell runs netorch's script there (exit code ${code ?? 'none'})${because}`,
      );
    } finally {
      over.abort();
      clearTimeout(beginTimer);
      clearTimeout(endTimer);
      signal.removeEventListener('abort', onAsked);
    }
  }

  #begin(hasNetworkManager: boolean): void {
    this.wasWatched = true;
    this.#failures = 0;
    this.#reason = '';
    this.#options.emit({
      type: 'host.watched',
      host: this.name,
      again: this.#wasEverWatched,
      links: this.#reading.linkCount,
      withoutCarrier: this.#reading.withoutCarrier().slice(0, MOST_NAMES),
      networkManager: hasNetworkManager,
    });
    this.#wasEverWatched = true;
  }

  #pass(changes: readonly NetworkChange[], isMeanwhile: boolean): void {
    const nowMs = this.#now();
    for (const change of changes) {
      const link = 'link' in change ? change.link : undefined;
      if (!this.#limit.take(nowMs, JSON.stringify(change), link)) continue;
      this.#options.emit({
        type: 'network.changed',
        host: this.name,
        change,
        ...(isMeanwhile ? { meanwhile: true } : {}),
      });
    }
  }

  #tellLeftOut(leftOut: ReturnType<EventLimit['rest']>): void {
    if (leftOut === undefined) return;
    this.#options.emit({
      type: 'events.left-out',
      host: this.name,
      count: leftOut.count,
      seconds: leftOut.seconds,
      links: leftOut.links.map((link) => ({ link, condition: this.#reading.conditionOf(link) })),
    });
  }
}

/** A word now and then, by which the host knows that somebody still listens. */
async function* words(signal: AbortSignal): AsyncGenerator<string> {
  while (!signal.aborted) {
    try {
      await delay(MONITOR_WORD_MS, undefined, { signal });
    } catch {
      return;
    }
    yield '\n';
  }
}
