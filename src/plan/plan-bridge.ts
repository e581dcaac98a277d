/** Options of bridges and of their ports, and the VLAN tables of the ports. */
import type { BridgeLink, InterfaceState } from '../network/state.js';
import type { Operation } from './change.js';
import type { PlanDraft } from './plan-draft.js';

export function settleBridge(draft: PlanDraft, wanted: InterfaceState, link: BridgeLink): void {
  const item = draft.model.get(wanted.name);
  if (item?.link.kind !== 'linux-bridge') return;
  const before = observedPorts(draft, wanted.name);
  const isFiltering = link.options['vlan_filtering'] === '1';
  for (const port of link.ports) {
    const present = draft.model.get(port.name);
    if (present?.controller !== wanted.name) continue;
    // A port that comes back to its bridge comes with the kernel's options: its own are set again.
    const own = before.find((entry) => entry.name === port.name)?.options;
    const settings = own === undefined ? port.options : { ...own, ...port.options };
    const options = difference(settings, present.portOptions);
    if (options !== undefined) {
      draft.emit(
        {
          id: `set port options ${port.name}`,
          action: 'modify',
          object: port.name,
          summary: `set ${Object.entries(options)
            .map(([key, value]) => `${key} ${value}`)
            .join(', ')} of port ${port.name} on ${wanted.name}`,
          why: draft.why(wanted.name, ['bridge.ports'], 'consequence of the plan'),
        },
        { op: 'set-port-options', name: port.name, options },
      );
    }
    // The VLAN table comes before the filter is switched on, or frames fall into the default VLAN.
    if (isFiltering) settlePortVlans(draft, wanted, port.name, port.vlans);
  }
  const options = difference(link.options, item.link.options);
  if (options === undefined) return;
  const ageing = link.options['ageing_time'];
  // Without spanning tree nobody ends the short ageing time of a topology change that is under way.
  if (options['stp_state'] === '0' && ageing !== undefined) options['ageing_time'] = ageing;
  draft.emit(
    {
      id: `set options ${wanted.name}`,
      action: 'modify',
      object: wanted.name,
      summary: `set ${Object.entries(options)
        .map(([key, value]) => `${key} ${value}`)
        .join(', ')} of bridge ${wanted.name}`,
      why: draft.why(
        wanted.name,
        [
          ...Object.keys(options).map((key) => `bridge.options.${key}`),
          'bridge.options',
          'bridge.ports',
          'bridge',
          '',
        ],
        'consequence of the plan',
      ),
    },
    { op: 'set-bridge-options', name: wanted.name, options },
  );
}

/** What of `wanted` is not so yet; undefined: nothing. */
function difference(
  wanted: Readonly<Record<string, string>>,
  present: Readonly<Record<string, string>>,
): Record<string, string> | undefined {
  if (wanted === present) return undefined;
  let found: Record<string, string> | undefined;
  for (const key of Object.keys(wanted)) {
    const value = wanted[key];
    if (value === undefined || value === present[key]) continue;
    found ??= {};
    found[key] = value;
  }
  return found;
}

function observedPorts(draft: PlanDraft, bridge: string): BridgeLink['ports'] {
  const link = draft.input.observed.interfaces.get(bridge)?.link;
  return link?.kind === 'linux-bridge' ? link.ports : [];
}

function settlePortVlans(
  draft: PlanDraft,
  bridge: InterfaceState,
  port: string,
  wanted: BridgeLink['ports'][number]['vlans'],
): void {
  const present = draft.model.get(port);
  if (present === undefined) return;
  const operations: Operation[] = [];
  for (const vlan of present.vlans) {
    if (!wanted.some((other) => other.vid === vlan.vid))
      operations.push({ op: 'delete-port-vlan', name: port, vid: vlan.vid });
  }
  for (const vlan of wanted) {
    const same = present.vlans.find((other) => other.vid === vlan.vid);
    if (same === undefined || same.pvid !== vlan.pvid || same.untagged !== vlan.untagged) {
      operations.push({ op: 'add-port-vlan', name: port, vlan });
    }
  }
  if (operations.length === 0) return;
  const words = wanted.map(
    (vlan) => `${vlan.vid}${vlan.pvid ? ' (native)' : vlan.untagged ? ' (untagged)' : ''}`,
  );
  draft.emit(
    {
      id: `set vlans ${port}`,
      action: 'modify',
      object: port,
      summary: `set the VLANs of port ${port} on ${bridge.name}: ${compactVlans(words)}`,
      why: draft.why(bridge.name, ['bridge.ports'], 'consequence of the plan'),
    },
    ...operations,
  );
}

function compactVlans(words: readonly string[]): string {
  if (words.length === 0) return 'none';
  if (words.length <= 6) return words.join(', ');
  return `${words.slice(0, 5).join(', ')} … ${words.at(-1) ?? ''} (${words.length} VLANs)`;
}
