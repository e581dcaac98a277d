/** `probes:` of a play: what must be reachable from a host after its change. */
import { z } from 'zod';

import { locatedItems } from '../config/located.js';
import type { Located } from '../config/located.js';
import { parseWith } from '../config/schema-errors.js';
import { renderTemplates } from '../config/template.js';
import type { SourceLocation } from '../errors.js';
import { canonicalIp, canonicalNetwork } from '../network/ip.js';
import { booleanSchema, durationBetween } from './rollout-keys.js';
import { wholeNumber } from './whole-number.js';

export type Probe = Readonly<
  | {
      kind: 'ping';
      address: string;
      /** Size of the whole IP packet in bytes, with its headers: 9000 fills a frame at MTU 9000. */
      size?: number;
      count?: number;
    }
  | { kind: 'tcp'; address: string; port: number }
  /** Does a neighbour answer ARP (IPv4) or neighbour discovery (IPv6)? Also one that answers no ping. */
  | { kind: 'arp'; address: string }
  /** Does the host's resolver know the name? */
  | { kind: 'dns'; name: string }
  /** A program of the host; good when it ends with 0. No shell reads it. */
  | { kind: 'run'; command: readonly string[]; timeoutSeconds: number }
  /** The neighbour that the switch names itself as, on this interface; `port` is the switch's own name for it. */
  | { kind: 'lldp'; device: string; switch?: string; port?: string }
  /** Every host with an address in the network (`of`: of this host pattern) reaches every other. */
  | { kind: 'mesh'; network: string; size?: number; of?: string }
> &
  Readonly<{
    /** It must be good after the change though it was not before. */
    isRequired?: boolean;
    location: SourceLocation;
  }>;

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
  required: booleanSchema.optional(),
});

const arpSchema = z.strictObject({
  arp: z
    .string({ error: 'must be an address' })
    .refine((text) => canonicalIp(text) !== undefined, 'must be an address, not a name'),
  required: booleanSchema.optional(),
});

const dnsSchema = z.strictObject({
  dns: z.string({ error: 'must be a name' }).regex(ADDRESS, 'must be a name'),
  required: booleanSchema.optional(),
});

const RUN = 'must be a program and its arguments, such as [systemctl, is-active, ceph]';
const DEFAULT_RUN_SECONDS = 5;

const runSchema = z.strictObject({
  run: z.array(z.string({ error: RUN }).min(1, RUN), { error: RUN }).min(1, RUN),
  timeout: durationBetween(1, 20, '1s to 20s').optional(),
  required: booleanSchema.optional(),
});

const TEXT = z.string({ error: 'must be text' }).regex(/^\P{Cc}+$/u, 'must be text');

const lldpSchema = z.strictObject({
  lldp: z
    .string({ error: 'must be the name of an interface' })
    .regex(/^[^\s/:-][^\s/:]{0,14}$/, 'must be the name of an interface'),
  switch: TEXT.optional(),
  port: TEXT.optional(),
  required: booleanSchema.optional(),
});

const NETWORK = 'must be a network, such as 10.100.0.0/24, or a list of networks';

const networkSchema = z
  .string({ error: NETWORK })
  .refine(
    (text) => text.includes('/') && canonicalNetwork(text)?.network === text,
    'must be a network with its prefix length, such as 10.100.0.0/24',
  );

const meshSchema = z.strictObject({
  mesh: z.union([networkSchema.transform((one) => [one]), z.array(networkSchema).min(1, NETWORK)], {
    error: NETWORK,
  }),
  size: wholeNumber(84, 65_535).optional(),
  of: z.string({ error: 'must be a host pattern' }).min(1).optional(),
});

const tcpSchema = z.strictObject({
  tcp: z.string({ error: 'must be ADDRESS:PORT' }).refine((text) => parseTcp(text) !== undefined, {
    error: 'must be ADDRESS:PORT, with an IPv6 address in brackets',
  }),
  required: booleanSchema.optional(),
});

/** Checks what can be checked before the expressions are rendered. */
export function checkProbes(probes: Located): void {
  const constant = locatedItems(probes).filter(
    ({ value }) => !JSON.stringify(value).includes('{{'),
  );
  for (const probe of constant) parseProbes(probe);
}

/** The probes of one host, rendered over its variables. Throws UNKNOWN_KEY, INVALID_VALUE and template errors. */
export function renderProbes(
  probes: Located,
  variables: Located<Record<string, unknown>>,
): readonly Probe[] {
  const rendered = renderTemplates(probes, variables.value, variables.locate);
  return locatedItems(rendered).flatMap(parseProbes);
}

/** One, but for a mesh over several networks. */
function parseProbes(located: Located): readonly Probe[] {
  const location = located.locate([]);
  const { value } = located;
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, 'mesh')) {
    const { mesh, size, of } = parseWith(meshSchema, located, 'probe');
    return mesh.map((network) => ({
      kind: 'mesh',
      network,
      ...(size === undefined ? {} : { size }),
      ...(of === undefined ? {} : { of }),
      location,
    }));
  }
  const { required, ...probe } = readProbe(located);
  return [{ ...probe, ...(required === undefined ? {} : { isRequired: required }), location }];
}

function readProbe(located: Located) {
  const { value } = located;
  const has = (key: string) =>
    typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  if (has('tcp')) {
    const { tcp, required } = parseWith(tcpSchema, located, 'probe');
    const target = parseTcp(tcp);
    if (target === undefined) throw new Error('a checked probe is no ADDRESS:PORT');
    return { kind: 'tcp' as const, ...target, required };
  }
  if (has('arp')) {
    const { arp, required } = parseWith(arpSchema, located, 'probe');
    return { kind: 'arp' as const, address: arp, required };
  }
  if (has('dns')) {
    const { dns, required } = parseWith(dnsSchema, located, 'probe');
    return { kind: 'dns' as const, name: dns, required };
  }
  if (has('lldp')) {
    const { lldp, switch: name, port, required } = parseWith(lldpSchema, located, 'probe');
    return {
      kind: 'lldp' as const,
      device: lldp,
      ...(name === undefined ? {} : { switch: name }),
      ...(port === undefined ? {} : { port }),
      required,
    };
  }
  if (has('run')) {
    const { run, timeout, required } = parseWith(runSchema, located, 'probe');
    const timeoutSeconds = timeout ?? DEFAULT_RUN_SECONDS;
    return { kind: 'run' as const, command: run, timeoutSeconds, required };
  }
  const { ping, size, count, required } = parseWith(pingSchema, located, 'probe');
  return {
    kind: 'ping' as const,
    address: ping,
    ...(size === undefined ? {} : { size }),
    ...(count === undefined ? {} : { count }),
    required,
  };
}

function parseTcp(text: string): { address: string; port: number } | undefined {
  const [, bracketed, plain, digits] = TCP.exec(text) ?? [];
  const address = bracketed ?? plain;
  const port = Number(digits);
  return address === undefined || port < 1 || port > 65_535 ? undefined : { address, port };
}
