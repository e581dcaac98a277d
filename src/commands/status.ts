/** `netorch status`: transactions on hosts, open and ended, whoever began them. */
import { Command } from 'commander';

import { RUN_FROM_STDIN } from '../agents/bundle.js';
import type { OpenTransaction } from '../agents/observed-host.js';
import { parsePersistence } from '../agents/persistence.js';
import { parseTransactions } from '../agents/reading.js';
import { splitSections } from '../agents/canonical.js';
import { transactionsScript } from '../agents/transaction.js';
import { NetorchError } from '../errors.js';
import { notRoot } from '../run/observe-host.js';
import type { ExecResult } from '../transport/transport.js';
import { persistenceLines } from '../run/persistence-text.js';
import { safeJson, sanitise } from '../ui/sanitise.js';
import { askChosenHosts } from './ask-chosen-hosts.js';
import { HOSTS_ARGUMENT, addHostOptions, withHosts, type HostOptions } from './host-options.js';
import { printErrors } from './print-errors.js';
import { journals } from './run-folder.js';
import { runOfOwner } from './run-of-owner.js';

export const OPEN_STATES: ReadonlySet<string> = new Set([
  'new',
  'armed',
  'applying',
  'applied',
  'rolling-back',
]);

function describe(item: OpenTransaction): string {
  if (item.state === 'incomplete') {
    return `rolled back, but NOT exactly what it was (see /run/netorch/${item.transaction}/differences on the host), begun ${item.ageSeconds} s ago`;
  }
  if (!OPEN_STATES.has(item.state)) return `${item.state}, begun ${item.ageSeconds} s ago`;
  const end =
    item.state === 'rolling-back'
      ? 'on its way back'
      : item.secondsLeft > 0
        ? `rolls back by itself in ${item.secondsLeft} s`
        : `its deadline passed ${-item.secondsLeft} s ago`;
  if (item.isGuarded === false) {
    return `${item.state}, begun ${item.ageSeconds} s ago: nobody on the host is left to end it, "netorch rollback" does`;
  }
  return `${item.state}, begun ${item.ageSeconds} s ago: ${end}`;
}

/** Of an open transaction: is its run still there to confirm it? */
function runWord(item: OpenTransaction): string {
  if (!OPEN_STATES.has(item.state)) return '';
  const run = runOfOwner(item.owner, journals());
  return run === 'dead' ? ', which is dead' : run === 'alive' ? ', which goes on' : '';
}

/** Throws HOST_UNFIT and BECOME_FAILED: no answer, and one by somebody who may not look, are not "none". */
export function readTransactions(
  host: string,
  { stdout, stderr, code }: ExecResult,
): readonly OpenTransaction[] {
  const sections = splitSections(stdout);
  if (!sections.has('end-transactions')) {
    const words = stderr.split('\n').filter((line) => line !== '');
    throw new NetorchError(
      'HOST_UNFIT',
      `${host}: it did not say which transactions it has (exit code ${code ?? 'none'})`,
      { notes: words.slice(0, 3) },
    );
  }
  if (!/^user 0$/m.test(stdout)) throw notRoot(host);
  const uptime = Number(/^uptime (\d+(?:\.\d+)?)$/m.exec(stdout)?.[1] ?? '0');
  return parseTransactions(sections.get('transactions') ?? [], uptime);
}

export function statusCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('status').description(
      'show open transactions on hosts, how the last ones ended, and what a reboot brings back',
    ),
  )
    .argument(...HOSTS_ARGUMENT)
    .option('--json', 'print one JSON object: host to transactions')
    .addHelpText('after', '\nExit codes: 0 no open transaction, 2 open ones, 1 error')
    .action(
      async (named: string | undefined, given: HostOptions & Readonly<{ json?: boolean }>) => {
        const options = withHosts(named, given);
        const answers = await askChosenHosts(options, async (connection, target) => {
          const answer = await connection.exec(RUN_FROM_STDIN, {
            input: transactionsScript(),
            timeoutMs: 15_000,
          });
          return {
            transactions: readTransactions(target.host, answer),
            persistence: parsePersistence(splitSections(answer.stdout).get('persistence') ?? []),
          };
        });
        let hasOpen = false;
        let hasErrors = false;
        const all: Record<string, readonly OpenTransaction[]> = {};
        for (const answer of answers) {
          if ('error' in answer) {
            hasErrors = true;
            printErrors(answer.error);
            continue;
          }
          const { transactions, persistence } = answer.value;
          all[answer.host] = transactions;
          hasOpen ||= transactions.some((item) => OPEN_STATES.has(item.state));
          if (options.json === true) continue;
          if (transactions.length === 0) process.stdout.write(`${answer.host}: no transactions\n`);
          for (const item of transactions) {
            process.stdout.write(
              sanitise(
                `${answer.host}: ${item.transaction} ${describe(item)} (${item.owner}${runWord(item)})`,
              ) + '\n',
            );
          }
          for (const line of persistenceLines(persistence)) {
            process.stdout.write(`${sanitise(`${answer.host}: ${line}`)}\n`);
          }
        }
        if (options.json === true) process.stdout.write(`${safeJson(all, 2)}\n`);
        setExitCode(hasErrors ? 1 : hasOpen ? 2 : 0);
      },
    );
}
