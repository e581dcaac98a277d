/** The interfaces that the plan names, each by itself: made, changed, removed. */
import { NetorchError } from '../errors.js';
import { BOND_DELAYS, bondOptionProblems, modesOfBondOption, monitorProblems } from './bond.js';
import { bondDefaults } from './bond-defaults.js';
import { isSameBridgeOption } from './bridge.js';
import { locationOf } from './desired.js';
import type { DesiredInterface, DesiredIp } from './desired.js';
import { linkLocalOf, samePrimaries } from './ip.js';
import { laidOver } from './laid-over.js';
import type { Draft } from './merge-draft.js';
import { macVlanProblem } from './mac-vlan.js';
import { mergedProperties } from './properties.js';
import { VXLAN_PORT } from './vxlan.js';
import type {
  BondLink,
  InterfaceState,
  IpAddress,
  IpFamily,
  IpState,
  Link,
  MacVlanLink,
} from './state.js';
import { baseOf, failOverMac } from './state.js';

export function mergeInterfaces(draft: Draft): void {
  for (const desired of draft.wanted.values()) {
    if (desired.state !== 'absent') mergeInterface(draft, desired);
  }
  removeInterfaces(draft);
}

function mergeInterface(draft: Draft, desired: DesiredInterface): void {
  const observed = draft.before(desired.name);
  const link = observed === undefined ? newLink(draft, desired) : linkOf(draft, desired, observed);
  if (link === undefined) return;
  const bounds = observed?.facts;
  if (desired.mtu !== undefined && desired.mtu !== observed?.mtu) {
    const { minMtu = 0, maxMtu = Number.POSITIVE_INFINITY } = bounds ?? {};
    if (desired.mtu < minMtu || desired.mtu > maxMtu) {
      draft.error(desired, 'mtu', `mtu is ${desired.mtu}, the device takes ${minMtu}–${maxMtu}`);
    }
  }
  const merged: InterfaceState = {
    name: desired.name,
    up: desired.state === 'up',
    mac: link.kind === 'loopback' ? undefined : (desired.mac ?? observed?.mac),
    mtu: desired.mtu ?? observed?.mtu ?? 1500,
    controller: observed?.controller,
    ipv4: mergeIpv4(
      observed?.ipv4 ?? { enabled: false, addresses: [] },
      withLoopback(link, 'ipv4', desired.ipv4),
    ),
    ipv6: mergeIpv6(
      observed?.ipv6 ?? { enabled: true, addresses: [] },
      withLoopback(link, 'ipv6', desired.ipv6),
      observed?.mac,
    ),
    link,
    facts: observed?.facts,
    ...mergedProperties(observed, desired),
  };
  if (desired.profileName !== undefined && desired.profileName !== desired.name) {
    draft.note(
      desired.name,
      `profile-name "${desired.profileName}" has no effect: it names a profile of NetworkManager, and what is set at run time has none`,
    );
  }
  if (link.kind === 'loopback') checkLoopback(draft, desired);
  if (observed !== undefined && link.kind === 'other') {
    // Laid over each other, so that both have their keys in one order.
    const kept = { ...merged, ...observed, mac: merged.mac };
    if (JSON.stringify(kept) === JSON.stringify(merged)) return;
    draft.errors.push(
      new NetorchError(
        'NOT_SUPPORTED',
        `interface "${desired.name}" is a ${link.type} interface, which netorch does not change; leave its properties out`,
        { location: locationOf(desired) },
      ),
    );
    return;
  }
  draft.interfaces.set(desired.name, merged);
  const former = observed?.link.kind === 'veth' ? observed.link.peer : undefined;
  if (link.kind === 'veth' && (observed === undefined || former !== link.peer)) {
    makePeer(draft, desired, merged, link.peer);
  }
}

const LOOPBACK_ADDRESSES = {
  ipv4: { ip: '127.0.0.1', prefixLength: 8 },
  ipv6: { ip: '::1', prefixLength: 128 },
} as const;

/** Loopback keeps its own addresses, whatever a list says (as in nmstate). */
function withLoopback(
  link: Link,
  family: IpFamily,
  desired: DesiredIp | undefined,
): DesiredIp | undefined {
  if (link.kind !== 'loopback' || desired?.addresses === undefined) return desired;
  const own = LOOPBACK_ADDRESSES[family];
  const others = desired.addresses.filter((address) => address.ip !== own.ip);
  return { ...desired, addresses: [own, ...others] };
}

function checkLoopback(draft: Draft, desired: DesiredInterface): void {
  if (desired.state === 'down') {
    draft.error(
      desired,
      'state',
      'the loopback interface cannot be down: the host talks to itself by it',
    );
  }
  if (desired.mac !== undefined && desired.mac !== '00:00:00:00:00:00') {
    draft.error(desired, 'mac', 'the loopback interface has no MAC address');
  }
  for (const family of ['ipv4', 'ipv6'] as const) {
    if (
      desired[family]?.enabled === false &&
      draft.before(desired.name)?.[family].enabled === true
    ) {
      draft.error(
        desired,
        `${family}.enabled`,
        `the loopback interface cannot be without ${family}`,
      );
    }
  }
}

/** The kernel makes both ends of a pair; the other end comes up with this one unless the plan says. */
function makePeer(
  draft: Draft,
  desired: DesiredInterface,
  end: InterfaceState,
  peer: string | undefined,
): void {
  if (peer === undefined || draft.interfaces.has(peer)) return;
  const other = draft.wanted.get(peer);
  if (other !== undefined) return;
  draft.interfaces.set(peer, {
    ...end,
    name: peer,
    mac: undefined,
    ipv4: { enabled: false, addresses: [] },
    ipv6: { enabled: true, addresses: [] },
    link: { kind: 'veth', peer: desired.name },
  });
  draft.note(peer, `is made together with ${desired.name}, as its peer`);
}

function newLink(draft: Draft, desired: DesiredInterface): Link | undefined {
  const { kind } = desired;
  const lacks = (key: string, text: string): undefined => {
    draft.error(desired, key, text);
    return undefined;
  };
  switch (kind) {
    case undefined:
    case 'ethernet':
    case 'loopback':
    case 'other':
      draft.errorAt(locationOf(desired), draft.missing(desired.name));
      return undefined;
    case 'dummy':
      return { kind: 'dummy' };
    case 'veth': {
      const peer = desired.veth?.peer;
      if (peer === undefined) return lacks('veth', 'a new veth needs veth.peer');
      const isPair = draft.wanted.get(peer)?.veth?.peer === desired.name;
      if (draft.before(peer) !== undefined && !isPair) {
        return lacks('veth.peer', `its peer "${peer}" exists already; a pair is made in one go`);
      }
      return { kind: 'veth', peer };
    }
    case 'bond': {
      const { mode, options = {}, ports } = desired.bond ?? {};
      if (ports === undefined || ports.length === 0) {
        const joining = [...draft.wanted.values()].some(
          (item) => item.controller === desired.name && item.state !== 'absent',
        );
        if (!joining || ports !== undefined) {
          return lacks('bond.ports', 'a new bond needs ports: give link-aggregation.port');
        }
      }
      if (mode === undefined) {
        return lacks('bond', 'a new bond needs a mode: give link-aggregation.mode');
      }
      return checkedBond(draft, desired, { kind: 'bond', mode, options, ports: [] });
    }
    case 'vlan': {
      const { base, id, protocol = '802.1q' } = desired.vlan ?? {};
      if (base === undefined) return lacks('vlan', 'a new VLAN needs vlan.base-iface');
      if (id === undefined) return lacks('vlan', 'a new VLAN needs vlan.id');
      return { kind: 'vlan', base, id, protocol, options: desired.vlan?.options ?? {} };
    }
    case 'vxlan': {
      const { id, base, local, remote, destinationPort, learning } = desired.vxlan ?? {};
      if (id === undefined) return lacks('vxlan', 'a new VXLAN needs vxlan.id');
      return {
        kind: 'vxlan',
        id,
        base,
        local,
        remote,
        destinationPort: destinationPort ?? VXLAN_PORT,
        learning: learning ?? true,
      };
    }
    case 'linux-bridge':
      return { kind: 'linux-bridge', options: desired.bridge?.options ?? {}, ports: [] };
    case 'mac-vlan':
    case 'mac-vtap': {
      const { base, mode, promiscuous = true } = desired.macVlan ?? {};
      if (base === undefined) return lacks('macVlan', `a new ${kind} needs ${kind}.base-iface`);
      if (mode === undefined) return lacks('macVlan', `a new ${kind} needs ${kind}.mode`);
      return { kind, base, mode, promiscuous };
    }
    case 'vrf': {
      const { table } = desired.vrf ?? {};
      if (table === undefined) return lacks('vrf', 'a new VRF needs vrf.route-table-id');
      return { kind: 'vrf', table, ports: [] };
    }
  }
}

function linkOf(
  draft: Draft,
  desired: DesiredInterface,
  observed: InterfaceState,
): Link | undefined {
  const { link } = observed;
  const { kind } = desired;
  const fits =
    kind === undefined || kind === link.kind || (kind === 'ethernet' && link.kind === 'veth');
  if (!fits) {
    const is = link.kind === 'other' ? link.type : link.kind;
    draft.error(
      desired,
      'kind',
      `type is ${kind}, but ${observed.name} is of type ${is} on this host; remove it first or choose another name`,
    );
    return undefined;
  }
  switch (link.kind) {
    case 'bond':
      return mergeBond(draft, desired, link);
    case 'vlan':
      return laidOver(link, {
        ...desired.vlan,
        options: laidOver(link.options ?? {}, desired.vlan?.options),
      });
    case 'vxlan':
      return laidOver(link, desired.vxlan);
    case 'mac-vlan':
    case 'mac-vtap':
      return mergeMacVlan(draft, desired, link);
    case 'vrf':
      return laidOver(link, { table: desired.vrf?.table ?? link.table });
    case 'linux-bridge': {
      const asked = Object.entries(desired.bridge?.options ?? {}).filter(
        ([option, value]) => !isSameBridgeOption(option, value, link.options[option] ?? ''),
      );
      const options =
        asked.length === 0 ? link.options : { ...link.options, ...Object.fromEntries(asked) };
      const pvid = desired.bridge?.options?.['vlan_default_pvid'];
      // The kernel answers EPERM (br_vlan_set_default_pvid).
      if (
        pvid !== undefined &&
        pvid !== (link.options['vlan_default_pvid'] ?? pvid) &&
        link.options['vlan_filtering'] === '1'
      ) {
        draft.error(
          desired,
          'bridge.options.vlan_default_pvid',
          'vlan-default-pvid cannot change while the bridge filters VLANs',
        );
      }
      return laidOver(link, { options });
    }
    case 'veth': {
      const peer = desired.veth?.peer;
      if (peer !== undefined && peer !== link.peer) {
        const problem = newPeerProblem(draft, link.peer, peer);
        if (problem === undefined) return { kind: 'veth', peer };
        draft.error(desired, 'veth.peer', `veth.peer is "${peer}", but ${problem}`);
      }
      return link;
    }
    case 'ethernet':
    case 'dummy':
    case 'loopback':
    case 'other':
      return link;
  }
}

/** A pair is made in one go: with another peer it is made anew, and the former one goes. */
function newPeerProblem(
  draft: Draft,
  former: string | undefined,
  peer: string,
): string | undefined {
  if (former === undefined) {
    return 'its present peer is in another network namespace, whose user would lose it';
  }
  const wanted = draft.wanted.get(former);
  if (wanted !== undefined && wanted.state !== 'absent') {
    return `its present peer "${former}", which would go, is in this plan as well`;
  }
  return draft.before(peer) === undefined ? undefined : 'there is such an interface already';
}

/** Another mode takes the flag of passthru mode with it, unless the plan says something of it. */
function mergeMacVlan(draft: Draft, desired: DesiredInterface, link: MacVlanLink): MacVlanLink {
  const mode = desired.macVlan?.mode ?? link.mode;
  const promiscuous =
    desired.macVlan?.promiscuous ?? (mode === link.mode ? link.promiscuous : true);
  const problem = macVlanProblem({ mode, promiscuous });
  if (problem !== undefined && desired.macVlan?.promiscuous !== undefined) {
    draft.error(desired, 'macVlan.promiscuous', problem);
  }
  return { ...link, base: desired.macVlan?.base ?? link.base, mode, promiscuous };
}

function mergeBond(draft: Draft, desired: DesiredInterface, link: BondLink): BondLink {
  const mode = desired.bond?.mode ?? link.mode;
  const written = desired.bond?.options;
  // As in nmstate: an empty map is not nothing, it asks for the defaults.
  const given =
    written !== undefined && Object.keys(written).length === 0
      ? bondDefaults(mode, link.options)
      : (written ?? {});
  const observed = { ...link.options };
  if (mode !== link.mode) {
    for (const option of Object.keys(observed)) {
      if (modesOfBondOption(option)?.includes(mode) === false) delete observed[option];
    }
  }
  // bond_options.c, bond_option_mode_set: this mode begins with it, whatever was said in another one.
  if (mode !== link.mode && mode === 'balance-alb' && observed['tlb_dynamic_lb'] !== undefined)
    observed['tlb_dynamic_lb'] = '1';
  const options: Record<string, string> = { ...observed, ...given };
  const isOn = (value: string | undefined): boolean => value !== undefined && value !== '0';
  // The kernel keeps one link monitor: starting one stops the other (bond_options.c).
  if (isOn(given['arp_interval']) && given['miimon'] === undefined && isOn(options['miimon'])) {
    options['miimon'] = '0';
    for (const delay of BOND_DELAYS) {
      if (given[delay] === undefined && isOn(options[delay])) options[delay] = '0';
    }
  } else if (isOn(given['miimon']) && given['arp_interval'] === undefined) {
    if (isOn(options['arp_interval'])) options['arp_interval'] = '0';
    if (options['arp_validate'] !== undefined && given['arp_validate'] === undefined) {
      options['arp_validate'] = 'none';
    }
  }
  // Modes without ARP monitoring switch MII monitoring on by themselves, at 100 ms.
  const noMonitor = options['miimon'] !== undefined && !isOn(options['miimon']);
  if (
    mode !== link.mode &&
    noMonitor &&
    modesOfBondOption('arp_interval')?.includes(mode) === false
  ) {
    if (given['miimon'] === undefined) options['miimon'] = '100';
  }
  scaleDelays(draft, desired, link, options);
  // Another mode may have taken options away.
  const kept = mode === link.mode ? laidOver(link.options, options) : options;
  return checkedBond(draft, desired, laidOver(link, { mode, options: kept }));
}

/** The kernel stores the delays in units of miimon, so they change along with it. */
function scaleDelays(
  draft: Draft,
  desired: DesiredInterface,
  link: BondLink,
  options: Record<string, string>,
): void {
  const before = Number(link.options['miimon'] ?? '0');
  const after = Number(options['miimon'] ?? '0');
  if (before === 0 || after === 0 || before === after) return;
  for (const name of BOND_DELAYS) {
    const delay = Number(options[name] ?? '0');
    if (delay === 0 || desired.bond?.options?.[name] !== undefined) continue;
    options[name] = String(Math.floor(delay / before) * after);
    draft.note(
      desired.name,
      `${name} becomes ${options[name] ?? ''} with the new miimon: the kernel counts it in units of that`,
    );
  }
}

function checkedBond(draft: Draft, desired: DesiredInterface, link: BondLink): BondLink {
  const given = desired.bond?.options ?? {};
  // With a mode in the plan, checkDesiredState has looked at the options already.
  if (desired.bond?.mode === undefined) {
    for (const [option, text] of bondOptionProblems(link.mode, given)) {
      draft.error(desired, `bond.options.${option}`, text);
    }
  }
  if (Object.keys(given).length > 0) {
    for (const [option, text] of monitorProblems(link.options)) {
      draft.error(desired, `bond.options.${option}`, text);
    }
  }
  const { mac, copyMacFrom } = desired;
  const failOver = failOverMac(link);
  const before = draft.before(desired.name);
  // What the host has already is asked for by a document that `show` printed.
  const isNewMac = copyMacFrom !== undefined || (mac !== undefined && mac !== before?.mac);
  if (isNewMac && failOver === 'active') {
    draft.error(
      desired,
      mac === undefined ? 'copyMacFrom' : 'mac',
      'with fail_over_mac: active the bond has the MAC of its active port; it cannot be given one',
    );
  }
  if (
    isNewMac &&
    failOver === 'follow' &&
    before !== undefined &&
    failOverMac(before.link) !== ''
  ) {
    draft.error(
      desired,
      mac === undefined ? 'copyMacFrom' : 'mac',
      'with fail_over_mac: follow the bond has the MAC that it began with; it cannot be given another one',
    );
  }
  return link;
}

/**
 * IPv4 is "enabled" by having addresses: with none to set or to remove, the host has nothing that
 * could change, and the observed word stays.
 */
function mergeIpv4(observed: IpState, desired: DesiredIp | undefined): IpState {
  if (desired === undefined) return observed;
  if (desired.enabled === false) return { enabled: false, addresses: [] };
  const addresses = mergeAddresses(observed.addresses, desired.addresses);
  return { ...observed, enabled: addresses.length > 0 || observed.enabled, addresses };
}

/**
 * nmstate prints the link-local address that the kernel made among the others; a state does not hold
 * it, and a document that has it does not ask for one more.
 */
function mergeIpv6(
  observed: IpState,
  desired: DesiredIp | undefined,
  mac: string | undefined,
): IpState {
  if (desired === undefined) return observed;
  const enabled = desired.enabled ?? observed.enabled;
  if (!enabled) return { enabled, addresses: [] };
  if (desired.addresses === undefined) return { ...observed, enabled };
  const kernelMade = mac === undefined ? undefined : linkLocalOf(mac);
  const wanted = desired.addresses.filter(
    ({ ip }) => ip !== kernelMade || observed.addresses.some((address) => address.ip === ip),
  );
  return { ...observed, enabled, addresses: mergeAddresses(observed.addresses, wanted) };
}

/** A given list is whole. Its order counts only where it decides which address is the primary one. */
function mergeAddresses(
  observed: readonly IpAddress[],
  desired: readonly IpAddress[] | undefined,
): readonly IpAddress[] {
  if (desired === undefined || samePrimaries(observed, desired)) return observed;
  return desired;
}

/** A pair whose other end is in another namespace: to this host a NIC, and nothing could make it anew. */
function isEndOfForeignPair({ link }: InterfaceState): boolean {
  return link.kind === 'veth' && link.peer === undefined;
}

/** `absent`: virtual interfaces go, with what stands on them; a NIC is only emptied and taken down. */
function removeInterfaces(draft: Draft): void {
  const gone = new Set<string>();
  for (const desired of draft.wanted.values()) {
    const observed = draft.before(desired.name);
    if (desired.state !== 'absent' || observed === undefined) continue;
    const { kind } = observed.link;
    if (desired.kind !== undefined && linkOf(draft, desired, observed) === undefined) continue;
    if (kind === 'loopback') {
      draft.interfaces.set(desired.name, {
        ...observed,
        ipv4: { ...observed.ipv4, addresses: [LOOPBACK_ADDRESSES.ipv4] },
        ipv6: {
          ...observed.ipv6,
          addresses: observed.ipv6.enabled ? [LOOPBACK_ADDRESSES.ipv6] : [],
        },
      });
    } else if (kind === 'other') {
      draft.errors.push(
        new NetorchError(
          'NOT_SUPPORTED',
          `interface "${desired.name}" is of type ${observed.link.kind === 'other' ? observed.link.type : kind}, which netorch does not remove`,
          { location: locationOf(desired, 'state') },
        ),
      );
    } else if (kind === 'ethernet' || isEndOfForeignPair(observed)) {
      draft.interfaces.set(desired.name, {
        ...observed,
        up: false,
        controller: undefined,
        ipv4: { enabled: false, addresses: [] },
        ipv6: { enabled: observed.ipv6.enabled, addresses: [] },
      });
    } else {
      gone.add(desired.name);
    }
  }
  for (const { name, link } of draft.interfaces.values()) {
    const before = draft.before(name)?.link;
    if (link.kind !== 'veth' || before?.kind !== 'veth' || before.peer === undefined) continue;
    if (before.peer === link.peer) continue;
    draft.note(before.peer, `goes: ${name} gets another peer`);
    gone.add(before.peer);
  }
  // A Set is iterated over what is added meanwhile as well.
  for (const name of gone) {
    draft.interfaces.delete(name);
    const own = draft.before(name)?.link;
    const end = own?.kind === 'veth' ? draft.interfaces.get(own.peer ?? '')?.link : undefined;
    if (
      own?.kind === 'veth' &&
      own.peer !== undefined &&
      end?.kind === 'veth' &&
      end.peer === name
    ) {
      if (!gone.has(own.peer)) draft.note(own.peer, `goes together with its peer ${name}`);
      gone.add(own.peer);
    }
    for (const [other, state] of draft.interfaces) {
      if (baseOf(state.link) !== name) continue;
      if (gone.has(other) || draft.wanted.get(other) !== undefined) continue;
      gone.add(other);
      draft.note(other, `goes together with ${name}, which it stands on`);
    }
  }
}
