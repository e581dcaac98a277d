/** `netorch show`: what a host's network is now, as a document that can be fed back. */
import { Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';

import { NetorchError } from '../errors.js';
import { showState } from '../network/show.js';
import { parseDuration } from '../playbook/duration.js';
import { observeHost } from '../run/observe-host.js';
import { askChosenHosts } from './ask-chosen-hosts.js';
import { HOSTS_ARGUMENT, addHostOptions, withHosts, type HostOptions } from './host-options.js';
import { printErrors } from './print-errors.js';
import { showStatistics } from './show-statistics.js';
import { safeJson } from '../ui/sanitise.js';

type ShowOptions = HostOptions & Readonly<{ json?: boolean; stats?: boolean; over?: number }>;

/** Seconds. */
function between(text: string): number {
  const seconds = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (seconds === undefined || !Number.isInteger(seconds) || seconds < 1 || seconds > 600) {
    throw new InvalidArgumentError('it must be a time from 1s to 10m.');
  }
  return seconds;
}

export function showCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('show').description(
      'print the observed network state of hosts as network plans (YAML)',
    ),
  )
    .argument(...HOSTS_ARGUMENT)
    .option('--json', 'print one JSON object: host to state')
    .option('--stats', 'in place of it: speed, state, counters and bonds of each interface')
    .option('--over <duration>', 'with --stats: rates, from two samples so far apart', between)
    .action(async (named: string | undefined, given: ShowOptions) => {
      const options = withHosts(named, given);
      if (options.stats === true) {
        const json = options.json === true;
        setExitCode(await showStatistics(options, { json, overSeconds: options.over ?? 0 }));
        return;
      }
      if (options.over !== undefined) {
        throw new NetorchError('USAGE', '--over makes rates of counters: it goes with --stats');
      }
      const answers = await askChosenHosts(options, (connection, target) =>
        observeHost(target.host, connection),
      );
      const states = answers.flatMap((answer) =>
        'value' in answer ? [{ host: answer.host, state: showState(answer.value.state) }] : [],
      );
      if (options.json === true) {
        const all = Object.fromEntries(states.map(({ host, state }) => [host, state]));
        process.stdout.write(`${safeJson(all, 2)}\n`);
      } else {
        states.forEach(({ host, state }, index) => {
          if (answers.length > 1) process.stdout.write(`${index === 0 ? '' : '---\n'}# ${host}\n`);
          process.stdout.write(stringify(state));
        });
      }
      for (const answer of answers) {
        if (!('error' in answer)) continue;
        printErrors(answer.error);
        setExitCode(1);
      }
    });
}
