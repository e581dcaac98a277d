/** What the kernel refuses of mac-vlans (drivers/net/macvlan.c), and what it makes of their MACs. */
import { locationOf } from './desired.js';
import type { Draft } from './merge-draft.js';
import { isMacVlanLink, isSubordinatePort } from './state.js';
import type { InterfaceState, MacVlanLink } from './state.js';

type MacVlanState = InterfaceState & Readonly<{ link: MacVlanLink }>;

export function isMacVlan(state: InterfaceState): state is MacVlanState {
  return isMacVlanLink(state.link);
}

/**
 * A device has one receive handler: its mac-vlans, or the bond or bridge that it is a port of. In mode
 * passthru a mac-vlan is alone on its base. What was so before is not ours to judge.
 */
export function checkMacVlans(draft: Draft): void {
  const byBase = new Map<string, MacVlanState[]>();
  for (const state of draft.interfaces.values()) {
    if (!isMacVlan(state)) continue;
    const { base } = state.link;
    byBase.set(base, [...(byBase.get(base) ?? []), state]);
    checkBase(draft, state);
  }
  for (const [base, all] of byBase) {
    const alone = all.find((state) => state.link.mode === 'passthru');
    const [first] = all.filter((state) => state !== alone);
    if (alone === undefined || first === undefined) continue;
    const named = draft.wanted.get(alone.name) ?? draft.wanted.get(first.name);
    if (named === undefined) continue;
    draft.errorAt(
      locationOf(named, 'macVlan.mode'),
      `interface "${alone.name}": in mode passthru it must be alone on ${base}, but "${first.name}" stands there as well`,
    );
  }
}

function checkBase(draft: Draft, state: MacVlanState): void {
  const { base } = state.link;
  const below = draft.interfaces.get(base);
  if (below === undefined) return;
  const by = draft.wanted.get(state.name) ?? draft.wanted.get(base);
  const location = by === undefined ? undefined : locationOf(by, 'macVlan.base');
  const before = draft.before(state.name);
  const wasSo =
    before !== undefined &&
    isMacVlan(before) &&
    before.link.base === base &&
    draft.before(base)?.controller === below.controller;
  if (wasSo) return;
  if (isMacVlan(below)) {
    draft.errorAt(
      location,
      `interface "${state.name}": its base-iface "${base}" is a ${below.link.kind} itself, which the kernel passes over; name what that one stands on, "${below.link.base}"`,
    );
  } else if (below.link.kind === 'loopback') {
    draft.errorAt(location, `interface "${state.name}": a loopback interface takes no mac-vlan`);
  } else if (isSubordinatePort(below, draft.interfaces)) {
    draft.errorAt(
      location,
      `interface "${state.name}": its base-iface "${base}" is a port of "${below.controller ?? ''}", and a device is either a port or has mac-vlans`,
    );
  }
}

/** In mode passthru both have one MAC: to set it on the mac-vlan is to set it on the base. */
export function passthruMac(draft: Draft, state: MacVlanState): void {
  if (state.link.mode !== 'passthru') return;
  const mac = draft.interfaces.get(state.link.base)?.mac;
  const wanted = draft.wanted.get(state.name);
  const isGiven = wanted?.mac !== undefined || wanted?.copyMacFrom !== undefined;
  if (isGiven && state.mac !== mac) {
    draft.error(
      wanted,
      wanted.mac === undefined ? 'copyMacFrom' : 'mac',
      `in mode passthru it has the MAC of its base-iface "${state.link.base}"; give that one the mac-address`,
    );
  } else if (state.mac !== mac) {
    draft.change(state.name, { mac });
  }
}
