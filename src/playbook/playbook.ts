/** Playbooks: a list of plays, each saying what is rolled out to which hosts and how. */
import { z } from 'zod';
import { parseDocument } from '../config/document.js';
import { composeMap, locatedAt, locatedItems } from '../config/located.js';
import type { Located } from '../config/located.js';
import { parseWith, valueText } from '../config/schema-errors.js';
import type { IssueParams } from '../config/schema-errors.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { splitHostPattern } from '../inventory/host-pattern.js';
import type { Inventory } from '../inventory/inventory.js';
import { parseDuration } from './duration.js';
import { checkProbes, renderProbes } from './probe.js';
import type { Probe } from './probe.js';
import type { SerialStep } from './serial-waves.js';
import { wholeNumber } from './whole-number.js';

export type HostOrder = 'inventory' | 'reverse_inventory' | 'sorted' | 'reverse_sorted';

export type Play = Readonly<{
  /** The hosts pattern when the play has no name. */
  name: string;
  /** A host pattern (inventory/host-pattern.ts). */
  hosts: string;
  /** Where `hosts` was written. */
  hostsLocation: SourceLocation;
  location: SourceLocation;
  /** Empty: all hosts in one wave. */
  serial: readonly SerialStep[];
  /** undefined: the run's default. */
  maxFailPercentage: number | undefined;
  order: HostOrder;
  /** Stronger than the inventory's variables; not rendered. */
  vars: Located<Record<string, unknown>>;
  become: boolean | undefined;
  becomeUser: string | undefined;
  backend: 'auto' | 'iproute2';
  /** Seconds that the controller has to confirm a host after its change; undefined: the default. */
  confirmWindowSeconds: number | undefined;
  /** The play's own network plan, not rendered; see network-plan.ts. */
  network: Located | undefined;
  /** Not rendered; see probesFor. */
  probes: Located;
}>;

export type Playbook = Readonly<{ file: string; plays: readonly Play[] }>;

/** Throws YAML_SYNTAX, UNKNOWN_KEY, INVALID_VALUE, NOT_SUPPORTED: all mistakes of the plays at once. */
export function parsePlaybook(file: string, text: string): Playbook {
  const document = parseDocument(file, text);
  if (!Array.isArray(document.value) || document.value.length === 0) {
    const found = `a playbook is a list of plays, this is ${valueText(document.value)}`;
    throw new NetorchError('INVALID_VALUE', found, {
      location: document.locate([]),
      notes: ['for example: "- hosts: storage", and below it "  network: …"'],
    });
  }
  const errors: NetorchError[] = [];
  const plays = locatedItems(document).flatMap((play) => {
    try {
      return [parsePlay(play)];
    } catch (error) {
      if (error instanceof NetorchError) errors.push(error);
      else if (error instanceof NetorchErrors) errors.push(...error.errors);
      else throw error;
      return [];
    }
  });
  throwCollected(errors);
  return { file, plays };
}

/** The variables of a host in a play: the inventory's, the play's over them, the magic ones last. */
export function variablesFor(
  host: string,
  play: Play | undefined,
  inventory: Inventory,
): Located<Record<string, unknown>> {
  const own = inventory.hostVars(host);
  if (play === undefined) return own;
  const merged = new Map<string, Located>();
  for (const key of Object.keys(own.value)) merged.set(key, locatedAt(own, [key]));
  for (const key of Object.keys(play.vars.value)) {
    if (!MAGIC.has(key)) merged.set(key, locatedAt(play.vars, [key]));
  }
  return composeMap(merged, inventory.locationOf(host));
}

const MAGIC = new Set(['inventory_hostname', 'inventory_hostname_short', 'group_names', 'groups']);

/** The play's probes for one host. Throws template errors and INVALID_VALUE. */
export function probesFor(host: string, play: Play, inventory: Inventory): readonly Probe[] {
  return renderProbes(play.probes, variablesFor(host, play, inventory));
}

export function orderHosts(hosts: readonly string[], order: HostOrder): readonly string[] {
  switch (order) {
    case 'inventory':
      return hosts;
    case 'reverse_inventory':
      return hosts.toReversed();
    case 'sorted':
      return hosts.toSorted();
    case 'reverse_sorted':
      return hosts.toSorted().reverse();
  }
}

function parsePlay(located: Located): Play {
  const play = parseWith(playSchema, located, 'play');
  const at = (key: string): Located => locatedAt(located, [key]);
  const probes: Located = play.probes === undefined ? { ...at('probes'), value: [] } : at('probes');
  checkProbes(probes);
  return {
    name: play.name ?? play.hosts,
    hosts: play.hosts,
    hostsLocation: located.locate(['hosts']),
    location: located.locate([]),
    serial: play.serial ?? [],
    maxFailPercentage: play.max_fail_percentage,
    order: play.order ?? 'inventory',
    vars: { value: play.vars ?? {}, locate: at('vars').locate },
    become: play.become,
    becomeUser: play.become_user,
    backend: play.backend ?? 'auto',
    confirmWindowSeconds: play.deadline,
    network: play.network === undefined || play.network === null ? undefined : at('network'),
    probes,
  };
}

const patternSchema = z
  .union([z.string().min(1), z.array(z.string().min(1)).min(1)], {
    error: 'must be a host pattern, such as "all" or "web:!web3"',
  })
  // Each is split by itself: in a list, a comma in one says nothing about the colons of another.
  .transform((pattern) =>
    typeof pattern === 'string' ? pattern : pattern.flatMap(splitHostPattern).join(','),
  );

const SERIAL = 'must be a number of hosts, a share like "10%", or a list of those';

const serialStepSchema = z
  .union([z.number().int(), z.string()], { error: SERIAL })
  .transform((value, context): SerialStep => {
    const [, digits, percent] = /^(\d+(?:\.\d+)?)(%)?$/.exec(String(value)) ?? [];
    const amount = Number(digits);
    if (digits !== undefined && percent === '%' && amount <= 100) return { percent: amount };
    if (percent === undefined && Number.isInteger(amount)) return { hosts: amount };
    context.addIssue({ code: 'custom', message: SERIAL });
    return z.NEVER;
  });

const serialSchema = z
  .union([z.array(serialStepSchema).min(1), serialStepSchema], { error: SERIAL })
  .transform((steps) => (Array.isArray(steps) ? steps : [steps]));

/** `become: yes` is what people write; YAML 1.2 reads a text there. */
const booleanSchema = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  if (/^(?:true|yes|on)$/i.test(value)) return true;
  return /^(?:false|no|off)$/i.test(value) ? false : value;
}, z.boolean());

/** One of `known`; words of `later` are refused by name, with the reason. */
function choice<const T extends string>(
  known: readonly T[],
  later: Readonly<Record<string, string>>,
) {
  return z
    .string({ error: `must be one of ${known.join(', ')}` })
    .transform((value, context): T => {
      const found = known.find((word) => word === value);
      if (found !== undefined) return found;
      const reason = Object.hasOwn(later, value) ? later[value] : undefined;
      const params: IssueParams = reason === undefined ? {} : { code: 'NOT_SUPPORTED' };
      const message = reason ?? `must be one of ${known.join(', ')}`;
      context.addIssue({ code: 'custom', message, params: { ...params } });
      return z.NEVER;
    });
}

const durationSchema = z.unknown().transform((value, context): number => {
  const seconds = parseDuration(value);
  if (seconds !== undefined && seconds >= 5 && seconds <= 3600) return seconds;
  context.addIssue({
    code: 'custom',
    message: 'must be a time from 5s to 1h, such as "45s", "2m" or a number of seconds',
  });
  return z.NEVER;
});

const playSchema = z.strictObject({
  name: z.string().optional(),
  hosts: patternSchema,
  serial: serialSchema.optional(),
  max_fail_percentage: wholeNumber(0, 100).optional(),
  order: choice(['inventory', 'reverse_inventory', 'sorted', 'reverse_sorted'], {
    shuffle: 'which is not done yet; use inventory, reverse_inventory, sorted or reverse_sorted',
  }).optional(),
  vars: z.record(z.string(), z.unknown()).nullish(),
  become: booleanSchema.optional(),
  become_user: z.string().optional(),
  backend: choice(['auto', 'iproute2'], {
    nmcli: 'which is not done yet; use auto or iproute2',
  }).optional(),
  deadline: durationSchema.optional(),
  network: z.record(z.string(), z.unknown(), { error: 'must be a map: a network plan' }).nullish(),
  probes: z
    .array(z.looseObject({}, { error: 'must be a probe, such as {ping: 192.0.2.1}' }), {
      error: 'must be a list of probes',
    })
    .optional(),
});
