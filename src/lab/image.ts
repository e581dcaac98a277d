import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { NetorchError } from '../errors.js';
import { BUILD_SCRIPT, digestFolder, GUEST_FOLDER, imageCacheDir } from './lab-files.js';
import { runProgram } from './run-program.js';

const SUITE = 'bookworm';
const PACKAGES = [
  'systemd-sysv',
  'udev',
  'dbus',
  'openssh-server',
  'iproute2',
  'network-manager',
  'iputils-ping',
  'iputils-arping',
  'kmod',
  'isc-dhcp-client',
  'ethtool',
  'procps',
  'busybox-static',
  'tcpdump',
  'nftables',
  'sudo',
  'dnsmasq-base',
] as const;

/** Where the image for this version of the lab is, or would be. `release` is the guests' kernel. */
export function imagePath(release: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify({ suite: SUITE, packages: PACKAGES, release }))
    .update(readFileSync(BUILD_SCRIPT))
    .update(digestFolder(GUEST_FOLDER))
    .digest('hex');
  return path.join(imageCacheDir(), `${digest.slice(0, 16)}.img`);
}

/**
 * The path of the image, after building it if need be (half a minute to two). Disks of running labs
 * are laid over an image, so one that is there is never changed. Throws NetorchError LAB_FAILED.
 */
export async function ensureImage(
  release: string,
  progress: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const image = imagePath(release);
  if (existsSync(image)) return image;
  const cache = path.dirname(image);
  mkdirSync(cache, { recursive: true });
  progress(`image: building ${image} (once; about a minute)`);
  // The kernel drops the lock with its holder, however that ends.
  const locked = ['flock', '--no-fork', path.join(cache, 'lock'), 'sh', BUILD_SCRIPT];
  const result = await runProgram(
    [...locked, image, SUITE, PACKAGES.join(','), GUEST_FOLDER, release],
    { signal, tidiesUp: true, onLine: (line) => progress(`image: ${line}`) },
  );
  if (result.code !== 0) {
    throw new NetorchError('LAB_FAILED', 'the disk image of the lab could not be built', {
      notes: [
        ...result.stderr.trim().split('\n').slice(-8),
        "Packages come from Debian's own mirror unless NETORCH_LAB_MIRROR names another.",
        ...(process.getuid?.() === 0
          ? []
          : [
              'An ordinary user needs the package uidmap, and an entry in /etc/subuid and /etc/subgid.',
            ]),
      ],
    });
  }
  return image;
}
