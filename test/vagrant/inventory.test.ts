import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';

const script = fileURLToPath(new URL('../../vagrant/inventory.sh', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'netorch-vagrant-inventory-'));
const KNOWN_HOSTS = '/some where/known_hosts';

/** As `vagrant ssh-config` prints it: of VirtualBox the first, of libvirt the second. */
const SSH_CONFIG = `Host h1
  HostName 127.0.0.1
  User vagrant
  Port 2222
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  PasswordAuthentication no
  IdentityFile "/home/some body/it's a key"
  IdentitiesOnly yes
  LogLevel FATAL

Host node-12
  HostName 192.168.121.80
  User vagrant
  Port 22
  UserKnownHostsFile /dev/null
  StrictHostKeyChecking no
  IdentityFile /root/.vagrant.d/insecure_private_key
  IdentityFile /root/.vagrant.d/another
  LogLevel FATAL

`;

beforeAll(() => {
  writeFileSync(join(folder, 'ssh_config'), SSH_CONFIG);
  writeFileSync(join(folder, 'nothing'), '');
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const env = { ...process.env, NETORCH_VAGRANT_KNOWN_HOSTS: KNOWN_HOSTS };

test("the inventory holds what Vagrant's ssh-config says of each machine, and its number", () => {
  const made = execFileSync('sh', [script, join(folder, 'ssh_config')], { env, encoding: 'utf8' });
  expect(parse(made)).toEqual({
    cluster1: {
      hosts: {
        h1: {
          ansible_host: '127.0.0.1',
          ansible_port: 2222,
          ansible_user: 'vagrant',
          ansible_ssh_private_key_file: "/home/some body/it's a key",
          lab_index: 1,
        },
        'node-12': {
          ansible_host: '192.168.121.80',
          ansible_port: 22,
          ansible_user: 'vagrant',
          ansible_ssh_private_key_file: '/root/.vagrant.d/insecure_private_key',
          lab_index: 12,
        },
      },
      vars: {
        ansible_become: true,
        ansible_ssh_common_args: `-o UserKnownHostsFile="${KNOWN_HOSTS}" -o StrictHostKeyChecking=accept-new`,
      },
    },
  });
});

test('without a machine there is no inventory, and it says so', () => {
  const made = spawnSync('sh', [script, join(folder, 'nothing')], { env, encoding: 'utf8' });
  expect(made).toMatchObject({ status: 1, stdout: '' });
  expect(made.stderr).toMatch(/no machine is up/);
});
