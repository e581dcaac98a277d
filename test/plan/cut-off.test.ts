import { expect, test } from 'vitest';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf, hostWith } from '../network/documents.js';

const HOST = hostWith(
  'interfaces: [{name: eth1, state: up, ipv4: {enabled: true, address: [{ip: 192.0.2.5, prefix-length: 24}]}}]',
);

function plan(document: string, options: { allowCutOff?: boolean; behindNat?: boolean } = {}) {
  const { allowCutOff = false, behindNat = false } = options;
  const ssh = {
    clientAddress: '192.0.2.1',
    serverAddress: behindNat ? '198.51.100.5' : '192.0.2.5',
    serverPort: 22,
  };
  const observation = {
    state: HOST,
    ssh,
    bootConfigured: new Set<string>(),
    resolvedOwnsDns: false,
  };
  return planHost('h1', observation, desiredOf(document), { allowCutOff });
}

const GONE = 'interfaces: [{name: eth1, ipv4: {enabled: false}}]';

test('a plan that takes away the address at which SSH answers is refused', () => {
  expect(() => plan(GONE)).toThrow(
    'h1: the plan takes away 192.0.2.5 of eth1, at which SSH answers, and puts no other address in its place',
  );
});

test.each<[string, () => ReturnType<typeof plan>, string | undefined]>([
  ['it is allowed by name', () => plan(GONE, { allowCutOff: true }), undefined],
  [
    'it gives a new address',
    () =>
      plan(
        'interfaces: [{name: eth1, ipv4: {enabled: true, address: [{ip: 192.0.2.6, prefix-length: 24}]}}]',
      ),
    '192.0.2.6',
  ],
  [
    'the address moves to another interface',
    () =>
      plan(
        'interfaces: [{name: eth1, ipv4: {enabled: false}}, {name: eth2, state: up, ipv4: {enabled: true, address: [{ip: 192.0.2.5, prefix-length: 24}]}}]',
      ),
    undefined,
  ],
  ['the way in is not known, behind NAT', () => plan(GONE, { behindNat: true }), undefined],
])('but not when %s', (_name, made, address) => {
  expect(made().newManagementAddress).toBe(address);
});
