import { expect, test } from 'vitest';
import { gateways, jumpHosts, observedReach, plannedReach } from '../../src/run/last-and-alone.js';
import type { ConnectionTarget } from '../../src/transport/transport.js';
import { desiredOf, hostWith } from '../network/documents.js';
import { JOB } from './fake-host.js';

function target(host: string, address: string, jump?: ConnectionTarget): ConnectionTarget {
  return { ...JOB.target, host, address, ...(jump === undefined ? {} : { jump }) };
}

test('jump hosts come in the order in which they may go: the inner before the outer', () => {
  const gate = target('jump host gate', '192.0.2.1');
  const inner = target('jump host inner', '192.0.2.2', gate);
  const found = jumpHosts([
    target('gate', '192.0.2.1'),
    target('inner', '192.0.2.2', gate),
    target('deep', '192.0.2.3', inner),
    target('far', '192.0.2.4', inner),
    target('near', '192.0.2.5'),
  ]);
  expect([...found]).toEqual([
    ['inner', 'jump host of deep, far'],
    ['gate', 'jump host of inner, deep, far'],
  ]);
});

test('another port at the address of a jump host is another machine', () => {
  const gate = { ...target('jump host gate', '192.0.2.1'), port: 2222 };
  expect(jumpHosts([target('gate', '192.0.2.1'), target('a', '192.0.2.2', gate)]).size).toBe(0);
});

const observed = (ip: string, gateway: string) =>
  observedReach(
    hostWith(`interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: ${ip}, prefix-length: 24}]}}]
routes: {config: [{destination: 0.0.0.0/0, next-hop-address: ${gateway}, next-hop-interface: eth1}]}`),
  );

test('gateways are hosts at whose addresses the routes of others lead', () => {
  const found = gateways([
    ['r', observed('192.0.2.1', '192.0.2.254')],
    ['a', observed('192.0.2.2', '192.0.2.1')],
    ['b', observed('192.0.2.3', '192.0.2.1')],
  ]);
  expect([...found]).toEqual([['r', 'gateway of a, b']]);
});

test('of a host that was not observed, the address that is dialled and its plan are known', () => {
  const plan = desiredOf(`interfaces:
  - {name: eth1, ipv4: {enabled: true, address: [{ip: 198.51.100.1, prefix-length: 24}]}}
  - {name: eth2, state: absent}
routes:
  config:
    - {destination: 203.0.113.0/24, next-hop-address: 192.0.2.7, next-hop-interface: eth1}
    - {state: absent, destination: 0.0.0.0/0, next-hop-address: 192.0.2.8}
`);
  expect(plannedReach(plan, '192.0.2.1')).toEqual({
    addresses: ['192.0.2.1', '198.51.100.1'],
    nextHops: ['192.0.2.7'],
    servers: [],
  });
  const found = gateways([
    ['r', plannedReach(plan, '192.0.2.1')],
    ['a', observed('192.0.2.2', '192.0.2.1')],
    ['b', observed('198.51.100.2', '198.51.100.1')],
  ]);
  expect([...found]).toEqual([['r', 'gateway of a, b']]);
});

test('DNS servers of others come last, and a host that is a gateway as well counts as that', () => {
  const asking = (ip: string, server: string) =>
    observedReach(
      hostWith(`interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: ${ip}, prefix-length: 24}]}}]
dns-resolver: {config: {server: [${server}]}}`),
    );
  const found = gateways([
    ['a', asking('192.0.2.2', '192.0.2.3')],
    ['dns', asking('192.0.2.3', '192.0.2.1')],
    ['r', observed('192.0.2.1', '192.0.2.254')],
    ['b', observed('192.0.2.4', '192.0.2.1')],
  ]);
  expect([...found]).toEqual([
    ['dns', 'DNS server of a'],
    ['r', 'gateway of b'],
  ]);
});
