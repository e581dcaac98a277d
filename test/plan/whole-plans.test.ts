import { fc } from '../generated.js';
import { describe, expect, test } from 'vitest';
import { segmentsOf } from '../../src/backends/iproute2.js';
import { NetorchError, NetorchErrors, formatError } from '../../src/errors.js';
import { mergeDesired } from '../../src/network/merge.js';
import { baseOf, interfaceMap, type NetworkState } from '../../src/network/state.js';
import type { DesiredState } from '../../src/network/desired.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { KernelModel, sameRoute } from '../../src/plan/kernel-model.js';
import { ruleText } from '../../src/network/rule.js';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf, shown } from '../network/documents.js';
import { legalState } from '../network/legal-state.js';
import { isConsistent, refusal } from './strict-kernel.js';

function plan(observed: NetworkState, desired: DesiredState): ChangePlan | undefined {
  try {
    return planHost('h1', { state: observed, ssh: undefined, resolvedOwnsDns: false }, desired);
  } catch (error) {
    // Two arbitrary states may contradict each other; that is an answer for the user, too.
    if (error instanceof NetorchError || error instanceof NetorchErrors) return undefined;
    throw error;
  }
}

/** An arbitrary host, and an arbitrary whole document for it: what another host would show. */
function hostAndPlan(g: fc.GeneratorValue): { observed: NetworkState; desired: DesiredState } {
  const observed = runnable(legalState(g));
  return { observed, desired: desiredOf(shown(runnable(legalState(g)))) };
}

/** Not every legal document is one that a kernel can hold: routes go where their gateway is, VLANs fit. */
function runnable(state: NetworkState): NetworkState {
  const { target } = mergeDesired({ ...state, routes: [], rules: [] }, desiredOf('{}'));
  return {
    ...target,
    interfaces: interfaceMap(
      [...target.interfaces.values()].map((item) => {
        const follows = ['vlan', 'mac-vlan', 'mac-vtap'].includes(item.link.kind);
        const below = follows ? target.interfaces.get(baseOf(item.link) ?? '') : undefined;
        return below === undefined ? item : { ...item, mtu: Math.min(item.mtu, below.mtu) };
      }),
    ),
    routes: state.routes.filter(({ foreign, protocol }) => !foreign && protocol === 4),
    rules: state.rules.filter(({ foreign }) => !foreign),
  };
}

const RUNS = { numRuns: 100, endOnFailure: true };

describe('for every host and every document', () => {
  test('each step of the plan is one that the kernel takes', () => {
    let steps = 0;
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const { observed, desired } = hostAndPlan(g);
        const model = new KernelModel(observed);
        for (const change of plan(observed, desired)?.changes ?? []) {
          for (const operation of change.operations) {
            expect({ change: change.id, refused: refusal(model, operation) }).toEqual({
              change: change.id,
              refused: undefined,
            });
            model.apply(operation);
            expect(isConsistent(model)).toBe(true);
            steps += 1;
          }
        }
      }),
      RUNS,
    );
    expect(steps).toBeGreaterThan(500);
  });

  test('the plan ends at its target', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const { observed, desired } = hostAndPlan(g);
        const made = plan(observed, desired);
        if (made === undefined) return;
        const model = new KernelModel(observed);
        for (const change of made.changes)
          for (const operation of change.operations) model.apply(operation);
        expect([...model.interfaces.keys()].sort()).toEqual([...made.target.interfaces.keys()]);
        for (const wanted of made.target.interfaces.values()) {
          if (wanted.link.kind === 'other') continue;
          const { name } = wanted;
          const found = model.get(name);
          expect({
            name,
            up: found?.up,
            controller: found?.controller,
            ipv4: found?.ipv4,
            ipv6: found?.ipv6,
          }).toEqual({
            name,
            up: wanted.up,
            controller: wanted.controller,
            ipv4: wanted.ipv4.addresses,
            ipv6: wanted.ipv6.addresses,
          });
        }
        const { routes, rules } = made.target;
        expect(model.routes.filter((a) => !routes.some((b) => sameRoute(a, b)))).toEqual([]);
        expect(routes.filter((a) => !model.routes.some((b) => sameRoute(a, b)))).toEqual([]);
        expect(model.rules.map(ruleText).sort()).toEqual(rules.map(ruleText).sort());
      }),
      RUNS,
    );
  });

  test('planning again from the target gives nothing', () => {
    let planned = 0;
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const { observed, desired } = hostAndPlan(g);
        const first = plan(observed, desired);
        if (first === undefined) return;
        planned += 1;
        const again = planHost(
          'h1',
          {
            state: first.target,
            ssh: undefined,

            resolvedOwnsDns: false,
          },
          desired,
        );
        expect(again.changes.map((change) => change.id)).toEqual([]);
      }),
      RUNS,
    );
    expect(planned).toBeGreaterThan(10);
  });

  test('planning twice gives the same plan, and every step has its command line', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const { observed, desired } = hostAndPlan(g);
        const first = plan(observed, desired);
        if (first === undefined) return;
        expect(plan(observed, desired)).toEqual(first);
        const ids = first.changes.map((change) => change.id);
        expect(new Set(ids).size).toBe(ids.length);
        const lines = segmentsOf(first.changes).flatMap(({ tool, lines: texts }) =>
          tool === 'dns' ? [] : texts,
        );
        for (const { text } of lines) expect(text).not.toMatch(/[\n;'"`$\\]/);
      }),
      RUNS,
    );
  });

  test('it is never a bug', () => {
    fc.assert(
      fc.property(fc.gen(), (g) => {
        const { errors } = mergeDesired(legalState(g), desiredOf(shown(legalState(g))));
        for (const error of errors) expect(formatError(error)).toMatch(/^desired|^plan\.yml:\d+/);
      }),
    );
  });
});
