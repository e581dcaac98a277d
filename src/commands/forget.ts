/** `netorch forget`: removes the records of ended transactions from hosts, after showing them. */
import { Command } from 'commander';

import { RUN_FROM_STDIN } from '../agents/bundle.js';
import {
  forgetScript,
  parseRecords,
  recordsScript,
  type TransactionRecord,
} from '../agents/records.js';
import { NetorchError } from '../errors.js';
import { notRoot } from '../run/observe-host.js';
import { sanitise } from '../ui/sanitise.js';
import { chooseHosts } from './choose-hosts.js';
import { addHostOptions, readCommonOptions, type HostOptions } from './host-options.js';
import { askHosts } from './observe-hosts.js';
import { openTransport } from './open-transport.js';
import { openInventory, targetFor } from './prepare.js';
import { printErrors } from './print-errors.js';

const MESSAGE_TIMEOUT_MS = 15_000;

/** What is shown of a record before it goes: one line, and one for each difference. */
export function recordLines(host: string, record: TransactionRecord): readonly string[] {
  const { transaction, state, ageSeconds, owner, cause, differences } = record;
  const end =
    state === 'incomplete'
      ? 'rolled back, but NOT exactly what it was'
      : state === 'abandoned'
        ? 'never begun'
        : state;
  const why = cause === undefined ? '' : `: ${cause}`;
  return [
    `${host}: ${transaction} ${end}, begun ${ageSeconds} s ago (${owner})${why}`,
    ...differences.map((difference) => `${host}:   ${difference}`),
  ];
}

export function forgetCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('forget').description(
      'remove the records of ended transactions from hosts, after showing them; open ones stay',
    ),
  )
    .option('--dry-run', 'only show them')
    .addHelpText('after', '\nExit codes: 0 none are left, 1 error')
    .action(async (options: HostOptions & Readonly<{ dryRun?: boolean }>) => {
      if (options.hosts === undefined) {
        throw new NetorchError('USAGE', 'netorch forget needs --hosts: what is removed is gone');
      }
      const common = readCommonOptions(options);
      const { inventory } = await openInventory(common);
      const hosts = (await chooseHosts(inventory, common)) ?? [];
      const targets = hosts.map((host) => targetFor(host, inventory, undefined));
      const answers = await askHosts(
        targets,
        await openTransport(targets),
        options.forks,
        async (connection, { host }) => {
          const send = async (input: string) =>
            (await connection.exec(RUN_FROM_STDIN, { input, timeoutMs: MESSAGE_TIMEOUT_MS }))
              .stdout;
          const text = await send(recordsScript());
          const records = parseRecords(host, text);
          if (!/^user 0$/m.test(text)) throw notRoot(host);
          // Shown before they are gone, not after: the connection may break in between.
          const lines = records.flatMap((record) => recordLines(host, record));
          process.stdout.write(
            (lines.length === 0 ? [`${host}: no records`] : lines)
              .map((line) => `${sanitise(line)}\n`)
              .join(''),
          );
          if (options.dryRun === true || records.length === 0) return;
          const wanted = records.map(({ transaction }) => transaction);
          const answer = (await send(forgetScript(wanted))).split('\n');
          const left = wanted.filter((id) => !answer.includes(`removed ${id}`));
          if (left.length > 0) {
            throw new NetorchError(
              'HOST_UNFIT',
              `${host}: could not be removed from /run/netorch: ${left.join(', ')}`,
            );
          }
        },
      );
      for (const answer of answers) if ('error' in answer) printErrors(answer.error);
      setExitCode(answers.some((answer) => 'error' in answer) ? 1 : 0);
    });
}
