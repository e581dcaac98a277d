/** Hazards of links: what happens to interfaces that the plan does not speak of. */
import { interfacesByName, type DesiredState } from '../network/desired.js';
import type { InterfaceState, NetworkState } from '../network/state.js';
import type { Hazard, ManagementPath } from './change.js';

type LinkHazardInput = Readonly<{
  observed: NetworkState;
  target: NetworkState;
  desired: DesiredState;
  management: ManagementPath | undefined;
  /** Interfaces that are taken away and made again, each with the one because of which it is. */
  remade: ReadonlyMap<string, string>;
}>;

export function linkHazards(input: LinkHazardInput): readonly Hazard[] {
  const named = interfacesByName(input.desired);
  const hazards: Hazard[] = [];
  const warn = (kind: Hazard['kind'], text: string): void => {
    hazards.push({ kind, severity: 'warning', text });
  };
  for (const [name, cause] of input.remade) {
    if (name !== cause && !named.has(name)) {
      warn('recreate', `${name} is made anew with ${cause}, on which it stands`);
    }
    if (lost(input, name).length > 0) {
      warn('recreate', `${name} loses, as the plan allows: ${lost(input, name).join(', ')}`);
    }
  }
  for (const before of input.observed.interfaces.values()) {
    const after = input.target.interfaces.get(before.name);
    if (isVirtualPort(before, input.observed) && after?.controller !== before.controller) {
      warn(
        'consequence',
        `${before.name} leaves ${before.controller ?? ''}: the virtual machine or container behind it is cut off`,
      );
    }
    if (after !== undefined) vrfHazards(input, before, after, hazards);
  }
  return hazards;
}

function lost({ observed }: LinkHazardInput, name: string): readonly string[] {
  return observed.interfaces.get(name)?.facts?.attachments ?? [];
}

/** A port that netorch does not model, or a mac-vtap: a running virtual machine, as far as can be seen. */
function isVirtualPort(item: InterfaceState, observed: NetworkState): boolean {
  if (item.controller === undefined) return false;
  if (observed.interfaces.get(item.controller)?.link.kind !== 'linux-bridge') return false;
  return item.link.kind === 'other' || item.link.kind === 'mac-vtap';
}

function vrfHazards(
  { target, management }: LinkHazardInput,
  before: InterfaceState,
  after: InterfaceState,
  hazards: Hazard[],
): void {
  const vrf = after.controller === undefined ? undefined : target.interfaces.get(after.controller);
  if (vrf?.link.kind !== 'vrf' || before.controller === after.controller) return;
  const has = after.ipv4.addresses.length > 0 || after.ipv6.addresses.length > 0;
  if (has) {
    hazards.push({
      kind: 'consequence',
      severity: 'warning',
      text: `the networks of ${after.name} move to table ${vrf.link.table} (VRF ${vrf.name}): what uses the main table reaches them no more`,
    });
  }
  if (management?.interface === after.name) {
    hazards.push({
      kind: 'management-path',
      severity: 'warning',
      text: `SSH arrives at ${after.name}, which joins VRF ${vrf.name}: sshd hears it there only with the sysctl net.ipv4.tcp_l3mdev_accept=1`,
    });
  }
}
