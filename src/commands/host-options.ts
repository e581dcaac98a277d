/** Options that every command has that speaks to hosts. */
import { InvalidArgumentError, type Command } from 'commander';

import { NetorchError } from '../errors.js';
import { parseDuration } from '../playbook/duration.js';
import { DEFAULT_FORKS } from './observe-hosts.js';
import type { CommonOptions } from './prepare.js';
import type { VaultOptions } from './vault-secrets.js';

export type InventoryOptions = VaultOptions &
  Readonly<{
    inventory?: readonly string[];
    limit?: string;
  }>;

export type HostOptions = InventoryOptions &
  Readonly<{
    hosts?: string;
    forks: number;
    deadline?: number;
    prune?: boolean;
    temporary?: boolean;
  }>;

export const PRUNE_HELP =
  'take away what netorch made on the hosts and no plan names any more; never what others made';

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

/** What a command asks of hosts, they may be named to it without an option, too. */
export const HOSTS_ARGUMENT = ['[hosts]', 'the same as --hosts'] as const;

/** The options with what that argument says. Throws USAGE when both are given. */
export function withHosts<T extends HostOptions>(named: string | undefined, options: T): T {
  if (named === undefined) return options;
  if (options.hosts === undefined) return { ...options, hosts: named };
  throw new NetorchError('USAGE', `hosts are given twice: "${named}" and --hosts ${options.hosts}`);
}

/** `reboot=5m`: seconds. */
export function lastResort(text: string): number {
  const seconds = parseDuration(/^reboot=(.+)$/.exec(text)?.[1]);
  if (seconds === undefined || seconds < 60 || seconds > 86_400) {
    throw new InvalidArgumentError('it must be "reboot=TIME" with a time from 1m to 24h.');
  }
  return seconds;
}

function several(value: string, all: readonly string[] = []): readonly string[] {
  return [...all, value];
}

/** Where the inventory is, which of its hosts count, and what opens its secrets. */
export function addInventoryOptions(command: Command): Command {
  return command
    .option(
      '-i, --inventory <source>',
      'inventory file, folder, program, or "host1,host2" (may be given several times)',
      several,
    )
    .option('-l, --limit <pattern>', 'of those hosts only these; @FILE has a pattern on each line')
    .option(
      '--vault-password-file <file>',
      'password of ansible-vault; a program is run and prints it',
      several,
    )
    .option('--vault-id <name@source>', 'the same with a name; the source may be "prompt"', several)
    .option('--ask-vault-pass', 'ask for the password of ansible-vault');
}

export function addHostOptions(command: Command): Command {
  return addInventoryOptions(command)
    .option('--hosts <pattern>', 'only these hosts: names, groups, patterns such as "web:!web3"')
    .option(
      '-f, --forks <number>',
      'hosts worked on at the same time',
      positiveInteger,
      DEFAULT_FORKS,
    );
}

export function readCommonOptions(options: InventoryOptions & Partial<HostOptions>): CommonOptions {
  const {
    inventory,
    hosts,
    limit,
    deadline,
    prune,
    temporary,
    vaultPasswordFile,
    vaultId,
    askVaultPass,
  } = options;
  return {
    cwd: process.cwd(),
    ...(inventory === undefined ? {} : { inventory }),
    ...(hosts === undefined ? {} : { hosts }),
    ...(limit === undefined ? {} : { limit }),
    ...(deadline === undefined ? {} : { deadline }),
    ...(prune === undefined ? {} : { prune }),
    ...(temporary === undefined ? {} : { temporary }),
    ...(vaultPasswordFile === undefined ? {} : { vaultPasswordFile }),
    ...(vaultId === undefined ? {} : { vaultId }),
    ...(askVaultPass === undefined ? {} : { askVaultPass }),
  };
}
