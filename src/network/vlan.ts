/** VLAN interfaces: the `vlan:` part of documents. */
import type { DesiredInterface } from './desired.js';
import { interfaceName } from './interface-name.js';
import {
  documentation,
  integer,
  isFalse,
  isTrue,
  mapping,
  oneOf,
  refused,
  refusedUnless,
} from './scalars.js';
import type { z } from 'zod';

export const vlanProtocol = oneOf(['802.1q', '802.1ad']);

export const vlanSection = mapping({
  'base-iface': interfaceName.optional(),
  // 0 is a priority tag and 4095 is reserved (IEEE 802.1Q); the kernel takes 0 without complaint.
  id: integer(1, 4094).optional(),
  protocol: vlanProtocol.optional(),
  'registration-protocol': refusedUnless(
    (value) => value === 'none',
    'GVRP and MVRP are not done by netorch yet',
  ),
  'reorder-headers': refusedUnless(isTrue, 'reorder-headers is not set by netorch yet'),
  'loose-binding': refusedUnless(isFalse, 'loose-binding is not set by netorch yet'),
  'egress-qos-map': refused('QoS maps are not done by netorch yet'),
  'ingress-qos-map': refused('QoS maps are not done by netorch yet'),
  description: documentation,
});

export function desiredVlan(
  section: z.output<typeof vlanSection>,
): NonNullable<DesiredInterface['vlan']> {
  const { 'base-iface': base, id, protocol } = section;
  return {
    ...(base === undefined ? {} : { base }),
    ...(id === undefined ? {} : { id }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}
