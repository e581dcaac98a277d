/** `netorch schema`: JSON Schema for editors. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { Argument, Command } from 'commander';

import { NetorchError } from '../errors.js';
import { SCHEMA_NAMES, schemaFile, schemaText, type SchemaName } from './json-schemas.js';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schema of a document, for editors')
    .addArgument(
      new Argument('[document]', 'netorch.yml, playbook or network plan')
        .choices([...SCHEMA_NAMES])
        .default('playbook'),
    )
    .option('--dir <folder>', 'write all of them into this folder instead')
    .action((name: SchemaName, options: Readonly<{ dir?: string }>) => {
      const { dir } = options;
      if (dir === undefined) {
        process.stdout.write(schemaText(name));
        return;
      }
      try {
        mkdirSync(dir, { recursive: true });
        for (const one of SCHEMA_NAMES) {
          const file = join(dir, schemaFile(one));
          writeFileSync(file, schemaText(one));
          process.stderr.write(`written ${file}\n`);
        }
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new NetorchError('FILE_UNREADABLE', `the schemas cannot be written: ${reason}`, {
          cause,
        });
      }
    });
}
