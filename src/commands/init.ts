/** `netorch init [DIR]`: a project to begin with, which works against a lab at once. Never overwrites. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { Command } from 'commander';

import { NetorchError } from '../errors.js';
import { defaultLabDir } from '../lab/lab-files.js';
import { projectFiles } from './project-files.js';

export function initCommand(): Command {
  return new Command('init')
    .description('write a project to begin with: netorch.yml, inventory, playbook')
    .argument('[dir]', 'folder of the project', '.')
    .action((dir: string) => {
      const files = projectFiles(join(defaultLabDir(), 'inventory.yml'));
      for (const [name, text] of Object.entries(files)) {
        process.stdout.write(
          `${writeNew(join(dir, name), text) ? 'written' : 'kept   '} ${join(dir, name)}\n`,
        );
      }
      const go = dir === '.' ? '' : `cd ${dir} && `;
      process.stdout.write(
        `try it on virtual hosts:\n  ${go}netorch lab up --hosts 2\n  netorch plan\n  netorch apply\n  netorch lab down\n`,
      );
    });
}

/** False when the file is there already: it stays as it is. */
function writeNew(file: string, text: string): boolean {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
    return true;
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'EEXIST') return false;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new NetorchError('FILE_UNREADABLE', `${file} cannot be written: ${reason}`, { cause });
  }
}
