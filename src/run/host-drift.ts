/** How a host differs from its documents, and from what its next boot makes of it. Pure. */
import type { ObservedHost } from '../agents/observed-host.js';
import { objectsOf, recordDifferences } from '../backends/persist-record.js';
import { activeProfile, isManaged } from '../network/networkmanager.js';
import type { ChangePlan } from '../plan/change.js';
import { UNFINISHED } from './persistence-text.js';

export type HostDrift = Readonly<{
  /** What would have to change for the host to be what its documents say: the summaries of its plan. */
  desired: readonly string[];
  /** What a reboot would not bring back as it runs, one sentence each. */
  persistent: readonly string[];
}>;

export function hostDrift(observed: ObservedHost, plan: Pick<ChangePlan, 'changes'>): HostDrift {
  return {
    desired: plan.changes.map((change) => change.summary),
    persistent: [
      ...recordDrift(observed),
      ...profileDrift(observed),
      ...keptProfileDrift(observed),
    ],
  };
}

/** Of what netorch keeps itself: what runs against its record, and changes that are temporary. */
function recordDrift({ persistence, lines }: ObservedHost): readonly string[] {
  const { persistent, running } = persistence;
  const found: string[] = [];
  if (persistent !== undefined) {
    const { missing, surplus } = recordDifferences(persistent, lines);
    const objects = objectsOf([...missing, ...surplus]);
    if (objects.length > 0)
      found.push(`runs otherwise than it is persistent: ${objects.join(', ')}`);
  }
  if (running !== undefined && running !== persistent) {
    const kept = new Set(persistent?.lines);
    const objects = objectsOf(running.lines.filter((line) => !kept.has(line)));
    if (objects.length > 0) found.push(`temporary: ${objects.join(', ')}`);
  }
  return found;
}

/** Of what NetworkManager keeps: profiles that are active and are in memory only. */
function profileDrift({ networkManager }: ObservedHost): readonly string[] {
  if (networkManager === undefined) return [];
  const names = [...networkManager.devices].flatMap(([name, device]) => {
    if (!isManaged(device)) return [];
    const profile = activeProfile(networkManager, name);
    return profile?.isInMemory === true && !profile.isGenerated ? [name] : [];
  });
  return names.length === 0 ? [] : [`temporary, in profiles in memory: ${names.sort().join(', ')}`];
}

/** Of what netorch has changed of profiles: what a reboot brings again, and an act that was cut off. */
function keptProfileDrift({ persistence: { profiles } }: ObservedHost): readonly string[] {
  const gone = profiles.temporary
    .filter(({ isRemoved }) => isRemoved)
    .map(({ interfaceName }) => interfaceName)
    .sort();
  return [
    ...(gone.length === 0
      ? []
      : [`taken away, but on disk there is a profile of ${gone.join(', ')}`]),
    ...(profiles.isUnfinished ? [UNFINISHED] : []),
  ];
}
