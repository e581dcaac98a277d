import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { renderTemplates } from '../../src/config/template.js';
import { loadInventory, readPatternFiles } from '../../src/inventory/sources.js';
import { createVault } from '../../src/inventory/vault.js';
import type { Vault } from '../../src/inventory/vault.js';
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

describe('programs', () => {
  const program = (body: string) => write({ 'inv.sh': `#!/bin/sh\n${body}\n` }, 0o755);
  const load = () => loadInventory(['inv.sh'], { cwd });

  test('give groups, hosts and, in _meta, all variables at once', async () => {
    await program(
      `cat <<'END'
{"web": {"hosts": ["h1"], "vars": {"a": 1}, "children": ["sub"]}, "sub": ["h2"],
 "alone": {"b": 2}, "_meta": {"hostvars": {"h1": {"c": [3]}, "ghost": {}}}}
END
[ "$1" = --list ] || exit 9`,
    );
    const inventory = await load();
    expect(inventory.hosts).toEqual(['h1', 'alone', 'h2']);
    expect(inventory.hostVars('h1').value).toMatchObject({ a: 1, c: [3] });
    expect(inventory.hostVars('h2').value['group_names']).toEqual(['sub', 'web']);
  });

  test('without _meta are asked for each host; an empty answer is no variables', async () => {
    await program(
      `case "$1 $2" in
--list*) echo '{"web": ["h1", "h2"]}' ;;
"--host h1") echo '{"a": "h1"}' ;;
esac`,
    );
    const inventory = await load();
    expect(inventory.hostVars('h1').value['a']).toBe('h1');
    expect(inventory.hostVars('h2').value).not.toHaveProperty('a');
  });

  test.each([
    ['echo oops >&2; exit 3', 'inv.sh --list ended with exit code 3\n  oops'],
    ['echo "{"', 'inv.sh:1:1 INVENTORY_ERROR: inv.sh --list printed no JSON'],
    ['echo "[1]"', 'inv.sh --list:1:1 INVENTORY_ERROR: printed a list, must be a JSON object'],
    [`echo '{"a": {"hosts": {"b": 1}}}'`, 'the hosts of group "a" are a map, must be a list'],
    [`echo '{"a": ["h:22"]}'`, '"h:22" is no host name'],
    [`echo '{"a": {"vars": {"__proto__": 1}}}'`, 'the name "__proto__" is not allowed'],
    ['kill -9 $$', 'inv.sh --list was ended by SIGKILL'],
  ])('with %s are refused', async (body, message) => {
    await program(body);
    expect((await rejectionOf(load())).join('\n')).toContain(message);
  });
});

describe('what ansible-vault encrypted', () => {
  // "a: 1\nb: {c: x}\n", with the password "secret1".
  const encrypted = `$ANSIBLE_VAULT;1.1;AES256
64653137383262656163386665643537313835306537383337333238343932653964303266306332
3666626434323263366135316333386633373733383531340a366364326537383930663262323666
34633538383231316561383431383165373336363537623939306237393436373236643731626232
3538376163363231660a623864373934633665376463333166393561366461386261666130643234
6538`;
  const vault = createVault([{ id: 'default', password: Buffer.from('secret1') }]);

  test('is read like a plain file: variables and inventories', async () => {
    await write({ 'hosts.yml': 'web: {hosts: {h1: }}', 'group_vars/web.yml': encrypted });
    const inventory = await loadInventory(['hosts.yml'], { cwd, vault });
    expect(inventory.hostVars('h1').value).toMatchObject({ a: 1, b: { c: 'x' } });
    expect(inventory.hostVars('h1').locate(['b']).line).toBe(2);
    const [error] = await rejectionOf(loadInventory(['group_vars/web.yml'], { cwd, vault }));
    expect(error).toBe(
      'group_vars/web.yml:1:1 INVENTORY_ERROR: group "a" is 1, must be a map with hosts, vars or children',
    );
  });

  test('needs a password where it is used: a file at once, a value later or never', async () => {
    const value = encrypted.replaceAll('\n', '\n        ');
    await write({
      'plain.yml': `web:\n  hosts:\n    h1:\n      secret: !vault |\n        ${value}`,
      'hosts.yml': 'web: {hosts: {h1: }}',
      'group_vars/all.yml': encrypted,
    });
    const [error] = await rejectionOf(loadInventory(['hosts.yml'], { cwd }));
    expect(error).toContain('group_vars/all.yml:1:1 INVENTORY_ERROR: encrypted by ansible-vault');
    await rm(join(cwd, 'group_vars'), { recursive: true });
    const render = async (options: Readonly<{ vault?: Vault }>) => {
      const { value, locate } = (await loadInventory(['plain.yml'], { cwd, ...options })).hostVars(
        'h1',
      );
      const text = { value: '{{ secret }}', locate: () => ({ file: 'p', line: 1, column: 1 }) };
      return renderTemplates(text, value, locate).value;
    };
    expect(await render({ vault })).toBe('a: 1\nb: {c: x}\n');
    expect((await rejectionOf(render({})))[0]).toContain(
      'plain.yml:4:22 INVENTORY_ERROR: encrypted',
    );
  });
});

describe('files of patterns', () => {
  test('have one pattern a line', async () => {
    await write({ limit: 'web:!w1\n\n  db  \n# comment\n' });
    expect(await readPatternFiles('a,@limit,!b', cwd)).toEqual(['a', 'web:!w1', 'db', '!b']);
    expect((await rejectionOf(readPatternFiles('@nowhere', cwd)))[0]).toContain(
      'FILE_NOT_FOUND: "@nowhere"',
    );
  });
});
