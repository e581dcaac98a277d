import { fc } from '../generated.js';
import { describe, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { compareStates } from '../../src/network/compare.js';
import { mergeDesired } from '../../src/network/merge.js';
import { interfaceMap } from '../../src/network/state.js';
import type { InterfaceState, NetworkState } from '../../src/network/state.js';
import { desiredOf, shown } from './documents.js';
import { legalState } from './legal-state.js';

/** The values of a generator shrink in so many ways that a failure would be searched until memory ends. */
const RUNS = { numRuns: 100, endOnFailure: true };

/** What a plan asks of this state when it asks for nothing: balancing bonds deal MACs to their ports as they like. */
function unasked(state: NetworkState): NetworkState {
  const isDealt = ({ controller = '' }: InterfaceState): boolean => {
    const above = state.interfaces.get(controller)?.link;
    return above?.kind === 'bond' && ['balance-tlb', 'balance-alb'].includes(above.mode);
  };
  const interfaces = [...state.interfaces.values()].map((item) =>
    isDealt(item) ? { ...item, mac: undefined } : item,
  );
  return { ...state, interfaces: interfaceMap(interfaces) };
}

const names = (state: NetworkState): ReadonlySet<string> => new Set(state.interfaces.keys());

describe('for every legal state', () => {
  test('an empty plan leaves it as it is', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const observed = legalState(g);
        const { target, errors, notes } = mergeDesired(observed, desiredOf('{}'));
        expect({ target, errors, notes }).toEqual({
          target: unasked(observed),
          errors: [],
          notes: [],
        });
      }),
      RUNS,
    );
  });

  test('what show prints, fed back, leaves it as it is', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const observed = legalState(g);
        const text = shown(observed);
        const { target, errors } = mergeDesired(observed, desiredOf(text));
        expect(errors.map(formatError)).toEqual([]);
        expect(target).toEqual(unasked(observed));
      }),
      RUNS,
    );
  });

  test('it has no differences to itself', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const state = legalState(g);
        expect(compareStates(state, state, names(state))).toEqual([]);
      }),
      RUNS,
    );
  });

  test('a plan laid over its own target changes nothing more', () => {
    let merged = 0;
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const desired = desiredOf(shown(legalState(g)));
        const first = mergeDesired(legalState(g), desired);
        if (first.errors.length > 0) return;
        merged += 1;
        const second = mergeDesired(first.target, desired);
        expect(second.errors.map(formatError)).toEqual([]);
        expect(second.target).toEqual(first.target);
      }),
      RUNS,
    );
    expect(merged).toBeGreaterThan(5);
  });
});
