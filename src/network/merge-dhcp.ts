/** DHCP clients and autoconf: where they shall run, and what goes with them. */
import { settingKeys } from './dhcp.js';
import type { Draft } from './merge-draft.js';
import { isNewPort } from './merge-consequences.js';
import { allBelow } from './stacking.js';
import type { DhcpState, InterfaceState, IpAddress, IpState } from './state.js';

export function mergeDhcp(draft: Draft): void {
  for (const state of [...draft.interfaces.values()]) settleDhcp(draft, state);
  for (const state of [...draft.interfaces.values()]) expectAddress(draft, state);
  for (const state of [...draft.interfaces.values()]) settleAutoconf(draft, state);
}

const isIpv4 = (address: IpAddress): boolean => !address.ip.includes(':');

const withoutDhcp = ({ dhcp: _dhcp, ...ip }: IpState): IpState => ip;

function settleDhcp(draft: Draft, state: InterfaceState): void {
  const desired = draft.wanted.get(state.name);
  const before = draft.before(state.name)?.ipv4.dhcp;
  const wanted = desired?.ipv4?.dhcp;
  const isPort = state.controller !== undefined && isNewPort(draft, state);
  const isOff =
    wanted === false ||
    desired?.ipv4?.enabled === false ||
    !state.up ||
    isPort ||
    desired?.state === 'absent';
  if (isOff) {
    if (state.ipv4.dhcp === undefined && before === undefined) return;
    if (wanted !== false && before !== undefined) {
      const why = isPort ? `it becomes a port of ${state.controller ?? ''}` : 'it goes down';
      draft.note(state.name, `has no DHCP any more, for ${why}; the lease is not given back`);
    }
    draft.change(state.name, {
      ipv4: { ...withoutDhcp(state.ipv4), enabled: state.ipv4.addresses.length > 0 },
      ...(state.facts === undefined ? {} : { facts: withoutIpv4(state.facts) }),
    });
    return;
  }
  if (wanted !== true) return;
  const settings = desired?.ipv4?.dhcpSettings ?? {};
  const dhcp: DhcpState =
    before === undefined
      ? { client: undefined, settings, process: undefined }
      : { ...before, settings };
  draft.change(state.name, { ipv4: { ...state.ipv4, enabled: true, dhcp, isAwaited: true } });
}

const withoutIpv4 = (facts: NonNullable<InterfaceState['facts']>) => ({
  ...facts,
  dynamicAddresses: facts.dynamicAddresses.filter((address) => !isIpv4(address)),
});

/** DHCP that moves up (from a NIC to the bridge on it) keeps its client, and its address with the MAC. */
function expectAddress(draft: Draft, state: InterfaceState): void {
  const { dhcp } = state.ipv4;
  if (dhcp === undefined || draft.before(state.name)?.ipv4.dhcp !== undefined) return;
  for (const name of allBelow(draft.interfaces, state.name)) {
    const below = draft.before(name);
    const former = below?.ipv4.dhcp;
    if (former === undefined || draft.interfaces.get(name)?.ipv4.dhcp !== undefined) continue;
    const address = below?.facts?.dynamicAddresses.find(isIpv4);
    draft.change(state.name, {
      ipv4: {
        ...state.ipv4,
        dhcp: {
          ...dhcp,
          client: former.client,
          ...(address === undefined ? {} : { expected: address }),
        },
      },
    });
    return;
  }
}

/** Dynamic IPv6 addresses go with autoconf; where it is switched on, one is waited for. */
function settleAutoconf(draft: Draft, state: InterfaceState): void {
  const desired = draft.wanted.get(state.name)?.ipv6;
  const before = draft.before(state.name);
  const isOff = desired?.autoconf === false || !state.ipv6.enabled;
  if (isOff) {
    if (state.facts?.dynamicAddresses.some((address) => !isIpv4(address)) === true) {
      const dynamicAddresses = state.facts.dynamicAddresses.filter(isIpv4);
      draft.change(state.name, { facts: { ...state.facts, dynamicAddresses } });
    }
    if (desired?.autoconf === false) {
      draft.change(state.name, { ipv6: { ...state.ipv6, autoconf: false } });
    }
    return;
  }
  if (desired?.autoconf !== true) return;
  const odd = settingKeys(desired.dhcpSettings ?? {});
  const wanted = draft.wanted.get(state.name);
  if (odd.length > 0 && wanted !== undefined) {
    draft.error(
      wanted,
      'ipv6.autoconf',
      `${odd.join(', ')}: with autoconf the kernel follows the router advertisements as they are`,
    );
  }
  const isNew = before?.ipv6.autoconf !== true;
  draft.change(state.name, {
    ipv6: { ...state.ipv6, autoconf: true, ...(isNew && state.up ? { isAwaited: true } : {}) },
  });
}
