import { appendFile, mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { judgeHostKey, knownHostsLine, parseKnownHosts } from './known-hosts.js';
import type { KnownHostsEntry } from './known-hosts.js';

/** Reads and appends known_hosts files. One object serves all connections of a transport. */
export type KnownHostsFiles = Readonly<{
  /** The entries of all files, in order. A file that does not exist has none; an unreadable one rejects. */
  read: (files: readonly string[]) => Promise<KnownHostsEntry[]>;
  /** Appends the key to `file` unless it is there already; makes file (0600) and folder (0700). */
  append: (file: string, address: string, port: number, key: Buffer) => Promise<void>;
}>;

type CachedFile = Readonly<{ stamp: string; entries: KnownHostsEntry[] }>;

export function createKnownHostsFiles(): KnownHostsFiles {
  // Parsed once while the file stays the same: a run asks for every host.
  const cache = new Map<string, CachedFile>();
  let lastAppend: Promise<void> = Promise.resolve();

  async function readOne(file: string): Promise<KnownHostsEntry[]> {
    let stamp: string;
    try {
      const { ino, size, mtimeMs } = await stat(file);
      stamp = `${ino} ${size} ${mtimeMs}`;
      const cached = cache.get(file);
      if (cached?.stamp === stamp) return cached.entries;
      const entries = parseKnownHosts(await readFile(file, 'utf8'), file);
      cache.set(file, { stamp, entries });
      return entries;
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async function appendOne(file: string, address: string, port: number, key: Buffer) {
    // Another connection to the same host may have written the key while this one waited.
    const entries = await readOne(file);
    if (judgeHostKey(entries, address, port, key).kind === 'known') return;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const newline = (await endsInsideLine(file)) ? '\n' : '';
    await appendFile(file, `${newline}${knownHostsLine(address, port, key)}\n`, { mode: 0o600 });
    cache.delete(file);
  }

  return {
    async read(files) {
      const entries: KnownHostsEntry[] = [];
      for (const file of files) entries.push(...(await readOne(file)));
      return entries;
    },
    append(file, address, port, key) {
      const appended = lastAppend.then(() => appendOne(file, address, port, key));
      lastAppend = appended.catch(() => undefined);
      return appended;
    },
  };
}

async function endsInsideLine(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'r');
    try {
      const { size } = await handle.stat();
      if (size === 0) return false;
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
      return bytesRead === 1 && buffer[0] !== 0x0a;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
