/** Taking away, top-down: what goes, what must be made anew, what leaves its bond or bridge, what shrinks. */
import { baseOf, type InterfaceState } from '../network/state.js';
import { describe } from './describe.js';
import { dependencyOrder } from './order.js';
import { removeAddresses } from './plan-addresses.js';
import { freeBondPorts } from './plan-bond.js';
import type { PlanDraft } from './plan-draft.js';
import { setMtu, setState } from './plan-link.js';
import { detachPort } from './plan-ports.js';

export function tearDown(draft: PlanDraft): void {
  const { observed, target } = draft.input;
  for (const now of [...dependencyOrder(observed.interfaces)].reverse()) {
    const item = draft.model.get(now.name);
    if (item === undefined) continue;
    const wanted = target.interfaces.get(now.name);
    if (wanted === undefined || draft.recreated.has(now.name)) {
      removeInterface(draft, now, wanted);
      continue;
    }
    if (wanted.link.kind === 'other') continue;
    if (item.controller !== undefined && item.controller !== wanted.controller) {
      detachPort(draft, item.name, item.controller);
    }
    freeBondPorts(draft, wanted);
    removeAddresses(draft, wanted);
    if (item.mtu !== undefined && wanted.mtu < item.mtu && !draft.followsBond(wanted))
      setMtu(draft, wanted);
    if (!wanted.up && item.up) setState(draft, now.name, 'down', 'consequence of the plan');
  }
}

function removeInterface(
  draft: PlanDraft,
  now: InterfaceState,
  wanted: InterfaceState | undefined,
): void {
  const isRecreate = wanted !== undefined;
  const base = baseOf(now.link);
  const consequence =
    base !== undefined && draft.mustGo(base)
      ? `${base}, on which it stands, goes`
      : 'no part of the plan any more';
  draft.emit(
    {
      id: `${isRecreate ? 'take away' : 'delete'} ${now.name}`,
      action: isRecreate ? 'recreate' : 'delete',
      object: now.name,
      summary: isRecreate
        ? `take away ${describe(now)}: it cannot be changed in place and is made anew`
        : `delete ${describe(now)}`,
      why: draft.why(
        now.name,
        ['vlan.id', 'vlan.base', 'vxlan', 'macVlan.base', 'macVlan.mode', 'vrf.table', 'state', ''],
        consequence,
      ),
    },
    // Kernels of 2025 and later leave the base of a VLAN promiscuous when it goes so (vlan_dev_change_rx_flags).
    ...(now.link.kind === 'vlan' && draft.model.get(now.name)?.promiscuous === true
      ? [{ op: 'set-promiscuous', name: now.name, promiscuous: false } as const]
      : []),
    { op: 'delete-link', name: now.name },
  );
}
