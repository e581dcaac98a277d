import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the lab's scripts and the guests' configuration: beside this module, built or not. */
const DATA_FOLDER = fileURLToPath(new URL('.', import.meta.url));

export const BUILD_SCRIPT = path.join(DATA_FOLDER, 'build-image.sh');
export const BOOT_SCRIPT = path.join(DATA_FOLDER, 'boot.sh');
export const GUEST_FOLDER = path.join(DATA_FOLDER, 'guest');

/** Where a lab lives unless told otherwise. Short, for sockets in it have paths of 108 bytes at most. */
export function defaultLabDir(): string {
  return path.join(
    process.env['XDG_RUNTIME_DIR'] ?? '/tmp',
    `netorch-lab-${process.getuid?.() ?? userInfo().uid}`,
  );
}

export function imageCacheDir(): string {
  return path.join(
    process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'),
    'netorch',
    'lab',
  );
}

/** Digest over names, contents and links of everything in a folder, in a fixed order. */
export function digestFolder(folder: string): string {
  const hash = createHash('sha256');
  const walk = (relative: string) => {
    const entries = readdirSync(path.join(folder, relative), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = path.join(relative, entry.name);
      const full = path.join(folder, name);
      if (entry.isDirectory()) walk(name);
      else if (entry.isSymbolicLink()) hash.update(`link ${name} ${readlinkSync(full)}\n`);
      else hash.update(`file ${name} ${statSync(full).size}\n`).update(readFileSync(full));
    }
  };
  walk('.');
  return hash.digest('hex');
}
