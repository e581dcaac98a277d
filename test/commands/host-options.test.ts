import { expect, test } from 'vitest';
import { withHosts } from '../../src/commands/host-options.js';
import { failureOf } from '../config/failure.js';

const OPTIONS = { forks: 1 };

test('hosts may be named without an option', () => {
  expect(withHosts('web', OPTIONS)).toEqual({ forks: 1, hosts: 'web' });
  expect(withHosts(undefined, { ...OPTIONS, hosts: 'db' })).toEqual({ forks: 1, hosts: 'db' });
});

test('hosts that are named in both ways are a mistake', () => {
  expect(failureOf(() => withHosts('web', { ...OPTIONS, hosts: 'db' }))).toEqual([
    'USAGE: hosts are given twice: "web" and --hosts db',
  ]);
});
