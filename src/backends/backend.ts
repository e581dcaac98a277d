/** What carries a change plan out on a host. Pure: plan in, scripts out. */
import type { NetworkManagerState } from '../network/networkmanager.js';
import type { NetworkState } from '../network/state.js';
import type { ChangePlan } from '../plan/change.js';
import { applyScript, segmentsOf } from './iproute2.js';
import { restoreScripts } from './iproute2-restore.js';
import { nmcliScripts } from './nmcli.js';
import type { BackendScripts } from './steps.js';

export type BackendInput = Readonly<{
  plan: ChangePlan;
  observed: NetworkState;
  /** Canonical lines of the whole host as observed. */
  lines: readonly string[];
}>;

/** By who carries the plan out. */
export function backendScripts(
  input: BackendInput & Readonly<{ networkManager: NetworkManagerState | undefined }>,
): BackendScripts {
  const { networkManager } = input;
  return input.plan.backend === 'nmcli' && networkManager !== undefined
    ? nmcliScripts({ ...input, networkManager })
    : iproute2Scripts(input);
}

const MODULES: Readonly<Record<string, string>> = {
  bond: 'bonding',
  vlan: '8021q',
  'linux-bridge': 'bridge',
  vxlan: 'vxlan',
  veth: 'veth',
  dummy: 'dummy',
  'mac-vlan': 'macvlan',
  'mac-vtap': 'macvtap',
  vrf: 'vrf',
};

/** The iproute2 backend: runtime state only, through `ip`, `bridge` and /proc. */
export function iproute2Scripts(input: BackendInput): BackendScripts {
  const segments = segmentsOf(input.plan.changes);
  const kinds = input.plan.changes
    .flatMap((change) => change.operations)
    .flatMap((operation) => (operation.op === 'create-link' ? [operation.link.link.kind] : []));
  const modules = [...new Set(kinds.flatMap((kind) => MODULES[kind] ?? []))].sort();
  return {
    segments,
    apply: applyScript(segments),
    modules,
    ...restoreScripts({ ...input, segments }),
  };
}
