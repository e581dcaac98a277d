/** The `ipv4:` and `ipv6:` parts of documents. */
import { z } from 'zod';
import type { DesiredIp } from './desired.js';
import { autoKeys, dhcpKeys, dhcpSettings } from './dhcp.js';
import { canonicalIp } from './ip.js';
import {
  documentation,
  integer,
  isFalse,
  mapping,
  refused,
  refusedUnless,
  truth,
} from './scalars.js';
import type { IpFamily } from './state.js';

/** Lifetimes are printed for what DHCP and router advertisements gave: such entries ask for nothing. */
const lifetime = z.unknown().transform((value) => value !== undefined && value !== 'forever');

function ipSection<T extends z.core.$ZodLooseShape>(family: IpFamily, own: T) {
  const bits = family === 'ipv4' ? 32 : 128;
  const example = family === 'ipv4' ? '192.0.2.5' : '2001:db8::5';
  const words = `must be an ${family === 'ipv4' ? 'IPv4' : 'IPv6'} address like ${example}`;
  const ip = z.string(words).transform((value, context) => {
    const found = canonicalIp(value);
    if (found?.family === family) return found.ip;
    const hint = value.includes('/') ? ' (the length goes to prefix-length)' : '';
    context.addIssue({ code: 'custom', message: `${words}${hint}` });
    return z.NEVER;
  });
  return mapping({
    enabled: truth.optional(),
    address: z
      .array(
        mapping({
          ip,
          'prefix-length': integer(0, bits),
          'valid-life-time': lifetime.optional(),
          'preferred-life-time': lifetime.optional(),
          'mptcp-flags': refused('MPTCP is not done by netorch'),
        }),
        'must be a list of {ip, prefix-length}',
      )
      .optional(),
    ...autoKeys,
    // Addresses that nobody named stay only where DHCP or router advertisements gave them.
    'allow-extra-address': documentation,
    forwarding: refused('forwarding is not set by netorch yet'),
    ...own,
  });
}

const stableSecret =
  'of addr-gen-mode netorch sets eui64 only: for the others the kernel needs a secret of the host';

export const ipv4Section = ipSection('ipv4', dhcpKeys);
export const ipv6Section = ipSection('ipv6', {
  autoconf: truth.optional(),
  dhcp: refusedUnless(
    isFalse,
    'DHCPv6 is not done by netorch; autoconf: true takes addresses from router advertisements',
  ),
  'dhcp-client-id': documentation,
  'dhcp-send-hostname': documentation,
  'dhcp-custom-hostname': documentation,
  'dhcp-duid': documentation,
  'addr-gen-mode': refusedUnless((value) => value === 'eui64', stableSecret),
  token: refused('token is not set by netorch yet'),
});

type Common = Pick<z.output<typeof ipv4Section>, 'enabled' | 'address'>;

/** Addresses that are given switch the family on, as do DHCP and autoconf. */
function addressesOf(section: Common, isOn: boolean): DesiredIp {
  const addresses = section.address
    ?.filter((item) => item['valid-life-time'] !== true && item['preferred-life-time'] !== true)
    .map((item) => ({ ip: item.ip, prefixLength: item['prefix-length'] }));
  const enabled = section.enabled ?? (isOn || (addresses?.length ?? 0) > 0 ? true : undefined);
  return {
    ...(enabled === undefined ? {} : { enabled }),
    ...(addresses === undefined ? {} : { addresses }),
  };
}

export function desiredIpv4(section: z.output<typeof ipv4Section>): DesiredIp {
  const { dhcp } = section;
  return {
    ...addressesOf(section, dhcp === true),
    ...(dhcp === undefined ? {} : { dhcp }),
    ...(dhcp === true ? { dhcpSettings: dhcpSettings(section) } : {}),
  };
}

export function desiredIpv6(section: z.output<typeof ipv6Section>): DesiredIp {
  const { autoconf } = section;
  return {
    ...addressesOf(section, autoconf === true),
    ...(autoconf === undefined ? {} : { autoconf }),
    // The kernel knows no DNS of router advertisements, so there is nothing to switch off.
    ...(autoconf === true
      ? { dhcpSettings: dhcpSettings({ ...pickAuto(section), 'auto-dns': undefined }) }
      : {}),
  };
}

function pickAuto(section: z.output<typeof ipv6Section>): Parameters<typeof dhcpSettings>[0] {
  return {
    'auto-gateway': section['auto-gateway'],
    'auto-routes': section['auto-routes'],
    'auto-route-table-id': section['auto-route-table-id'],
    'auto-route-metric': section['auto-route-metric'],
  };
}
