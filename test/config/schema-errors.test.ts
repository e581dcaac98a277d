import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseDocument } from '../../src/config/document.js';
import { parseWith } from '../../src/config/schema-errors.js';
import { failureOf } from './failure.js';

const schema = z.strictObject({
  title: z.string().optional(),
  interfaces: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({
          name: z.string(),
          type: z.literal('vlan'),
          vlan: z
            .strictObject({ id: z.number().int().min(1).max(4094), 'base-iface': z.string() })
            .optional(),
        }),
        z.strictObject({
          name: z.string(),
          type: z.literal('bond'),
          mode: z.enum(['802.3ad', 'active-backup']).optional(),
          mtu: z.union([z.number(), z.string().regex(/^\d+$/, 'must be a number')]).optional(),
        }),
      ]),
    )
    .optional(),
  even: z
    .number()
    .refine((value) => value % 2 === 0, 'must be even')
    .optional(),
  later: z
    .unknown()
    .superRefine((value, context) => {
      if (value === undefined) return;
      context.addIssue({
        code: 'custom',
        message: 'later is not done yet',
        params: { code: 'NOT_SUPPORTED', whole: true, notes: ['leave it away'] },
      });
    })
    .optional(),
});

const failure = (text: string) =>
  failureOf(() => parseWith(schema, parseDocument('a.yml', text), 'network'));

test('a good document gives what the schema makes of it', () => {
  expect(parseWith(schema, parseDocument('a.yml', 'title: x\neven: 2'))).toEqual({
    title: 'x',
    even: 2,
  });
});

describe('says where, what and what would be right', () => {
  test.each<[string, string, string]>([
    [
      'unknown key with a near one',
      'interfaces:\n- name: v\n  type: vlan\n  vlan: {id: 1, base_iface: x, base-iface: y}',
      'a.yml:4:17 UNKNOWN_KEY: unknown key "base_iface" in network.interfaces[v].vlan (did you mean "base-iface"?)',
    ],
    [
      'unknown key of another kind',
      'interfaces:\n- {name: b, type: bond, vlan: {}}',
      'a.yml:2:25 UNKNOWN_KEY: unknown key "vlan" in network.interfaces[b]\n  known keys: name, type, mode, mtu',
    ],
    [
      'number out of its range',
      'interfaces:\n- name: bond0.5000\n  type: vlan\n  vlan:\n    id: 5000\n    base-iface: x',
      'a.yml:5:5 INVALID_VALUE: network.interfaces[bond0.5000].vlan.id is 5000, must be a number from 1 to 4094',
    ],
    [
      'missing key, at the map it is missing in',
      'interfaces:\n- name: v\n  type: vlan\n  vlan: {id: 1}',
      'a.yml:4:3 INVALID_VALUE: network.interfaces[v].vlan.base-iface is missing: it must be text',
    ],
    [
      'unknown kind',
      'interfaces:\n- name: v\n  type: vlaan',
      'a.yml:3:3 INVALID_VALUE: network.interfaces[v].type is "vlaan", must be one of vlan, bond (did you mean "vlan"?)',
    ],
    [
      'unknown word',
      'interfaces: [{name: b, type: bond, mode: 802.3ab}]',
      'a.yml:1:36 INVALID_VALUE: network.interfaces[b].mode is "802.3ab", must be one of 802.3ad, active-backup (did you mean "802.3ad"?)',
    ],
    [
      'no alternative of a union fits',
      'interfaces: [{name: b, type: bond, mtu: [1]}]',
      'a.yml:1:36 INVALID_VALUE: network.interfaces[b].mtu is a list, must be a number or text',
    ],
    [
      'one alternative of a union nearly fits',
      'interfaces: [{name: b, type: bond, mtu: x}]',
      'a.yml:1:36 INVALID_VALUE: network.interfaces[b].mtu is "x", must be a number',
    ],
    ['wrong type', 'title: [1]', 'a.yml:1:1 INVALID_VALUE: network.title is a list, must be text'],
    ['own words', 'even: 3', 'a.yml:1:1 INVALID_VALUE: network.even is 3, must be even'],
    [
      'own code, words and notes',
      'later: 3',
      'a.yml:1:1 NOT_SUPPORTED: later is not done yet\n  leave it away',
    ],
    ['whole document', '- 1', 'a.yml:1:1 INVALID_VALUE: network is a list, must be a map'],
  ])('%s', (_, text, message) => {
    expect(failure(text)).toEqual([message]);
  });
});

test('all mistakes are told at once, in the order they were written', () => {
  const errors = failure('later: 1\ntitel: x\neven: 1\ninterfaces: [{name: 1, type: bond}]');
  expect(errors.map((error) => error.split(' ')[0])).toEqual([
    'a.yml:1:1',
    'a.yml:2:1',
    'a.yml:3:1',
    'a.yml:4:15',
  ]);
});
