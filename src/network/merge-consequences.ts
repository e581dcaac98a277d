/** What the kernel does to links and addresses when links go down or become ports. */
import type { Draft } from './merge-draft.js';
import { baseOf, isSubordinatePort } from './state.js';
import type { InterfaceState, IpState } from './state.js';

/** Did this interface become a port of a bond or bridge in this plan? (A VRF leaves it as it is.) */
export function isNewPort(draft: Draft, state: InterfaceState): boolean {
  return (
    isSubordinatePort(state, draft.interfaces) &&
    draft.before(state.name)?.controller !== state.controller
  );
}

/** New ports come up with their controller; VLANs go down with their base. */
export function mergeAdministrativeState(draft: Draft): void {
  for (const state of draft.interfaces.values()) {
    if (isNewPort(draft, state) && !state.up && !draft.wanted.has(state.name)) {
      draft.change(state.name, { up: true });
      draft.note(state.name, `is set up as a port of ${state.controller ?? ''}`);
    }
  }
  for (const name of draft.order) {
    const state = draft.interfaces.get(name);
    if (state === undefined) continue;
    const isBound = state.link.kind === 'vlan' && state.link.options?.['loose_binding'] !== 'on';
    const base = isBound ? baseOf(state.link) : undefined;
    const below = base === undefined ? undefined : draft.interfaces.get(base);
    if (state.up && below !== undefined && !below.up) {
      const desired = draft.wanted.get(name);
      const isAsBefore = draft.before(below.name)?.up === false && draft.before(name)?.up === true;
      if (desired !== undefined && !isAsBefore) {
        draft.error(
          desired,
          'state',
          `it cannot be up while its base-iface "${below.name}" is down`,
        );
      } else if (!isAsBefore) {
        draft.change(name, { up: false });
        draft.note(name, `goes down together with ${below.name}, which it stands on`);
      }
    }
    dropIpv6OfDown(draft, name);
  }
}

/** A link that goes down loses its IPv6 addresses for good; the IPv4 ones stay. */
function dropIpv6OfDown(draft: Draft, name: string): void {
  const state = draft.interfaces.get(name);
  if (state === undefined || state.up || draft.before(name)?.up !== true) return;
  if (state.ipv6.addresses.length === 0) return;
  if (draft.wanted.get(name)?.ipv6?.addresses !== undefined) return;
  draft.change(name, { ipv6: { ...state.ipv6, addresses: [] } });
  draft.note(name, 'loses its IPv6 addresses, for it goes down');
}

/** A port has no addresses: what a new port had would stay there and catch traffic. */
export function mergeAddressesOfPorts(draft: Draft): void {
  for (const state of draft.interfaces.values()) {
    if (!isNewPort(draft, state) || state.link.kind === 'other') continue;
    const lost = [...state.ipv4.addresses, ...state.ipv6.addresses];
    if (lost.length === 0) continue;
    const empty = (ip: IpState, enabled: boolean): IpState => ({ ...ip, enabled, addresses: [] });
    draft.change(state.name, {
      ipv4: empty(state.ipv4, false),
      ipv6: empty(state.ipv6, state.ipv6.enabled),
    });
    const list = lost.map((address) => `${address.ip}/${address.prefixLength}`).join(', ');
    draft.note(state.name, `loses ${list}, for it becomes a port of ${state.controller ?? ''}`);
  }
}
