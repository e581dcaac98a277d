/**
 * What the kernel refuses (measured on 6.1), asked before each operation of a plan: an independent check
 * that a plan is legal at every step, not only that it ends where it should.
 */
import { isInSubnet } from '../../src/network/ip.js';
import { baseOf, portsOf, type Link, type Route } from '../../src/network/state.js';
import type { Operation } from '../../src/plan/change.js';
import type { KernelModel, ModelInterface } from '../../src/plan/kernel-model.js';

/** Taken from bond_options.c (BOND_OPTFLAG_NOSLAVES, BOND_OPTFLAG_IFDOWN). */
const ONLY_WITHOUT_PORTS = ['mode', 'fail_over_mac'];
const ONLY_WHEN_DOWN = ['mode', 'lacp_rate', 'ad_select', 'ad_actor_sys_prio', 'tlb_dynamic_lb'];

function gatewayProblem(model: KernelModel, route: Route): string | undefined {
  const { nextHopInterface: device, nextHopAddress: gateway } = route;
  if (device === undefined) return undefined;
  const item = model.get(device);
  if (item === undefined) return `${device} is not there`;
  if (!item.up) return `${device} is down`;
  if (gateway === undefined || route.onlink) return undefined;
  const addresses = route.family === 'ipv4' ? item.ipv4 : item.ipv6;
  return addresses.some((address) => isInSubnet(gateway, address))
    ? undefined
    : `${gateway} is in no subnet of ${device}`;
}

/** A VLAN or mac-vlan cannot have a larger MTU than its base. */
function isLimited(link: Link): boolean {
  return link.kind === 'vlan' || link.kind === 'mac-vlan' || link.kind === 'mac-vtap';
}

/** drivers/net/macvlan.c: the base has one receive handler, and one mac-vlan in mode passthru. */
function hasHandler(item: ModelInterface): boolean {
  return item.link.kind === 'mac-vlan' || item.link.kind === 'mac-vtap';
}

function macVlanProblem(model: KernelModel, link: Link, below: ModelInterface): string | undefined {
  const controller = below.controller === undefined ? undefined : model.get(below.controller);
  if (controller !== undefined && controller.link.kind !== 'vrf') return `${below.name} is a port`;
  const others = model.childrenOf(below.name).filter(hasHandler);
  const isPassthru = (item: Link): boolean => 'mode' in item && item.mode === 'passthru';
  return (isPassthru(link) && others.length > 0) || others.some((one) => isPassthru(one.link))
    ? `there are mac-vlans on ${below.name}`
    : undefined;
}

/** net/8021q/vlan_dev.c, vlan_dev_open: ENETDOWN. */
function openProblem(model: KernelModel, item: ModelInterface | undefined): string | undefined {
  const base = item === undefined ? undefined : baseOf(item.link);
  if (item?.link.kind !== 'vlan' || base === undefined) return undefined;
  if (item.link.options?.['loose_binding'] === 'on') return undefined;
  return model.get(base)?.up === false ? `its base ${base} is down` : undefined;
}

/** Why the kernel would refuse the operation now; undefined: it would not. */
export function refusal(model: KernelModel, operation: Operation): string | undefined {
  const named = 'name' in operation ? model.get(operation.name) : undefined;
  if ('name' in operation && named === undefined) return `${operation.name} is not there`;
  switch (operation.op) {
    case 'create-link': {
      const { name, link, mtu } = operation.link;
      if (model.get(name) !== undefined) return `${name} is there already`;
      const base = baseOf(link);
      if (base === undefined) return undefined;
      const below = model.get(base);
      if (below === undefined) return `its base ${base} is not there`;
      if (!isLimited(link)) return undefined;
      if (below.mtu !== undefined && mtu > below.mtu) {
        return `its MTU ${mtu} is above that of ${base}`;
      }
      return link.kind === 'vlan' ? undefined : macVlanProblem(model, link, below);
    }
    case 'attach': {
      const controller = model.get(operation.to);
      if (controller === undefined) return `${operation.to} is not there`;
      if (controller.link.kind !== 'vrf' && model.childrenOf(operation.name).some(hasHandler)) {
        return `${operation.name} has mac-vlans`;
      }
      if (controller.link.kind !== 'bond') return undefined;
      return named?.up === true ? 'a bond takes no port that is up' : openProblem(model, named);
    }
    case 'set-up':
      return openProblem(model, named);
    case 'set-bond-options': {
      const keys = Object.keys(operation.options);
      if (keys.some((key) => ONLY_WITHOUT_PORTS.includes(key)) && named !== undefined) {
        if (model.portsOf(named.name).length > 0) return 'the bond has ports';
      }
      if (keys.some((key) => ONLY_WHEN_DOWN.includes(key)) && named?.up === true) {
        return 'the bond is up';
      }
      return undefined;
    }
    case 'set-port-options': {
      const queue = operation.options['queue_id'];
      if (operation.of !== 'bond' || queue === undefined || queue === '0') return undefined;
      const taken = model
        .portsOf(named?.controller ?? '')
        .some((port) => port !== named && port.portOptions['queue_id'] === queue);
      return taken ? `queue ${queue} is another port's` : undefined;
    }
    case 'set-mtu': {
      const base = named === undefined ? undefined : baseOf(named.link);
      if (named === undefined || base === undefined || !isLimited(named.link)) return undefined;
      const below = model.get(base)?.mtu;
      return below !== undefined && operation.mtu > below
        ? `its MTU would be above that of ${base}`
        : undefined;
    }
    case 'delete-address': {
      const list = operation.family === 'ipv4' ? named?.ipv4 : named?.ipv6;
      return list?.some(({ ip }) => ip === operation.address.ip) === true
        ? undefined
        : `${operation.address.ip} is not there`;
    }
    case 'add-address':
      return operation.family === 'ipv6' && named?.ipv6Enabled === false
        ? 'IPv6 is off'
        : undefined;
    case 'add-route':
      return gatewayProblem(model, operation.route);
    case 'delete-route':
      return model.routes.some((route) => route.destination === operation.route.destination)
        ? undefined
        : 'the route is not there';
    case 'delete-port-vlan':
      return named?.vlans.some(({ vid }) => vid === operation.vid) === true
        ? undefined
        : `VLAN ${operation.vid} is not on the port`;
    default:
      return undefined;
  }
}

/** Whether ports and controllers of a model say the same. */
export function isConsistent(model: KernelModel): boolean {
  return [...model.interfaces.values()].every((item) =>
    portsOf(item.link).every((port) => model.get(port)?.controller === item.name),
  );
}
