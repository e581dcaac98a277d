/** The edge of ssh-config.ts: reads ~/.ssh/config and /etc/ssh/ssh_config with all that they include. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { parseSshConfig } from './ssh-config.js';
import type { SshConfigFile } from './ssh-config.js';
import { matchesPattern } from './ssh-pattern.js';

/**
 * The files that apply, in order. `named`: the file of `ssh -F`, in place of the user's and the
 * system's; `none` is no file at all. Throws NetorchError with the place of what is wrong.
 */
export type SshConfigReader = (named: string | undefined) => readonly SshConfigFile[];

const SYSTEM_FOLDER = '/etc/ssh';
const MAX_DEPTH = 16;

/** Every file is read once; a fleet costs one reading. */
export function createSshConfigReader(
  home: string,
  systemFolder: string = SYSTEM_FOLDER,
): SshConfigReader {
  const known = new Map<string | undefined, readonly SshConfigFile[]>();
  const read = (named: string | undefined): readonly SshConfigFile[] => {
    if (named?.toLowerCase() === 'none') return [];
    const includes = (folder: string) => ({ home, folder });
    if (named !== undefined) {
      const file = named.replace(/^~(?=\/|$)/, home);
      const found = readConfig(file, includes(join(home, '.ssh')), 0, false);
      if (found !== undefined) return [found];
      throw new NetorchError('FILE_NOT_FOUND', `the ssh configuration ${file} does not exist`);
    }
    return [
      readConfig(join(home, '.ssh/config'), includes(join(home, '.ssh')), 0, true),
      readConfig(join(systemFolder, 'ssh_config'), includes(systemFolder), 0, false),
    ].filter((file) => file !== undefined);
  };
  return (named) => {
    let files = known.get(named);
    if (files === undefined) {
      files = read(named);
      known.set(named, files);
    }
    return files;
  };
}

type Places = Readonly<{ home: string; folder: string }>;

/** undefined: there is no such file. */
function readConfig(
  file: string,
  places: Places,
  depth: number,
  isChecked: boolean,
  location?: SourceLocation,
): SshConfigFile | undefined {
  let text: string;
  try {
    const { uid, mode } = statSync(file);
    // As ssh does: whoever can write here can have any command run as the user (ProxyCommand).
    if (isChecked && ((uid !== 0 && uid !== process.getuid?.()) || (mode & 0o022) !== 0)) {
      throw new NetorchError(
        'FILE_UNREADABLE',
        `${file} can be written by others, so it is not followed`,
        { location, notes: [`chmod go-w ${file}, and it must belong to you or to root`] },
      );
    }
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof NetorchError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new NetorchError('FILE_UNREADABLE', `${file} cannot be read (${code})`, { location });
  }
  return parseSshConfig(text, file, (pattern, place) => {
    if (depth >= MAX_DEPTH) {
      throw new NetorchError('INVALID_VALUE', `Include goes deeper than ${MAX_DEPTH} files`, {
        location: place,
        notes: ['a file may be including itself'],
      });
    }
    const expanded = pattern.replace(/^~(?=\/|$)/, places.home);
    const absolute = isAbsolute(expanded) ? expanded : join(places.folder, expanded);
    return globFiles(absolute)
      .map((found) => readConfig(found, places, depth + 1, true, place))
      .filter((found) => found !== undefined);
  });
}

/** The files of a pattern with `*`, `?` and `[…]`, sorted. Hidden ones only where the pattern says so. */
export function globFiles(pattern: string): string[] {
  if (!/[*?[]/.test(pattern)) return [pattern];
  let found = ['/'];
  for (const part of pattern.split('/').filter(Boolean)) {
    if (!/[*?[]/.test(part)) {
      found = found.map((folder) => join(folder, part));
      continue;
    }
    found = found.flatMap((folder) =>
      namesIn(folder)
        .filter(
          (name) => (part.startsWith('.') || !name.startsWith('.')) && matchesGlob(name, part),
        )
        .map((name) => join(folder, name)),
    );
  }
  return found.filter((file) =>
    namesIn(dirname(file)).includes(
      file.slice(dirname(file) === '/' ? 1 : dirname(file).length + 1),
    ),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted((a, b) => (a < b ? -1 : 1));
  } catch {
    return [];
  }
}

function matchesGlob(name: string, part: string): boolean {
  const group = /\[(!?)([^\]]+)\]/.exec(part);
  if (group === null) return matchesPattern(name, part);
  // One bracket at a time: each character that it allows is tried in its place.
  const [all, negation, members = ''] = group;
  const isMember = (char: string) => {
    for (let i = 0; i < members.length; i++) {
      if (members.charAt(i + 1) === '-' && i + 2 < members.length) {
        if (char >= members.charAt(i) && char <= members.charAt(i + 2)) return true;
        i += 2;
      } else if (members.charAt(i) === char) return true;
    }
    return false;
  };
  return [...new Set(name)]
    .filter((char) => isMember(char) === (negation === ''))
    .some((char) =>
      matchesGlob(name, part.slice(0, group.index) + char + part.slice(group.index + all.length)),
    );
}
