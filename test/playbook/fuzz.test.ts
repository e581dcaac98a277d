import { fc } from '../generated.js';
import { expect, test } from 'vitest';
import { NetorchError, NetorchErrors } from '../../src/errors.js';
import { selectHosts } from '../../src/inventory/host-pattern.js';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { networkPlanFor } from '../../src/playbook/network-plan.js';
import { parsePlaybook, probesFor } from '../../src/playbook/playbook.js';

/** Documents of any shape, made of the words that mean something. */
function documentOf(...words: readonly string[]): fc.Arbitrary<unknown> {
  const word = fc.constantFrom(...words);
  return fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 6 },
      fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null)),
      fc.dictionary(word, tie('node'), { maxKeys: 4 }),
      fc.array(tie('node'), { maxLength: 3 }),
    ),
  })).node;
}

function isForUsers(action: () => unknown): void {
  try {
    action();
  } catch (error) {
    if (!(error instanceof NetorchError || error instanceof NetorchErrors)) throw error;
    expect(error.message).not.toBe('');
  }
}

test('any inventory is read or refused with an error for the user', () => {
  const words = [
    'all',
    'ungrouped',
    'web',
    'db',
    'hosts',
    'children',
    'vars',
    'h[1:3]',
    'h1',
    'h[3:1]',
  ];
  const entry = documentOf(...words, 'network', 'interfaces', 'name', '{{ v }}', 'constructor');
  const body = fc.dictionary(fc.constantFrom(...words), entry, { maxKeys: 5 });
  fc.assert(
    fc.property(
      body,
      fc.constantFrom(...words, 'all:!h1', '~h', 'web[0]', '*[1:]'),
      (groups, pattern) => {
        isForUsers(() => {
          const text = JSON.stringify(groups);
          const inventory = createInventory(readInventoryGraph([{ file: 'i.yml', text }]));
          for (const host of inventory.hosts) {
            expect(inventory.hostVars(host).value['inventory_hostname']).toBe(host);
            isForUsers(() => networkPlanFor(host, undefined, inventory));
          }
          isForUsers(() => {
            expect(inventory.hosts).toEqual(
              expect.arrayContaining(selectHosts(inventory, pattern)),
            );
          });
        });
      },
    ),
    { numRuns: 300 },
  );
});

test('any playbook is read or refused with an error for the user', () => {
  const inventory = createInventory(
    readInventoryGraph([{ file: 'i.yml', text: 'all: {hosts: {h: }}' }]),
  );
  const value = documentOf(
    'name',
    'interfaces',
    'routes',
    'config',
    'ping',
    'tcp',
    'size',
    'h:22',
    '10%',
    '5s',
    '{{ v }}',
    'v',
    'dns',
  );
  const keys = [
    'name',
    'serial',
    'order',
    'vars',
    'become',
    'backend',
    'deadline',
    'network',
    'probes',
  ];
  const play = fc.record(
    Object.fromEntries([['hosts', fc.constant('h')], ...keys.map((key) => [key, value] as const)]),
    { requiredKeys: ['hosts'] },
  );
  fc.assert(
    fc.property(play, (written) => {
      isForUsers(() => {
        const [first] = parsePlaybook('p.yml', JSON.stringify([written])).plays;
        if (first === undefined) throw new Error('no play');
        isForUsers(() => networkPlanFor('h', first, inventory));
        isForUsers(() => probesFor('h', first, inventory));
      });
    }),
    { numRuns: 300 },
  );
});
