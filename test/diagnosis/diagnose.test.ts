/** Each case is what diagnose.sh says in one situation, and the sentence that it comes to. */
import { describe, expect, test } from 'vitest';

import { diagnose, type DiagnosisContext } from '../../src/diagnosis/diagnose.js';
import { parseEvidence } from '../../src/diagnosis/evidence.js';
import { interfaceMap } from '../../src/network/state.js';
import { hostWith } from '../network/documents.js';

const address = (ip: string) => `ipv4: {enabled: true, address: [{ip: ${ip}, prefix-length: 24}]}`;
const ETH1 = `interfaces: [{name: eth1, type: ethernet, state: up, ${address('192.0.2.5')}}]`;
const STORAGE = `interfaces:
  - {name: bond0, type: bond, state: up, link-aggregation: {mode: 802.3ad, port: [eth3, eth4]}}
  - {name: bond0.100, type: vlan, state: up, vlan: {base-iface: bond0, id: 100}, ${address('198.51.100.5')}}`;
const BRIDGE = `interfaces:
  - name: br0
    type: linux-bridge
    state: up
    ${address('192.0.2.5')}
    bridge: {port: [{name: eth1}]}`;

type Case = Readonly<{
  before?: string;
  target?: string;
  wanted?: DiagnosisContext['wanted'];
  unleased?: readonly string[];
  isCutOff?: boolean;
  isWhole?: boolean;
  evidence: string;
}>;

function diagnosed({ before = ETH1, target = ETH1, evidence, ...more }: Case, end = 'complete\n') {
  return diagnose(parseEvidence(evidence + end), {
    before: hostWith(before),
    target: hostWith(target),
    own: { address: '192.0.2.5', port: 22 },
    isCutOff: more.isCutOff ?? false,
    wanted: more.wanted ?? [{ address: '192.0.2.1' }],
    unleased: more.unleased ?? [],
  });
}

const LINK = (name: string, more = 'up=1 carrier=1 mtu=1500 mac=02:00:00:00:00:01') =>
  `link ${name} ${more}\n`;
const WAY = 'way 192.0.2.1 192.0.2.1 dev eth1 src 192.0.2.5 uid 0\n';
const pings = (to: string, ok: readonly number[], lost: readonly number[]) =>
  [...ok.map((size) => `ping ${to} ${size} ok`), ...lost.map((size) => `ping ${to} ${size} lost`)]
    .map((line) => `${line}\n`)
    .join('');
const DEAD = pings('192.0.2.1', [], [84, 1280, 1400, 1500]);
const GOOD = `${pings('192.0.2.1', [84, 1280, 1400, 1500], [])}arp 192.0.2.1 eth1 02:00:00:00:00:99\n`;

/** /proc/net/bonding/bond0 of Linux 6.1, what does not matter left out. */
const bond = (
  partner: string,
  ports: readonly (readonly [name: string, aggregator: number, partner: string, mii?: string])[],
) =>
  [
    'Bonding Mode: IEEE 802.3ad Dynamic link aggregation',
    'MII Status: up',
    '802.3ad info',
    'LACP rate: fast',
    'Active Aggregator Info:',
    '\tAggregator ID: 1',
    `\tPartner Mac Address: ${partner}`,
    '',
    ...ports.flatMap(([name, aggregator, own, mii = 'up']) => [
      `Slave Interface: ${name}`,
      `MII Status: ${mii}`,
      `Aggregator ID: ${aggregator}`,
      'details actor lacp pdu:',
      '    system mac address: 02:00:00:00:00:03',
      'details partner lacp pdu:',
      `    system mac address: ${own}`,
    ]),
  ]
    .map((line) => `bond bond0 ${line}\n`)
    .join('');

const NOBODY = '00:00:00:00:00:00';
const SWITCH = '02:00:00:00:00:aa';
const NO_STORAGE =
  'way 198.51.100.1 198.51.100.1 dev bond0.100 src 198.51.100.5 uid 0\narp 198.51.100.1 bond0.100\n' +
  pings('198.51.100.1', [], [84, 1500]);
const storage = (evidence: string): Case => ({
  target: STORAGE,
  wanted: [{ address: '198.51.100.1' }],
  evidence: `${evidence}${NO_STORAGE}`,
});

describe('the cause is', () => {
  test.each<[string, Case, string]>([
    [
      'a cable that is out',
      { evidence: `${LINK('eth1', 'up=1 carrier=0 mtu=1500 mac=x')}${WAY}${DEAD}` },
      'eth1 has no carrier: the cable is out, or the switch port is off',
    ],
    [
      'a cable that is out, also where the kernel has taken the route away with it',
      {
        evidence: `${LINK('eth1', 'up=1 carrier=0 mtu=1500 mac=x')}way 192.0.2.1 RTNETLINK answers: Network is unreachable\n`,
      },
      'eth1 has no carrier: the cable is out, or the switch port is off',
    ],
    [
      'switch ports in no LAG',
      storage(
        bond(NOBODY, [
          ['eth3', 1, NOBODY],
          ['eth4', 2, NOBODY],
        ]),
      ),
      'bond0: carrier up, LACP partner 00:00:00:00:00:00: the switch ports are in no LAG (eth3, eth4)',
    ],
    [
      'one switch port in no LAG',
      storage(
        bond(SWITCH, [
          ['eth3', 1, SWITCH],
          ['eth4', 2, NOBODY],
        ]),
      ),
      'bond0: nobody speaks LACP on eth4, as somebody does on the other ports: its switch port is in no LAG',
    ],
    [
      'the only switch port that is up, in no LAG',
      storage(
        bond(NOBODY, [
          ['eth3', 1, NOBODY, 'down'],
          ['eth4', 2, NOBODY],
        ]),
      ),
      'bond0: carrier up, LACP partner 00:00:00:00:00:00: the switch port is in no LAG (eth4)',
    ],
    [
      'two switches that are not one LAG',
      storage(
        bond(SWITCH, [
          ['eth3', 1, SWITCH],
          ['eth4', 2, '02:00:00:00:00:bb'],
        ]),
      ),
      'bond0: its ports have different LACP partners (02:00:00:00:00:aa, 02:00:00:00:00:bb): they lead to two switches that are not one LAG',
    ],
    [
      'a VLAN that the switch port does not carry',
      storage(
        bond(SWITCH, [
          ['eth3', 1, SWITCH],
          ['eth4', 1, SWITCH],
        ]),
      ),
      'nobody answers ARP in VLAN 100 of bond0 (asked for 198.51.100.1): the switch port does not carry this VLAN, or 198.51.100.1 is not in it',
    ],
    [
      'a native VLAN that is another one',
      { evidence: `${LINK('eth1')}${WAY}${DEAD}arp 192.0.2.1 eth1\n` },
      'nobody answers ARP on eth1 (asked for 192.0.2.1): its switch port is in another VLAN, or 192.0.2.1 is not on this segment',
    ],
    [
      'a gateway that is not there, where others are',
      {
        evidence: `${LINK('eth1')}${WAY}${DEAD}arp 192.0.2.1 eth1\nneighbour eth1 192.0.2.7 02:00:00:00:00:07 REACHABLE\n`,
      },
      '192.0.2.1 does not answer ARP on eth1, where others do: it is the wrong address, or that machine is off',
    ],
    [
      'spanning tree that listens',
      {
        target: BRIDGE,
        evidence: `${LINK('br0')}${LINK('eth1')}bridge br0 filtering=0 stp=1\nport eth1 state=1\nway 192.0.2.1 192.0.2.1 dev br0 uid 0\n${DEAD}arp 192.0.2.1 br0\n`,
      },
      'spanning tree on br0 does not let eth1 forward yet: it listens and learns for twice the forward delay',
    ],
    [
      'a port with another native VLAN than its bridge',
      {
        target: BRIDGE,
        evidence: `${LINK('br0')}${LINK('eth1')}bridge br0 filtering=1 stp=0\nport eth1 state=3\nvlan port              vlan-id\nvlan eth1              20 PVID Egress Untagged\nvlan                   30\nvlan br0               1 PVID Egress Untagged\nway 192.0.2.1 192.0.2.1 dev br0 uid 0\n${DEAD}arp 192.0.2.1 br0\n`,
      },
      'br0 filters VLANs, and none of its ports (eth1) carries VLAN 1, in which br0 is',
    ],
    [
      'an address that another host has',
      {
        evidence: `${LINK('eth1')}mine 02:00:00:00:00:01\n${WAY}${DEAD}duplicate eth1 192.0.2.5 02:00:00:00:00:66\narp 192.0.2.1 eth1 02:00:00:00:00:99\n`,
      },
      'another host has the address 192.0.2.5 as well: 02:00:00:00:00:66 answers for it on eth1',
    ],
    [
      'an IPv6 address that another host has',
      { evidence: `${LINK('eth1')}${WAY}${GOOD}dad eth1 2001:db8::5 dadfailed\n` },
      'another host has the address 2001:db8::5 as well: duplicate address detection failed on eth1',
    ],
    [
      'a neighbour that has kept the former MAC address',
      {
        before: ETH1,
        target: BRIDGE,
        evidence: `${LINK('br0', 'up=1 carrier=1 mtu=1500 mac=02:00:00:00:00:77')}way 192.0.2.1 192.0.2.1 dev br0 uid 0\n${DEAD}arp 192.0.2.1 br0 02:00:00:00:00:99\n`,
      },
      '192.0.2.1 answers ARP, and its packets do not come back: it has kept the former MAC address of 192.0.2.5 (52:54:00:00:00:01, now 02:00:00:00:00:77)',
    ],
    [
      'what is beyond the gateway',
      {
        wanted: [{ address: '203.0.113.9' }],
        evidence: `${LINK('eth1')}${WAY}${GOOD}way 203.0.113.9 203.0.113.9 via 192.0.2.1 dev eth1 uid 0\n${pings('203.0.113.9', [], [84, 1500])}`,
      },
      'the gateway 192.0.2.1 answers, and what is beyond it does not: 203.0.113.9 is not reached from there, or has no way back',
    ],
    [
      'a path with a smaller MTU',
      {
        wanted: [{ address: '192.0.2.1', size: 9000 }],
        evidence: `sizes 1\n${LINK('eth1', 'up=1 carrier=1 mtu=9000 mac=x')}${WAY}${pings('192.0.2.1', [84, 1280, 1400, 1500], [9000])}`,
      },
      'packets of 9000 bytes do not get to 192.0.2.1, those of 1500 do: something on the way has a smaller MTU than eth1 (9000)',
    ],
    [
      'no route at all',
      {
        target: 'interfaces: []',
        evidence: 'way 192.0.2.1 RTNETLINK answers: Network is unreachable\n',
      },
      'there is no route to 192.0.2.1',
    ],
    [
      'strict rp_filter',
      {
        isCutOff: true,
        evidence: `${LINK('eth1', 'up=1 carrier=1 mtu=1500 mac=x filter=1')}way 192.0.2.1 192.0.2.1 dev eth2 uid 0\n${DEAD}arp 192.0.2.1 eth2\nincoming eth1 RTNETLINK answers: Invalid cross-device link\n`,
      },
      'eth1 drops what comes from the controller: rp_filter is strict there, and its answers would leave by eth2',
    ],
    [
      'a firewall that names the former interface',
      {
        isCutOff: true,
        target: BRIDGE,
        evidence: `${LINK('br0')}way 192.0.2.1 192.0.2.1 dev br0 uid 0\n${GOOD}incoming br0 local 192.0.2.5 from 192.0.2.1 dev lo\nnft type filter hook input priority filter; policy drop;\nnft iifname "eth1" tcp dport 22 accept\n`,
      },
      'the firewall lets packets in by eth1, and 192.0.2.5 is on br0 now, which no rule names',
    ],
    [
      'an sshd that is bound to another address',
      {
        isCutOff: true,
        evidence: `${LINK('eth1')}${WAY}${GOOD}incoming eth1 local 192.0.2.5 from 192.0.2.1 dev lo\nlistens 060200C0 0016\n`,
      },
      'sshd does not listen on 192.0.2.5: it is bound to other addresses',
    ],
    [
      'a DHCP server that is not there',
      { wanted: [], unleased: ['eth1'], evidence: LINK('eth1') },
      'no DHCP server answers on eth1',
    ],
    [
      'no DHCP server, because there is no carrier',
      {
        wanted: [],
        unleased: ['eth1'],
        evidence: LINK('eth1', 'up=1 carrier=0 mtu=1500 mac=x'),
      },
      'eth1 has no carrier: the cable is out, or the switch port is off',
    ],
  ])('%s', (_, given, cause) => {
    expect(diagnosed(given).cause).toBe(cause);
  });
});

describe('the cause is unknown', () => {
  test.each<[string, Case]>([
    ['where nothing was gathered', { evidence: 'complete\n' }],
    ['where all is as it should be', { isCutOff: true, evidence: `${LINK('eth1')}${WAY}${GOOD}` }],
    [
      'where sshd listens on every address',
      { isCutOff: true, evidence: `${LINK('eth1')}${WAY}${GOOD}listens 00000000 0016\n` },
    ],
    [
      'where ARP is answered, a ping is not, and the MAC address is what it was',
      {
        evidence: `${LINK('eth1', 'up=1 carrier=1 mtu=1500 mac=52:54:00:00:00:01')}${WAY}${DEAD}arp 192.0.2.1 eth1 02:00:00:00:00:99\n`,
      },
    ],
    [
      'where a packet is refused, and rp_filter is loose',
      {
        isCutOff: true,
        evidence: `${LINK('eth1', 'up=1 carrier=1 mtu=1500 mac=x filter=2')}way 192.0.2.1 192.0.2.1 dev eth2 uid 0\n${pings('192.0.2.1', [84], [])}incoming eth1 RTNETLINK answers: Invalid argument\n`,
      },
    ],
    [
      'where the time was over before all had answered',
      { evidence: `${LINK('eth1')}${WAY}${DEAD}arp 192.0.2.1 eth1\n`, isWhole: false },
    ],
    [
      'where small and large packets get lost alike',
      {
        evidence: `sizes 1\n${LINK('eth1')}${WAY}${pings('192.0.2.1', [84, 1400], [1280, 1500])}arp 192.0.2.1 eth1 02:00:00:00:00:99\n`,
      },
    ],
    [
      'where the ping of the host cannot forbid fragments',
      { evidence: `${LINK('eth1')}${WAY}${pings('192.0.2.1', [84], [1500])}` },
    ],
    [
      'where the host itself answers for its address by another NIC',
      {
        evidence: `${LINK('eth1')}mine 02:00:00:00:00:02\n${WAY}${GOOD}duplicate eth1 192.0.2.5 02:00:00:00:00:02\n`,
      },
    ],
    [
      'where the gateway answers for all addresses',
      {
        evidence: `${LINK('eth1')}mine 02:00:00:00:00:01\n${WAY}${GOOD}duplicate eth1 192.0.2.5 02:00:00:00:00:99\n`,
      },
    ],
    [
      'where nobody answers by an interface that has no carrier, and none has a cable',
      {
        target:
          'interfaces: [{name: veth1, type: veth, state: up, veth: {peer: veth2}}, {name: veth2, type: veth, veth: {peer: veth1}}]',
        evidence: `${LINK('veth1', 'up=1 carrier=0 mtu=1500 mac=x')}way 192.0.2.1 192.0.2.1 dev veth1 uid 0\n${DEAD}arp 192.0.2.1 veth1\n`,
      },
    ],
    [
      'where one port of a bond is out, and another is not',
      {
        target: STORAGE,
        wanted: [{ address: '192.0.2.1' }],
        evidence: `${LINK('eth3', 'up=1 carrier=0 mtu=1500 mac=x')}${LINK('eth4')}${WAY}${GOOD}`,
      },
    ],
  ])('%s', (_, given) => {
    expect(diagnosed(given, given.isWhole === false ? '' : 'complete\n')).toMatchObject({
      kind: undefined,
      cause: undefined,
    });
  });

  test('the cable of a container, whose NIC is a veth with its peer elsewhere', () => {
    const host = hostWith(ETH1);
    const inContainer = {
      ...host,
      interfaces: interfaceMap(
        [...host.interfaces.values()].map((item) => ({
          ...item,
          link: { kind: 'veth', peer: undefined } as const,
        })),
      ),
    };
    const evidence = `${LINK('eth1', 'up=1 carrier=0 mtu=1500 mac=x')}${WAY}${DEAD}arp 192.0.2.1 eth1\ncomplete\n`;
    const context = {
      before: inContainer,
      target: inContainer,
      own: undefined,
      isCutOff: false,
      wanted: [{ address: '192.0.2.1' }],
      unleased: [],
    };
    expect(diagnose(parseEvidence(evidence), context).kind).toBe('no-carrier');
  });

  test('when all addresses were asked, and the time was over before it was known who else has its own', () => {
    const asked = `${LINK('eth1')}${WAY}${DEAD}arp 192.0.2.1 eth1\nasked\n`;
    expect(diagnosed({ evidence: asked }, '').kind).toBe('nobody-answers');
    const moved = `${LINK('br0', 'up=1 carrier=1 mtu=1500 mac=02:00:00:00:00:77')}way 192.0.2.1 192.0.2.1 dev br0 uid 0\n${DEAD}arp 192.0.2.1 br0 02:00:00:00:00:99\nasked\n`;
    const given = { before: ETH1, target: BRIDGE, evidence: moved };
    expect(diagnosed(given, '').kind).toBeUndefined();
    expect(diagnosed(given).kind).toBe('stale-neighbour');
  });

  test('of any part of the evidence nothing is made up that the whole does not say', () => {
    const whole = `${LINK('eth1')}mine 02:00:00:00:00:01\n${WAY}${GOOD}incoming eth1 local 192.0.2.5 from 192.0.2.1 dev lo\ncomplete\n`;
    for (let length = 0; length <= whole.length; length++) {
      const { cause } = diagnosed({ isCutOff: true, evidence: whole.slice(0, length) }, '');
      expect({ cause, upTo: whole.slice(0, length) }).toMatchObject({ cause: undefined });
    }
  });
});

test('the evidence is told from the cable up, then the way', () => {
  expect(
    diagnosed(storage(`${LINK('eth3')}${LINK('bond0')}${bond(SWITCH, [['eth3', 1, SWITCH]])}`))
      .evidence,
  ).toEqual([
    'eth3: up, carrier, MTU 1500, 02:00:00:00:00:01',
    'bond0: up, carrier, MTU 1500, 02:00:00:00:00:01',
    'bond0: LACP partner 02:00:00:00:00:aa; eth3 aggregator 1 partner 02:00:00:00:00:aa',
    'to 198.51.100.1: bond0.100; ARP for 198.51.100.1: no answer; ping: no answer',
  ]);
});
