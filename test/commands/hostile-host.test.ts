/**
 * A host that lies, floods, and sends terminal escapes; and inventories whose values want to be commands. The
 * host is a program named "sh" that answers what it likes, over ansible_connection: local.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli.js';
import { captureOutput } from './capture-output.js';

let folder = '';
let bin = '';
let output = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-hostile-'));
  bin = join(folder, 'bin');
  mkdirSync(bin);
  output = '';
  vi.stubEnv('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
  vi.stubEnv('XDG_STATE_HOME', join(folder, 'state'));
  captureOutput((text) => {
    output += text;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** `answer`: what the host's shell does; whatever was sent to it is in $script. */
function hostThat(answer: string): void {
  writeFileSync(join(bin, 'sh'), `#!/bin/dash\nscript=$(cat)\n${answer}\n`);
  chmodSync(join(bin, 'sh'), 0o755);
}

function inventory(vars: Readonly<Record<string, unknown>> = {}): string {
  const file = join(folder, 'inventory.json');
  writeFileSync(
    file,
    JSON.stringify({ all: { hosts: { liar: { ansible_connection: 'local', ...vars } } } }),
  );
  return file;
}

function playbook(network: object, more: object = {}): string {
  const file = join(folder, 'play.json');
  writeFileSync(file, JSON.stringify([{ name: 'p', hosts: 'liar', network, ...more }]));
  return file;
}

const DUMMY = { interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up' }] };

/** A host that tells the truth of this machine, but for what `sed` makes of it. */
const truthBut = (sed: string) =>
  `printf '%s\\n' "$script" >"$0.in"; PATH=\${PATH#*:}; /bin/dash "$0.in" 2>/dev/null | sed ${JSON.stringify(sed)}`;

const COMMANDS: readonly (readonly string[])[] = [
  ['show', '--hosts', 'liar'],
  ['status', '--hosts', 'liar'],
  ['ping', '--hosts', 'liar'],
  ['show', '--json', '--hosts', 'liar'],
  ['status', '--json', '--hosts', 'liar'],
  ['ping', '--json', '--hosts', 'liar'],
  ['exec', '--hosts', 'liar', 'true'],
  ['exec', '--json', '--hosts', 'liar', 'true'],
  ['rollback', '--hosts', 'liar', '--force'],
  ['forget', '--hosts', 'liar'],
  ['plan', '--hosts', 'liar'],
  ['apply', '--hosts', 'liar', '--ui', 'lines', '--deadline', '5'],
];

const ESCAPES = "'\\033]0;owned\\007\\033[2J\\033[31mred\\033c\\302\\2332J\\r\\010\\342\\200\\256'";

const LIES: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['terminal escapes', `printf ${ESCAPES}; printf ${ESCAPES} >&2; exit 1`],
  [
    'terminal escapes as values',
    `e=$(printf ${ESCAPES}); for s in link addr route rule facts nm; do printf '@%s\\n%s\\n' $s "$e"; done
printf 'uptime 1\\nuser 0\\n@transactions\\n20260101T000000-x applied 99 1 %s\\n@end-transactions\\nrecord x%s %s 1 %s\\ncause %s\\n@end\\n@complete\\n' "$e" "$e" "$e" "$e" "$e"`,
  ],
  ['JSON without an end', 'printf \'@link\\n[[[[[[[[[[{"a":\''],
  [
    'JSON that is nested very deeply',
    `printf '@link\\n'; head -c 300000 /dev/zero | tr '\\0' '['; printf '\\n@facts\\nroot 1\\n@complete\\n'`,
  ],
  [
    'keys of the prototype',
    `printf '@link\\n[{"ifname":"__proto__","__proto__":{"polluted":1},"ifindex":1e999}]\\n@facts\\nroot 0\\nboot-id __proto__\\n@complete\\n'`,
  ],
  ['numbers that are none', truthBut('s/"mtu":[0-9]*/"mtu":-1e400/g')],
  [
    'an interface that wants to be a command',
    truthBut('s/"ifname":"lo"/"ifname":"$(id>\\/tmp\\/owned)"/g'),
  ],
  ['an interface that wants to be a path', truthBut('s/"ifname":"lo"/"ifname":"..\\/..\\/etc"/g')],
  ['another kind of thing than was asked for', truthBut('s/"addr_info":\\[/"addr_info":{"x":[/g')],
];

describe.each(LIES)('a host that answers with %s', (_, answer) => {
  test.each(COMMANDS.map((words) => [words.join(' '), words] as const))(
    'netorch %s',
    { timeout: 60_000 },
    async (name, words) => {
      hostThat(answer);
      const files = words[0] === 'plan' || words[0] === 'apply' ? [playbook(DUMMY)] : [];
      const code = await main([...words, '-i', inventory(), ...files]);
      // Refused in words: no internal error, no escape, nothing run.
      expect(code, `${name}\n${output}`).not.toBe(70);
      expect(output).not.toMatch(/[^\n\x20-\x7e\u00a0-\u200d\u2010-\u2027\u2030-\uffff]/);
      expect(output).not.toContain('internal error');
      expect(output).not.toMatch(/\n {4}at /);
      expect(existsSync('/tmp/owned')).toBe(false);
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
    },
  );
});

test(
  'a host that floods is cut off, and costs a bounded amount of memory',
  { timeout: 120_000 },
  async () => {
    hostThat('exec cat /dev/zero');
    const peak = { bytes: 0 };
    const before = process.memoryUsage().rss;
    const watch = setInterval(() => {
      peak.bytes = Math.max(peak.bytes, process.memoryUsage().rss - before);
    }, 20);
    const code = await main(['status', '--hosts', 'liar', '-i', inventory()]);
    clearInterval(watch);
    expect(code).toBe(1);
    expect(output).toMatch(/liar: .*more than/);
    expect(output.length).toBeLessThan(2_000);
    expect(peak.bytes).toBeLessThan(600 * 1024 * 1024);
  },
);

/** Tells the truth until a transaction is to begin, and says this then, and nothing more ever. */
const atBegin = (saying: string) =>
  `[ ! -e ${folder}/begun ] || exit 1
case $script in *self-test*) : >${folder}/begun; ${saying}; exit ;; esac
${truthBut('s/^$//')}`;

test.each([
  ['that it is armed', "yes 'armed 1 30' | head -n 100000"],
  ['that it goes back', "echo armed 1 30; yes 'rolling-back x' | head -n 100000"],
  [
    'why it refuses',
    "printf 'refused environment '; head -c 20000000 /dev/zero | tr '\\0' x; echo",
  ],
])(
  'a host that says again and again %s fills neither screen nor journal',
  { timeout: 120_000 },
  async (_, saying) => {
    hostThat(atBegin(saying));
    const words = ['apply', '--hosts', 'liar', '--ui', 'lines', '--deadline', '5'];
    await main([...words, '-i', inventory(), playbook(DUMMY)]);
    expect(existsSync(join(folder, 'begun'))).toBe(true);
    expect(output.length).toBeLessThan(20_000);
    const [journal = ''] = execFileSync('find', [folder, '-name', 'events.jsonl'], {
      encoding: 'utf8',
    }).split('\n');
    expect(statSync(journal).size).toBeLessThan(100_000);
  },
);

const HOSTILE = [
  '$(touch owned)',
  '`touch owned`',
  "'; touch owned; '",
  '"; touch owned; "',
  'x\ntouch owned\n',
  '--help',
  '../../../../owned',
  '\u001b]0;owned\u0007',
  '{{ lookup("pipe", "touch owned") }}',
];

describe.each(HOSTILE)('a variable %j', (value) => {
  const inFolder = () => readdirSync(folder);
  test.each([
    ['the name of an interface', { interfaces: [{ name: '{{ v }}', type: 'dummy', state: 'up' }] }],
    [
      'an address',
      {
        interfaces: [
          {
            name: 'dummy7',
            type: 'dummy',
            state: 'up',
            ipv4: { enabled: true, address: [{ ip: '{{ v }}', 'prefix-length': 24 }] },
          },
        ],
      },
    ],
    ['a server of DNS', { 'dns-resolver': { config: { server: ['{{ v }}'] } } }],
    ['a search domain', { 'dns-resolver': { config: { search: ['{{ v }}'] } } }],
  ] as const)('as %s is refused before any host is asked', async (_, network) => {
    hostThat(`touch ${folder}/asked`);
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    const code = await main([
      'plan',
      '--hosts',
      'liar',
      '-i',
      inventory({ v: value }),
      playbook(network),
    ]);
    expect(code, output).toBe(1);
    expect(inFolder()).not.toContain('asked');
    expect(inFolder()).not.toContain('owned');
    expect(output).not.toMatch(/[^\n\x20-\x7e\u00a0-\u200d\u2010-\u2027\u2030-\uffff]/);
  });

  test('as the description of a link is a description, or refused', async () => {
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    // The true shell: what becomes of the value there is seen in this folder.
    rmSync(join(bin, 'sh'), { force: true });
    await main([
      'plan',
      '--hosts',
      'liar',
      '-i',
      inventory({ v: value }),
      playbook({
        interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up', description: '{{ v }}' }],
      }),
    ]);
    expect(inFolder()).not.toContain('owned');
    expect(output).not.toMatch(/[^\n\x20-\x7e\u00a0-\u200d\u2010-\u2027\u2030-\uffff]/);
  });

  test('as the target of a probe is refused', async () => {
    hostThat(`touch ${folder}/asked`);
    const file = playbook(DUMMY, { probes: [{ ping: '{{ v }}' }, { tcp: '{{ v }}:22' }] });
    const code = await main(['plan', '--hosts', 'liar', '-i', inventory({ v: value }), file]);
    expect(code, output).toBe(1);
    expect(inFolder()).not.toContain('asked');
    expect(inFolder()).not.toContain('owned');
  });
});

test('what is written of a run is private, and holds no secret', { timeout: 60_000 }, async () => {
  // Says "armed", and then nothing more: the nonce is on its way, the passwords are known.
  hostThat(`printf '%s' "$script" >>${folder}/sent; ${truthBut('s/^$//')}`);
  const file = inventory({
    ansible_become_password: 'secret-of-become',
    ansible_password: 'secret-of-login',
  });
  await main([
    'apply',
    '--hosts',
    'liar',
    '--ui',
    'lines',
    '--deadline',
    '5',
    '-i',
    file,
    playbook({}),
  ]);
  expect(output).not.toContain('secret-of');
  const state = join(folder, 'state', 'netorch');
  const all = execFileSync('find', [state], { encoding: 'utf8' }).trim().split('\n');
  expect(all.length).toBeGreaterThan(2);
  for (const path of all) {
    const stat = statSync(path);
    expect((stat.mode & 0o077).toString(8), path).toBe('0');
    if (stat.isFile()) expect(readFileSync(path, 'utf8'), path).not.toContain('secret-of');
  }
});
