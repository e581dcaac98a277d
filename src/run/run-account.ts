/** What a run's journal says of each of its hosts: how it ended, or from where on it is not known. Pure. */
import type { Outcome, RunEvent } from './events.js';
import type { Recorded } from './wave-checks.js';

export type HostAccount = Readonly<{
  host: string;
  /** The last thing that is known of its outcome; undefined: it never came to an end. */
  outcome: Outcome | undefined;
  cause?: string;
  /** Its last transaction, if one was sent or about to be. */
  recorded: Recorded | undefined;
  /** Its latest deadline, as ISO time. */
  deadline: string | undefined;
  wasArmed: boolean;
  /** The number of its atomic group, once that was committed. */
  committed: boolean;
}>;

export type RunAccount = Readonly<{
  started: Extract<RunEvent, { type: 'run.started' }>;
  hosts: ReadonlyMap<string, HostAccount>;
  /** The latest number of an event. */
  lastSeq: number;
}>;

/** undefined when the journal does not hold the beginning of the run. */
export function accountOf(events: readonly RunEvent[]): RunAccount | undefined {
  const started = events.find((event) => event.type === 'run.started');
  if (started === undefined) return undefined;
  const hosts = new Map<string, HostAccount>(
    started.hosts.map((host) => [
      host,
      {
        host,
        outcome: undefined,
        recorded: undefined,
        deadline: undefined,
        wasArmed: false,
        committed: false,
      },
    ]),
  );
  const change = (host: string, part: Partial<HostAccount>): void => {
    const known = hosts.get(host);
    if (known !== undefined) hosts.set(host, { ...known, ...part });
  };
  for (const event of events) {
    switch (event.type) {
      case 'host.recorded':
        change(event.host, { recorded: event, wasArmed: false, deadline: undefined });
        break;
      case 'host.armed':
        change(event.host, { wasArmed: true, deadline: event.deadline });
        break;
      case 'host.extended':
        change(event.host, { deadline: event.deadline });
        break;
      case 'group.committed':
        for (const host of event.hosts) change(host, { committed: true });
        break;
      case 'host.finished':
        change(event.host, {
          outcome: event.outcome,
          ...(event.cause === undefined ? {} : { cause: event.cause }),
        });
        break;
      case 'host.returned':
        change(event.host, { outcome: event.outcome });
        break;
      default:
    }
  }
  return { started, hosts, lastSeq: events.at(-1)?.seq ?? 0 };
}

/** A transaction was sent, and how it ended is not known: the host must be asked. */
export function isUnsettled(host: HostAccount): boolean {
  return host.recorded !== undefined && (host.outcome === undefined || host.outcome === 'lost');
}

export function isConfirmed(host: HostAccount): boolean {
  return host.outcome === 'confirmed' || host.outcome === 'confirmed-not-persistent';
}

/** There is something left to do on it. */
export function isLeft(host: HostAccount): boolean {
  return !isConfirmed(host) && host.outcome !== 'unchanged';
}

/**
 * Hosts of a committed group that was not confirmed as a whole, though all of it is known by now: those
 * that stayed changed. They must be undone, for a group is confirmed together or not at all.
 */
export function changedOfMixedGroups(
  account: RunAccount,
  hosts: ReadonlyMap<string, HostAccount>,
): readonly string[] {
  const { started } = account;
  const groups = started.atomic === 'run' ? [started.hosts] : started.waves;
  if (started.atomic === undefined) return [];
  return groups.flatMap((group) => {
    const members = group.flatMap((host) => hosts.get(host) ?? []).filter((host) => host.committed);
    if (members.every(isConfirmed)) return [];
    return members.filter(isConfirmed).map(({ host }) => host);
  });
}
