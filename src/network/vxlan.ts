/** VXLAN interfaces: the `vxlan:` part of documents. */
import { z } from 'zod';
import type { DesiredInterface } from './desired.js';
import { interfaceReference } from './interface-name.js';
import { canonicalIp } from './ip.js';
import { integer, mapping, truth } from './scalars.js';

/** What IANA gave; the kernel's own default (8472) is older. nmstate's default as well. */
export const VXLAN_PORT = 4789;

const address = z.string('must be an IP address').transform((value, context) => {
  const found = canonicalIp(value);
  if (found !== undefined) return found.ip;
  context.addIssue({ code: 'custom', message: 'must be an IP address like 192.0.2.5' });
  return z.NEVER;
});

export const vxlanSection = mapping({
  id: integer(0, 16_777_215).optional(),
  'base-iface': interfaceReference.optional(),
  local: address.optional(),
  remote: address.optional(),
  'destination-port': integer(1, 65_535).optional(),
  learning: truth.optional(),
});

export function desiredVxlan(
  section: z.output<typeof vxlanSection>,
): NonNullable<DesiredInterface['vxlan']> {
  const {
    id,
    'base-iface': base,
    local,
    remote,
    'destination-port': destinationPort,
    learning,
  } = section;
  return {
    ...(id === undefined ? {} : { id }),
    ...(base === undefined ? {} : { base }),
    ...(local === undefined ? {} : { local }),
    ...(remote === undefined ? {} : { remote }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(learning === undefined ? {} : { learning }),
  };
}
