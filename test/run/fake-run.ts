/** A run over hosts that exist only as state machines, all on one clock. */
import { NetorchError } from '../../src/errors.js';
import type { RunEventBody } from '../../src/run/events.js';
import type { HostJob } from '../../src/run/host-job.js';
import { RunSwitch } from '../../src/run/run-switch.js';
import { DEFAULT_RULES, executeRun, type RunRules } from '../../src/run/run.js';
import type { CommandCheck } from '../../src/run/wave-checks.js';
import { FakeClock, FakeHost, JOB } from './fake-host.js';

/** Hosts a, b, c … on one clock. */
export function fakeHosts(count: number): Record<string, FakeHost> {
  const clock = new FakeClock();
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      String.fromCodePoint(97 + index),
      new FakeHost(clock),
    ]),
  );
}

/** No dial is answered, from the `from`-th on. */
export function unreachable(host: FakeHost, from = 1): FakeHost {
  host.onDial = (times) =>
    times >= from ? new NetorchError('HOST_UNREACHABLE', 'no answer') : undefined;
  return host;
}

export type FakeRunOptions = Readonly<{
  rules?: Partial<RunRules>;
  forks?: number;
  job?: Partial<HostJob>;
  jobOf?: (host: string) => Partial<HostJob>;
  /** Host → where it is dialled. */
  addresses?: Readonly<Record<string, string>>;
  /** Called for each event, after it was kept. */
  onEvent?: (event: RunEventBody, runSwitch: RunSwitch) => void;
  runCommand?: (check: CommandCheck) => Promise<Readonly<{ good: boolean; text: string }>>;
  isRecorded?: () => boolean;
}>;

export async function fakeRun(
  waves: readonly (readonly string[])[],
  hosts: Readonly<Record<string, FakeHost>>,
  options: FakeRunOptions = {},
) {
  const names = waves.flat();
  const first = hosts[names[0] ?? ''] ?? new FakeHost();
  const events: RunEventBody[] = [];
  const emit = (event: RunEventBody) => {
    events.push(event);
    options.onEvent?.(event, runSwitch);
  };
  const runSwitch = new RunSwitch(emit);
  const result = await executeRun(
    {
      run: 'r1',
      command: 'netorch apply',
      version: '0',
      waves,
      jobs: new Map(
        names.map((host) => [
          host,
          {
            ...JOB,
            host,
            target: {
              ...JOB.target,
              host,
              address: options.addresses?.[host] ?? JOB.target.address,
            },
            ...options.job,
            ...options.jobOf?.(host),
          },
        ]),
      ),
      forks: options.forks ?? 2,
      rules: { ...DEFAULT_RULES, ...options.rules },
      switch: runSwitch,
      notes: ['until the next reboot'],
      runCommand: options.runCommand ?? (() => Promise.resolve({ good: true, text: '' })),
      isRecorded: options.isRecorded ?? (() => true),
    },
    {
      ...first.environment,
      transport: {
        connect: (target, dial) => {
          const host = hosts[target.host];
          if (host === undefined) throw new Error(target.host);
          return host.environment.transport.connect(target, dial);
        },
      },
    },
    emit,
  );
  return { ...result, events, line: events.map(eventText).filter((text) => text !== undefined) };
}

/** The events that tell of the rollout, one word or a few each; phases and the like are left out. */
function eventText(event: RunEventBody): string | undefined {
  switch (event.type) {
    case 'host.finished':
      return `${event.host} ${event.outcome}`;
    case 'host.lost':
    case 'host.returned':
      return `${event.type} ${event.host}`;
    case 'wave.started':
    case 'wave.finished':
    case 'wave.soaking':
    case 'approval.requested':
    case 'approval.given':
      return `${event.type} ${event.wave}`;
    case 'wave.checked':
      return `${event.type} ${event.host ?? '-'} ${event.check} ${event.good ? 'good' : 'bad'}`;
    case 'group.ready':
    case 'group.committed':
    case 'group.abandoned':
      return `${event.type} ${event.hosts.join(',')}`;
    case 'group.mixed':
      return `${event.type} ${event.confirmed.join(',')} / ${event.rolledBack.join(',')}`;
    case 'run.started':
    case 'run.paused':
    case 'run.unpaused':
    case 'run.stopping':
    case 'run.finished':
      return event.type;
    default:
      return undefined;
  }
}
