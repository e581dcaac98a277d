/** The `type:` words of documents: what netorch does, and what it refuses by name. */
import type { InterfaceKind } from './state.js';

export const KINDS = [
  'ethernet',
  'veth',
  'dummy',
  'loopback',
  'bond',
  'vlan',
  'linux-bridge',
  'vxlan',
  'mac-vlan',
  'mac-vtap',
  'vrf',
] as const satisfies readonly InterfaceKind[];

export type DocumentKind = (typeof KINDS)[number];

const notYet = 'is not done by netorch yet';
const notAtAll = 'is not done by netorch';

/** Types of nmstate that are refused, with the words after the type's name. */
export const REFUSED_TYPES: Readonly<Record<string, string>> = {
  'ovs-bridge': `(Open vSwitch) ${notYet}: linux-bridge with VLAN filtering may do`,
  'ovs-interface': `(Open vSwitch) ${notYet}`,
  'ovs-port': `(Open vSwitch) ${notYet}`,
  team: `${notYet}; nmstate 2 and RHEL 10 dropped it: a bond does the same`,
  infiniband: notAtAll,
  ipsec: notAtAll,
  macsec: notAtAll,
  hsr: notAtAll,
  ipvlan: notYet,
  'ip-tunnel': notYet,
  tun: notYet,
  tap: notYet,
  wireguard: notYet,
  xfrm: notAtAll,
  'ib-bond': notAtAll,
};

/** The section that belongs to each kind. A document without `type:` shows its kind by it. */
export const SECTION_OF_KIND: Readonly<Partial<Record<DocumentKind, string>>> = {
  bond: 'link-aggregation',
  vlan: 'vlan',
  'linux-bridge': 'bridge',
  vxlan: 'vxlan',
  veth: 'veth',
  'mac-vlan': 'mac-vlan',
  'mac-vtap': 'mac-vtap',
  vrf: 'vrf',
};
