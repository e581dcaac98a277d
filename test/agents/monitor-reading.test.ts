/** Lines as hosts print them (iproute2 6.1, NetworkManager 1.42), and what they mean. */
import { describe, expect, test } from 'vitest';
import { MonitorReading } from '../../src/agents/monitor-reading.js';
import type { NetworkChange } from '../../src/agents/network-change.js';

const details = (mac: string, more = '') =>
  `\\    link/ether ${mac} brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 ${more}numtxqueues 1 numrxqueues 1 `;
const MAC = '02:4c:00:00:01:01';

type Of = Readonly<{
  index?: number;
  flags?: string;
  mtu?: number;
  bond?: string;
  mac?: string;
  more?: string;
}>;

const UP = 'BROADCAST,MULTICAST,UP,LOWER_UP';
const NO_CARRIER = 'NO-CARRIER,BROADCAST,MULTICAST,UP';
const DOWN = 'BROADCAST,MULTICAST';

function link(name: string, of: Of = {}): string {
  const { index = 7, flags = UP, mtu = 1500, bond, mac = MAC, more = '' } = of;
  const to = bond === undefined ? '' : `master ${bond} `;
  return `${index}: ${name}: <${flags}> mtu ${mtu} qdisc noqueue ${to}state UP group default ${details(mac, more)}`;
}

const active = (port: string, mode = 'active-backup') =>
  `\\    bond mode ${mode} ${port === '' ? '' : `active_slave ${port} `}miimon 100 `;
const portIs = (state: string) =>
  `\\    bond_slave state ${state} mii_status UP link_failure_count 0 perm_hwaddr ${MAC} queue_id 0 `;

const LIFETIME = '\\       valid_lft forever preferred_lft forever';

/** A reading that has heard what the host is. */
function watching(
  links: readonly string[] = [link('eth1')],
  addresses: readonly string[] = [],
  reading = new MonitorReading(),
): MonitorReading {
  reading.begin();
  for (const line of ['@links', ...links, '@addresses', ...addresses, '@known']) reading.take(line);
  reading.take('@networkmanager');
  expect(reading.take('@watching')).toMatchObject({ kind: 'watching', hasNetworkManager: true });
  return reading;
}

function changes(reading: MonitorReading, ...lines: readonly string[]): readonly NetworkChange[] {
  return lines.flatMap((line) => {
    const heard = reading.take(line);
    return heard.kind === 'unfit' ? [] : heard.changes;
  });
}

const NO_ROUTE = { kind: 'changes', changes: [] };

describe('links', () => {
  const one = { link: 'eth1' };
  const cases: readonly (readonly [string, Of, Of, readonly object[]])[] = [
    ['nothing', {}, {}, []],
    ['a pulled cable', {}, { flags: NO_CARRIER }, [{ kind: 'carrier-lost', ...one }]],
    ['a plugged cable', { flags: NO_CARRIER }, {}, [{ kind: 'carrier-found', ...one }]],
    ['set down', {}, { flags: DOWN }, [{ kind: 'link-set-down', ...one }]],
    ['set up', { flags: DOWN }, {}, [{ kind: 'link-set-up', ...one, hasCarrier: true }]],
    [
      'set up without a cable',
      { flags: DOWN },
      { flags: `${NO_CARRIER},LOWER_UP` },
      [{ kind: 'link-set-up', ...one, hasCarrier: false }],
    ],
    ['an MTU', {}, { mtu: 9000 }, [{ kind: 'mtu-changed', ...one, mtu: 9000, before: 1500 }]],
    [
      'a MAC address',
      {},
      { mac: '02:00:00:00:00:09' },
      [{ kind: 'mac-changed', ...one, mac: '02:00:00:00:00:09', before: MAC }],
    ],
    ['a bond', {}, { bond: 'bond0' }, [{ kind: 'attached', ...one, to: 'bond0' }]],
    [
      'another bridge',
      { bond: 'br0' },
      { bond: 'br1' },
      [
        { kind: 'detached', ...one, from: 'br0' },
        { kind: 'attached', ...one, to: 'br1' },
      ],
    ],
    [
      'another active port',
      { more: active('eth2') },
      { more: active('eth3') },
      [{ kind: 'active-port-changed', ...one, port: 'eth3', before: 'eth2' }],
    ],
    [
      'no active port any more',
      { more: active('eth2') },
      { more: active('') },
      [{ kind: 'active-port-changed', ...one, before: 'eth2' }],
    ],
  ];
  test.each(cases)('%s', (_, before, after, wanted) => {
    const reading = watching([link('eth1', before)]);
    expect(changes(reading, `[LINK]${link('eth1', after)}`)).toEqual(wanted);
    // Told twice, it is no news.
    expect(changes(reading, `[LINK]${link('eth1', after)}`)).toEqual([]);
  });

  test('new, with another name, gone', () => {
    const reading = watching();
    const dummy = link('dummy0@NONE', { index: 9, flags: DOWN });
    expect(
      changes(
        reading,
        `[LINK]${dummy}`,
        `[LINK]${link('storage', { index: 9, flags: DOWN })}`,
        `[LINK]Deleted ${link('storage', { index: 9, flags: DOWN })}`,
        `[LINK]Deleted ${link('storage', { index: 9, flags: DOWN })}`,
      ),
    ).toEqual([
      { kind: 'link-added', link: 'dummy0', condition: 'down' },
      { kind: 'link-renamed', link: 'storage', before: 'dummy0' },
      { kind: 'link-removed', link: 'storage' },
    ]);
  });

  test.each([
    ['802.3ad', [{ kind: 'port-deactivated', link: 'eth1', bond: 'bond0' }]],
    ['active-backup', []],
  ])('a port of a bond of mode %s that is not active any more', (mode, wanted) => {
    const bond = link('bond0', { index: 8, more: active('', mode) });
    const reading = watching([link('eth1', { bond: 'bond0', more: portIs('ACTIVE') }), bond]);
    const backup = link('eth1', { bond: 'bond0', more: portIs('BACKUP') });
    expect(changes(reading, `[LINK]${backup}`)).toEqual(wanted);
  });

  test('which ones are up without carrier, and what one is now', () => {
    const reading = watching([
      link('eth1', { index: 1 }),
      link('eth2', { index: 2, flags: NO_CARRIER }),
      link('eth3', { index: 3, flags: DOWN }),
    ]);
    expect(reading.withoutCarrier()).toEqual(['eth2']);
    expect(['eth1', 'eth2', 'eth3', 'eth9'].map((name) => reading.conditionOf(name))).toEqual([
      'up',
      'no-carrier',
      'down',
      'gone',
    ]);
  });
});

describe('addresses', () => {
  const v4 = `7: eth1    inet 10.0.0.1/24 brd 10.0.0.255 scope global eth1${LIFETIME}`;
  const v6 = (state: string) => `7: eth1    inet6 fd00::1/64 scope global ${state}${LIFETIME}`;

  test('come once, though their lifetimes are told again, and go', () => {
    const address = { link: 'eth1', address: '10.0.0.1/24' };
    const reading = watching();
    expect(
      changes(reading, `[ADDR]${v4}`, `[ADDR]${v4}`, `[ADDR]Deleted ${v4}`, `[ADDR]Deleted ${v4}`),
    ).toEqual([
      { kind: 'address-added', ...address },
      { kind: 'address-removed', ...address },
    ]);
  });

  test('of IPv6 count when nobody else has them', () => {
    const address = { link: 'eth1', address: 'fd00::1/64' };
    expect(changes(watching(), `[ADDR]${v6('tentative ')}`, `[ADDR]${v6('')}`)).toEqual([
      { kind: 'address-added', ...address },
    ]);
    expect(
      changes(watching(), `[ADDR]${v6('tentative ')}`, `[ADDR]${v6('dadfailed tentative ')}`),
    ).toEqual([{ kind: 'address-taken', ...address }]);
  });

  test('that were there are no news, nor are link-local ones', () => {
    const reading = watching([link('eth1')], [v4]);
    const local = `7: eth1    inet6 fe80::1/64 scope link ${LIFETIME}`;
    expect(changes(reading, `[ADDR]${v4}`, `[ADDR]${local}`)).toEqual([]);
  });

  test('follow the new name of their link', () => {
    const reading = watching([link('eth1')], [v4]);
    const renamed = v4.replaceAll('eth1', 'lan');
    expect(changes(reading, `[LINK]${link('lan')}`, `[ADDR]${renamed}`)).toEqual([
      { kind: 'link-renamed', link: 'lan', before: 'eth1' },
    ]);
  });
});

describe('routes', () => {
  const cases: readonly (readonly [string, object | undefined])[] = [
    [
      'unicast default via 10.0.0.2 dev eth1 table main proto static scope global metric 5 ',
      {
        destination: 'default',
        hops: [{ via: '10.0.0.2', on: 'eth1' }],
        metric: 5,
        protocol: 'static',
      },
    ],
    [
      '10.7.0.0/16 via 10.0.0.2 dev eth1 table 77 proto boot',
      { destination: '10.7.0.0/16', hops: [{ via: '10.0.0.2', on: 'eth1' }], table: '77' },
    ],
    [
      'unicast 10.9.0.0/16 table main proto boot scope global \\\tnexthop via 10.0.0.2 dev eth1 weight 1 \\\tnexthop via 10.0.0.3 dev eth2 weight 1 ',
      {
        destination: '10.9.0.0/16',
        hops: [
          { via: '10.0.0.2', on: 'eth1' },
          { via: '10.0.0.3', on: 'eth2' },
        ],
      },
    ],
    [
      '10.6.0.0/16 via inet6 fe80::1 dev eth1 proto bgp metric 20',
      {
        destination: '10.6.0.0/16',
        hops: [{ via: 'fe80::1', on: 'eth1' }],
        metric: 20,
        protocol: 'bgp',
      },
    ],
    [
      'blackhole 10.8.0.0/16 table main proto boot scope global ',
      { destination: '10.8.0.0/16', type: 'blackhole', hops: [] },
    ],
    ['local 10.0.0.1 dev eth1 table local proto kernel scope host src 10.0.0.1 ', undefined],
    ['unicast 10.0.0.0/24 dev eth1 table main proto kernel scope link src 10.0.0.1 ', undefined],
    ['multicast ff00::/8 dev eth1 table local proto kernel metric 256 pref medium', undefined],
    ['the words of somebody else', undefined],
  ];
  test.each(cases)('%s', (line, route) => {
    const reading = watching();
    const wanted = (kind: string) => (route === undefined ? [] : [{ kind, route }]);
    expect(changes(reading, `[ROUTE]${line}`)).toEqual(wanted('route-added'));
    expect(changes(reading, `[ROUTE]Deleted ${line}`)).toEqual(wanted('route-removed'));
  });
});

describe('NetworkManager', () => {
  test('tells a device and its profile when they have come together', () => {
    expect(
      changes(
        watching(),
        "eth1: using connection 'stör: age'",
        'eth1: connecting (prepare)',
        'eth1: connecting (getting IP configuration)',
        'eth1: connected',
        'eth1: disconnected',
        'eth1: connected',
      ),
    ).toEqual([
      { kind: 'nm-device', link: 'eth1', state: 'activated', profile: 'stör: age' },
      { kind: 'nm-device', link: 'eth1', state: 'disconnected', profile: 'stör: age' },
      { kind: 'nm-device', link: 'eth1', state: 'activated' },
    ]);
  });

  test('that runs at the beginning is no news; that it stops is', () => {
    expect(
      changes(
        watching(),
        'NetworkManager is running',
        'NetworkManager is stopped',
        'NetworkManager is running',
      ),
    ).toEqual([
      { kind: 'nm-service', isRunning: false },
      { kind: 'nm-service', isRunning: true },
    ]);
  });

  test('has profiles with any name, also one that looks like the words of the kernel', () => {
    const name = `[LINK]${link('eth1', { flags: DOWN })}`;
    expect(changes(watching(), `${name}: connection profile changed`)).toEqual([
      { kind: 'nm-profile', profile: name.slice(0, 100), what: 'changed' },
    ]);
  });

  test('is not listened to where it does not run', () => {
    const reading = new MonitorReading();
    reading.begin();
    reading.take('@known');
    reading.take('@watching');
    expect(reading.take('eth1: connected')).toEqual(NO_ROUTE);
  });
});

test('events that the kernel could not hand over are told', () => {
  expect(changes(watching(), 'netlink receive error No buffer space available (105)')).toEqual([
    { kind: 'missed' },
  ]);
});

test('what changed while the host was not watched is found by comparing', () => {
  const address = (text: string) => `7: eth1    inet ${text} scope global eth1${LIFETIME}`;
  const reading = watching(
    [link('eth1'), link('dummy0', { index: 9 })],
    [address('10.0.0.1/24'), address('10.0.0.2/24')],
  );
  // Lost again before it could say all: what is compared is still what was known for sure.
  reading.begin();
  reading.take('@links');
  reading.begin();
  const lines = [
    '@links',
    // After a reboot links have other numbers.
    link('eth1', { index: 3, flags: NO_CARRIER }),
    link('bond0', { index: 4 }),
    '@addresses',
    address('10.0.0.2/24'),
    address('10.0.0.3/24'),
    '@known',
  ];
  expect(changes(reading, ...lines)).toEqual([]);
  expect(reading.take('@watching')).toEqual({
    kind: 'watching',
    hasNetworkManager: false,
    changes: [
      { kind: 'carrier-lost', link: 'eth1' },
      { kind: 'link-added', link: 'bond0', condition: 'up' },
      { kind: 'link-removed', link: 'dummy0' },
      { kind: 'address-added', link: 'eth1', address: '10.0.0.3/24' },
      { kind: 'address-removed', link: 'eth1', address: '10.0.0.1/24' },
    ],
  });
});

describe('a host that lies', () => {
  test.each([
    ['[LINK]'],
    ['[LINK]7: : <> mtu'],
    ['[LINK]7: eth1: <UP> mtu'],
    ['[ADDR]7: eth1 inet $(id)/24 scope global'],
    ['[ROUTE]default'.repeat(1000)],
    ['\u001b]0;owned\u0007[LINK]'],
    ['[LINK]99999999999999999999: eth1: <UP> mtu 1 '],
    [`[LINK]7: ${'a'.repeat(100)}: <UP> mtu 1500 `],
    ["eth1: using connection '"],
    [': connection profile changed'],
  ])('%j changes nothing', (line) => {
    expect(changes(watching(), line)).toEqual([]);
  });

  test('is known with a bounded number of links, and a line of any length is read at once', () => {
    const reading = watching([]);
    for (let index = 0; index < 12_000; index++) {
      reading.take(`[LINK]${index}: x${index}: <UP> mtu 1500 `);
    }
    expect(reading.linkCount).toBe(10_000);
    const long = `[LINK]1: ${'x@'.repeat(5_000_000)}`;
    expect(reading.take(long)).toEqual({ kind: 'changes', changes: [] });
  });
});
