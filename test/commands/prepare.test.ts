import { expect, test } from 'vitest';
import { targetFor } from '../../src/commands/prepare.js';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { failureOf } from '../config/failure.js';

const targetOf = (vars: string) =>
  targetFor(
    'h1',
    createInventory(readInventoryGraph([{ file: 'i.yml', text: `g: {hosts: {h1: {${vars}}}}` }])),
    undefined,
  );

test('connection variables may be templates, and !unsafe ones are none', () => {
  const target = targetOf(
    'domain: lab, ansible_host: "{{ inventory_hostname }}.{{ domain }}", ansible_port: "{{ p }}", p: 23, ansible_password: !unsafe "{{ x"',
  );
  expect(target).toMatchObject({ address: 'h1.lab', port: 23, password: '{{ x' });
});

test('what is not about the connection needs neither its variables nor its password', () => {
  const vars =
    'ansible_python_interpreter: "{{ ansible_playbook_python }}", db: !vault "$ANSIBLE_VAULT;1.1;AES256 00"';
  expect(targetOf(vars).address).toBe('h1');
});

test('what is about it is an error at its place', () => {
  expect(failureOf(() => targetOf('ansible_host: "{{ nowhere }}"'))[0]).toContain(
    'i.yml:1:18 UNDEFINED_VARIABLE: variable "nowhere" is not defined',
  );
  const secret = 'ansible_password: !vault "$ANSIBLE_VAULT;1.1;AES256\\n6161300a61610a6161"';
  expect(failureOf(() => targetOf(secret))[0]).toMatch(/^i\.yml:1:\d+ INVENTORY_ERROR: /);
});
