import { expect, test } from 'vitest';
import { attachmentsOf } from '../../src/agents/attachments.js';

test('what is lost with an interface is found in tc and nftables', () => {
  const found = attachmentsOf({
    qdiscs: [
      { kind: 'noqueue', handle: '0:', dev: 'lo', root: true },
      { kind: 'mq', handle: '1:', dev: 'eth1', root: true },
      { kind: 'fq_codel', handle: '2:', dev: 'eth1', parent: '1:1' },
      { kind: 'htb', handle: '1:', dev: 'br0.7', root: true },
      { kind: 'clsact', handle: 'ffff:', dev: 'eth2', parent: 'ffff:fff1' },
    ],
    mirrors: ['eth2 br0.7', 'eth2 br0.7'],
    nftables: [
      '\t\tiif "br0.7" tcp dport 22 accept',
      '\t\tip saddr 192.0.2.0/24 oif { "br0", "br0.8" } drop',
      '\t\tiifname "eth3" accept',
      '\t\tiif != "lo" drop',
    ],
  });
  const index = 'a rule of nftables that holds its index (iif, oif)';
  expect(Object.fromEntries(found)).toEqual({
    'br0.7': ['queueing discipline htb', 'a tc mirror from eth2', index],
    eth2: ['queueing discipline clsact'],
    br0: [index],
    'br0.8': [index],
    lo: [index],
  });
});
