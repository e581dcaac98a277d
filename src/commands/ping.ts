/** `netorch ping`: can we log in and become root, and is there what a rollout needs? One line a host. */
import { Command } from 'commander';

import type { ObservedHost } from '../agents/observed-host.js';
import { NetorchErrors, type NetorchError } from '../errors.js';
import { observeHost } from '../run/observe-host.js';
import type { ConnectionTarget } from '../transport/transport.js';
import { safeJson, sanitise } from '../ui/sanitise.js';
import { askChosenHosts } from './ask-chosen-hosts.js';
import { HOSTS_ARGUMENT, addHostOptions, withHosts, type HostOptions } from './host-options.js';
import { printErrors } from './print-errors.js';
import { OPEN_STATES } from './status.js';

export function pingCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('ping').description(
      'log in to hosts, become root, and see whether there is what a rollout needs',
    ),
  )
    .argument(...HOSTS_ARGUMENT)
    .option('--json', 'print one JSON object: host to what was found')
    .addHelpText('after', '\nExit codes: 0 all hosts are fit, 1 some are not')
    .action(
      async (named: string | undefined, given: HostOptions & Readonly<{ json?: boolean }>) => {
        const options = withHosts(named, given);
        const answers = await askChosenHosts(options, async (connection, target) =>
          describeHost(target, await observeHost(target.host, connection)),
        );
        if (options.json === true) {
          const all = Object.fromEntries(
            answers.map((answer) => [
              answer.host,
              'error' in answer
                ? { fit: false, code: codeOf(answer.error), error: answer.error.message }
                : { fit: true, ...answer.value },
            ]),
          );
          process.stdout.write(`${safeJson(all, 2)}\n`);
        } else {
          for (const answer of answers) {
            if ('error' in answer) printErrors(answer.error);
            else process.stdout.write(`${sanitise(`${answer.host}: ${inWords(answer.value)}`)}\n`);
          }
        }
        setExitCode(answers.every((answer) => 'value' in answer) ? 0 : 1);
      },
    );
}

type Fitness = Readonly<{
  user: string;
  /** How the login user becomes root; null: it is root already. */
  become: string | null;
  address: string;
  kernel: string;
  ip: string;
  init: 'systemd' | 'other';
  /** Who looks after the network: owner → its interfaces. */
  managers: Readonly<Record<string, readonly string[]>>;
  openTransactions: number;
}>;

/** Owners have details of their device in brackets, which are for the plan. */
const OWNER_DETAILS = / \(.*\)$/;

function describeHost(target: ConnectionTarget, observed: ObservedHost): Fitness {
  const managers: Record<string, string[]> = {};
  for (const { name, facts } of observed.state.interfaces.values()) {
    const owner = facts?.owner;
    if (owner === undefined) continue;
    (managers[owner.replace(OWNER_DETAILS, '')] ??= []).push(name);
  }
  for (const name of observed.bootConfigured) (managers['ifupdown'] ??= []).push(name);
  const { become } = target;
  return {
    user: target.user,
    become: become === undefined || become.user === target.user ? null : become.method,
    address: target.address,
    kernel: observed.kernel,
    ip: observed.ipVersion,
    init: observed.hasSystemd ? 'systemd' : 'other',
    managers,
    openTransactions: observed.transactions.filter(({ state }) => OPEN_STATES.has(state)).length,
  };
}

function inWords(found: Fitness): string {
  const managers = Object.entries(found.managers).map(
    ([owner, names]) => `${owner} (${names.join(', ')})`,
  );
  return [
    found.become === null
      ? `fit, as ${found.user}`
      : `fit, as root by ${found.become} from ${found.user}`,
    `Linux ${found.kernel}`,
    found.ip.replace(/^ip utility, /, ''),
    found.init === 'systemd' ? 'systemd' : 'no systemd',
    `network: ${managers.length === 0 ? 'nobody looks after it' : managers.join(', ')}`,
    ...(found.openTransactions > 0 ? [`${found.openTransactions} open transactions`] : []),
  ].join('; ');
}

function codeOf(error: NetorchError | NetorchErrors): string | undefined {
  return error instanceof NetorchErrors ? error.errors[0]?.code : error.code;
}
