/** `netorch expand`: network plans in nmstate's long form, the shorthand written out. Contacts no host. */
import { readFile } from 'node:fs/promises';

import { Command } from 'commander';
import { stringify } from 'yaml';

import { parseDocument } from '../config/document.js';
import { isPlainMap, locatedAt } from '../config/located.js';
import type { DocumentPath, Located } from '../config/located.js';
import { hasExpression } from '../config/template.js';
import { NetorchError } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { expandShorthand, finishShorthand } from '../network/shorthand.js';
import { addHostOptions, readCommonOptions, type HostOptions } from './host-options.js';
import { prepare } from './prepare.js';
import { safeJson } from '../ui/sanitise.js';

type ExpandOptions = HostOptions & Readonly<{ json?: boolean }>;

export function expandCommand(): Command {
  return addHostOptions(
    new Command('expand')
      .description(
        'print network plans in the long form, the shorthand written out; contacts no host',
      )
      .argument(
        '[file]',
        'a network plan, or a playbook (default: the network plans of the hosts chosen)',
      ),
  )
    .option('--json', 'print JSON; for hosts, one object: host to plan')
    .action(async (file: string | undefined, options: ExpandOptions) => {
      const plan = file === undefined ? undefined : await readNetworkPlan(file);
      if (plan !== undefined) {
        print(longForm(plan), options.json);
        return;
      }
      const plays = await prepare(readCommonOptions(options), file);
      const documents = plays.flatMap((play) =>
        [...play.tasks.values()].map((task) => ({
          host: task.host,
          plan: finishShorthand(task.document).value,
        })),
      );
      if (options.json === true) {
        print(Object.fromEntries(documents.map(({ host, plan: value }) => [host, value])), true);
        return;
      }
      documents.forEach(({ host, plan: value }, index) => {
        if (documents.length > 1) process.stdout.write(`${index === 0 ? '' : '---\n'}# ${host}\n`);
        print(value, false);
      });
    });
}

/** The plan that a file holds, also under `network:` as in variables of hosts; undefined: a playbook. */
async function readNetworkPlan(file: string): Promise<Located | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    throw new NetorchError(
      isMissing ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE',
      `${file}: ${isMissing ? 'there is no such file' : 'it cannot be read'}`,
    );
  }
  const document = parseDocument(file, text);
  if (Array.isArray(document.value)) return undefined;
  const plan =
    isPlainMap(document.value) && document.value['network'] !== undefined
      ? locatedAt(document, ['network'])
      : document;
  const expression = findExpression(plan);
  if (expression !== undefined) {
    throw new NetorchError(
      'USAGE',
      'this plan has variables in it, and they have values for a host only',
      {
        location: expression,
        notes: ['leave the file out and choose hosts: netorch expand --hosts NAME'],
      },
    );
  }
  return plan;
}

function longForm(plan: Located): unknown {
  return finishShorthand(expandShorthand(plan)).value;
}

function findExpression(part: Located, path: DocumentPath = []): SourceLocation | undefined {
  const { value } = locatedAt(part, path);
  if (typeof value === 'string') return hasExpression(value) ? part.locate(path) : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const keys = Array.isArray(value) ? value.map((_, index) => index) : Object.keys(value);
  for (const key of keys) {
    const found = findExpression(part, [...path, key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

function print(value: unknown, json: boolean | undefined): void {
  process.stdout.write(
    json === true ? `${safeJson(value, 2)}\n` : stringify(value, { aliasDuplicateObjects: false }),
  );
}
