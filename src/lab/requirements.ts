import { accessSync, constants, readdirSync } from 'node:fs';
import path from 'node:path';
import { NetorchError } from '../errors.js';
import { unshareArguments } from './namespace.js';
import { labEnvironment, runProgram } from './run-program.js';

/** Debian package → the programs (or files) of it that the lab uses. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  'user-mode-linux': ['linux.uml'],
  kmod: ['depmod'],
  mmdebstrap: ['mmdebstrap'],
  e2fsprogs: ['mke2fs'],
  iproute2: ['ip'],
  'util-linux': ['unshare', 'nsenter', 'flock', 'setsid', 'taskset'],
  'openssh-client': ['ssh', 'ssh-keygen'],
  'netcat-openbsd': ['nc'],
};
/** Where Debian keeps the modules of the user-mode kernel; one folder per release. */
const UML_MODULES = '/usr/lib/uml/modules';

export type LabAvailability =
  | Readonly<{ available: true }>
  | Readonly<{
      available: false;
      /** What is missing, one short phrase each. */
      missing: readonly string[];
      /** What to do about it. */
      how: string;
    }>;

/**
 * Whether `Lab.up` can be expected to work here. Missing packages do not count where it may install
 * them itself (root, apt-get).
 */
export async function detectLab(): Promise<LabAvailability> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return {
      available: false,
      missing: ['Linux on x86-64'],
      how: 'User-mode Linux runs on Linux on x86-64 only; use such a machine or a virtual one.',
    };
  }
  const missing = missingPackages();
  if (missing.length > 0 && !canInstall()) {
    return { available: false, missing, how: installHint(missing) };
  }
  return (await missingAbility(missing)) ?? { available: true };
}

/** Installs what is missing, or throws NetorchError LAB_UNAVAILABLE that says what to do. */
export async function ensureRequirements(
  progress: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const found = await detectLab();
  if (!found.available) {
    throw new NetorchError(
      'LAB_UNAVAILABLE',
      `no lab on this machine: ${found.missing.join(', ')}`,
      {
        notes: [found.how],
      },
    );
  }
  const missing = missingPackages();
  if (missing.length === 0) return;
  progress(`packages: installing ${missing.join(' ')}`);
  const env = { ...labEnvironment(), DEBIAN_FRONTEND: 'noninteractive' };
  for (const argv of [
    ['apt-get', '-q', 'update'],
    ['apt-get', '-q', 'install', '-y', '--no-install-recommends', ...missing],
  ]) {
    const onLine = (line: string) => progress(`packages: ${line}`);
    const result = await runProgram(argv, { env, signal, onLine });
    // Some unreachable extra source must not hinder the installation; that has the last word.
    if (result.code !== 0 && argv.includes('install')) {
      throw new NetorchError('LAB_UNAVAILABLE', `\`${argv.join(' ')}\` failed`, {
        notes: [...result.stderr.trim().split('\n').slice(-5), installHint(missing)],
      });
    }
  }
  const unable = await missingAbility(missingPackages());
  if (unable !== undefined) {
    throw new NetorchError(
      'LAB_UNAVAILABLE',
      `no lab on this machine: ${unable.missing.join(', ')}`,
      {
        notes: [unable.how],
      },
    );
  }
}

/** The release of the installed user-mode kernel. */
export async function kernelRelease(): Promise<string> {
  const { code, stdout, stderr } = await runProgram(['linux.uml', '--version'], {
    timeoutMs: 20_000,
  });
  const release = stdout.trim();
  if (code !== 0 || !/^[0-9][0-9A-Za-z.+~-]*$/.test(release)) {
    throw new NetorchError('LAB_UNAVAILABLE', 'linux.uml does not run on this machine', {
      notes: [`linux.uml --version: ${(stderr || stdout).trim()}`],
    });
  }
  if (!hasFolder(path.join(UML_MODULES, release))) {
    throw new NetorchError('LAB_UNAVAILABLE', `no modules for the user-mode kernel ${release}`, {
      notes: [`${UML_MODULES}/${release} should come with the package user-mode-linux.`],
    });
  }
  return release;
}

function missingPackages(): string[] {
  return Object.entries(NEEDED)
    .filter(([, programs]) => !programs.every((program) => hasProgram(program)))
    .map(([name]) => name);
}

function hasProgram(name: string): boolean {
  const folders = (labEnvironment()['PATH'] ?? '').split(':');
  return folders.some((folder) => isAccessible(path.join(folder, name), constants.X_OK));
}

function canInstall(): boolean {
  return process.getuid?.() === 0 && hasProgram('apt-get');
}

function installHint(packages: readonly string[]): string {
  return `On Debian or Ubuntu: apt-get install --no-install-recommends ${packages.join(' ')}`;
}

/** Things of the machine's kernel and its settings that no package brings. */
async function missingAbility(
  packages: readonly string[],
): Promise<Extract<LabAvailability, { available: false }> | undefined> {
  if (!isAccessible('/dev/net/tun', constants.R_OK | constants.W_OK)) {
    return {
      available: false,
      missing: ['/dev/net/tun for reading and writing'],
      how: 'Load the module tun, and let this user use it: chmod 666 /dev/net/tun (in a container: --device /dev/net/tun).',
    };
  }
  if (packages.includes('util-linux') || packages.includes('iproute2')) return undefined;
  const attempt =
    'mount -t tmpfs tmpfs /dev/shm && ip link add name cable type bridge && ip tuntap add name end mode tap';
  const result = await runProgram([...unshareArguments(), 'sh', '-c', attempt], {
    timeoutMs: 20_000,
  });
  if (result.code === 0) return undefined;
  return {
    available: false,
    missing: ['namespaces with their own bridges and taps'],
    how: `Allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or run as root; in a container: --privileged). The trial said: ${result.stderr.trim().split('\n').at(-1) ?? ''}`,
  };
}

function hasFolder(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

function isAccessible(file: string, mode: number): boolean {
  try {
    accessSync(file, mode);
    return true;
  } catch {
    return false;
  }
}
