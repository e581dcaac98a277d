/** The file that `plan --out` writes and `apply FILE` carries out: documents and fingerprints, no secrets. */
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

import { parseDocument } from '../config/document.js';
import { locatedAt } from '../config/located.js';
import { parseWith } from '../config/schema-errors.js';
import { NetorchError, throwCollected, type SourceLocation } from '../errors.js';
import { canonicalIp, canonicalNetwork } from '../network/ip.js';
import { parseDesiredState } from '../network/parse.js';
import { checkDesiredState } from '../network/validate.js';
import { DEADLINE_SECONDS } from '../playbook/duration.js';
import type { Probe } from '../playbook/probe.js';
import { DEFAULT_ROLLOUT } from '../playbook/rollout-keys.js';
import type { HostTask, PlayTasks, RolloutRules } from './prepare.js';

const KIND = 'netorch-plan';

/** As in a playbook, and never taken for an option of ping. */
const probeAddress = z.string().regex(/^[^\s{}/-][^\s{}/]*$/, 'must be an address or a name');

const isRequired = z.boolean().optional();

const probeSchema = z.union([
  z.strictObject({
    kind: z.literal('ping'),
    address: probeAddress,
    size: z.number().int().min(28).max(65_535).optional(),
    count: z.number().int().min(1).max(10).optional(),
    isRequired,
  }),
  z.strictObject({
    kind: z.literal('tcp'),
    address: probeAddress,
    port: z.number().int().min(1).max(65_535),
    isRequired,
  }),
  z.strictObject({ kind: z.literal('arp'), address: probeAddress, isRequired }),
  z.strictObject({ kind: z.literal('dns'), name: probeAddress, isRequired }),
  z.strictObject({
    kind: z.literal('run'),
    command: z.array(z.string().min(1)).min(1),
    timeoutSeconds: z.number().min(1).max(20),
    isRequired,
  }),
  z.strictObject({
    kind: z.literal('lldp'),
    device: z.string().regex(/^[^\s/:-][^\s/:]{0,14}$/, 'must be the name of an interface'),
    switch: z.string().optional(),
    port: z.string().optional(),
    isRequired,
  }),
  z.strictObject({
    kind: z.literal('mesh'),
    network: z.string().refine((text) => canonicalNetwork(text) !== undefined, 'must be a network'),
    size: z.number().int().min(84).max(65_535).optional(),
    of: z.string().optional(),
    isRequired,
  }),
]);

/** Addresses of the hosts that mesh probes are to reach, and the hosts of their patterns. */
const meshSchema = z.strictObject({
  addresses: z.record(
    z.string(),
    z.array(z.string().refine((text) => canonicalIp(text) !== undefined, 'must be an address')),
  ),
  groups: z.record(z.string(), z.array(z.string())),
});

const rolloutSchema = z.strictObject({
  maxFailPercentage: z.number().min(0).max(100).optional(),
  throttle: z.number().int().min(1).optional(),
  anyErrorsFatal: z.boolean(),
  onLost: z.enum(['stop', 'continue']),
  soakSeconds: z.number().min(0),
  checkCommands: z.array(
    z.strictObject({
      command: z.array(z.string().min(1)).min(1),
      timeoutSeconds: z.number().min(1).max(3600),
    }),
  ),
  approve: z.enum(['auto', 'manual']),
  atomic: z.enum(['wave', 'run']).optional(),
});

const planFileSchema = z.strictObject({
  kind: z.literal(KIND),
  version: z.literal(1),
  created: z.string(),
  play: z.string(),
  rollout: rolloutSchema.optional(),
  /** Host → why it comes last and alone. */
  alone: z.record(z.string(), z.string()).optional(),
  becomeUser: z.string().min(1).optional(),
  mesh: meshSchema.optional(),
  waves: z.array(z.array(z.string())),
  hosts: z.record(
    z.string(),
    z.strictObject({
      /** Missing: the host is planned anew, as it is then. */
      fingerprint: z.string().optional(),
      confirmWindowSeconds: z.number().min(DEADLINE_SECONDS.least).max(DEADLINE_SECONDS.most),
      temporary: z.boolean().optional(),
      probes: z.array(probeSchema),
      checks: z.array(probeSchema).optional(),
      prune: z.boolean().optional(),
      allowCutOff: z.boolean().optional(),
      backend: z.enum(['auto', 'iproute2', 'nmcli']).optional(),
      /** Connection variables of the play; never passwords. */
      connection: z.record(z.string().regex(/^ansible_/), z.unknown()).optional(),
      network: z.record(z.string(), z.unknown()),
    }),
  ),
});

export type SavedPlan = Readonly<{
  created: string;
  play: Omit<PlayTasks, 'tasks'>;
  tasks: ReadonlyMap<string, Omit<HostTask, 'target'>>;
  fingerprints: ReadonlyMap<string, string>;
}>;

const SECRET = /pass(?:word|phrase)?$|secret/i;

/** Secrets among the connection variables that a play gives its hosts: a saved plan does not hold them. */
export function unsavedSecrets(play: PlayTasks): readonly string[] {
  const names = [...play.tasks.values()].flatMap((task) => Object.keys(task.connection));
  return [...new Set(names)].filter((name) => SECRET.test(name)).sort();
}

/**
 * The play as a file: JSON text. `fingerprints` undefined: every host is planned anew when the file is
 * carried out; else only hosts with a fingerprint are in it, and it holds for that state of theirs alone.
 */
export function planFileText(
  created: string,
  play: PlayTasks,
  fingerprints: ReadonlyMap<string, string> | undefined,
): string {
  const isIn = (host: string) => fingerprints === undefined || fingerprints.has(host);
  const waves = play.waves.map((wave) => wave.filter(isIn)).filter((wave) => wave.length > 0);
  const bare = (probes: readonly Probe[]) =>
    probes.map(({ location: _location, ...probe }) => probe);
  const hosts: Record<string, unknown> = {};
  for (const host of waves.flat()) {
    const task = play.tasks.get(host);
    if (task === undefined) continue;
    const fingerprint = fingerprints?.get(host);
    hosts[host] = {
      ...(fingerprint === undefined ? {} : { fingerprint }),
      confirmWindowSeconds: task.confirmWindowSeconds,
      probes: bare(task.probes),
      checks: bare(task.checks),
      connection: Object.fromEntries(
        Object.entries(task.connection).filter(([name]) => !SECRET.test(name)),
      ),
      ...(task.prune ? { prune: true } : {}),
      ...(task.allowCutOff ? { allowCutOff: true } : {}),
      ...(task.backend === 'auto' ? {} : { backend: task.backend }),
      ...(task.temporary ? { temporary: true } : {}),
      network: task.document.value,
    };
  }
  const { maxFailPercentage, throttle, anyErrorsFatal, onLost, soakSeconds, checkCommands } =
    play.rollout;
  const { approve, atomic } = play.rollout;
  const content = {
    kind: KIND,
    version: 1,
    created,
    play: play.name,
    // What is undefined is left out by JSON.
    rollout: {
      maxFailPercentage,
      throttle,
      anyErrorsFatal,
      onLost,
      soakSeconds,
      checkCommands,
      approve,
      atomic,
    },
    alone: play.alone,
    ...(play.becomeUser === undefined ? {} : { becomeUser: play.becomeUser }),
    ...(play.mesh === undefined ? {} : { mesh: play.mesh }),
    waves,
    hosts,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

export async function writePlanFile(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600 });
  } catch (error) {
    throw new NetorchError(
      'FILE_UNREADABLE',
      `the plan cannot be saved: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** undefined when the file is something else (a playbook). Throws for a plan file that is broken. */
export async function readPlanFile(file: string): Promise<SavedPlan | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    // Whoever reads it as a playbook next says what is wrong.
    return undefined;
  }
  if (!/^\s*\{/.test(text) || !text.includes(`"${KIND}"`)) return undefined;
  const document = parseDocument(file, text);
  const saved = parseWith(planFileSchema, document, 'plan file');
  const tasks = new Map<string, Omit<HostTask, 'target'>>();
  const fingerprints = new Map<string, string>();
  for (const [host, entry] of Object.entries(saved.hosts)) {
    const network = locatedAt(document, ['hosts', host, 'network']);
    const location = document.locate(['hosts', host, 'probes']);
    const desired = parseDesiredState(network);
    throwCollected(checkDesiredState(desired));
    tasks.set(host, {
      host,
      document: { value: entry.network, locate: network.locate },
      desired,
      prune: entry.prune === true,
      allowCutOff: entry.allowCutOff === true,
      backend: entry.backend ?? 'auto',
      others: [],
      probes: entry.probes.map((probe) => probeOf(probe, location)),
      checks: (entry.checks ?? []).map((probe) => probeOf(probe, location)),
      connection: entry.connection ?? {},
      confirmWindowSeconds: entry.confirmWindowSeconds,
      temporary: entry.temporary ?? false,
    });
    if (entry.fingerprint !== undefined) fingerprints.set(host, entry.fingerprint);
  }
  const unknown = saved.waves.flat().find((host) => !tasks.has(host));
  if (unknown !== undefined) {
    throw new NetorchError(
      'INVALID_VALUE',
      `the plan file has no plan for "${unknown}", which is in one of its waves`,
      {
        location: document.locate(['waves']),
      },
    );
  }
  const all = saved.waves.flat();
  const twice = all.find((host, index) => all.indexOf(host) !== index);
  if (twice !== undefined) {
    throw new NetorchError('INVALID_VALUE', `"${twice}" is twice in the waves of the plan file`, {
      location: document.locate(['waves']),
    });
  }
  return {
    created: saved.created,
    play: {
      name: saved.play,
      rollout: rolloutOf(saved.rollout),
      alone: saved.alone ?? {},
      becomeUser: saved.becomeUser,
      ...(saved.mesh === undefined ? {} : { mesh: saved.mesh }),
      waves: saved.waves,
    },
    tasks,
    fingerprints,
  };
}

function probeOf(saved: z.infer<typeof probeSchema>, location: SourceLocation): Probe {
  const { isRequired: required, ...probe } = saved;
  const known = { ...(required === undefined ? {} : { isRequired: required }), location };
  if (probe.kind === 'lldp') {
    const { kind, device, switch: name, port } = probe;
    return {
      kind,
      device,
      ...(name === undefined ? {} : { switch: name }),
      ...(port === undefined ? {} : { port }),
      ...known,
    };
  }
  if (probe.kind === 'mesh') {
    const { kind, network, size, of } = probe;
    return {
      kind,
      network,
      ...(size === undefined ? {} : { size }),
      ...(of === undefined ? {} : { of }),
      ...known,
    };
  }
  if (probe.kind !== 'ping') return { ...probe, ...known };
  const { address, size, count } = probe;
  return {
    kind: 'ping',
    address,
    ...(size === undefined ? {} : { size }),
    ...(count === undefined ? {} : { count }),
    ...known,
  };
}

function rolloutOf(saved: z.infer<typeof rolloutSchema> | undefined): RolloutRules {
  if (saved === undefined) return DEFAULT_ROLLOUT;
  const { maxFailPercentage, throttle, atomic, ...others } = saved;
  return { ...DEFAULT_ROLLOUT, ...others, maxFailPercentage, throttle, atomic };
}
