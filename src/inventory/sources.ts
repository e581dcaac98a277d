/** The edge: finds and reads inventory files and the group_vars/ and host_vars/ beside them. */
import { readFile, readdir, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { NetorchError, throwCollected } from '../errors.js';
import type { InventoryFile } from './inventory-graph.js';
import { readInventoryGraph } from './inventory-graph.js';
import { createInventory } from './inventory.js';
import type { Inventory, VariablesFile } from './inventory.js';

export type InventoryOptions = Readonly<{
  /** Folder of the playbook: its group_vars/ and host_vars/ are stronger than the inventory's. */
  playbookDir?: string;
  /** Relative sources start here, and places are shown relative to it. */
  cwd: string;
}>;

/**
 * Reads sources in order (files, folders, or `host1,host2`), later ones winning. Throws
 * FILE_NOT_FOUND, FILE_UNREADABLE, NOT_SUPPORTED (INI, programs) and whatever is wrong in the files.
 */
export async function loadInventory(
  sources: readonly string[],
  options: InventoryOptions,
): Promise<Inventory> {
  const reader = new SourceReader(options.cwd);
  for (const source of sources) await reader.source(source);
  throwCollected(reader.errors);
  const graph = readInventoryGraph(reader.files, reader.hostLists);
  const files: VariablesFile[] = [];
  const folders = [...reader.folders].map((folder) => ({ folder, beside: 'inventory' as const }));
  const playbook =
    options.playbookDir === undefined
      ? []
      : [{ folder: resolve(options.cwd, options.playbookDir), beside: 'playbook' as const }];
  for (const { folder, beside } of [...folders, ...playbook]) {
    files.push(
      ...(await reader.variables(folder, 'group', graph.groups.keys(), beside)),
      ...(await reader.variables(folder, 'host', graph.hosts.keys(), beside)),
    );
  }
  throwCollected(reader.errors);
  return createInventory(graph, files);
}

const DOCUMENT_EXTENSIONS = ['', '.yml', '.yaml', '.json'];
/** What Ansible leaves out when it reads a folder of inventories (`.ini` is refused by name instead). */
const IGNORED_EXTENSIONS = new Set([
  '.pyc',
  '.pyo',
  '.swp',
  '.bak',
  '.rpm',
  '.md',
  '.txt',
  '.rst',
  '.orig',
  '.cfg',
  '.retry',
]);
const IGNORED_FOLDERS = new Set(['host_vars', 'group_vars', 'vars_plugins']);

class SourceReader {
  readonly files: InventoryFile[] = [];
  readonly hostLists: string[][] = [];
  /** Folders whose group_vars/ and host_vars/ count, in the order of the sources. */
  readonly folders = new Set<string>();
  readonly errors: NetorchError[] = [];
  readonly #cwd: string;

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  async source(source: string): Promise<void> {
    const path = resolve(this.#cwd, source);
    const found = await statOf(path);
    if (found === undefined && source.includes(',')) {
      const names = source.split(',').map((name) => name.trim());
      this.hostLists.push(names.filter((name) => name !== ''));
    } else if (found === undefined) {
      this.#error('FILE_NOT_FOUND', `inventory "${source}" does not exist (${path})`);
    } else if (found.isDirectory()) {
      this.folders.add(path);
      await this.#folder(path);
    } else {
      this.folders.add(dirname(path));
      await this.#file(path, found);
    }
  }

  /** Files of `folder`/group_vars or host_vars that belong to one of `names`. */
  async variables(
    folder: string,
    owner: VariablesFile['owner'],
    names: Iterable<string>,
    beside: VariablesFile['beside'],
  ): Promise<readonly VariablesFile[]> {
    const home = join(folder, `${owner}_vars`);
    if ((await statOf(home))?.isDirectory() !== true) return [];
    const entries = new Set(await this.#list(home));
    const files: VariablesFile[] = [];
    for (const name of names) {
      // The first that exists ends the search: a folder `web` hides `web.yml`.
      const entry = DOCUMENT_EXTENSIONS.map((extension) => name + extension).find((candidate) =>
        entries.has(candidate),
      );
      if (entry === undefined) continue;
      for (const path of await this.#variableFiles(join(home, entry))) {
        const text = await this.#read(path);
        if (text !== undefined) files.push({ owner, name, beside, file: this.#shown(path), text });
      }
    }
    return files;
  }

  async #variableFiles(path: string): Promise<readonly string[]> {
    const found = await statOf(path);
    if (found?.isDirectory() !== true) return found === undefined ? [] : [path];
    const files: string[] = [];
    for (const entry of await this.#list(path)) {
      if (entry.startsWith('.') || entry.endsWith('~')) continue;
      if (!DOCUMENT_EXTENSIONS.includes(extname(entry))) continue;
      const inner = join(path, entry);
      const isFolder = (await statOf(inner))?.isDirectory() === true;
      if (!isFolder) files.push(inner);
      else if (extname(entry) === '') files.push(...(await this.#variableFiles(inner)));
    }
    return files;
  }

  async #folder(path: string): Promise<void> {
    for (const entry of await this.#list(path)) {
      if (entry.startsWith('.') || entry.endsWith('~') || IGNORED_FOLDERS.has(entry)) continue;
      if (IGNORED_EXTENSIONS.has(extname(entry))) continue;
      const inner = join(path, entry);
      const found = await statOf(inner);
      if (found === undefined) continue;
      if (found.isDirectory()) await this.#folder(inner);
      else await this.#file(inner, found);
    }
  }

  async #file(path: string, found: Stats): Promise<void> {
    const shown = this.#shown(path);
    const extension = extname(path);
    const text = await this.#read(path);
    if (text === undefined) return;
    const isDocument = DOCUMENT_EXTENSIONS.includes(extension);
    const isProgram = (found.mode & 0o111) !== 0 && (!isDocument || extension === '');
    if (text.startsWith('#!') || isProgram) {
      this.#refuse(shown, 'programs that print an inventory are not run yet');
    } else if (extension === '.ini' || (extension === '' && looksLikeIni(text))) {
      this.#refuse(shown, 'INI inventories are not read yet');
    } else if (!isDocument) {
      this.#refuse(shown, `"${basename(path)}" is no kind of inventory that is read yet`);
    } else {
      this.files.push({ file: shown, text });
    }
  }

  /** Names in a folder, in byte order. */
  async #list(path: string): Promise<readonly string[]> {
    try {
      return (await readdir(path)).sort(compareBytes);
    } catch (cause) {
      this.#unreadable(path, cause);
      return [];
    }
  }

  async #read(path: string): Promise<string | undefined> {
    try {
      return await readFile(path, 'utf8');
    } catch (cause) {
      this.#unreadable(path, cause);
      return undefined;
    }
  }

  #unreadable(path: string, cause: unknown): void {
    const reason = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    this.#error('FILE_UNREADABLE', `"${this.#shown(path)}" cannot be read${reason}`, cause);
  }

  #refuse(file: string, what: string): void {
    this.errors.push(
      new NetorchError('NOT_SUPPORTED', `${what}; write it as YAML`, {
        location: { file, line: 1, column: 1 },
        notes: ['for example: "all: {children: {web: {hosts: {web1: {}, web2: {}}}}}"'],
      }),
    );
  }

  #error(code: 'FILE_NOT_FOUND' | 'FILE_UNREADABLE', message: string, cause?: unknown): void {
    this.errors.push(new NetorchError(code, message, { cause }));
  }

  #shown(path: string): string {
    const short = relative(this.#cwd, path);
    return short === '' || short.startsWith('..') ? path : short;
  }
}

/** A section header, or lines that are no YAML map: names with `key=value` after them. */
function looksLikeIni(text: string): boolean {
  const lines = text.split(/\r?\n/).filter((line) => /^\s*[^\s#;]/.test(line));
  if (lines.some((line) => /^\s*\[[^\]:,\s]+(?::\w+)?\]\s*(?:#.*)?$/.test(line))) return true;
  return lines.length > 0 && lines.every((line) => /^[^\s:{"'-][^:{"']*$/.test(line));
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch {
    return undefined;
  }
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
