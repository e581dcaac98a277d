/** Makes what runs on a host persistent, or takes away what is, over a connection that is there. */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import type { ObservedHost } from '../agents/observed-host.js';
import {
  parsePersisted,
  persistProfilesScript,
  persistScript,
  unpersistScript,
} from '../agents/persistence.js';
import { NetorchError } from '../errors.js';
import type { Connection } from '../transport/transport.js';
import { runningFiles } from './persistence-files.js';

const PERSIST_TIMEOUT_MS = 60_000;

export type PersistAnswer =
  | Readonly<{ kind: 'persisted'; interfaces: readonly string[] }>
  /** Nothing of netorch's runs there that is not persistent already. */
  | Readonly<{ kind: 'nothing' }>
  | Readonly<{ kind: 'failed'; why: string }>;

/** Throws AGENT_PROTOCOL and what the connection throws. `by` names this act in the host's record. */
export async function persistRunning(
  host: string,
  connection: Connection,
  observed: ObservedHost,
  by: string,
): Promise<PersistAnswer> {
  const profiles = await persistProfiles(host, connection, observed);
  const records = await persistRecord(host, connection, observed, by);
  if (profiles.kind === 'failed') return profiles;
  if (records.kind !== 'persisted') return records.kind === 'nothing' ? profiles : records;
  const names = profiles.kind === 'persisted' ? profiles.interfaces : [];
  return { kind: 'persisted', interfaces: [...new Set([...records.interfaces, ...names])].sort() };
}

async function persistRecord(
  host: string,
  connection: Connection,
  observed: ObservedHost,
  by: string,
): Promise<PersistAnswer> {
  const found = runningFiles(by, observed);
  if (found === undefined) return { kind: 'nothing' };
  if (found.refused !== undefined) return { kind: 'failed', why: found.refused };
  const { record, bootScript } = found.files;
  if (bootScript === undefined) return { kind: 'nothing' };
  const persisted = await answerTo(host, connection, persistScript({ record, bootScript }));
  return persisted.kind === 'failed' ? persisted : { kind: 'persisted', interfaces: record.scope };
}

/** What of NetworkManager's profiles is in memory only. An act that was cut off is carried on. */
async function persistProfiles(
  host: string,
  connection: Connection,
  { persistence: { profiles } }: ObservedHost,
): Promise<PersistAnswer> {
  if (profiles.temporary.length === 0 && !profiles.isUnfinished) return { kind: 'nothing' };
  const persisted = await answerTo(host, connection, persistProfilesScript());
  if (persisted.kind === 'failed') return persisted;
  const interfaces = profiles.temporary.map(({ interfaceName }) => interfaceName);
  return { kind: 'persisted', interfaces: [...new Set(interfaces)].sort() };
}

/** What runs stays; the next boot is what the host's own configuration makes of it. */
export async function unpersistHost(
  host: string,
  connection: Connection,
): Promise<Readonly<{ kind: 'removed' }> | Readonly<{ kind: 'failed'; why: string }>> {
  const persisted = await answerTo(host, connection, unpersistScript());
  return persisted.kind === 'failed' ? persisted : { kind: 'removed' };
}

async function answerTo(host: string, connection: Connection, input: string) {
  const { stdout, stderr } = await connection.exec(RUN_FROM_STDIN, {
    input,
    timeoutMs: PERSIST_TIMEOUT_MS,
  });
  const persisted = parsePersisted(stdout);
  if (persisted !== undefined) return persisted;
  throw new NetorchError('AGENT_PROTOCOL', `${host}: it did not say what became of its next boot`, {
    notes: stderr
      .split('\n')
      .filter((line) => line !== '')
      .slice(0, 3),
  });
}
