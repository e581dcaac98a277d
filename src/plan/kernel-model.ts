/**
 * What the kernel does when it is told to do something: each operation applied to a model of one host's
 * network, with the consequences that nobody asked for (measured on Linux 6.1; docs/kernel.md lists them).
 * The planner runs its own plan through this model, sees what is lost on the way, and puts it back.
 *
 * Where the kernel's behaviour depends on something that cannot be observed, the model forgets the value
 * (undefined), so that the planner sets it explicitly.
 */
import { assertNever } from '../errors.js';
import { BOND_DELAYS } from '../network/bond.js';
import { NEW_BOND_PORT } from '../network/bond-port.js';
import { isInSubnet, MINIMUM_IPV6_MTU } from '../network/ip.js';
import { routeDevices, routeWay } from '../network/route.js';
import { ruleMeaning } from '../network/rule.js';
import type {
  BridgePort,
  DnsState,
  InterfaceState,
  IpAddress,
  IpFamily,
  Link,
  NetworkState,
  PortVlan,
  Route,
  RouteRule,
} from '../network/state.js';
import { baseOf, failOverMac, isMacVlanLink } from '../network/state.js';
import { withTypeOptions } from '../network/type-options.js';
import type { Operation } from './change.js';

export type ModelInterface = {
  name: string;
  up: boolean;
  /** undefined: not known, or about to be chosen by the kernel. */
  mac: string | undefined;
  mtu: number | undefined;
  /** A bridge that was given an MTU keeps it; else it follows its ports. undefined: not known. */
  hasOwnMtu: boolean | undefined;
  alias: string;
  altNames: readonly string[];
  promiscuous: boolean;
  controller: string | undefined;
  ipv4: IpAddress[];
  ipv6Enabled: boolean;
  ipv6: IpAddress[];
  hasDhcp: boolean;
  /** undefined: not known, or the kernel's default. */
  autoconf: boolean | undefined;
  link: Link;
  /** As a port: options and VLAN table; undefined where not known. */
  portOptions: Record<string, string>;
  vlans: PortVlan[];
};

/** Routes and rules are compared by value. */
export function routeKey(route: Route): string {
  return [route.family, route.destination, route.table, route.metric ?? 'default'].join(' ');
}

export function sameRoute(a: Route, b: Route): boolean {
  return routeKey(a) === routeKey(b) && routeWay(a) === routeWay(b) && a.onlink === b.onlink;
}

export class KernelModel {
  readonly interfaces = new Map<string, ModelInterface>();
  routes: Route[];
  rules: RouteRule[];
  dns: DnsState;
  hostname: string | undefined;

  constructor(state: NetworkState) {
    const portSettings = new Map<string, BridgePort>();
    for (const item of state.interfaces.values()) {
      if (item.link.kind === 'linux-bridge') {
        for (const port of item.link.ports) portSettings.set(port.name, port);
      }
      if (item.link.kind === 'bond') {
        for (const [name, options] of Object.entries(item.link.portOptions ?? {})) {
          portSettings.set(name, { name, options, vlans: [] });
        }
      }
    }
    for (const item of state.interfaces.values()) {
      this.interfaces.set(item.name, fromState(item, portSettings.get(item.name)));
    }
    this.routes = [...state.routes];
    this.rules = [...state.rules];
    this.dns = state.dns;
    this.hostname = state.hostname;
  }

  get(name: string): ModelInterface | undefined {
    return this.interfaces.get(name);
  }

  portsOf(name: string): readonly ModelInterface[] {
    const ports: ModelInterface[] = [];
    for (const item of this.interfaces.values()) if (item.controller === name) ports.push(item);
    return ports;
  }

  childrenOf(name: string): readonly ModelInterface[] {
    const children: ModelInterface[] = [];
    for (const item of this.interfaces.values())
      if (baseOf(item.link) === name) children.push(item);
    return children;
  }

  private existing(name: string): ModelInterface {
    const item = this.interfaces.get(name);
    if (item === undefined)
      throw new Error(`the plan acts on ${name}, which is not there at that point`);
    return item;
  }

  apply(operation: Operation): void {
    switch (operation.op) {
      case 'create-link':
        return this.create(operation.link);
      case 'delete-link':
        return this.delete(operation.name);
      case 'set-up':
        return this.setUp(this.existing(operation.name));
      case 'set-down':
        return this.setDown(this.existing(operation.name));
      case 'set-mtu':
        return this.setMtu(this.existing(operation.name), operation.mtu);
      case 'set-mac':
        return this.setMac(this.existing(operation.name), operation.mac);
      case 'set-alias':
        this.existing(operation.name).alias = operation.alias;
        return;
      case 'set-alt-names': {
        const item = this.existing(operation.name);
        const kept = item.altNames.filter((name) => !operation.remove.includes(name));
        item.altNames = [...kept, ...operation.add].sort();
        return;
      }
      case 'set-promiscuous':
        this.existing(operation.name).promiscuous = operation.promiscuous;
        return;
      case 'attach':
        return this.attach(this.existing(operation.name), this.existing(operation.to));
      case 'detach':
        return this.detach(this.existing(operation.name));
      case 'set-bond-options': {
        const bond = this.existing(operation.name);
        if (bond.link.kind !== 'bond') return;
        const { mode, ...options } = operation.options;
        const known = { ...bond.link.options };
        if (mode === 'balance-alb' && known['tlb_dynamic_lb'] !== undefined)
          known['tlb_dynamic_lb'] = '1';
        if (options['miimon'] === '0')
          for (const delay of BOND_DELAYS) if (known[delay] !== undefined) known[delay] = '0';
        bond.link = {
          ...bond.link,
          ...(mode === undefined ? {} : { mode: mode as typeof bond.link.mode }),
          options: { ...known, ...options },
        };
        return;
      }
      case 'set-bridge-options': {
        const bridge = this.existing(operation.name);
        if (bridge.link.kind !== 'linux-bridge') return;
        bridge.link = { ...bridge.link, options: { ...bridge.link.options, ...operation.options } };
        return;
      }
      case 'set-type-options': {
        const item = this.existing(operation.name);
        item.link = withTypeOptions(item.link, operation.options);
        return;
      }
      case 'set-port-options':
        Object.assign(this.existing(operation.name).portOptions, operation.options);
        return;
      case 'add-port-vlan': {
        const port = this.existing(operation.name);
        const others = port.vlans
          .filter((vlan) => vlan.vid !== operation.vlan.vid)
          // A port has one PVID: the newer one wins.
          .map((vlan) => (operation.vlan.pvid ? { ...vlan, pvid: false } : vlan));
        port.vlans = [...others, operation.vlan].sort((a, b) => a.vid - b.vid);
        return;
      }
      case 'delete-port-vlan': {
        const port = this.existing(operation.name);
        port.vlans = port.vlans.filter((vlan) => vlan.vid !== operation.vid);
        return;
      }
      case 'set-ipv6-enabled': {
        const item = this.existing(operation.name);
        item.ipv6Enabled = operation.enabled;
        if (!operation.enabled) {
          item.ipv6 = [];
          this.dropRoutes(
            (route) => route.family === 'ipv6' && routeDevices(route).includes(item.name),
          );
        }
        return;
      }
      case 'add-address': {
        const item = this.existing(operation.name);
        const list = operation.family === 'ipv4' ? item.ipv4 : item.ipv6;
        list.push(operation.address);
        return;
      }
      case 'delete-address':
        return this.deleteAddress(
          this.existing(operation.name),
          operation.family,
          operation.address,
        );
      case 'add-route':
        this.dropRoutes((route) => !route.foreign && routeKey(route) === routeKey(operation.route));
        this.routes.push(operation.route);
        return;
      case 'delete-route':
        this.dropRoutes((route) => sameRoute(route, operation.route));
        return;
      case 'add-rule':
        this.rules.push(operation.rule);
        return;
      case 'delete-rule': {
        const text = ruleMeaning(operation.rule);
        this.rules = this.rules.filter(
          (rule) => ruleMeaning(rule) !== text || rule.priority !== operation.rule.priority,
        );
        return;
      }
      case 'set-dns':
        this.dns = operation.dns;
        return;
      case 'stop-dhcp': {
        const item = this.existing(operation.name);
        item.hasDhcp = false;
        const { leases, permanent } = operation.process;
        const gone = [...leases.map((lease) => lease.address), ...permanent];
        this.dropRoutes(
          (route) =>
            route.family === 'ipv4' &&
            (gone.some((address) => address.ip === route.source) ||
              // With the last address of a device all its routes go (fib_disable_ip).
              (item.ipv4.length === 0 && routeDevices(route).includes(item.name))),
        );
        return;
      }
      case 'start-dhcp':
        this.existing(operation.name).hasDhcp = true;
        return;
      case 'set-autoconf':
        this.existing(operation.name).autoconf = operation.enabled;
        return;
      case 'set-hostname':
        this.hostname = operation.hostname;
        return;
      default:
        return assertNever(operation);
    }
  }

  private create(state: InterfaceState): void {
    // A bond or bridge is made without ports; addresses come later.
    const link: Link =
      state.link.kind === 'bond' || state.link.kind === 'linux-bridge' || state.link.kind === 'vrf'
        ? ({ ...state.link, ports: [] } as Link)
        : state.link;
    const isPassthru = 'mode' in link && link.mode === 'passthru';
    this.interfaces.set(state.name, {
      name: state.name,
      up: false,
      // drivers/net/macvlan.c, macvlan_common_newlink: in mode passthru it has the MAC of its base.
      mac: isPassthru ? this.interfaces.get(baseOf(link) ?? '')?.mac : state.mac,
      mtu: state.mtu,
      hasOwnMtu: false,
      alias: '',
      altNames: [],
      promiscuous: false,
      controller: undefined,
      ipv4: [],
      ipv6Enabled: state.mtu >= MINIMUM_IPV6_MTU,
      ipv6: [],
      hasDhcp: false,
      autoconf: undefined,
      link,
      portOptions: {},
      vlans: [],
    });
    if (link.kind === 'veth' && link.peer !== undefined && !this.interfaces.has(link.peer)) {
      this.interfaces.set(link.peer, {
        name: link.peer,
        up: false,
        mac: undefined,
        mtu: undefined,
        hasOwnMtu: undefined,
        alias: '',
        altNames: [],
        promiscuous: false,
        controller: undefined,
        ipv4: [],
        ipv6Enabled: true,
        ipv6: [],
        hasDhcp: false,
        autoconf: undefined,
        link: { kind: 'veth', peer: state.name },
        portOptions: {},
        vlans: [],
      });
    }
  }

  /** net/core/dev.c unregister_netdevice: what stands on it or is a port of it is let go or vanishes too. */
  private delete(name: string): void {
    const item = this.interfaces.get(name);
    if (item === undefined) return;
    for (const child of this.childrenOf(name)) this.delete(child.name);
    for (const port of this.portsOf(name)) this.detach(port);
    if (item.controller !== undefined) this.detach(item);
    this.interfaces.delete(name);
    this.dropRoutes((route) => routeDevices(route).includes(name));
    if (item.link.kind === 'veth' && item.link.peer !== undefined) this.delete(item.link.peer);
  }

  private setUp(item: ModelInterface): void {
    item.up = true;
    // net/8021q/vlan.c vlan_device_event NETDEV_UP: its VLANs come up with it.
    for (const child of this.childrenOf(item.name))
      if (followsUp(child.link) && !child.up) this.setUp(child);
  }

  private setDown(item: ModelInterface): void {
    item.up = false;
    item.ipv6 = [];
    // Of several next hops the kernel only marks this one dead: putting the whole route back is safe.
    this.dropRoutes((route) => routeDevices(route).includes(item.name));
    for (const child of this.childrenOf(item.name))
      if (followsUp(child.link) && child.up) this.setDown(child);
  }

  private setMtu(item: ModelInterface, mtu: number): void {
    // net/core/dev.c, dev_set_mtu_ext: what it has already is not even asked for, and a bridge goes on following.
    if (item.mtu === undefined) item.hasOwnMtu ||= undefined;
    else if (item.mtu !== mtu) item.hasOwnMtu = true;
    this.followMtu(item, mtu);
    if (item.link.kind === 'bond')
      for (const port of this.portsOf(item.name)) this.setMtu(port, mtu);
    // Lowering drags the VLANs along; raising does not lift them again.
    for (const child of this.childrenOf(item.name)) {
      if (followsMtu(child.link) && (child.mtu === undefined || child.mtu > mtu))
        this.setMtu(child, mtu);
    }
    if (item.controller !== undefined) this.forgetBridgeMtu(item.controller);
  }

  /** net/ipv6/addrconf.c NETDEV_CHANGEMTU: below IPV6_MIN_MTU a device has no IPv6, above a new one. */
  private followMtu(item: ModelInterface, mtu: number | undefined): void {
    const before = item.mtu;
    item.mtu = mtu;
    if (mtu === undefined) return;
    if (mtu < MINIMUM_IPV6_MTU) {
      item.ipv6 = [];
      item.ipv6Enabled = false;
      this.dropRoutes(
        (route) => route.family === 'ipv6' && routeDevices(route).includes(item.name),
      );
    } else if (before !== undefined && before < MINIMUM_IPV6_MTU) {
      item.ipv6Enabled = true;
    }
  }

  private setMac(item: ModelInterface, mac: string): void {
    // drivers/net/bonding/bond_main.c, bond_set_mac_address: it says yes, and does nothing.
    if (failOverMac(item.link) === '') this.changeMac(item, mac);
  }

  private changeMac(item: ModelInterface, mac: string | undefined): void {
    item.mac = mac;
    for (const child of this.childrenOf(item.name)) {
      if (child.link.kind === 'vlan') child.mac = undefined;
      if ('mode' in child.link && child.link.mode === 'passthru') child.mac = mac;
    }
    if (item.controller !== undefined) this.forgetBridgeMac(item.controller);
    if (item.link.kind === 'bond') for (const port of this.portsOf(item.name)) port.mac = mac;
  }

  private attach(port: ModelInterface, controller: ModelInterface): void {
    const isFirst = this.portsOf(controller.name).length === 0;
    port.controller = controller.name;
    if (controller.link.kind === 'bond') {
      controller.link = { ...controller.link, ports: [...controller.link.ports, port.name].sort() };
      this.followMtu(port, controller.mtu);
      // drivers/net/bonding/bond_main.c bond_enslave: an unset bond MAC is taken from the first port.
      const failOver = failOverMac(controller.link);
      if (isFirst && failOver === 'active') this.changeMac(controller, undefined);
      else if (isFirst && controller.mac === undefined) this.changeMac(controller, port.mac ?? '');
      port.mac = failOver === '' ? controller.mac : undefined;
      port.portOptions = { ...NEW_BOND_PORT };
      // It opens the port, as if somebody had set it up.
      this.setUp(port);
      port.ipv6 = [];
    } else if (controller.link.kind === 'linux-bridge') {
      const entry: BridgePort = { name: port.name, options: {}, vlans: [] };
      controller.link = { ...controller.link, ports: [...controller.link.ports, entry] };
      this.forgetBridgeMac(controller.name);
      this.forgetBridgeMtu(controller.name);
      port.portOptions = {};
      const pvid = Number(controller.link.options['vlan_default_pvid'] ?? '1');
      port.vlans = pvid === 0 ? [] : [{ vid: pvid, pvid: true, untagged: true }];
    } else if (controller.link.kind === 'vrf') {
      controller.link = { ...controller.link, ports: [...controller.link.ports, port.name].sort() };
      this.cycle(port);
    }
  }

  /** drivers/net/vrf.c, cycle_netdev: a port that is up goes down and up again, into the other table. */
  private cycle(port: ModelInterface): void {
    if (!port.up) return;
    this.setDown(port);
    this.setUp(port);
    // It is given all its flags back as if a person had set them, promiscuous mode too.
    if (this.isMadePromiscuous(port.name, port.mac)) port.promiscuous = true;
  }

  /**
   * Does anything that stands on it, however high, take more than its MAC? One with another MAC does where the hardware
   * knows one address only (net/core/dev.c, __dev_set_rx_mode), a port of a bridge mostly (br_if.c, br_manage_promisc),
   * and a VLAN asks its base for what it was asked for itself.
   */
  private isMadePromiscuous(name: string, mac: string | undefined): boolean {
    return this.childrenOf(name).some(
      (other) =>
        isMacVlanLink(other.link) ||
        other.mac !== mac ||
        other.promiscuous ||
        this.interfaces.get(other.controller ?? '')?.link.kind === 'linux-bridge' ||
        this.isMadePromiscuous(other.name, mac),
    );
  }

  private detach(port: ModelInterface): void {
    const controller =
      port.controller === undefined ? undefined : this.interfaces.get(port.controller);
    port.controller = undefined;
    if (controller?.link.kind === 'bond') {
      controller.link = {
        ...controller.link,
        ports: controller.link.ports.filter((name) => name !== port.name),
      };
      // With its last port a bond loses its MAC: it gets a random one (eth_hw_addr_random).
      if (this.portsOf(controller.name).length === 0) controller.mac = undefined;
      // __bond_release_one closes the port and gives back the MTU and MAC from before it was enslaved.
      port.mtu = undefined;
      port.mac = undefined;
      this.setDown(port);
    } else if (controller?.link.kind === 'linux-bridge') {
      controller.link = {
        ...controller.link,
        ports: controller.link.ports.filter((entry) => entry.name !== port.name),
      };
      this.forgetBridgeMac(controller.name);
      this.forgetBridgeMtu(controller.name);
      port.portOptions = {};
      port.vlans = [];
    } else if (controller?.link.kind === 'vrf') {
      controller.link = {
        ...controller.link,
        ports: controller.link.ports.filter((name) => name !== port.name),
      };
      this.cycle(port);
    }
  }

  private forgetBridgeMac(name: string): void {
    const bridge = this.interfaces.get(name);
    if (bridge?.link.kind === 'linux-bridge') bridge.mac = undefined;
  }

  private forgetBridgeMtu(name: string): void {
    const bridge = this.interfaces.get(name);
    if (bridge?.link.kind !== 'linux-bridge' || bridge.hasOwnMtu === true) return;
    // net/bridge/br_if.c br_mtu_auto_adjust: the smallest of its ports.
    const ports = this.portsOf(name).map((port) => port.mtu);
    const known = ports.filter((mtu) => mtu !== undefined);
    bridge.mtu =
      bridge.hasOwnMtu === false && known.length > 0 && known.length === ports.length
        ? Math.min(...known)
        : undefined;
  }

  private deleteAddress(item: ModelInterface, family: IpFamily, address: IpAddress): void {
    const isSame = (other: IpAddress) =>
      other.ip === address.ip && other.prefixLength === address.prefixLength;
    if (family === 'ipv6') {
      item.ipv6 = item.ipv6.filter((other) => !isSame(other));
    } else {
      // net/ipv4/devinet.c __inet_del_ifa: with a primary address its secondaries go (promote_secondaries=0).
      const index = item.ipv4.findIndex(isSame);
      const inSubnet = (other: IpAddress) =>
        other.prefixLength === address.prefixLength && isInSubnet(other.ip, address);
      const isPrimary = item.ipv4.findIndex(inSubnet) === index;
      item.ipv4 = item.ipv4.filter((other) => !isSame(other) && !(isPrimary && inSubnet(other)));
    }
    const left = family === 'ipv4' ? item.ipv4 : item.ipv6;
    const isUnreachable = (via: string | undefined): boolean =>
      via !== undefined &&
      isInSubnet(via, address) &&
      !left.some((other) => isInSubnet(via, other));
    this.dropRoutes((route) => {
      if (route.family !== family) return false;
      if (route.source === address.ip) return true;
      if (!routeDevices(route).includes(item.name)) return false;
      if (family === 'ipv4' && left.length === 0) return true;
      return (
        isUnreachable(route.nextHopAddress) ||
        route.nextHops?.some((hop) => hop.interface === item.name && isUnreachable(hop.address)) ===
          true
      );
    });
  }

  private dropRoutes(isGone: (route: Route) => boolean): void {
    this.routes = this.routes.filter((route) => !isGone(route));
  }
}

/** net/8021q/vlan.c: a VLAN goes up and down with its base, unless it is bound loosely. */
function followsUp(link: Link): boolean {
  return link.kind === 'vlan' && link.options?.['loose_binding'] !== 'on';
}

/** Lowering the MTU of the base lowers that of these. */
export function followsMtu(link: Link): boolean {
  return link.kind === 'vlan' || isMacVlanLink(link);
}

function fromState(item: InterfaceState, port: BridgePort | undefined): ModelInterface {
  return {
    name: item.name,
    up: item.up,
    mac: item.mac,
    mtu: item.mtu,
    hasOwnMtu: undefined,
    alias: item.alias ?? '',
    altNames: item.altNames ?? [],
    promiscuous: item.promiscuous ?? false,
    controller: item.controller,
    ipv4: [...item.ipv4.addresses],
    ipv6Enabled: item.ipv6.enabled,
    ipv6: [...item.ipv6.addresses],
    hasDhcp: item.ipv4.dhcp?.process !== undefined,
    autoconf: item.ipv6.autoconf,
    link: item.link,
    portOptions: { ...port?.options },
    vlans: [...(port?.vlans ?? [])],
  };
}
