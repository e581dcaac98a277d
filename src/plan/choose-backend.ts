/**
 * Who owns the links decides what carries a plan out: what NetworkManager looks after is changed through it, all
 * else by iproute2. Pure.
 */
import { NetorchError } from '../errors.js';
import type { DesiredState } from '../network/desired.js';
import { isManaged, type NetworkManagerState } from '../network/networkmanager.js';
import { baseOf, type NetworkState } from '../network/state.js';
import type { ChangePlan, Operation } from './change.js';
import { namesOfAll } from './scope.js';

/** As a play says it. */
export type BackendChoice = 'auto' | 'iproute2' | 'nmcli';

export type Backend = 'iproute2' | 'nmcli';

export type ChosenBackend = Readonly<{ backend: Backend; errors: readonly NetorchError[] }>;

export type BackendInput = Readonly<{
  host: string;
  choice: BackendChoice;
  observed: NetworkState;
  networkManager: NetworkManagerState | undefined;
  desired: DesiredState;
  plan: Pick<ChangePlan, 'changes' | 'target'>;
}>;

/** Errors: OWNED_BY_OTHER, where the plan touches links that the backend must leave alone. */
export function chooseBackend(input: BackendInput): ChosenBackend {
  const { choice, networkManager, plan } = input;
  const changed = namesOfAll(plan.changes);
  const names = touchedNames(input, changed);
  const managed = names.filter((name) => isManaged(networkManager?.devices.get(name)));
  const isTheirs =
    managed.length > 0 ||
    (names.length === 0 &&
      plan.changes.every(({ operations }) => operations.every(({ op }) => SHARED.has(op))) &&
      isRunning(networkManager));
  const backend: Backend = choice !== 'auto' ? choice : isTheirs ? 'nmcli' : 'iproute2';
  return { backend, errors: ownerErrors(input, backend, names, managed[0], changed) };
}

/** What a profile can hold that belongs to no interface (networkmanager-shared.ts). */
const SHARED: ReadonlySet<Operation['op']> = new Set([
  'add-rule',
  'delete-rule',
  'add-route',
  'delete-route',
  'set-dns',
]);

/** What belongs to no interface is its own where it looks after any: it writes resolv.conf, and keeps rules. */
function isRunning(networkManager: NetworkManagerState | undefined): boolean {
  return (
    networkManager !== undefined &&
    [...networkManager.devices.values()].some(
      (device) => isManaged(device) && device.profile !== undefined,
    )
  );
}

/** What operations act on, and what stands below it: a VLAN on a link of NetworkManager's is its own affair. */
function touchedNames(
  { plan, observed }: BackendInput,
  changed: ReadonlySet<string>,
): readonly string[] {
  const names = new Set(changed);
  for (const { operations } of plan.changes) {
    for (const operation of operations) {
      if (operation.op !== 'create-link') continue;
      const base = baseOf(operation.link.link);
      if (base !== undefined) names.add(base);
    }
  }
  return [...names].filter((name) => observed.interfaces.has(name)).sort();
}

function ownerErrors(
  { host, choice, observed, networkManager, desired }: BackendInput,
  backend: Backend,
  names: readonly string[],
  first: string | undefined,
  changed: ReadonlySet<string>,
): readonly NetorchError[] {
  const error = (name: string, text: string, note: string) =>
    new NetorchError('OWNED_BY_OTHER', `${host}: ${text}`, {
      location: desired.interfaces.find((item) => item.name === name)?.locations.get(''),
      notes: [note],
    });
  if (backend === 'nmcli' && networkManager === undefined) {
    return [
      error(
        names[0] ?? '',
        'the play says "backend: nmcli", and NetworkManager does not run on this host',
        'leave "backend" out, or start NetworkManager there',
      ),
    ];
  }
  return names.flatMap((name) => {
    const owner = observed.interfaces.get(name)?.facts?.owner;
    const device = networkManager?.devices.get(name);
    const isTheirs = isManaged(device) || owner?.startsWith('NetworkManager') === true;
    if (backend === 'nmcli' && (isTheirs || name === 'lo')) return [];
    if (owner !== undefined) {
      // What only stands below is not changed behind anybody's back.
      if (!changed.has(name)) return [];
      return [
        error(
          name,
          `${name} is managed by ${owner}, which would undo the change`,
          !isTheirs
            ? `stop it for ${name} first`
            : choice === 'iproute2'
              ? 'leave "backend: iproute2" out: then NetworkManager is asked to change it'
              : `release it first ("nmcli device set ${name} managed no")`,
        ),
      ];
    }
    if (backend === 'iproute2') return [];
    if (device?.state === 'unavailable') return [];
    return [
      error(
        name,
        `${name} is not managed by NetworkManager (${device?.state ?? 'it does not know it'})${first === undefined ? '' : `, but ${first}, which the plan changes too, is`}`,
        `give it to NetworkManager ("nmcli device set ${name} managed yes"), or change the two in different plays`,
      ),
    ];
  });
}
