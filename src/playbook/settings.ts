/** The edge: which inventory and which playbook are meant, and reading the playbook. */
import { readFile, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { parseDocument } from '../config/document.js';
import { parseWith } from '../config/schema-errors.js';
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { parsePlaybook } from './playbook.js';
import type { Playbook } from './playbook.js';

export const SETTINGS_FILE = 'netorch.yml';

export type Project = Readonly<{
  /** Absolute paths (or `host1,host2` lists), for `loadInventory`. */
  inventorySources: readonly string[];
  /** Absolute. undefined: none was found, which is fine for hosts with a `network:` of their own. */
  playbookFile?: string;
  /** Folder of netorch.yml, else the current one. */
  root: string;
  /** What was looked for in vain, for errors. */
  missing: readonly string[];
}>;

/** netorch.yml as it is written. */
export const settingsSchema = z.strictObject({
  inventory: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
      error: 'must be a file or folder, or a list of those',
    })
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .optional(),
  playbook: z.string({ error: 'must be a file' }).min(1).optional(),
});

/**
 * What the command line names comes first, then netorch.yml in `cwd` or a folder above, then
 * `inventory*` and `playbooks/site.yml` beside it. Throws NO_INVENTORY; FILE_NOT_FOUND for a playbook
 * that was named but is not there.
 */
export async function findProject(
  cwd: string,
  given: Readonly<{ inventory?: readonly string[]; playbook?: string }> = {},
): Promise<Project> {
  const settingsFile = await findAbove(cwd, SETTINGS_FILE);
  const root = settingsFile === undefined ? cwd : dirname(settingsFile);
  const settings = settingsFile === undefined ? undefined : await readSettings(settingsFile, cwd);
  const missing = settingsFile === undefined ? [`${SETTINGS_FILE} in ${cwd} or above`] : [];

  let inventorySources = given.inventory?.map((source) => sourcePath(cwd, source)) ?? [];
  if (inventorySources.length === 0) {
    inventorySources = settings?.inventory?.map((source) => sourcePath(root, source)) ?? [];
  }
  if (inventorySources.length === 0) inventorySources = await defaultInventory(root, missing);

  const playbookFile = await choosePlaybook({ cwd, root, given: given.playbook, settings });
  if (playbookFile === undefined) missing.push(join(root, 'playbooks', 'site.yml'));
  return {
    inventorySources,
    root,
    missing,
    ...(playbookFile === undefined ? {} : { playbookFile }),
  };
}

/** Reads a playbook; places in it are shown relative to `cwd`. */
export async function loadPlaybook(file: string, cwd: string): Promise<Playbook> {
  return parsePlaybook(shown(file, cwd), await readText(resolve(cwd, file), cwd));
}

/** For a run without a playbook whose hosts have no `network:` of their own. */
export function noPlaybookError(project: Project, hosts: readonly string[]): NetorchError {
  const names = hosts.slice(0, 3).join(', ') + (hosts.length > 3 ? ', …' : '');
  return new NetorchError('NO_PLAYBOOK', `no playbook, and no "network:" variable for ${names}`, {
    notes: [
      ...project.missing.map((what) => `looked for ${what}`),
      'name a playbook, or set "network:" in group_vars/ or host_vars/',
    ],
  });
}

type Settings = Readonly<{
  inventory?: readonly string[] | undefined;
  playbook?: string | undefined;
  playbookLocation: SourceLocation;
}>;

async function readSettings(file: string, cwd: string): Promise<Settings> {
  const document = parseDocument(shown(file, cwd), await readText(file, cwd));
  const value = document.value ?? {};
  const settings = parseWith(settingsSchema, { ...document, value });
  return { ...settings, playbookLocation: document.locate(['playbook']) };
}

async function choosePlaybook(from: {
  cwd: string;
  root: string;
  given: string | undefined;
  settings: Settings | undefined;
}): Promise<string | undefined> {
  const { cwd, root, given, settings } = from;
  if (given !== undefined) return demandFile(resolve(cwd, given), given, undefined);
  if (settings?.playbook !== undefined) {
    const file = resolve(root, settings.playbook);
    return demandFile(file, settings.playbook, settings.playbookLocation);
  }
  const file = join(root, 'playbooks', 'site.yml');
  return (await exists(file)) ? file : undefined;
}

async function demandFile(
  file: string,
  written: string,
  location: SourceLocation | undefined,
): Promise<string> {
  if (await exists(file)) return file;
  const text = `playbook "${written}" does not exist (${file})`;
  throw new NetorchError('FILE_NOT_FOUND', text, { location });
}

const BACKUP = /(?:~|\.(?:bak|orig|swp|retry|md|txt|example))$/;

async function defaultInventory(root: string, missing: readonly string[]): Promise<string[]> {
  const entries = (await readdir(root).catch(() => [])).filter(
    (entry) => entry.startsWith('inventory') && !BACKUP.test(entry),
  );
  const [only] = entries;
  if (only !== undefined && entries.length === 1) return [join(root, only)];
  if (only !== undefined) {
    throw new NetorchError(
      'NO_INVENTORY',
      `several inventories in ${root}: ${entries.sort().join(', ')}`,
      { notes: [`name the one that is meant with --inventory, or in ${SETTINGS_FILE}`] },
    );
  }
  throw new NetorchError('NO_INVENTORY', 'no inventory was found', {
    notes: [
      ...[...missing, join(root, 'inventory*')].map((what) => `looked for ${what}`),
      'name one with --inventory FILE',
    ],
  });
}

/** `host1,host2` is a list of hosts, not a path; loadInventory decides which by what exists. */
function sourcePath(base: string, source: string): string {
  return source.includes(',') ? source : resolve(base, source);
}

async function findAbove(start: string, name: string): Promise<string | undefined> {
  let folder = resolve(start);
  for (;;) {
    const file = join(folder, name);
    if (await exists(file)) return file;
    const above = dirname(folder);
    if (above === folder) return undefined;
    folder = above;
  }
}

async function readText(file: string, cwd: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
    throw new NetorchError('FILE_UNREADABLE', `"${shown(file, cwd)}" cannot be read${reason}`, {
      cause,
    });
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function shown(file: string, cwd: string): string {
  const short = relative(cwd, resolve(cwd, file));
  return short === '' || short.startsWith('..') ? file : short;
}
