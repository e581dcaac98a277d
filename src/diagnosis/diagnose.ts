/**
 * From evidence to the one sentence that names the cause. A wrong cause is worse than none: each rule asks
 * for what only this cause explains, and where none fits the cause is unknown. Pure.
 */
import { isInSubnet } from '../network/ip.js';
import { baseOf, portsOf, type InterfaceState, type NetworkState } from '../network/state.js';
import { isPartner, type Evidence } from './evidence.js';

export type CauseKind =
  | 'no-carrier'
  | 'no-lag'
  | 'spanning-tree'
  | 'vlan-table'
  | 'duplicate-address'
  | 'reverse-path'
  | 'firewall'
  | 'not-listening'
  | 'no-route'
  | 'nobody-answers'
  | 'one-does-not-answer'
  | 'stale-neighbour'
  | 'beyond-gateway'
  | 'path-mtu'
  | 'dhcp';

export type Diagnosis = Readonly<{
  kind: CauseKind | undefined;
  /** One sentence in network words; undefined: unknown. */
  cause: string | undefined;
  /** What it rests on. */
  evidence: readonly string[];
}>;

export type DiagnosisContext = Readonly<{
  before: NetworkState;
  target: NetworkState;
  /** The address at which SSH should answer, and the port. */
  own: Readonly<{ address: string; port: number }> | undefined;
  /** The host could not be reached from outside; false: something else was not good. */
  isCutOff: boolean;
  /** What should be reached, the most important first: IP addresses, with the packet size if that matters. */
  wanted: readonly Readonly<{ address: string; size?: number }>[];
  /** Interfaces that got no address from a DHCP server. */
  unleased: readonly string[];
}>;

type Found = Readonly<{ kind: CauseKind; cause: string }>;

const SHOWN_LINES = 14;

export function diagnose(evidence: Evidence, context: DiagnosisContext): Diagnosis {
  const found = firstCause(evidence, context);
  return { kind: found?.kind, cause: found?.cause, evidence: shownLines(evidence, context) };
}

function firstCause(evidence: Evidence, context: DiagnosisContext): Found | undefined {
  const { wanted, unleased } = context;
  const reverse = context.isCutOff ? reversePath(evidence, context) : undefined;
  if (reverse !== undefined) return reverse;
  for (const device of unleased) {
    const below = fromBelow(evidence, context, device);
    if (below !== undefined) return below;
  }
  for (const { address, size } of wanted) {
    const found = causeFor(evidence, context, address, size);
    if (found !== undefined) return found;
  }
  const [device] = unleased;
  if (device !== undefined) {
    return { kind: 'dhcp', cause: `no DHCP server answers on ${device}` };
  }
  return context.isCutOff ? whyNoSsh(evidence, context) : undefined;
}

/** Why `address` is not reached: from the cable up. */
function causeFor(
  evidence: Evidence,
  context: DiagnosisContext,
  address: string,
  size: number | undefined,
): Found | undefined {
  const way = evidence.ways.get(address);
  const pings = evidence.pings.get(address);
  const isAnswered = (pings?.ok.length ?? 0) > 0;
  if (way === undefined) return undefined;
  if (way.device === undefined) {
    // The cable that the way would take explains more than that there is none.
    const device = plannedDevice(context.target, address);
    const below = device === undefined ? undefined : fromBelow(evidence, context, device);
    if (below !== undefined) return below;
    return /unreachable/i.test(way.text)
      ? { kind: 'no-route', cause: `there is no route to ${address}` }
      : undefined;
  }
  const { device, nextHop } = way;
  if (!isAnswered) {
    const below = fromBelow(evidence, context, device);
    if (below !== undefined) return below;
  }
  const duplicate = duplicateOn(evidence, device);
  if (duplicate !== undefined) return duplicate;
  const macs = evidence.arp.get(nextHop);
  // Cut off half-way: who else would have answered is not known.
  if (!evidence.isAsked) return undefined;
  if (!isAnswered && macs?.length === 0) {
    // Something below is dead that no rule knows: that nobody answers follows from it.
    return evidence.links.get(device)?.carrier === false
      ? undefined
      : unanswered(evidence, context, device, nextHop);
  }
  // Who else has the address is asked beside, and would explain it as well.
  if (!evidence.isComplete) return undefined;
  if (!isAnswered && pings !== undefined && macs !== undefined) {
    return answeredByArpOnly(evidence, context, device, address, nextHop);
  }
  return isAnswered ? tooSmall(evidence, address, device, size) : undefined;
}

/** The interface by which the target state would reach an address directly, else its default route's. */
function plannedDevice(target: NetworkState, address: string): string | undefined {
  const near = [...target.interfaces.values()].find((item) =>
    [...item.ipv4.addresses, ...item.ipv6.addresses].some((own) => isInSubnet(address, own)),
  );
  if (near !== undefined) return near.name;
  return target.routes.find((route) => route.destination.endsWith('/0') && route.table === 254)
    ?.nextHopInterface;
}

// ---- the layers below an interface -----------------------------------------------------------------------

/** What is wrong below `device`, the lowest first. */
function fromBelow(
  evidence: Evidence,
  { target }: DiagnosisContext,
  device: string,
): Found | undefined {
  const stack = stackBelow(target, device);
  for (const item of stack) {
    const found =
      bondCause(evidence, item) ??
      carrierCause(evidence, target, item) ??
      bridgeCause(evidence, item, target, device);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The lowest first, the device itself last. */
function stackBelow(state: NetworkState, device: string): readonly InterfaceState[] {
  const found: InterfaceState[] = [];
  const visit = (name: string) => {
    const item = state.interfaces.get(name);
    if (item === undefined || found.includes(item)) return;
    const base = baseOf(item.link);
    if (base !== undefined) visit(base);
    for (const port of portsOf(item.link)) visit(port);
    found.push(item);
  };
  visit(device);
  return found;
}

/** In a container a NIC is a veth whose peer is elsewhere. */
function hasCable(target: NetworkState, { link }: InterfaceState): boolean {
  if (link.kind === 'veth') return !target.interfaces.has(link.peer ?? '');
  return link.kind === 'ethernet';
}

function carrierCause(
  evidence: Evidence,
  target: NetworkState,
  item: InterfaceState,
): Found | undefined {
  const link = evidence.links.get(item.name);
  if (link === undefined || !item.up) return undefined;
  if (link.missing || !link.up) return undefined;
  if (link.carrier || !hasCable(target, item)) return undefined;
  // One leg of several: the others may do.
  const controller = target.interfaces.get(item.controller ?? '');
  if (controller !== undefined) {
    const others = portsOf(controller.link).filter((port) => port !== item.name);
    if (others.some((port) => evidence.links.get(port)?.carrier === true)) return undefined;
  }
  return {
    kind: 'no-carrier',
    cause: `${item.name} has no carrier: the cable is out, or the switch port is off`,
  };
}

function bondCause(evidence: Evidence, item: InterfaceState): Found | undefined {
  const bond = evidence.bonds.get(item.name);
  if (bond?.isLacp !== true || item.link.kind !== 'bond') return undefined;
  const up = bond.ports.filter((port) => port.isUp);
  if (up.length === 0) return undefined;
  const names = (ports: readonly { name: string }[]) => ports.map(({ name }) => name).join(', ');
  const silent = up.filter((port) => !isPartner(port.partner));
  if (silent.length === up.length && !isPartner(bond.partner)) {
    const ports = up.length === 1 ? 'switch port is' : 'switch ports are';
    return {
      kind: 'no-lag',
      cause: `${item.name}: carrier up, LACP partner 00:00:00:00:00:00: the ${ports} in no LAG (${names(up)})`,
    };
  }
  if (silent.length > 0) {
    return {
      kind: 'no-lag',
      cause: `${item.name}: nobody speaks LACP on ${names(silent)}, as somebody does on the other ports: ${silent.length === 1 ? 'its switch port is' : 'their switch ports are'} in no LAG`,
    };
  }
  const partners = new Set(up.map((port) => port.partner));
  if (partners.size > 1) {
    return {
      kind: 'no-lag',
      cause: `${item.name}: its ports have different LACP partners (${[...partners].join(', ')}): they lead to two switches that are not one LAG`,
    };
  }
  return undefined;
}

function bridgeCause(
  evidence: Evidence,
  item: InterfaceState,
  target: NetworkState,
  device: string,
): Found | undefined {
  const bridge = evidence.bridges.get(item.name);
  if (bridge === undefined || item.link.kind !== 'linux-bridge') return undefined;
  const ports = item.link.ports.map((port) => port.name);
  const states = ports.map((port) => evidence.portStates.get(port));
  if (bridge.hasSpanningTree && states.length > 0 && !states.includes(3)) {
    const learning = ports.filter((_, index) => [1, 2].includes(states[index] ?? 0));
    if (learning.length > 0) {
      return {
        kind: 'spanning-tree',
        cause: `spanning tree on ${item.name} does not let ${learning.join(', ')} forward yet: it listens and learns for twice the forward delay`,
      };
    }
    const blocked = ports.filter((_, index) => states[index] === 4);
    if (blocked.length === ports.length) {
      return {
        kind: 'spanning-tree',
        cause: `spanning tree on ${item.name} blocks ${blocked.join(', ')}`,
      };
    }
  }
  return bridge.isFiltering ? vlanTableCause(evidence, item, target, device) : undefined;
}

/** The PVID trap, by the tables that the kernel has. */
function vlanTableCause(
  evidence: Evidence,
  bridge: InterfaceState,
  target: NetworkState,
  device: string,
): Found | undefined {
  const tables = vlanTables(evidence.lines);
  const own = tables.get(bridge.name);
  if (own === undefined || bridge.link.kind !== 'linux-bridge') return undefined;
  const above = target.interfaces.get(device)?.link;
  const vid =
    above?.kind === 'vlan' && above.base === bridge.name
      ? above.id
      : own.find((entry) => entry.isPvid)?.vid;
  if (vid === undefined) return undefined;
  const carriers = bridge.link.ports.filter((port) =>
    tables.get(port.name)?.some((entry) => entry.vid === vid),
  );
  if (carriers.length > 0 && own.some((entry) => entry.vid === vid)) return undefined;
  const ports = bridge.link.ports.map(({ name }) => name).join(', ');
  return {
    kind: 'vlan-table',
    cause:
      carriers.length === 0
        ? `${bridge.name} filters VLANs, and none of its ports (${ports}) carries VLAN ${vid}, in which ${device} is`
        : `${bridge.name} filters VLANs, and is itself not in VLAN ${vid}, in which ${device} is`,
  };
}

type VlanEntry = Readonly<{ vid: number; isPvid: boolean }>;

/** Of `bridge vlan show`: a line with a name begins a device, lines without one go on with it. */
function vlanTables(lines: readonly string[]): ReadonlyMap<string, readonly VlanEntry[]> {
  const tables = new Map<string, VlanEntry[]>();
  let current = '';
  for (const line of lines) {
    const match = /^vlan (\S*)\s+(\d+)(?:-(\d+))?(.*)$/.exec(line);
    if (match === null) continue;
    const [, name = '', from = '', to = from, flags = ''] = match;
    if (name !== '') current = name;
    const entries = tables.get(current) ?? [];
    for (let vid = Number(from); vid <= Number(to); vid++) {
      entries.push({ vid, isPvid: flags.includes('PVID') });
    }
    tables.set(current, entries);
  }
  return tables;
}

// ---- neighbours ----------------------------------------------------------------------------------------

function duplicateOn(evidence: Evidence, device: string): Found | undefined {
  // Who answers for other addresses too may be a router that does so for all (RFC 1027).
  const isProxy = (mac: string, address: string) =>
    [...evidence.arp].some(([hop, macs]) => hop !== address && macs.includes(mac));
  const other = evidence.duplicates4.find(
    (item) =>
      item.device === device && !evidence.own.has(item.mac) && !isProxy(item.mac, item.address),
  );
  if (other !== undefined) {
    return {
      kind: 'duplicate-address',
      cause: `another host has the address ${other.address} as well: ${other.mac} answers for it on ${device}`,
    };
  }
  const failed = evidence.duplicates6.find((item) => item.device === device);
  return failed === undefined
    ? undefined
    : {
        kind: 'duplicate-address',
        cause: `another host has the address ${failed.address} as well: duplicate address detection failed on ${device}`,
      };
}

function unanswered(
  evidence: Evidence,
  { target }: DiagnosisContext,
  device: string,
  nextHop: string,
): Found {
  const isHeard =
    [...evidence.arp].some(
      ([address, macs]) => macs.length > 0 && deviceOf(evidence, address) === device,
    ) || evidence.neighbours.some((item) => item.device === device && item.isReachable);
  if (isHeard) {
    return {
      kind: 'one-does-not-answer',
      cause: `${nextHop} does not answer ${protocolOf(nextHop)} on ${device}, where others do: it is the wrong address, or that machine is off`,
    };
  }
  const vlan = vlanBelow(target, device);
  return {
    kind: 'nobody-answers',
    cause:
      vlan === undefined
        ? `nobody answers ${protocolOf(nextHop)} on ${device} (asked for ${nextHop}): its switch port is in another VLAN, or ${nextHop} is not on this segment`
        : `nobody answers ${protocolOf(nextHop)} in VLAN ${vlan.id} of ${vlan.base} (asked for ${nextHop}): the switch port does not carry this VLAN, or ${nextHop} is not in it`,
  };
}

const protocolOf = (address: string): string =>
  address.includes(':') ? 'neighbour discovery' : 'ARP';

const deviceOf = (evidence: Evidence, nextHop: string): string | undefined =>
  [...evidence.ways.values()].find((way) => way.nextHop === nextHop)?.device;

function vlanBelow(
  state: NetworkState,
  device: string,
): Readonly<{ id: number; base: string }> | undefined {
  const link = stackBelow(state, device).find((item) => item.link.kind === 'vlan')?.link;
  return link?.kind === 'vlan' ? link : undefined;
}

/** ARP is answered, a ping is not. */
function answeredByArpOnly(
  evidence: Evidence,
  { before, target }: DiagnosisContext,
  device: string,
  address: string,
  nextHop: string,
): Found | undefined {
  const others = [...evidence.pings].filter(
    ([other]) => evidence.ways.get(other)?.device === device,
  );
  if (others.some(([, { ok }]) => ok.length > 0)) {
    // The segment works in both directions.
    return address === nextHop
      ? undefined
      : {
          kind: 'beyond-gateway',
          cause: `the gateway ${nextHop} answers, and what is beyond it does not: ${address} is not reached from there, or has no way back`,
        };
  }
  const mine = target.interfaces.get(device)?.ipv4.addresses ?? [];
  const now = evidence.links.get(device)?.mac;
  for (const own of mine) {
    const holder = [...before.interfaces.values()].find((item) =>
      item.ipv4.addresses.some(({ ip }) => ip === own.ip),
    );
    if (holder?.mac !== undefined && now !== undefined && holder.mac !== now) {
      return {
        kind: 'stale-neighbour',
        cause: `${nextHop} answers ARP, and its packets do not come back: it has kept the former MAC address of ${own.ip} (${holder.mac}, now ${now})`,
      };
    }
  }
  return undefined;
}

function tooSmall(
  evidence: Evidence,
  address: string,
  device: string,
  size: number | undefined,
): Found | undefined {
  const { ok = [], lost = [] } = evidence.pings.get(address) ?? {};
  if (!evidence.knowsSizes || lost.length === 0 || ok.length === 0) return undefined;
  const largest = Math.max(...ok);
  const smallest = Math.min(...lost);
  // Only a clean cut is one of size: anything else is loss.
  if (smallest < largest) return undefined;
  if (size !== undefined && largest >= size) return undefined;
  return {
    kind: 'path-mtu',
    cause: `packets of ${smallest} bytes do not get to ${address}, those of ${largest} do: something on the way has a smaller MTU than ${device} (${evidence.links.get(device)?.mtu ?? smallest})`,
  };
}

// ---- SSH -----------------------------------------------------------------------------------------------

/** Strict, refused by the kernel itself, and the answer would take another way: all three, or it is something else. */
function reversePath(evidence: Evidence, { wanted }: DiagnosisContext): Found | undefined {
  const { incoming } = evidence;
  if (incoming === undefined || !/^RTNETLINK answers/.test(incoming.text)) return undefined;
  if (evidence.links.get(incoming.device)?.isStrict !== true) return undefined;
  const answers = evidence.ways.get(wanted[0]?.address ?? '')?.device;
  if (answers === undefined || answers === incoming.device) return undefined;
  return {
    kind: 'reverse-path',
    cause: `${incoming.device} drops what comes from the controller: rp_filter is strict there, and its answers would leave by ${answers}`,
  };
}

/** The network is as it should be, and yet nobody gets in. */
function whyNoSsh(evidence: Evidence, context: DiagnosisContext): Found | undefined {
  const { own, before } = context;
  if (own === undefined) return undefined;
  const { incoming } = evidence;
  const holder = [...before.interfaces.values()].find((item) =>
    item.ipv4.addresses.some(({ ip }) => ip === own.address),
  );
  const now = incoming?.device;
  if (holder !== undefined && now !== undefined && holder.name !== now) {
    const isNamed = (name: string) =>
      evidence.firewall.some((line) => /iif/.test(line) && line.includes(`"${name}"`));
    const drops = evidence.firewall.some((line) => /hook input .*policy drop/.test(line));
    if (drops && isNamed(holder.name) && !isNamed(now)) {
      return {
        kind: 'firewall',
        cause: `the firewall lets packets in by ${holder.name}, and ${own.address} is on ${now} now, which no rule names`,
      };
    }
  }
  const sockets = evidence.listening.filter((socket) => socket.port === own.port);
  if (sockets.length === 0 || own.address.includes(':')) return undefined;
  const wanted = hexOf(own.address);
  const takes = (address: string) => /^0+$/.test(address) || address.endsWith(wanted);
  if (sockets.some((socket) => takes(socket.address))) return undefined;
  return {
    kind: 'not-listening',
    cause: `sshd does not listen on ${own.address}: it is bound to other addresses`,
  };
}

/** As in /proc/net/tcp: the bytes from the last to the first (on the machines that netorch knows). */
function hexOf(address: string): string {
  return address
    .split('.')
    .map((part) => Number(part).toString(16).padStart(2, '0').toUpperCase())
    .toReversed()
    .join('');
}

// ---- for people ----------------------------------------------------------------------------------------

/** What concerns the interfaces and addresses in question, in an order that can be read. */
function shownLines(evidence: Evidence, { target, wanted, unleased }: DiagnosisContext): string[] {
  const devices = new Set([
    ...unleased,
    ...wanted.flatMap(({ address }) => {
      const device = evidence.ways.get(address)?.device ?? plannedDevice(target, address);
      return device === undefined ? [] : [device];
    }),
  ]);
  const stack = new Set(
    [...devices].flatMap((name) => stackBelow(target, name).map((item) => item.name)),
  );
  const shown: string[] = [];
  for (const name of stack) {
    const link = evidence.links.get(name);
    if (link === undefined) continue;
    shown.push(
      link.missing
        ? `${name}: is not there`
        : `${name}: ${link.up ? 'up' : 'down'}, ${link.carrier ? 'carrier' : 'no carrier'}, MTU ${link.mtu}, ${link.mac}`,
    );
    const bond = evidence.bonds.get(name);
    if (bond?.isLacp === true) {
      const ports = bond.ports.map(
        (port) =>
          `${port.name} aggregator ${port.aggregator ?? '?'} partner ${port.partner ?? 'unknown'}`,
      );
      shown.push(`${name}: LACP partner ${bond.partner ?? 'none'}; ${ports.join('; ')}`);
    }
    const state = evidence.portStates.get(name);
    if (state !== undefined && state !== 3) {
      shown.push(`${name}: spanning tree state ${PORT_STATES[state] ?? state}`);
    }
  }
  for (const { device, address, mac } of evidence.duplicates4) {
    if (!evidence.own.has(mac))
      shown.push(`${device}: ${mac} answers for ${address}, which is ours`);
  }
  for (const { address } of wanted) {
    const way = evidence.ways.get(address);
    if (way === undefined) continue;
    const macs = evidence.arp.get(way.nextHop);
    const arp =
      macs === undefined
        ? ''
        : `; ${protocolOf(way.nextHop)} for ${way.nextHop}: ${macs.length === 0 ? 'no answer' : macs.join(', ')}`;
    const pings = evidence.pings.get(address);
    const sizes =
      pings === undefined
        ? ''
        : `; ping: ${pings.ok.length === 0 ? 'no answer' : `answered up to ${Math.max(...pings.ok)} bytes`}${pings.ok.length > 0 && pings.lost.length > 0 ? `, lost from ${Math.min(...pings.lost)}` : ''}`;
    shown.push(`to ${address}: ${way.device ?? way.text}${arp}${sizes}`);
  }
  if (evidence.incoming !== undefined && /answers/.test(evidence.incoming.text)) {
    shown.push(`from the controller by ${evidence.incoming.device}: ${evidence.incoming.text}`);
  }
  shown.push(...evidence.dropped.slice(0, 3).map((rule) => `nftables drops meanwhile: ${rule}`));
  return shown.slice(0, SHOWN_LINES);
}

const PORT_STATES: Readonly<Record<number, string>> = {
  0: 'disabled',
  1: 'listening',
  2: 'learning',
  4: 'blocking',
};
