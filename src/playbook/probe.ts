/** `probes:` of a play: what must be reachable from a host after its change. */
import { z } from 'zod';
import { locatedItems } from '../config/located.js';
import type { Located } from '../config/located.js';
import { parseWith } from '../config/schema-errors.js';
import { renderTemplates } from '../config/template.js';
import type { SourceLocation } from '../errors.js';
import { wholeNumber } from './whole-number.js';

export type Probe = Readonly<
  | {
      kind: 'ping';
      address: string;
      /** Size of the whole IP packet in bytes, with its headers: 9000 fills a frame at MTU 9000. */
      size?: number;
      count?: number;
      location: SourceLocation;
    }
  | { kind: 'tcp'; address: string; port: number; location: SourceLocation }
>;

// No leading "-": ping would take it for an option. Names may have letters of any script, but nothing that a
// terminal or a shell would obey.
const ADDRESS = /^[\p{L}\p{N}_.:%][\p{L}\p{N}_.:%-]*$/u;
const TCP =
  /^(?:\[([\p{L}\p{N}_.:%][\p{L}\p{N}_.:%-]*)\]|([\p{L}\p{N}_.%][\p{L}\p{N}_.%-]*)):(\d{1,5})$/u;

const pingSchema = z.strictObject({
  ping: z
    .string({ error: 'must be an address or a name' })
    .regex(ADDRESS, 'must be an address or a name'),
  // 28: an IPv4 header and an ICMP header.
  size: wholeNumber(28, 65_535).optional(),
  count: wholeNumber(1, 10).optional(),
});

const tcpSchema = z.strictObject({
  tcp: z.string({ error: 'must be ADDRESS:PORT' }).refine((text) => parseTcp(text) !== undefined, {
    error: 'must be ADDRESS:PORT, with an IPv6 address in brackets',
  }),
});

/** Checks what can be checked before the expressions are rendered. */
export function checkProbes(probes: Located): void {
  const constant = locatedItems(probes).filter(
    ({ value }) => !JSON.stringify(value).includes('{{'),
  );
  for (const probe of constant) parseProbe(probe);
}

/** The probes of one host, rendered over its variables. Throws UNKNOWN_KEY, INVALID_VALUE and template errors. */
export function renderProbes(
  probes: Located,
  variables: Located<Record<string, unknown>>,
): readonly Probe[] {
  const rendered = renderTemplates(probes, variables.value, variables.locate);
  return locatedItems(rendered).map(parseProbe);
}

function parseProbe(probe: Located): Probe {
  const location = probe.locate([]);
  const { value } = probe;
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'tcp')) {
    const target = parseTcp(parseWith(tcpSchema, probe, 'probe').tcp);
    if (target === undefined) throw new Error('a checked probe is no ADDRESS:PORT');
    return { kind: 'tcp', ...target, location };
  }
  const { ping, size, count } = parseWith(pingSchema, probe, 'probe');
  return {
    kind: 'ping',
    address: ping,
    ...(size === undefined ? {} : { size }),
    ...(count === undefined ? {} : { count }),
    location,
  };
}

function parseTcp(text: string): { address: string; port: number } | undefined {
  const [, bracketed, plain, digits] = TCP.exec(text) ?? [];
  const address = bracketed ?? plain;
  const port = Number(digits);
  return address === undefined || port < 1 || port > 65_535 ? undefined : { address, port };
}
