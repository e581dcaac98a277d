/** ssh_config against the program that defines it: `ssh -G` says what would be done. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fc } from '../generated.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NetorchError, NetorchErrors } from '../../src/errors.js';
import {
  evaluateSshConfig,
  parseHostKeyChecking,
  parseSshConfig,
  parseSshTime,
  splitArguments,
} from '../../src/transport/ssh-config.js';
import { createSshConfigReader, globFiles } from '../../src/transport/ssh-config-files.js';
import { matchesPattern } from '../../src/transport/ssh-pattern.js';
import { expandTokens } from '../../src/transport/ssh-tokens.js';

const user = userInfo().username;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

type Answer = Readonly<Record<string, string>> | 'refused';

/** The values that both tell, in ssh's words; what is not set is left out. */
const ASKED = [
  'hostname',
  'user',
  'port',
  'hostkeyalias',
  'identitiesonly',
  'stricthostkeychecking',
  'connecttimeout',
  'serveraliveinterval',
  'serveralivecountmax',
  'proxyjump',
  'proxycommand',
  'identityfile',
  'userknownhostsfile',
];

function askSsh(file: string, host: string, args: readonly string[] = []): Answer {
  let output: string;
  try {
    output = execFileSync('ssh', ['-G', '-F', file, ...args, host], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } catch {
    return 'refused';
  }
  const answer: Record<string, string> = {};
  for (const line of output.split('\n')) {
    const [, keyword = '', value = ''] = /^(\S+) (.*)$/.exec(line) ?? [];
    if (!ASKED.includes(keyword)) continue;
    answer[keyword] = answer[keyword] === undefined ? value : `${answer[keyword]} ${value}`;
  }
  return answer;
}

/** ssh's own answer for an empty file: what stands there is a default and no setting. */
let defaults: Answer;
beforeAll(() => {
  defaults = askSsh(write('empty', ''), 'x');
});

function askOurselves(
  file: string,
  host: string,
  commandLine: ReadonlyMap<string, readonly string[]> = new Map(),
): Answer {
  try {
    const files = createSshConfigReader(folder)(file);
    const settings = evaluateSshConfig(files, { host, localUser: user, commandLine });
    const answer: Record<string, string> = {};
    for (const keyword of ASKED) {
      const values = settings.get(keyword)?.values;
      if (values === undefined) continue;
      const text = values.join(' ');
      switch (keyword) {
        case 'stricthostkeychecking':
          // ssh tells "yes" as true and "no" as false; our own words are fewer.
          answer[keyword] =
            text.toLowerCase() === 'ask'
              ? 'ask'
              : { strict: 'true', 'accept-new': 'accept-new', off: 'false' }[
                  parseHostKeyChecking(text) ?? 'strict'
                ];
          break;
        case 'connecttimeout':
        case 'serveraliveinterval':
          answer[keyword] = String(parseSshTime(text)).replace('-1', 'none');
          break;
        case 'serveralivecountmax':
        case 'port':
          answer[keyword] = String(Number(text));
          break;
        case 'identitiesonly':
          answer[keyword] = /^(yes|true)$/i.test(text) ? 'yes' : 'no';
          break;
        case 'hostkeyalias':
          answer[keyword] = text.toLowerCase();
          break;
        case 'proxycommand':
        case 'proxyjump':
          if (text.toLowerCase() !== 'none') answer[keyword] = text;
          break;
        case 'userknownhostsfile':
          answer[keyword] = expandTokens(text, {
            home: '',
            env: {},
            tokens: { h: settings.hostname },
          }).text;
          break;
        default:
          answer[keyword] = text;
      }
    }
    if (settings.identityFiles.length > 0)
      answer['identityfile'] = settings.identityFiles.join(' ');
    return {
      ...(defaults as Record<string, string>),
      host: '',
      ...answer,
      hostname: settings.hostname,
    };
  } catch (error) {
    if (error instanceof NetorchError || error instanceof NetorchErrors) return 'refused';
    throw error;
  }
}

function expectSame(text: string, host: string): void {
  const file = write('config', text);
  const theirs = askSsh(file, host);
  const ours = askOurselves(file, host);
  if (theirs === 'refused' || ours === 'refused') expect(ours, text).toBe(theirs);
  else {
    const { host: _host, ...rest } = ours;
    expect(rest, text).toEqual(theirs);
  }
}

describe('says what ssh -G says', () => {
  test.each<[string, string, string?]>([
    ['first value wins', 'Host a\n Port 1\nHost *\n Port 2\n User u'],
    ['patterns with * and ?', 'Host ?\n Port 3\nHost a*\n User x'],
    ['a negated pattern', 'Host * !a\n Port 3'],
    ['only negated patterns', 'Host !b\n Port 3'],
    ['patterns tell case apart', 'Host A\n Port 3'],
    ['before any Host', 'Port 4\nHost b\nPort 5'],
    ['= and blanks', 'Port=4\nUser = bob\nHostName\t=\tx'],
    ['quotes', 'User "a b"\nHostName "x"'],
    ['quotes within a word', `User a" b"c`],
    ['single quotes and backslashes', `User 'a b'\\"c`],
    ['a quoted keyword', '"Port" 5'],
    ['comments', '# one\n Port 5 # five\n#Port 6'],
    ['a # within a word', 'User a#b'],
    ['CRLF', 'Port 5\r\nUser u\r\n'],
    ['keywords in any case', 'PORT 5\nhostNAME x'],
    ['HostName with %h', 'HostName %h.example.COM'],
    ['HostName with %%', 'HostName a%%b'],
    ['HostName with an unknown token', 'HostName %x'],
    ['an address as HostName', 'HostName 2001:DB8::1'],
    ['Match host after HostName', 'HostName b.example\nMatch host *.example\n Port 5'],
    [
      'Match originalhost',
      'HostName b\nMatch originalhost a\n Port 5\nMatch originalhost b\n User u',
    ],
    [
      'Match user before and after User',
      'Match user bob\n Port 5\nHost *\n User bob\nMatch user bob\n HostName x',
    ],
    ['Match localuser', `Match localuser ${user}\n Port 5\nMatch localuser nobody\n User u`],
    [
      'Match with several conditions',
      'User bob\nMatch user bob host a\n Port 5\nMatch user bob host b\n HostName x',
    ],
    ['Match negated', 'Match !host b\n Port 5\nMatch !host a,b\n User u'],
    ['Match with a list', 'Match host x,!a,*\n Port 5\nMatch host a*,!b\n User u'],
    ['Match all', 'Match all\n Port 5'],
    ['Match all with others', 'Match host a all\n Port 5'],
    ['Match all in the middle', 'Match all host a\n Port 5'],
    [
      'Match final',
      'Host *.example\n User late\nHost a\n HostName b.example\nMatch final\n Port 5',
    ],
    ['Match final all', 'HostName X\nMatch final all\n Port 5\nHost x\n User u'],
    ['Match !final', 'HostName X\nMatch !final\n Port 5\nHost x\n User u'],
    ['Match canonical', 'Match canonical\n Port 5'],
    [
      'Match final host',
      'HostName b.example\nMatch final host *.example\n Port 6\nMatch final host a\n User u',
    ],
    ['HostName in the final pass', 'Match final\n HostName late\n Port 5'],
    [
      'final in a block that does not apply',
      'Host b\nMatch host b final\n Port 5\nHost *\n HostName q\nHost q\n User u',
    ],
    ['Match with =', 'Match host=a\n Port 5'],
    ['Match with quotes', 'Match host "a"\n Port 5'],
    ['Match without conditions', 'Match\n Port 5'],
    ['Match without a value', 'Match host\n Port 5'],
    ['Match with an unknown condition', 'Match colour blue\n Port 5'],
    ['Match in any case', 'Match HOST A\n Port 5'],
    [
      'IdentityFile adds up',
      'IdentityFile a\nHost a\n IdentityFile ~/b\n IdentityFile a\nHost b\n IdentityFile c',
    ],
    ['IdentityFile twice over in the final pass', 'IdentityFile a\nMatch final\n IdentityFile b'],
    ['UserKnownHostsFile with several', 'UserKnownHostsFile /a /b\nUserKnownHostsFile /c'],
    ['ProxyCommand with its quotes', `ProxyCommand sh -c "nc '%h' %p" # not a comment`],
    ['ProxyCommand = …', 'ProxyCommand=nc %h %p'],
    ['ProxyCommand none', 'ProxyCommand none\nProxyCommand x'],
    ['ProxyJump before ProxyCommand', 'ProxyJump j\nProxyCommand x'],
    ['ProxyCommand before ProxyJump', 'ProxyCommand x\nProxyJump j'],
    ['ProxyJump with all its parts', 'ProxyJump u@j:2222,ssh://k:23,[2001:db8::1]:24'],
    ['ProxyJump none', 'ProxyJump none\nProxyJump j'],
    ['StrictHostKeyChecking', 'StrictHostKeyChecking accept-new'],
    ['StrictHostKeyChecking off', 'StrictHostKeyChecking off'],
    ['StrictHostKeyChecking nonsense', 'StrictHostKeyChecking maybe'],
    ['times', 'ConnectTimeout 1m30\nServerAliveInterval 1h'],
    ['ConnectTimeout none', 'ConnectTimeout none'],
    ['a time that is none', 'ConnectTimeout soon'],
    ['counts', 'ServerAliveCountMax 7'],
    ['a port out of range', 'Host b\n Port 70000'],
    ['a port that is no number', 'Port x'],
    ['a keyword without a value', 'Host a\n User'],
    ['too many values', 'User a b'],
    ['an open quote', 'User "a'],
    ['IdentitiesOnly', 'IdentitiesOnly yes'],
    ['IdentitiesOnly nonsense', 'IdentitiesOnly perhaps'],
    ['HostKeyAlias', 'HostKeyAlias Some-Name'],
    [
      'options that netorch passes over',
      'SendEnv LANG LC_*\nForwardAgent no\nIPQoS lowdelay\nLogLevel ERROR\nSetEnv A=b',
    ],
    ['a host of the command line in capitals', 'Host A\n Port 5\nMatch host a\n User u', 'A'],
  ])('%s', (_name, text, host = 'a') => {
    expectSame(text, host);
  });

  test('of the command line, which comes first', () => {
    const file = write('config', 'User u\nPort 5\nIdentityFile k\nMatch user bob\n HostName x');
    const theirs = askSsh(file, 'a', ['-l', 'bob', '-o', 'ConnectTimeout=3', '-i', 'j']);
    const ours = askOurselves(
      file,
      'a',
      new Map([
        ['user', ['bob']],
        ['connecttimeout', ['3']],
        ['identityfile', ['j']],
      ]),
    );
    const { host: _host, ...rest } = ours as Record<string, string>;
    // ssh looks whether the file of -i is there, and drops it when it is not.
    expect({ ...rest, identityfile: 'k' }).toEqual({ ...(theirs as object), identityfile: 'k' });
  });

  test('of Include with globs, in and out of blocks', () => {
    write('inc/10-a.conf', 'Host a\n User from-a\n');
    write('inc/20-b.conf', 'Port 7\n');
    write('inc/x1.conf', 'HostName x1\n');
    write('inc/.hidden.conf', 'Port 9\n');
    write('deep.conf', `Include ${folder}/inc/20*.conf\nServerAliveInterval 4\n`);
    for (const text of [
      `Include ${folder}/inc/*.conf\nConnectTimeout 3`,
      `Host b\n Include ${folder}/inc/*.conf\nHost a\n ConnectTimeout 3`,
      `Host a\n Include ${folder}/inc/10*.conf\n ConnectTimeout 3`,
      `Include ${folder}/inc/[xy]?.conf ${folder}/deep.conf`,
      `Include ${folder}/inc/[!x]*.conf`,
      `Include ${folder}/not-there.conf\nPort 5`,
      `Match final\n Include ${folder}/deep.conf`,
    ]) {
      expectSame(text, 'a');
    }
  });

  test('of generated configurations', () => {
    const name = fc.constantFrom('a', 'b', 'a.example', 'web1', 'A');
    const pattern = fc.constantFrom(
      'a',
      '!a',
      '*',
      'a*',
      '?',
      '*.example',
      '!b',
      'web?',
      'A',
      '!*',
      '**a',
    );
    const word = fc.constantFrom(
      'x',
      '"q r"',
      "'s'",
      'u@v',
      'x#y',
      '"',
      'a\\ b',
      '%h',
      '%%',
      '# c',
      '',
    );
    const setting = fc.oneof(
      fc.tuple(
        fc.constantFrom('User', 'HostKeyAlias', 'HostName', 'IdentityFile', 'UserKnownHostsFile'),
        word,
      ),
      fc.tuple(
        fc.constant('Port'),
        fc.constantFrom('22', '2222', '0', '65535', '65536', 'x', '"23"', '022'),
      ),
      fc.tuple(
        fc.constant('ConnectTimeout'),
        fc.constantFrom('1', '1m', 'none', '-1', '5x', '2h3', '0'),
      ),
      fc.tuple(
        fc.constant('StrictHostKeyChecking'),
        fc.constantFrom('yes', 'NO', 'ask', 'Accept-New', 'x'),
      ),
      fc.tuple(
        fc.constant('ProxyJump'),
        fc.constantFrom('j', 'none', 'u@j:1', 'j,k', 'j:x', ':1', 'a@b@c'),
      ),
      fc.tuple(fc.constant('ProxyCommand'), fc.constantFrom('nc %h', 'none', '"x y" z')),
    );
    const condition = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('host', '!host', 'originalhost', 'user'),
          fc.constantFrom('a', '*', 'b,a', '!a,*', '"a"'),
        )
        .map((c) => c.join(' ')),
      fc.constantFrom('final', '!final', 'canonical', 'all', '!all', 'host=a'),
    );
    const line = fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .tuple(setting, fc.constantFrom(' ', '=', ' = ', '\t', '  '))
          .map(([[key, value], gap]) => `  ${key}${gap}${value}`),
      },
      {
        weight: 2,
        arbitrary: fc
          .array(pattern, { minLength: 1, maxLength: 3 })
          .map((p) => `Host ${p.join(' ')}`),
      },
      {
        weight: 1,
        arbitrary: fc
          .array(condition, { minLength: 1, maxLength: 2 })
          .map((c) => `Match ${c.join(' ')}`),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom('', '# c', '\tSendEnv X', `Include ${join(folder, 'gen-inc')}`),
      },
    );
    write('gen-inc', 'Port 9\nHost b*\n User inc\n');
    fc.assert(
      fc.property(fc.array(line, { maxLength: 7 }), name, (lines, host) => {
        expectSame(lines.join('\n'), host);
      }),
      { seed: 20_240_607, numRuns: Number(process.env['NETORCH_FUZZ_RUNS'] ?? 150) },
    );
  });
});

describe('files', () => {
  test('the file of the user comes before that of the system, and relative includes stand beside them', () => {
    write('home/.ssh/config', 'Include extra\nPort 1\n');
    write('home/.ssh/extra', 'User mine\n');
    write('system/ssh_config', 'Include ssh_config.d/*.conf\nPort 2\n');
    write('system/ssh_config.d/a.conf', 'HostName of-all\nUser all\n');
    const files = createSshConfigReader(join(folder, 'home'), join(folder, 'system'))(undefined);
    const settings = evaluateSshConfig(files, { host: 'a', localUser: user });
    expect(settings.hostname).toBe('of-all');
    expect(['user', 'port'].map((keyword) => settings.get(keyword)?.values)).toEqual([
      ['mine'],
      ['1'],
    ]);
    expect(settings.get('user')?.location).toEqual({
      file: join(folder, 'home/.ssh/extra'),
      line: 1,
      column: 1,
    });
    expect(createSshConfigReader(join(folder, 'home'))('none')).toEqual([]);
  });

  test('a file that others can write is not followed', () => {
    const file = write('open-home/.ssh/config', 'ProxyCommand evil\n');
    chmodSync(file, 0o666);
    expect(() => createSshConfigReader(join(folder, 'open-home'))(undefined)).toThrow(
      `${file} can be written by others`,
    );
  });

  test('a file that includes itself ends with its place', () => {
    const file = write('circle', '');
    writeFileSync(file, `Port 1\n  Include ${file}\n`);
    expect(() => createSshConfigReader(folder)(file)).toThrow(
      expect.objectContaining({ location: { file, line: 2, column: 3 } }),
    );
  });

  test('mistakes come all together, with file, line and column', () => {
    const act = () => parseSshConfig('Port x\nHost *\n  User\n  Match colour x', 'c', () => []);
    expect(act).toThrow(NetorchErrors);
    expect(act).toThrow(
      /c:1:1 .*Port is "x"(.|\n)*c:3:3 .*User has no value(.|\n)*c:4:3 .*"colour"/,
    );
  });

  test('globFiles finds in order, and hidden files only by name', () => {
    for (const name of ['g/b.c', 'g/a.c', 'g/.h.c', 'g/a.d', 'h/a.c']) write(name, '');
    const found = (pattern: string) =>
      globFiles(join(folder, pattern)).map((file) => file.slice(folder.length + 1));
    expect(found('g/*.c')).toEqual(['g/a.c', 'g/b.c']);
    expect(found('[gh]/a.?')).toEqual(['g/a.c', 'g/a.d', 'h/a.c']);
    expect(found('g/.*')).toEqual(['g/.h.c']);
    expect(found('none/*')).toEqual([]);
  });
});

describe('with anything at all', () => {
  const fuzz = { seed: 7, numRuns: Number(process.env['NETORCH_FUZZ_RUNS'] ?? 500) };
  const line = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc
      .tuple(
        fc.constantFrom(
          'Host',
          'Match',
          'Include',
          'Port',
          'ProxyJump',
          '__proto__',
          'constructor',
        ),
        fc.string({ maxLength: 30 }),
      )
      .map((parts) => parts.join(' ')),
  );

  test('parsing ends with settings or with errors that have a place', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.string({ maxLength: 10 }), (lines, host) => {
        try {
          const file = parseSshConfig(lines.join('\n'), 'c', () => []);
          evaluateSshConfig([file], { host, localUser: 'me' }).get('user');
        } catch (error) {
          const errors = error instanceof NetorchErrors ? error.errors : [error];
          for (const each of errors) {
            expect(each).toBeInstanceOf(NetorchError);
            expect((each as NetorchError).location).toMatchObject({ file: 'c' });
          }
        }
      }),
      fuzz,
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('patterns that a backtracking matcher dies of are answered', () => {
    expect(matchesPattern('a'.repeat(5000), '*a'.repeat(500) + 'b')).toBe(false);
    expect(matchesPattern('a'.repeat(5000), '*a'.repeat(500))).toBe(true);
  });

  test('splitArguments loses nothing of plain words', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z0-9/%.-]+$/), { maxLength: 6 }), (words) => {
        expect(splitArguments(words.join(' '))).toEqual(words);
      }),
      { seed: 7 },
    );
  });
});
