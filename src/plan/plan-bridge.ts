/** Options of bridges and of their ports, and the VLAN tables of the ports. */
import type { BridgeLink, InterfaceState } from '../network/state.js';
import type { Operation } from './change.js';
import type { PlanDraft } from './plan-draft.js';

export function settleBridge(draft: PlanDraft, wanted: InterfaceState, link: BridgeLink): void {
  const item = draft.model.get(wanted.name);
  if (item?.link.kind !== 'linux-bridge') return;
  const isFiltering = link.options['vlan_filtering'] === '1';
  for (const port of link.ports) {
    const present = draft.model.get(port.name);
    if (present?.controller !== wanted.name) continue;
    // A port that comes back to its bridge comes with the kernel's options: its own are set again.
    const settings = { ...observedPortOptions(draft, wanted.name, port.name), ...port.options };
    const options = Object.fromEntries(
      Object.entries(settings).filter(([key, value]) => present.portOptions[key] !== value),
    );
    if (Object.keys(options).length > 0) {
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
  const options: Record<string, string> = Object.fromEntries(
    Object.entries(link.options).filter(
      ([key, value]) => item.link.kind === 'linux-bridge' && item.link.options[key] !== value,
    ),
  );
  const ageing = link.options['ageing_time'];
  // Without spanning tree nobody ends the short ageing time of a topology change that is under way.
  if (options['stp_state'] === '0' && ageing !== undefined) options['ageing_time'] = ageing;
  if (Object.keys(options).length > 0) {
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
}

function observedPortOptions(
  draft: PlanDraft,
  bridge: string,
  port: string,
): Readonly<Record<string, string>> {
  const link = draft.input.observed.interfaces.get(bridge)?.link;
  if (link?.kind !== 'linux-bridge') return {};
  return link.ports.find((entry) => entry.name === port)?.options ?? {};
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
