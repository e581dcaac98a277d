/** Playbooks: a list of plays, each saying what is rolled out to which hosts and how. */
import { z } from 'zod';
import { parseDocument } from '../config/document.js';
import { composeMap, locatedAt, locatedItems } from '../config/located.js';
import type { Located } from '../config/located.js';
import { parseWith, valueText } from '../config/schema-errors.js';
import { NetorchError, NetorchErrors, throwCollected } from '../errors.js';
import type { SourceLocation } from '../errors.js';
import { splitHostPattern } from '../inventory/host-pattern.js';
import type { Inventory } from '../inventory/inventory.js';
import { parseChecks } from './checks.js';
import { checkProbes, renderProbes } from './probe.js';
import type { Probe } from './probe.js';
import {
  booleanSchema,
  choice,
  durationBetween,
  rolloutKeys,
  rolloutShape,
  type HostOrder,
  type RolloutKeys,
} from './rollout-keys.js';

export type Play = RolloutKeys &
  Readonly<{
    /** The hosts pattern when the play has no name. */
    name: string;
    /** A host pattern (inventory/host-pattern.ts). */
    hosts: string;
    /** Where `hosts` was written. */
    hostsLocation: SourceLocation;
    location: SourceLocation;
    /** Stronger than the inventory's variables; not rendered. */
    vars: Located<Record<string, unknown>>;
    become: boolean | undefined;
    becomeUser: string | undefined;
    backend: 'auto' | 'iproute2' | 'nmcli';
    /** Seconds that the controller has to confirm a host after its change; undefined: the default. */
    confirmWindowSeconds: number | undefined;
    /** The changes live until the next reboot: nothing is made persistent. */
    temporary: boolean;
    /** The play's own network plan, not rendered; see network-plan.ts. */
    network: Located | undefined;
    /** Not rendered; see probesFor. */
    probes: Located;
    /** Probes that are run after the host's wave; not rendered, see checksFor. */
    checkProbes: Located;
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
  play: Pick<Play, 'vars'> | undefined,
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

/** The probes of the play's `checks` for one host. */
export function checksFor(host: string, play: Play, inventory: Inventory): readonly Probe[] {
  return renderProbes(play.checkProbes, variablesFor(host, play, inventory));
}

/** `random`: from 0 to below 1, for `shuffle`. */
export function orderHosts(
  hosts: readonly string[],
  order: HostOrder,
  random: () => number,
): readonly string[] {
  switch (order) {
    case 'shuffle': {
      // Fisher and Yates: each order is as likely as any other.
      const shuffled = [...hosts];
      for (let index = shuffled.length - 1; index > 0; index--) {
        const other = Math.floor(random() * (index + 1));
        const [a, b] = [shuffled[index], shuffled[other]];
        if (a === undefined || b === undefined) continue;
        shuffled[index] = b;
        shuffled[other] = a;
      }
      return shuffled;
    }
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
  const checks = parseChecks(
    play.checks === undefined ? { ...at('checks'), value: [] } : at('checks'),
  );
  return {
    ...rolloutKeys(play, checks.commands),
    name: play.name ?? play.hosts,
    hosts: play.hosts,
    hostsLocation: located.locate(['hosts']),
    location: located.locate([]),
    vars: { value: play.vars ?? {}, locate: at('vars').locate },
    become: play.become,
    becomeUser: play.become_user,
    backend: play.backend ?? 'auto',
    confirmWindowSeconds: play.deadline,
    temporary: play.temporary ?? false,
    network: play.network === undefined || play.network === null ? undefined : at('network'),
    probes,
    checkProbes: checks.probes,
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

/** A play as it is written. */
export const playSchema = z.strictObject({
  name: z.string().optional(),
  hosts: patternSchema,
  ...rolloutShape,
  vars: z.record(z.string(), z.unknown()).nullish(),
  become: booleanSchema.optional(),
  become_user: z.string().optional(),
  backend: choice(['auto', 'iproute2', 'nmcli']).optional(),
  deadline: durationBetween(5, 3600, '5s to 1h').optional(),
  temporary: booleanSchema.optional(),
  network: z.record(z.string(), z.unknown(), { error: 'must be a map: a network plan' }).nullish(),
  probes: z
    .array(z.looseObject({}, { error: 'must be a probe, such as {ping: 192.0.2.1}' }), {
      error: 'must be a list of probes',
    })
    .optional(),
  checks: z
    .array(z.looseObject({}, { error: 'must be a probe, or {command: [PROGRAM, ARGUMENT …]}' }), {
      error: 'must be a list of probes and commands',
    })
    .optional(),
});
