/** Routing rules: the `route-rules:` part of documents, and when two rules are the same one. */
import { z } from 'zod';
import type { SourceLocation } from '../errors.js';
import type { DesiredRule } from './desired.js';
import { interfaceName } from './interface-name.js';
import { canonicalNetwork } from './ip.js';
import { tableId } from './route.js';
import { documentation, integer, mapping, oneOf } from './scalars.js';
import type { IpFamily, RouteRule } from './state.js';

/** Selects every mark bit: what the kernel has when no mask is given. */
const WHOLE_MASK = 0xffff_ffff;

const network = z.string('must be a network like 192.0.2.0/24').transform((value, context) => {
  if (value === '') return undefined;
  const found = canonicalNetwork(value);
  if (found !== undefined) return found;
  context.addIssue({
    code: 'custom',
    message: 'must be an address or a network like 192.0.2.0/24',
  });
  return z.NEVER;
});

export const ruleEntry = mapping({
  state: oneOf(['absent', 'ignore']).optional(),
  family: oneOf(['ipv4', 'ipv6']).optional(),
  'ip-from': network.optional(),
  'ip-to': network.optional(),
  // 0, 32766 and 32767 hold the rules that every host has.
  priority: integer(-1, 32_765)
    .transform((value) => (value === -1 ? undefined : value))
    .optional(),
  'route-table': tableId.optional(),
  fwmark: integer(0, WHOLE_MASK).optional(),
  fwmask: integer(0, WHOLE_MASK).optional(),
  iif: interfaceName.optional(),
  action: oneOf(['blackhole', 'unreachable', 'prohibit']).optional(),
  'suppress-prefix-length': integer(0, 128).optional(),
  description: documentation,
});

export function desiredRule(
  entry: z.output<typeof ruleEntry>,
  location: SourceLocation,
): DesiredRule {
  const from = entry['ip-from'];
  const to = entry['ip-to'];
  const family = entry.family ?? from?.family ?? to?.family;
  const table = entry['route-table'];
  const { priority, iif, fwmark, fwmask, action } = entry;
  const suppress = entry['suppress-prefix-length'];
  return {
    absent: entry.state === 'absent',
    ...(family === undefined ? {} : { family }),
    ...(priority === undefined ? {} : { priority }),
    // A prefix of length 0 selects everything: the kernel keeps no such selector.
    ...(from === undefined || from.prefixLength === 0 ? {} : { from: from.network }),
    ...(to === undefined || to.prefixLength === 0 ? {} : { to: to.network }),
    ...(iif === undefined ? {} : { iif }),
    ...(fwmark === undefined ? {} : { fwmark }),
    ...(fwmask === undefined || fwmask === WHOLE_MASK ? {} : { fwmask }),
    ...(table === undefined ? {} : { table }),
    ...(action === undefined ? {} : { action }),
    ...(suppress === undefined ? {} : { suppressPrefixLength: suppress }),
    location,
  };
}

/** Families that the selectors of an entry name; more than one is a mistake. */
export function familiesOf(entry: z.output<typeof ruleEntry>): ReadonlySet<IpFamily> {
  return new Set(
    [entry.family, entry['ip-from']?.family, entry['ip-to']?.family].filter(
      (family) => family !== undefined,
    ),
  );
}

/** Selectors and effect of a rule, without its priority. */
export function ruleMeaning(rule: Omit<RouteRule, 'priority' | 'foreign'>): string {
  const mask = rule.fwmask === WHOLE_MASK ? undefined : rule.fwmask;
  return [
    rule.family,
    `from ${rule.from ?? 'all'}`,
    `to ${rule.to ?? 'all'}`,
    `iif ${rule.iif ?? '-'}`,
    `fwmark ${rule.fwmark ?? '-'}/${rule.fwmark === undefined ? '-' : (mask ?? 'all')}`,
    rule.action ?? `table ${rule.table ?? '-'}`,
    ...(rule.suppressPrefixLength === undefined
      ? []
      : [`suppress_prefixlength ${rule.suppressPrefixLength}`]),
  ].join(' ');
}

/** A rule in the words of `ip rule`, for messages. */
export function ruleText(rule: RouteRule): string {
  const parts = [
    rule.priority === undefined ? '' : `${rule.priority}: `,
    `from ${rule.from ?? 'all'}`,
    rule.to === undefined ? '' : ` to ${rule.to}`,
    rule.iif === undefined ? '' : ` iif ${rule.iif}`,
    rule.fwmark === undefined ? '' : ` fwmark ${rule.fwmark}`,
    rule.action === undefined ? ` lookup ${rule.table ?? '?'}` : ` ${rule.action}`,
    rule.suppressPrefixLength === undefined
      ? ''
      : ` suppress_prefixlength ${rule.suppressPrefixLength}`,
  ];
  return parts.join('');
}
