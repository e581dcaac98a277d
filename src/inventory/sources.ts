/** The edge: finds and reads inventory files and the group_vars/ and host_vars/ beside them. */
import { readFile, readdir, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { NetorchError, throwCollected } from '../errors.js';
import { splitHostPattern } from './host-pattern.js';
import { readInventoryGraph } from './inventory-graph.js';
import type { InventorySource } from './inventory-graph.js';
import { createInventory } from './inventory.js';
import type { Inventory, VariablesFile } from './inventory.js';
import { hostsToAskFor, parseProgramJson } from './program-inventory.js';
import { runProgram } from './run-program.js';
import { LOCKED_VAULT, isVaultText } from './vault.js';
import type { Vault } from './vault.js';

export type InventoryOptions = Readonly<{
  /** Folder of the playbook: its group_vars/ and host_vars/ are stronger than the inventory's. */
  playbookDir?: string;
  /** Relative sources start here, and places are shown relative to it. */
  cwd: string;
  /** Opens what ansible-vault encrypted; without it, that is an error where it is used. */
  vault?: Vault;
}>;

/**
 * Reads sources in order (files, folders, programs, or `host1,host2`), later ones winning. Throws
 * FILE_NOT_FOUND, FILE_UNREADABLE, and whatever is wrong in the files.
 */
export async function loadInventory(
  sources: readonly string[],
  options: InventoryOptions,
): Promise<Inventory> {
  const { cwd, vault = LOCKED_VAULT } = options;
  const reader = new SourceReader(cwd, vault);
  for (const source of sources) await reader.source(source);
  throwCollected(reader.errors);
  const graph = readInventoryGraph(reader.sources, vault);
  const playbookDir =
    options.playbookDir === undefined ? undefined : resolve(cwd, options.playbookDir);
  const folders = [...reader.folders]
    // The same files need not be read twice; the playbook's are the stronger ones.
    .filter((folder) => folder !== playbookDir)
    .map((folder) => ({ folder, beside: 'inventory' as const }));
  const playbook =
    playbookDir === undefined ? [] : [{ folder: playbookDir, beside: 'playbook' as const }];
  const files: VariablesFile[] = [];
  for (const { folder, beside } of [...folders, ...playbook]) {
    files.push(
      ...(await reader.variables(folder, 'group', graph.groups.keys(), beside)),
      ...(await reader.variables(folder, 'host', graph.hosts.keys(), beside)),
    );
  }
  throwCollected(reader.errors);
  return createInventory(graph, files, vault);
}

/**
 * A host pattern with `@FILE` in it: the file's lines are patterns, one a line (as in Ansible's
 * `--limit`). Everything else is returned as it is. Throws FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export async function readPatternFiles(pattern: string, cwd: string): Promise<readonly string[]> {
  const parts: string[] = [];
  for (const part of splitHostPattern(pattern)) {
    if (!part.startsWith('@')) {
      parts.push(part);
      continue;
    }
    const path = resolve(cwd, part.slice(1));
    const text = await readFile(path, 'utf8').catch((cause: unknown) => {
      const code = codeOf(cause);
      throw new NetorchError(
        code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
        `"${part}": the file of host patterns cannot be read (${code})`,
        { cause },
      );
    });
    const lines = text.split(/\r?\n/).map((line) => line.trim());
    parts.push(...lines.filter((line) => line !== '' && !line.startsWith('#')));
  }
  return parts;
}

const DOCUMENT_EXTENSIONS = ['', '.yml', '.yaml', '.json'];
/** What Ansible leaves out when it reads a folder; `.ini` too before 2.19, which is a trap: it is read. */
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

/** Programs asked for single hosts (`--host NAME`) at the same time. */
const HOST_CALLS = 4;

class SourceReader {
  readonly sources: InventorySource[] = [];
  /** Folders whose group_vars/ and host_vars/ count, in the order of the sources. */
  readonly folders = new Set<string>();
  readonly errors: NetorchError[] = [];
  readonly #cwd: string;
  readonly #vault: Vault;

  constructor(cwd: string, vault: Vault) {
    this.#cwd = cwd;
    this.#vault = vault;
  }

  async source(source: string): Promise<void> {
    const path = resolve(this.#cwd, source);
    const found = await statOf(path);
    if (found === undefined && source.includes(',')) {
      const names = source.split(',').map((name) => name.trim());
      this.sources.push({ kind: 'list', names: names.filter((name) => name !== '') });
    } else if (found === undefined) {
      this.#error('FILE_NOT_FOUND', `inventory "${source}" does not exist (${path})`);
    } else if (found.isDirectory()) {
      this.#beside(path);
      await this.#folder(path);
    } else {
      this.#beside(dirname(path));
      await this.#file(path, found);
    }
  }

  /** Of a folder that several sources have, the last one's place in the order counts. */
  #beside(folder: string): void {
    this.folders.delete(folder);
    this.folders.add(folder);
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
    const file = this.#shown(path);
    const extension = extname(path);
    const start = await this.#read(path);
    if (start === undefined) return;
    const isScript = start.startsWith('#!');
    const isExecutable = (found.mode & 0o111) !== 0;
    // Without the mark of a program an executable file is data: some file systems mark everything.
    if (isExecutable && (isScript || start.startsWith('\x7fELF'))) return this.#program(path, file);
    const refuse = (message: string, notes: readonly string[]): void => {
      const location = { file, line: 1, column: 1 };
      this.errors.push(new NetorchError('NOT_SUPPORTED', message, { location, notes }));
    };
    if (isScript) {
      return refuse('this is a program, but it is not executable', [
        'make it so (chmod +x), or take away the first line',
      ]);
    }
    if (extension === '.toml') {
      return refuse('TOML inventories are not read', ['write it as YAML or INI']);
    }
    const text = this.#decrypted(start, file);
    if (text === undefined) return;
    const kind =
      extension === '' ? 'either' : DOCUMENT_EXTENSIONS.includes(extension) ? 'yaml' : 'ini';
    this.sources.push({ kind, file, path, text });
  }

  /** Asks the program for its list, and for single hosts if the list does not have their variables. */
  async #program(path: string, file: string): Promise<void> {
    try {
      const list = parseProgramJson(
        file,
        `${file} --list`,
        await runProgram(path, ['--list'], file),
      );
      const hosts = new Map<string, unknown>();
      const names = hostsToAskFor(list).values();
      const ask = async (): Promise<void> => {
        for (const name of names) {
          const answer = await runProgram(path, ['--host', name], file);
          hosts.set(name, parseProgramJson(file, `${file} --host ${name}`, answer));
        }
      };
      await Promise.all(Array.from({ length: HOST_CALLS }, ask));
      this.sources.push({ kind: 'program', file, path, list, hosts });
    } catch (error) {
      if (!(error instanceof NetorchError)) throw error;
      this.errors.push(error);
    }
  }

  #decrypted(text: string, file: string): string | undefined {
    if (!isVaultText(text)) return text;
    try {
      return this.#vault.open(text, { file, line: 1, column: 1 }).toString('utf8');
    } catch (error) {
      if (!(error instanceof NetorchError)) throw error;
      this.errors.push(error);
      return undefined;
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
    this.#error(
      'FILE_UNREADABLE',
      `"${this.#shown(path)}" cannot be read (${codeOf(cause)})`,
      cause,
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

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
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
