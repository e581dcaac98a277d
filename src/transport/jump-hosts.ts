import type { Duplex } from 'node:stream';
import { NetorchError } from '../errors.js';
import { BeyondSsh2Error } from './beyond-ssh2-error.js';
import type { Forward } from './dial.js';
import type { ConnectionTarget } from './transport.js';

/** A login at a jump host, of which only the forwarding is used. */
export type JumpLink = Readonly<{
  /** A connection from the jump host to `address`; rejects with a plain Error. */
  forward: (address: string, port: number) => Promise<Duplex>;
  close: () => void;
  closed: Promise<void>;
}>;

/** So long a jump host is kept when nobody needs it: from one host of a serial run to the next. */
const LINGER_MS = 300;

type Entry = {
  link: Promise<JumpLink>;
  users: number;
  linger: NodeJS.Timeout | undefined;
};

/**
 * One connection to each jump host, shared by all hosts behind it, and dialled anew when it has died.
 * What goes through it is not shared: every connection to a host is a login of its own at that host.
 */
export function createJumpHosts(open: (jump: ConnectionTarget) => Promise<JumpLink>): Forward {
  const entries = new Map<string, Entry>();

  function entryFor(jump: ConnectionTarget): Entry {
    const key = jumpKey(jump);
    const known = entries.get(key);
    if (known !== undefined) return known;
    const entry: Entry = { link: open(jump), users: 0, linger: undefined };
    const forget = () => {
      if (entries.get(key) === entry) entries.delete(key);
    };
    // A failed login is told to all who waited for it; whoever comes later tries again.
    entry.link.then(({ closed }) => closed.then(forget), forget);
    entries.set(key, entry);
    return entry;
  }

  return async (target, address) => {
    const { jump } = target;
    if (jump === undefined) throw new Error('the target has no jump host');
    const entry = entryFor(jump);
    clearTimeout(entry.linger);
    entry.users += 1;
    const release = () => {
      entry.users -= 1;
      if (entry.users > 0) return;
      clearTimeout(entry.linger);
      entry.linger = setTimeout(() => {
        void entry.link.then((link) => link.close()).catch(() => undefined);
      }, LINGER_MS);
    };
    let link: JumpLink;
    try {
      link = await entry.link;
    } catch (error) {
      release();
      clearTimeout(entry.linger);
      throw throughError(target, jump, error);
    }
    try {
      const stream = await forwardInTime(link, target, address);
      stream.once('close', release);
      return stream;
    } catch (error) {
      release();
      throw forwardError(target, jump, address, error);
    }
  };
}

/** The channel comes too late, or the jump host itself is gone. */
function forwardInTime(
  link: JumpLink,
  { connectTimeoutMs, port }: ConnectionTarget,
  address: string,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    let isOver = false;
    const end = (act: () => void) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      act();
    };
    const timer = setTimeout(
      () => end(() => reject(new Error(`no answer within ${connectTimeoutMs / 1000} s`))),
      connectTimeoutMs,
    );
    void link.closed.then(() =>
      end(() => reject(new Error('the connection to the jump host was lost'))),
    );
    link.forward(address, port).then(
      (stream) => {
        if (isOver) stream.destroy();
        end(() => resolve(stream));
      },
      (error: unknown) =>
        end(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
  });
}

/** What makes two logins at a jump host the same one. */
function jumpKey(jump: ConnectionTarget): string {
  const { host: _host, notes: _notes, openssh: _openssh, jump: before, ...login } = jump;
  return JSON.stringify([login, before === undefined ? undefined : jumpKey(before)]);
}

/** The jump host's own error, told for the host that stands behind it. */
function throughError(target: ConnectionTarget, jump: ConnectionTarget, error: unknown): unknown {
  if (!(error instanceof NetorchError)) return error;
  const told = new NetorchError(error.code, `${target.host}: ${error.message}`, {
    location: error.location,
    notes: error.notes,
    cause: error,
  });
  return error instanceof BeyondSsh2Error
    ? new BeyondSsh2Error(told, `at the ${jump.host} ${error.reason}`)
    : told;
}

function forwardError(
  target: ConnectionTarget,
  jump: ConnectionTarget,
  address: string,
  error: unknown,
): NetorchError {
  const message = error instanceof Error ? error.message : String(error);
  const said = message.replace(/^\(SSH\) Channel open failure: /, '');
  return new NetorchError(
    'HOST_UNREACHABLE',
    `${target.host}: ${jump.host} does not reach ${address} port ${target.port}: ${said}`,
    {
      notes: isForbidden(error) ? ['its sshd must allow it: AllowTcpForwarding yes'] : [],
      cause: error,
    },
  );
}

/** RFC 4254 section 5.1: SSH_OPEN_ADMINISTRATIVELY_PROHIBITED. */
const PROHIBITED = 1;

function isForbidden(error: unknown): boolean {
  return error instanceof Error && 'reason' in error && error.reason === PROHIBITED;
}
