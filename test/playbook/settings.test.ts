import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { formatError } from '../../src/errors.js';
import { findProject, loadPlaybook, noPlaybookError } from '../../src/playbook/settings.js';
import { rejectionOf } from '../config/failure.js';

let root: string;
let below: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'netorch-project-'));
  below = join(root, 'deep', 'er');
  await mkdir(below, { recursive: true });
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
}

test('netorch.yml above names inventory and playbook, relative to itself', async () => {
  await write({ 'netorch.yml': 'inventory: [a.yml, inv]\nplaybook: p.yml', 'p.yml': '' });
  expect(await findProject(below)).toMatchObject({
    inventorySources: [join(root, 'a.yml'), join(root, 'inv')],
    playbookFile: join(root, 'p.yml'),
    root,
  });
});

test('without netorch.yml, ./inventory* and ./playbooks/site.yml are taken', async () => {
  await write({ 'inventory.yml': '', 'inventory.yml~': '', 'playbooks/site.yml': '' });
  expect(await findProject(root)).toMatchObject({
    inventorySources: [join(root, 'inventory.yml')],
    playbookFile: join(root, 'playbooks/site.yml'),
  });
});

test('what the command line names comes first, relative to the current folder', async () => {
  await write({ 'netorch.yml': 'inventory: a.yml\nplaybook: no.yml', 'deep/er/q.yml': '' });
  const given = { inventory: ['b.yml', 'h1,h2'], playbook: 'q.yml' };
  expect(await findProject(below, given)).toMatchObject({
    inventorySources: [join(below, 'b.yml'), 'h1,h2'],
    playbookFile: join(below, 'q.yml'),
  });
});

test('no inventory: the error names what was looked for', async () => {
  const [error] = await rejectionOf(findProject(root));
  expect(error).toContain('NO_INVENTORY: no inventory was found');
  expect(error).toContain(`looked for netorch.yml in ${root} or above`);
  expect(error).toContain(`looked for ${join(root, 'inventory*')}`);
});

test('several inventories are not guessed from', async () => {
  await write({ 'inventory.yml': '', 'inventory-old.yml': '' });
  const [error] = await rejectionOf(findProject(root));
  expect(error).toContain('several inventories');
  expect(error).toContain('inventory-old.yml, inventory.yml');
});

test('no playbook is fine until a host needs one; then the error names what was looked for', async () => {
  await write({ 'inventory.yml': '' });
  const project = await findProject(root);
  expect(project.playbookFile).toBeUndefined();
  const text = formatError(noPlaybookError(project, ['h1', 'h2', 'h3', 'h4']));
  expect(text).toContain('NO_PLAYBOOK: no playbook, and no "network:" variable for h1, h2, h3, …');
  expect(text).toContain(`looked for ${join(root, 'playbooks', 'site.yml')}`);
});

test('a playbook that is named but not there is an error at its place', async () => {
  await write({ 'netorch.yml': 'inventory: a.yml\nplaybook: no.yml' });
  expect((await rejectionOf(findProject(root)))[0]).toContain(
    'netorch.yml:2:1 FILE_NOT_FOUND: playbook "no.yml" does not exist',
  );
});

test('an unknown key of netorch.yml is told with the nearest one', async () => {
  await write({ 'netorch.yml': 'inventroy: a.yml' });
  expect((await rejectionOf(findProject(root)))[0]).toBe(
    'netorch.yml:1:1 UNKNOWN_KEY: unknown key "inventroy" (did you mean "inventory"?)',
  );
});

test('a playbook is read with places relative to the current folder', async () => {
  await write({ 'playbooks/x.yml': '- hosts: 5' });
  const [error] = await rejectionOf(loadPlaybook(join(root, 'playbooks/x.yml'), root));
  expect(error).toContain('playbooks/x.yml:1:3 INVALID_VALUE: play.hosts is 5');
});
