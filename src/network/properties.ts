/** What any interface may have besides: an alias, alternative names, promiscuous mode. */
import { z } from 'zod';
import { locationOf } from './desired.js';
import type { DesiredInterface } from './desired.js';
import { mapping, oneOf } from './scalars.js';
import type { Draft } from './merge-draft.js';
import type { InterfaceState } from './state.js';

/** IFALIASZ of if.h is 256, with the end of the text. */
const ALIAS = 'must be a text of up to 255 bytes on one line';

export const alias = z.string(ALIAS).check((context) => {
  const { value } = context;
  if (Buffer.byteLength(value) > 255 || hasControls(value)) {
    context.issues.push({ code: 'custom', input: value, message: ALIAS });
  }
});

function hasControls(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

/** ALTIFNAMSIZ is 128; the characters are those that netorch lets through for names. */
const ALT_NAME = 'must be 1–127 of the characters A–Z a–z 0–9 _ . @ + -, not beginning with "-"';
export const altName = z
  .string(ALT_NAME)
  .regex(/^[A-Za-z0-9_.@+][A-Za-z0-9_.@+-]{0,126}$/, ALT_NAME);

export const altNamesSection = z
  .array(
    mapping({ name: altName, state: oneOf(['absent', 'up', 'present']).optional() }),
    'must be a list of {name}',
  )
  .optional();

type Properties = Pick<InterfaceState, 'alias' | 'altNames' | 'promiscuous'>;

/** As they are after the plan. What is known neither from the host nor from the plan stays unknown. */
export function mergedProperties(
  observed: InterfaceState | undefined,
  desired: DesiredInterface,
): Properties {
  const alias = desired.description ?? observed?.alias;
  const promiscuous = desired.promiscuous ?? observed?.promiscuous;
  const altNames = mergedAltNames(observed?.altNames, desired.altNames);
  return {
    ...(alias === undefined ? {} : { alias }),
    ...(altNames === undefined ? {} : { altNames }),
    ...(promiscuous === undefined ? {} : { promiscuous }),
  };
}

/** One by one, as routes: a list in the plan adds, and takes away only what it says is absent. */
function mergedAltNames(
  observed: readonly string[] | undefined,
  desired: DesiredInterface['altNames'],
): readonly string[] | undefined {
  if (desired === undefined) return observed;
  const names = new Set(observed);
  for (const { name, absent } of desired) {
    if (absent) names.delete(name);
    else names.add(name);
  }
  return [...names].sort();
}

/** A name, also an alternative one, is there once on a host. */
export function checkAltNames(draft: Draft): void {
  const hasAltNames = [...draft.interfaces.values()].some(
    ({ altNames = [] }) => altNames.length > 0,
  );
  if (!hasAltNames) return;
  const owners = new Map<string, string>();
  for (const state of draft.interfaces.values()) owners.set(state.name, state.name);
  for (const state of draft.interfaces.values()) {
    for (const name of state.altNames ?? []) {
      const other = owners.get(name);
      const wanted = draft.wanted.get(state.name) ?? draft.wanted.get(other ?? '');
      if (other !== undefined && wanted !== undefined) {
        draft.errorAt(
          locationOf(wanted, 'altNames'),
          `interface "${state.name}": the alternative name "${name}" is taken by "${other}"`,
        );
      }
      owners.set(name, state.name);
    }
  }
}

export function propertiesDocument(state: InterfaceState): Readonly<Record<string, unknown>> {
  const { alias = '', altNames = [], promiscuous } = state;
  return {
    ...(alias === '' || hasControls(alias) ? {} : { description: alias }),
    ...(altNames.length === 0 ? {} : { 'alt-names': altNames.map((name) => ({ name })) }),
    ...(promiscuous === undefined ? {} : { 'accept-all-mac-addresses': promiscuous }),
  };
}
