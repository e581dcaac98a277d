/** Which hosts a command works on: `--hosts`, narrowed by `--limit`. */
import { NetorchError } from '../errors.js';
import { selectHosts } from '../inventory/host-pattern.js';
import type { Inventory } from '../inventory/inventory.js';
import { readPatternFiles } from '../inventory/sources.js';

/**
 * The hosts that both options name, in the order of `--hosts`; undefined when neither is given. Throws
 * UNKNOWN_HOST, and NO_HOSTS when a limit leaves none.
 */
export async function chooseHosts(
  inventory: Inventory,
  options: Readonly<{ hosts?: string; limit?: string; cwd: string }>,
): Promise<readonly string[] | undefined> {
  const { hosts, limit, cwd } = options;
  if (hosts === undefined && limit === undefined) return undefined;
  const chosen = selectHosts(inventory, await readPatternFiles(hosts ?? 'all', cwd));
  if (limit === undefined) return chosen;
  const kept = new Set(selectHosts(inventory, await readPatternFiles(limit, cwd)));
  const left = chosen.filter((host) => kept.has(host));
  if (left.length > 0) return left;
  throw new NetorchError(
    'NO_HOSTS',
    `--limit ${limit} leaves none of the hosts of ${hosts ?? 'the inventory'}`,
  );
}
