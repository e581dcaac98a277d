/** The keys that every interface may have, and for each kind its own section. */
import { z } from 'zod';
import { bondSection } from './bond.js';
import { bridgeSection } from './bridge.js';
import { interfaceName, interfaceReference } from './interface-name.js';
import { ipv4Section, ipv6Section } from './ip-section.js';
import type { DocumentKind } from './kinds.js';
import {
  documentation,
  integer,
  isEmpty,
  isFalse,
  mac,
  mapping,
  oneOf,
  refused,
  refusedUnless,
  truth,
} from './scalars.js';
import { alias, altNamesSection } from './properties.js';
import { macVlanSection } from './mac-vlan.js';
import { vlanSection } from './vlan.js';
import { vrfSection } from './vrf.js';
import { vxlanSection } from './vxlan.js';

/** Detaching is written as an empty text. */
const controller = z.union([z.literal(''), interfaceReference], {
  error: 'must be the name of a bond, bridge or vrf, or empty to detach',
});

const isEmptyMptcp = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.values(value).every(isEmpty);

const isSwitchedOff = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'enabled' in value && isFalse(value.enabled);

const PCI_ADDRESS = /^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7]$/;

const common = {
  name: interfaceReference,
  type: z.unknown().optional(),
  state: oneOf(['up', 'down', 'absent', 'ignore']).optional(),
  mtu: integer(68, 65_575).optional(),
  'mac-address': mac.optional(),
  'copy-mac-from': interfaceReference.optional(),
  controller: controller.optional(),
  master: controller.optional(),
  ipv4: ipv4Section.optional(),
  ipv6: ipv6Section.optional(),

  description: alias.optional(),
  'alt-names': altNamesSection,
  'accept-all-mac-addresses': truth.optional(),
  identifier: oneOf(['name', 'mac-address', 'pci-address']).optional(),
  'pci-address': z
    .string()
    .regex(PCI_ADDRESS, 'must be a PCI address like 0000:07:00.0')
    .transform((text) => text.toLowerCase())
    .optional(),
  'profile-name': z.string('must be a text').optional(),
  // netorch waits for every address that the plan names.
  'wait-ip': oneOf(['any', 'ipv4', 'ipv6', 'ipv4+ipv6']).optional(),

  // netorch's own key: it may be made anew, whatever is lost by that.
  'allow-recreate': truth.optional(),

  // What nmstate prints about a host: facts, not wishes.
  'permanent-mac-address': documentation,
  'min-mtu': documentation,
  'max-mtu': documentation,
  driver: documentation,
  lldp: refusedUnless(
    isSwitchedOff,
    'LLDP is not switched on by netorch: it needs a daemon on the host, such as lldpd',
  ),
  mptcp: refusedUnless(
    isEmptyMptcp,
    'MPTCP is not done by netorch: endpoints belong to the applications that use them',
  ),
  ethtool: refusedUnless(
    isEmpty,
    'ethtool settings are not done by netorch yet: rings, coalescing, pause frames and features cannot be proved on the kernels that it is tested on',
  ),
  'ovs-db': refused('Open vSwitch is not done by netorch yet'),
  '802.1x': refused('802.1X is not done by netorch'),
  dispatch: refused('dispatch scripts are not run by netorch'),
};

const bond = { 'link-aggregation': bondSection.optional() };
const vlan = { vlan: vlanSection.optional() };
const vxlan = { vxlan: vxlanSection.optional() };
const veth = { veth: mapping({ peer: interfaceName.optional() }).optional() };
const macVlan = { 'mac-vlan': macVlanSection.optional() };
const macVtap = { 'mac-vtap': macVlanSection.optional() };
const vrf = { vrf: vrfSection.optional() };
const bridge = {
  bridge: bridgeSection.optional(),
  // netorch's own key: the bridge keeps no port that the plan does not name.
  exclusive: truth.optional(),
};
const ethernet = {
  ethernet: refusedUnless(
    isEmpty,
    'speed, duplex and SR-IOV are not set by netorch yet: no NIC that it is tested on has them',
  ),
};

const schemas = {
  ethernet: mapping({ ...common, ...ethernet }),
  veth: mapping({ ...common, ...veth, ...ethernet }),
  dummy: mapping(common),
  loopback: mapping(common),
  bond: mapping({ ...common, ...bond }),
  vlan: mapping({ ...common, ...vlan }),
  'linux-bridge': mapping({ ...common, ...bridge }),
  vxlan: mapping({ ...common, ...vxlan }),
  'mac-vlan': mapping({ ...common, ...macVlan }),
  'mac-vtap': mapping({ ...common, ...macVtap }),
  vrf: mapping({ ...common, ...vrf }),
} as const satisfies Record<DocumentKind, z.ZodType>;

/** Without a type, what the host has decides; its section, if there is one, says the kind. */
const untyped = mapping({ ...common, ...ethernet });

type EveryKey = z.ZodObject<
  typeof common &
    typeof bond &
    typeof vlan &
    typeof vxlan &
    typeof veth &
    typeof bridge &
    typeof macVlan &
    typeof macVtap &
    typeof vrf,
  z.core.$strict
>;

/** An interface as written, its scalars typed; sections of other kinds are never there. */
export type InterfaceSection = z.output<EveryKey>;

/** The schema for an interface of the kind; undefined: the document does not say. */
export function interfaceSchema(kind: DocumentKind | undefined): z.ZodType<InterfaceSection> {
  const schema = kind === undefined ? untyped : schemas[kind];
  return schema as unknown as z.ZodType<InterfaceSection>;
}

/** The keys that an interface of the kind may have in a document. */
export function interfaceKeys(kind: DocumentKind): readonly string[] {
  return Object.keys(schemas[kind].shape);
}
