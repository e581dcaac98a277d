/** Options that every command has that speaks to hosts. */
import { InvalidArgumentError, type Command } from 'commander';

import { parseDuration } from '../playbook/duration.js';
import { DEFAULT_FORKS } from './observe-hosts.js';
import type { CommonOptions } from './prepare.js';

export type HostOptions = Readonly<{
  inventory?: readonly string[];
  hosts?: string;
  forks: number;
  deadline?: number;
}>;

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 10_000) {
    throw new InvalidArgumentError('it must be a whole number from 1 to 10000.');
  }
  return value;
}

export function duration(text: string): number {
  const seconds = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (seconds === undefined || seconds < 5 || seconds > 3600) {
    throw new InvalidArgumentError(
      'it must be a time from 5s to 1h, such as "45s", "2m" or a number of seconds.',
    );
  }
  return seconds;
}

export function addHostOptions(command: Command): Command {
  return command
    .option(
      '-i, --inventory <source>',
      'inventory file or folder (may be given several times)',
      (value: string, all: string[] = []) => [...all, value],
    )
    .option('--hosts <pattern>', 'only these hosts: names, groups, patterns such as "web:!web3"')
    .option(
      '-f, --forks <number>',
      'hosts worked on at the same time',
      positiveInteger,
      DEFAULT_FORKS,
    );
}

export function readCommonOptions(options: HostOptions): CommonOptions {
  return {
    cwd: process.cwd(),
    ...(options.inventory === undefined ? {} : { inventory: options.inventory }),
    ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
    ...(options.deadline === undefined ? {} : { deadline: options.deadline }),
  };
}
