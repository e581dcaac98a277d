import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { expandProxyCommand } from '../../src/transport/proxy-command.js';
import { quoteSh } from '../../src/quote-sh.js';
import { splitShellWords } from '../../src/transport/shell-words.js';
import type { ConnectionTarget } from '../../src/transport/transport.js';

const WORDS = [
  'plain',
  '',
  ' ',
  "it's",
  '$HOME',
  '`id`',
  '"',
  '\\',
  "a'b'c''",
  '\n',
  '*',
  '~',
  'ü',
  '-n',
  '#',
];

test('quoted words reach a command unchanged', () => {
  const script = `for word in ${WORDS.map(quoteSh).join(' ')}; do printf '%s\\0' "$word"; done`;
  const output = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
  expect(output.split('\0').slice(0, -1)).toEqual(WORDS);
});

test('quoted words are split into the same words', () => {
  expect(splitShellWords(WORDS.map(quoteSh).join(' '))).toEqual(WORDS);
});

test('a NUL cannot be quoted', () => {
  expect(() => quoteSh('a\0b')).toThrow('NUL');
});

test.each([
  ['', []],
  ['  a\t b\n', ['a', 'b']],
  [`a"b c"'d e'f`, ['ab cd ef']],
  [String.raw`a\ b "c\"d\e" '\'`, ['a b', String.raw`c"d\e`, '\\']],
  [`'' ""`, ['', '']],
])('splits %j as a shell does', (text, words) => {
  expect(splitShellWords(text)).toEqual(words);
});

test.each([`'a`, `"a`, 'a\\', `a "b'`])('does not split %j, which is not closed', (text) => {
  expect(splitShellWords(text)).toBeUndefined();
});

describe('expandProxyCommand', () => {
  const target = { host: 'web1', port: 2222, user: 'op' } as ConnectionTarget;

  test('fills in its tokens', () => {
    expect(expandProxyCommand('nc %h %p # %r %n %%h', target, '2001:db8::1')).toBe(
      'nc 2001:db8::1 2222 # op web1 %h',
    );
  });

  test.each([
    ['an address that a shell would act on', 'nc %h', 'a;reboot', 'the address "a;reboot"'],
    ['an address that looks like an option', 'nc %h', '-oProxyCommand', 'the address'],
    ['an unknown token', 'nc %x', 'a', 'unknown token %x'],
    ['a lone percent sign', 'nc %', 'a', 'unknown token %'],
  ])('refuses %s', (_name, template, address, words) => {
    expect(() => expandProxyCommand(template, target, address)).toThrow(words);
  });
});
