/**
 * The NetworkManager backend: the steps are changes of connection profiles, in memory until the change is persisted,
 * under a checkpoint of NetworkManager's. The way back is agents/nm.sh's, and after it that of the iproute2 backend,
 * which knows what the kernel had: docs/networkmanager.md. Pure.
 */
import { quoteSh } from '../quote-sh.js';
import { isManaged, type NetworkManagerState } from '../network/networkmanager.js';
import type { ChangePlan, Operation } from '../plan/change.js';
import type { BackendInput } from './backend.js';
import { applyScript } from './iproute2.js';
import { restoreScripts } from './iproute2-restore.js';
import { portsToKeep, profileChanges, type ProfileChange } from './nmcli-profiles.js';
import type { BackendScripts, Segment } from './steps.js';

export function nmcliScripts(
  input: BackendInput & Readonly<{ networkManager: NetworkManagerState }>,
): BackendScripts {
  const { plan, networkManager } = input;
  const changes = profileChanges({ ...input, observed: input.observed });
  const segments = segmentsOf(changes);
  const kept = portsToKeep(input, changes);
  return {
    segments,
    apply: applyScript(segments),
    // It loads what it needs.
    modules: [],
    ...restoreScripts({ ...input, plan: withoutDhcp(plan), segments }),
    networkManager: {
      devices: [...new Set([...plan.scope, ...changes.map(({ name }) => name)])].filter((name) =>
        isManaged(networkManager.devices.get(name)),
      ),
      profiles: [...new Set(changes.map(({ uuid }) => uuid).filter((uuid) => uuid !== ''))],
      active: [
        ...changes
          .filter(({ action }) => action !== 'remove')
          .map(({ uuid, name }) => `${uuid} ${name}`),
        ...kept.map((name) => `${networkManager.devices.get(name)?.profile ?? ''} ${name}`),
      ],
      changed: changes
        .filter(({ uuid }) => uuid !== '')
        .map(({ uuid, name, action }) => `${uuid} ${name}${action === 'remove' ? ' removed' : ''}`),
    },
  };
}

/** Its clients come back with their profiles: nothing of them is put back beside it. */
function withoutDhcp(plan: ChangePlan): ChangePlan {
  const isDhcp = ({ op }: Operation): boolean => op === 'start-dhcp' || op === 'stop-dhcp';
  return {
    ...plan,
    changes: plan.changes.map((change) => ({
      ...change,
      operations: change.operations.filter((operation) => !isDhcp(operation)),
    })),
  };
}

const words = (...list: readonly string[]): string => list.map(quoteSh).join(' ');

/** One segment for each step: the number of the one that fails tells which. */
function segmentsOf(changes: readonly ProfileChange[]): readonly Segment[] {
  const steps: { text: string; change: string }[] = [];
  const step = (change: ProfileChange, text: string) => steps.push({ text, change: change.change });
  const [first] = changes;
  if (first === undefined) return [];
  step(first, 'nm_checkpoint');
  for (const change of changes) for (const text of profileLines(change)) step(change, text);
  // What goes makes room for what comes.
  for (const change of changes) {
    if (change.action === 'remove' || change.isRecreated) {
      step(change, words('nm_remove', change.name, change.uuid));
    }
  }
  for (const change of changes) {
    if (change.action === 'remove') continue;
    step(change, words(change.canReapply ? 'nm_reapply' : 'nm_activate', change.uuid, change.name));
  }
  step(first, 'nm_settle');
  // Not before: a profile that may become active by itself does so at once.
  const added = changes.filter(({ action }) => action === 'add').map(({ uuid }) => uuid);
  if (added.length > 0) step(first, words('nm_autoconnect', ...added));
  return steps.map((line) => ({ tool: 'sh', lines: [line] }));
}

/** In the order of properties as they are given: NetworkManager checks each profile as a whole. */
function profileLines({ action, name, uuid, type, settings }: ProfileChange): readonly string[] {
  const pairs = Object.entries(settings).flat();
  if (action === 'add') {
    const given = pairs.filter((_, index) => pairs[index - (index % 2) + 1] !== '');
    return [
      words(
        'nm_add',
        ...['type', type, 'con-name', name, 'ifname', name],
        ...['connection.uuid', uuid, 'connection.autoconnect', 'no'],
        ...given,
      ),
    ];
  }
  if (pairs.length === 0 || uuid === '') return [];
  return [words('nmcli', 'connection', 'modify', '--temporary', 'uuid', uuid, ...pairs)];
}
