/** The keys of a play that say in which order and how carefully it is rolled out. Their schema and their meaning. */
import { z } from 'zod';
import type { IssueParams } from '../config/schema-errors.js';
import { parseDuration } from './duration.js';
import type { SerialStep } from './serial-waves.js';
import { wholeNumber } from './whole-number.js';

export const HOST_ORDERS = [
  'inventory',
  'reverse_inventory',
  'sorted',
  'reverse_sorted',
  'shuffle',
] as const;

export type HostOrder = (typeof HOST_ORDERS)[number];

/** A program of the controller that is run after a wave; good when it ends with 0. */
export type CheckCommand = Readonly<{ command: readonly string[]; timeoutSeconds: number }>;

export type RolloutKeys = Readonly<{
  /** Empty: all hosts in one wave. */
  serial: readonly SerialStep[];
  /** undefined: a wave stops the run only when all its hosts are bad. */
  maxFailPercentage: number | undefined;
  order: HostOrder;
  /** Hosts under way at the same time, at most; undefined: as many as `--forks` says. */
  throttle: number | undefined;
  anyErrorsFatal: boolean;
  onLost: 'stop' | 'continue';
  /** Seconds that a wave is watched before the next begins. */
  soakSeconds: number;
  checkCommands: readonly CheckCommand[];
  approve: 'auto' | 'manual';
  /** Inventory variables: two hosts with one value are never in one wave. */
  neverTogether: readonly string[];
  /** An inventory variable over whose values each wave is spread evenly. */
  spread: string | undefined;
  atomic: 'wave' | 'run' | undefined;
  /** Also plans that take away the address at which SSH answers, with no other in its place. */
  allowCutOff: boolean;
}>;

/** For hosts that no play names. */
export const DEFAULT_ROLLOUT: RolloutKeys = {
  serial: [],
  maxFailPercentage: undefined,
  order: 'inventory',
  throttle: undefined,
  anyErrorsFatal: false,
  onLost: 'stop',
  soakSeconds: 0,
  checkCommands: [],
  approve: 'auto',
  neverTogether: [],
  spread: undefined,
  atomic: undefined,
  allowCutOff: false,
};

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

const PERCENTAGE = 'must be a percentage from 0 to 100';

/** As Ansible reads it: a number, with or without the sign. */
const percentageSchema = z
  .union([z.number(), z.string()], { error: PERCENTAGE })
  .transform((value, context): number => {
    const text = String(value).trim().replace(/%$/, '');
    const amount = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (amount <= 100) return amount;
    context.addIssue({ code: 'custom', message: PERCENTAGE });
    return z.NEVER;
  });

/** `become: yes` is what people write; YAML 1.2 reads a text there. */
export const booleanSchema = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  if (/^(?:true|yes|on)$/i.test(value)) return true;
  return /^(?:false|no|off)$/i.test(value) ? false : value;
}, z.boolean());

/** One of `known`; words of `later` are refused by name, with the reason. */
export function choice<const T extends string>(
  known: readonly T[],
  later: Readonly<Record<string, string>> = {},
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

/** Seconds of a time between the bounds. */
export function durationBetween(least: number, most: number, words: string) {
  return z.unknown().transform((value, context): number => {
    const seconds = parseDuration(value);
    if (seconds !== undefined && seconds >= least && seconds <= most) return seconds;
    context.addIssue({
      code: 'custom',
      message: `must be a time from ${words}, such as "45s", "2m" or a number of seconds`,
    });
    return z.NEVER;
  });
}

const variableName = z
  .string({ error: 'must be the name of an inventory variable' })
  .regex(/^[A-Za-z_]\w*$/, 'must be the name of an inventory variable');

export const rolloutShape = {
  serial: serialSchema.optional(),
  max_fail_percentage: percentageSchema.optional(),
  order: choice(HOST_ORDERS).optional(),
  throttle: wholeNumber(1, 10_000).optional(),
  any_errors_fatal: booleanSchema.optional(),
  on_lost: choice(['stop', 'continue']).optional(),
  soak: durationBetween(0, 86_400, '0s to 24h').optional(),
  approve: choice(['auto', 'manual']).optional(),
  never_together: z
    .union([variableName, z.array(variableName).min(1)], {
      error: 'must be the name of an inventory variable, or a list of names',
    })
    .optional(),
  spread: variableName.optional(),
  atomic: choice(['wave', 'run']).optional(),
  allow_cut_off: booleanSchema.optional(),
};

const rolloutSchema = z.object(rolloutShape);

export function rolloutKeys(
  play: z.infer<typeof rolloutSchema>,
  checkCommands: readonly CheckCommand[],
): RolloutKeys {
  const together = play.never_together ?? [];
  return {
    serial: play.serial ?? [],
    maxFailPercentage: play.max_fail_percentage,
    order: play.order ?? 'inventory',
    throttle: play.throttle,
    anyErrorsFatal: play.any_errors_fatal ?? false,
    onLost: play.on_lost ?? 'stop',
    soakSeconds: play.soak ?? 0,
    checkCommands,
    approve: play.approve ?? 'auto',
    neverTogether: typeof together === 'string' ? [together] : together,
    spread: play.spread,
    atomic: play.atomic,
    allowCutOff: play.allow_cut_off ?? false,
  };
}
