import { describe, expect, test } from 'vitest';
import { parseDocument } from '../../src/config/document.js';
import { explainMatch, shortValue, variableOrigins } from '../../src/inventory/explain.js';
import { patternSteps } from '../../src/inventory/host-pattern.js';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { inventoryGraphText } from '../../src/inventory/inventory-graph-text.js';
import { inventoryList, sortedJson } from '../../src/inventory/inventory-json.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { failureOf } from '../config/failure.js';

const text = `[web]
w2 b=1 a="x y"
w1
[dc1:children]
web
[dc1:vars]
v=dc1
[web:vars]
v=web
`;
const inventory = createInventory(readInventoryGraph([{ kind: 'ini', file: 'hosts', text }]), [
  {
    owner: 'host',
    name: 'w1',
    beside: 'inventory',
    file: 'host_vars/w1.yml',
    text: 'v: w1\ns: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\nu: !unsafe "{{ x }}"\n',
  },
]);

test('the list is that of ansible-inventory, secrets stay encrypted', () => {
  expect(sortedJson(inventoryList(inventory))).toBe(`{
    "_meta": {
        "hostvars": {
            "w1": {
                "s": {
                    "__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\\n00\\n"
                },
                "u": {
                    "__ansible_unsafe": "{{ x }}"
                },
                "v": "w1"
            },
            "w2": {
                "a": "x y",
                "b": 1,
                "v": "web"
            }
        }
    },
    "all": {
        "children": [
            "ungrouped",
            "dc1"
        ]
    },
    "dc1": {
        "children": [
            "web"
        ]
    },
    "web": {
        "hosts": [
            "w2",
            "w1"
        ]
    }
}`);
});

describe('the tree', () => {
  test('is that of ansible-inventory', () => {
    expect(inventoryGraphText(inventory, 'all')).toEqual([
      '@all:',
      '  |--@ungrouped:',
      '  |--@dc1:',
      '  |  |--@web:',
      '  |  |  |--w2',
      '  |  |  |--w1',
    ]);
  });

  test('begins with a group that is there', () => {
    expect(failureOf(() => inventoryGraphText(inventory, 'wbe'))[0]).toBe(
      'UNKNOWN_HOST: no group "wbe" in the inventory (did you mean "web"?)',
    );
  });
});

describe('an explanation', () => {
  test('of a variable names the winner and who lost, with their places', () => {
    expect(variableOrigins(inventory, 'w1', ['v'])[0]?.definitions).toEqual([
      { value: 'w1', owner: 'host w1', at: 'host_vars/w1.yml:1:1' },
      { value: 'web', owner: 'group web', at: 'hosts:9:1' },
      { value: 'dc1', owner: 'group dc1', at: 'hosts:7:1' },
    ]);
  });

  test('of a match names the way from the group to the host', () => {
    const steps = patternSteps(inventory, 'dc1,&*1,!w2');
    expect(explainMatch(inventory, 'w1', steps)).toEqual([
      'matches "dc1": in group dc1 → web (hosts:3:1)',
      'is kept by "&*1": by its name (hosts:3:1)',
    ]);
    expect(explainMatch(inventory, 'w2', steps).at(-1)).toBe(
      'is removed by "!w2": by its name (hosts:2:1)',
    );
  });

  test('never shows a secret', () => {
    const secret = parseDocument('a.yml', 's: !vault x', { decrypt: () => 'open' }).value;
    expect(shortValue((secret as Readonly<{ s: unknown }>).s)).toBe('(encrypted)');
    expect(shortValue('x'.repeat(100))).toHaveLength(58);
  });
});
