import { expect, test } from 'vitest';
import { readTransactions } from '../../src/commands/status.js';
import { failureOf } from '../config/failure.js';

const answer = (stdout: string, stderr = '') => ({ stdout, stderr, code: stderr === '' ? 0 : 1 });
const NONE = 'uptime 100.5\nuser 0\n@transactions\n@end-transactions\n';

test('a host without transactions has none', () => {
  expect(readTransactions('h1', answer(NONE))).toEqual([]);
});

test('a transaction has its age and its time left by the clock of the host', () => {
  const text = NONE.replace('@transactions\n', '@transactions\n20260101T0-a applied 130 90 me\n');
  expect(readTransactions('h1', answer(text))).toEqual([
    {
      transaction: '20260101T0-a',
      state: 'applied',
      ageSeconds: 10,
      secondsLeft: 29,
      owner: 'me',
    },
  ]);
});

test('a host that gives no answer is not one without transactions', () => {
  const refused = answer('', 'sudo: sorry, you must have a tty to run sudo\n');
  expect(failureOf(() => readTransactions('h1', refused)).join('\n')).toMatch(
    /HOST_UNFIT: h1: .*you must have a tty/s,
  );
});

test('a user who may not look does not see that there are none', () => {
  const text = NONE.replace('user 0', 'user 1000');
  expect(failureOf(() => readTransactions('h1', answer(text)))[0]).toContain('BECOME_FAILED');
});
