import { describe, expect, test } from 'vitest';
import { vxlanOptions } from '../../src/agents/vxlan-reading.js';

/** As ip 6.1 shows one that was made with an id, a remote and a port alone. */
const NEW = {
  id: 7,
  remote: '192.0.2.1',
  port_range: { low: 0, high: 0 },
  port: 4789,
  learning: true,
  ttl: 0,
  df: 'unset',
  ageing: 300,
  udp_csum: true,
  udp_zero_csum6_tx: false,
  udp_zero_csum6_rx: false,
};

describe('options of a VXLAN that no document names', () => {
  test('a new one has none', () => {
    expect(vxlanOptions(NEW)).toBeUndefined();
  });

  const { ttl: _ttl, ...inherited } = NEW;
  const { df: _df, ...old } = inherited;
  test.each([
    ['ttl 7', { ...NEW, ttl: 7 }],
    ['ttl inherit', inherited],
    ['tos 0x1', { ...NEW, tos: '0x1' }],
    ['flowlabel 0x5', { ...NEW, label: '0x5' }],
    ['df set', { ...NEW, df: 'set' }],
    ['ageing 123', { ...NEW, ageing: 123 }],
    ['ageing 0', { ...NEW, ageing: 0 }],
    ['maxaddress 77', { ...NEW, limit: 77 }],
    ['srcport 1000 2000', { ...NEW, port_range: { low: 1000, high: 2000 } }],
    ['noudpcsum', { ...NEW, udp_csum: false }],
    ['udp6zerocsumrx', { ...NEW, udp_zero_csum6_rx: true }],
    ['proxy', { ...NEW, proxy: true }],
    ['gbp', { ...NEW, gbp: true }],
  ])('%s', (words, data) => {
    expect(Object.values(vxlanOptions(data) ?? {})).toEqual([words]);
  });

  test('an ip that does not know df prints no ttl where it is 0', () => {
    expect(vxlanOptions(old)).toBeUndefined();
  });
});
