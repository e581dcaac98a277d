/** What a link has besides, for the way back: variables that restore_properties of runtime.sh reads. */
import type { InterfaceState } from '../network/state.js';
import type { Operation } from '../plan/change.js';

export function restoredProperties(
  item: InterfaceState,
  operations: readonly Operation[],
): Readonly<Record<'R_ALIAS' | 'R_ALT_NAMES' | 'R_ALT_GONE' | 'R_PROMISC', string>> {
  const added = operations.flatMap((operation) =>
    operation.op === 'set-alt-names' && operation.name === item.name ? operation.add : [],
  );
  // The host's own order: that is how it prints them.
  const names = (item.facts?.altNames ?? []).filter((name) => isWord(name));
  const gone = added.filter((name) => !names.includes(name));
  return {
    R_ALIAS: item.alias ?? '',
    R_ALT_NAMES: names.join(' '),
    R_ALT_GONE: gone.join(' '),
    R_PROMISC: item.promiscuous === undefined ? '' : item.promiscuous ? 'on' : 'off',
  };
}

/** Others than netorch may give names that no batch line holds: those the comparison names. */
function isWord(name: string): boolean {
  return /^[A-Za-z0-9_.:@+,/%-]+$/.test(name);
}
