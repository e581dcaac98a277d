/**
 * Changes that are good in the lab, whatever comes before them: random ones of those that a storage host knows. The same
 * seed gives the same one.
 */

const ADDRESS = (index: number) => `10.100.0.${10 + index}`;

type Choose = <T>(...items: readonly [T, ...T[]]) => T;

export type GoodChange = Readonly<{
  text: string;
  network: object;
  probes: readonly object[];
}>;

/** `index`: of the host in the lab. `hasLag`: eth3 and eth4 lead to a switch that speaks LACP. */
export function goodChange(seed: number, index: number): GoodChange {
  const choose = chooser(seed);
  const base = choose('eth2', 'eth2', 'bond0', 'eth1');
  const mtu = base === 'eth1' ? 1500 : choose(1500, 4000, 9000);
  const isBridged = choose(true, false);
  const rate = choose('fast', 'slow');
  const management = base === 'eth1' ? 'eth1' : choose('eth1', 'eth1', 'br-mgmt');
  const delay = choose(2, 4);
  const hasSpanningTree = choose(true, false, false);
  const second = choose(true, false);
  const name = `${base}.100`;
  const ipv4 = (...addresses: readonly string[]) => ({
    ipv4: {
      enabled: addresses.length > 0,
      address: addresses.map((ip) => ({ ip, 'prefix-length': 24 })),
    },
  });
  const own = [`10.10.0.${10 + index}`, ...(second ? [`10.10.0.${150 + index}`] : [])];
  const kept = new Set([base, name, management, ...(isBridged ? ['br-store'] : [])]);
  const made = ['eth2.100', 'eth1.100', 'bond0.100', 'br-store', 'br-mgmt', 'bond0'];
  const above = isBridged ? 'br-store' : name;
  const interfaces: object[] = [
    ...made
      .filter((one) => !kept.has(one))
      .map((one) => ({ name: one, state: 'absent', type: typeOf(one) })),
    ...(base === 'bond0'
      ? [
          { name: 'eth3', type: 'ethernet', state: 'up', mtu },
          { name: 'eth4', type: 'ethernet', state: 'up', mtu },
          {
            name: 'bond0',
            type: 'bond',
            state: 'up',
            mtu,
            'link-aggregation': {
              mode: '802.3ad',
              port: ['eth3', 'eth4'],
              options: { miimon: 100, lacp_rate: rate },
            },
          },
        ]
      : []),
    ...(base === 'eth2' ? [{ name: 'eth2', type: 'ethernet', state: 'up', mtu }] : []),
    {
      name,
      type: 'vlan',
      state: 'up',
      mtu,
      vlan: { 'base-iface': base, id: 100 },
      ...(isBridged ? ipv4() : ipv4(ADDRESS(index))),
    },
    ...(isBridged
      ? [
          {
            name: 'br-store',
            type: 'linux-bridge',
            state: 'up',
            mtu,
            ...ipv4(ADDRESS(index)),
            bridge: { options: { stp: { enabled: false } }, port: [{ name }] },
          },
        ]
      : []),
    management === 'eth1'
      ? { name: 'eth1', type: 'ethernet', state: 'up', ...ipv4(...own) }
      : { name: 'eth1', type: 'ethernet', state: 'up', ...ipv4() },
    ...(management === 'eth1'
      ? []
      : [
          {
            name: 'br-mgmt',
            type: 'linux-bridge',
            state: 'up',
            ...ipv4(...own),
            bridge: {
              options: { stp: { enabled: hasSpanningTree, 'forward-delay': delay } },
              port: [{ name: 'eth1' }],
            },
          },
        ]),
  ];
  const text = `storage on ${above} (${base}${base === 'bond0' ? `, LACP ${rate}` : ''}, MTU ${mtu}), management on ${management}${second ? ' with two addresses' : ''}`;
  return {
    text,
    network: {
      interfaces,
      routes: {
        config: [
          { destination: '0.0.0.0/0', 'next-hop-interface': other(management), state: 'absent' },
          {
            destination: '0.0.0.0/0',
            'next-hop-address': '10.10.0.1',
            'next-hop-interface': management,
          },
        ],
      },
    },
    probes: [
      { ping: '10.100.0.1', size: mtu, required: true },
      { arp: '10.10.0.1' },
      { mesh: '10.100.0.0/24' },
      { mesh: '10.10.0.0/24' },
      { tcp: '10.10.0.1:1' },
    ],
  };
}

const typeOf = (name: string): string =>
  name.includes('.') ? 'vlan' : name.startsWith('br') ? 'linux-bridge' : 'bond';

const other = (management: string): string => (management === 'eth1' ? 'br-mgmt' : 'eth1');

/** Mulberry32: small, and the same everywhere. */
function chooser(seed: number): Choose {
  let state = (seed * 2_654_435_761) >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return (...items) => items[Math.floor(next() * items.length)] ?? items[0];
}
