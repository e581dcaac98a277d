/** Whom the mesh probes of a play are about: hosts that do not belong to the run are reached, too. */
import { locatedAt } from '../config/located.js';
import { NetorchError, NetorchErrors } from '../errors.js';
import { selectHosts } from '../inventory/host-pattern.js';
import type { Inventory } from '../inventory/inventory.js';
import { canonicalIp } from '../network/ip.js';
import type { DesiredState } from '../network/desired.js';
import { parseDesiredState } from '../network/parse.js';
import { networkPlanFor } from '../playbook/network-plan.js';
import type { Play } from '../playbook/playbook.js';
import type { MeshMembers } from '../run/mesh-board.js';
import type { HostTask } from './prepare.js';

/** undefined: the play has no mesh probe. Throws what is wrong with a pattern, at the probe. */
export function meshMembers(
  tasks: readonly HostTask[],
  play: Play,
  inventory: Inventory,
): MeshMembers | undefined {
  const meshes = tasks.flatMap((task) =>
    [...task.probes, ...task.checks].flatMap((probe) => (probe.kind === 'mesh' ? [probe] : [])),
  );
  if (meshes.length === 0) return undefined;
  const groups: Record<string, readonly string[]> = {};
  for (const { of, location } of meshes) {
    if (of !== undefined) groups[of] ??= selectHosts(inventory, of, location);
  }
  const playHosts = new Set(selectHosts(inventory, play.hosts, play.hostsLocation));
  const known = new Map(tasks.map(({ host, desired }) => [host, desired]));
  const addresses: Record<string, readonly string[]> = {};
  const hosts = new Set([...playHosts, ...Object.values(groups).flat()]);
  for (const host of hosts) {
    const desired =
      known.get(host) ?? planOf(host, playHosts.has(host) ? play : undefined, inventory);
    addresses[host] = [...addressesOf(desired), ...ownAddress(host, inventory)];
  }
  return { addresses, groups };
}

/** Of a host that is not in the run: a mistake in its plan is none of this run's. */
function planOf(
  host: string,
  play: Play | undefined,
  inventory: Inventory,
): DesiredState | undefined {
  try {
    const document = networkPlanFor(host, play, inventory);
    return document === undefined ? undefined : parseDesiredState(document);
  } catch (error) {
    if (error instanceof NetorchError || error instanceof NetorchErrors) return undefined;
    throw error;
  }
}

const addressesOf = (desired: DesiredState | undefined): readonly string[] =>
  (desired?.interfaces ?? []).flatMap((item) =>
    [...(item.ipv4?.addresses ?? []), ...(item.ipv6?.addresses ?? [])].map(({ ip }) => ip),
  );

/** Where it is reached today, if that is written down as an address. */
function ownAddress(host: string, inventory: Inventory): readonly string[] {
  const value = locatedAt(inventory.hostVars(host), ['ansible_host']).value;
  return typeof value === 'string' && canonicalIp(value) !== undefined ? [value] : [];
}
