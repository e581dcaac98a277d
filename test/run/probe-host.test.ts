/** What is asked before a change, and what follows from it for after the change. */
import { describe, expect, test } from 'vitest';

import { planHost } from '../../src/plan/plan-host.js';
import { probeName, type ProbeSpec } from '../../src/probes/probe-script.js';
import { baselineProbes, isSlowToSettle, type BaselineContext } from '../../src/run/probe-host.js';
import type { Connection } from '../../src/transport/transport.js';
import { desiredOf, hostWith } from '../network/documents.js';

const NIC = `interfaces: [{name: eth1, type: ethernet, state: up, ipv4: {enabled: true, address: [{ip: 192.0.2.5, prefix-length: 24}]}}]`;
const routed = (gateway: string) =>
  `routes: {config: [{destination: 0.0.0.0/0, next-hop-interface: eth1, state: absent}, {destination: 0.0.0.0/0, next-hop-address: ${gateway}, next-hop-interface: eth1}]}`;
const OBSERVED = hostWith(
  `${NIC}\nroutes: {config: [{destination: 0.0.0.0/0, next-hop-address: 192.0.2.1, next-hop-interface: eth1}]}`,
);

const planOf = (text: string) =>
  planHost('h1', { state: OBSERVED, ssh: undefined, resolvedOwnsDns: false }, desiredOf(text));

async function baseline(
  text: string,
  answer: string,
  probes: readonly ProbeSpec[] = [],
  context: BaselineContext = {},
) {
  const asked: string[] = [];
  const connection: Connection = {
    hostKey: '',
    address: '',
    exec: (_command, options) => {
      asked.push(
        ...(options?.input ?? '').split('\n').filter((line) => /^probe_\w+ \d/.test(line)),
      );
      return Promise.resolve({ code: 0, stdout: answer, stderr: '' });
    },
    close: () => undefined,
    closed: new Promise(() => undefined),
  };
  const { required, waived, warnings } = await baselineProbes(
    'h1',
    connection,
    probes,
    OBSERVED,
    planOf(text),
    context,
  );
  return {
    asked,
    required: required.map(probeName),
    waived: waived.map(({ text: why }) => why),
    warnings,
  };
}

test('a default gateway that answered must be followed by one that answers', async () => {
  expect(await baseline(routed('192.0.2.2'), 'probe 0 OK 02:00:00:00:00:99 on eth1\n')).toEqual({
    asked: ['probe_arp 0 192.0.2.1'],
    required: ['ARP for 192.0.2.2'],
    waived: [],
    warnings: [],
  });
});

test('a default gateway that did not answer need not be followed by one that does', async () => {
  expect(
    await baseline(routed('192.0.2.2'), 'probe 0 FAIL nobody answers on eth1\n'),
  ).toMatchObject({
    required: [],
  });
});

test('nothing is asked where the plan leaves the way out alone, and there are no probes', async () => {
  expect(await baseline('interfaces: [{name: eth2, type: ethernet, mtu: 1400}]', '')).toEqual({
    asked: [],
    required: [],
    waived: [],
    warnings: [],
  });
});

test('an address that another host has is refused', async () => {
  const more = NIC.replace(
    'prefix-length: 24}',
    'prefix-length: 24}, {ip: 192.0.2.6, prefix-length: 24}',
  );
  await expect(baseline(more, 'probe 0 OK\nprobe 1 FAIL 02:00:00:00:00:66\n')).rejects.toThrow(
    /192\.0\.2\.6 already: 02:00:00:00:00:66 answers for it on eth1/,
  );
});

test('the way to the controller must be there after the change, and is told where it is another one', async () => {
  const peer = '198.51.100.7';
  const answer = 'probe 0 OK 02:00:00:00:00:99 on eth1\nprobe 1 OK eth1 via 192.0.2.1\n';
  expect(await baseline(routed('192.0.2.2'), answer, [], { peer })).toMatchObject({
    asked: ['probe_arp 0 192.0.2.1', `probe_way 1 ${peer}`],
    required: ['ARP for 192.0.2.2', `the way to ${peer}`],
  });
  expect(
    await baseline(routed('192.0.2.2'), answer.replace('1 OK', '1 FAIL'), [], { peer }),
  ).toMatchObject({ required: ['ARP for 192.0.2.2'] });
});

test('a way that the plan itself takes away is not asked for', async () => {
  const peer = '198.51.100.7';
  const moved = `interfaces:
  - {name: eth1, ipv4: {enabled: false}}
  - {name: eth1.100, type: vlan, vlan: {base-iface: eth1, id: 100}, ipv4: {enabled: true, address: [{ip: 203.0.113.5, prefix-length: 24}]}}`;
  const { required } = await baseline(moved, 'probe 0 OK eth1 via 192.0.2.1\n', [], { peer });
  expect(required).toEqual([]);
});

describe('a new VLAN is tried on the NIC that is there', () => {
  const VLAN = `interfaces: [{name: eth2.100, type: vlan, state: up, vlan: {base-iface: eth2, id: 100}, ipv4: {enabled: true, address: [{ip: 10.1.0.5, prefix-length: 24}]}}]`;
  const ping = (isRequired: boolean): ProbeSpec => ({
    kind: 'ping',
    address: '10.1.0.1',
    isRequired,
  });
  const SILENT = 'probe 0 FAIL no answer\nprobe 1 OK\n';

  test('and somebody answers', async () => {
    expect(
      await baseline(VLAN, `${SILENT}trial 1 10.1.0.1 02:00:00:00:00:01\n`, [ping(true)]),
    ).toMatchObject({
      asked: [expect.anything(), 'probe_trial 1 eth2 100 802.1q 10.1.0.1 10.1.0.5 &'],
      warnings: [],
    });
  });

  test('and nobody answers: that is told', async () => {
    expect(await baseline(VLAN, SILENT, [ping(false)])).toMatchObject({
      required: ['ping 10.1.0.1'],
      warnings: [
        'tried before the change: nobody answers ARP in VLAN 100 on eth2 (asked for 10.1.0.1): the switch port of eth2 does not carry this VLAN, or that address is not in it',
      ],
    });
  });

  test('and nobody answers, though somebody must: nothing is touched', async () => {
    await expect(baseline(VLAN, SILENT, [ping(true)])).rejects.toMatchObject({
      code: 'VLAN_UNANSWERED',
      message: expect.stringMatching(/^h1: nobody answers ARP in VLAN 100 .*nothing was touched$/),
    });
  });

  test('and another host has the address already: nothing is touched', async () => {
    await expect(
      baseline(VLAN, `${SILENT}trial 1 10.1.0.5 02:00:00:00:00:66\n`, [ping(false)]),
    ).rejects.toThrow(/10\.1\.0\.5 already: 02:00:00:00:00:66 answers for it on eth2 in VLAN 100/);
  });
});

test.each([
  ['a new MTU', 'interfaces: [{name: eth2, type: ethernet, mtu: 1400}]', false],
  ['a new address', NIC.replace('192.0.2.5', '192.0.2.6'), false],
  [
    'a new bridge',
    'interfaces: [{name: br0, type: linux-bridge, state: up, bridge: {port: [{name: eth2}]}}]',
    true,
  ],
  [
    'a new MAC address',
    'interfaces: [{name: eth2, type: ethernet, mac-address: "02:00:00:00:00:05"}]',
    true,
  ],
])('whether the network is slow to settle: %s', (_, text, expected) => {
  expect(isSlowToSettle(planOf(text))).toBe(expected);
});
