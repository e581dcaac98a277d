/** VLAN interfaces: the `vlan:` part of documents. */
import { z } from 'zod';
import type { DesiredInterface } from './desired.js';
import { interfaceReference } from './interface-name.js';
import { documentation, integer, mapping, oneOf, truth } from './scalars.js';
import type { VlanLink } from './state.js';
import { mapText, qosPairs } from './type-options.js';

export const vlanProtocol = oneOf(['802.1q', '802.1ad']);

const qosMap = z
  .array(
    mapping({
      from: integer(0, 4_294_967_295),
      to: integer(0, 7),
    }),
    'must be a list of {from, to}',
  )
  .optional();

export const vlanSection = mapping({
  'base-iface': interfaceReference.optional(),
  // 0 is a priority tag and 4095 is reserved (IEEE 802.1Q); the kernel takes 0 without complaint.
  id: integer(1, 4094).optional(),
  protocol: vlanProtocol.optional(),
  'registration-protocol': oneOf(['none', 'gvrp', 'mvrp']).optional(),
  'reorder-headers': truth.optional(),
  'loose-binding': truth.optional(),
  // netorch's own: nmstate has no words for the maps of priorities. A given map is whole.
  'ingress-qos-map': qosMap,
  'egress-qos-map': qosMap,
  description: documentation,
});

export function desiredVlan(
  section: z.output<typeof vlanSection>,
): NonNullable<DesiredInterface['vlan']> {
  const { 'base-iface': base, id, protocol } = section;
  const options = desiredOptions(section);
  return {
    ...(base === undefined ? {} : { base }),
    ...(id === undefined ? {} : { id }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(Object.keys(options).length === 0 ? {} : { options }),
  };
}

function desiredOptions(section: z.output<typeof vlanSection>): Record<string, string> {
  const flag = (value: boolean): string => (value ? 'on' : 'off');
  const registration = section['registration-protocol'];
  const {
    'reorder-headers': reorder,
    'loose-binding': loose,
    'ingress-qos-map': ingress,
    'egress-qos-map': egress,
  } = section;
  const map = (pairs: NonNullable<typeof ingress>): string =>
    mapText(pairs.map(({ from, to }) => [from, to]));
  return {
    ...(registration === undefined
      ? {}
      : { gvrp: flag(registration === 'gvrp'), mvrp: flag(registration === 'mvrp') }),
    ...(reorder === undefined ? {} : { reorder_hdr: flag(reorder) }),
    ...(loose === undefined ? {} : { loose_binding: flag(loose) }),
    ...(ingress === undefined ? {} : { 'ingress-qos-map': map(ingress) }),
    ...(egress === undefined ? {} : { 'egress-qos-map': map(egress) }),
  };
}

/** The options of a new VLAN are the kernel's own (vlan_dev_init), but for what the plan says. */
export const NEW_VLAN_OPTIONS: Readonly<Record<string, string>> = {
  gvrp: 'off',
  mvrp: 'off',
  reorder_hdr: 'on',
  loose_binding: 'off',
  'ingress-qos-map': '',
  'egress-qos-map': '',
};

/** Options of which nothing is known are left out. */
export function vlanDocument(link: VlanLink): Readonly<Record<string, unknown>> {
  const { options = {} } = link;
  const registration = REGISTRATIONS[`${options['gvrp'] ?? ''} ${options['mvrp'] ?? ''}`];
  const flag = (key: string, option: string) =>
    options[option] === undefined ? {} : { [key]: options[option] === 'on' };
  const map = (key: string) => {
    const pairs = qosPairs(options[key] ?? '').map(([from, to]) => ({ from, to }));
    return pairs.length === 0 ? {} : { [key]: pairs };
  };
  return {
    'base-iface': link.base,
    id: link.id,
    protocol: link.protocol,
    ...(registration === undefined ? {} : { 'registration-protocol': registration }),
    ...flag('reorder-headers', 'reorder_hdr'),
    ...flag('loose-binding', 'loose_binding'),
    ...map('ingress-qos-map'),
    ...map('egress-qos-map'),
  };
}

/** Both at once are legal in the kernel, and cannot be said. */
const REGISTRATIONS: Readonly<Record<string, string>> = {
  'off off': 'none',
  'on off': 'gvrp',
  'off on': 'mvrp',
};
