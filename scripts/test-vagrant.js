// `npm run test:vagrant`: the acceptance tests against whole virtual machines. Installs or names what is missing,
// builds the box or reuses the one it has built, brings two hosts up, runs the tests, destroys the hosts also when
// something fails or on Ctrl-C. Further words go to vitest: files, or -t NAME.
// With --run COMMAND: not the tests but this shell command, which finds an inventory of the hosts in $INVENTORY.
// With --hold: brings the hosts up, says how to run tests against them, and destroys them on Ctrl-C.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { installPackages } from './install-packages.js';
import { processesOf, Testbed } from './vagrant-testbed.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const holds = process.argv.includes('--hold');
const runs = process.argv.includes('--run');
const command = runs ? process.argv[process.argv.indexOf('--run') + 1] : undefined;
const forVitest = process.argv.slice(2).filter((word) => word !== '--hold');
/** Those two of the lab's hosts that most of its tests are about. */
const names = (process.env['NETORCH_VAGRANT_NAMES'] ?? 'h1 h3').split(/\s+/);
const suite = process.env['NETORCH_BOX_SUITE'] ?? 'bookworm';
/** Debian package → a program (or file) of it that is needed. */
const PACKAGES = {
  vagrant: 'vagrant',
  'vagrant-libvirt': '/usr/share/doc/vagrant-libvirt',
  'libvirt-daemon-system': '/usr/share/doc/libvirt-daemon-system',
  'libvirt-daemon': 'libvirtd',
  'libvirt-clients': 'virsh',
  'qemu-system-x86': 'qemu-system-x86_64',
  'qemu-utils': 'qemu-img',
  mmdebstrap: 'mmdebstrap',
  e2fsprogs: 'mke2fs',
  fdisk: 'sfdisk',
  extlinux: 'extlinux',
  'syslinux-common': '/usr/lib/EXTLINUX/mbr.bin',
  'dnsmasq-base': 'dnsmasq',
  iproute2: 'ip',
  'iputils-ping': 'ping',
  'openssh-client': 'ssh',
  'netcat-openbsd': 'nc',
};

const started = performance.now();
const summary = [];
const say = (text) => process.stdout.write(`${text}\n`);

function isThere(name) {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const files = name.startsWith('/') ? [name] : folders.map((folder) => join(folder, name));
  return files.some((file) => {
    try {
      accessSync(file, name.startsWith('/') ? constants.R_OK : constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What is missing and cannot be brought, in words; installs what can be. */
function missing() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'Linux on x86-64';
  if (process.getuid?.() !== 0) {
    return 'root, for namespaces with a libvirt of its own (sudo npm run test:vagrant)';
  }
  if (!isThere('/dev/net/tun')) return '/dev/net/tun (modprobe tun; in a container: --privileged)';
  const lacking = () => Object.keys(PACKAGES).filter((name) => !isThere(PACKAGES[name]));
  const first = lacking();
  if (first.length === 0) return undefined;
  const command = `apt-get install --no-install-recommends ${first.join(' ')}`;
  if (!isThere('apt-get')) return `packages, by their Debian names: ${first.join(' ')}`;
  say(`installing what is missing: ${command}`);
  installPackages(first);
  const still = lacking();
  return still.length === 0 ? undefined : `the packages ${still.join(' ')} (${command})`;
}

/** Runs a step and notes how long it took; its failure is the caller's. */
async function step(name, work) {
  say(`\n--- ${name}`);
  const begun = performance.now();
  const note = (how) => {
    const line = `${name}: ${how} ${((performance.now() - begun) / 1000).toFixed(0)} s`;
    say(`--- ${line}`);
    summary.push(line);
  };
  try {
    const result = await work();
    note(result === false ? 'FAILED in' : 'done in');
    return result;
  } catch (error) {
    note('FAILED after');
    throw error;
  }
}

/** The box for what build-box.sh and the suite are now. */
function boxFile() {
  const script = join(root, 'vagrant', 'build-box.sh');
  const digest = createHash('sha256')
    .update(readFileSync(script))
    .update(`${suite}\n${process.env['NETORCH_BOX_KERNEL'] ?? ''}`)
    .digest('hex')
    .slice(0, 16);
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  return join(cache, 'netorch', 'vagrant', `${suite}-${digest}.box`);
}

if (runs && command === undefined) {
  say('--run needs a shell command');
  process.exit(1);
}
const lack = missing();
if (lack !== undefined) {
  say(`no virtual machines by Vagrant here, missing: ${lack}`);
  process.exit(1);
}

const testbed = new Testbed(names, say);
let isInterrupted = false;
let isOver = false;
/** Resolves at the first interruption. */
const interrupted = new Promise((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (!isInterrupted) say(`\n${signal}: destroying the machines`);
      isInterrupted = true;
      // A second one must not keep the machines from being destroyed.
      if (!isOver) testbed.stop();
      resolve();
    });
  }
});

let good = false;
try {
  const box = boxFile();
  if (!existsSync(box)) {
    mkdirSync(join(box, '..'), { recursive: true });
    const build = ['sh', join(root, 'vagrant', 'build-box.sh'), box, suite];
    const code = await step('box', async () => (await testbed.runOutside(build, {})) === 0);
    if (!code) throw new Error('the box could not be built; see above');
  } else say(`box: ${box}`);
  if (!isInterrupted) await step('libvirt', () => testbed.open());
  if (!isInterrupted) await step(`vagrant up ${names.join(' ')}`, () => testbed.up(box));
  if (holds && !isInterrupted) {
    say(`\nthe machines are up, until Ctrl-C. The tests against them:`);
    say(`  NETORCH_E2E_VAGRANT=${testbed.dir} npx vitest run --project vagrant`);
    await interrupted;
    good = true;
  } else if (command !== undefined && !isInterrupted) {
    const INVENTORY = join(testbed.dir, 'inventory.yml');
    good = await step('command', async () => {
      return (await testbed.runOutside(['sh', '-c', command], { INVENTORY })) === 0;
    });
  } else if (!isInterrupted) {
    good = await step('acceptance tests', async () => {
      const test = [process.execPath, join(root, 'scripts', 'test.js'), '--vagrant', ...forVitest];
      const code = await testbed.runOutside(test, { NETORCH_E2E_VAGRANT: testbed.dir });
      return code === 0;
    });
  }
} catch (error) {
  if (!isInterrupted) say(`\n${error.message}`);
} finally {
  isOver = true;
  const left = await step('vagrant destroy', () => testbed.close());
  left.push(...processesOf(testbed.dir).map((pid) => `process ${pid}`));
  const loops = spawnSync('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE']);
  if (String(loops.stdout).includes(testbed.dir)) left.push('a loop device');
  if (left.length > 0) {
    good = false;
    say(`left behind: ${left.join(', ')}`);
  } else summary.push('nothing is left behind but the box');
}
say(`\n${summary.map((line) => `  ${line}`).join('\n')}`);
say(`  in all ${((performance.now() - started) / 1000).toFixed(0)} s`);
process.exitCode = isInterrupted && !holds ? 130 : good ? 0 : 1;
