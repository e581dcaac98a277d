/** `netorch drift`: desired, running and persistent state of hosts side by side; for people and for CI. */
import { Command } from 'commander';

import { NetorchError, NetorchErrors } from '../errors.js';
import { planHost } from '../plan/plan-host.js';
import { hostDrift, type HostDrift } from '../run/host-drift.js';
import { observeHost } from '../run/observe-host.js';
import { safeJson, sanitise } from '../ui/sanitise.js';
import { addHostOptions, readCommonOptions, type HostOptions } from './host-options.js';
import { askHosts } from './observe-hosts.js';
import { openTransport } from './open-transport.js';
import { prepare, type PlayTasks } from './prepare.js';
import { printErrors } from './print-errors.js';

type DriftOptions = HostOptions & Readonly<{ json?: boolean }>;

/** Exit codes: 0 no host drifts, 2 some do, 1 error. */
export function driftCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('drift')
      .description(
        'compare hosts as they run with what their plans say and with what a reboot brings back; touches nothing',
      )
      .argument('[playbook]', "playbook file (default: the project's, see netorch.yml)"),
  )
    .option('--json', 'print one JSON object: host to what differs')
    .addHelpText('after', '\nExit codes: 0 no host differs, 2 some do, 1 error')
    .action(async (playbook: string | undefined, options: DriftOptions) => {
      const plays = await prepare(readCommonOptions(options), playbook);
      const drifts = new Map<string, HostDrift>();
      let hasErrors = false;
      for (const play of plays) {
        for (const [host, found] of await driftOfPlay(play, options.forks)) {
          if (found instanceof NetorchError || found instanceof NetorchErrors) {
            hasErrors = true;
            printErrors(found);
            continue;
          }
          const earlier = drifts.get(host)?.desired ?? [];
          drifts.set(host, { ...found, desired: [...earlier, ...found.desired] });
        }
      }
      process.stdout.write(
        options.json === true
          ? `${safeJson(Object.fromEntries(drifts), 2)}\n`
          : driftLines(drifts)
              .map((line) => `${sanitise(line)}\n`)
              .join(''),
      );
      setExitCode(hasErrors ? 1 : [...drifts.values()].some(isDrift) ? 2 : 0);
    });
}

async function driftOfPlay(
  play: PlayTasks,
  forks: number,
): Promise<readonly (readonly [string, HostDrift | NetorchError | NetorchErrors])[]> {
  const targets = play.waves.flat().flatMap((host) => play.tasks.get(host)?.target ?? []);
  const transport = await openTransport(targets);
  const answers = await askHosts(targets, transport, forks, (connection, target) =>
    observeHost(target.host, connection),
  );
  return answers.map((answer) => {
    const { host } = answer;
    if ('error' in answer) return [host, answer.error] as const;
    const task = play.tasks.get(host);
    if (task === undefined) throw new Error(`no task for ${host}`);
    try {
      const plan = planHost(host, answer.value, task.desired, task);
      return [host, hostDrift(answer.value, plan)] as const;
    } catch (error) {
      if (error instanceof NetorchError || error instanceof NetorchErrors) return [host, error];
      throw error;
    }
  });
}

function isDrift({ desired, persistent }: HostDrift): boolean {
  return desired.length > 0 || persistent.length > 0;
}

/** Hosts without drift take a line each. */
export function driftLines(drifts: ReadonlyMap<string, HostDrift>): readonly string[] {
  return [...drifts].flatMap(([host, drift]) => {
    const { desired, persistent } = drift;
    if (!isDrift(drift)) return [`${host}: runs as its plan says, and is persistent`];
    return [
      `${host}: ${desired.length === 0 ? 'runs as its plan says' : 'runs otherwise than its plan says; to be as it says:'}`,
      ...desired.map((text) => `  ${text}`),
      ...persistent.map((text) => `  a reboot changes it: ${text}`),
    ];
  });
}
