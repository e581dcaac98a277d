/**
 * What `plan`, `apply` and `validate` share: project, inventory and playbook read, hosts chosen, every
 * document checked before any host is contacted. All mistakes are collected and thrown together.
 */
import { homedir, hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';

import { locatedAt } from '../config/located.js';
import type { Located } from '../config/located.js';
import { TaggedText } from '../config/tagged-text.js';
import { hasExpression, renderTemplates } from '../config/template.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import { selectHosts } from '../inventory/host-pattern.js';
import type { Inventory } from '../inventory/inventory.js';
import { loadInventory } from '../inventory/sources.js';
import type { DesiredState } from '../network/desired.js';
import { parseDesiredState } from '../network/parse.js';
import { checkDesiredState } from '../network/validate.js';
import type { BackendChoice } from '../plan/choose-backend.js';
import { checkFleet } from '../plan/fleet.js';
import { networkPlanFor } from '../playbook/network-plan.js';
import { checksFor, orderHosts, probesFor, variablesFor, type Play } from '../playbook/playbook.js';
import type { Probe } from '../playbook/probe.js';
import { DEFAULT_ROLLOUT, type RolloutKeys } from '../playbook/rollout-keys.js';
import { lastAndAlone, planWaves } from '../playbook/waves.js';
import { findProject, loadPlaybook, noPlaybookError } from '../playbook/settings.js';
import { DEFAULT_CONFIRM_SECONDS } from '../run/budget.js';
import { gateways, jumpHosts, plannedReach } from '../run/last-and-alone.js';
import type { MeshMembers } from '../run/mesh-board.js';
import { connectionTarget } from '../transport/connection-options.js';
import { createSshConfigReader } from '../transport/ssh-config-files.js';
import type { ConnectionTarget } from '../transport/transport.js';
import { meshMembers } from './mesh-members.js';
import { chooseHosts } from './choose-hosts.js';
import { printWarnings } from './print-errors.js';
import { openVault, type VaultOptions } from './vault-secrets.js';

export type CommonOptions = VaultOptions &
  Readonly<{
    inventory?: readonly string[];
    hosts?: string;
    limit?: string;
    deadline?: number;
    prune?: boolean;
    temporary?: boolean;
    cwd: string;
  }>;

export type HostTask = Readonly<{
  host: string;
  target: ConnectionTarget;
  /** The rendered network plan as it was written. */
  document: Located<Record<string, unknown>>;
  desired: DesiredState;
  /** Take away what netorch made and this plan names no more. */
  prune: boolean;
  /** Also a plan that takes away the address at which SSH answers. */
  allowCutOff: boolean;
  backend: BackendChoice;
  /** What other plays want of this host: pruning leaves it alone. */
  others: readonly DesiredState[];
  probes: readonly Probe[];
  /** Probes that are run after the host's wave. */
  checks: readonly Probe[];
  /** Connection variables that the play gives this host, rendered; a saved plan needs them. */
  connection: Readonly<Record<string, unknown>>;
  confirmWindowSeconds: number;
  /** The change is to live until the next reboot. */
  temporary: boolean;
}>;

/** Which of a play's keys are in force while it is rolled out; the others have made the waves. */
export type RolloutRules = Omit<RolloutKeys, 'serial' | 'order' | 'neverTogether' | 'spread'>;

export type PlayTasks = Readonly<{
  name: string;
  rollout: RolloutRules;
  /** Host → why it comes last and alone. */
  alone: Readonly<Record<string, string>>;
  /** The play asks for root's (or this user's) rights on its hosts. */
  becomeUser: string | undefined;
  waves: readonly (readonly string[])[];
  tasks: ReadonlyMap<string, HostTask>;
  /** Of mesh probes; undefined: there are none. */
  mesh?: MeshMembers;
}>;

/** Runs `work` for each item; user errors are collected, so that all mistakes are shown in one go. */
export function collectErrors<T, R>(items: readonly T[], work: (item: T) => R): R[] {
  const errors: NetorchError[] = [];
  const results: R[] = [];
  for (const item of items) {
    try {
      results.push(work(item));
    } catch (error) {
      if (error instanceof NetorchErrors) errors.push(...error.errors);
      else if (error instanceof NetorchError) errors.push(error);
      else throw error;
    }
  }
  // One mistake in a play is found once for each of its hosts: say it once.
  const seen = new Set<string>();
  throwCollected(
    errors.filter((error) => {
      const key = `${error.code} ${JSON.stringify(error.location)} ${error.message}`;
      if (seen.has(key)) return false;
      seen.add(key);
      return true;
    }),
  );
  return results;
}

export async function openInventory(
  options: CommonOptions,
  playbook?: string,
): Promise<{ inventory: Inventory; project: Awaited<ReturnType<typeof findProject>> }> {
  const project = await findProject(options.cwd, {
    ...(options.inventory === undefined || options.inventory.length === 0
      ? {}
      : { inventory: [...options.inventory] }),
    ...(playbook === undefined ? {} : { playbook }),
  });
  const inventory = await loadInventory([...project.inventorySources], {
    cwd: options.cwd,
    // Without a playbook the project's folder has its place, as Ansible's current folder has.
    playbookDir: project.playbookFile === undefined ? project.root : dirname(project.playbookFile),
    vault: await openVault(options, process.env, options.cwd),
  });
  printWarnings(inventory.warnings);
  return { inventory, project };
}

/** Read when the first host asks, and once. */
const sshConfig = createSshConfigReader(homedir());

export function targetFor(
  host: string,
  inventory: Inventory,
  play: Pick<Play, 'vars' | 'become' | 'becomeUser'> | undefined,
  becomeUser: string | undefined = becomeUserOf(play),
): ConnectionTarget {
  return connectionTarget(host, renderedWhenRead(variablesFor(host, play, inventory)), {
    user: userInfo().username,
    become:
      becomeUser === undefined
        ? undefined
        : { method: 'sudo', user: becomeUser, password: undefined },
    home: homedir(),
    env: process.env,
    sshConfig,
    localHostname: hostname(),
    uid: process.getuid?.(),
  });
}

function becomeUserOf(play: Pick<Play, 'become' | 'becomeUser'> | undefined): string | undefined {
  return play?.become === true ? (play.becomeUser ?? 'root') : undefined;
}

/**
 * The host's variables, with templates filled in and `!vault` values opened when they are read: most of
 * them say nothing about the connection, and need no password and no other variable here.
 */
function renderedWhenRead(
  vars: Located<Record<string, unknown>>,
): Located<Record<string, unknown>> {
  const value: Record<string, unknown> = { ...vars.value };
  for (const [key, raw] of Object.entries(vars.value)) {
    const isOpen = typeof raw === 'string' ? !hasExpression(raw) : !(raw instanceof TaggedText);
    if (isOpen) continue;
    Object.defineProperty(value, key, {
      enumerable: true,
      get: () => renderTemplates(locatedAt(vars, [key]), vars.value, vars.locate).value,
    });
  }
  return { value, locate: vars.locate };
}

/** The plays of the playbook (or the hosts' own plans), each with its waves and one task a host. */
export async function prepare(
  options: CommonOptions,
  playbook: string | undefined,
): Promise<readonly PlayTasks[]> {
  const { inventory, project } = await openInventory(options, playbook);
  const hostsChosen = await chooseHosts(inventory, options);
  const chosen = hostsChosen === undefined ? undefined : new Set(hostsChosen);
  const { playbookFile } = project;
  if (playbookFile === undefined) {
    const hosts = [...(chosen ?? inventory.hosts)];
    const tasks = collectErrors(hosts, (host) =>
      taskFor(host, undefined, inventory, options),
    ).filter((task) => task !== undefined);
    if (tasks.length === 0 || tasks.length < hosts.length) {
      const without = hosts.filter((host) => !tasks.some((task) => task.host === host));
      throw noPlaybookError(project, without);
    }
    refuseFleetErrors(tasks);
    return [
      {
        name: 'network plans of the inventory',
        rollout: DEFAULT_ROLLOUT,
        becomeUser: undefined,
        ...wavesOf(tasks, hosts, DEFAULT_ROLLOUT, inventory, undefined),
        tasks: new Map(tasks.map((task) => [task.host, task])),
      },
    ];
  }
  const { plays } = await loadPlaybook(playbookFile, options.cwd);
  const prepared = collectErrors(plays, (play): PlayTasks => {
    const hosts = orderHosts(
      selectHosts(inventory, play.hosts, play.hostsLocation),
      play.order,
      Math.random,
    ).filter((host) => chosen === undefined || chosen.has(host));
    const tasks = collectErrors(hosts, (host) => taskFor(host, play, inventory, options)).filter(
      (task) => task !== undefined,
    );
    if (hosts.length > 0 && tasks.length === 0) {
      throw new NetorchError(
        'USAGE',
        `play "${play.name}" has no network plan, and neither have its hosts`,
        {
          location: play.location,
          notes: ['give the play a "network:", or the hosts a variable of that name'],
        },
      );
    }
    refuseFleetErrors(tasks);
    const known = new Map(tasks.map((task) => [task.host, task]));
    const mesh = meshMembers(tasks, play, inventory);
    return {
      ...(mesh === undefined ? {} : { mesh }),
      name: play.name,
      rollout: play,
      becomeUser: becomeUserOf(play),
      ...wavesOf(
        tasks,
        hosts.filter((host) => known.has(host)),
        play,
        inventory,
        play,
      ),
      tasks: known,
    };
  });
  const begun = prepared.filter((play) => play.tasks.size > 0);
  if (begun.length === 0) {
    throw new NetorchError(
      'NO_HOSTS',
      `no host is both in a play of ${playbookFile} and in --hosts ${options.hosts ?? options.limit ?? 'all'}`,
    );
  }
  return begun.map((play) => ({ ...play, tasks: knowingOthers(play, begun) }));
}

/** The tasks of a play, each with what the other plays want of its host. */
function knowingOthers(play: PlayTasks, plays: readonly PlayTasks[]): PlayTasks['tasks'] {
  const rest = plays.filter((other) => other !== play);
  return new Map(
    [...play.tasks].map(([host, task]) => [
      host,
      { ...task, others: rest.flatMap((other) => other.tasks.get(host)?.desired ?? []) },
    ]),
  );
}

/** What the plans of the hosts have against each other, as far as it can be told before contact. */
function refuseFleetErrors(tasks: readonly HostTask[]): void {
  const hosts = tasks.map(({ host, desired }) => ({ host, desired }));
  const errors = checkFleet(hosts).filter((finding) => finding.severity === 'error');
  throwCollected(
    errors.map(({ text, location }) => new NetorchError('INVALID_NETWORK', text, { location })),
  );
}

/** The waves of a play; a jump host comes last and alone: while it is changed, no other can be confirmed. */
function wavesOf(
  tasks: readonly HostTask[],
  hosts: readonly string[],
  rollout: RolloutKeys,
  inventory: Inventory,
  play: Play | undefined,
): Pick<PlayTasks, 'waves' | 'alone'> {
  const valueOf = (variable: string) => {
    const values = new Map(
      hosts.map((host) => [host, groupingValue(host, variable, inventory, play)]),
    );
    if (hosts.length > 0 && [...values.values()].every((value) => value === undefined)) {
      throw new NetorchError(
        'UNDEFINED_VARIABLE',
        `no host of play "${play?.name ?? ''}" has a variable "${variable}"`,
        {
          location: play?.location,
          notes: [
            '"never_together" and "spread" group hosts by the value of an inventory variable',
          ],
        },
      );
    }
    return (host: string) => values.get(host);
  };
  const waves = planWaves(hosts, {
    serial: rollout.serial,
    neverTogether: rollout.neverTogether.map(valueOf),
    spread: rollout.spread === undefined ? undefined : valueOf(rollout.spread),
  });
  // A host that is both comes as late as it must: as a jump host.
  const alone = new Map([
    ...gateways(
      tasks.map(({ host, desired, target }) => [host, plannedReach(desired, target.address)]),
    ),
    ...jumpHosts(tasks.map((task) => task.target)),
  ]);
  return comingLast({ waves, alone: {} }, alone);
}

/** The play with these hosts last and alone, before those that are already; `alone`: host → why. */
export function comingLast<T extends Pick<PlayTasks, 'waves' | 'alone'>>(
  play: T,
  alone: ReadonlyMap<string, string>,
): T {
  const all = { ...Object.fromEntries(alone), ...play.alone };
  return { ...play, waves: lastAndAlone(play.waves, Object.keys(all)), alone: all };
}

/** Values are told apart as text; a host without the variable is bound to none. */
function groupingValue(
  host: string,
  variable: string,
  inventory: Inventory,
  play: Play | undefined,
): string | undefined {
  const value = renderedWhenRead(variablesFor(host, play, inventory)).value[variable];
  if (value === undefined || value === null) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** What a play's `vars` say of the connection to a host. */
function connectionVariables(
  host: string,
  play: Play | undefined,
  inventory: Inventory,
): Readonly<Record<string, unknown>> {
  const names = Object.keys(play?.vars.value ?? {}).filter((name) => name.startsWith('ansible_'));
  if (names.length === 0) return {};
  const { value } = renderedWhenRead(variablesFor(host, play, inventory));
  return Object.fromEntries(names.map((name) => [name, value[name]]));
}

function taskFor(
  host: string,
  play: Play | undefined,
  inventory: Inventory,
  options: CommonOptions,
): HostTask | undefined {
  const document = networkPlanFor(host, play, inventory);
  if (document === undefined) return undefined;
  const desired = parseDesiredState(document);
  throwCollected(checkDesiredState(desired));
  return {
    host,
    target: targetFor(host, inventory, play),
    document,
    desired,
    prune: options.prune === true,
    allowCutOff: play?.allowCutOff ?? false,
    backend: play?.backend ?? 'auto',
    others: [],
    probes: play === undefined ? [] : probesFor(host, play, inventory),
    checks: play === undefined ? [] : checksFor(host, play, inventory),
    connection: connectionVariables(host, play, inventory),
    confirmWindowSeconds: options.deadline ?? play?.confirmWindowSeconds ?? DEFAULT_CONFIRM_SECONDS,
    temporary: options.temporary ?? play?.temporary ?? false,
  };
}
