/** From a host that was found good to what its next boot is to do, or to the reason why there is none. */
import { findBootOwners } from '../agents/boot-owners.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { bootScript, type PersistFiles } from '../agents/persistence.js';
import { ensureScripts, nicsOf } from '../backends/ensure.js';
import { nextRecord, recordText, type PersistRecord } from '../backends/persist-record.js';
import type { DesiredState } from '../network/desired.js';
import type { NetworkState } from '../network/state.js';

export type PersistenceInput = Readonly<{
  /** The transaction, for people. */
  by: string;
  scope: readonly string[];
  before: NetworkState;
  /** Canonical lines of the host before the change, of its scope at least. */
  beforeLines: readonly string[];
  target: NetworkState;
  /** As it was read when it was found good. */
  confirmed: ObservedHost;
  desired: DesiredState;
  temporary: boolean;
}>;

export type PersistenceFiles = Readonly<{
  files: PersistFiles;
  /** Why the change cannot be made persistent; undefined: it can, or is not to be. */
  refused: string | undefined;
}>;

export function persistenceFiles(input: PersistenceInput): PersistenceFiles {
  const { confirmed } = input;
  const { running, persistent } = confirmed.persistence;
  const record = nextRecord({ ...input, previous: running ?? persistent });
  if (input.temporary) return { files: { record, bootScript: undefined }, refused: undefined };
  return filesFor(record, confirmed);
}

/** What runs of netorch's, made persistent as it is now. Nothing to do: undefined. */
export function runningFiles(by: string, host: ObservedHost): PersistenceFiles | undefined {
  const { running, persistent } = host.persistence;
  const previous = running ?? persistent;
  if (previous === undefined) return undefined;
  const record = nextRecord({
    by,
    previous,
    scope: [],
    before: host.state,
    beforeLines: host.lines,
    target: host.state,
    confirmed: host,
    desired: { interfaces: [], routes: [] },
  });
  if (persistent !== undefined && isSame(record, persistent)) return undefined;
  return filesFor(record, host);
}

function isSame(one: PersistRecord, other: PersistRecord): boolean {
  return recordText({ ...one, by: '' }) === recordText({ ...other, by: '' });
}

function filesFor(record: PersistRecord, host: ObservedHost): PersistenceFiles {
  const refused = whoElse(record, host);
  if (refused !== undefined) return { files: { record, bootScript: undefined }, refused };
  let script: string;
  try {
    script = bootScript({
      record,
      scripts: ensureScripts(host.state, host.lines, record),
      nics: nicsOf(host.state, record),
      resolvConf: host.resolvConf,
    });
  } catch (error) {
    // A value that no command line can hold: named, and not made persistent.
    const why = error instanceof Error ? error.message : String(error);
    return {
      files: { record, bootScript: undefined },
      refused: `it cannot be written down: ${why}`,
    };
  }
  return { files: { record, bootScript: script }, refused: undefined };
}

/** What else configures these interfaces at boot, as one sentence; undefined: nobody. */
function whoElse(record: PersistRecord, host: ObservedHost): string | undefined {
  const owners = [...findBootOwners(host.bootOwnerLines, record.scope)];
  const [first] = owners;
  if (first === undefined) return undefined;
  const all = owners.map(([name, owner]) => `${name} by ${owner}`).join(', ');
  return `at boot something else configures ${all}: take ${owners.length === 1 ? 'it' : 'them'} out of there, then run "netorch persist"`;
}
