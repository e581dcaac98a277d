/** What is asked before a change, and what follows from it for after the change. */
import { expect, test } from 'vitest';

import { planHost } from '../../src/plan/plan-host.js';
import { probeName, type ProbeSpec } from '../../src/probes/probe-script.js';
import { baselineProbes, isSlowToSettle } from '../../src/run/probe-host.js';
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

async function baseline(text: string, answer: string, probes: readonly ProbeSpec[] = []) {
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
  const { required, waived } = await baselineProbes(
    'h1',
    connection,
    probes,
    OBSERVED,
    planOf(text),
  );
  return { asked, required: required.map(probeName), waived: waived.map(({ text: why }) => why) };
}

test('a default gateway that answered must be followed by one that answers', async () => {
  expect(await baseline(routed('192.0.2.2'), 'probe 0 OK 02:00:00:00:00:99 on eth1\n')).toEqual({
    asked: ['probe_arp 0 192.0.2.1'],
    required: ['ARP for 192.0.2.2'],
    waived: [],
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
