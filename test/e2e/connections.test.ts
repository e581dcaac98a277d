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
});
