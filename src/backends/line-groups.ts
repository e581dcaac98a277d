/**
 * What comes back together, in an order of its own: IPv4 addresses of an interface, the VLAN table of a port. The
 * file "groups" of a transaction: after each line `group KIND NAME` its lines of `ip -batch` (kind `v4`) or
 * `bridge -batch` (kind `vlans`). Pure.
 */
import type { NetworkState } from '../network/state.js';
import type { Operation } from '../plan/change.js';
import { batchLine } from './batch.js';

export function lineGroups(
  observed: NetworkState,
  baseline: readonly string[],
  operationsOf: (name: string) => readonly Operation[],
): readonly string[] {
  const groups: string[] = [];
  const v4 = new Map<string, string[][]>();
  for (const line of baseline) {
    const [what, name = '', family, ...words] = line.split(' ');
    if (what !== 'addr' || family !== 'inet') continue;
    v4.set(name, [...(v4.get(name) ?? []), words]);
  }
  for (const [name, lines] of v4) {
    // All go and all come back in their order: the first of a subnet is its primary address.
    const commands = [
      ...lines.map((words) => ['addr', 'del', words[0] ?? '', 'dev', name]),
      ...lines.map((words) => {
        const known = words.slice(0, -1).filter((word) => word !== 'secondary');
        return ['addr', 'add', ...known, 'label', words.at(-1) ?? name, 'dev', name];
      }),
    ];
    groups.push(`group v4 ${name}`, ...commands.map(batchLine));
  }
  for (const line of baseline) {
    const [what, name = ''] = line.split(' ');
    if (what !== 'vlan') continue;
    const own = observed.interfaces.get(name);
    const bridge =
      own?.controller === undefined ? undefined : observed.interfaces.get(own.controller);
    const before =
      bridge?.link.kind === 'linux-bridge'
        ? (bridge.link.ports.find((port) => port.name === name)?.vlans ?? [])
        : [];
    const added = new Set(
      operationsOf(name).flatMap((operation) =>
        operation.op === 'add-port-vlan' ? [operation.vlan.vid] : [],
      ),
    );
    const defaultPvid =
      bridge?.link.kind === 'linux-bridge'
        ? Number(bridge.link.options['vlan_default_pvid'] ?? '1')
        : 1;
    if (defaultPvid > 0) added.add(defaultPvid);
    const commands = [
      ...[...added]
        .filter((vid) => !before.some((vlan) => vlan.vid === vid))
        .map((vid) => ['vlan', 'del', 'dev', name, 'vid', vid]),
      ...before.map((vlan) => [
        'vlan',
        'add',
        'dev',
        name,
        'vid',
        vlan.vid,
        ...(vlan.pvid ? ['pvid'] : []),
        ...(vlan.untagged ? ['untagged'] : []),
      ]),
    ];
    if (commands.length === 0) continue;
    groups.push(`group vlans ${name}`, ...commands.map(batchLine));
  }
  return groups;
}
