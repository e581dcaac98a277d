/**
 * Which VLANs of a plan can be tried before anything is moved: on the NIC that is there, by an interface that is
 * thrown away, with ARP probes that leave no trace in anybody's table (RFC 5227). Pure.
 */
import { isInSubnet } from '../network/ip.js';
import { baseOf, portsOf, type NetworkState, type VlanLink } from '../network/state.js';
import { ownAddresses } from './probe-baseline.js';
import type { ProbeAnswer, ProbeSpec } from './probe-script.js';

export type TrialSpec = Extract<ProbeSpec, { kind: 'trial' }>;

/** More addresses are not asked for: each costs a small host some processes. */
const MOST_ADDRESSES = 4;

/** `reached`: addresses that should be reached, the controller's and those of the play's probes. */
export function vlanTrials(
  observed: NetworkState,
  target: NetworkState,
  reached: readonly string[],
): readonly TrialSpec[] {
  const own = ownAddresses(observed);
  return [...target.interfaces.values()].flatMap(({ name, link, up }): TrialSpec[] => {
    if (link.kind !== 'vlan' || !up) return [];
    const now = observed.interfaces.get(name)?.link;
    if (now?.kind === 'vlan' && now.id === link.id && now.base === link.base) return [];
    const device = deviceFor(observed, target, link);
    if (device === undefined) return [];
    const holders = holdersOf(target, name);
    const subnets = holders.flatMap(
      (holder) => target.interfaces.get(holder)?.ipv4.addresses ?? [],
    );
    const gateways = target.routes.flatMap((route) =>
      holders.includes(route.nextHopInterface ?? '') ? (route.nextHopAddress ?? []) : [],
    );
    const fresh = subnets.filter(({ ip, prefixLength }) => prefixLength < 32 && !own.has(ip));
    const asked = [...new Set([...gateways, ...reached])].filter(
      (ip) =>
        !ip.includes(':') &&
        subnets.some((subnet) => isInSubnet(ip, subnet)) &&
        !subnets.some((subnet) => subnet.ip === ip),
    );
    return asked.length === 0
      ? []
      : [
          {
            kind: 'trial',
            device,
            id: link.id,
            protocol: link.protocol,
            asked: asked.slice(0, MOST_ADDRESSES),
            own: fresh.map(({ ip }) => ip).slice(0, MOST_ADDRESSES),
          },
        ];
  });
}

/**
 * Where frames of the VLAN would leave by today. Never a port of a bond or bridge: its frames would be taken away
 * from whom they belong to now.
 */
function deviceFor(
  observed: NetworkState,
  target: NetworkState,
  { base, id }: VlanLink,
): string | undefined {
  const isFree = (name: string) => {
    const item = observed.interfaces.get(name);
    return (
      item?.up === true &&
      item.facts?.carrier === true &&
      item.controller === undefined &&
      ['ethernet', 'veth', 'bond', 'linux-bridge'].includes(item.link.kind) &&
      // The kernel has one interface a VLAN.
      ![...observed.interfaces.values()].some(
        ({ link }) => link.kind === 'vlan' && link.base === name && link.id === id,
      )
    );
  };
  if (observed.interfaces.has(base)) return isFree(base) ? base : undefined;
  const link = target.interfaces.get(base)?.link;
  return link === undefined ? undefined : portsOf(link).find(isFree);
}

/** The VLAN, and the bridges above it, that may hold its addresses. */
function holdersOf(target: NetworkState, vlan: string): readonly string[] {
  const found = [vlan];
  for (const name of found) {
    const controller = target.interfaces.get(name)?.controller;
    if (controller !== undefined && !found.includes(controller)) found.push(controller);
    for (const { name: upper, link } of target.interfaces.values()) {
      const isPlain = link.kind !== 'vlan' && baseOf(link) === name;
      if (isPlain && !found.includes(upper)) found.push(upper);
    }
  }
  return found;
}

export type TrialResult = Readonly<{
  /** What is to be told: nobody answered, though somebody should have. */
  silent: string | undefined;
  /** An address that the host gets, and who has it already. */
  taken: Readonly<{ address: string; mac: string }> | undefined;
}>;

const NOTHING: TrialResult = { silent: undefined, taken: undefined };

export function trialResult(trial: TrialSpec, answer: ProbeAnswer): TrialResult {
  const { macs } = answer;
  if (macs === undefined || !answer.good) return NOTHING;
  const answered = new Set(trial.asked.flatMap((address) => macs.get(address) ?? []));
  const taken = trial.own.flatMap((address) => {
    const mac = macs.get(address);
    // Who answers for another address too answers for all (proxy ARP, RFC 1027).
    return mac === undefined || answered.has(mac) ? [] : [{ address, mac }];
  })[0];
  if (answered.size > 0 || taken !== undefined) return { silent: undefined, taken };
  const { device, id, asked } = trial;
  return {
    silent: `nobody answers ARP in VLAN ${id} on ${device} (asked for ${asked.join(', ')}): the switch port of ${device} does not carry this VLAN, or ${asked.length === 1 ? 'that address is' : 'those addresses are'} not in it`,
    taken,
  };
}
