/** DNS: the `dns-resolver:` part of documents. */
import { z } from 'zod';
import type { SourceLocation } from '../errors.js';
import type { DesiredDns } from './desired.js';
import { interfaceNameProblem } from './interface-name.js';
import { canonicalIp, isLinkLocal } from './ip.js';
import { documentation, mapping } from './scalars.js';
import { didYouMean } from '../config/nearest.js';

/** resolv.conf(5). */
const FLAGS = [
  'debug',
  'edns0',
  'inet6',
  'ip6-bytestring',
  'ip6-dotint',
  'no-aaaa',
  'no-check-names',
  'no-ip6-dotint',
  'no-reload',
  'no-tld-query',
  'rotate',
  'single-request',
  'single-request-reopen',
  'trust-ad',
  'use-vc',
];
const NUMBERED = ['ndots', 'timeout', 'attempts'];

/** A server as it stands in resolv.conf: link-local ones with the interface (`fe80::1%eth1`). */
function canonicalServer(text: string): string | undefined {
  const [address = '', zone, ...rest] = text.split('%');
  const found = canonicalIp(address);
  if (found === undefined || rest.length > 0) return undefined;
  if (zone === undefined) return isLinkLocal(found.ip) ? undefined : found.ip;
  return isLinkLocal(found.ip) && interfaceNameProblem(zone) === undefined
    ? `${found.ip}%${zone}`
    : undefined;
}

const SERVER =
  'must be an IP address, with %INTERFACE when it is link-local: 192.0.2.53 or fe80::1%eth1';

const server = z.string(SERVER).transform((value, context) => {
  const found = canonicalServer(value);
  if (found !== undefined) return found;
  context.addIssue({ code: 'custom', message: SERVER });
  return z.NEVER;
});

const domain = z
  .string('must be a domain name')
  .regex(/^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9_.])?$/, 'must be a domain name');

const option = z.string('must be an option of resolv.conf').check((context) => {
  const [name = '', value, ...rest] = context.value.split(':');
  const good =
    rest.length === 0 &&
    (value === undefined ? FLAGS.includes(name) : NUMBERED.includes(name) && /^\d+$/.test(value));
  if (good) return;
  const needsValue = NUMBERED.includes(name) ? `, with a number: ${name}:2` : '';
  context.issues.push({
    code: 'custom',
    input: context.value,
    message: `must be an option of resolv.conf${needsValue}${didYouMean(name, [...FLAGS, ...NUMBERED])}`,
  });
});

export const dnsSection = mapping({
  running: documentation,
  config: mapping({
    server: z.array(server, 'must be a list of addresses').optional(),
    search: z.array(domain, 'must be a list of domains').optional(),
    options: z.array(option, 'must be a list of options').optional(),
  }).optional(),
});

export function desiredDns(
  config: NonNullable<z.output<typeof dnsSection>['config']>,
  location: SourceLocation,
): DesiredDns {
  const { server: servers, search, options } = config;
  if (servers === undefined && search === undefined && options === undefined) {
    return { servers: [], search: [], options: [], location };
  }
  return {
    ...(servers === undefined ? {} : { servers }),
    ...(search === undefined ? {} : { search }),
    ...(options === undefined ? {} : { options }),
    location,
  };
}

/** Can a document say this? Observed files may hold anything. */
export function isWritableDns(config: Readonly<Record<string, readonly string[]>>): boolean {
  return dnsSection.safeParse({ config }).success;
}
