/** What survives a reboot of a host, and what the last one made of it, for people. */
import type { KeptProfile, Persistence } from '../agents/persistence.js';
import { objectsOf, recordText } from '../backends/persist-record.js';

export const UNFINISHED =
  'profiles were being written when it was cut off: the next boot puts back those of before; "netorch persist" or "netorch unpersist" ends it now';

/** One sentence each; none for a host of which netorch keeps nothing. */
export function persistenceLines({
  persistent,
  running,
  boot,
  profiles,
}: Persistence): readonly string[] {
  const lines: string[] = [...profileLines(profiles)];
  // After an undoing the record may hold nothing any more; a change of DNS or routes alone has no interface.
  const kept =
    persistent === undefined ? [] : [...persistent.scope, ...objectsOf(persistent.lines)];
  if (kept.length > 0) lines.push(`persistent: ${[...new Set(kept)].join(', ')}`);
  if (running !== undefined && running !== persistent) {
    const objects = objectsOf(
      persistent === undefined
        ? running.lines
        : [
            ...running.lines.filter((line) => !persistent.lines.includes(line)),
            ...persistent.lines.filter((line) => !running.lines.includes(line)),
          ],
    );
    if (objects.length > 0 || (persistent !== undefined && !isSame(running, persistent))) {
      lines.push(
        `temporary: ${objects.length === 0 ? 'what was taken away' : objects.join(', ')}: gone after a reboot, unless "netorch persist" keeps it`,
      );
    }
  }
  if (boot !== undefined && !boot.good) {
    for (const name of boot.missingInterfaces) {
      lines.push(`at its last boot ${name} was not there: what stands on it was left out`);
    }
    const objects = objectsOf([...boot.missing, ...boot.surplus]).filter(
      (object) => !boot.missingInterfaces.includes(object),
    );
    if (objects.length > 0) {
      lines.push(`its last boot could not make these as they are to be: ${objects.join(', ')}`);
    }
  }
  return lines;
}

function isSame(one: Persistence['running'], other: Persistence['running']): boolean {
  if (one === undefined || other === undefined) return one === other;
  return recordText({ ...one, by: '' }) === recordText({ ...other, by: '' });
}

function profileLines({
  persistent,
  temporary,
  isUnfinished,
}: Persistence['profiles']): readonly string[] {
  return [
    ...(persistent.length === 0 ? [] : [`persistent, in profiles: ${listed(persistent)}`]),
    ...(temporary.length === 0
      ? []
      : [
          `temporary, in profiles: ${listed(temporary)}: gone after a reboot, unless "netorch persist" keeps it`,
        ]),
    ...(isUnfinished ? [UNFINISHED] : []),
  ];
}

function listed(profiles: readonly KeptProfile[]): string {
  const words = profiles.map(({ interfaceName, isRemoved }) =>
    isRemoved ? `${interfaceName} taken away` : interfaceName,
  );
  return [...new Set(words)].sort().join(', ');
}
