/** `netorch plan`: observe, work out the changes, show them. Touches nothing. */
import { Command } from 'commander';

import { NetorchError, NetorchErrors } from '../errors.js';
import type { NetworkState } from '../network/state.js';
import type { FleetFinding } from '../plan/change.js';
import { checkFleet, type FleetHost } from '../plan/fleet.js';
import { planHost } from '../plan/plan-host.js';
import { bootHazards } from '../run/boot-hazards.js';
import { deadlineHazards } from '../run/budget.js';
import { gateways, observedReach, type Reach } from '../run/last-and-alone.js';
import { observeHost } from '../run/observe-host.js';
import { planFingerprint } from '../run/plan-fingerprint.js';
import { planToJson } from '../ui/plan-json.js';
import { renderPlan, type HostPlan } from '../ui/plan-text.js';
import { safeJson, sanitise } from '../ui/sanitise.js';
import { isUtf8Locale, wantsColour } from '../ui/glyphs.js';
import { PRUNE_HELP, addHostOptions, readCommonOptions, type HostOptions } from './host-options.js';
import { askHosts } from './observe-hosts.js';
import { openTransport } from './open-transport.js';
import { planFileText, unsavedSecrets, writePlanFile } from './plan-file.js';
import { comingLast, prepare, type PlayTasks } from './prepare.js';

type PlanOptions = HostOptions & Readonly<{ json?: boolean; out?: string }>;

/** Exit codes: 0 nothing to do, 2 changes, 1 error. */
export function planCommand(setExitCode: (code: number) => void): Command {
  return addHostOptions(
    new Command('plan')
      .description('show what would change on which host, in which order and why; touches nothing')
      .argument('[playbook]', "playbook file (default: the project's, see netorch.yml)"),
  )
    .option('--prune', PRUNE_HELP)
    .option('--json', 'print the plans as JSON')
    .option('--out <file>', 'save the plan, to be carried out by "netorch apply FILE"')
    .addHelpText('after', '\nExit codes: 0 nothing to do, 2 changes, 1 error')
    .action(async (playbook: string | undefined, options: PlanOptions) => {
      const plays = await prepare(readCommonOptions(options), playbook);
      if (options.out !== undefined && plays.length > 1) {
        throw new NetorchError(
          'USAGE',
          `--out saves one play, and ${plays.length} plays apply to these hosts`,
          {
            notes: [
              'the plan of a later play depends on what the earlier ones did: plan and apply them one by one',
            ],
          },
        );
      }
      let hasChanges = false;
      let hasErrors = false;
      for (const play of plays) {
        const { plans, fingerprints, findings, observed } = await planPlay(play, options.forks);
        hasErrors ||=
          plans.some((item) => item.error !== undefined) ||
          findings.some((finding) => finding.severity === 'error');
        hasChanges ||= plans.some(
          (item) => item.plan !== undefined && item.plan.changes.length > 0,
        );
        if (options.json === true) {
          process.stdout.write(`${safeJson(planToJson(plans, findings))}\n`);
        } else {
          if (plays.length > 1) process.stdout.write(`Play: ${play.name}\n\n`);
          const colour = wantsColour(process.env, process.stdout.isTTY);
          process.stdout.write(
            `${renderPlan(
              plans,
              {
                colour,
                unicode: isUtf8Locale(process.env),
                ...(process.stdout.isTTY ? { width: process.stdout.columns } : {}),
              },
              findings,
            )}\n`,
          );
        }
        if (options.out !== undefined) {
          if (hasErrors) {
            process.stderr.write(`not saved: not every host can be changed as planned\n`);
          } else {
            await writePlanFile(
              options.out,
              planFileText(new Date().toISOString(), comingLast(play, observed), fingerprints),
            );
            for (const name of unsavedSecrets(play)) {
              process.stderr.write(
                `not saved: ${name} of the play's vars (a saved plan holds no secrets; put it in the inventory)\n`,
              );
            }
            process.stderr.write(
              `saved to ${options.out}; carry it out with: netorch apply ${options.out}\n`,
            );
          }
        }
      }
      setExitCode(hasErrors ? 1 : hasChanges ? 2 : 0);
    });
}

async function planPlay(
  play: PlayTasks,
  forks: number,
): Promise<{
  plans: readonly HostPlan[];
  fingerprints: ReadonlyMap<string, string>;
  findings: readonly FleetFinding[];
  /** Hosts that turned out to be gateways of others → why they come last. */
  observed: ReadonlyMap<string, string>;
}> {
  const hosts = play.waves.flat();
  const tasks = hosts.flatMap((host) => play.tasks.get(host) ?? []);
  const targets = tasks.map((task) => task.target);
  const answers = await askHosts(
    targets,
    await openTransport(targets),
    forks,
    (connection, target) => observeHost(target.host, connection),
  );
  const fingerprints = new Map<string, string>();
  const targetStates = new Map<string, NetworkState>();
  const reaches: (readonly [string, Reach])[] = [];
  const plans = answers.map((answer): HostPlan => {
    const { host } = answer;
    if ('error' in answer) return { host, plan: undefined, error: single(answer.error) };
    const task = play.tasks.get(host);
    if (task === undefined) throw new Error(`no task for ${host}`);
    reaches.push([host, observedReach(answer.value.state)]);
    try {
      const changes = planHost(host, answer.value, task.desired, task);
      const atBoot = bootHazards(answer.value, changes, task.temporary);
      const deadline = deadlineHazards(changes, task.confirmWindowSeconds);
      const plan = { ...changes, hazards: [...changes.hazards, ...deadline, ...atBoot] };
      fingerprints.set(host, planFingerprint(plan, answer.value));
      targetStates.set(host, plan.target);
      if (plan.changes.length > 0) return { host, plan };
      for (const { severity, text } of atBoot) {
        if (severity === 'warning') process.stderr.write(`${sanitise(`${host}: ${text}`)}\n`);
      }
      return { host, plan: undefined };
    } catch (error) {
      if (error instanceof NetorchError || error instanceof NetorchErrors)
        return { host, plan: undefined, error: single(error) };
      throw error;
    }
  });
  const findings = checkFleet(
    tasks.map(({ host, desired }): FleetHost => {
      const target = targetStates.get(host);
      return { host, desired, ...(target === undefined ? {} : { target }) };
    }),
  );
  return { plans, fingerprints, findings, observed: gateways(reaches) };
}

/** Several errors of one host as one: the first, the others as its notes. */
function single(error: NetorchError | NetorchErrors): NetorchError {
  if (error instanceof NetorchError) return error;
  const [first, ...others] = error.errors;
  if (first === undefined) return new NetorchError('USAGE', error.message);
  return new NetorchError(first.code, first.message, {
    location: first.location,
    notes: [...first.notes, ...others.map((other) => `and: ${other.message}`)],
  });
}
