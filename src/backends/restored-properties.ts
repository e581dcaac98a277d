/** What a link has besides, for the way back. Pure. */
import type { InterfaceState } from '../network/state.js';
import type { Operation } from '../plan/change.js';

/** `promisc`: `on`, `off` or empty; `altGone`: names that the plan gives. */
export function restoredProperties(
  item: InterfaceState,
  operations: readonly Operation[],
): Readonly<{ altNames: readonly string[]; altGone: readonly string[]; promisc: string }> {
  const added = operations.flatMap((operation) =>
    operation.op === 'set-alt-names' && operation.name === item.name ? operation.add : [],
  );
  // The host's own order: that is how it prints them.
  const names = (item.facts?.altNames ?? []).filter((name) => isWord(name));
  const gone = added.filter((name) => !names.includes(name));
  return {
    altNames: names,
    altGone: gone,
    promisc: item.promiscuous === undefined ? '' : item.promiscuous ? 'on' : 'off',
  };
}

/** Others than netorch may give names that no batch line holds: those the comparison names. */
function isWord(name: string): boolean {
  return /^[A-Za-z0-9_.:@+,/%-]+$/.test(name);
}
