/** MTUs: bonds set them for their ports, bases limit their VLANs, bridges follow their ports. */
import { locationOf } from './desired.js';
import { MINIMUM_IPV6_MTU } from './ip.js';
import { isNewPort } from './merge-consequences.js';
import type { Draft } from './merge-draft.js';
import { isMacVlan } from './merge-mac-vlan.js';
import { baseOf, portsOf } from './state.js';
import type { InterfaceState } from './state.js';

/** What the kernel leaves for the inner frame of a VXLAN (VXLAN_HEADROOM, VXLAN6_HEADROOM). */
const VXLAN_HEADER = { ipv4: 50, ipv6: 70 };

/** The most that every kernel takes, and so no limit for the ports (newer ones start at 65575). */
const VRF_MTU = 65_535;

export function mergeMtus(draft: Draft): void {
  for (const bond of draft.interfaces.values()) {
    if (bond.link.kind === 'bond') setPortMtus(draft, bond);
  }
  for (const name of draft.order) {
    const state = draft.interfaces.get(name);
    if (state === undefined) continue;
    if (state.link.kind === 'vlan') followBase(draft, state, state.link.base);
    if (isMacVlan(state)) followBase(draft, state, state.link.base);
    if (state.link.kind === 'vrf' && isFresh(draft, state)) draft.change(name, { mtu: VRF_MTU });
    if (state.link.kind === 'vxlan' && isFresh(draft, state)) {
      const below =
        state.link.base === undefined ? undefined : draft.interfaces.get(state.link.base);
      const isIpv6 = [state.link.local, state.link.remote].some((ip) => ip?.includes(':'));
      const header = isIpv6 ? VXLAN_HEADER.ipv6 : VXLAN_HEADER.ipv4;
      if (below !== undefined) draft.change(name, { mtu: below.mtu - header });
    }
    if (state.link.kind === 'linux-bridge') followPorts(draft, state);
  }
  for (const state of draft.interfaces.values()) checkIpv6(draft, state);
}

/** A new interface whose MTU the plan leaves open. */
function isFresh(draft: Draft, state: InterfaceState): boolean {
  return draft.before(state.name) === undefined && draft.wanted.get(state.name)?.mtu === undefined;
}

function setPortMtus(draft: Draft, bond: InterfaceState): void {
  const changed = draft.before(bond.name)?.mtu !== bond.mtu;
  for (const name of portsOf(bond.link)) {
    const port = draft.interfaces.get(name);
    if (port === undefined) continue;
    const wanted = draft.wanted.get(name);
    if (wanted?.mtu !== undefined && wanted.mtu !== bond.mtu) {
      const isAsBefore = !changed && draft.before(name)?.mtu === wanted.mtu;
      if (!isAsBefore) {
        draft.error(
          wanted,
          'mtu',
          `mtu is ${wanted.mtu}, but its bond "${bond.name}" has ${bond.mtu} and sets that for its ports; give the bond the mtu`,
        );
      }
      continue;
    }
    if (!changed && !isNewPort(draft, port)) continue;
    const { maxMtu, minMtu } = port.facts ?? {};
    if (bond.mtu > (maxMtu ?? Number.POSITIVE_INFINITY) || bond.mtu < (minMtu ?? 0)) {
      const by = draft.wanted.get(bond.name) ?? wanted;
      draft.errorAt(
        by === undefined ? undefined : locationOf(by, 'mtu'),
        `interface "${bond.name}": mtu is ${bond.mtu}, its port "${name}" takes ${minMtu ?? 0}–${maxMtu ?? ''}`,
      );
    }
    if (port.mtu !== bond.mtu) {
      draft.change(name, { mtu: bond.mtu });
      draft.note(name, `gets mtu ${bond.mtu} from its bond ${bond.name}`);
    }
  }
}

function followBase(draft: Draft, vlan: InterfaceState, base: string): void {
  const below = draft.interfaces.get(base);
  if (below === undefined) return;
  const above = draft.interfaces.get(vlan.controller ?? '');
  if (above?.link.kind === 'bond') {
    followBond(draft, vlan, above, below);
    return;
  }
  if (isFresh(draft, vlan)) {
    draft.change(vlan.name, { mtu: below.mtu });
    return;
  }
  if (vlan.mtu <= below.mtu) return;
  const before = draft.before(vlan.name);
  const isSameBase = before !== undefined && baseOf(before.link) === base;
  if (isSameBase && before.mtu === vlan.mtu && draft.before(base)?.mtu === below.mtu) return;
  const wanted = draft.wanted.get(vlan.name);
  if (wanted?.mtu !== undefined) {
    draft.error(
      wanted,
      'mtu',
      `mtu is ${vlan.mtu}, but its base-iface "${base}" has ${below.mtu}; a ${isMacVlan(vlan) ? vlan.link.kind : 'VLAN'} cannot have more`,
    );
    return;
  }
  draft.change(vlan.name, { mtu: below.mtu });
  draft.note(vlan.name, `mtu drops to ${below.mtu} with its base ${base}`);
}

/** A bond sets its MTU for its ports, and none of them can have more than its base (vlan_dev_change_mtu: ERANGE). */
function followBond(
  draft: Draft,
  port: InterfaceState,
  bond: InterfaceState,
  base: InterfaceState,
): void {
  if (isFresh(draft, port)) draft.change(port.name, { mtu: bond.mtu });
  if (bond.mtu <= base.mtu) return;
  const before = draft.before(port.name);
  const isAsBefore =
    before?.controller === bond.name &&
    before.mtu === port.mtu &&
    draft.before(base.name)?.mtu === base.mtu;
  if (isAsBefore) return;
  const by = [bond, port, base].map(({ name }) => draft.wanted.get(name)).find(Boolean);
  draft.errorAt(
    by === undefined ? undefined : locationOf(by, 'mtu'),
    `interface "${bond.name}": mtu is ${bond.mtu}, and its port "${port.name}" cannot have more than its base-iface "${base.name}", which has ${base.mtu}; give "${base.name}" as much`,
  );
}

/**
 * A bridge whose MTU nobody set has the lowest of its ports. Whether somebody set it cannot be read
 * back; one that equals the lowest of its ports is taken for automatic.
 */
function followPorts(draft: Draft, bridge: InterfaceState): void {
  const before = draft.before(bridge.name);
  if (draft.wanted.get(bridge.name)?.mtu !== undefined) return;
  const lowest = lowestMtu(portsOf(bridge.link), draft.interfaces);
  if (before === undefined) {
    draft.change(bridge.name, { mtu: lowest });
    return;
  }
  const wasAutomatic = before.mtu === lowestMtu(portsOf(before.link), draft.observed.interfaces);
  if (!wasAutomatic || lowest === bridge.mtu) return;
  draft.change(bridge.name, { mtu: lowest });
  draft.note(bridge.name, `mtu becomes ${lowest}, the lowest of its ports`);
}

function lowestMtu(
  ports: readonly string[],
  interfaces: ReadonlyMap<string, InterfaceState>,
): number {
  const mtus = ports.map((port) => interfaces.get(port)?.mtu).filter((mtu) => mtu !== undefined);
  return mtus.length === 0 ? 1500 : Math.min(...mtus);
}

function checkIpv6(draft: Draft, state: InterfaceState): void {
  if (state.mtu >= MINIMUM_IPV6_MTU || !state.ipv6.enabled) return;
  const before = draft.before(state.name);
  if (before !== undefined && before.mtu === state.mtu && before.ipv6.enabled) return;
  const wanted = draft.wanted.get(state.name);
  draft.errorAt(
    wanted === undefined ? undefined : locationOf(wanted, 'mtu'),
    `interface "${state.name}": with mtu ${state.mtu} the kernel removes IPv6, which needs ${MINIMUM_IPV6_MTU}; raise it, or write ipv6: {enabled: false}`,
  );
}
