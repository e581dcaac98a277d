/** `netorch monitor`: what changes in the networks of many hosts, as one stream. Touches nothing. */
import { Command, InvalidArgumentError, Option } from 'commander';

import { parseDuration } from '../playbook/duration.js';
import type { MonitorEnd, MonitorEventBody } from '../run/monitor-events.js';
import { monitorHosts } from '../run/monitor-hosts.js';
import type { ConnectionTarget } from '../transport/transport.js';
import { REPORTER_KINDS, type ReporterKind } from '../ui/create-reporter.js';
import { createMonitorReporter } from '../ui/monitor-reporter.js';
import { chooseHosts } from './choose-hosts.js';
import { commandLine } from './command-line.js';
import {
  HOSTS_ARGUMENT,
  addHostOptions,
  readCommonOptions,
  withHosts,
  type HostOptions,
} from './host-options.js';
import { openTransport } from './open-transport.js';
import { collectErrors, openInventory, targetFor } from './prepare.js';

type MonitorOptions = HostOptions & Readonly<{ ui: ReporterKind; for?: number }>;

const INTERRUPTED = 130;
const LONGEST_SECONDS = 30 * 24 * 3600;

export function monitorCommand(setExitCode: (code: number) => void): Command {
  const command = addHostOptions(
    new Command('monitor').description(
      'show what changes in the networks of hosts, as it happens: links, carrier, addresses, routes, NetworkManager',
    ),
  );
  return command
    .argument(...HOSTS_ARGUMENT)
    .addOption(
      new Option('--ui <kind>', 'how it is shown').choices([...REPORTER_KINDS]).default('auto'),
    )
    .option('--for <duration>', 'end by itself after so long, such as "90s", "10m" or "8h"', length)
    .addHelpText(
      'after',
      '\nExit codes: 0 ended by --for or the key q, 1 error, or a host was not watched at the end, 130 ended by Ctrl-C or a signal',
    )
    .action(async (named: string | undefined, given: MonitorOptions) => {
      const options = withHosts(named, given);
      const common = readCommonOptions(options);
      const { inventory } = await openInventory(common);
      const hosts = (await chooseHosts(inventory, common)) ?? inventory.hosts;
      const targets = collectErrors(hosts, (host) => targetFor(host, inventory, undefined));
      setExitCode(await monitor(targets, options, commandLine(command)));
    });
}

function length(text: string): number {
  const seconds = parseDuration(/^\d+$/.test(text) ? Number(text) : text);
  if (seconds === undefined || seconds < 1 || seconds > LONGEST_SECONDS) {
    throw new InvalidArgumentError('it must be a time such as "90s", "10m", "8h".');
  }
  return seconds;
}

async function monitor(
  targets: readonly ConnectionTarget[],
  options: MonitorOptions,
  command: string,
): Promise<number> {
  const transport = await openTransport(targets);
  const ended = new AbortController();
  let how: 'time' | 'key' | 'signal' | undefined;
  const end = (why: typeof how) => (): void => {
    // Who does not want to wait until the hosts have ended theirs leaves at once: they end it by themselves.
    if (how === 'signal' && why === 'signal') {
      void reporter.close().finally(() => process.exit(INTERRUPTED));
    }
    how ??= why;
    if (why === 'signal') how = why;
    ended.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const interrupt = end('signal');
  const reporter = await createMonitorReporter(options.ui, {
    stdout: process.stdout,
    stdin: process.stdin,
    env: process.env,
    onInterrupt: interrupt,
    onLeave: end('key'),
  });
  for (const signal of signals) process.on(signal, interrupt);
  const emit = (event: MonitorEventBody): void => {
    reporter.handle({ at: new Date().toISOString(), ...event });
  };
  const stopTimer = afterSeconds(options.for, end('time'));
  try {
    emit({ type: 'monitor.started', hosts: targets.map(({ host }) => host), command });
    const notWatched = await monitorHosts({
      targets,
      transport,
      signal: ended.signal,
      emit,
      forks: options.forks,
    });
    const exitCode = how === 'signal' ? INTERRUPTED : notWatched.length > 0 ? 1 : 0;
    const why: MonitorEnd = how === undefined ? 'nothing-left' : how === 'time' ? 'time' : 'asked';
    emit({ type: 'monitor.finished', why, notWatched, exitCode });
    return exitCode;
  } finally {
    stopTimer();
    for (const signal of signals) process.removeListener(signal, interrupt);
    await reporter.close();
  }
}

/** The longest that one timer of Node's can take is 24 days. */
function afterSeconds(seconds: number | undefined, act: () => void): () => void {
  if (seconds === undefined) return () => undefined;
  const atMs = performance.now() + seconds * 1000;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    const leftMs = atMs - performance.now();
    if (leftMs <= 0) act();
    else timer = setTimeout(wait, Math.min(leftMs, 24 * 3600 * 1000));
  };
  wait();
  return () => clearTimeout(timer);
}
