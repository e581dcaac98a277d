import { describe, expect, test } from 'vitest';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import type { VariablesFile } from '../../src/inventory/inventory.js';
import { failureOf } from '../config/failure.js';

const inventoryOf = (text: string, files: readonly VariablesFile[] = []) =>
  createInventory(readInventoryGraph([{ file: 'i.yml', text }]), files);

const failure = (text: string) => failureOf(() => inventoryOf(text));

const TREE = `
all:
  hosts:
    lone:
  children:
    dc1:
      children:
        web: {hosts: {web2: , 'web[1:2]': {role: front}}}
        db: {hosts: db1}
    web:
      vars: {port: 80}
`;

describe('hosts and groups', () => {
  const inventory = inventoryOf(TREE);

  test('are in the order of declaration, breadth-first', () => {
    expect(inventory.hosts).toEqual(['lone', 'web2', 'web1', 'db1']);
    expect(inventory.groups.get('dc1')?.hosts).toEqual(['web2', 'web1', 'db1']);
  });

  test('the depth of a group is its longest way from all', () => {
    expect([...inventory.groups.values()].map(({ name, depth }) => `${name} ${depth}`)).toEqual([
      'all 0',
      'ungrouped 1',
      'dc1 1',
      'web 2',
      'db 2',
    ]);
  });

  test('a host in no group is ungrouped', () => {
    expect(inventory.groups.get('ungrouped')?.hosts).toEqual(['lone']);
  });

  test('each host knows its name and its groups', () => {
    expect(inventoryOf('web: {hosts: {a.example.com: }}').hostVars('a.example.com').value).toEqual({
      inventory_hostname: 'a.example.com',
      inventory_hostname_short: 'a',
      group_names: ['web'],
      groups: { all: ['a.example.com'], ungrouped: [], web: ['a.example.com'] },
    });
  });

  test('values are typed as Ansible types them', () => {
    const { value } = inventoryOf('all: {hosts: {h: {a: yes, b: 010, c: "yes"}}}').hostVars('h');
    expect(value).toMatchObject({ a: true, b: 8, c: 'yes' });
  });

  test('an empty file has no hosts', () => {
    expect(inventoryOf('').hosts).toEqual([]);
  });

  test('files add to each other, the later one wins', () => {
    const inventory = createInventory(
      readInventoryGraph([
        { file: 'a.yml', text: 'web: {hosts: {h1: {x: 1, y: 1}}}' },
        { file: 'b.yml', text: 'web: {hosts: {h2: , h1: {x: 2}}}' },
      ]),
    );
    expect(inventory.groups.get('web')?.hosts).toEqual(['h1', 'h2']);
    expect(inventory.hostVars('h1').value).toMatchObject({ x: 2, y: 1 });
  });
});

describe('of several definitions of a variable', () => {
  const LEVELS = `
all:
  vars: {v: all in the inventory}
  children:
    outer:
      vars: {v: outer in the inventory}
      children:
        b_inner: {hosts: {h: {v: h in the inventory}}, vars: {v: b_inner in the inventory}}
        a_inner: {hosts: {h: }, vars: {v: a_inner in the inventory}}
`;
  const file = (
    owner: 'group' | 'host',
    name: string,
    beside: 'inventory' | 'playbook',
  ): VariablesFile => ({
    owner,
    name,
    beside,
    file: `${beside}/${owner}_vars/${name}.yml`,
    text: `v: ${name} beside the ${beside}`,
  });
  const files = (['playbook', 'inventory'] as const).flatMap((beside) => [
    file('host', 'h', beside),
    ...['all', 'outer', 'a_inner', 'b_inner'].map((name) => file('group', name, beside)),
  ]);
  const inventory = inventoryOf(LEVELS, files);

  test('the order is Ansible’s, general to specific', () => {
    expect(inventory.definitionsOf('h', 'v').map(({ value }) => value)).toEqual([
      'all in the inventory',
      'outer in the inventory',
      'a_inner in the inventory',
      'b_inner in the inventory',
      'all beside the inventory',
      'all beside the playbook',
      'outer beside the inventory',
      'a_inner beside the inventory',
      'b_inner beside the inventory',
      'outer beside the playbook',
      'a_inner beside the playbook',
      'b_inner beside the playbook',
      'h in the inventory',
      'h beside the inventory',
      'h beside the playbook',
    ]);
  });

  test('the last one is the value, with its own place', () => {
    const vars = inventory.hostVars('h');
    expect(vars.value['v']).toBe('h beside the playbook');
    expect(vars.locate(['v'])).toEqual({ file: 'playbook/host_vars/h.yml', line: 1, column: 1 });
  });

  test('ansible_group_priority decides within one depth only', () => {
    const text = `
all:
  children:
    zz: {hosts: {h: }, vars: {v: zz, w: zz}}
    aa: {hosts: {h: }, vars: {v: aa, ansible_group_priority: 10}}
    top: {vars: {w: top, ansible_group_priority: 100}, children: {deep: {hosts: {h: }, vars: {w: deep}}}}
`;
    const { value } = inventoryOf(text).hostVars('h');
    expect(value).toMatchObject({ v: 'aa', w: 'deep' });
    expect(value).not.toHaveProperty('ansible_group_priority');
  });

  test('maps are replaced, not merged', () => {
    const text = 'g: {vars: {m: {a: 1}}, hosts: {h: {m: {b: 2}}}}';
    expect(inventoryOf(text).hostVars('h').value['m']).toEqual({ b: 2 });
  });

  test('equally specific definitions have the same level and other owners', () => {
    const levels = inventory
      .definitionsOf('h', 'v')
      .slice(2, 4)
      .map(({ level, owner }) => [level, owner]);
    expect(levels).toEqual([
      ['2/1', 'group a_inner'],
      ['2/1', 'group b_inner'],
    ]);
  });
});

describe('what is not understood is an error at its place', () => {
  test.each<[string, string, string]>([
    [
      'unknown key',
      'web:\n  hots: {a: }',
      'i.yml:2:3 UNKNOWN_KEY: unknown key "hots" in group "web" (did you mean "hosts"?)',
    ],
    [
      'a list of hosts',
      'web:\n  hosts: [a, b]',
      'i.yml:2:3 INVALID_VALUE: hosts is a list, must be a map',
    ],
    [
      'a list of groups',
      '- web',
      'i.yml:1:1 INVENTORY_ERROR: an inventory is a map of groups, this is a list',
    ],
    ['a text as group', 'web: x', 'i.yml:1:1 INVENTORY_ERROR: group "web" is "x", must be a map'],
    [
      'variables that are no map',
      'web: {hosts: {a: 5}}',
      'i.yml:1:15 INVALID_VALUE: host "a" is 5, must be a map',
    ],
    ['a key given twice', 'web: {hosts: {a: , a: }}', 'i.yml:1:20 YAML_SYNTAX: "a" is given twice'],
    [
      'a plugin',
      'plugin: aws_ec2',
      'i.yml:1:1 NOT_SUPPORTED: inventory plugins are not run yet; write it as YAML',
    ],
    [
      'a port that is none',
      'web: {hosts: {"a:0": }}',
      'i.yml:1:15 INVENTORY_ERROR: "a:0": the port must be from 1 to 65535',
    ],
    [
      'a colon without a port',
      'web: {hosts: {"a:b": }}',
      'i.yml:1:15 INVENTORY_ERROR: "a:b" is no host name: a colon stands before a port only',
    ],
    [
      'a group that does not stand under children',
      'web: {inner: {hosts: {a: }}}',
      'i.yml:1:7 UNKNOWN_KEY: unknown key "inner" in group "web"',
    ],
    [
      'ungrouped below another group',
      'web: {children: {ungrouped: }}',
      'i.yml:1:18 INVENTORY_ERROR: "ungrouped" cannot be a child of "web"',
    ],
    [
      'a range that counts down',
      'web: {hosts: {"h[3:1]": }}',
      'i.yml:1:15 INVENTORY_ERROR: "h[3:1]": "[3:1]" counts down',
    ],
    [
      'a name that would be an option',
      'web: {hosts: {-oProxyCommand=x: }}',
      'i.yml:1:15 INVENTORY_ERROR: "-oProxyCommand=x" is no host name',
    ],
    [
      'a priority that is no number',
      'web: {vars: {ansible_group_priority: x}}',
      'i.yml:1:14 INVALID_VALUE: ansible_group_priority is "x"',
    ],
    [
      'a loop',
      'a: {children: {b: }}\nb: {children: {a: }}',
      'INVENTORY_ERROR: group "a" contains itself: a → b → a',
    ],
    [
      'a loop through all',
      'a: {children: {all: }}',
      'i.yml:1:16 INVENTORY_ERROR: group "all" contains itself: all → a → all',
    ],
  ])('%s', (_, text, message) => {
    expect(failure(text).join('\n')).toContain(message);
  });

  test('all of it is told at once', () => {
    expect(failure('web: {hots: }\ndb: {hosts: [a]}')).toHaveLength(2);
  });

  test('a key that means nothing is passed over with a warning', () => {
    const { warnings } = inventoryOf('web: {hosts: {a: }, comment: {b: 1}}');
    expect(warnings.map((warning) => [warning.location?.column, warning.message])).toEqual([
      [21, 'unknown key "comment" in group "web": passed over'],
    ]);
  });

  test('a port becomes ansible_port, an IPv6 address has one in brackets only', () => {
    const text = 'web: {hosts: {"h[1:2]:2222": , "[2001:db8::2]:23": {ansible_port: 24}}}';
    const inventory = inventoryOf(text);
    expect(inventory.hosts).toEqual(['h1', 'h2', '2001:db8::2']);
    expect(inventory.hosts.map((host) => inventory.hostVars(host).value['ansible_port'])).toEqual([
      2222, 2222, 24,
    ]);
  });

  test('an IPv6 address is a host name, not a name with a port', () => {
    expect(inventoryOf('web: {hosts: {"2001:db8::1": }}').hosts).toEqual(['2001:db8::1']);
  });

  test('a file of variables must be a map, and needs a password when it is encrypted', () => {
    const beside = (text: string): VariablesFile => ({
      owner: 'group',
      name: 'all',
      beside: 'inventory',
      file: 'all.yml',
      text,
    });
    const read = (text: string) => failureOf(() => inventoryOf('', [beside(text)]))[0];
    expect(read('- a')).toBe(
      'all.yml:1:1 INVENTORY_ERROR: a file of variables is a map, this is a list',
    );
    expect(read('$ANSIBLE_VAULT;1.1;AES256\n6162')).toMatch(
      /^all\.yml:1:1 INVENTORY_ERROR: the encrypted text is damaged/,
    );
  });

  test('a host that is not there is told with the nearest name', () => {
    expect(failureOf(() => inventoryOf(TREE).hostVars('web3'))[0]).toBe(
      'UNKNOWN_HOST: no host "web3" in the inventory (did you mean "web2"?)',
    );
  });
});
