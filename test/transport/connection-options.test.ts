import { describe, expect, test } from 'vitest';
import { NetorchError, NetorchErrors } from '../../src/errors.js';
import { connectionTarget } from '../../src/transport/connection-options.js';
import { parseSshConfig } from '../../src/transport/ssh-config.js';
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
    openssh: { destination: 'h1', arguments: [] },
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
      'an unknown option',
      { ansible_ssh_extra_args: '-o Tunnel=yes' },
      'NOT_SUPPORTED',
      'the ssh option Tunnel is not supported: the system',
    ],
    ['an unknown flag', { ansible_ssh_extra_args: '-w x' }, 'NOT_SUPPORTED', 'the ssh option -w'],
    [
      'a word that is no option',
      { ansible_ssh_extra_args: 'x' },
      'NOT_SUPPORTED',
      'the ssh argument "x"',
    ],
    [
      'a jump host that cannot be one',
      { ansible_ssh_common_args: '-J a,' },
      'INVALID_VALUE',
      '-J is "a,", must be [user@]host[:port]',
    ],
    [
      'an unknown transport',
      { netorch_transport: 'telnet' },
      'INVALID_VALUE',
      'netorch_transport: is "telnet", must be auto, ssh2 or openssh',
    ],
    [
      'an unknown token',
      { ansible_ssh_extra_args: '-i k_%z' },
      'NOT_SUPPORTED',
      'the token %z in "k_%z"',
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

/** What ssh does with `config` in ~/.ssh/config; `named` are other files, for -F. */
function configured(
  vars: Record<string, unknown>,
  config: string,
  named: Record<string, string> = {},
): ConnectionTarget {
  const parse = (text: string, file: string) => [parseSshConfig(text, file, () => [])];
  return target(vars, {
    uid: 1000,
    localHostname: 'desk.example',
    sshConfig: (file: string | undefined) =>
      file === undefined ? parse(config, 'config') : parse(named[file] ?? '', file),
  });
}

describe('with ssh_config', () => {
  const CONFIG = `
Host web
  HostName web.internal
  User deploy
  Port 2200
  IdentityFile ~/.ssh/%r@%n
  IdentityFile /keys/%h-%p-%i-%L-%%
  IdentitiesOnly yes
  IdentityAgent $MY_AGENT
  HostKeyAlias Web-1
  ConnectTimeout 1m
  ServerAliveInterval 7
  StrictHostKeyChecking accept-new
  UserKnownHostsFile ~/.ssh/known_%k
  GlobalKnownHostsFile none
`;

  test('takes over what stands there for the host', () => {
    expect(configured({ ansible_host: 'web' }, CONFIG)).toMatchObject({
      address: 'web.internal',
      user: 'deploy',
      port: 2200,
      privateKeyFile: undefined,
      identityFiles: ['/home/me/.ssh/deploy@web', '/keys/web.internal-2200-1000-desk-%'],
      identitiesOnly: true,
      identityAgent: 'none',
      hostKeyAlias: 'web-1',
      connectTimeoutMs: 60_000,
      keepalive: { intervalMs: 7000, count: 3 },
      hostKeyChecking: 'accept-new',
      knownHostsFiles: ['/home/me/.ssh/known_web-1'],
    });
  });

  test('variables win over ssh arguments, and those over the file', () => {
    const args = '-p 2300 -o User=args -o ConnectTimeout=5 -o IdentitiesOnly=no';
    const vars = { ansible_host: 'web', ansible_ssh_common_args: args };
    expect(configured(vars, CONFIG)).toMatchObject({
      port: 2300,
      user: 'args',
      connectTimeoutMs: 5000,
    });
    const all = { ...vars, ansible_port: 24, ansible_user: 'var', ansible_timeout: 3 };
    expect(configured(all, CONFIG)).toMatchObject({
      port: 24,
      user: 'var',
      connectTimeoutMs: 3000,
    });
    // ssh would try the file's keys too; a key that is named by a variable is the one that is meant.
    const key = configured({ ...vars, ansible_ssh_private_key_file: '/my/key' }, CONFIG);
    expect(key).toMatchObject({ privateKeyFile: '/my/key', identityFiles: undefined });
  });

  test('Match user sees the user of the variables', () => {
    const config = 'Match user root\n  Port 2222\n';
    expect(configured({ ansible_user: 'root' }, config).port).toBe(2222);
    expect(configured({}, config).port).toBe(22);
  });

  test('-F takes the place of the usual files', () => {
    const named = { other: 'Host *\n  Port 99\n' };
    const vars = { ansible_host: 'web', ansible_ssh_common_args: '-F other' };
    expect(configured(vars, CONFIG, named)).toMatchObject({ address: 'web', port: 99, user: 'me' });
  });

  test('jump hosts in a chain are looked up in the file, each as a host of its own', () => {
    const config = `
Host outer
  HostName 192.0.2.1
  User gate
Host inner
  Port 2222
  IdentityFile /keys/inner
Host h1
  ProxyJump outer,admin@inner
`;
    const { jump, user } = configured({ ansible_user: 'root' }, config);
    expect(user).toBe('root');
    expect(jump).toMatchObject({
      address: 'inner',
      port: 2222,
      user: 'admin',
      identityFiles: ['/keys/inner'],
      jump: { address: '192.0.2.1', port: 22, user: 'gate' },
    });
    expect(jump?.jump?.jump).toBeUndefined();
    const byArgument = configured({ ansible_ssh_common_args: '-J outer' }, config);
    expect(byArgument.jump).toMatchObject({ address: '192.0.2.1', user: 'gate' });
    const none = configured({ ansible_ssh_common_args: '-o ProxyJump=none' }, config);
    expect(none.jump).toBeUndefined();
    const command = configured({ ansible_ssh_common_args: '-o ProxyCommand="nc %h %p"' }, config);
    expect(command).toMatchObject({ proxyCommand: 'nc %h %p' });
    expect(command.jump).toBeUndefined();
  });

  test('jump hosts that lead in a circle are named with their place', () => {
    const act = () => configured({}, 'Host *\n  ProxyJump gate\n');
    expect(act).toThrow(/circle: h1 → gate/);
    expect(act).toThrow(
      expect.objectContaining({ location: { file: 'config', line: 2, column: 3 } }),
    );
    expect(
      configured({}, 'Host gate\n  ProxyJump none\nHost *\n  ProxyJump gate\n').jump,
    ).toMatchObject({ address: 'gate' });
  });

  test('Match exec runs nothing, counts as not matching, and keeps ssh itself from running it', () => {
    const config = 'Match exec "touch never"\n  Port 2222\nHost *\n  User u\n';
    const found = configured({}, config);
    expect(found).toMatchObject({ port: 22, user: 'u', openssh: undefined });
    expect(found.notes).toEqual([
      'config:1:1: "Match exec" is not evaluated and counts as not matching',
    ]);
    expect(configured({ netorch_transport: 'openssh' }, config).openssh).toBeDefined();
  });

  test('what a jump host needs, the way to the host needs too', () => {
    const config = 'Host gate\n  CertificateFile c\nMatch exec "x"\nHost h1\n  ProxyJump gate\n';
    const { openssh, notes } = configured({ netorch_transport: 'openssh' }, config);
    expect(openssh?.reason).toBe('config:2:3 set certificatefile');
    expect(notes).toHaveLength(1);
  });

  test.each([
    ['a certificate', 'CertificateFile ~/c.pub', 'config:1:1 set certificatefile'],
    ['a source address', 'BindAddress 192.0.2.9', 'config:1:1 set bindaddress'],
    ['an address family', 'AddressFamily inet6', 'config:1:1 set addressfamily'],
    ['what is the default', 'AddressFamily any', undefined],
    ['comforts', 'SendEnv LANG LC_*\nHashKnownHosts yes\nGSSAPIAuthentication yes', undefined],
  ])('%s decides whether ssh2 will do', (_name, config, reason) => {
    expect(configured({}, config).openssh?.reason).toBe(reason);
  });
});
