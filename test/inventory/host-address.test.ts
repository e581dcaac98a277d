import { expect, test } from 'vitest';
import { parseHostAddress } from '../../src/inventory/host-address.js';

test.each<[string, string, number | undefined]>([
  ['web1', 'web1', undefined],
  ['web1.example.com:22', 'web1.example.com', 22],
  ['h_3-x', 'h_3-x', undefined],
  ['ü1', 'ü1', undefined],
  ['192.0.2.3:23', '192.0.2.3', 23],
  ['192.0.2.[3:10]:23', '192.0.2.[3:10]', 23],
  ['web[1:3]-[a:c]', 'web[1:3]-[a:c]', undefined],
  ['web[01:09:2]:22', 'web[01:09:2]', 22],
  ['2001:db8::1', '2001:db8::1', undefined],
  ['2001:db8::[1:f]', '2001:db8::[1:f]', undefined],
  ['[2001:db8::1]:22', '2001:db8::1', 22],
  ['[web1]:22', 'web1', 22],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1', undefined],
  ['::', '::', undefined],
])('%s is %s with the port %s', (text, host, port) => {
  expect(parseHostAddress(text)).toEqual({ host, port });
});

test.each([
  '',
  'web_',
  '-web',
  'web..de',
  'web:',
  'web:ssh',
  'web:db',
  '[2001:db8::1]',
  'a::b::c',
  '2001:db8::1:web',
  'h[1]',
  'h[1:a]',
  'h[1:2',
  'web*',
])('%j is no name and no address', (text) => {
  expect(parseHostAddress(text)).toBeUndefined();
});
