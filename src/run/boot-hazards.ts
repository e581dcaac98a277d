/** What the next boot means for a plan: what is not persistent, who would undo it, what comes along. */
import { findBootOwners, isCloudInitActive } from '../agents/boot-owners.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { objectsOf, recordDifferences } from '../backends/persist-record.js';
import type { ChangePlan, Hazard } from '../plan/change.js';

export function bootHazards(
  observed: ObservedHost,
  { scope, backend }: Pick<ChangePlan, 'scope' | 'backend'>,
  isTemporary: boolean,
): readonly Hazard[] {
  const { running, persistent, boot, profiles } = observed.persistence;
  // A profile is what the boot reads: nobody undoes it.
  if (backend === 'nmcli') return profileNotes(profiles, scope, isTemporary).map(note);
  const texts: string[] = [];
  const notes: string[] = [];
  const owners = [...findBootOwners(observed.bootOwnerLines, scope)];
  for (const [name, owner] of owners) {
    const whatFollows = isTemporary
      ? ''
      : ', and this change will be confirmed, but not persistent, as long as it does';
    texts.push(
      `${owner} configures ${name} at boot: a reboot brings back what it says${whatFollows}`,
    );
  }
  if (owners.length > 0 && isCloudInitActive(observed.bootOwnerLines)) {
    notes.push(
      'cloud-init is on, and may write the boot configuration of the network anew ("network: {config: disabled}" in /etc/cloud/cloud.cfg.d/ keeps it from that)',
    );
  }
  if (persistent !== undefined) {
    const { missing, surplus } = recordDifferences(persistent, observed.lines);
    const objects = objectsOf([...missing, ...surplus]);
    if (objects.length > 0) {
      texts.push(
        `what runs differs from what is persistent (${listed(objects)}): after a reboot the host is what is persistent`,
      );
    }
  }
  if (running !== undefined && running !== persistent && !isTemporary) {
    const before = new Set(persistent?.scope ?? []);
    const names = running.scope.filter((name) => !before.has(name));
    notes.push(
      `changes that are temporary so far become persistent with this one${names.length === 0 ? '' : `: ${listed(names)}`}`,
    );
  }
  if (boot !== undefined && !boot.good) {
    texts.push(
      boot.missingInterfaces.length > 0
        ? `at its last boot ${listed(boot.missingInterfaces)} was not there, and what stands on it was left out`
        : 'its last boot could not bring back all that is persistent; "netorch status" tells what differs',
    );
  }
  if (isTemporary) notes.push('temporary: a reboot brings back what is persistent');
  return [
    ...texts.map((text): Hazard => ({ kind: 'boot-configuration', severity: 'warning', text })),
    ...notes.map(note),
  ];
}

const note = (text: string): Hazard => ({ kind: 'boot-configuration', severity: 'note', text });

function profileNotes(
  { temporary }: ObservedHost['persistence']['profiles'],
  scope: readonly string[],
  isTemporary: boolean,
): readonly string[] {
  if (isTemporary) return ['temporary: a reboot brings back what is persistent'];
  const names = temporary.map(({ interfaceName }) => interfaceName);
  const others = [...new Set(names)].filter((name) => !scope.includes(name)).sort();
  return others.length === 0
    ? []
    : [`changes that are temporary so far become persistent with this one: ${listed(others)}`];
}

function listed(names: readonly string[]): string {
  const most = 5;
  const more = names.length - most;
  return names.slice(0, most).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
