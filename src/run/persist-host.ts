/** Makes what runs on a host persistent, or takes away what is, over a connection that is there. */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { parsePersisted, persistScript, unpersistScript } from '../agents/persistence.js';
import { NetorchError } from '../errors.js';
import type { Connection } from '../transport/transport.js';
import { runningFiles } from './persistence-files.js';

const PERSIST_TIMEOUT_MS = 30_000;

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
  const found = runningFiles(by, observed);
  if (found === undefined) return { kind: 'nothing' };
  if (found.refused !== undefined) return { kind: 'failed', why: found.refused };
  const { record, bootScript } = found.files;
  if (bootScript === undefined) return { kind: 'nothing' };
  const persisted = await answerTo(host, connection, persistScript({ record, bootScript }));
  return persisted.kind === 'failed' ? persisted : { kind: 'persisted', interfaces: record.scope };
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
