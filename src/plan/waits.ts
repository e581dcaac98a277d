/**
 * What a network needs time for after a change, though nothing is wrong with it: negotiation and address
 * checks. The confirm window is made of these. Pure.
 */
import type { InterfaceState, NetworkState } from '../network/state.js';
import { baseOf, portsOf } from '../network/state.js';
import type { Change, Operation, Wait } from './change.js';

/** Slow: a partner says something every 30 s (IEEE 802.1AX, Slow_Periodic_Time). Fast: every second, three tries. */
const LACP_SECONDS = { slow: 30, fast: 5 };
/** A client asks for up to 10 s when the first answer is lost, and tries the address out (RFC 5227: 4 to 7 s). */
const DHCP_SECONDS = 15;
/** Three solicitations, four seconds apart (RFC 4861, RTR_SOLICITATION_INTERVAL). */
const ROUTER_SECONDS = 12;
/** A random second and one probe (RFC 4862, 5.4.2; net.ipv6.conf.*.dad_transmits is 1). */
const ADDRESS_CHECK_SECONDS = 2;

const WORDS: Readonly<Record<Wait['kind'], string>> = {
  lacp: 'LACP on',
  'spanning-tree': 'spanning tree on',
  dhcp: 'DHCP on',
  'router-advertisement': 'a router advertisement on',
  'address-check': 'the check for duplicate IPv6 addresses on',
};

/** In words without the time: "LACP on bond0". */
export function waitName({ kind, interface: name }: Wait): string {
  return `${WORDS[kind]} ${name}`;
}

export function waitSeconds(waits: readonly Wait[] = []): number {
  return waits.reduce((sum, wait) => sum + wait.seconds, 0);
}

/**
 * What must be waited for one after the other: on the way from a NIC up to an address, the lower ones
 * first. Of several ways, which are waited for at the same time, the longest.
 */
export function planWaits(changes: readonly Change[], target: NetworkState): readonly Wait[] {
  if (changes.length === 0) return [];
  const renewed = renewedInterfaces(changes, target);
  const checked = newIpv6Addresses(changes);
  const known = new Map<string, readonly Wait[]>();
  const own = new Map<string, readonly Wait[]>();
  for (const [name, item] of target.interfaces) {
    const waits = ownWaits(item, renewed.has(name), checked.has(name));
    if (waits.length > 0) own.set(name, waits);
  }
  if (own.size === 0) return [];
  const chainOf = (name: string): readonly Wait[] => {
    const done = known.get(name);
    if (done !== undefined) return done;
    // Interfaces stand on each other without circles; a broken state must not hang this.
    known.set(name, []);
    const item = target.interfaces.get(name);
    if (item === undefined) return [];
    const base = baseOf(item.link);
    const below = base === undefined ? portsOf(item.link) : [...portsOf(item.link), base];
    const lower = longest(below.map(chainOf));
    const waits = own.get(name);
    const chain = waits === undefined ? lower : [...lower, ...waits];
    known.set(name, chain);
    return chain;
  };
  return longest([...target.interfaces.keys()].map(chainOf));
}

function longest(chains: readonly (readonly Wait[])[]): readonly Wait[] {
  let best: readonly Wait[] = [];
  for (const chain of chains) if (waitSeconds(chain) > waitSeconds(best)) best = chain;
  return best;
}

function ownWaits(item: InterfaceState, isRenewed: boolean, isChecked: boolean): Wait[] {
  if (!item.up) return [];
  const waits: Wait[] = [];
  const add = (kind: Wait['kind'], seconds: number) => {
    waits.push({ kind, interface: item.name, seconds });
  };
  const { link } = item;
  if (isRenewed && link.kind === 'bond' && link.mode === '802.3ad') {
    add('lacp', link.options['lacp_rate'] === 'fast' ? LACP_SECONDS.fast : LACP_SECONDS.slow);
  }
  if (isRenewed && link.kind === 'linux-bridge' && link.options['stp_state'] === '1') {
    // IEEE 802.1D: listening and learning take a forward delay each (in 1/100 s here).
    const forwardDelay = Number(link.options['forward_delay'] ?? '1500');
    add('spanning-tree', Math.ceil((2 * forwardDelay) / 100) + 2);
  }
  if (item.ipv4.isAwaited === true) add('dhcp', DHCP_SECONDS);
  if (item.ipv6.isAwaited === true) add('router-advertisement', ROUTER_SECONDS);
  else if (isChecked || (isRenewed && item.ipv6.enabled && item.ipv6.addresses.length > 0)) {
    add('address-check', ADDRESS_CHECK_SECONDS);
  }
  return waits;
}

/** Interfaces that begin anew: they, or a port of theirs, are made, attached, or taken down and up. */
function renewedInterfaces(changes: readonly Change[], target: NetworkState): ReadonlySet<string> {
  const renewed = new Set<string>();
  for (const { operations } of changes) {
    for (const operation of operations) {
      for (const name of renewedBy(operation)) {
        renewed.add(name);
        const controller = target.interfaces.get(name)?.controller;
        if (controller !== undefined) renewed.add(controller);
      }
    }
  }
  return renewed;
}

/** Options of bonds and bridges that begin a negotiation anew without the link going down. */
const NEGOTIATED = ['mode', 'lacp_rate', 'ad_select', 'stp_state', 'forward_delay', 'priority'];

function renewedBy(operation: Operation): readonly string[] {
  switch (operation.op) {
    case 'create-link':
      return [operation.link.name];
    case 'set-up':
      return [operation.name];
    case 'attach':
      return [operation.name, operation.to];
    case 'set-bond-options':
    case 'set-bridge-options':
      return NEGOTIATED.some((key) => operation.options[key] !== undefined) ? [operation.name] : [];
    default:
      return [];
  }
}

function newIpv6Addresses(changes: readonly Change[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { operations } of changes) {
    for (const operation of operations) {
      if (operation.op === 'add-address' && operation.family === 'ipv6') names.add(operation.name);
    }
  }
  return names;
}
