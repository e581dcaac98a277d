/** What a change plan makes and does away with, for the host's record of what netorch made. */
import { linkKey, ownableObjects, ownedLine } from '../network/owned.js';
import type { OwnedDelta, OwnedObject } from '../network/owned.js';
import type { NetworkState } from '../network/state.js';

/**
 * What was not there before and is in the target is this transaction's making. What was there stays
 * whose it was, also where it has to be made anew. `owner` is one line: `user@host, run ID`.
 */
export function ownedDelta(
  observed: NetworkState,
  target: NetworkState,
  record: readonly OwnedObject[],
  owner: string,
): OwnedDelta {
  const before = ownableObjects(observed);
  const after = ownableObjects(target);
  const formerOwner = new Map<string, string>();
  for (const item of record) {
    const [name = ''] = item.key.split(' ');
    if (item.kind === 'link' && before.has(`link ${item.key}`)) formerOwner.set(name, item.owner);
  }
  const links = new Map(
    [...target.interfaces.values()].map((item) => [`link ${linkKey(item)}`, item.name]),
  );
  const recorded = new Set(record.map((item) => `${item.kind} ${item.key}`));
  const add = [...after].flatMap(([id, item]): string[] => {
    if (recorded.has(id) || before.has(id)) return [];
    const name = links.get(id);
    // A link of another make under the same name (a VLAN with a new id) stays whose it was.
    if (name !== undefined && observed.interfaces.has(name)) {
      const former = formerOwner.get(name);
      return former === undefined ? [] : [ownedLine({ ...item, owner: former })];
    }
    return [ownedLine({ ...item, owner })];
  });
  const drop = record.filter((item) => !after.has(`${item.kind} ${item.key}`)).map(ownedLine);
  return { add: add.sort(), drop };
}
