/** `netorch show`: what a host's network is now, as a document that can be fed back. */
import { Command } from 'commander';
import { stringify } from 'yaml';

import { showState } from '../network/show.js';
import { observeHost } from '../run/observe-host.js';
import { askChosenHosts } from './ask-chosen-hosts.js';
import { HOSTS_ARGUMENT, addHostOptions, withHosts, type HostOptions } from './host-options.js';
import { printErrors } from './print-errors.js';
import { safeJson } from '../ui/sanitise.js';

export function showCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('show').description(
      'print the observed network state of hosts as network plans (YAML)',
    ),
  )
    .argument(...HOSTS_ARGUMENT)
    .option('--json', 'print one JSON object: host to state')
    .action(
      async (named: string | undefined, given: HostOptions & Readonly<{ json?: boolean }>) => {
        const options = withHosts(named, given);
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
            if (answers.length > 1)
              process.stdout.write(`${index === 0 ? '' : '---\n'}# ${host}\n`);
            process.stdout.write(stringify(state));
          });
        }
        for (const answer of answers) {
          if (!('error' in answer)) continue;
          printErrors(answer.error);
          setExitCode(1);
        }
      },
    );
}
