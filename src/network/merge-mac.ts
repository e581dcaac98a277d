/** MAC addresses: given, copied, inherited from bonds and bases, pinned for bridges. */
import { locationOf } from './desired.js';
import { isNewPort } from './merge-consequences.js';
import type { Draft } from './merge-draft.js';
import { isMacVlan, passthruMac } from './merge-mac-vlan.js';
import { allBelow } from './stacking.js';
import { dealsMacs, failOverMac, portsOf } from './state.js';
import type { InterfaceState } from './state.js';

export function mergeMacs(draft: Draft): void {
  for (const state of draft.interfaces.values()) portMac(draft, state);
  for (const desired of draft.wanted.values()) {
    if (desired.copyMacFrom === undefined || desired.state === 'absent') continue;
    const source = draft.interfaces.get(desired.copyMacFrom);
    const mac = source === undefined ? undefined : ownMac(draft, source);
    if (mac === undefined) {
      const why =
        source === undefined ? draft.missing(desired.copyMacFrom) : 'its MAC is not known yet';
      draft.error(desired, 'copyMacFrom', `copy-mac-from "${desired.copyMacFrom}": ${why}`);
    } else {
      draft.change(desired.name, { mac });
    }
  }
  for (const name of draft.order) {
    const state = draft.interfaces.get(name);
    if (state?.link.kind === 'bond') bondMac(draft, state);
    if (state !== undefined && isMacVlan(state)) passthruMac(draft, state);
    if (state === undefined || isGiven(draft, name)) continue;
    if (state.link.kind === 'vlan') vlanMac(draft, state, state.link.base);
    if (state.link.kind === 'linux-bridge') bridgeMac(draft, state);
  }
  // Last, so that nothing above such a port is taken to get another MAC by this plan.
  for (const state of draft.interfaces.values()) dealtMac(draft, state);
}

function isGiven(draft: Draft, name: string): boolean {
  const wanted = draft.wanted.get(name);
  return wanted?.mac !== undefined || wanted?.copyMacFrom !== undefined;
}

function isBond(state: InterfaceState | undefined): boolean {
  return state?.link.kind === 'bond';
}

/** Bonds give their ports a MAC, and give them back their own when they leave. */
function portMac(draft: Draft, state: InterfaceState): void {
  const before = draft.before(state.name);
  const controller = state.controller ?? '';
  if (isBond(draft.interfaces.get(controller))) {
    // nmstate ignores mac-address on ports of bonds, too: the bond decides.
    const isOpen = isNewPort(draft, state) || dealsMacsAnew(draft, controller);
    const mac = isOpen ? undefined : before?.mac;
    if (mac !== state.mac) draft.change(state.name, { mac });
    return;
  }
  const wasInBond = before?.controller !== undefined && isBond(draft.before(before.controller));
  if (wasInBond && !isGiven(draft, state.name)) {
    draft.change(state.name, { mac: before.facts?.permanentMac });
  }
}

/** Which MAC a port gets of a bond that deals them is not known. */
function dealtMac(draft: Draft, state: InterfaceState): void {
  const bond = draft.interfaces.get(state.controller ?? '')?.link;
  if (state.mac !== undefined && bond !== undefined && dealsMacs(bond))
    draft.change(state.name, { mac: undefined });
}

/** There each port needs a MAC of its own (EFAULT: bond_alb.c, alb_handle_addr_collision_on_attach). */
function checkOwnMacs(draft: Draft, bond: InterfaceState): void {
  if (!dealsMacs(bond.link)) return;
  const ports = portsOf(bond.link);
  for (const name of ports) {
    const port = draft.interfaces.get(name);
    if (port?.link.kind !== 'vlan' || !ports.includes(port.link.base)) continue;
    const base = draft.interfaces.get(port.link.base);
    const [own, below] = [port, base].map((item) => item && ownMac(draft, item));
    const isThere = draft.before(name)?.controller === bond.name;
    if (isThere || (own !== undefined && own !== below)) continue;
    const by = draft.wanted.get(bond.name) ?? draft.wanted.get(name);
    draft.errorAt(
      by === undefined ? undefined : locationOf(by, 'bond.ports'),
      `interface "${bond.name}": its port "${name}" has the MAC of "${port.link.base}", which is its port, too; in mode ${bond.link.kind === 'bond' ? bond.link.mode : ''} each port needs a MAC of its own`,
    );
  }
}

/** Another mode or fail_over_mac is set without ports, which get their MACs when they are attached again. */
function dealsMacsAnew(draft: Draft, name: string): boolean {
  const now = draft.interfaces.get(name)?.link;
  const before = draft.before(name)?.link;
  if (now?.kind !== 'bond' || before?.kind !== 'bond') return false;
  return (
    before.mode !== now.mode || before.options['fail_over_mac'] !== now.options['fail_over_mac']
  );
}

/** The MAC of the device itself, not the one that a bond lends it. */
function ownMac(draft: Draft, state: InterfaceState): string | undefined {
  const isPort = isBond(draft.interfaces.get(state.controller ?? ''));
  if (!isPort && state.mac !== undefined) return state.mac;
  const before = draft.before(state.name);
  const lent = before?.controller !== undefined && isBond(draft.before(before.controller));
  if (lent) return before.facts?.permanentMac;
  return state.mac ?? before?.mac;
}

/**
 * A bond keeps its MAC as long as it has ports (nmstate promises the same, and neighbours rely on
 * it), even when the port leaves that the MAC came from. Then two devices have one MAC, which is a
 * fault as soon as both are on one network: said, not changed.
 */
function noteSharedMac(draft: Draft, bond: InterfaceState): void {
  const before = draft.before(bond.name);
  const { mac } = bond;
  if (before === undefined || mac === undefined || bond.link.kind !== 'bond') return;
  const ports = portsOf(bond.link);
  for (const name of portsOf(before.link)) {
    const port = draft.interfaces.get(name);
    if (ports.includes(name) || port === undefined || ownMac(draft, port) !== mac) continue;
    if (port.mac !== mac && port.mac !== undefined) continue; // given another one by the plan
    draft.note(
      bond.name,
      `keeps MAC ${mac}, which ${name} has of its own and gets back: give one of them another mac-address before both are on one network`,
    );
  }
}

/** Ports follow the MAC that the plan gives their bond. */
function bondMac(draft: Draft, bond: InterfaceState): void {
  const before = draft.before(bond.name);
  checkOwnMacs(draft, bond);
  if (before !== undefined && losesMac(draft, before, bond)) {
    const desired = draft.wanted.get(bond.name);
    if (desired !== undefined && isGiven(draft, bond.name)) {
      const key = desired.mac === undefined ? 'copyMacFrom' : 'mac';
      draft.error(
        desired,
        key,
        'with fail_over_mac the bond gets the MAC of one of its ports here',
      );
    }
    draft.change(bond.name, { mac: undefined });
    draft.note(bond.name, 'its MAC becomes that of one of its ports (fail_over_mac)');
    return;
  }
  noteSharedMac(draft, bond);
  if (before === undefined || before.mac === bond.mac) return;
  for (const port of portsOf(bond.link)) draft.change(port, { mac: undefined });
}

/**
 * Gets the bond another MAC from its ports, which cannot be told beforehand (bond_main.c, bond_do_fail_over_mac)? With
 * fail_over_mac: active, when another port becomes active; with follow, when it is without ports for a moment, and
 * cannot be given its MAC again before the first one comes.
 */
function losesMac(draft: Draft, before: InterfaceState, bond: InterfaceState): boolean {
  const failOver = failOverMac(bond.link);
  if (failOver === '' || before.link.kind !== 'bond' || bond.link.kind !== 'bond') return false;
  const isEmptied = dealsMacsAnew(draft, bond.name);
  const ports = portsOf(bond.link);
  if (failOver === 'follow') {
    return isEmptied
      ? failOverMac(before.link) !== ''
      : !portsOf(before.link).some((port) => ports.includes(port));
  }
  // Without an active port none of them has a carrier: as long as they stay, so it stays.
  const active = before.facts?.activePort;
  const stays = (active === undefined ? portsOf(before.link) : [active]).every((port) =>
    ports.includes(port),
  );
  const isJoined = active === undefined && ports.length > portsOf(before.link).length;
  const isSamePrimary = before.link.options['primary'] === bond.link.options['primary'];
  return isEmptied || !isSamePrimary || !stays || isJoined;
}

/** A VLAN that has its base's MAC follows it (vlan_sync_address). */
function vlanMac(draft: Draft, vlan: InterfaceState, base: string): void {
  const before = draft.before(vlan.name);
  const baseBefore = draft.before(base);
  if (before?.mac === undefined || baseBefore?.mac !== before.mac) return;
  const below = draft.interfaces.get(base);
  if (below !== undefined && below.mac !== baseBefore.mac) {
    draft.change(vlan.name, { mac: below.mac });
  }
}

/**
 * Left alone, a bridge has the lowest MAC of its ports, or one that systemd makes of the machine-id:
 * on cloned hosts the same one. So a new bridge gets the MAC of its uplink, when there is just one,
 * and a bridge whose MAC leaves with a device below it gets a new one in the same way.
 */
function bridgeMac(draft: Draft, bridge: InterfaceState): void {
  const before = draft.before(bridge.name);
  if (before !== undefined && !isMacLeaving(draft, before)) return;
  const uplinks = portsOf(bridge.link).filter((port) => {
    const kind = draft.interfaces.get(port)?.link.kind;
    return kind === 'ethernet' || kind === 'bond' || kind === 'vlan';
  });
  const [uplink] = uplinks;
  const mac = uplink === undefined || uplinks.length > 1 ? undefined : expectedMac(draft, uplink);
  // Without an uplink nobody on the wire can see two devices with one MAC.
  if (before !== undefined && uplink === undefined) return;
  if (mac === bridge.mac) return;
  draft.change(bridge.name, { mac });
  if (before !== undefined) {
    draft.note(bridge.name, `its MAC changes to ${mac ?? 'that of another port'}`);
  }
}

/** Has a device the bridge's MAC that is below it now, and will not be, or will have another one? */
function isMacLeaving(draft: Draft, bridge: InterfaceState): boolean {
  const { mac } = bridge;
  if (mac === undefined) return false;
  const stays = allBelow(draft.interfaces, bridge.name);
  for (const name of stays) if (draft.interfaces.get(name)?.mac === mac) return false;
  return [...allBelow(draft.observed.interfaces, bridge.name)].some((name) => {
    const lender = draft.before(name);
    const after = draft.interfaces.get(name);
    if (lender === undefined || after === undefined) return false;
    if (lender.mac !== mac && lender.facts?.permanentMac !== mac) return false;
    if (!stays.has(name)) return true;
    return lender.controller === bridge.name && lender.mac === mac && after.mac !== mac;
  });
}

/** The MAC that the interface will have, as far as it can be told. */
function expectedMac(draft: Draft, name: string): string | undefined {
  const state = draft.interfaces.get(name);
  if (state === undefined) return undefined;
  if (state.mac !== undefined) return state.mac;
  if (state.link.kind === 'vlan') return expectedMac(draft, state.link.base);
  // The port that has addresses now is attached first (plan.ts), so that the neighbours see no other MAC.
  const ports = portsOf(state.link);
  const first =
    ports.find((candidate) => (draft.before(candidate)?.ipv4.addresses.length ?? 0) > 0) ??
    ports[0];
  const port = first === undefined ? undefined : draft.interfaces.get(first);
  if (state.link.kind !== 'bond' || port === undefined) return undefined;
  return ownMac(draft, port);
}
