/**
 * The planner: from observed and target state to the ordered changes, each with its reason, its hazards
 * and its operations. Pure. The plan is run through the kernel's model (kernel-model.ts) as it grows, so
 * that what the kernel takes away on the way is put back by a later change.
 */
import { BOND_OPTIONS_WHEN_DOWN, BOND_OPTIONS_WITHOUT_PORTS } from '../network/bond.js';
import type { DesiredInterface, DesiredState } from '../network/desired.js';
import { routeDevices, routeText } from '../network/route.js';
import { MINIMUM_IPV6_MTU } from '../network/ip.js';
import type { MergeNote } from '../network/merge-draft.js';
import { ruleMeaning, ruleText } from '../network/rule.js';
import { typeOptionsDifference } from '../network/type-options.js';
import {
  baseOf,
  isSubordinatePort,
  portsOf,
  type BridgeLink,
  type InterfaceState,
  type IpAddress,
  type IpFamily,
  type NetworkState,
  type RouteRule,
  type Route,
} from '../network/state.js';
import type { Change, ChangePlan, DhcpTool, Hazard, ManagementPath, Operation } from './change.js';
import { chooseTool, leaseText, mustStop, stopOperation } from './plan-dhcp.js';
import { changeHazards, planHazards } from './hazards.js';
import { describe, identity } from './describe.js';
import { KernelModel, routeKey, sameRoute } from './kernel-model.js';
import { bondPortChanges } from './bond-port-changes.js';
import { propertyChanges } from './property-changes.js';
import { remadeInterfaces } from './recreate-losses.js';
import { outageSeconds } from './outage.js';
import { planScope } from './scope.js';
import { addressesOf, covers, devicesBelow, newManagementAddress } from './management-path.js';
import { dependencyOrder } from './order.js';

export type PlanInput = Readonly<{
  host: string;
  observed: NetworkState;
  target: NetworkState;
  desired: DesiredState;
  management: ManagementPath | undefined;
  /** What merging noticed, e.g. ports that stay on a bridge though no plan names them. */
  notes: readonly MergeNote[];
  /** DHCP clients that are installed, in the order of preference. */
  dhcpClients: readonly DhcpTool[];
}>;

type Why = Change['why'];

const MAX_ROUNDS = 5;

export function planChanges(input: PlanInput): ChangePlan {
  return new Planner(input).run();
}

function sameAddress(a: IpAddress, b: IpAddress): boolean {
  return a.ip === b.ip && a.prefixLength === b.prefixLength;
}

function addressText(address: IpAddress): string {
  return `${address.ip}/${address.prefixLength}`;
}

class Planner {
  private readonly model: KernelModel;
  private readonly changes: (Omit<Change, 'hazards' | 'touchesManagement'> & {
    operations: Operation[];
  })[] = [];
  /** How often a change of this name was begun: the second and later ones are numbered. */
  private readonly uses = new Map<string, number>();
  private readonly desired: ReadonlyMap<string, DesiredInterface>;
  private readonly buildOrder: readonly InterfaceState[];
  private readonly recreated = new Set<string>();
  private readonly input: PlanInput;
  private emitted = 0;

  constructor(input: PlanInput) {
    this.input = input;
    this.model = new KernelModel(input.observed);
    this.desired = new Map(input.desired.interfaces.map((item) => [item.name, item]));
    this.buildOrder = dependencyOrder(input.target.interfaces);
    for (const item of input.target.interfaces.values()) {
      const now = input.observed.interfaces.get(item.name);
      if (now !== undefined && identity(now.link) !== identity(item.link))
        this.recreated.add(item.name);
    }
  }

  run(): ChangePlan {
    const { input } = this;
    for (let round = 0; ; round++) {
      const before = this.emitted;
      if (round === 0) {
        this.stopDhcp();
        this.removeRoutes();
        this.tearDown();
      }
      for (const item of this.buildOrder) this.build(item);
      for (const item of this.buildOrder) this.addAddresses(item);
      for (const item of this.buildOrder) this.settleDynamic(item);
      this.addRoutes();
      this.settleRules();
      this.settleDns();
      this.settleHostname();
      if (this.emitted === before) break;
      if (round >= MAX_ROUNDS) {
        throw new Error(
          `planning for ${input.host} does not come to an end: ${this.changes.at(-1)?.id ?? ''}`,
        );
      }
    }
    return this.finish();
  }

  // ---- emitting ------------------------------------------------------------------------------------

  private emit(
    change: Readonly<{
      id: string;
      action: Change['action'];
      object: string;
      summary: string;
      why: Why;
    }>,
    ...operations: readonly Operation[]
  ): void {
    for (const operation of operations) this.model.apply(operation);
    this.emitted += operations.length;
    const last = this.changes.at(-1);
    if (last !== undefined && last.id === change.id) {
      last.operations.push(...operations);
      return;
    }
    const uses = (this.uses.get(change.id) ?? 0) + 1;
    this.uses.set(change.id, uses);
    const id = uses === 1 ? change.id : `${change.id} #${uses}`;
    this.changes.push({ ...change, id, operations: [...operations] });
  }

  /** The first of `keys` that the plan gives for this interface, with its place; else whose consequence it is. */
  private why(name: string, keys: readonly string[], consequence: string): Why {
    const wanted = this.desired.get(name);
    for (const key of keys) {
      const location = wanted?.locations.get(key);
      if (location !== undefined) return { text: key === '' ? name : `${name}: ${key}`, location };
      const reason = wanted?.reasons?.get(key);
      if (reason !== undefined) return { text: reason, location: undefined };
    }
    return { text: consequence, location: undefined };
  }

  // ---- taking away, top-down -------------------------------------------------------------------------

  private removeRoutes(): void {
    const kept = new Set(this.input.target.routes.map(routeKey));
    for (const route of [...this.model.routes]) {
      if (route.foreign || this.input.target.routes.some((wanted) => sameRoute(wanted, route)))
        continue;
      // A route with the same key is replaced in one step later, without a gap.
      if (kept.has(routeKey(route))) continue;
      // With its device it goes by itself, also where that is one of several (NETDEV_UNREGISTER).
      if (routeDevices(route).some((device) => this.mustGo(device))) continue;
      this.emit(
        {
          id: `remove route ${routeText(route)}`,
          action: 'delete',
          object: `route ${route.destination}`,
          summary: `remove route ${routeText(route)}`,
          why: this.whyRoute(route, 'its address or interface goes'),
        },
        { op: 'delete-route', route },
      );
    }
  }

  /** First of all: a client that runs would put back what is taken away. */
  private stopDhcp(): void {
    for (const present of this.input.observed.interfaces.values()) {
      const wanted = this.input.target.interfaces.get(present.name);
      const operation = stopOperation(present);
      if (operation === undefined) continue;
      if (!this.mustGo(present.name) && !mustStop(present, wanted)) continue;
      const lease = leaseText(present);
      this.emit(
        {
          id: `stop dhcp ${present.name}`,
          action: 'modify',
          object: present.name,
          summary: `end DHCP on ${present.name} without giving the lease back${lease === '' ? '' : `: -${lease}`}`,
          why: this.why(
            present.name,
            ['ipv4.dhcp', 'ipv4.enabled', 'ipv4', 'state'],
            wanted?.controller === undefined
              ? 'consequence of the plan'
              : `${present.name} becomes a port of ${wanted.controller}`,
          ),
        },
        operation,
      );
    }
  }

  /** DHCP and autoconf, when the interface is up. */
  private settleDynamic(wanted: InterfaceState): void {
    const item = this.model.get(wanted.name);
    const { dhcp } = wanted.ipv4;
    if (item === undefined || !wanted.up) return;
    const { autoconf } = wanted.ipv6;
    if (autoconf !== undefined && item.autoconf !== autoconf && wanted.ipv6.enabled) {
      this.emit(
        {
          id: `set autoconf ${wanted.name}`,
          action: 'modify',
          object: wanted.name,
          summary: autoconf
            ? `take IPv6 addresses and routes of ${wanted.name} from router advertisements`
            : `take no router advertisements on ${wanted.name}, and what they gave away`,
          why: this.why(wanted.name, ['ipv6.autoconf', 'ipv6'], 'it was so before'),
        },
        {
          op: 'set-autoconf',
          name: wanted.name,
          enabled: autoconf,
          forwards: this.input.observed.interfaces.get(wanted.name)?.facts?.forwards6 === true,
        },
      );
    }
    if (dhcp === undefined || item.hasDhcp) return;
    const location = this.desired.get(wanted.name)?.locations.get('ipv4.dhcp');
    const tool = chooseTool(this.input.host, wanted.name, dhcp, this.input.dhcpClients, location);
    const expected = dhcp.expected === undefined ? '' : `, expecting ${addressText(dhcp.expected)}`;
    this.emit(
      {
        id: `start dhcp ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: `start DHCP on ${wanted.name} (${tool.replace('busybox-', '')})${expected}`,
        why: this.why(wanted.name, ['ipv4.dhcp', 'ipv4'], 'it was so before'),
      },
      { op: 'start-dhcp', name: wanted.name, tool, dhcp },
    );
  }

  private mustGo(name: string): boolean {
    return !this.input.target.interfaces.has(name) || this.recreated.has(name);
  }

  private tearDown(): void {
    const { observed, target } = this.input;
    for (const now of [...dependencyOrder(observed.interfaces)].reverse()) {
      const item = this.model.get(now.name);
      if (item === undefined) continue;
      const wanted = target.interfaces.get(now.name);
      if (wanted === undefined || this.recreated.has(now.name)) {
        this.remove(now, wanted);
        continue;
      }
      if (wanted.link.kind === 'other') continue;
      if (item.controller !== undefined && item.controller !== wanted.controller) {
        this.detach(item.name, item.controller);
      }
      this.freeBondPorts(wanted);
      this.removeAddresses(wanted);
      if (item.mtu !== undefined && wanted.mtu < item.mtu && !this.followsBond(wanted))
        this.setMtu(wanted);
      if (!wanted.up && item.up) {
        this.emit(
          {
            id: `set down ${now.name}`,
            action: 'modify',
            object: now.name,
            summary: `set ${now.name} down`,
            why: this.why(now.name, ['state', ''], 'consequence of the plan'),
          },
          { op: 'set-down', name: now.name },
        );
      }
    }
  }

  private remove(now: InterfaceState, wanted: InterfaceState | undefined): void {
    const isRecreate = wanted !== undefined;
    const base = baseOf(now.link);
    const consequence =
      base !== undefined && this.mustGo(base)
        ? `${base}, on which it stands, goes`
        : 'no part of the plan any more';
    this.emit(
      {
        id: `${isRecreate ? 'take away' : 'delete'} ${now.name}`,
        action: isRecreate ? 'recreate' : 'delete',
        object: now.name,
        summary: isRecreate
          ? `take away ${describe(now)}: it cannot be changed in place and is made anew`
          : `delete ${describe(now)}`,
        why: this.why(
          now.name,
          [
            'vlan.id',
            'vlan.base',
            'vxlan',
            'macVlan.base',
            'macVlan.mode',
            'vrf.table',
            'state',
            '',
          ],
          consequence,
        ),
      },
      { op: 'delete-link', name: now.name },
    );
  }

  private detach(name: string, from: string): void {
    this.emit(
      {
        id: `detach ${name} ${from}`,
        action: 'modify',
        object: name,
        summary: `detach ${name} from ${from}`,
        why: this.whyPort(name, from),
      },
      { op: 'detach', name, from },
    );
  }

  private whyPort(name: string, controller: string): Why {
    const wanted = this.input.target.interfaces.get(name)?.controller;
    const own = this.desired.get(name)?.locations.get('controller');
    if (own !== undefined) return { text: `${name}: controller`, location: own };
    const reason = this.desired.get(name)?.reasons?.get('controller');
    if (reason !== undefined) return { text: reason, location: undefined };
    for (const candidate of [wanted, controller]) {
      if (candidate === undefined) continue;
      const locations = this.desired.get(candidate)?.locations;
      for (const key of ['bond.ports', 'bridge.ports', 'vrf.ports']) {
        const location = locations?.get(key);
        if (location !== undefined) return { text: `${candidate}: ports`, location };
      }
    }
    return { text: `consequence of the changes to ${controller}`, location: undefined };
  }

  /** Ports must leave a bond whose mode (or fail_over_mac) changes; they come back in `build`. */
  private freeBondPorts(wanted: InterfaceState): void {
    const item = this.model.get(wanted.name);
    if (wanted.link.kind !== 'bond' || item?.link.kind !== 'bond') return;
    if (
      !Object.keys(this.bondDifference(wanted)).some((key) => BOND_OPTIONS_WITHOUT_PORTS.has(key))
    )
      return;
    for (const port of this.model.portsOf(wanted.name)) this.detach(port.name, wanted.name);
  }

  private bondDifference(wanted: InterfaceState): Record<string, string> {
    const item = this.model.get(wanted.name);
    const different: Record<string, string> = {};
    if (wanted.link.kind !== 'bond' || item?.link.kind !== 'bond') return different;
    if (item.link.mode !== wanted.link.mode) different['mode'] = wanted.link.mode;
    for (const [key, value] of Object.entries(wanted.link.options)) {
      if ((item.link.options[key] ?? '') !== value) different[key] = value;
    }
    const { miimon, arp_validate: validate } = wanted.link.options;
    if (different['miimon'] !== undefined) {
      // The kernel keeps these in units of miimon: they change with it unless given anew, and without it
      // it remembers them, shows them as 0, and refuses to be told so.
      for (const key of ['updelay', 'downdelay', 'peer_notif_delay']) {
        const value = wanted.link.options[key];
        if (miimon === '0') delete different[key];
        else if (value !== undefined) different[key] = value;
      }
    }
    // bond_option_mode_set: "don't cache arp_validate between modes".
    if (different['mode'] !== undefined && validate !== undefined && validate !== 'none')
      different['arp_validate'] = validate;
    return different;
  }

  private removeAddresses(wanted: InterfaceState): void {
    const item = this.model.get(wanted.name);
    if (item === undefined) return;
    for (const family of ['ipv4', 'ipv6'] as const) {
      const target = wanted[family].addresses;
      const present = [...item[family]];
      // The first IPv4 address is the primary one: to change it, all must go.
      const isNewPrimary =
        family === 'ipv4' &&
        target[0] !== undefined &&
        present[0] !== undefined &&
        !sameAddress(target[0], present[0]);
      for (const address of present) {
        const list = family === 'ipv4' ? item.ipv4 : item.ipv6;
        if (!list.some((other) => sameAddress(other, address))) continue;
        if (!isNewPrimary && target.some((other) => sameAddress(other, address))) continue;
        this.changeAddresses(wanted, family, {
          op: 'delete-address',
          name: wanted.name,
          family,
          address,
        });
      }
    }
  }

  private changeAddresses(wanted: InterfaceState, family: IpFamily, operation: Operation): void {
    const observed = this.input.observed.interfaces.get(wanted.name)?.[family].addresses ?? [];
    const target = wanted[family].addresses;
    const words = [
      ...observed
        .filter((a) => !target.some((b) => sameAddress(a, b)))
        .map((a) => `-${addressText(a)}`),
      ...target
        .filter((a) => !observed.some((b) => sameAddress(a, b)))
        .map((a) => `+${addressText(a)}`),
    ];
    const consequence = !isSubordinatePort(wanted, this.input.target.interfaces)
      ? 'put back: the kernel takes it away in the course of the changes'
      : `${wanted.name} becomes a port of ${wanted.controller ?? ''}`;
    const isRemoval = operation.op === 'delete-address';
    this.emit(
      {
        id: `${isRemoval ? 'remove' : 'set'} ${family} addresses ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: isRemoval
          ? `remove addresses of ${wanted.name}: ${words.filter((word) => word.startsWith('-')).join(', ') || 'to set them in another order'}`
          : `set addresses of ${wanted.name}: ${words.filter((word) => word.startsWith('+')).join(', ') || target.map(addressText).join(', ')}`,
        why: this.why(
          wanted.name,
          [`${family}.addresses`, `${family}.enabled`, family, 'state'],
          consequence,
        ),
      },
      operation,
    );
  }

  // ---- building, bottom-up -----------------------------------------------------------------------------

  private followsBond(wanted: InterfaceState): boolean {
    return (
      wanted.controller !== undefined &&
      this.input.target.interfaces.get(wanted.controller)?.link.kind === 'bond'
    );
  }

  private build(wanted: InterfaceState): void {
    if (wanted.link.kind === 'other') return;
    if (this.model.get(wanted.name) === undefined) this.create(wanted);
    this.settleBond(wanted);
    this.settleTypeOptions(wanted);
    const present = this.model.get(wanted.name);
    for (const { key, words, operation } of present === undefined
      ? []
      : propertyChanges(present, wanted)) {
      this.emit(
        {
          id: `set ${key} ${wanted.name}`,
          action: 'modify',
          object: wanted.name,
          summary: words,
          why: this.why(
            wanted.name,
            [key, 'description', ''],
            'it has it already, and is made anew',
          ),
        },
        operation,
      );
    }
    this.settleMac(wanted);
    if (this.model.get(wanted.name)?.mtu !== wanted.mtu && !this.followsBond(wanted))
      this.setMtu(wanted);
    this.settleIpv6(wanted);
    this.attachPorts(wanted);
    this.settleBondPorts(wanted);
    if (wanted.link.kind === 'linux-bridge') this.settleBridge(wanted, wanted.link);
    // Only now: a bridge's MAC and MTU followed its ports as they came.
    this.settleMac(wanted);
    if (this.model.get(wanted.name)?.mtu !== wanted.mtu && !this.followsBond(wanted))
      this.setMtu(wanted);
    const item = this.model.get(wanted.name);
    // A bond opens its ports itself.
    if (
      wanted.up &&
      item?.up === false &&
      !(this.followsBond(wanted) && item.controller !== wanted.controller)
    ) {
      this.emit(
        {
          id: `set up ${wanted.name}`,
          action: 'modify',
          object: wanted.name,
          summary: `set ${wanted.name} up`,
          why: this.why(wanted.name, ['state', ''], 'it must be up for what stands on it'),
        },
        { op: 'set-up', name: wanted.name },
      );
    }
    // Its base took it along when it came up.
    if (!wanted.up && item?.up === true) {
      this.emit(
        {
          id: `set down ${wanted.name}`,
          action: 'modify',
          object: wanted.name,
          summary: `set ${wanted.name} down`,
          why: this.why(wanted.name, ['state', ''], 'it was down before'),
        },
        { op: 'set-down', name: wanted.name },
      );
    }
  }

  private create(wanted: InterfaceState): void {
    const existed = this.input.observed.interfaces.get(wanted.name);
    const link = { ...wanted, mac: wanted.mac ?? this.bondMac(wanted) };
    const operations: Operation[] = [{ op: 'create-link', link }];
    // With a smaller MTU it has no IPv6, and no switch for it either.
    if (!wanted.ipv6.enabled && wanted.mtu >= MINIMUM_IPV6_MTU)
      operations.push({ op: 'set-ipv6-enabled', name: wanted.name, enabled: false });
    if (wanted.up) operations.push({ op: 'set-up', name: wanted.name });
    const base = baseOf(wanted.link);
    this.emit(
      {
        id: `create ${wanted.name}`,
        action: existed === undefined ? 'create' : 'recreate',
        object: wanted.name,
        summary: `${existed === undefined ? 'create' : 'make anew'} ${describe(wanted)}`,
        why: this.why(
          wanted.name,
          [''],
          base === undefined
            ? 'it went with a change'
            : `${base}, on which it stands, is made anew`,
        ),
      },
      ...operations,
    );
  }

  private settleBond(wanted: InterfaceState): void {
    const different = this.bondDifference(wanted);
    const keys = Object.keys(different);
    if (keys.length === 0) return;
    const needsDown =
      keys.some((key) => BOND_OPTIONS_WHEN_DOWN.has(key)) &&
      this.model.get(wanted.name)?.up === true;
    this.emit(
      {
        id: `set options ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: `set ${keys.map((key) => `${key} ${different[key] || 'none'}`).join(', ')} of bond ${wanted.name}`,
        why: this.why(
          wanted.name,
          [...keys.map((key) => `bond.options.${key}`), 'bond.mode', 'bond.options', 'bond', ''],
          'consequence of the plan',
        ),
      },
      ...(needsDown ? [{ op: 'set-down', name: wanted.name } as const] : []),
      { op: 'set-bond-options', name: wanted.name, options: different },
      ...(needsDown && wanted.up ? [{ op: 'set-up', name: wanted.name } as const] : []),
    );
  }

  private settleTypeOptions(wanted: InterfaceState): void {
    const item = this.model.get(wanted.name);
    if (item === undefined) return;
    const options = typeOptionsDifference(item.link, wanted.link);
    const words = Object.entries(options).map(([key, value]) => `${key} ${value}`);
    if (words.length === 0) return;
    this.emit(
      {
        id: `set options ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: `set ${words.join(', ')} of ${wanted.name}`,
        why: this.why(wanted.name, ['vlan', 'macVlan', ''], 'consequence of the plan'),
      },
      { op: 'set-type-options', name: wanted.name, kind: wanted.link.kind, options },
    );
  }

  private settleMac(wanted: InterfaceState): void {
    const item = this.model.get(wanted.name);
    if (item === undefined || wanted.mac === undefined || item.mac === wanted.mac) return;
    // The MAC of a bond's port is the bond's; that of a bridge is settled when its ports are there.
    if (this.followsBond(wanted)) return;
    if (
      wanted.link.kind === 'linux-bridge' &&
      portsOf(wanted.link).some((port) => this.model.get(port)?.controller !== wanted.name)
    )
      return;
    const isUpNic = wanted.link.kind === 'ethernet' && item.up;
    this.emit(
      {
        id: `set mac ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: `set the MAC address of ${wanted.name} to ${wanted.mac}`,
        why: this.why(
          wanted.name,
          ['mac', 'copyMacFrom'],
          'its own MAC again, or the MAC of its uplink',
        ),
      },
      ...(isUpNic ? [{ op: 'set-down', name: wanted.name } as const] : []),
      { op: 'set-mac', name: wanted.name, mac: wanted.mac },
      ...(isUpNic ? [{ op: 'set-up', name: wanted.name } as const] : []),
    );
  }

  private setMtu(wanted: InterfaceState): void {
    this.emit(
      {
        id: `set mtu ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: `set the MTU of ${wanted.name} to ${wanted.mtu}`,
        why: this.why(wanted.name, ['mtu'], 'it follows the interfaces it is joined with'),
      },
      { op: 'set-mtu', name: wanted.name, mtu: wanted.mtu },
    );
  }

  private settleIpv6(wanted: InterfaceState): void {
    const item = this.model.get(wanted.name);
    if (item === undefined || item.ipv6Enabled === wanted.ipv6.enabled) return;
    this.emit(
      {
        id: `set ipv6 ${wanted.name}`,
        action: 'modify',
        object: wanted.name,
        summary: `switch IPv6 ${wanted.ipv6.enabled ? 'on' : 'off'} on ${wanted.name}`,
        why: this.why(wanted.name, ['ipv6.enabled', 'ipv6'], 'consequence of the plan'),
      },
      { op: 'set-ipv6-enabled', name: wanted.name, enabled: wanted.ipv6.enabled },
    );
  }

  /** A bond's MAC is that of its first port: the one that carries SSH or addresses keeps its MAC so. */
  private portOrder(wanted: InterfaceState): readonly string[] {
    const path = this.input.management?.devices ?? [];
    const observed = this.input.observed.interfaces;
    const weight = (port: string) =>
      path.includes(port) ? 0 : (observed.get(port)?.ipv4.addresses.length ?? 0) > 0 ? 1 : 2;
    return [...portsOf(wanted.link)].sort((a, b) => weight(a) - weight(b) || (a < b ? -1 : 1));
  }

  /**
   * The MAC a new bond is made with, which is the one its first port would give it. Left to itself the
   * kernel makes a random one until then, and udev (MACAddressPolicy=persistent) replaces that by one of
   * its own: the neighbours of a host would have to learn it anew.
   */
  private bondMac(wanted: InterfaceState): string | undefined {
    if (wanted.link.kind !== 'bond') return undefined;
    if ((wanted.link.options['fail_over_mac'] ?? 'none') !== 'none') return undefined;
    const [first] = this.portOrder(wanted);
    const port = first === undefined ? undefined : this.input.observed.interfaces.get(first);
    return port?.facts?.permanentMac ?? port?.mac;
  }

  private attachPorts(wanted: InterfaceState): void {
    for (const port of this.portOrder(wanted)) {
      const item = this.model.get(port);
      if (item === undefined || item.controller === wanted.name) continue;
      if (item.controller !== undefined) this.detach(port, item.controller);
      const mustBeDown = wanted.link.kind === 'bond' && item.up;
      this.emit(
        {
          id: `attach ${port} ${wanted.name}`,
          action: 'modify',
          object: port,
          summary: `attach ${port} to ${wanted.name}`,
          why: this.whyPort(port, wanted.name),
        },
        ...(mustBeDown ? [{ op: 'set-down', name: port } as const] : []),
        { op: 'attach', name: port, to: wanted.name },
      );
    }
  }

  private settleBondPorts(wanted: InterfaceState): void {
    if (wanted.link.kind !== 'bond') return;
    for (const { name, options } of bondPortChanges(wanted.link, (port) => this.model.get(port))) {
      const words = Object.entries(options).map(([key, value]) => `${key} ${value}`);
      this.emit(
        {
          id: `set port options ${name}`,
          action: 'modify',
          object: name,
          summary: `set ${words.join(', ')} of port ${name} of ${wanted.name}`,
          why: this.why(
            wanted.name,
            [`bond.portOptions.${name}`, 'bond.mode', 'bond.ports'],
            'put back: a port that comes to a bond begins without',
          ),
        },
        { op: 'set-port-options', of: 'bond', name, options },
      );
    }
  }

  private settleBridge(wanted: InterfaceState, link: BridgeLink): void {
    const item = this.model.get(wanted.name);
    if (item?.link.kind !== 'linux-bridge') return;
    const isFiltering = link.options['vlan_filtering'] === '1';
    for (const port of link.ports) {
      const present = this.model.get(port.name);
      if (present?.controller !== wanted.name) continue;
      // A port that comes back to its bridge comes with the kernel's options: its own are set again.
      const settings = { ...this.observedPortOptions(wanted.name, port.name), ...port.options };
      const options = Object.fromEntries(
        Object.entries(settings).filter(([key, value]) => present.portOptions[key] !== value),
      );
      if (Object.keys(options).length > 0) {
        this.emit(
          {
            id: `set port options ${port.name}`,
            action: 'modify',
            object: port.name,
            summary: `set ${Object.entries(options)
              .map(([key, value]) => `${key} ${value}`)
              .join(', ')} of port ${port.name} on ${wanted.name}`,
            why: this.why(wanted.name, ['bridge.ports'], 'consequence of the plan'),
          },
          { op: 'set-port-options', name: port.name, options },
        );
      }
      // The VLAN table comes before the filter is switched on, or frames fall into the default VLAN.
      if (isFiltering) this.settlePortVlans(wanted, port.name, port.vlans);
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
      this.emit(
        {
          id: `set options ${wanted.name}`,
          action: 'modify',
          object: wanted.name,
          summary: `set ${Object.entries(options)
            .map(([key, value]) => `${key} ${value}`)
            .join(', ')} of bridge ${wanted.name}`,
          why: this.why(
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

  private observedPortOptions(bridge: string, port: string): Readonly<Record<string, string>> {
    const link = this.input.observed.interfaces.get(bridge)?.link;
    if (link?.kind !== 'linux-bridge') return {};
    return link.ports.find((entry) => entry.name === port)?.options ?? {};
  }

  private settlePortVlans(
    bridge: InterfaceState,
    port: string,
    wanted: BridgeLink['ports'][number]['vlans'],
  ): void {
    const present = this.model.get(port);
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
    this.emit(
      {
        id: `set vlans ${port}`,
        action: 'modify',
        object: port,
        summary: `set the VLANs of port ${port} on ${bridge.name}: ${compactVlans(words)}`,
        why: this.why(bridge.name, ['bridge.ports'], 'consequence of the plan'),
      },
      ...operations,
    );
  }

  // ---- addresses, routes, rules, DNS --------------------------------------------------------------------

  private addAddresses(wanted: InterfaceState): void {
    const item = this.model.get(wanted.name);
    if (item === undefined || wanted.link.kind === 'other') return;
    for (const family of ['ipv4', 'ipv6'] as const) {
      const present = family === 'ipv4' ? item.ipv4 : item.ipv6;
      for (const address of wanted[family].addresses) {
        if (present.some((other) => sameAddress(other, address))) continue;
        this.changeAddresses(wanted, family, {
          op: 'add-address',
          name: wanted.name,
          family,
          address,
        });
      }
    }
  }

  private whyRoute(route: Route, consequence: string): Why {
    const wanted = this.input.desired.routes.find(
      (item) =>
        (item.exactly === undefined || sameRoute(item.exactly, route)) &&
        (item.destination === undefined || item.destination === route.destination) &&
        (item.nextHopInterface === undefined ||
          item.nextHopInterface === route.nextHopInterface ||
          routeDevices(route).includes(item.nextHopInterface)) &&
        (item.nextHopAddress === undefined ||
          item.nextHopAddress === route.nextHopAddress ||
          route.nextHops?.some((hop) => hop.address === item.nextHopAddress) === true) &&
        (item.table === undefined || item.table === route.table),
    );
    if (wanted?.reason !== undefined) return { text: wanted.reason, location: undefined };
    if (wanted?.location !== undefined) {
      return { text: wanted.absent ? 'routes: state absent' : 'routes', location: wanted.location };
    }
    return { text: consequence, location: undefined };
  }

  private addRoutes(): void {
    const missing = this.input.target.routes.filter(
      (route) => !route.foreign && !this.model.routes.some((other) => sameRoute(other, route)),
    );
    // A next hop must be reachable when its route is added: routes without one come first.
    const hops = (route: Route) =>
      route.nextHopAddress === undefined && route.nextHops === undefined ? 0 : 1;
    for (const route of [...missing].sort((a, b) => hops(a) - hops(b))) {
      const wasThere = this.input.observed.routes.some((other) => sameRoute(other, route));
      this.emit(
        {
          id: `set route ${routeText(route)}`,
          action: wasThere ? 'modify' : 'create',
          object: `route ${route.destination}`,
          summary: `${wasThere ? 'put back' : 'add'} route ${routeText(route)}`,
          why: this.whyRoute(route, 'the kernel drops it in the course of the changes'),
        },
        { op: 'add-route', route },
      );
    }
  }

  private settleRules(): void {
    const text = (rule: NetworkState['rules'][number]) =>
      `${rule.priority ?? ''} ${ruleMeaning(rule)}`;
    const matches = (wanted: NetworkState['rules'][number], rule: NetworkState['rules'][number]) =>
      ruleMeaning(wanted) === ruleMeaning(rule) &&
      (wanted.priority === undefined || wanted.priority === rule.priority);
    for (const rule of [...this.model.rules]) {
      if (rule.foreign || this.input.target.rules.some((wanted) => matches(wanted, rule))) continue;
      this.emit(
        {
          id: `remove rule ${text(rule)}`,
          action: 'delete',
          object: 'rule',
          summary: `remove rule ${ruleText(rule)}`,
          why: this.whyRule(rule, true),
        },
        { op: 'delete-rule', rule },
      );
    }
    for (const wanted of this.input.target.rules) {
      if (wanted.foreign || this.model.rules.some((rule) => matches(wanted, rule))) continue;
      const inTheWay = this.model.rules.filter((rule) => countsAsEqual(wanted, rule));
      this.emit(
        {
          id: `add rule ${text(wanted)}`,
          action: 'create',
          object: 'rule',
          summary: `add rule ${ruleText(wanted)}`,
          why: this.whyRule(wanted, false),
        },
        ...inTheWay.map((rule) => ({ op: 'delete-rule', rule }) as const),
        { op: 'add-rule', rule: wanted },
        ...inTheWay.map((rule) => ({ op: 'add-rule', rule }) as const),
      );
    }
  }

  private whyRule(rule: NetworkState['rules'][number], absent: boolean): Why {
    const wanted = this.input.desired.rules.find(
      (item) =>
        item.absent === absent &&
        (item.exactly === undefined || ruleMeaning(item.exactly) === ruleMeaning(rule)) &&
        (item.from === undefined || item.from === rule.from) &&
        (item.to === undefined || item.to === rule.to) &&
        (item.table === undefined || item.table === rule.table),
    );
    return { text: wanted?.reason ?? 'route-rules', location: wanted?.location };
  }

  private settleDns(): void {
    const wanted = this.input.target.dns;
    if (JSON.stringify(wanted) === JSON.stringify(this.model.dns)) return;
    const words = [
      ...wanted.servers,
      ...(wanted.search.length > 0 ? [`search ${wanted.search.join(' ')}`] : []),
    ];
    this.emit(
      {
        id: 'set dns',
        action: 'modify',
        object: 'dns',
        summary: `set DNS to ${words.join(', ') || 'nothing'}`,
        why: { text: 'dns-resolver', location: this.input.desired.dns?.location },
      },
      { op: 'set-dns', dns: wanted },
    );
  }

  private settleHostname(): void {
    const { hostname } = this.input.target;
    if (hostname === undefined || hostname === this.model.hostname) return;
    this.emit(
      {
        id: 'set hostname',
        action: 'modify',
        object: 'hostname',
        summary: `set the hostname to ${hostname}`,
        why: { text: 'hostname', location: this.input.desired.hostname?.location },
      },
      { op: 'set-hostname', hostname },
    );
  }

  // ---- the whole ----------------------------------------------------------------------------------------

  private finish(): ChangePlan {
    const { observed, target, management } = this.input;
    const scope = planScope(
      this.changes.flatMap((change) => change.operations),
      observed,
      target,
      (name) => observed.interfaces.has(name) && this.mustGo(name),
    );
    const touched = new Set(management?.devices ?? []);
    if (management !== undefined) {
      for (const device of management.devices) {
        const controller = target.interfaces.get(device)?.controller;
        if (controller !== undefined) touched.add(controller);
      }
      const holder = [...target.interfaces.values()].find((item) =>
        addressesOf(item).some((address) => address.ip === management.address),
      );
      if (holder !== undefined)
        for (const device of devicesBelow(target, holder.name)) touched.add(device);
    }
    const touches = (operation: Operation): boolean => {
      if (management === undefined) return false;
      switch (operation.op) {
        case 'add-route':
        case 'delete-route':
          return (
            operation.route.table === 254 && covers(operation.route.destination, management.peer)
          );
        case 'add-rule':
        case 'delete-rule':
          return true;
        case 'set-dns':
        case 'set-hostname':
          return false;
        case 'create-link':
          return touched.has(operation.link.name);
        case 'attach':
          return touched.has(operation.name) || management.devices.includes(operation.to);
        default:
          return touched.has(operation.name);
      }
    };
    const changes = this.changes.map((change): Change => {
      const touchesManagement = change.operations.some(touches);
      return {
        ...change,
        touchesManagement,
        hazards: changeHazards(change, observed, target),
      };
    });
    const touchesManagement = changes.some((change) => change.touchesManagement);
    const newAddress =
      management === undefined ? undefined : newManagementAddress(observed, target, management);
    const hazards: Hazard[] = planHazards({
      observed,
      target,
      desired: this.input.desired,
      management,
      newAddress,
      notes: this.input.notes,
      remade: remadeInterfaces(observed, { changes, target }),
      isLost: (route) => !this.model.routes.includes(route),
    });
    return {
      changes,
      hazards,
      target,
      scope,
      newManagementAddress: newAddress === 'none' ? undefined : newAddress,
      touchesManagement,
      expectedOutageSeconds: touchesManagement ? outageSeconds(target, touched) : 0,
    };
  }
}

/**
 * net/ipv4/fib_rules.c, fib4_rule_compare: a new rule without a source or destination counts as there
 * already (EEXIST) when one of the same priority is, which has one. The other way round it does not.
 */
function countsAsEqual(wanted: RouteRule, present: RouteRule): boolean {
  const strip = (rule: RouteRule): RouteRule => ({
    ...rule,
    from: wanted.from === undefined ? undefined : rule.from,
    to: wanted.to === undefined ? undefined : rule.to,
  });
  return (
    !present.foreign &&
    wanted.priority !== undefined &&
    wanted.priority === present.priority &&
    ruleMeaning(strip(present)) === ruleMeaning(wanted)
  );
}

function compactVlans(words: readonly string[]): string {
  if (words.length === 0) return 'none';
  if (words.length <= 6) return words.join(', ');
  return `${words.slice(0, 5).join(', ')} … ${words.at(-1) ?? ''} (${words.length} VLANs)`;
}
