import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const DUMMY = [
  {
    name: 'one dummy',
    hosts: 'cluster1',
    network: { interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up' }] },
  },
];

/** What only a server of the years to come asks for; ssh2 has nothing of the kind. */
const POST_QUANTUM_ONLY = 'KexAlgorithms sntrup761x25519-sha512@openssh.com';

describeInLab('ways to a host', (bench) => {
  /** An ssh_config in which h4 is called "deep" and stands behind h2, and that behind h1. */
  function inventory(): string {
    const { dir } = bench().lab;
    const config = bench().write(
      'ssh_config',
      `Host *
  User root
  IdentityFile ${dir}/key
  UserKnownHostsFile ${dir}/known_hosts
Host gate
  HostName 10.10.0.11
  ProxyCommand sh ${dir}/connect %h %p
Host inner
  HostName 10.10.0.12
  ProxyJump gate
Host deep
  HostName 10.10.0.14
  ProxyJump inner
`,
    );
    return bench().variables('ways.yml', {
      h4: { ansible_host: 'deep', ansible_ssh_common_args: `-F ${config}` },
      nobody: { ansible_host: '10.10.0.99', lab_index: 99 },
    });
  }

  test('ping and exec tell of each host by itself', async () => {
    const sources = { inventory: [inventory()] };
    const ping = await bench().run(['ping', '--hosts', 'h1,h3,nobody', '--json'], sources);
    expect(JSON.parse(ping.stdout)).toMatchObject({
      h1: { fit: true, user: 'root', become: null, init: 'other' },
      h3: { fit: true, init: 'systemd' },
      nobody: { fit: false, code: 'HOST_UNREACHABLE' },
    });
    expect(ping.code).toBe(1);
    const exec = await bench().run(
      ['exec', '--hosts', 'h1,h3', '--json', 'uname -r; exit 3'],
      sources,
    );
    const answer = { code: 3, stdout: expect.stringMatching(/^6\./), stderr: '' };
    expect(JSON.parse(exec.stdout)).toEqual({ h1: answer, h3: answer });
    expect(exec.code).toBe(3);
  });

  test('a host behind two jump hosts is rolled out to as any other', async () => {
    const sources = { inventory: [inventory()] };
    const asked = await bench().run(['exec', '--hosts', 'h4', 'echo $SSH_CONNECTION'], sources);
    expect(asked.stdout).toMatch(/ {2}10\.10\.0\.12 \d+ 10\.10\.0\.14 22\n/);
    const run = await bench().apply(bench().write('dummy.yml', DUMMY), 'h4', sources);
    expect(run.finished('h4')).toMatchObject({ outcome: 'confirmed' });
    await bench().on('h4', 'ip link show dev dummy7');
  });

  test('a host with post-quantum key exchange only is rolled out to through ssh', async () => {
    const file = '/etc/ssh/sshd_config.d/00-post-quantum.conf';
    await bench().on('h4', `echo ${POST_QUANTUM_ONLY} >${file}; pkill -HUP -o sshd`);
    try {
      const run = await bench().apply(bench().write('dummy.yml', DUMMY), 'h4', {
        inventory: [inventory()],
      });
      expect(run.finished('h4')).toMatchObject({ outcome: 'confirmed' });
      const notes = run.events.flatMap((event) => (event.type === 'log' ? [event.message] : []));
      expect(notes).toContainEqual(
        expect.stringMatching(/^h4: goes through the system's ssh: .*key exchange/),
      );
    } finally {
      await bench().on('h4', `rm ${file}; pkill -HUP -o sshd`);
    }
  });

  /** A copy of the lab's key that a passphrase protects. */
  function encryptedKey(name: string, passphrase: string): string {
    const file = join(bench().folder, name);
    copyFileSync(join(bench().lab.dir, 'key'), file);
    copyFileSync(join(bench().lab.dir, 'key.pub'), `${file}.pub`);
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', passphrase, '-f', file]);
    return file;
  }

  test('the passphrase of a key is asked for on a terminal, once for all hosts, and not shown', async () => {
    const key = encryptedKey('asked', 'open-sesame');
    const own = { ansible_ssh_private_key_file: key };
    const inventories = [
      bench().lab.inventoryPath,
      bench().variables('encrypted.yml', { h1: own, h2: own }),
    ];
    const program = join(bench().installed, 'bin', 'netorch.js');
    const words = [process.execPath, program, 'ping', '--hosts', 'h1,h2'];
    const command = [...words, ...inventories.flatMap((file) => ['-i', file])].join(' ');
    const terminal = spawn('script', ['-q', '-e', '-c', command, '/dev/null'], {
      cwd: bench().folder,
      env: { ...process.env, HOME: bench().folder },
    });
    let screen = '';
    let isAnswered = false;
    terminal.stdout.on('data', (data: Buffer) => {
      screen += data.toString();
      if (isAnswered || !/passphrase/i.test(screen)) return;
      isAnswered = true;
      terminal.stdin.write('open-sesame\n');
    });
    const code = await new Promise((resolve) => terminal.on('close', resolve));
    expect(screen.match(/passphrase/gi), screen).toHaveLength(1);
    expect(screen).not.toContain('open-sesame');
    expect(code, screen).toBe(0);
  });

  test('without a terminal an encrypted key is a clear error; with it in an agent it is none', async () => {
    const key = encryptedKey('kept', 'in-the-agent');
    const own = { ansible_ssh_private_key_file: key };
    const sources = { inventory: [bench().variables('agent.yml', { h1: own })] };
    const refused = await bench().run(['ping', '--hosts', 'h1'], sources);
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(/passphrase/);

    const socket = join(bench().folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await new Promise((resolve) => agent.stdout.once('data', resolve));
      const env = { ...process.env, SSH_AUTH_SOCK: socket };
      execFileSync('ssh-add', ['-q', join(bench().lab.dir, 'key')], { env });
      const config = bench().write('agent_config', `IdentityAgent ${socket}\n`);
      const { dir } = bench().lab;
      const common = [
        `-F ${config}`,
        `-o ProxyCommand="sh ${dir}/connect %h %p"`,
        `-o UserKnownHostsFile=${dir}/known_hosts`,
      ].join(' ');
      const byAgent = { ...own, ansible_ssh_common_args: common };
      const ping = await bench().run(['ping', '--hosts', 'h1'], {
        inventory: [bench().variables('agent.yml', { h1: byAgent })],
      });
      expect(ping.code, ping.stdout + ping.stderr).toBe(0);
    } finally {
      agent.kill();
    }
  });
});
