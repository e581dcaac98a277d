/** The file that `plan --out` writes and `apply FILE` carries out: documents and fingerprints, no secrets. */
import { readFile, writeFile } from 'node:fs/promises';
import { z } from 'zod';

import { parseDocument } from '../config/document.js';
import { locatedAt } from '../config/located.js';
import { parseWith } from '../config/schema-errors.js';
import { NetorchError, throwCollected } from '../errors.js';
import { parseDesiredState } from '../network/parse.js';
import { checkDesiredState } from '../network/validate.js';
import { DEADLINE_SECONDS } from '../playbook/duration.js';
import type { HostTask, PlayTasks } from './prepare.js';

const KIND = 'netorch-plan';

/** As in a playbook, and never taken for an option of ping. */
const probeAddress = z.string().regex(/^[^\s{}/-][^\s{}/]*$/, 'must be an address or a name');

const probeSchema = z.union([
  z.strictObject({
    kind: z.literal('ping'),
    address: probeAddress,
    size: z.number().int().min(28).max(65_535).optional(),
    count: z.number().int().min(1).max(10).optional(),
  }),
  z.strictObject({
    kind: z.literal('tcp'),
    address: probeAddress,
    port: z.number().int().min(1).max(65_535),
  }),
]);

const planFileSchema = z.strictObject({
  kind: z.literal(KIND),
  version: z.literal(1),
  created: z.string(),
  play: z.string(),
  maxFailPercentage: z.number().min(0).max(100).optional(),
  becomeUser: z.string().min(1).optional(),
  waves: z.array(z.array(z.string())),
  hosts: z.record(
    z.string(),
    z.strictObject({
      fingerprint: z.string(),
      confirmWindowSeconds: z.number().min(DEADLINE_SECONDS.least).max(DEADLINE_SECONDS.most),
      probes: z.array(probeSchema),
      prune: z.boolean().optional(),
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

export async function writePlanFile(
  file: string,
  created: string,
  play: PlayTasks,
  fingerprints: ReadonlyMap<string, string>,
): Promise<void> {
  const waves = play.waves
    .map((wave) => wave.filter((host) => fingerprints.has(host)))
    .filter((wave) => wave.length > 0);
  const hosts: Record<string, unknown> = {};
  for (const [host, fingerprint] of fingerprints) {
    const task = play.tasks.get(host);
    if (task === undefined) continue;
    hosts[host] = {
      fingerprint,
      confirmWindowSeconds: task.confirmWindowSeconds,
      probes: task.probes.map(({ location: _location, ...probe }) => probe),
      ...(task.prune ? { prune: true } : {}),
      network: task.document.value,
    };
  }
  const content = {
    kind: KIND,
    version: 1,
    created,
    play: play.name,
    ...(play.maxFailPercentage === undefined ? {} : { maxFailPercentage: play.maxFailPercentage }),
    ...(play.becomeUser === undefined ? {} : { becomeUser: play.becomeUser }),
    waves,
    hosts,
  };
  try {
    await writeFile(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
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
      others: [],
      probes: entry.probes.map((probe) =>
        probe.kind === 'tcp'
          ? { ...probe, location }
          : {
              kind: 'ping' as const,
              address: probe.address,
              ...(probe.size === undefined ? {} : { size: probe.size }),
              ...(probe.count === undefined ? {} : { count: probe.count }),
              location,
            },
      ),
      confirmWindowSeconds: entry.confirmWindowSeconds,
    });
    fingerprints.set(host, entry.fingerprint);
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
      maxFailPercentage: saved.maxFailPercentage,
      becomeUser: saved.becomeUser,
      waves: saved.waves,
    },
    tasks,
    fingerprints,
  };
}
