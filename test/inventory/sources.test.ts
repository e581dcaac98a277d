import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadInventory } from '../../src/inventory/sources.js';
import { rejectionOf } from '../config/failure.js';

let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'netorch-inventory-'));
});

afterEach(async () => {
  await rm(cwd, { recursive: true });
});

async function write(files: Readonly<Record<string, string>>, mode = 0o644): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, name)), { recursive: true });
    await writeFile(join(cwd, name), text, { mode });
  }
}

describe('inventories', () => {
  test('a folder is read in the order of names, without what does not belong to it', async () => {
    await write({
      'inv/b.yml': 'web: {hosts: {h2: }, vars: {v: b}}',
      'inv/a.json': '{"web": {"hosts": {"h1": {}}, "vars": {"v": "a"}}}',
      'inv/sub/c': 'web: {hosts: {h3: }}',
      'inv/.hidden.yml': '- x',
      'inv/notes.md': '- x',
      'inv/old.yml~': '- x',
      'inv/group_vars/web.yml': 'w: 1',
    });
    const inventory = await loadInventory(['inv'], { cwd });
    expect(inventory.hosts).toEqual(['h1', 'h2', 'h3']);
    expect(inventory.hostVars('h1').value).toMatchObject({ v: 'b', w: 1 });
  });

  test('places are shown relative to the current folder', async () => {
    await write({ 'inv/hosts.yml': '- x' });
    const [error] = await rejectionOf(loadInventory(['inv/hosts.yml'], { cwd }));
    expect(error).toMatch(/^inv\/hosts\.yml:1:1 INVENTORY_ERROR/);
  });

  test('names with a comma are a list of hosts', async () => {
    expect((await loadInventory(['h1,h2,'], { cwd })).hosts).toEqual(['h1', 'h2']);
  });

  test.each([
    ['hosts.ini', 'h1 a=1'],
    ['hosts.cfg', '[web]\nh1'],
    ['hosts', '# all\n\n[web]\nh1\n'],
    ['hosts', 'h1 ansible_host=10.0.0.1\n'],
    ['hosts', 'web:\n  hosts:\n    h1:\n'],
    ['hosts', '{"web": {"hosts": {"h1": null}}}'],
  ])('%s with %j has the host h1', async (name, text) => {
    await write({ [name]: text });
    expect((await loadInventory([name], { cwd })).hosts).toEqual(['h1']);
  });

  test('one line that is a YAML map is YAML, as in Ansible: a group', async () => {
    await write({ hosts: 'h1:\n' });
    const inventory = await loadInventory(['hosts'], { cwd });
    expect([inventory.hosts, inventory.groups.has('h1')]).toEqual([[], true]);
  });

  test.each([
    [
      'hosts',
      '#!/bin/sh\n',
      'hosts:1:1 NOT_SUPPORTED: this is a program, but it is not executable',
    ],
    ['h.yml', 'plugin: x', 'h.yml:1:1 NOT_SUPPORTED: inventory plugins'],
    ['h.toml', '[web]', 'h.toml:1:1 NOT_SUPPORTED: TOML'],
    ['hosts', 'web:\n hosts:\n  a: 1\n  a: 2\n', 'hosts:4:3 YAML_SYNTAX: "a" is given twice'],
    ['hosts', '---\n', 'hosts:1:1 INVENTORY_ERROR: "---" begins a YAML file'],
  ])('%s with %j is refused', async (name, text, message) => {
    await write({ [name]: text });
    const [error] = await rejectionOf(loadInventory([name], { cwd }));
    expect(error).toContain(message);
  });

  test('of several sources the later wins; a folder named twice has its last place', async () => {
    await write({
      'a/hosts': '[web]\nh1 x=a y=a\n',
      'a/group_vars/web': 'z: a',
      'b/hosts.yml': 'web: {hosts: {h1: {x: b}, h2: }}',
      'b/group_vars/web': 'z: b',
      'a/more.ini': '[db]\nh1\n',
    });
    const sources = ['a/hosts', 'b/hosts.yml', 'h3,h4:23', 'a/more.ini'];
    const inventory = await loadInventory(sources, { cwd });
    expect(inventory.hosts).toEqual(['h3', 'h4', 'h1', 'h2']);
    expect(inventory.hostVars('h1').value).toMatchObject({
      x: 'b',
      y: 'a',
      z: 'a',
      inventory_dir: join(cwd, 'a'),
      inventory_file: join(cwd, 'a/hosts'),
      group_names: ['db', 'web'],
    });
    expect(inventory.hostVars('h4').value['ansible_port']).toBe(23);
  });

  test('one that is not there is an error, with the path that was tried', async () => {
    const [error] = await rejectionOf(loadInventory(['nowhere'], { cwd }));
    expect(error).toBe(
      `FILE_NOT_FOUND: inventory "nowhere" does not exist (${join(cwd, 'nowhere')})`,
    );
  });
});

describe('group_vars and host_vars', () => {
  const hosts = 'web: {hosts: {h1: }}';
  const valueOf = async (playbookDir?: string) => {
    const options = playbookDir === undefined ? { cwd } : { cwd, playbookDir };
    return (await loadInventory(['hosts.yml'], options)).hostVars('h1').value;
  };

  test('are read beside the inventory file and beside the playbook', async () => {
    await write({
      'hosts.yml': hosts,
      'group_vars/all.yml': 'a: all\nb: all\nc: all\nd: all',
      'group_vars/web': 'b: web\nc: web\nd: web',
      'pb/group_vars/web.json': '{"c": "playbook", "d": "playbook"}',
      'host_vars/h1.yaml': 'd: h1',
      'host_vars/h2.yml': '- not read, for there is no h2',
    });
    expect(await valueOf('pb')).toMatchObject({ a: 'all', b: 'web', c: 'playbook', d: 'h1' });
    expect(await valueOf()).toMatchObject({ c: 'web' });
  });

  test('a folder hides the file of the same name; its files are read in order', async () => {
    await write({
      'hosts.yml': hosts,
      'group_vars/web.yml': 'a: file',
      'group_vars/web/1.yml': 'b: 1\nc: 1',
      'group_vars/web/2/x.yml': 'c: 2',
      'group_vars/web/3.txt': '- not read',
      'group_vars/web/.4.yml': '- not read',
    });
    const value = await valueOf();
    expect(value).toMatchObject({ b: 1, c: 2 });
    expect(value).not.toHaveProperty('a');
  });

  test('mistakes in several files are told at once', async () => {
    await write({
      'hosts.yml': hosts,
      'group_vars/web.yml': 'a: [',
      'host_vars/h1.yml': 'a: 1\na: 2',
    });
    const errors = await rejectionOf(loadInventory(['hosts.yml'], { cwd }));
    expect(errors.map((error) => error.split(':')[0])).toEqual([
      'group_vars/web.yml',
      'host_vars/h1.yml',
    ]);
  });
});
