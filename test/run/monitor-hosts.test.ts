/** Many hosts watched, over connections that a test holds in its hands. */
import { describe, expect, test } from 'vitest';
import { NetorchError } from '../../src/errors.js';
import type { MonitorEventBody } from '../../src/run/monitor-events.js';
import { monitorHosts } from '../../src/run/monitor-hosts.js';
import type { Connection, ExecOptions, Transport } from '../../src/transport/transport.js';
import { sshTarget } from './ssh-target.js';

const link = (flags: string) => `7: eth1: <${flags}> mtu 1500 qdisc noqueue state UP`;
const UP = link('BROADCAST,UP,LOWER_UP');
const PULLED = link('NO-CARRIER,BROADCAST,UP');
const BEGIN = ['@links', UP, '@addresses', '@known', '@watching'];

/** One connection as the host has it. */
class FakeSession {
  readonly say: (...lines: readonly string[]) => void;
  /** Settles when nobody listens any more. */
  readonly left: Promise<void>;
  isClosed = false;
  readonly #end: (result: { code: number; stderr: string }) => void;
  readonly #fail: (error: Error) => void;
  readonly result: Promise<{ code: number; stdout: string; stderr: string }>;

  constructor({ onLine, moreInput, signal }: ExecOptions) {
    this.say = (...lines) => lines.forEach((line) => onLine?.(line));
    let settle: (value: Awaited<FakeSession['result']>) => void = () => undefined;
    let fail: (error: Error) => void = () => undefined;
    this.result = new Promise((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    this.#end = ({ code, stderr }) => settle({ code, stdout: '', stderr });
    this.#fail = fail;
    signal?.addEventListener('abort', () => this.lose('it was cut'));
    this.left = (async () => {
      for await (const word of moreInput ?? []) expect(word).toBe('\n');
    })();
  }

  end(code: number, stderr = ''): void {
    this.#end({ code, stderr });
  }

  lose(why: string): void {
    this.#fail(new NetorchError('CONNECTION_LOST', `h1: ${why}`));
  }
}

/** Dials are answered by what a test says of each of them, in order; the last word holds. */
function fakeTransport(answers: readonly (NetorchError | ((session: FakeSession) => void))[]) {
  const sessions: FakeSession[] = [];
  let dials = 0;
  const transport: Transport = {
    connect: async (): Promise<Connection> => {
      const answer = answers[Math.min(dials, answers.length - 1)];
      dials += 1;
      if (answer instanceof NetorchError) throw answer;
      let session: FakeSession | undefined;
      return {
        hostKey: 'k',
        address: '192.0.2.1',
        closed: new Promise(() => undefined),
        close: () => {
          if (session !== undefined) session.isClosed = true;
        },
        exec: (_command, options = {}) => {
          session = new FakeSession(options);
          sessions.push(session);
          answer?.(session);
          return session.result;
        },
      };
    },
  };
  return { transport, sessions, dials: () => dials };
}

function watch(
  answers: Parameters<typeof fakeTransport>[0],
  onEvent: (event: MonitorEventBody, end: () => void) => void = () => undefined,
) {
  const fake = fakeTransport(answers);
  const ended = new AbortController();
  const events: MonitorEventBody[] = [];
  const done = monitorHosts({
    targets: [sshTarget('h1', '192.0.2.1')],
    transport: fake.transport,
    signal: ended.signal,
    forks: 4,
    now: () => 0,
    chance: () => 0,
    firstPauseMs: 1,
    emit: (event) => {
      events.push(event);
      onEvent(event, () => ended.abort());
    },
  });
  return { ...fake, events, done, end: () => ended.abort() };
}

const endsWhenLeft = (session: FakeSession): void => {
  void session.left.then(() => session.end(0));
};

test('tells what a host is, then what changes, and ends what runs there before it closes', async () => {
  const order: string[] = [];
  const { sessions, events, done } = watch(
    [
      (session) => {
        void session.left.then(() => {
          order.push(session.isClosed ? 'closed before' : 'left open');
          session.end(0);
        });
        session.say(...BEGIN);
        session.say(`[LINK]${PULLED}`);
      },
    ],
    (event, end) => {
      if (event.type === 'network.changed') end();
    },
  );
  expect(await done).toEqual([]);
  expect(events).toEqual([
    {
      ...{ type: 'host.watched', host: 'h1', again: false, links: 1 },
      ...{ withoutCarrier: [], networkManager: false },
    },
    { type: 'network.changed', host: 'h1', change: { kind: 'carrier-lost', link: 'eth1' } },
  ]);
  expect(order).toEqual(['left open']);
  expect(sessions[0]?.isClosed).toBe(true);
});

test('a host that is lost is dialled again, and what changed meanwhile is told', async () => {
  const unreachable = new NetorchError('HOST_UNREACHABLE', 'h1: no answer');
  const { events, done, dials } = watch(
    [
      (session) => {
        session.say(...BEGIN);
        session.lose('no sign of life for 9 s');
      },
      unreachable,
      unreachable,
      (session) => {
        endsWhenLeft(session);
        session.say('@links', PULLED, '@known', '@watching');
      },
    ],
    (event, end) => {
      if (event.type === 'network.changed') end();
    },
  );
  expect(await done).toEqual([]);
  expect(dials()).toBe(4);
  const lost = { type: 'host.lost', host: 'h1', retrySeconds: 1 };
  expect(events.slice(1)).toEqual([
    { ...lost, reason: 'no sign of life for 9 s', isNews: true },
    { ...lost, reason: 'no answer', isNews: true },
    // The same again is for the counters of a screen only.
    { ...lost, reason: 'no answer', isNews: false },
    expect.objectContaining({ type: 'host.watched', again: true, withoutCarrier: ['eth1'] }),
    {
      ...{ type: 'network.changed', host: 'h1', meanwhile: true },
      change: { kind: 'carrier-lost', link: 'eth1' },
    },
  ]);
});

describe('gives a host up', () => {
  test.each([
    [
      'that lets nobody in',
      new NetorchError('AUTH_FAILED', 'h1: no'),
      { code: 'AUTH_FAILED', reason: 'no' },
    ],
    [
      'whose ip cannot monitor',
      (session: FakeSession) => {
        session.say('@no-monitor');
        session.end(0);
      },
      { code: 'HOST_UNFIT', reason: 'its "ip" cannot monitor (iproute2 is needed)' },
    ],
    [
      'whose shell does not run the script',
      (session: FakeSession) => session.end(127, 'sh: not found\n'),
      {
        code: 'HOST_UNFIT',
        reason: "no POSIX shell runs netorch's script there (exit code 127): sh: not found",
      },
    ],
  ])('%s, and ends when none is left', async (_, answer, wanted) => {
    const { events, done, dials } = watch([answer]);
    expect(await done).toEqual(['h1']);
    expect(dials()).toBe(1);
    expect(events).toEqual([{ type: 'host.given-up', host: 'h1', ...wanted }]);
  });
});

test('a host whose monitor ends by itself is dialled again', async () => {
  const { events, done } = watch(
    [
      (session) => {
        session.say(...BEGIN);
        session.end(1, 'Killed\n');
      },
    ],
    (event, end) => {
      if (event.type === 'host.lost') end();
    },
  );
  expect(await done).toEqual(['h1']);
  expect(events.at(-1)).toMatchObject({ type: 'host.lost', reason: 'its monitor ended: Killed' });
});

test('a flood is left out, and what the links are after it is told', async () => {
  const { events, done, end } = watch([
    (session) => {
      endsWhenLeft(session);
      session.say(...BEGIN);
      for (let count = 0; count < 500; count++) session.say(`[LINK]${PULLED}`, `[LINK]${UP}`);
      session.say(`[LINK]${PULLED}`);
      end();
    },
  ]);
  await done;
  expect(events.filter(({ type }) => type === 'network.changed')).toHaveLength(10);
  expect(events.at(-1)).toEqual({
    ...{ type: 'events.left-out', host: 'h1', count: 991, seconds: 1 },
    links: [{ link: 'eth1', condition: 'no-carrier' }],
  });
});
