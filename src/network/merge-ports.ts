/** Who is a port of whom: port lists, `controller:`, removed controllers. */
import { desiredPorts, locationOf } from './desired.js';
import type { DesiredInterface } from './desired.js';
import type { Draft } from './merge-draft.js';
import { hasPriorities, portsConfigProblems } from './bond-port.js';
import { laidOver } from './laid-over.js';
import { portsOf } from './state.js';
import type { BondLink, BridgeLink, BridgePort, InterfaceState, PortVlan } from './state.js';

export function mergePorts(draft: Draft): void {
  const claims = claimedPorts(draft);
  const controllers = new Map<string, string | undefined>();
  for (const [name, state] of draft.interfaces) controllers.set(name, state.controller);

  for (const desired of draft.wanted.values()) {
    if (desired.state === 'absent' || !draft.interfaces.has(desired.name)) continue;
    if (desired.controller === '') controllers.set(desired.name, undefined);
    leavePorts(draft, desired, claims, controllers);
  }
  for (const [port, claim] of claims) controllers.set(port, claim.controller);
  const ports = new Map<string, string[]>();
  for (const state of draft.interfaces.values()) {
    const { name } = state;
    let controller = controllers.get(name);
    // One that is not there was observed so: that is not ours to judge.
    const isGone = controller !== undefined && !draft.interfaces.has(controller);
    if (controller !== undefined && isGone && draft.before(controller) !== undefined) {
      draft.note(name, `is no port any more, for ${controller} is removed`);
      controller = undefined;
    }
    if (state.controller !== controller) draft.change(name, { controller });
    if (controller === undefined) continue;
    const others = ports.get(controller);
    if (others === undefined) ports.set(controller, [name]);
    else others.push(name);
  }
  for (const state of draft.interfaces.values()) {
    fillPorts(draft, state, ports.get(state.name)?.sort() ?? []);
  }
}

type Claim = Readonly<{ controller: string; by: DesiredInterface; key: string }>;

/** What the plan says about ports: by the controller's list or by the port's own `controller:`. */
function claimedPorts(draft: Draft): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  const claim = (port: string, controller: string, by: DesiredInterface, key: string): void => {
    const complain = (text: string): void => draft.errorAt(locationOf(by, key), text);
    const state = draft.interfaces.get(port);
    const target = draft.interfaces.get(controller);
    const allowed = ['bond', 'linux-bridge', 'vrf'].includes(target?.link.kind ?? '');
    if (state === undefined) {
      const wanted = draft.wanted.get(port);
      // One that could not be made has been complained about at its own place.
      if (wanted === undefined || wanted.state === 'absent') {
        complain(`port of "${controller}": ${draft.missing(port)}`);
      }
    } else if (target === undefined) {
      if (!draft.wanted.has(controller)) {
        complain(`controller of "${port}": ${draft.missing(controller)}`);
      }
    } else if (!allowed && state.controller !== controller) {
      const { link } = target;
      complain(
        `controller of "${port}": "${controller}" is of type ${link.kind === 'other' ? link.type : link.kind}; only bonds, bridges and VRFs have ports`,
      );
    } else if (state.controller !== controller && !canBePort(state, target)) {
      const { link } = state;
      complain(
        `port of "${controller}": a ${link.kind === 'other' ? link.type : link.kind} ("${port}") cannot be a port of a ${target.link.kind}`,
      );
    } else {
      claims.set(port, { controller, by, key });
    }
  };
  for (const desired of draft.wanted.values()) {
    if (desired.state === 'absent') continue;
    for (const { name, key } of desiredPorts(desired) ?? []) {
      claim(name, desired.name, desired, key);
    }
    if (desired.controller !== undefined && desired.controller !== '') {
      claim(desired.name, desired.controller, desired, 'controller');
    }
  }
  return claims;
}

/**
 * The kernel refuses a bridge in a bridge, and a VRF in anything; a bond takes over MAC and MTU of its
 * ports, so what netorch does not model is kept out of one.
 */
function canBePort(port: InterfaceState, controller: InterfaceState): boolean {
  if (port.link.kind === 'loopback' || port.link.kind === 'vrf') return false;
  if (controller.link.kind === 'vrf') return true;
  if (controller.link.kind === 'linux-bridge') return port.link.kind !== 'linux-bridge';
  return port.link.kind !== 'other' && port.link.kind !== 'linux-bridge';
}

/** Present ports that the controller's list does not name. */
function leavePorts(
  draft: Draft,
  desired: DesiredInterface,
  claims: ReadonlyMap<string, Claim>,
  controllers: Map<string, string | undefined>,
): void {
  const observed = draft.before(desired.name);
  if (observed === undefined) return;
  const isBridge = observed.link.kind === 'linux-bridge';
  const named = desiredPorts(desired)?.map((port) => port.name);
  if (named === undefined) return;
  for (const port of portsOf(observed.link)) {
    if (named.includes(port) || claims.has(port) || !draft.interfaces.has(port)) continue;
    if (draft.wanted.get(port)?.controller === '') continue;
    if (isBridge && desired.exclusive !== true) {
      draft.note(desired.name, `keeps port ${port}, which the plan does not name`);
      continue;
    }
    controllers.set(port, undefined);
    if (isBridge) {
      draft.note(desired.name, `port ${port} is detached: the bridge is exclusive`);
    }
  }
}

function fillPorts(draft: Draft, state: InterfaceState, ports: readonly string[]): void {
  const { link, name } = state;
  if (link.kind !== 'bond' && link.kind !== 'linux-bridge' && link.kind !== 'vrf') return;
  if (link.kind === 'bond') {
    const filled = bondWithPorts(draft, name, link, ports);
    if (filled !== link) draft.change(name, { link: filled });
    return;
  }
  if (link.kind === 'vrf') {
    draft.change(name, { link: { ...link, ports } });
    return;
  }
  const observed = draft.before(name)?.link;
  const before = observed?.kind === 'linux-bridge' ? observed : undefined;
  const filled = ports.map((port) => bridgePort(draft, name, link, before, port));
  if (!isSameList(filled, link.ports)) draft.change(name, { link: { ...link, ports: filled } });
}

function isSameList<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((item, at) => item === other[at]);
}

function bondWithPorts(
  draft: Draft,
  name: string,
  link: BondLink,
  ports: readonly string[],
): BondLink {
  const observed = draft.before(name)?.link;
  const before = observed?.kind === 'bond' ? (observed.portOptions ?? {}) : {};
  const wanted = draft.wanted.get(name);
  const given = wanted?.bond?.portOptions ?? {};
  const portOptions = Object.fromEntries(
    ports.map((port) => {
      const present = before[port] ?? {};
      // Another mode takes the ports out and in again: where there are no priorities, they are gone.
      const isLost = present['prio'] !== undefined && !hasPriorities(link.mode);
      const kept = isLost ? { ...present, prio: '0' } : present;
      return [port, laidOver(kept, given[port])];
    }),
  );
  if (wanted !== undefined) {
    for (const [port, text] of portsConfigProblems(link.mode, ports, {
      ...portOptions,
      ...given,
    })) {
      draft.error(wanted, `bond.portOptions.${port}`, text);
    }
  }
  // A primary that is no port any more is none.
  const { primary = '', ...others } = link.options;
  const isGone = primary !== '' && !ports.includes(primary) && observed !== undefined;
  const options = isGone ? others : link.options;
  if (isGone && wanted?.bond?.options?.['primary'] !== undefined) {
    const text = `primary is "${primary}", which is not among its ports`;
    draft.error(wanted, 'bond.options.primary', text);
  }
  const isKnown = Object.values(portOptions).some((values) => Object.keys(values).length > 0);
  const { kind, mode } = link;
  const isSame =
    options === link.options &&
    isSameList(ports, link.ports) &&
    (isKnown
      ? ports.every((port) => portOptions[port] === link.portOptions?.[port])
      : link.portOptions === undefined);
  if (isSame) return link;
  return { kind, mode, options, ports, ...(isKnown ? { portOptions } : {}) };
}

function bridgePort(
  draft: Draft,
  bridge: string,
  link: BridgeLink,
  before: BridgeLink | undefined,
  name: string,
): BridgePort {
  const present = before?.ports.find((port) => port.name === name);
  const wanted = draft.wanted.get(bridge)?.bridge?.ports?.find((port) => port.name === name);
  const standard = defaultTable(link.options['vlan_default_pvid']);
  const inherited =
    present === undefined
      ? standard
      : withNewDefault(present.vlans, before?.options['vlan_default_pvid'], standard, link);
  const vlans = wanted?.vlans ?? inherited;
  if (present === undefined) return { name, options: { ...wanted?.options }, vlans };
  return laidOver(present, { options: laidOver(present.options, wanted?.options), vlans });
}

/** What a port gets when it is attached: the bridge's default PVID, untagged. */
function defaultTable(pvid: string | undefined): readonly PortVlan[] {
  const vid = Number(pvid ?? '1');
  return vid === 0 ? [] : [{ vid, pvid: true, untagged: true }];
}

/** Ports that still have the old default PVID follow a new one (br_vlan_set_default_pvid). */
function withNewDefault(
  vlans: readonly PortVlan[],
  oldPvid: string | undefined,
  standard: readonly PortVlan[],
  link: BridgeLink,
): readonly PortVlan[] {
  const old = Number(oldPvid ?? '1');
  if (String(old) === (link.options['vlan_default_pvid'] ?? '1')) return vlans;
  if (!vlans.some((vlan) => vlan.vid === old && vlan.pvid)) return vlans;
  return [...vlans.filter((vlan) => vlan.vid !== old), ...standard].sort((a, b) => a.vid - b.vid);
}
