import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';
import { prepare, targetFor } from '../../src/commands/prepare.js';
import { formatError, NetorchError } from '../../src/errors.js';
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

test('an address that two hosts are given is refused before any is asked, at its place', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'netorch-prepare-'));
  onTestFinished(() => {
    rmSync(cwd, { recursive: true });
  });
  writeFileSync(join(cwd, 'inventory.yml'), 'all: {hosts: {h1: {n: 5}, h2: {n: 6}, h3: {n: 5}}}');
  writeFileSync(
    join(cwd, 'play.yml'),
    `- hosts: all
  network:
    interfaces:
      - name: eth1
        type: ethernet
        ipv4:
          enabled: true
          address: [{ip: "192.0.2.{{ n }}", prefix-length: 24}]
`,
  );
  const refused = await prepare({ cwd }, 'play.yml').catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(NetorchError);
  expect(formatError(refused as NetorchError)).toMatch(
    /^play\.yml:8:11 INVALID_NETWORK: 192\.0\.2\.5 is on 2 hosts: h1 \(eth1\), h3 \(eth1\)/,
  );
  const [play] = await prepare({ cwd, hosts: 'h1,h2' }, 'play.yml');
  expect(play?.waves).toEqual([['h1', 'h2']]);
});

test('a gateway that the plans tell of comes last and alone, before the jump hosts', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'netorch-prepare-'));
  onTestFinished(() => {
    rmSync(cwd, { recursive: true });
  });
  writeFileSync(
    join(cwd, 'inventory.yml'),
    `all:
  hosts:
    gate: {ansible_host: 198.51.100.9, n: 9}
    router: {ansible_host: 198.51.100.1, n: 1, to: 192.0.2.254}
    h2: {ansible_host: 198.51.100.2, n: 2, ansible_ssh_common_args: -o ProxyJump=root@198.51.100.9}
    h3: {ansible_host: 198.51.100.3, n: 3}
`,
  );
  writeFileSync(
    join(cwd, 'play.yml'),
    `- hosts: all
  serial: 2
  network:
    interfaces:
      - name: eth1
        type: ethernet
        ipv4: {enabled: true, address: [{ip: "192.0.2.{{ n }}", prefix-length: 24}]}
    routes:
      config:
        - {destination: 203.0.113.0/24, next-hop-address: "{{ to | default: '192.0.2.1' }}", next-hop-interface: eth1}
`,
  );
  const [play] = await prepare({ cwd }, 'play.yml');
  expect(play?.waves).toEqual([['h2', 'h3'], ['router'], ['gate']]);
  expect(play?.alone).toEqual({ router: 'gateway of gate, h2, h3', gate: 'jump host of h2' });
});

test('a mesh is about all hosts of its play and its group, whoever is chosen', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'netorch-prepare-'));
  onTestFinished(() => {
    rmSync(cwd, { recursive: true });
  });
  const plan = (ip: string) =>
    `network: {interfaces: [{name: eth1, type: ethernet, ipv4: {enabled: true, address: [{ip: ${ip}, prefix-length: 24}]}}]}`;
  writeFileSync(
    join(cwd, 'inventory.yml'),
    `g: {hosts: {h1: {n: 5}, h2: {n: 6}}}
store: {hosts: {s1: {${plan('192.0.2.20')}}, s2: {ansible_host: 192.0.2.21}, s3: {network: {mistake: 1}}}}`,
  );
  writeFileSync(
    join(cwd, 'play.yml'),
    `- hosts: g
  probes: [{mesh: 192.0.2.0/24, of: "g:store"}]
  ${plan('"192.0.2.{{ n }}"')}
`,
  );
  const [play] = await prepare({ cwd, hosts: 'h1' }, 'play.yml');
  expect(play?.waves).toEqual([['h1']]);
  expect(play?.mesh).toEqual({
    addresses: {
      h1: ['192.0.2.5'],
      h2: ['192.0.2.6'],
      s1: ['192.0.2.20'],
      s2: ['192.0.2.21'],
      s3: [],
    },
    groups: { 'g:store': ['h1', 'h2', 's1', 's2', 's3'] },
  });
});
