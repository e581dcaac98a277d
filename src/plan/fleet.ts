/**
 * What only shows when all hosts are looked at together: an address on two of them, unequal MTUs on one
 * segment, a VLAN on one side only. Pure; before contact with what the plans say, after observation with
 * the whole target states.
 *
 * Hosts are taken to share a segment when they have addresses in one subnet. A subnet that is used twice
 * (behind NAT, say) can therefore raise a warning that is none, which is why only an address on two hosts
 * is an error.
 */
import type { SourceLocation } from '../errors.js';
import {
  interfacesByName,
  locationOf,
  type DesiredInterface,
  type DesiredState,
} from '../network/desired.js';
import { canonicalNetwork, isInSubnet, isLinkLocal } from '../network/ip.js';
import {
  interfaceAddresses,
  type IpAddress,
  type Link,
  type NetworkState,
  type Route,
} from '../network/state.js';
import { uncarriedVlans } from './bridge-path.js';
import type { FleetFinding } from './change.js';

export type FleetHost = Readonly<{
  host: string;
  desired: DesiredState;
  /** What the host will be; undefined before it was observed. */
  target?: NetworkState;
}>;

/** An interface with what matters to its neighbours; undefined: not known before the host is observed. */
type End = Readonly<{
  host: string;
  name: string;
  addresses: readonly IpAddress[];
  mac: string | undefined;
  mtu: number | undefined;
  /** 'untagged' or 'VLAN 100' (the tag that frames leave the host with). */
  tag: string | undefined;
  /** How the NICs below are bundled: 'LACP (bond0)' or 'no LACP (bond0)'; undefined: no bond below. */
  bundle: string | undefined;
  /** The plan names the addresses of this interface. */
  isPlanned: boolean;
  location: SourceLocation | undefined;
}>;

const NAMED_HOSTS = 5;

/** All findings, errors first, each kind in the order of the hosts. */
export function checkFleet(hosts: readonly FleetHost[]): readonly FleetFinding[] {
  const ends = hosts.flatMap((host) => endsOf(host));
  const findings = [
    ...duplicateAddresses(ends),
    ...hosts.flatMap((host) => unreachableGateways(host)),
    ...duplicateMacs(ends),
    ...segmentsOf(ends).flatMap(([subnet, members]) => unequalEnds(subnet, members)),
    ...hosts.flatMap((host) => severalDefaultRoutes(host)),
    ...hosts.flatMap((host) => untakenVlans(host)),
  ];
  return [
    ...findings.filter((finding) => finding.severity === 'error'),
    ...findings.filter((finding) => finding.severity === 'warning'),
  ];
}

function endsOf({ host, desired, target }: FleetHost): End[] {
  const planned = interfacesByName(desired);
  if (target === undefined) {
    return desired.interfaces
      .filter((item) => item.state === 'up' && !isLocalOnly(item.kind))
      .map((item) => ({
        host,
        name: item.name,
        addresses: [...(item.ipv4?.addresses ?? []), ...(item.ipv6?.addresses ?? [])],
        mac: item.mac,
        mtu: item.mtu,
        tag: undefined,
        bundle: undefined,
        isPlanned: true,
        location: addressPlace(item),
      }));
  }
  return [...target.interfaces.values()]
    .filter((item) => item.up && item.controller === undefined && !isLocalOnly(item.link.kind))
    .map((item) => {
      const wanted = planned.get(item.name);
      return {
        host,
        name: item.name,
        addresses: [...item.ipv4.addresses, ...item.ipv6.addresses],
        mac: item.mac,
        mtu: item.mtu,
        tag: tagOf(item.name, target),
        bundle: bundleOf(item.name, target),
        isPlanned: wanted?.ipv4?.addresses !== undefined || wanted?.ipv6?.addresses !== undefined,
        location: wanted === undefined ? undefined : addressPlace(wanted),
      };
    });
}

function addressPlace(item: DesiredInterface): SourceLocation | undefined {
  return locationOf(item, item.ipv4?.addresses === undefined ? 'ipv6.addresses' : 'ipv4.addresses');
}

/** Addresses of these may be on many hosts on purpose (anycast), or reach no neighbour at all. */
const isLocalOnly = (kind: Link['kind'] | undefined): boolean =>
  kind === 'loopback' || kind === 'dummy' || kind === 'veth' || kind === 'other';

/** The tag of the frames that leave the host by this interface; undefined where it cannot be told. */
function tagOf(name: string, state: NetworkState): string | undefined {
  const link = state.interfaces.get(name)?.link;
  if (link === undefined) return undefined;
  if (link.kind === 'ethernet' || link.kind === 'bond') return 'untagged';
  if (link.kind === 'vlan') {
    return tagOf(link.base, state) === 'untagged' ? `VLAN ${link.id}` : undefined;
  }
  if (link.kind !== 'linux-bridge' || link.options['vlan_filtering'] === '1') return undefined;
  const tags = new Set(
    link.ports
      .map((port) => tagOf(port.name, state))
      .filter((tag): tag is string => tag !== undefined),
  );
  return tags.size === 1 ? [...tags][0] : undefined;
}

/** Named with the bond: hosts whose bonds are called differently are cabled differently, as like as not. */
function bundleOf(name: string, state: NetworkState): string | undefined {
  const link = state.interfaces.get(name)?.link;
  if (link?.kind === 'bond') return `${link.mode === '802.3ad' ? 'LACP' : 'no LACP'} (${name})`;
  if (link?.kind === 'vlan') return bundleOf(link.base, state);
  if (link?.kind !== 'linux-bridge') return undefined;
  const bundles = new Set(
    link.ports
      .map((port) => bundleOf(port.name, state))
      .filter((bundle): bundle is string => bundle !== undefined),
  );
  return bundles.size === 1 ? [...bundles][0] : undefined;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return [...groups];
}

function naming(hosts: readonly string[]): string {
  const shown = hosts.slice(0, NAMED_HOSTS).join(', ');
  const more = hosts.length - NAMED_HOSTS;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

const hostsOf = (ends: readonly End[]): string[] => [...new Set(ends.map((end) => end.host))];

/** The hosts that name it in their plans come first: it is there that it can be mended. */
const place = (ends: readonly End[]): SourceLocation | undefined =>
  ends.findLast((end) => end.isPlanned)?.location;

function duplicateAddresses(ends: readonly End[]): FleetFinding[] {
  const holders = ends.flatMap((end) =>
    end.addresses.filter((address) => isOwn(address)).map((address) => ({ ...end, address })),
  );
  return groupBy(holders, (holder) => holder.address.ip).flatMap(([ip, group]) => {
    const hosts = hostsOf(group);
    if (hosts.length < 2) return [];
    const at = group.map((end) => `${end.host} (${end.name})`);
    return [
      {
        kind: 'duplicate-address' as const,
        // What is so already and stays so is not what this plan may refuse.
        severity: group.some((end) => end.isPlanned) ? ('error' as const) : ('warning' as const),
        hosts,
        text: `${ip} is on ${hosts.length} hosts: ${naming(at)}; their neighbours would reach one or the other`,
        location: place(group),
      },
    ];
  });
}

/** Host routes (/32, /128) are how anycast and floating addresses are written. */
const isOwn = ({ ip, prefixLength }: IpAddress): boolean =>
  !isLinkLocal(ip) && prefixLength < (ip.includes(':') ? 128 : 32);

function duplicateMacs(ends: readonly End[]): FleetFinding[] {
  const known = ends.filter((end) => end.mac !== undefined && end.addresses.length > 0);
  return groupBy(known, (end) => end.mac ?? '').flatMap(([mac, group]) => {
    const hosts = hostsOf(group);
    const shared = segmentsOf(group).find(([, members]) => hostsOf(members).length > 1);
    if (hosts.length < 2 || shared === undefined) return [];
    const at = group.map((end) => `${end.host} (${end.name})`);
    return [
      {
        kind: 'duplicate-mac' as const,
        severity: 'warning' as const,
        hosts,
        text: `${naming(at)} have one MAC address, ${mac}, in ${shared[0]}: they cannot reach each other (machines cloned with one machine-id?)`,
        location: place(group),
      },
    ];
  });
}

/** Ends by the subnets of their addresses; an end with two subnets is in two segments. */
function segmentsOf(ends: readonly End[]): [string, End[]][] {
  const members = ends.flatMap((end) => {
    const subnets = end.addresses
      .filter((address) => isOwn(address))
      .map(({ ip, prefixLength }) => canonicalNetwork(`${ip}/${prefixLength}`)?.network ?? '');
    return [...new Set(subnets)].map((subnet) => ({ subnet, end }));
  });
  return groupBy(members, (member) => member.subnet).map(([subnet, group]) => [
    subnet,
    group.map((member) => member.end),
  ]);
}

function unequalEnds(subnet: string, members: readonly End[]): FleetFinding[] {
  return [
    ...unequal('unequal-mtu', subnet, members, (end) =>
      end.mtu === undefined ? undefined : `MTU ${end.mtu}`,
    ),
    ...unequal('unequal-vlan', subnet, members, (end) => end.tag),
    ...groupBy(
      members.filter((end) => end.bundle !== undefined),
      (end) => end.bundle?.replace('no ', '') ?? '',
    ).flatMap(([, ends]) => unequal('unequal-lag', subnet, ends, (end) => end.bundle)),
  ];
}

const CONSEQUENCES = {
  'unequal-mtu': 'large packets between them are lost',
  'unequal-vlan': 'they reach each other only if the switch takes the tag off on one side',
  'unequal-lag':
    'a bond and its switch ports must agree on LACP, and these switch ports do not look alike',
} as const;

function unequal(
  kind: keyof typeof CONSEQUENCES,
  subnet: string,
  members: readonly End[],
  valueOf: (end: End) => string | undefined,
): FleetFinding[] {
  const known = members.filter((end) => valueOf(end) !== undefined);
  const groups = groupBy(known, (end) => valueOf(end) ?? '');
  if (groups.length < 2 || hostsOf(known).length < 2) return [];
  // The many are probably right, and the few are what somebody has to look at.
  groups.sort(([, a], [, b]) => b.length - a.length);
  const parts = groups.map(([value, ends]) => `${value} on ${naming(hostsOf(ends))}`);
  return [
    {
      kind,
      severity: 'warning',
      hosts: hostsOf(known),
      text: `${subnet} has ${parts.join(', and ')}: ${CONSEQUENCES[kind]}`,
      location: place(groups.at(-1)?.[1] ?? []),
    },
  ];
}

const isDefault = (route: Pick<Route, 'destination'>): boolean =>
  route.destination === '0.0.0.0/0' || route.destination === '::/0';

/** Of the routes that the plan names: the next hop must lie in a subnet of the host, and not be the host. */
function unreachableGateways({ host, desired, target }: FleetHost): FleetFinding[] {
  // Before contact the host may have addresses that the plan does not name.
  if (target === undefined) return [];
  const all = [...target.interfaces.values()].flatMap(interfaceAddresses);
  return desired.routes.flatMap((route): FleetFinding[] => {
    const gateway = route.nextHopAddress;
    if (route.absent || gateway === undefined || isLinkLocal(gateway)) return [];
    const named = { kind: 'gateway-unreachable' as const, hosts: [host], location: route.location };
    if (all.some(({ ip }) => ip === gateway)) {
      const text = `${host}: the gateway ${gateway} is an address of the host itself`;
      return [{ ...named, severity: 'error', text }];
    }
    if (all.some((address) => isInSubnet(gateway, address))) return [];
    const text = `${host}: the gateway ${gateway} lies in no subnet of the host`;
    return [{ ...named, severity: 'warning', text }];
  });
}

/** Told only where the plan names one of them: what was so before is not what the user asks about. */
function severalDefaultRoutes({ host, desired, target }: FleetHost): FleetFinding[] {
  const named = desired.routes.find(
    (route) =>
      !route.absent &&
      route.destination !== undefined &&
      isDefault({ destination: route.destination }),
  );
  if (named === undefined || target === undefined) return [];
  const defaults = target.routes.filter(
    (route) =>
      isDefault(route) &&
      route.table === (named.table ?? 254) &&
      route.family === (named.family ?? route.family) &&
      route.destination === named.destination,
  );
  const devices = new Set(defaults.map((route) => route.nextHopInterface));
  if (devices.size < 2) return [];
  const by = defaults.map(
    (route) =>
      `${route.nextHopInterface ?? '?'} via ${route.nextHopAddress ?? 'no gateway'} metric ${route.metric ?? 0}`,
  );
  return [
    {
      kind: 'several-default-routes',
      severity: 'warning',
      hosts: [host],
      text: `${host} has ${defaults.length} default routes (${by.join('; ')}): answers may leave by another way than the questions came`,
      location: named.location,
    },
  ];
}

/** The PVID trap: what leaves by no port of a filtering bridge. */
function untakenVlans({ host, desired, target }: FleetHost): FleetFinding[] {
  if (target === undefined) return [];
  return uncarriedVlans(desired, target).map(({ interface: name, bridge, vid, ports }) => ({
    kind: 'vlan-on-no-port' as const,
    severity: 'warning' as const,
    hosts: [host],
    text: `${host}: ${name} is in VLAN ${vid}, which no port of ${bridge} carries (${ports.join('; ')}): nobody reaches it`,
    location: locationAt(desired, bridge) ?? locationAt(desired, name),
  }));
}

function locationAt(desired: DesiredState, name: string): SourceLocation | undefined {
  const item = desired.interfaces.find((other) => other.name === name);
  return item === undefined ? undefined : locationOf(item, '');
}
