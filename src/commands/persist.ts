/** `netorch persist` and `netorch unpersist`: what the next boot of hosts brings back. */
import { randomBytes } from 'node:crypto';

import { Command } from 'commander';

import { observeHost } from '../run/observe-host.js';
import { persistRunning, unpersistHost } from '../run/persist-host.js';
import type { Connection, ConnectionTarget } from '../transport/transport.js';
import { sanitise } from '../ui/sanitise.js';
import { askChosenHosts } from './ask-chosen-hosts.js';
import { addHostOptions, type HostOptions } from './host-options.js';
import { printErrors } from './print-errors.js';

/** What is said of one host; `bad`: it is not as asked. */
type Answer = Readonly<{ text: string; bad: boolean }>;

export function persistCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('persist').description(
      'make what netorch changed on hosts, and what runs there now, survive a reboot',
    ),
  )
    .addHelpText('after', '\nExit codes: 0 persistent, 5 not persistent on some hosts, 1 error')
    .action((options: HostOptions) =>
      onHosts(options, setExitCode, async (connection, { host }) => {
        const observed = await observeHost(host, connection);
        const by = `persist-${randomBytes(4).toString('hex')}`;
        const answer = await persistRunning(host, connection, observed, by);
        switch (answer.kind) {
          case 'persisted':
            return { text: `persistent: ${answer.interfaces.join(', ')}`, bad: false };
          case 'nothing':
            return {
              text:
                observed.persistence.persistent === undefined &&
                observed.persistence.profiles.persistent.length === 0
                  ? 'netorch has changed nothing here: nothing to make persistent'
                  : 'what runs is persistent already',
              bad: false,
            };
          case 'failed':
            return { text: `not persistent: ${answer.why}`, bad: true };
        }
      }),
    );
}

export function unpersistCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('unpersist').description(
      'forget what is persistent: the next boot is what the hosts make of it without netorch; what runs stays',
    ),
  )
    .addHelpText('after', '\nExit codes: 0 done, 5 something is still persistent, 1 error')
    .action((options: HostOptions) =>
      onHosts(options, setExitCode, async (connection, { host }) => {
        const answer = await unpersistHost(host, connection);
        return answer.kind === 'removed'
          ? { text: 'nothing of netorch is persistent any more', bad: false }
          : { text: `still persistent: ${answer.why}`, bad: true };
      }),
    );
}

async function onHosts(
  options: HostOptions,
  setExitCode: (code: number) => void,
  ask: (connection: Connection, target: ConnectionTarget) => Promise<Answer>,
): Promise<void> {
  const answers = await askChosenHosts(options, ask);
  let exitCode = 0;
  for (const answer of answers) {
    if ('error' in answer) {
      exitCode = 1;
      printErrors(answer.error);
      continue;
    }
    if (answer.value.bad && exitCode === 0) exitCode = 5;
    process.stdout.write(`${sanitise(`${answer.host}: ${answer.value.text}`)}\n`);
  }
  setExitCode(exitCode);
}
