import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

/** One change that no host can mind. */
const DUMMY = [
  {
    name: 'one dummy',
    hosts: 'cluster1',
    network: { interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up' }] },
  },
];
const WRONG_KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS';

describeInLab('hosts that netorch cannot get into, or may do nothing on', (bench) => {
  test('each is told by its cause, nothing is changed, and the others are done', async () => {
    const wrong = bench().write(
      'wrong_known_hosts',
      ['10.10.0.14'].map((address) => `${address} ${WRONG_KEY}\n`).join(''),
    );
    const common = (knownHosts: string) =>
      `-o ProxyCommand="sh ${bench().lab.dir}/connect %h %p" -o UserKnownHostsFile=${knownHosts} -o StrictHostKeyChecking=yes`;
    const inventory = bench().variables('logins.yml', {
      h1: { ansible_user: 'guest', ansible_become: true },
      h2: { ansible_user: 'guest' },
      h3: { ansible_user: 'opspw', ansible_become: true, ansible_become_password: 'wrong horse' },
      h4: { ansible_ssh_common_args: common(wrong) },
      nobody: { ansible_host: '10.10.0.99', lab_index: 99 },
      stranger: {
        ansible_host: '10.10.0.14',
        lab_index: 4,
        ansible_ssh_common_args: common('/dev/null'),
      },
    });
    const file = bench().write('dummy.yml', DUMMY);

    const run = await bench().apply(file, 'h1,h2,h3,h4,nobody,stranger', {
      inventory: [inventory],
    });

    const causes = Object.fromEntries(
      ['h1', 'h2', 'h3', 'h4', 'nobody', 'stranger'].map((host) => [host, run.finished(host)]),
    );
    expect(causes).toMatchObject({
      h1: { outcome: 'failed', cause: expect.stringMatching(/^BECOME_FAILED: .*guest/) },
      h2: { outcome: 'failed', cause: expect.stringMatching(/^BECOME_FAILED: .*not root/) },
      h3: { outcome: 'failed', cause: expect.stringMatching(/^BECOME_FAILED: .*password/) },
      h4: { outcome: 'failed', cause: expect.stringMatching(/^HOST_KEY_MISMATCH: /) },
      nobody: { outcome: 'failed', cause: expect.stringMatching(/^HOST_UNREACHABLE: /) },
      stranger: { outcome: 'failed', cause: expect.stringMatching(/^HOST_KEY_UNKNOWN: /) },
    });
    expect(run.code).toBe(1);
    expect(run.stdout).not.toContain('wrong horse');
    for (const host of ['h1', 'h2', 'h3', 'h4']) await bench().expectAsAtBoot(host);
  });

  test('sudo with and without a password leads to the same rollout as root', async () => {
    const inventory = bench().variables('sudo.yml', {
      h1: { ansible_user: 'ops', ansible_become: true },
      h3: { ansible_user: 'opspw', ansible_become: true, ansible_become_password: 'correct horse' },
    });
    const run = await bench().apply(bench().write('dummy.yml', DUMMY), 'h1,h3', {
      inventory: [inventory],
    });
    expect(run.finished('h1')).toMatchObject({ outcome: 'confirmed' });
    expect(run.finished('h3')).toMatchObject({ outcome: 'confirmed' });
    expect(run.code).toBe(0);
    for (const host of ['h1', 'h3']) await bench().on(host, 'ip link show dev dummy7');
    // The password is nowhere: not in the output, not in the journal of the run.
    expect(run.stdout + run.stderr).not.toContain('correct horse');
    const found = readdirSync(bench().folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'sudo.yml')
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((file) => readFileSync(file, 'utf8').includes('correct horse'));
    expect(found).toEqual([]);
  });

  test('a host without a usable ip command is told so', async () => {
    await bench().on(
      'h1',
      'mv /sbin/ip /sbin/ip.away 2>/dev/null; mv /usr/sbin/ip /usr/sbin/ip.away 2>/dev/null; mv /bin/ip /bin/ip.away 2>/dev/null; ! command -v ip',
    );
    try {
      const run = await bench().apply(bench().write('dummy.yml', DUMMY), 'h1');
      expect(run.finished('h1')).toMatchObject({
        outcome: 'failed',
        cause: expect.stringMatching(/^HOST_UNFIT: .*"ip"/),
      });
      expect(run.code).toBe(1);
    } finally {
      await bench().on(
        'h1',
        'for f in /sbin/ip.away /usr/sbin/ip.away /bin/ip.away; do [ -e $f ] || [ -L $f ] && mv $f ${f%.away}; done; command -v ip',
      );
    }
  });
});
