/** The command as it is typed: options, files, what is printed. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from '../../src/cli.js';

let folder: string;
let printed: string;
let said: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'netorch-inventory-command-'));
  vi.spyOn(process, 'cwd').mockReturnValue(folder);
  [printed, said] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
  // Each call listens for errors of the streams, once in a real process.
  vi.spyOn(process.stdout, 'on').mockReturnThis();
  vi.spyOn(process.stderr, 'on').mockReturnThis();
  await writeFile(join(folder, 'hosts'), '[web]\nw[1:3] a=1\n[db]\nd1\n[db:vars]\na=2\n');
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const run = (...args: readonly string[]) => main(['inventory', ...args, '-i', 'hosts']);

test.each([
  [['hosts', 'web'], 'w1\nw2\nw3\n'],
  [['hosts', 'all', '--limit', '!web'], 'd1\n'],
  [['hosts', '@limit'], 'w2\nd1\n'],
  [['hosts', 'web', '-l', '@limit'], 'w2\n'],
  [['hosts', 'w1', '--explain'], 'w1\n  matches "w1": by its name (hosts:2:1)\n'],
  [['list', '-l', 'w1:d1'], 'w1  web\nd1  db\n'],
  [['host', 'd1'], '{\n    "a": 2\n}\n'],
  [['host', 'd1', 'a'], '2\n'],
  [['host', 'd1', 'a', '--explain'], 'a = 2\n  from group db (hosts:6:1)\n'],
  [['graph', 'db'], '@db:\n  |--d1\n'],
])('%j', async (args, output) => {
  await writeFile(join(folder, 'limit'), 'w2\nd1\n');
  expect([await run(...args), printed, said]).toEqual([0, output, '']);
});

test.each([
  [['hosts', 'wbe'], 'UNKNOWN_HOST: no host or group matches "wbe" (did you mean "web"?)\n'],
  [['hosts', 'web', '-l', 'db'], 'NO_HOSTS: --limit db leaves none of the hosts of web\n'],
  [['host', 'd1', 'b'], 'UNDEFINED_VARIABLE: host "d1" has no variable "b"\n'],
  [
    ['list', '--vault-password-file', 'none'],
    'FILE_NOT_FOUND: vault password file "none" does not exist\n',
  ],
])('%j is refused', async (args, output) => {
  expect([await run(...args), printed, said]).toEqual([1, '', output]);
});

test('warnings do not get in the way of what is printed', async () => {
  await writeFile(join(folder, 'hosts'), 'web: {hosts: {w1: }, note: {x: 1}}');
  expect(await run('hosts', 'web')).toBe(0);
  expect(printed).toBe('w1\n');
  expect(said).toBe('hosts:1:22 warning: unknown key "note" in group "web": passed over\n');
});

test('a vault password comes from a file or a program, by option or by environment', async () => {
  await writeFile(join(folder, 'hosts'), ENCRYPTED);
  await writeFile(join(folder, 'password'), 'secret1\n');
  await writeFile(join(folder, 'ask-client'), '#!/bin/sh\n[ "$2" = prod ] && echo secret1\n');
  await chmod(join(folder, 'ask-client'), 0o755);
  expect(await run('hosts', 'all')).toBe(1);
  expect(said).toContain('hosts:1:1 INVENTORY_ERROR: encrypted by ansible-vault');
  expect(await run('hosts', 'all', '--vault-password-file', 'password')).toBe(0);
  expect(await run('hosts', 'all', '--vault-id', 'prod@ask-client')).toBe(0);
  vi.stubEnv('ANSIBLE_VAULT_PASSWORD_FILE', join(folder, 'password'));
  expect(await run('hosts', 'all')).toBe(0);
  expect(printed).toBe('h1\nh1\nh1\n');
  vi.unstubAllEnvs();
});

/** `g: {hosts: {h1: }}`, encrypted by ansible-vault with "secret1". */
const ENCRYPTED = `$ANSIBLE_VAULT;1.1;AES256
61346232363234656336616465616631656237343437326633633838623066386563623730333863
6664633162353865313035633739346664376535306532330a303264366634663065363330303862
64613162346538373530363330313430373430633464636161323738626462313030636636623366
6235373631333163340a356136653066323665333835336630383435633836383431303262356439
34353937633836353064316439633932313430306364373132623334333065653834`;
