import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { compareStates } from '../../src/network/compare.js';
import { mergeDesired } from '../../src/network/merge.js';
import type { NetworkState } from '../../src/network/state.js';
import { desiredOf, shown } from './documents.js';
import { legalState } from './legal-state.js';

const names = (state: NetworkState): ReadonlySet<string> => new Set(state.interfaces.keys());

describe('for every legal state', () => {
  test('an empty plan leaves it as it is', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const observed = legalState(g);
        const { target, errors, notes } = mergeDesired(observed, desiredOf('{}'));
        expect({ target, errors, notes }).toEqual({ target: observed, errors: [], notes: [] });
      }),
    );
  });

  test('what show prints, fed back, leaves it as it is', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const observed = legalState(g);
        const text = shown(observed);
        const { target, errors } = mergeDesired(observed, desiredOf(text));
        expect(errors.map(formatError)).toEqual([]);
        expect(target).toEqual(observed);
      }),
      { numRuns: 100 },
    );
  });

  test('it has no differences to itself', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const state = legalState(g);
        expect(compareStates(state, state, names(state))).toEqual([]);
      }),
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
      { numRuns: 100 },
    );
    expect(merged).toBeGreaterThan(5);
  });
});
