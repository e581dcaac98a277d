/** What diagnose.sh has said, as values. Lines that make no sense are left out: evidence may be cut off. Pure. */

export type LinkEvidence = Readonly<{
  missing: boolean;
  up: boolean;
  carrier: boolean;
  mtu: number;
  mac: string;
  /** Takes only what it would answer by itself (RFC 3704): rp_filter is 1. */
  isStrict: boolean;
}>;

/** Of one port in /proc/net/bonding. */
export type BondPortEvidence = Readonly<{
  name: string;
  /** MII status is up. */
  isUp: boolean;
  aggregator: string | undefined;
  /** The partner's system as this port has heard it; zeros: nobody has said anything. */
  partner: string | undefined;
}>;

export type BondEvidence = Readonly<{
  isLacp: boolean;
  /** Of the active aggregator. */
  partner: string | undefined;
  ports: readonly BondPortEvidence[];
}>;

export type Evidence = Readonly<{
  /** All was gathered before the time was over. */
  isComplete: boolean;
  /** Of the addresses, all were asked. */
  isAsked: boolean;
  links: ReadonlyMap<string, LinkEvidence>;
  bonds: ReadonlyMap<string, BondEvidence>;
  bridges: ReadonlyMap<string, Readonly<{ isFiltering: boolean; hasSpanningTree: boolean }>>;
  /** Bridge port → IFLA_BRPORT_STATE: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking. */
  portStates: ReadonlyMap<string, number>;
  /** MAC addresses of the host itself. */
  own: ReadonlySet<string>;
  /** IPv6 addresses that duplicate address detection found on another host. */
  duplicates6: readonly Readonly<{ device: string; address: string }>[];
  duplicates4: readonly Readonly<{ device: string; address: string; mac: string }>[];
  /** Who was heard on a device: address and MAC. */
  neighbours: readonly Readonly<{
    device: string;
    address: string;
    mac: string;
    isReachable: boolean;
  }>[];
  /** Address → `ip route get`'s words, and the device and next hop in them. */
  ways: ReadonlyMap<
    string,
    Readonly<{ text: string; device: string | undefined; nextHop: string }>
  >;
  /** Next hop → the MACs that answered ARP; an entry without MACs: nobody did. */
  arp: ReadonlyMap<string, readonly string[]>;
  /** Address → packet sizes that got an answer, and those that got none. */
  pings: ReadonlyMap<string, Readonly<{ ok: readonly number[]; lost: readonly number[] }>>;
  /** Sizes mean something: this host's ping forbids fragmentation. */
  knowsSizes: boolean;
  /** What the kernel says of a packet from the controller to the host's own address. */
  incoming: Readonly<{ device: string; text: string }> | undefined;
  /** Sockets that listen: address in the kernel's hex, and port. */
  listening: readonly Readonly<{ address: string; port: number }>[];
  firewall: readonly string[];
  /** Rules of nftables that let nothing through, and counted packets while the host was looked at. */
  dropped: readonly string[];
  /** Everything, for people. */
  lines: readonly string[];
}>;

const NOBODY = '00:00:00:00:00:00';

/** Has LACP found a partner? */
export function isPartner(mac: string | undefined): boolean {
  return mac !== undefined && mac !== NOBODY;
}

export function parseEvidence(text: string): Evidence {
  const lines = text.split('\n').filter((line) => line !== '');
  const of = (word: string): string[][] =>
    lines
      .filter((line) => line.startsWith(`${word} `))
      .map((line) => line.slice(word.length + 1).split(' '));
  const restOf = (word: string): string[] =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));
  const pings = new Map<string, { ok: number[]; lost: number[] }>();
  for (const [address = '', size = '', answer] of of('ping')) {
    const known = pings.get(address) ?? { ok: [], lost: [] };
    (answer === 'ok' ? known.ok : known.lost).push(Number(size));
    pings.set(address, known);
  }
  const incoming = of('incoming')[0];
  return {
    isComplete: lines.includes('complete'),
    isAsked: lines.includes('asked') || lines.includes('complete'),
    links: new Map(of('link').map(([name = '', ...words]) => [name, linkOf(words)])),
    bonds: bondsOf(restOf('bond')),
    bridges: new Map(
      of('bridge').map(([name = '', ...words]) => [
        name,
        {
          isFiltering: words.includes('filtering=1'),
          hasSpanningTree: words.some((word) => /^stp=[12]$/.test(word)),
        },
      ]),
    ),
    portStates: new Map(
      of('port').map(([name = '', state = '']) => [name, Number(state.replace('state=', ''))]),
    ),
    own: new Set(of('mine').map(([mac = '']) => mac.toLowerCase())),
    duplicates6: of('dad').map(([device = '', address = '']) => ({ device, address })),
    duplicates4: of('duplicate').map(([device = '', address = '', mac = '']) => ({
      device,
      address,
      mac: mac.toLowerCase(),
    })),
    neighbours: of('neighbour').map(([device = '', address = '', mac = '', state]) => ({
      device,
      address,
      mac,
      isReachable: state === 'REACHABLE',
    })),
    ways: new Map(
      of('way').map(([address = '', ...words]) => {
        const after = (word: string) => {
          const index = words.indexOf(word);
          return index === -1 ? undefined : words[index + 1];
        };
        return [
          address,
          { text: words.join(' '), device: after('dev'), nextHop: after('via') ?? address },
        ];
      }),
    ),
    arp: new Map(
      of('arp').map(([address = '', , ...macs]) => [
        address,
        macs.filter((mac) => mac !== '').map((mac) => mac.toLowerCase()),
      ]),
    ),
    pings,
    knowsSizes: lines.includes('sizes 1'),
    incoming:
      incoming === undefined
        ? undefined
        : { device: incoming[0] ?? '', text: incoming.slice(1).join(' ') },
    listening: of('listens').map(([address = '', port = '']) => ({
      address,
      port: Number.parseInt(port, 16),
    })),
    firewall: restOf('nft'),
    dropped: restOf('dropped'),
    lines: lines.filter((line) => !/^((?:asked|complete)$|mine |listens |sizes )/.test(line)),
  };
}

function linkOf(words: readonly string[]): LinkEvidence {
  const valueOf = (key: string) =>
    words.find((word) => word.startsWith(`${key}=`))?.slice(key.length + 1) ?? '';
  return {
    missing: words.includes('missing'),
    up: valueOf('up') === '1',
    carrier: valueOf('carrier') === '1',
    mtu: Number(valueOf('mtu')),
    mac: valueOf('mac'),
    isStrict: valueOf('filter') === '1',
  };
}

/** Lines of /proc/net/bonding, each with the bond's name in front. */
function bondsOf(lines: readonly string[]): ReadonlyMap<string, BondEvidence> {
  const texts = new Map<string, string[]>();
  for (const line of lines) {
    const [name = ''] = line.split(' ', 1);
    texts.set(name, [...(texts.get(name) ?? []), line.slice(name.length + 1).trim()]);
  }
  return new Map([...texts].map(([name, text]) => [name, bondOf(text)]));
}

function bondOf(lines: readonly string[]): BondEvidence {
  const starts = lines.flatMap((line, index) => (line.startsWith('Slave Interface:') ? index : []));
  const head = lines.slice(0, starts[0]);
  return {
    isLacp: head.some((line) => line.includes('802.3ad')),
    partner: valueOf(head, 'Partner Mac Address'),
    ports: starts.map((start, index) => {
      const part = lines.slice(start, starts[index + 1]);
      const partnerAt = part.findIndex((line) => line.startsWith('details partner lacp pdu'));
      return {
        name: valueOf(part, 'Slave Interface') ?? '',
        isUp: valueOf(part, 'MII Status') === 'up',
        aggregator: valueOf(part, 'Aggregator ID'),
        partner:
          partnerAt === -1 ? undefined : valueOf(part.slice(partnerAt), 'system mac address'),
      };
    }),
  };
}

function valueOf(lines: readonly string[], key: string): string | undefined {
  return lines
    .find((line) => line.startsWith(`${key}:`))
    ?.slice(key.length + 1)
    .trim();
}
