/** `exec` and `ping` against the machine itself (ansible_connection: local). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { main } from '../../src/cli.js';

let folder: string;
let inventory: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-exec-'));
  inventory = join(folder, 'hosts.yml');
  writeFileSync(
    inventory,
    `all:
  vars: {ansible_connection: local}
  hosts:
    a: {}
    b: {ansible_become: true, ansible_become_user: no-such-user}
    gone: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1, ansible_ssh_common_args: -F none}
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

async function netorch(...args: string[]) {
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      said[name] += String(chunk);
      return true;
    });
  }
  const code = await main([...args.slice(0, 1), '-i', inventory, ...args.slice(1)]);
  return { code, ...said };
}

test('exec prints what each host answers, and ends with the highest code', async () => {
  const { code, stdout } = await netorch('exec', '--hosts', 'a,b', '--', 'echo "out $0"; exit 3');
  expect(stdout).toMatch(/^a: exit code 3\n {2}out \S+\nb: exit code 3\n {2}out \S+\n$/);
  expect(code).toBe(3);
});

test('exec passes several words on as a command and its arguments', async () => {
  const { stdout } = await netorch('exec', '--hosts', 'a', '--', 'printf', '%s\n', 'a  b', "it's");
  expect(stdout).toBe("a: exit code 0\n  a  b\n  it's\n");
});

test('exec becomes nobody unless told to', async () => {
  const me = userInfo().username;
  const plain = await netorch('exec', '--hosts', 'b', '--', 'id -un');
  expect(plain.stdout).toBe(`b: exit code 0\n  ${me}\n`);
  const become = await netorch('exec', '--hosts', 'b', '--become', '--', 'id -un');
  expect(become.stderr).toMatch(/^BECOME_FAILED: b: /);
  expect(become.code).toBe(255);
});

test('exec keeps the beginning of a long output, and says that there was more', async () => {
  const words = ['--hosts', 'a', '--max-output', '10', '--', 'yes | head -c 100000; echo end >&2'];
  const { code, stdout } = await netorch('exec', ...words);
  expect(stdout).toBe(
    'a: exit code 0\n  y\n  y\n  y\n  y\n  y\n  (cut after 10 bytes)\n  stderr: end\n',
  );
  expect(code).toBe(0);
});

test('exec shows no control characters of a host', async () => {
  const { stdout } = await netorch('exec', '--hosts', 'a', '--', String.raw`printf 'x\033[2Jy\n'`);
  expect(stdout).not.toContain('\u001b');
});

test('exec tells which host could not be asked, and asks the others', async () => {
  const { code, stdout, stderr } = await netorch('exec', '--hosts', 'gone,a', '--', 'echo hi');
  expect(stdout).toBe('a: exit code 0\n  hi\n');
  expect(stderr).toContain('HOST_UNREACHABLE: gone: 127.0.0.1 port 1 refuses the connection');
  expect(code).toBe(255);
});

test('exec --json is one object', async () => {
  const { stdout } = await netorch('exec', '--hosts', 'a,gone', '--json', '--', 'echo hi; exit 4');
  expect(JSON.parse(stdout)).toEqual({
    a: { code: 4, stdout: 'hi\n', stderr: '' },
    gone: { error: expect.stringContaining('refuses the connection') },
  });
});

test('exec wants to be told on which hosts', async () => {
  const { code, stderr } = await netorch('exec', '--', 'true');
  expect(stderr).toContain('USAGE: say on which hosts: --hosts PATTERN');
  expect(code).toBe(1);
});

test('ping names what keeps a host from being fit, and ends with 1', async () => {
  const { code, stderr } = await netorch('ping', '--hosts', 'b,gone');
  expect(stderr).toMatch(/BECOME_FAILED: b: (.|\n)*HOST_UNREACHABLE: gone: /);
  expect(code).toBe(1);
  const { stdout } = await netorch('ping', '--hosts', 'gone', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ gone: { fit: false, code: 'HOST_UNREACHABLE' } });
});
