/**
 * Every exit code that docs/exit-codes.md names, produced by the program. Hosts are a program named "sh" that
 * answers as a host in a given state would, over ansible_connection: local.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli.js';
import { captureOutput } from './capture-output.js';
import { AFTER, BEFORE } from '../run/fake-host.js';
import { FOUR_HOSTS_RECORDED } from '../ui/fixtures/recorded-states.js';

const ROOT = join(import.meta.dirname, '../..');

let folder = '';
let output = '';
/** Called for everything that is said. */
let onOutput: (text: string) => void = () => undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-codes-'));
  for (const name of ['bin', 'host']) mkdirSync(join(folder, name));
  output = '';
  onOutput = () => undefined;
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`);
  vi.stubEnv('XDG_STATE_HOME', join(folder, 'state'));
  captureOutput((text) => {
    output += text;
    onOutput(text);
  });
  put('inventory.json', { all: { hosts: { h1: { ansible_connection: 'local' } } } });
  put('change.json', playbook(['192.0.2.130', '192.0.2.133']));
  put('same.json', playbook([]));
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const path = (name: string) => join(folder, name);

function put(name: string, content: object): void {
  writeFileSync(path(name), JSON.stringify(content));
}

/** With addresses a change of the host, without none. */
function playbook(addresses: readonly string[]): object {
  const address = addresses.map((ip) => ({ ip, 'prefix-length': 25 }));
  const ipv4 = address.length === 0 ? {} : { ipv4: { enabled: true, address } };
  return [
    { name: 'p', hosts: 'h1', network: { interfaces: [{ name: 'eth4', state: 'up', ...ipv4 }] } },
  ];
}

type HostTraits = Readonly<{
  network?: 'before' | 'after';
  /** What it says when a transaction is begun, the state that leads to, and what runs then. */
  begin?: string;
  state?: string;
  becomes?: 'before' | 'after';
  /** What it says of the next boot of a confirmed change, or when asked to change that. */
  persist?: string;
  /** The transaction that it has open from the start. */
  open?: string;
}>;

/** A host that is in order, but for its traits. */
function host(traits: HostTraits = {}): void {
  const {
    network = 'before',
    begin = 'armed 0 40\napplied',
    state = 'applied',
    becomes = 'after',
    persist = 'persisted',
    open = '',
  } = traits;
  writeFileSync(path('host/before'), BEFORE);
  writeFileSync(path('host/after'), AFTER);
  writeFileSync(path('host/network'), network);
  writeFileSync(path('host/state'), 'none');
  const status = (of: string) => `printf 'state %s\\nuptime 0\\ndeadline 40\\n' "${of}"`;
  shell(`D=${path('host')}
read -r state <$D/state || :
read -r network <$D/network || :
case $script in
*write_files*SECONDS_TO_DEADLINE=*)
	echo '${begin}'; echo ${state} >$D/state; echo ${becomes} >$D/network ;;
*'runtime.sh request-rollback'*)
	echo ${open === '' ? 'rolled-back' : 'incomplete'} >$D/state; echo before >$D/network; echo 'rolling-back asked for' ;;
*'runtime.sh confirm'*) echo confirmed >$D/state; printf 'confirmed\\npersist ${persist}\\n' ;;
*'echo @status'*)
	echo @status; ${status('$state')}; [ $state != confirmed ] || echo 'persist ${persist}'; echo @end-status
	cat $D/$network ;;
*'echo "user $(id -u)"'*)
	printf 'uptime 100\\nuser 0\\n@transactions\\n${open}@end-transactions\\n' ;;
*'runtime.sh status'*) ${status('$state')} ;;
*'then echo persist removed'* | *persist_here*) echo 'persist ${persist}' ;;
*) cat $D/$network ;;
esac`);
}

/** A host of which nothing can be made out. */
function mute(): void {
  shell(':');
}

function shell(script: string): void {
  writeFileSync(path('bin/sh'), `#!/bin/dash\nscript=$(cat)\n${script}\n`);
  chmodSync(path('bin/sh'), 0o755);
}

async function netorch(...args: readonly string[]): Promise<number> {
  return main(args);
}
const onHost = (command: string, ...more: readonly string[]) =>
  netorch(command, '-i', path('inventory.json'), ...more);
const apply = (file = 'change.json') => onHost('apply', path(file), '--ui', 'lines');
const resume = () => onHost('resume', 'last', '--ui', 'lines');

/** A transaction is under way when Ctrl-C is pressed. */
function interrupted(): void {
  let pressed = false;
  onOutput = (text) => {
    if (pressed || !text.includes('applying')) return;
    pressed = true;
    process.emit('SIGINT');
  };
}

const GOES_BACK: HostTraits = {
  begin: 'armed 0 40\nfailed 1\nrolling-back a step failed\nrolled-back verified',
  state: 'rolled-back',
  becomes: 'before',
};
const BROKEN: HostTraits = { ...GOES_BACK, state: 'incomplete' };

/** A run in the history: so long as `last` says, that of the fixture. */
function former(run: string, change: (line: string) => string = (line) => line): void {
  mkdirSync(path(`state/netorch/runs/${run}`), { recursive: true });
  const lines = FOUR_HOSTS_RECORDED.map((event) => change(JSON.stringify(event)));
  writeFileSync(path(`state/netorch/runs/${run}/events.jsonl`), `${lines.join('\n')}\n`);
}

/** What is persistent before the change of `running` is. */
const RUNNING = JSON.stringify({
  version: 1,
  by: 't',
  scope: ['eth4'],
  created: [],
  lines: [],
  removed: [],
  costs: [],
  dns: false,
});
function runningOnly(): void {
  for (const name of ['host/before', 'host/after']) {
    const text = readFileSync(path(name), 'utf8');
    writeFileSync(
      path(name),
      text.replace('@complete', `@persistence\nrunning ${RUNNING}\n@end-persistence\n@complete`),
    );
  }
}

type Case = () => Promise<number>;

/** `COMMAND CODE` → how it comes about. */
const CASES: Readonly<Record<string, Case>> = {
  'plan 0': () => (host(), onHost('plan', path('same.json'))),
  'plan 2': () => (host(), onHost('plan', path('change.json'))),
  'plan 1': () => (mute(), onHost('plan', path('change.json'))),
  'apply 0': () => (host(), apply()),
  'apply 1': () => (mute(), apply()),
  'apply 3': () => (host(GOES_BACK), apply()),
  'apply 4': () => (host(BROKEN), apply()),
  'apply 5': () => (host({ persist: 'failed the disk is full' }), apply()),
  'apply 130': () => (host(), interrupted(), apply()),
  'resume 0': async () => (host(GOES_BACK), await apply(), host(), resume()),
  'resume 3': async () => (host(GOES_BACK), await apply(), resume()),
  'resume 4': async () => (host(GOES_BACK), await apply(), host(BROKEN), resume()),
  'resume 1': async () => (host(GOES_BACK), await apply(), mute(), resume()),
  'resume 5': async () => (
    host(GOES_BACK),
    await apply(),
    host({ persist: 'failed the disk is full' }),
    resume()
  ),
  'resume 130': async () => (host(GOES_BACK), await apply(), host(), interrupted(), resume()),
  'rollback RUN as apply': async () => {
    host();
    await apply();
    host({ network: 'after', becomes: 'before' });
    expect(await onHost('rollback', 'last', '--ui', 'lines')).toBe(0);
    former('20990101T000000-other');
    return onHost('rollback', 'last', '--ui', 'lines');
  },
  'rollback 0': () => (host(), onHost('rollback', '--hosts', 'h1')),
  'rollback 1': () => (mute(), onHost('rollback', '--hosts', 'h1')),
  'rollback 4': () => (
    host({ open: '20260101T0-a applied 90 50 somebody\\n' }),
    onHost('rollback', '--hosts', 'h1')
  ),
  'show 0': () => (host(), onHost('show')),
  'show 1': () => (mute(), onHost('show')),
  'status 0': () => (host(), onHost('status')),
  'status 2': () => (host({ open: '20260101T0-a applied 130 50 somebody\\n' }), onHost('status')),
  'status 1': () => (mute(), onHost('status')),
  'persist 0': () => (host(), onHost('persist')),
  'persist 5': () => (host({ persist: 'failed it is full' }), runningOnly(), onHost('persist')),
  'persist 1': () => (mute(), onHost('persist')),
  'unpersist 0': () => (host({ persist: 'removed' }), onHost('unpersist')),
  'unpersist 5': () => (host({ persist: 'failed it is read-only' }), onHost('unpersist')),
  'unpersist 1': () => (mute(), onHost('unpersist')),
  'ping 0': () => (host(), onHost('ping')),
  'ping 1': () => (mute(), onHost('ping')),
  'exec n': () => onHost('exec', '--hosts', 'h1', '--', 'exit 42'),
  'watch n': () => (former('20260101T000000-a'), netorch('watch', 'last', '--ui', 'lines')),
  'watch 4': () => {
    const gone = { pid: 2 ** 30, machine: hostname(), user: 'anna' };
    former('20260101T000000-a', (line) =>
      line.includes('"run.finished"')
        ? ''
        : line.replace(
            '"type":"run.started"',
            `"type":"run.started","controller":${JSON.stringify(gone)}`,
          ),
    );
    return netorch('watch', 'last', '--ui', 'lines');
  },
  'watch 1': () => netorch('watch', 'last', '--ui', 'lines'),
  'watch 130': () => {
    former('20260101T000000-a', (line) => (line.includes('"run.finished"') ? '' : line));
    onOutput = (text) => {
      if (text.includes('web1')) process.emit('SIGINT');
    };
    return netorch('watch', 'last', '--ui', 'lines');
  },
  'diff 0': () => (former('a'), netorch('diff', 'a', 'a')),
  'diff 2': () => {
    former('a');
    former('b', (line) => line.replaceAll('"confirmed"', '"rolled-back"'));
    return netorch('diff', 'a', 'b');
  },
  'diff 1': () => (former('a'), netorch('diff', 'a', 'no-such-run')),
  'validate 0': () => onHost('validate', path('change.json')),
  'validate 1': () => (
    put('change.json', [{ hosts: 'h1', netwerk: {} }]),
    onHost('validate', path('change.json'))
  ),
  'lab 0': () => netorch('lab', 'down', '--dir', path('no-lab')),
  'lab 1': () => netorch('lab', 'exec', '--dir', path('no-lab'), '--', 'true'),
  'others 0': () => netorch('history'),
  'others 1': () => netorch('report', 'no-such-run'),
  'any 70': () => {
    onOutput = (text) => {
      if (!text.startsWith('internal error')) throw new TypeError('a bug');
    };
    former('a');
    return netorch('report', 'last');
  },
};

/** What a case must end with where its name is no number. */
const NAMED: Readonly<Record<string, number>> = {
  'exec n': 42,
  // The run of the fixture ended with it.
  'watch n': 3,
  // Undoing a run whose hosts are not here is a usage mistake.
  'rollback RUN as apply': 1,
};

/** Produced by another test, which is named. */
const ELSEWHERE: Readonly<Record<string, readonly [string, RegExp]>> = {
  'approve 0': ['test/commands/approval.test.ts', /'approve'/],
  'approve 1': ['test/commands/approval.test.ts', /'approve'/],
  'monitor 0': ['test/commands/monitor.test.ts', /netorch\('monitor', '--for', '1s'.*toBe\(0\)/],
  'monitor 1': ['test/commands/monitor.test.ts', /netorch\('monitor', '--for', '1h'.*toBe\(1\)/],
  'monitor 130': ['test/commands/monitor.test.ts', /watchUntil\(.*toBe\(130\)/],
};

/** `COMMAND CODE` of each row of the table. */
function documented(): readonly string[] {
  let command = '';
  return readFileSync(join(ROOT, 'docs/exit-codes.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| (?!Command|-)/.test(line))
    .flatMap((line) => {
      const [, first = '', codes = ''] = line.split('|').map((cell) => cell.trim());
      if (first !== '') command = first.replaceAll('`', '');
      return (codes === '' ? ['as apply'] : codes.split(', ')).map((code) => `${command} ${code}`);
    });
}

describe('exit codes', () => {
  test('every documented one is produced here or by the test that is named, and no other', () => {
    expect(documented().toSorted()).toEqual(
      [...Object.keys(CASES), ...Object.keys(ELSEWHERE)].toSorted(),
    );
    for (const [file, words] of Object.values(ELSEWHERE)) {
      expect(readFileSync(join(ROOT, file), 'utf8')).toMatch(words);
    }
  });

  test.each(Object.entries(CASES))('%s', async (name, produce) => {
    const code = await produce();
    expect(`${code}\n${output}`).toMatch(
      new RegExp(`^${NAMED[name] ?? Number(name.split(' ').at(-1))}\n`),
    );
  });
});

describe('--junit', () => {
  const junit = () => readFileSync(path('junit.xml'), 'utf8');

  test('tells each host of the run, and why it is not good', async () => {
    host(GOES_BACK);
    expect(
      await onHost('apply', path('change.json'), '--ui', 'lines', '--junit', path('junit.xml')),
    ).toBe(3);
    expect(junit()).toMatch(/<testsuite [^>]*tests="1" failures="1" errors="0" skipped="0"/);
    expect(junit()).toMatch(/<testcase [^>]*name="h1"[^>]*>\s*<failure /);
  });

  test('is not written when the documents are refused, and what was there before goes', async () => {
    writeFileSync(path('junit.xml'), 'of an earlier run');
    put('change.json', [{ hosts: 'h1', netwerk: {} }]);
    expect(
      await onHost('apply', path('change.json'), '--ui', 'lines', '--junit', path('junit.xml')),
    ).toBe(1);
    expect(existsSync(path('junit.xml'))).toBe(false);
  });

  test('a file that cannot be written is told before anything is begun', async () => {
    host();
    const file = path('no-such-folder/junit.xml');
    expect(await onHost('apply', path('change.json'), '--ui', 'lines', '--junit', file)).toBe(1);
    expect(output).toMatch(/--junit: the file cannot be written/);
    expect(readFileSync(path('host/state'), 'utf8')).toBe('none');
  });
});
