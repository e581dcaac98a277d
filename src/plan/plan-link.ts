/** What every interface has: MAC, MTU, a switch for IPv6, and the properties of its type that change in place. */
import { portsOf, type InterfaceState } from '../network/state.js';
import { typeOptionsDifference } from '../network/type-options.js';
import type { PlanDraft } from './plan-draft.js';

export function settleTypeOptions(draft: PlanDraft, wanted: InterfaceState): void {
  const item = draft.model.get(wanted.name);
  if (item === undefined || item.link === wanted.link) return;
  const options = typeOptionsDifference(item.link, wanted.link);
  const words = Object.entries(options).map(([key, value]) => `${key} ${value}`);
  if (words.length === 0) return;
  draft.emit(
    {
      id: `set options ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: `set ${words.join(', ')} of ${wanted.name}`,
      why: draft.why(wanted.name, ['vlan', 'macVlan', ''], 'consequence of the plan'),
    },
    { op: 'set-type-options', name: wanted.name, kind: wanted.link.kind, options },
  );
}

export function settleMac(draft: PlanDraft, wanted: InterfaceState): void {
  const item = draft.model.get(wanted.name);
  if (item === undefined || wanted.mac === undefined || item.mac === wanted.mac) return;
  // The MAC of a bond's port is the bond's; that of a bridge is settled when its ports are there.
  if (draft.followsBond(wanted)) return;
  if (
    wanted.link.kind === 'linux-bridge' &&
    portsOf(wanted.link).some((port) => draft.model.get(port)?.controller !== wanted.name)
  )
    return;
  const isUpNic = wanted.link.kind === 'ethernet' && item.up;
  draft.emit(
    {
      id: `set mac ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: `set the MAC address of ${wanted.name} to ${wanted.mac}`,
      why: draft.why(
        wanted.name,
        ['mac', 'copyMacFrom'],
        'its own MAC again, or the MAC of its uplink',
      ),
    },
    ...(isUpNic ? [{ op: 'set-down', name: wanted.name } as const] : []),
    { op: 'set-mac', name: wanted.name, mac: wanted.mac },
    ...(isUpNic ? [{ op: 'set-up', name: wanted.name } as const] : []),
  );
}

export function setMtu(draft: PlanDraft, wanted: InterfaceState): void {
  draft.emit(
    {
      id: `set mtu ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: `set the MTU of ${wanted.name} to ${wanted.mtu}`,
      why: draft.why(wanted.name, ['mtu'], 'it follows the interfaces it is joined with'),
    },
    { op: 'set-mtu', name: wanted.name, mtu: wanted.mtu },
  );
}

/** `because`: the reason where no line of the plan asks for it. */
export function setState(
  draft: PlanDraft,
  name: string,
  state: 'up' | 'down',
  because: string,
): void {
  draft.emit(
    {
      id: `set ${state} ${name}`,
      action: 'modify',
      object: name,
      summary: `set ${name} ${state}`,
      why: draft.why(name, ['state', ''], because),
    },
    { op: `set-${state}`, name },
  );
}

export function settleIpv6(draft: PlanDraft, wanted: InterfaceState): void {
  const item = draft.model.get(wanted.name);
  if (item === undefined || item.ipv6Enabled === wanted.ipv6.enabled) return;
  draft.emit(
    {
      id: `set ipv6 ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: `switch IPv6 ${wanted.ipv6.enabled ? 'on' : 'off'} on ${wanted.name}`,
      why: draft.why(wanted.name, ['ipv6.enabled', 'ipv6'], 'consequence of the plan'),
    },
    { op: 'set-ipv6-enabled', name: wanted.name, enabled: wanted.ipv6.enabled },
  );
}
