/** Building, bottom-up: making an interface, and setting what it has to be, in the order that the kernel wants. */
import { MINIMUM_IPV6_MTU } from '../network/ip.js';
import { baseOf, failOverMac, type InterfaceState } from '../network/state.js';
import type { Operation } from './change.js';
import { describe } from './describe.js';
import { followsMtu } from './kernel-model.js';
import { bondMac, settleBond, settleBondPorts } from './plan-bond.js';
import { settleBridge } from './plan-bridge.js';
import type { PlanDraft } from './plan-draft.js';
import { setMtu, setState, settleIpv6, settleMac, settleTypeOptions } from './plan-link.js';
import { attachPorts } from './plan-ports.js';
import { propertyChanges } from './property-changes.js';

export function buildInterface(draft: PlanDraft, wanted: InterfaceState): void {
  if (wanted.link.kind === 'other') return;
  if (draft.model.get(wanted.name) === undefined) createInterface(draft, wanted);
  // A bond without ports has lost its MAC, and with fail_over_mac it takes none.
  if (failOverMac(wanted.link) !== '') settleMac(draft, wanted);
  settleBond(draft, wanted);
  settleTypeOptions(draft, wanted);
  settleProperties(draft, wanted);
  settleMac(draft, wanted);
  const mtu = draft.model.get(wanted.name)?.mtu;
  // A bridge that follows its ports has it of them first, and follows until it is given another.
  const follows = wanted.link.kind === 'linux-bridge' && mtu === undefined;
  if (!follows) settleMtu(draft, wanted);
  settleIpv6(draft, wanted);
  attachPorts(draft, wanted);
  if (wanted.link.kind === 'vrf')
    for (const name of wanted.link.ports)
      settleProperties(draft, draft.input.target.interfaces.get(name));
  settleBondPorts(draft, wanted);
  if (wanted.link.kind === 'linux-bridge') settleBridge(draft, wanted, wanted.link);
  // Only now: a bridge's MAC and MTU followed its ports as they came.
  settleMac(draft, wanted);
  settleMtu(draft, wanted);
  const item = draft.model.get(wanted.name);
  // A bond opens its ports itself.
  if (
    wanted.up &&
    item?.up === false &&
    !(draft.followsBond(wanted) && item.controller !== wanted.controller)
  ) {
    setState(draft, wanted.name, 'up', 'it must be up for what stands on it');
  }
  // Its base took it along when it came up.
  if (!wanted.up && item?.up === true) {
    setState(draft, wanted.name, 'down', 'it was down before');
  }
}

/** A port has what its bond gives it; what stands on a base that is yet to get more waits for the next round. */
function settleMtu(draft: PlanDraft, wanted: InterfaceState): void {
  if (draft.model.get(wanted.name)?.mtu === wanted.mtu || draft.followsBond(wanted)) return;
  if (wanted.mtu <= mostMtu(draft, wanted)) setMtu(draft, wanted);
}

/** A VLAN or mac-vlan cannot have more than its base has by now (vlan_dev.c, macvlan.c). */
function mostMtu(draft: PlanDraft, { link }: InterfaceState): number {
  const below = followsMtu(link) ? draft.model.get(baseOf(link) ?? '') : undefined;
  return below?.mtu ?? Number.POSITIVE_INFINITY;
}

/** Its alias, names and promiscuous mode; that last one may come by itself with a VRF. */
function settleProperties(draft: PlanDraft, wanted: InterfaceState | undefined): void {
  if (wanted === undefined) return;
  const present = draft.model.get(wanted.name);
  for (const { key, words, operation } of present === undefined
    ? []
    : propertyChanges(present, wanted)) {
    draft.emit(
      {
        id: `set ${key} ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: words,
        why: draft.why(
          wanted.name,
          [key, 'description', ''],
          'it has it already, and would lose it',
        ),
      },
      operation,
    );
  }
}

function createInterface(draft: PlanDraft, wanted: InterfaceState): void {
  const existed = draft.input.observed.interfaces.get(wanted.name);
  const mtu = Math.min(wanted.mtu, mostMtu(draft, wanted));
  const link = { ...wanted, mtu, mac: wanted.mac ?? bondMac(draft, wanted) };
  const operations: Operation[] = [{ op: 'create-link', link }];
  // With a smaller MTU it has no IPv6, and no switch for it either.
  if (!wanted.ipv6.enabled && mtu >= MINIMUM_IPV6_MTU)
    operations.push({ op: 'set-ipv6-enabled', name: wanted.name, enabled: false });
  // A bond takes only ports that are down, and opens them itself.
  if (wanted.up && !draft.followsBond(wanted)) operations.push({ op: 'set-up', name: wanted.name });
  const base = baseOf(wanted.link);
  draft.emit(
    {
      id: `create ${wanted.name}`,
      action: existed === undefined ? 'create' : 'recreate',
      object: wanted.name,
      summary: `${existed === undefined ? 'create' : 'make anew'} ${describe(wanted)}`,
      why: draft.why(
        wanted.name,
        [''],
        base === undefined ? 'it went with a change' : `${base}, on which it stands, is made anew`,
      ),
    },
    ...operations,
  );
}
