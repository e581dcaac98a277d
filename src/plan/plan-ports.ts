/** Ports of bonds, bridges and VRFs: who leaves, who comes, and in which order. */
import { baseOf, portsOf, type InterfaceState } from '../network/state.js';
import type { PlanDraft, Why } from './plan-draft.js';

export function detachPort(draft: PlanDraft, name: string, from: string): void {
  draft.emit(
    {
      id: `detach ${name} ${from}`,
      action: 'modify',
      object: name,
      summary: `detach ${name} from ${from}`,
      why: whyPort(draft, name, from),
    },
    { op: 'detach', name, from },
  );
}

export function attachPorts(draft: PlanDraft, wanted: InterfaceState): void {
  const isMissing = (port: string): boolean => draft.model.get(port)?.controller !== wanted.name;
  if (!portsOf(wanted.link).some(isMissing)) return;
  for (const port of portOrder(draft, wanted)) {
    const item = draft.model.get(port);
    if (item === undefined || item.controller === wanted.name) continue;
    if (item.controller !== undefined) detachPort(draft, port, item.controller);
    const mustBeDown = wanted.link.kind === 'bond' && item.up;
    draft.emit(
      {
        id: `attach ${port} ${wanted.name}`,
        action: 'modify',
        object: port,
        summary: `attach ${port} to ${wanted.name}`,
        why: whyPort(draft, port, wanted.name),
      },
      ...(mustBeDown ? [{ op: 'set-down', name: port } as const] : []),
      { op: 'attach', name: port, to: wanted.name },
    );
  }
}

/**
 * A bond's MAC is that of its first port: the one that carries SSH or addresses keeps its MAC so. A port that
 * another port stands on comes before it: a bond opens what it takes, and a VLAN cannot be opened while its
 * base is down (net/8021q/vlan_dev.c, vlan_dev_open).
 */
export function portOrder(draft: PlanDraft, wanted: InterfaceState): readonly string[] {
  const ports = portsOf(wanted.link);
  if (ports.length < 2) return ports;
  const path = draft.input.management?.devices ?? [];
  const observed = draft.input.observed.interfaces;
  const weight = (port: string) =>
    path.includes(port) ? 0 : (observed.get(port)?.ipv4.addresses.length ?? 0) > 0 ? 1 : 2;
  const sorted = [...ports].sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1));
  const ordered = new Set<string>();
  const add = (port: string): void => {
    const below = draft.input.target.interfaces.get(port)?.link;
    const base = below === undefined ? undefined : baseOf(below);
    if (base !== undefined && ports.includes(base)) add(base);
    ordered.add(port);
  };
  for (const port of sorted) add(port);
  return [...ordered];
}

function whyPort(draft: PlanDraft, name: string, controller: string): Why {
  const wanted = draft.input.target.interfaces.get(name)?.controller;
  const own = draft.desired.get(name)?.locations.get('controller');
  if (own !== undefined) return { text: `${name}: controller`, location: own };
  const reason = draft.desired.get(name)?.reasons?.get('controller');
  if (reason !== undefined) return { text: reason, location: undefined };
  for (const candidate of [wanted, controller]) {
    if (candidate === undefined) continue;
    const locations = draft.desired.get(candidate)?.locations;
    for (const key of ['bond.ports', 'bridge.ports', 'vrf.ports']) {
      const location = locations?.get(key);
      if (location !== undefined) return { text: `${candidate}: ports`, location };
    }
  }
  return { text: `consequence of the changes to ${controller}`, location: undefined };
}
