import { describe, expect, test } from 'vitest';
import { selectHosts } from '../../src/inventory/host-pattern.js';
import { readInventoryGraph } from '../../src/inventory/inventory-graph.js';
import { createInventory } from '../../src/inventory/inventory.js';
import { failureOf } from '../config/failure.js';

const text = `
web: {hosts: {'w[1:3]': }}
db: {hosts: {d1: , d2: }}
dc1: {hosts: {w1: , d1: }}
empty: {}
lab: {hosts: {'2001:db8::1': }}
`;
const inventory = createInventory(readInventoryGraph([{ file: 'i.yml', text }]));
const select = (pattern: string) => selectHosts(inventory, pattern).join(' ');

describe('a pattern selects', () => {
  test.each([
    ['w1', 'w1'],
    ['web', 'w1 w2 w3'],
    ['db:web', 'd1 d2 w1 w2 w3'],
    ['d1,web,w1', 'd1 w1 w2 w3'],
    ['all', 'w1 w2 w3 d1 d2 2001:db8::1'],
    ['*', 'w1 w2 w3 d1 d2 2001:db8::1'],
    ['', 'w1 w2 w3 d1 d2 2001:db8::1'],
    [', ,', 'w1 w2 w3 d1 d2 2001:db8::1'],
    ['w*', 'w1 w2 w3'],
    ['?1', 'w1 d1'],
    ['w[!2]', 'w1 w3'],
    ['[wd]1', 'w1 d1'],
    ['web:&dc1', 'w1'],
    ['&dc1:web', 'w1'],
    ['!web:web:db', 'd1 d2'],
    ['all:!web:!lab', 'd1 d2'],
    ['!web:!lab', 'd1 d2'],
    ['web:db:&dc1:!d1', 'w1'],
    ['web[0]', 'w1'],
    ['web[-1]', 'w3'],
    ['web[0:1]', 'w1 w2'],
    ['web[1:]', 'w2 w3'],
    ['web[1-2]', 'w2 w3'],
    ['web[1:99]', 'w2 w3'],
    ['web[0]:db[1]', 'w1 d2'],
    ['~w[12]', 'w1 w2'],
    ['~(w|d)1$', 'w1 d1'],
    ['2001:db8::1', '2001:db8::1'],
    ['empty', ''],
    ['web:!web', ''],
    ['w1 d1', 'w1 d1'],
    ['web[2:1]', ''],
    ['empty[0]', ''],
    // A host in two matching groups counts twice for a subscript, as in Ansible.
    ['d*[1:2]', 'd2 w1'],
    ['d*[4]', 'd1'],
    ['[!]x]1,', 'w1 d1'],
    ['~(?i)W1$', 'w1'],
    ['~(?P<l>[wd])\\d\\Z', 'w1 w2 w3 d1 d2'],
    ['localhost', 'localhost'],
    ['web,127.0.0.1', 'w1 w2 w3 127.0.0.1'],
    ['localhost,!127.0.0.1', ''],
  ])('%j: %s', (pattern, hosts) => {
    expect(select(pattern)).toBe(hosts);
  });
});

describe('a pattern is refused', () => {
  test.each([
    ['w4', 'UNKNOWN_HOST: no host or group matches "w4" (did you mean "w1"?)'],
    ['all:!dbb', 'no host or group matches "dbb" (did you mean "db"?)'],
    ['web:&nowhere', 'no host or group matches "nowhere"'],
    ['x*', 'no host or group matches "x*"'],
    ['W1', 'no host or group matches "W1"'],
    ['~eb', 'no host or group matches "~eb"'],
    ['web[7]', 'UNKNOWN_HOST: "web[7]": "web" has 3 hosts, counted from 0'],
    ['~(', 'INVALID_VALUE: "~(" is no regular expression'],
    ['@retry', 'NOT_SUPPORTED: "@retry"'],
  ])('%s', (pattern, message) => {
    expect(failureOf(() => select(pattern)).join('\n')).toContain(message);
  });

  test('however many stars it has, in no time', () => {
    const hosts = `g: {hosts: {${'a'.repeat(200)}: }}`;
    const long = createInventory(readInventoryGraph([{ file: 'i.yml', text: hosts }]));
    const [error] = failureOf(() => selectHosts(long, `${'*a'.repeat(60)}*b`));
    expect(error).toContain('UNKNOWN_HOST');
  });

  test('at the place where it was written', () => {
    const place = { file: 'p.yml', line: 3, column: 5 };
    const [error] = failureOf(() => selectHosts(inventory, 'nope-nope', place));
    expect(error).toMatch(/^p\.yml:3:5 UNKNOWN_HOST: .*\n {2}groups: all, ungrouped, web/);
  });
});
