import { describe, expect, test } from 'vitest';
import { NetorchError, NetorchErrors } from '../../src/errors.js';
import { connectionTarget } from '../../src/transport/connection-options.js';
import type { ConnectionTarget } from '../../src/transport/transport.js';

const DEFAULTS = { user: 'me', home: '/home/me', env: { KEYS: '/keys' } };

/** The line of a variable is its position. */
function target(vars: Record<string, unknown>, defaults = {}): ConnectionTarget {
  const names = Object.keys(vars);
  const locate = ([name]: readonly (string | number)[]) => ({
    file: 'hosts.yml',
    line: names.indexOf(String(name)) + 1,
    column: 1,
  });
  return connectionTarget('h1', { value: vars, locate }, { ...DEFAULTS, ...defaults });
}

function errorOf(vars: Record<string, unknown>): NetorchError {
  try {
    target(vars);
  } catch (error) {
    if (error instanceof NetorchError) return error;
    throw error;
  }
  throw new Error('expected an error');
}

test('without variables: the inventory name, port 22, the own user, strict host keys', () => {
  expect(target({})).toEqual({
    host: 'h1',
    address: 'h1',
    port: 22,
    user: 'me',
    privateKeyFile: undefined,
    password: undefined,
    proxyCommand: undefined,
    knownHostsFiles: [
      '/home/me/.ssh/known_hosts',
      '/home/me/.ssh/known_hosts2',
      '/etc/ssh/ssh_known_hosts',
      '/etc/ssh/ssh_known_hosts2',
    ],
    hostKeyChecking: 'strict',
    connectTimeoutMs: 10_000,
    become: undefined,
    kind: 'ssh',
  });
});

const sudo = { method: 'sudo', user: 'root', password: undefined };

test.each<[string, Record<string, unknown>, Partial<ConnectionTarget>]>([
  ['an address', { ansible_host: '192.0.2.1' }, { address: '192.0.2.1' }],
  [
    'the old spellings',
    { ansible_ssh_host: 'a', ansible_ssh_user: 'u', ansible_ssh_port: 23 },
    { address: 'a', user: 'u', port: 23 },
  ],
  ['two spellings that agree', { ansible_port: 23, ansible_ssh_port: 23 }, { port: 23 }],
  ['a port as text', { ansible_port: '2222' }, { port: 2222 }],
  ['null as not set', { ansible_port: null, ansible_user: null }, { port: 22, user: 'me' }],
  ['a password', { ansible_ssh_pass: 'p w' }, { password: 'p w' }],
  [
    'a key file under ~',
    { ansible_ssh_private_key_file: '~/.ssh/k' },
    { privateKeyFile: '/home/me/.ssh/k' },
  ],
  [
    'a key file with ${NAME} and %d',
    { ansible_ssh_private_key_file: '${KEYS}/%d/k' },
    { privateKeyFile: '/keys//home/me/k' },
  ],
  ['a timeout in seconds', { ansible_timeout: 3 }, { connectTimeoutMs: 3000 }],
  ['no host key checking', { ansible_host_key_checking: 'no' }, { hostKeyChecking: 'off' }],
  [
    'host key checking wanted',
    {
      ansible_host_key_checking: true,
      ansible_ssh_common_args: '-o StrictHostKeyChecking=accept-new',
    },
    { hostKeyChecking: 'accept-new' },
  ],
  ['become', { ansible_become: 'yes' }, { become: { ...sudo, method: 'sudo' } }],
  [
    'become with all its parts',
    {
      ansible_become: true,
      ansible_become_method: 'su',
      ansible_become_user: 'op',
      ansible_become_pass: 'x',
    },
    { become: { method: 'su', user: 'op', password: 'x' } },
  ],
  ['become parts alone are not become', { ansible_become_user: 'op' }, { become: undefined }],
  ['local', { ansible_connection: 'local' }, { kind: 'local' }],
  [
    'a ProxyCommand',
    { ansible_ssh_common_args: `-o ProxyCommand="ssh -W %h:%p -q 'jump host'"` },
    { proxyCommand: "ssh -W %h:%p -q 'jump host'" },
  ],
  [
    'a quoted option with blanks',
    { ansible_ssh_common_args: "-o 'ProxyCommand nc %h %p'" },
    { proxyCommand: 'nc %h %p' },
  ],
  [
    'ProxyCommand=none',
    { ansible_ssh_common_args: '-oProxyCommand=none' },
    { proxyCommand: undefined },
  ],
  [
    'the first value of an option',
    {
      ansible_ssh_common_args: '-o ConnectTimeout=4',
      ansible_ssh_extra_args: '-o connecttimeout=5',
    },
    { connectTimeoutMs: 4000 },
  ],
  [
    'ssh arguments',
    { ansible_ssh_extra_args: '-C -q -i ~/k -p 24 -l root' },
    { privateKeyFile: '/home/me/k', port: 24, user: 'root' },
  ],
  [
    'variables before ssh arguments',
    { ansible_port: 23, ansible_user: 'u', ansible_ssh_extra_args: '-p 24 -l root' },
    { port: 23, user: 'u' },
  ],
  [
    'known_hosts files',
    { ansible_ssh_common_args: '-o UserKnownHostsFile="~/a /b" -o GlobalKnownHostsFile=none' },
    { knownHostsFiles: ['/home/me/a', '/b'] },
  ],
  [
    'no known_hosts, no checking',
    {
      ansible_ssh_common_args:
        '-o UserKnownHostsFile=/dev/null -o GlobalKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o ControlMaster=auto -o LogLevel=ERROR',
    },
    { knownHostsFiles: ['/dev/null', '/dev/null'], hostKeyChecking: 'off' },
  ],
  ['empty ssh arguments', { ansible_ssh_common_args: '' }, {}],
])('understands %s', (_name, vars, expected) => {
  expect(target(vars)).toMatchObject(expected);
});

describe('what is wrong', () => {
  test.each([
    [
      'a port out of range',
      { ansible_port: 70000 },
      'INVALID_VALUE',
      'h1: ansible_port: is 70000, must be 1–65535',
    ],
    ['a port that is a word', { ansible_port: 'ssh' }, 'INVALID_VALUE', 'is ssh, must be 1–65535'],
    ['an empty address', { ansible_host: '' }, 'INVALID_VALUE', 'must not be empty'],
    ['a number as a password', { ansible_password: 123 }, 'INVALID_VALUE', 'put it in quotes'],
    [
      'spellings that differ',
      { ansible_host: 'a', ansible_ssh_host: 'b' },
      'INVALID_VALUE',
      'ansible_ssh_host: differs from ansible_host',
    ],
    [
      'a word for a boolean',
      { ansible_become: 'maybe' },
      'INVALID_VALUE',
      'is "maybe", must be true or false',
    ],
    ['another connection', { ansible_connection: 'winrm' }, 'NOT_SUPPORTED', '"winrm"'],
    [
      'another become method',
      { ansible_become: true, ansible_become_method: 'runas' },
      'NOT_SUPPORTED',
      'use sudo, su, doas',
    ],
    ['become flags', { ansible_become_flags: '-i' }, 'NOT_SUPPORTED', 'ansible_become_flags'],
    [
      '-J',
      { ansible_ssh_common_args: '-J bastion' },
      'NOT_SUPPORTED',
      '-J (ProxyJump) is not supported: write -o ProxyCommand="ssh -W %h:%p bastion"',
    ],
    [
      'ProxyJump',
      { ansible_ssh_common_args: '-o ProxyJump=bastion' },
      'NOT_SUPPORTED',
      'ProxyJump',
    ],
    [
      'an unknown option',
      { ansible_ssh_extra_args: '-o CertificateFile=x' },
      'NOT_SUPPORTED',
      'the ssh option CertificateFile',
    ],
    ['an unknown flag', { ansible_ssh_extra_args: '-F x' }, 'NOT_SUPPORTED', 'the ssh option -F'],
    [
      'a word that is no option',
      { ansible_ssh_extra_args: 'x' },
      'NOT_SUPPORTED',
      'the ssh argument "x"',
    ],
    [
      'two key files',
      { ansible_ssh_extra_args: '-i a -i b' },
      'NOT_SUPPORTED',
      'more than one identity file',
    ],
    [
      'an open quote',
      { ansible_ssh_extra_args: "-o 'x" },
      'INVALID_VALUE',
      'a quote is not closed',
    ],
    [
      'an option without a value',
      { ansible_ssh_extra_args: '-p' },
      'INVALID_VALUE',
      '-p has no value',
    ],
    [
      'a wrong number among the arguments',
      { ansible_ssh_extra_args: '-p x' },
      'INVALID_VALUE',
      'ansible_ssh_extra_args: Port is x',
    ],
    [
      'a wrong StrictHostKeyChecking',
      { ansible_ssh_extra_args: '-o StrictHostKeyChecking=maybe' },
      'INVALID_VALUE',
      'must be yes, accept-new or no',
    ],
  ])('%s is named with its place', (_name, vars, code, words) => {
    const error = errorOf({ before: 1, ...vars });
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.location).toEqual({
      file: 'hosts.yml',
      line: Object.keys(vars).length + 1,
      column: 1,
    });
  });

  test('all mistakes come at once, and no password among them', () => {
    const act = () => target({ ansible_port: 0, ansible_become: 2, ansible_password: 4711 });
    expect(act).toThrow(NetorchErrors);
    expect(act).toThrow(/ansible_port(.|\n)*ansible_become/);
    expect(act).not.toThrow(/4711/);
  });
});

test('become of the play holds unless the host says otherwise', () => {
  const become = { method: 'sudo', user: 'root', password: 'p' } as const;
  expect(target({}, { become }).become).toEqual(become);
  expect(target({ ansible_become_user: 'op' }, { become }).become).toEqual({
    ...become,
    user: 'op',
  });
  expect(target({ ansible_become: false }, { become }).become).toBeUndefined();
});
