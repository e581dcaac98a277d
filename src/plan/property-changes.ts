/** Alias, alternative names and promiscuous mode: the changes that one interface needs. */
import type { InterfaceState } from '../network/state.js';
import type { Operation } from './change.js';
import type { ModelInterface } from './kernel-model.js';

type PropertyChange = Readonly<{
  /** As in `DesiredInterface.locations`. */
  key: 'description' | 'altNames' | 'promiscuous';
  words: string;
  operation: Operation;
}>;

const NONE: readonly PropertyChange[] = [];

export function propertyChanges(
  present: Pick<ModelInterface, 'alias' | 'altNames' | 'promiscuous'>,
  wanted: InterfaceState,
): readonly PropertyChange[] {
  const { name } = wanted;
  if (
    (wanted.alias ?? present.alias) === present.alias &&
    (wanted.promiscuous ?? present.promiscuous) === present.promiscuous &&
    (wanted.altNames ?? present.altNames) === present.altNames
  )
    return NONE;
  const changes: PropertyChange[] = [];
  const { alias = present.alias, promiscuous = present.promiscuous } = wanted;
  if (alias !== present.alias) {
    changes.push({
      key: 'description',
      words: alias === '' ? `take the alias off ${name}` : `call ${name} "${alias}" (alias)`,
      operation: { op: 'set-alias', name, alias },
    });
  }
  const { altNames: names = present.altNames } = wanted;
  const add = names.filter((altName) => !present.altNames.includes(altName));
  const remove = present.altNames.filter((altName) => !names.includes(altName));
  if (add.length > 0 || remove.length > 0) {
    const words = [...remove.map((altName) => `-${altName}`), ...add.map((one) => `+${one}`)];
    changes.push({
      key: 'altNames',
      words: `set alternative names of ${name}: ${words.join(', ')}`,
      operation: { op: 'set-alt-names', name, add, remove },
    });
  }
  if (promiscuous !== present.promiscuous) {
    changes.push({
      key: 'promiscuous',
      words: promiscuous
        ? `let ${name} take frames for every MAC address`
        : `let ${name} take frames for its own MAC address only`,
      operation: { op: 'set-promiscuous', name, promiscuous },
    });
  }
  return changes;
}
