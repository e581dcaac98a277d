/**
 * What the hosts of a run have found out about each other in a mesh probe. Each asks those that must answer by
 * now; at the end of its time, what others have found out tells whether it is its own fault that somebody does not.
 *
 * Who must answer: hosts that this run has changed, or found to be as planned, and those that are being changed, all
 * with whole packets; of those whose turn comes later, only what they answered before. Not asked for: hosts that went
 * back. What did not work before and is not made to work by either's plan is not required.
 */
import { isInNetwork } from '../network/ip.js';
import { interfaceAddresses, type NetworkState } from '../network/state.js';
import { culprits, meshText, shortNames, type MeshFault } from '../probes/mesh-faults.js';
import {
  probeName,
  type MeshPeer,
  type ProbeAnswer,
  type ProbeSpec,
} from '../probes/probe-script.js';
import type { RunEventBody } from './events.js';

export type MeshSpec = Extract<ProbeSpec, { kind: 'mesh' }>;

/** What the documents say, of hosts of the run and of others that a mesh is to reach. */
export type MeshMembers = Readonly<{
  /** Host → its addresses without prefix lengths. */
  addresses: Readonly<Record<string, readonly string[]>>;
  /** Pattern → its hosts. */
  groups: Readonly<Record<string, readonly string[]>>;
}>;

type Place = Readonly<{ address: string; mtu: number }>;

/** Host → the largest packet that it answered, in bytes. */
type Row = ReadonlyMap<string, number>;

type Where = Readonly<{ address: string; mtu: number | undefined }>;

/** Network → where the host is in it; states of all hosts of a large run would be too much to keep. */
type Places = ReadonlyMap<string, Place>;

type Seen = {
  readonly before: Places;
  readonly target: Places;
  status: 'under way' | 'good' | 'bad';
};

const SMALL_BYTES = 84;

export class MeshBoard {
  private readonly networks: readonly string[];
  private readonly members: MeshMembers;
  /** Hosts whose turn has come. */
  private readonly seen = new Map<string, Seen>();
  /** Probe and host → what it got before its change, of all that it asked. */
  private readonly before = new Map<string, Row>();
  /** Probe and host → who answered less than asked for when it asked last. */
  private readonly after = new Map<string, Row>();
  /** Probe and host → who has answered all that was asked for since its change. */
  private readonly reached = new Map<string, Map<string, number>>();

  constructor(networks: readonly string[], members: MeshMembers = { addresses: {}, groups: {} }) {
    this.networks = networks;
    this.members = members;
  }

  /** The host was read and planned: it is under way, or nothing is to be done. */
  begins(host: string, before: NetworkState, target: NetworkState): void {
    const placesIn = (state: NetworkState): Places =>
      new Map(
        this.networks.flatMap((network) => {
          const place = placeIn(state, network);
          return place === undefined ? [] : [[network, place]];
        }),
      );
    this.seen.set(host, {
      before: placesIn(before),
      target: placesIn(target),
      status: 'under way',
    });
  }

  notice(event: RunEventBody): void {
    if (event.type !== 'host.finished') return;
    const seen = this.seen.get(event.host);
    if (seen === undefined) return;
    switch (event.outcome) {
      case 'unchanged':
      case 'confirmed':
      case 'confirmed-not-persistent':
        seen.status = 'good';
        return;
      case 'failed':
      case 'skipped':
        // Nothing was touched: it is what it was.
        this.seen.delete(event.host);
        return;
      case 'rolled-back':
      case 'lost':
        seen.status = 'bad';
    }
  }

  /** Before the change of `host`; undefined: there is nobody to ask. */
  askBefore(host: string, probe: MeshSpec): MeshSpec | undefined {
    const own = this.placeBefore(host, probe);
    if (own === undefined) return undefined;
    const peers = this.othersIn(host, probe).map(([peer, place]): MeshPeer => ({
      host: peer,
      address: place.address,
      bytes: Math.min(probe.size ?? own.mtu, own.mtu, place.mtu ?? own.mtu),
    }));
    return peers.length === 0 ? undefined : { ...probe, peers };
  }

  heardBefore(host: string, probe: MeshSpec, answer: ProbeAnswer): void {
    const { peers = [] } = probe;
    this.before.set(
      keyOf(host, probe),
      new Map(
        peers.map(({ host: peer, address, bytes }) => [peer, answer.short?.get(address) ?? bytes]),
      ),
    );
  }

  /**
   * After the change of `host`: who must answer it by now, with packets of which size. Who has answered is not asked
   * again, unless all are to be (`anew`): hosts that wait for one other would keep all of them busy.
   */
  askAfter(host: string, probe: MeshSpec, anew = false): MeshSpec | undefined {
    const required = this.requiredPeers(host, probe);
    if (required.length === 0) return undefined;
    const key = keyOf(host, probe);
    if (anew) this.reached.delete(key);
    const reached = this.reached.get(key);
    return {
      ...probe,
      peers: required.filter((peer) => (reached?.get(peer.host) ?? 0) < peer.bytes),
    };
  }

  private requiredPeers(host: string, probe: MeshSpec): readonly MeshPeer[] {
    const own = this.placeOf(host, probe);
    if (own === undefined || own.mtu === undefined) return [];
    return this.othersIn(host, probe).flatMap(([peer, place]): MeshPeer[] => {
      const bytes = this.required(host, peer, place, probe);
      return bytes === 0 ? [] : [{ host: peer, address: place.address, bytes }];
    });
  }

  /** `isLast`: what others have found out decides. Good for ever where those are to blame who are not good now. */
  judge(host: string, probe: MeshSpec, answer: ProbeAnswer, isLast: boolean): ProbeAnswer {
    const { peers = [] } = probe;
    const { short } = answer;
    if (short === undefined) return answer;
    const key = keyOf(host, probe);
    const reached = this.reached.get(key) ?? new Map<string, number>();
    for (const { host: peer, address, bytes } of peers) {
      if (!short.has(address)) reached.set(peer, bytes);
    }
    this.reached.set(key, reached);
    this.after.set(
      key,
      new Map(
        peers.flatMap(({ host: peer, address }) => {
          const bytes = short.get(address);
          return bytes === undefined ? [] : [[peer, bytes]];
        }),
      ),
    );
    const faults = this.faultsOf(host, probe);
    const required = this.requiredPeers(host, probe);
    const most = Math.max(0, ...required.map(({ bytes }) => bytes));
    const isSame = required.every(({ bytes }) => bytes === most);
    const size = `with ${isSame ? '' : 'up to '}${most} bytes`;
    const all = required.length;
    const result = `${all - faults.length} of ${all} hosts reached ${size}`;
    if (faults.length === 0) return { good: true, text: result };
    const allFaults = this.allFaults(probe);
    const text = meshText(allFaults, this.involved(probe));
    if (!isLast) return { good: false, text };
    const blamed = culprits(
      allFaults.filter(({ from, to }) => this.isTrying(from) && this.isTrying(to)),
    );
    const isForgiven = ({ to }: MeshFault) =>
      this.isTrying(to) &&
      (!this.after.has(keyOf(to, probe)) || (blamed.has(to) && !blamed.has(host)));
    if (!faults.every(isForgiven)) return { good: false, text };
    const silent = faults.filter(({ to }) => !this.after.has(keyOf(to, probe)));
    const names = shortNames(silent.map(({ to }) => to));
    const late = silent.length === 0 ? '' : `; ${names} will look for itself when it is so far`;
    return { good: true, text: `${result}: ${text}${late}` };
  }

  /** Whose turn has not come and who did not answer before: said at once, and not required. */
  notRequired(host: string, probe: MeshSpec): string | undefined {
    if (this.placeOf(host, probe)?.mtu === undefined) return undefined;
    const later = this.othersIn(host, probe).filter(
      ([peer, place]) => !this.seen.has(peer) && this.required(host, peer, place, probe) === 0,
    );
    if (later.length === 0) return undefined;
    const names = shortNames(later.map(([peer]) => peer));
    return `${probeName(probe)}: not required to reach ${names} yet, whose turn has not come and who did not answer before`;
  }

  /** Of all hosts of the run, as they have found it last; undefined: nobody misses anybody. */
  problem(probe: MeshSpec): string | undefined {
    const faults = this.allFaults(probe);
    return faults.length === 0 ? undefined : meshText(faults, this.involved(probe));
  }

  // ---- who, and where --------------------------------------------------------------------------------

  private isMember(host: string, { of }: MeshSpec): boolean {
    return of === undefined || this.members.groups[of]?.includes(host) === true;
  }

  /** Where it is in the network when it is as planned, as far as that is known; the MTU only if it was read. */
  private placeOf(host: string, probe: MeshSpec): Where | undefined {
    if (!this.isMember(host, probe)) return undefined;
    const seen = this.seen.get(host);
    if (seen !== undefined) return seen.target.get(probe.network);
    const address = this.members.addresses[host]?.find((ip) => isInNetwork(ip, probe.network));
    return address === undefined ? undefined : { address, mtu: undefined };
  }

  private placeBefore(host: string, probe: MeshSpec): Place | undefined {
    return this.isMember(host, probe) ? this.seen.get(host)?.before.get(probe.network) : undefined;
  }

  private othersIn(host: string, probe: MeshSpec) {
    const names = new Set([...Object.keys(this.members.addresses), ...this.seen.keys()]);
    names.delete(host);
    return [...names].flatMap((name) => {
      const place = this.placeOf(name, probe);
      return place === undefined ? [] : [[name, place] as const];
    });
  }

  private isTrying(host: string): boolean {
    return this.seen.get(host)?.status === 'under way';
  }

  // ---- what is required ------------------------------------------------------------------------------

  /** Bytes that `peer` must answer to `host`; 0: it need not answer. */
  private required(host: string, peer: string, place: Where, probe: MeshSpec): number {
    const own = this.placeOf(host, probe)?.mtu ?? SMALL_BYTES;
    const known = this.before.get(keyOf(host, probe))?.get(peer);
    const seen = this.seen.get(peer);
    if (seen === undefined) return Math.min(known ?? 0, own);
    if (seen.status === 'bad') return 0;
    const whole = probe.size ?? Math.min(own, place.mtu ?? own);
    const isOpened = this.opens(host, probe) || this.opens(peer, probe);
    return isOpened || known === undefined ? whole : Math.min(known, whole);
  }

  /** Does the host's plan bring it into the network, or make room for larger packets? */
  private opens(host: string, probe: MeshSpec): boolean {
    const [before, after] = [this.placeBefore(host, probe), this.placeOf(host, probe)];
    if (after?.mtu === undefined) return false;
    return before === undefined || before.address !== after.address || before.mtu < after.mtu;
  }

  private faultsOf(host: string, probe: MeshSpec): readonly MeshFault[] {
    const row = this.after.get(keyOf(host, probe)) ?? new Map<string, number>();
    return [...row].flatMap(([peer, bytes]): MeshFault[] => {
      const place = this.placeOf(peer, probe);
      if (place === undefined || bytes >= this.required(host, peer, place, probe)) return [];
      return [{ from: host, to: peer, bytes }];
    });
  }

  private allFaults(probe: MeshSpec): readonly MeshFault[] {
    return [...this.seen]
      .filter(([, { status }]) => status !== 'bad')
      .flatMap(([host]) => this.faultsOf(host, probe));
  }

  /** All that have asked or were asked. */
  private involved(probe: MeshSpec): readonly string[] {
    const asking = [...this.seen.keys()].filter((host) => this.after.has(keyOf(host, probe)));
    const asked = [...this.seen.keys()].filter(
      (host) => this.seen.get(host)?.status !== 'bad' && this.placeOf(host, probe) !== undefined,
    );
    const order = Object.keys(this.members.addresses);
    const all = new Set([...asking, ...asked]);
    return [
      ...order.filter((host) => all.has(host)),
      ...[...all].filter((host) => !order.includes(host)),
    ];
  }
}

const keyOf = (host: string, probe: MeshSpec): string => `${host}\n${probeName(probe)}`;

function placeIn(state: NetworkState, network: string): Place | undefined {
  for (const item of state.interfaces.values()) {
    if (!item.up) continue;
    const own = interfaceAddresses(item).find(({ ip }) => isInNetwork(ip, network));
    if (own !== undefined) return { address: own.ip, mtu: item.mtu };
  }
  return undefined;
}
