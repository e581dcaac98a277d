import { describe, expect, test } from 'vitest';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { failureOf } from '../config/failure.js';

const inventoryOf = (text: string) =>
  createInventory(readInventoryGraph([{ kind: 'ini', file: 'hosts', text }]));
const failure = (text: string) => failureOf(() => inventoryOf(text));

describe('host lines', () => {
  const varsOf = (line: string) => inventoryOf(line).hostVars('h').value;

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['h a=1 b=01 c=True d=true', { a: 1, b: '01', c: true, d: 'true' }],
    ['h a="1" b=\'x y\' c=\\"1\\"', { a: 1, b: 'x y', c: '1' }],
    ["h k={'a':1}", { k: '{a:1}' }],
    ['h j="[1, 2]" t=1,2', { j: [1, 2], t: [1, 2] }],
    ['h a=x#y', { a: 'x' }],
    ['h a="x # y" # z', { a: 'x # y' }],
    ['h a=b=c d==', { a: 'b=c', d: '=' }],
    ["h a='it'\\''s' b=\"a\\\"b\\c\"", { a: "it's", b: 'a"b\\c' }],
    ["h a=''", { a: '' }],
    ['  h\ta=1  ', { a: 1 }],
    ['h:2222', { ansible_port: 2222 }],
    ['h:2222 ansible_port=23', { ansible_port: 23 }],
  ])('%s', (line, vars) => {
    expect(varsOf(line)).toMatchObject(vars);
  });

  test('a comment ends the line, even in the middle of a word', () => {
    expect(varsOf('h a=1#2 b=3')).not.toHaveProperty('b');
  });

  test('a semicolon begins a comment only at the start of a line', () => {
    expect(inventoryOf('; c\n# c\nh;x\n').hosts).toEqual(['h;x']);
  });

  test('ranges and ports of names and addresses', () => {
    const text = 'n[1:2]-[a:b]\n10.0.0.[1:2]:23\n2001:db8::1\n[2001:db8::2]:24\nx[:1]\n';
    expect(inventoryOf(text).hosts).toEqual([
      ...['n1-a', 'n1-b', 'n2-a', 'n2-b', '10.0.0.1', '10.0.0.2'],
      ...['2001:db8::1', '2001:db8::2', 'x0', 'x1'],
    ]);
  });

  test('a value has its place', () => {
    expect(inventoryOf('\n  h  a=1 b=2\n').hostVars('h').locate(['b'])).toEqual({
      file: 'hosts',
      line: 2,
      column: 10,
    });
  });

  test('a host that is named like a group gives its variables to the group, as in Ansible', () => {
    const { value } = inventoryOf('[web]\nweb a=1\nw2\n').hostVars('w2');
    expect(value).toMatchObject({ a: 1 });
  });
});

describe('sections', () => {
  test('variables of groups are literals too, the rest of the line is the value', () => {
    const text = `[g]\nh\n[g:vars]\na = 8080 # c\nb=text # c\nc={'x': [1]}\nd="q"\ne=\nf=[1, 2`;
    expect(inventoryOf(text).hostVars('h').value).toMatchObject({
      ...{ a: 8080, b: 'text # c', c: { x: [1] }, d: 'q', e: '', f: '[1, 2' },
    });
  });

  test('children may be declared later, and are then in the order of declaration', () => {
    const { groups } = inventoryOf('[p:children]\na\nb # c\n[b]\nh1\n[a] # c\nh2\n');
    expect(groups.get('p')?.children).toEqual(['b', 'a']);
    expect(groups.get('all')?.children).toEqual(['ungrouped', 'p']);
  });

  test('[g:vars] may stand before [g]', () => {
    expect(inventoryOf('[g:vars]\na=1\n[g]\nh').hostVars('h').value).toMatchObject({ a: 1 });
  });

  test('a priority decides between groups of one depth', () => {
    const text = '[a]\nh\n[b]\nh\n[a:vars]\nv=a\nansible_group_priority=5\n[b:vars]\nv=b\n';
    expect(inventoryOf(text).hostVars('h').value).toMatchObject({ v: 'a' });
  });
});

describe('what is not understood is an error at its place', () => {
  test.each([
    ['h x', 'hosts:1:3 INVENTORY_ERROR: "x" is not of the form key=value'],
    ['h a="x', 'hosts:1:1 INVENTORY_ERROR: a quote (") has no end'],
    ['h a=x\\', 'hosts:1:1 INVENTORY_ERROR: nothing follows the last backslash'],
    ['h:', 'hosts:1:1 INVENTORY_ERROR: "h:" ends in ":" but has no port'],
    ['---', 'hosts:1:1 INVENTORY_ERROR: "---" begins a YAML file'],
    ['""', 'hosts:1:1 INVENTORY_ERROR: "" is no host name'],
    ['h[3:1]', 'hosts:1:1 INVENTORY_ERROR: "h[3:1]": "[3:1]" counts down'],
    ['h:99999', 'hosts:1:1 INVENTORY_ERROR: "h:99999": the port must be from 1 to 65535'],
    ['[bad name]', 'hosts:1:1 INVENTORY_ERROR: "[bad name]" is no section'],
    ['[g:var]', 'a section is of "vars", "children" or "hosts" (did you mean "vars"?)'],
    [
      '[web]\n[wbe:vars]',
      'hosts:2:1 INVENTORY_ERROR: [wbe:vars] is of no group: there is no [wbe]',
    ],
    ['[p:children]\nnope', 'hosts:2:1 INVENTORY_ERROR: group "nope" is a child of "p", but there'],
    ['[g]\n[g:vars]\nx', 'hosts:3:1 INVENTORY_ERROR: "x" has no "="'],
    ['[a:children]\nb\n[b:children]\na', 'hosts:4:1 INVENTORY_ERROR: group "a" contains itself'],
    ['h __proto__=1', 'hosts:1:3 INVENTORY_ERROR: the name "__proto__" is not allowed'],
  ])('%j', (text, message) => {
    expect(failure(text).join('\n')).toContain(message);
  });

  test('all of it is told at once', () => {
    expect(failure('h x\n[bad name]\nskipped x\n[g]\nh "\n')).toHaveLength(3);
  });
});
