/** Options of bonds, which the kernel takes only in certain states: without ports, down, or one after another. */
import {
  BOND_DELAYS,
  BOND_OPTIONS_WHEN_DOWN,
  BOND_OPTIONS_WITHOUT_PORTS,
} from '../network/bond.js';
import type { InterfaceState } from '../network/state.js';
import { bondPortChanges } from './bond-port-changes.js';
import type { PlanDraft } from './plan-draft.js';
import { detachPort, portOrder } from './plan-ports.js';

/** Ports must leave a bond whose mode (or fail_over_mac) changes; they come back in `build`. */
export function freeBondPorts(draft: PlanDraft, wanted: InterfaceState): void {
  const item = draft.model.get(wanted.name);
  if (wanted.link.kind !== 'bond' || item?.link.kind !== 'bond') return;
  if (
    !Object.keys(bondDifference(draft, wanted)).some((key) => BOND_OPTIONS_WITHOUT_PORTS.has(key))
  )
    return;
  for (const port of draft.model.portsOf(wanted.name)) detachPort(draft, port.name, wanted.name);
}

export function settleBond(draft: PlanDraft, wanted: InterfaceState): void {
  if (wanted.link.kind !== 'bond') return;
  const different = bondDifference(draft, wanted);
  const keys = Object.keys(different);
  if (keys.length === 0) return;
  const needsDown =
    keys.some((key) => BOND_OPTIONS_WHEN_DOWN.has(key)) &&
    draft.model.get(wanted.name)?.up === true;
  draft.emit(
    {
      id: `set options ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: `set ${keys.map((key) => `${key} ${different[key] || 'none'}`).join(', ')} of bond ${wanted.name}`,
      why: draft.why(
        wanted.name,
        [...keys.map((key) => `bond.options.${key}`), 'bond.mode', 'bond.options', 'bond', ''],
        'consequence of the plan',
      ),
    },
    ...(needsDown ? [{ op: 'set-down', name: wanted.name } as const] : []),
    { op: 'set-bond-options', name: wanted.name, options: different },
    ...(needsDown && wanted.up ? [{ op: 'set-up', name: wanted.name } as const] : []),
  );
}

export function settleBondPorts(draft: PlanDraft, wanted: InterfaceState): void {
  if (wanted.link.kind !== 'bond') return;
  for (const { name, options } of bondPortChanges(wanted.link, (port) => draft.model.get(port))) {
    const words = Object.entries(options).map(([key, value]) => `${key} ${value}`);
    draft.emit(
      {
        id: `set port options ${name}`,
        action: 'modify',
        object: name,
        summary: `set ${words.join(', ')} of port ${name} of ${wanted.name}`,
        why: draft.why(
          wanted.name,
          [`bond.portOptions.${name}`, 'bond.mode', 'bond.ports'],
          'put back: a port that comes to a bond begins without',
        ),
      },
      { op: 'set-port-options', of: 'bond', name, options },
    );
  }
}

/**
 * The MAC a new bond is made with, which is the one its first port would give it. Left to itself the
 * kernel makes a random one until then, and udev (MACAddressPolicy=persistent) replaces that by one of
 * its own: the neighbours of a host would have to learn it anew.
 */
export function bondMac(draft: PlanDraft, wanted: InterfaceState): string | undefined {
  if (wanted.link.kind !== 'bond') return undefined;
  if ((wanted.link.options['fail_over_mac'] ?? 'none') !== 'none') return undefined;
  const [first] = portOrder(draft, wanted);
  const port = first === undefined ? undefined : draft.input.observed.interfaces.get(first);
  return port?.facts?.permanentMac ?? port?.mac;
}

function bondDifference(draft: PlanDraft, wanted: InterfaceState): Record<string, string> {
  const item = draft.model.get(wanted.name);
  const different: Record<string, string> = {};
  if (wanted.link.kind !== 'bond' || item?.link.kind !== 'bond') return different;
  if (item.link.mode !== wanted.link.mode) different['mode'] = wanted.link.mode;
  if (item.link === wanted.link) return different;
  for (const key of Object.keys(wanted.link.options)) {
    const value = wanted.link.options[key] ?? '';
    if ((item.link.options[key] ?? '') !== value) different[key] = value;
  }
  const { miimon, arp_validate: validate } = wanted.link.options;
  if (different['miimon'] !== undefined) {
    // The kernel keeps these in units of miimon: they change with it unless given anew, and without it
    // it remembers them, shows them as 0, and refuses to be told so.
    for (const key of BOND_DELAYS) {
      const value = wanted.link.options[key];
      if (miimon === '0') delete different[key];
      else if (value !== undefined) different[key] = value;
    }
  }
  // bond_option_mode_set: "don't cache arp_validate between modes".
  if (different['mode'] !== undefined && validate !== undefined && validate !== 'none')
    different['arp_validate'] = validate;
  // It also begins balance-alb with dynamic load balancing.
  if (different['mode'] === 'balance-alb' && wanted.link.options['tlb_dynamic_lb'] === '0')
    different['tlb_dynamic_lb'] = '0';
  return different;
}
