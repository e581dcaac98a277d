// Installs Debian packages for the tests, as root; nothing of them is started, now or at the next boot.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';

/** Asked by Debian's package scripts before they start a service; 101 means no. */
const POLICY = '/usr/sbin/policy-rc.d';

/** Whether all could be installed. What apt says goes to the terminal. */
export function installPackages(names) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => spawnSync('apt-get', ['-q', ...args], { env, stdio: 'inherit' });
  const isOwnPolicy = !existsSync(POLICY);
  try {
    if (isOwnPolicy) {
      writeFileSync(POLICY, '#!/bin/sh\nexit 101\n');
      chmodSync(POLICY, 0o755);
    }
    // Some unreachable extra source must not hinder the installation; that has the last word.
    apt('update');
    const isInstalled = apt('install', '-y', '--no-install-recommends', ...names).status === 0;
    if (names.includes('openssh-server') && existsSync('/run/systemd/system')) {
      spawnSync('systemctl', ['disable', 'ssh.service'], { stdio: 'ignore' });
    }
    return isInstalled;
  } finally {
    if (isOwnPolicy) rmSync(POLICY, { force: true });
  }
}
