/** From a change plan to one NetworkManager profile per interface that it changes. Pure. */
import {
  activeProfile,
  ownProfile,
  profileUuid,
  type NetworkManagerState,
} from '../network/networkmanager.js';
import { splitHops } from '../network/next-hops.js';
import {
  baseOf,
  failOverMac,
  portsOf,
  type InterfaceState,
  type IpFamily,
  type NetworkState,
} from '../network/state.js';
import type { ChangePlan, Operation } from '../plan/change.js';
import { NM_TYPES } from '../plan/networkmanager-limits.js';
import { sharedSettings, type SharedSettings } from '../plan/networkmanager-shared.js';
import {
  bondSettings,
  bridgePortSettings,
  bridgeSettings,
  ipSettings,
  linkSettings,
  macSettings,
  mtuSettings,
  portSettings,
  type Settings,
} from './nmcli-settings.js';

/** What becomes of the profile of one interface. */
export type ProfileChange = Readonly<{
  name: string;
  uuid: string;
  /** The id of the first change of the plan that asks for it. */
  change: string;
  /** `add`: there is none that netorch may change. */
  action: 'add' | 'modify' | 'remove';
  /** In the words of `nmcli connection add type`. */
  type: string;
  settings: Settings;
  /** The device is made anew: the kernel does not change what changes here. */
  isRecreated: boolean;
  /** The profile is active already, and what changes can be told to the device as it is. */
  canReapply: boolean;
}>;

export type ProfilesInput = Readonly<{
  plan: Pick<ChangePlan, 'changes' | 'target'>;
  observed: NetworkState;
  networkManager: NetworkManagerState;
}>;

const FAMILIES: readonly IpFamily[] = ['ipv4', 'ipv6'];

type Asked = { change: string; operations: Operation[] };

/** In the order in which they are to become active: what is stood on or attached to comes first; removals last. */
export function profileChanges(input: ProfilesInput): readonly ProfileChange[] {
  const shared = sharedSettings(input);
  const asked = askedByInterface(input, shared);
  const { target } = input.plan;
  const changes: ProfileChange[] = [];
  const done = new Set<string>();
  const visit = (name: string): void => {
    if (done.has(name)) return;
    done.add(name);
    const item = target.interfaces.get(name);
    if (item === undefined) return;
    const base = baseOf(item.link);
    if (base !== undefined) visit(base);
    if (item.controller !== undefined) visit(item.controller);
    const own = asked.get(name);
    if (own !== undefined) changes.push(profileChange(input, shared, item, own));
  };
  const names = [...asked.keys()].sort();
  for (const name of names) visit(name);
  const removals = names
    .filter((name) => !target.interfaces.has(name) && input.observed.interfaces.has(name))
    .map((name) => removal(input, name, asked.get(name)?.change ?? ''));
  return [...changes, ...removals];
}

/** Which operations want something of which interface's profile. */
function askedByInterface(
  { plan }: ProfilesInput,
  shared: SharedSettings,
): ReadonlyMap<string, Asked> {
  const asked = new Map<string, Asked>();
  for (const { id, operations } of plan.changes) {
    for (const operation of operations) {
      for (const name of profilesOf(operation)) {
        const own = asked.get(name);
        if (own === undefined) asked.set(name, { change: id, operations: [operation] });
        else own.operations.push(operation);
      }
    }
  }
  for (const [name, { change }] of shared.byInterface) {
    if (!asked.has(name)) asked.set(name, { change, operations: [] });
  }
  return asked;
}

/** The interfaces whose profiles say what an operation does; of what is no interface's, see networkmanager-shared.ts. */
function profilesOf(operation: Operation): readonly string[] {
  switch (operation.op) {
    case 'create-link':
      return [operation.link.name];
    case 'add-route':
    case 'delete-route':
      return splitHops(operation.route).flatMap((hop) => hop.nextHopInterface ?? []);
    case 'add-rule':
    case 'delete-rule':
    case 'set-dns':
    case 'set-hostname':
      return [];
    default:
      return [operation.name];
  }
}

function typeOf(item: InterfaceState): string {
  return NM_TYPES[item.link.kind] ?? '802-3-ethernet';
}

function profileChange(
  input: ProfilesInput,
  shared: SharedSettings,
  item: InterfaceState,
  asked: Asked,
): ProfileChange {
  const { observed, networkManager, plan } = input;
  const { name } = item;
  const type = typeOf(item);
  const former = ownProfile(networkManager, name, type);
  const ops = new Set(asked.operations.map(({ op }) => op));
  const isThere = observed.interfaces.has(name);
  const isNew = former === undefined;
  const isRecreated = isThere && ops.has('create-link');
  const bare = (family: IpFamily) =>
    shared.bareRoutes.get(`${name} ${family}`) ?? former?.bareRoutes[family] ?? [];
  const bareRoutes = { ipv4: bare('ipv4'), ipv6: bare('ipv6') };
  const settings = {
    ...(isNew
      ? wholeSettings(input, item, bareRoutes)
      : changedSettings(input, item, asked.operations, former.bondOptions, {
          routes: bareRoutes,
          families: FAMILIES.filter((family) => shared.bareRoutes.has(`${name} ${family}`)),
        })),
    ...shared.byInterface.get(name)?.settings,
  };
  const isActive = activeProfile(networkManager, name)?.uuid === former?.uuid && !isNew;
  const isTold =
    [...ops].every((op) => REAPPLIED.has(op)) &&
    !losesAddresses(observed.interfaces.get(name), asked.operations);
  return {
    name,
    uuid: former?.uuid ?? profileUuid(name),
    change: asked.change,
    action: isNew ? 'add' : 'modify',
    type,
    settings: plan.target.interfaces.has(name) ? settings : {},
    isRecreated,
    canReapply: isActive && !isRecreated && isTold,
  };
}

/** What `nmcli device reapply` carries over without taking the device down (nm_device_check_and_reapply). */
const REAPPLIED: ReadonlySet<Operation['op']> = new Set([
  'set-mtu',
  'add-address',
  'delete-address',
  'add-route',
  'delete-route',
  'set-ipv6-enabled',
  'set-autoconf',
  'start-dhcp',
  'stop-dhcp',
  'set-up',
]);

/**
 * An IPv4 address that the device has is to be set again, because another one of its network becomes the primary. Where the
 * kernel takes the others away with the primary (`promote_secondaries` is 0), NetworkManager 1.42, told by `reapply`, is
 * left with one of them (nm_platform_ip4_address_sync); a profile that is made active anew gives all, in its order.
 */
function losesAddresses(
  before: InterfaceState | undefined,
  operations: readonly Operation[],
): boolean {
  return operations.some(
    (operation) =>
      operation.op === 'add-address' &&
      operation.family === 'ipv4' &&
      before?.ipv4.addresses.some(({ ip }) => ip === operation.address.ip) === true,
  );
}

type BareRoutes = Readonly<Record<IpFamily, readonly string[]>>;

function wholeSettings(
  { plan, observed }: ProfilesInput,
  item: InterfaceState,
  bareRoutes: BareRoutes,
): Settings {
  const { target } = plan;
  const { link } = item;
  const before = observed.interfaces.get(item.name);
  const mac = before === undefined ? macOfNew(plan, observed, item) : item.mac;
  return {
    ...linkSettings(link),
    ...(link.kind === 'bond' ? bondSettings(link.mode, {}, link.options) : {}),
    // Its own default is spanning tree on (nm-setting-bridge.c), the kernel's is off.
    ...(link.kind === 'linux-bridge'
      ? bridgeSettings({ stp_state: '0', ...namedOptions(link.options, before) })
      : {}),
    ...portSettings(item, target.interfaces),
    ...bridgePortOf(target, item),
    // A VRF's profile has no place for either: the kernel's are what a new one has.
    ...(link.kind !== 'vrf' && (before === undefined || before.mtu !== item.mtu)
      ? mtuSettings(item.mtu)
      : {}),
    ...(link.kind !== 'vrf' && mac !== undefined && mac !== before?.mac ? macSettings(mac) : {}),
    ...ipSettings(item, target, bareRoutes),
  };
}

/**
 * What the kernel would give a new interface, where NetworkManager, or udev for it, would give one of its own: to a bond
 * the MAC address of the port that is attached first (not where each port keeps its own: fail_over_mac), to a bridge the
 * lowest of its ports (net/bridge/br_stp_if.c, br_stp_recalculate_bridge_id).
 */
function macOfNew(
  plan: ProfilesInput['plan'],
  observed: NetworkState,
  { name, mac, link }: InterfaceState,
): string | undefined {
  if (mac !== undefined) return mac;
  const macOf = (port: string): string | undefined => {
    const before = observed.interfaces.get(port);
    const item = plan.target.interfaces.get(port);
    if (before !== undefined || item === undefined) return before?.mac;
    const base = item.link.kind === 'vlan' ? item.link.base : undefined;
    return item.mac === undefined && base !== undefined
      ? macOf(base)
      : macOfNew(plan, observed, item);
  };
  if (link.kind === 'bond' && failOverMac(link) === '') {
    const [first] = plan.changes.flatMap((change) =>
      change.operations.flatMap((operation) =>
        operation.op === 'attach' && operation.to === name ? [operation.name] : [],
      ),
    );
    return macOf(first ?? '');
  }
  if (link.kind !== 'linux-bridge') return undefined;
  return portsOf(link)
    .flatMap((port) => macOf(port) ?? [])
    .toSorted()[0];
}

/** Of a bridge that is there, others have set what is not to change. */
function namedOptions(
  options: Readonly<Record<string, string>>,
  before: InterfaceState | undefined,
): Readonly<Record<string, string>> {
  if (before?.link.kind !== 'linux-bridge') return options;
  const former = before.link.options;
  return Object.fromEntries(
    Object.entries(options).filter(([key, value]) => key === 'stp_state' || former[key] !== value),
  );
}

/** Its place in the list of its bridge's ports. */
function bridgePortOf(target: NetworkState, item: InterfaceState): Settings {
  const bridge = target.interfaces.get(item.controller ?? '')?.link;
  if (bridge?.kind !== 'linux-bridge') return {};
  const port = bridge.ports.find(({ name }) => name === item.name);
  if (port === undefined) return {};
  const isFiltering = bridge.options['vlan_filtering'] === '1';
  return bridgePortSettings(port.options, isFiltering ? port.vlans : undefined);
}

/**
 * A bond that is made active anew gets the MAC address of the port that comes first then, which need not be the one
 * that it has. Not where each port keeps its own (fail_over_mac).
 */
function keepsMac({ link }: InterfaceState, ops: ReadonlySet<Operation['op']>): boolean {
  return (
    link.kind === 'bond' && failOverMac(link) === '' && [...ops].some((op) => !REAPPLIED.has(op))
  );
}

/** Only what the operations are about: the rest of the profile is somebody's. */
function changedSettings(
  { plan, observed }: ProfilesInput,
  item: InterfaceState,
  operations: readonly Operation[],
  formerBond: Readonly<Record<string, string>>,
  bare: Readonly<{ routes: BareRoutes; families: readonly IpFamily[] }>,
): Settings {
  const { target } = plan;
  const before = observed.interfaces.get(item.name);
  const ops = new Set(operations.map(({ op }) => op));
  const has = (...wanted: readonly Operation['op'][]) => wanted.some((op) => ops.has(op));
  const isMoved = before?.controller !== item.controller;
  const isAnew = has('create-link');
  return {
    ...(isAnew ? linkSettings(item.link) : {}),
    ...(item.link.kind === 'bond' && has('set-bond-options', 'create-link')
      ? bondSettings(item.link.mode, formerBond, bondDifference(before, item))
      : {}),
    ...(item.link.kind === 'linux-bridge' && has('set-bridge-options', 'create-link')
      ? bridgeSettings(namedOptions(item.link.options, before))
      : {}),
    ...(isMoved || isAnew ? portSettings(item, target.interfaces) : {}),
    ...(has('attach', 'set-port-options', 'add-port-vlan', 'delete-port-vlan')
      ? bridgePortOf(target, item)
      : {}),
    ...(before?.mtu !== item.mtu ? mtuSettings(item.mtu) : {}),
    ...(item.mac !== undefined &&
    (keepsMac(item, ops) || (before?.mac !== item.mac && has('set-mac', 'create-link')))
      ? macSettings(item.mac)
      : {}),
    // It takes none that is given, and then NetworkManager does not make it active.
    ...(has('set-bond-options', 'create-link') && failOverMac(item.link) !== ''
      ? macSettings('')
      : {}),
    ...ipSettings(
      item,
      target,
      bare.routes,
      isMoved || isAnew ? FAMILIES : [...operations.flatMap(familyOf), ...bare.families],
    ),
  };
}

/** Whose settings an operation is about. */
function familyOf(operation: Operation): readonly IpFamily[] {
  switch (operation.op) {
    case 'add-address':
    case 'delete-address':
      return [operation.family];
    case 'add-route':
    case 'delete-route':
      return [operation.route.family];
    case 'set-ipv6-enabled':
    case 'set-autoconf':
      return ['ipv6'];
    case 'start-dhcp':
    case 'stop-dhcp':
      return ['ipv4'];
    default:
      return [];
  }
}

function bondDifference(
  before: InterfaceState | undefined,
  item: InterfaceState,
): Readonly<Record<string, string>> {
  if (item.link.kind !== 'bond') return {};
  const former = before?.link.kind === 'bond' ? before.link.options : {};
  return Object.fromEntries(
    Object.entries(item.link.options).filter(([key, value]) => former[key] !== value),
  );
}

function removal(
  { observed, networkManager }: ProfilesInput,
  name: string,
  change: string,
): ProfileChange {
  const item = observed.interfaces.get(name);
  const type = item === undefined ? '' : typeOf(item);
  const former = ownProfile(networkManager, name, type);
  return {
    name,
    uuid: former?.uuid ?? '',
    change,
    action: 'remove',
    type,
    settings: former === undefined ? {} : { 'connection.autoconnect': 'no' },
    isRecreated: false,
    canReapply: false,
  };
}

/** Interfaces that leave their controller when its profile is activated anew, and must be active again at the end. */
export function portsToKeep(
  input: ProfilesInput,
  changes: readonly ProfileChange[],
): readonly string[] {
  const own = new Set(changes.map(({ name }) => name));
  return changes
    .filter(({ action, canReapply }) => action !== 'remove' && !canReapply)
    .flatMap(({ name }) => {
      const item = input.plan.target.interfaces.get(name);
      return item === undefined ? [] : portsOf(item.link);
    })
    .filter(
      (name) => !own.has(name) && input.networkManager.devices.get(name)?.profile !== undefined,
    );
}
