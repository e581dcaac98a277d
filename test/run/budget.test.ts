import { describe, expect, test } from 'vitest';

import { planHost } from '../../src/plan/plan-host.js';
import { budgetFor } from '../../src/run/budget.js';
import { desiredOf, hostWith } from '../network/documents.js';

const plan = planHost(
  'h1',
  { state: hostWith('{}'), ssh: undefined, resolvedOwnsDns: false, dhcpClients: [] },
  desiredOf('interfaces: [{name: eth2, type: ethernet, mtu: 1400}]'),
);

describe('the time that a host is given', () => {
  test.each([
    ['that reads itself at once', 0, { applySeconds: 6, rollbackSeconds: 16 }],
    ['of usual speed', 1_500, { applySeconds: 6, rollbackSeconds: 16 }],
    [
      'with an emulated processor, under load: for three readings and for eight',
      12_000,
      { applySeconds: 37, rollbackSeconds: 97 },
    ],
    [
      'that says it is slower than any: no more than two minutes more',
      900_000,
      { applySeconds: 121, rollbackSeconds: 121 },
    ],
  ])('%s', (_what, observeMs, budget) => {
    expect(budgetFor(plan, 30, observeMs)).toEqual({ confirmSeconds: 30, ...budget });
  });
});
