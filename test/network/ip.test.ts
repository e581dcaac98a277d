import { Address4, Address6 } from 'ip-address';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  canonicalIp,
  canonicalNetwork,
  isInSubnet,
  isLinkLocal,
  linkLocalOf,
} from '../../src/network/ip.js';

/** What the library says, which is slow and was written by others. */
function expectedInSubnet(ip: string, network: string): boolean {
  return ip.includes(':')
    ? new Address6(ip).isInSubnet(new Address6(network))
    : new Address4(ip).isInSubnet(new Address4(network));
}

const addresses = fc.oneof(
  fc.tuple(fc.ipV4(), fc.ipV4(), fc.integer({ min: 0, max: 32 })),
  fc.tuple(fc.ipV6(), fc.ipV6(), fc.integer({ min: 0, max: 128 })),
);

describe('addresses', () => {
  test('lie in a subnet when the library says so, near its edges too', () => {
    fc.assert(
      fc.property(addresses, fc.boolean(), ([one, other, prefixLength], isOwn) => {
        const ip = canonicalIp(one)?.ip ?? '';
        const within = canonicalIp(isOwn ? one : other)?.ip ?? '';
        expect(isInSubnet(ip, { ip: within, prefixLength })).toBe(
          expectedInSubnet(ip, `${within}/${prefixLength}`),
        );
        const network = canonicalNetwork(`${ip}/${prefixLength}`)?.network ?? '';
        expect(isInSubnet(network.split('/')[0] ?? '', { ip, prefixLength })).toBe(true);
        expect(expectedInSubnet(ip, network)).toBe(true);
      }),
    );
  });

  test.each([
    ['192.0.2.5', '192.0.2.5'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['256.0.2.5', undefined],
    ['192.0.2', undefined],
    ['192.0.2.5.6', undefined],
    ['192.0.2.5/24', undefined],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['::ffff:c000:205', '::ffff:192.0.2.5'],
    ['fe80::1%eth0', undefined],
  ])('%s is written %s', (text, expected) => {
    expect(canonicalIp(text)?.ip).toBe(expected);
  });

  test.each([
    ['192.0.2.77/26', '192.0.2.64/26'],
    ['192.0.2.77/0', '0.0.0.0/0'],
    ['255.255.255.255/1', '128.0.0.0/1'],
    ['192.0.2.77', '192.0.2.77/32'],
    ['2001:db8::ffff/120', '2001:db8::ff00/120'],
    ['192.0.2.77/33', undefined],
  ])('%s is in the network %s', (text, expected) => {
    expect(canonicalNetwork(text)?.network).toBe(expected);
  });

  test('of two families are never in one subnet', () => {
    expect(isInSubnet('0.0.0.0', { ip: '::', prefixLength: 0 })).toBe(false);
    expect(isInSubnet('::', { ip: '0.0.0.0', prefixLength: 0 })).toBe(false);
    expect(isInSubnet('::ffff:192.0.2.5', { ip: '::ffff:192.0.2.0', prefixLength: 120 })).toBe(
      true,
    );
  });

  test('are link-local from fe80:: to febf::', () => {
    const found = ['fe7f::1', 'fe80::', 'fe80::1', 'febf::1', 'fec0::1', 'fe8::1'].filter(
      isLinkLocal,
    );
    expect(found).toEqual(['fe80::', 'fe80::1', 'febf::1']);
  });

  test('are made of any MAC as RFC 4291 says, in canonical text', () => {
    expect(linkLocalOf('52:54:00:12:34:56')).toBe('fe80::5054:ff:fe12:3456');
    expect(linkLocalOf('02:00:00:00:00:00')).toBe('fe80::ff:fe00:0');
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const mac = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
        const made = linkLocalOf(mac) ?? '';
        expect(canonicalIp(made)?.ip).toBe(made);
      }),
    );
  });
});
