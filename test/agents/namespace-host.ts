/**
 * A "host" that is a set of namespaces on this machine's own kernel: its own links, processes and
 * /run. The shell under test is its `sh`; `ip` and `bridge` are the real ones. What this kernel lacks
 * (bonding, VLANs) is tested in the lab.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { RUN_FROM_STDIN, observeScript } from '../../src/agents/bundle.js';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import { parseObservation } from '../../src/agents/reading.js';

export type Shell = 'dash' | 'busybox ash' | 'bash';
/** The two that differ most; bash is tried where a shell's own ways matter. */
export const SHELLS: readonly Shell[] = ['dash', 'busybox ash'];

function works(command: string, ...args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Why the tests cannot run here; undefined when they can. Named in the names of skipped tests. */
export function whyNot(shell: Shell): string | undefined {
  if (process.platform !== 'linux') return 'no Linux';
  if (process.getuid?.() !== 0) return 'not root';
  if (!works('unshare', '-n', '-m', '-p', '-u', '--fork', 'ip', '-j', 'link'))
    return 'no namespaces';
  if (!works('unshare', '-n', 'ip', 'link', 'add', 'v0', 'type', 'veth')) return 'no veth';
  if (!works('unshare', '-n', 'ip', 'link', 'add', 'b0', 'type', 'bridge')) return 'no bridge';
  if (shell !== 'busybox ash' && !existsSync(`/usr/bin/${shell}`)) return `no ${shell}`;
  if (shell === 'busybox ash' && !works('busybox', 'sh', '-c', ':')) return 'no busybox';
  return undefined;
}

/**
 * Debian's busybox prefers its own applets to what PATH holds, whatever their name; no busybox that a
 * network host runs does. So that its shell finds the real tools, they are functions; a test may put a program
 * of its own before one in /run/tools.
 */
const REAL_TOOLS = ['ip', 'bridge', 'mount', 'umount', 'tc']
  .flatMap((tool) => {
    const path = ['/usr/sbin', '/sbin', '/usr/bin', '/bin']
      .map((folder) => `${folder}/${tool}`)
      .find((candidate) => existsSync(candidate));
    return path === undefined
      ? []
      : [
          `${tool}() { if [ -x /run/tools/${tool} ]; then /run/tools/${tool} "$@"; else ${path} "$@"; fi; }`,
        ];
  })
  .join('\n');

const SETUP = `
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/lib
cp -a /etc /run/etc && mount --bind /run/etc /etc
mount -t sysfs sysfs /sys
mkdir /run/tools
if [ "$1" != 'busybox ash' ]; then ln -s "/usr/bin/$1" /run/tools/sh
else busybox --install -s /run/tools; ( cd /run/tools && rm -f ip bridge mount umount tc arping ); fi
ip link set lo up
echo ready
# Whoever kills the tests leaves nothing behind: with them, this input ends, and with this process all others.
exec 3<&0
cat <&3 >/dev/null &
tests=$!
while kill -s 0 $tests 2>/dev/null; do sleep 5 & wait $!; done
`;

/** Only so that a test that waits in vain says for what: nothing is to be quick on a machine that starves. */
export const PATIENCE_MS = 100_000;

export type Answer = Readonly<{ code: number | null; stdout: string; stderr: string }>;

export class NamespaceHost {
  private readonly shell: Shell;
  private readonly child: ChildProcess;
  /** The first process of the namespaces, by this machine's numbers. */
  readonly pid: number;

  private constructor(shell: Shell, child: ChildProcess, pid: number) {
    this.shell = shell;
    this.child = child;
    this.pid = pid;
  }

  static async start(shell: Shell): Promise<NamespaceHost> {
    const child = spawn(
      'unshare',
      [
        '-n',
        '-m',
        '-p',
        '-u',
        '--fork',
        '--kill-child',
        '--mount-proc',
        'dash',
        '-c',
        SETUP,
        'host',
        shell,
      ],
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the namespaces ended: ${code}`)));
    });
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    return new NamespaceHost(shell, child, Number(children.trim()));
  }

  /** Ends every process in it, and with them the namespaces. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }

  /** Sends a script as a controller does. */
  send(script: string): Promise<Answer> {
    return this.spawnInside(RUN_FROM_STDIN, this.forThisShell(script)).answer;
  }

  /** The same, to be ended or watched half-way. */
  sendAndWatch(script: string): { child: ChildProcess; answer: Promise<Answer> } {
    return this.spawnInside(RUN_FROM_STDIN, this.forThisShell(script));
  }

  /** Preparing and looking, with whatever shell; throws when it fails. */
  async sh(command: string): Promise<string> {
    const { code, stdout, stderr } = await this.spawnInside(`${REAL_TOOLS}\nset -e; ${command}`, '')
      .answer;
    if (code !== 0) throw new Error(`${command}: ${stderr}`);
    return stdout;
  }

  async observe(): Promise<ObservedHost> {
    return parseObservation('h1', (await this.send(observeScript())).stdout);
  }

  /** Its /run/netorch, seen from outside. */
  folder(transaction: string): string {
    return `/proc/${this.pid}/root/run/netorch/${transaction}`;
  }

  /** A file of the transaction's folder. */
  text(transaction: string, name: string): string {
    return readFileSync(`${this.folder(transaction)}/${name}`, 'utf8');
  }

  state(transaction: string): string {
    const names = readdirSync(this.folder(transaction)).filter((name) => /^state\./.test(name));
    if (names.length > 1) throw new Error(`two states at once: ${names.join(', ')}`);
    return names[0]?.slice('state.'.length) ?? 'none';
  }

  /** Waits until the transaction is in one of these states, and says which. */
  async reaches(transaction: string, ...states: readonly string[]): Promise<string> {
    const give = Date.now() + PATIENCE_MS;
    for (;;) {
      // Between listing and reading a rename may come: no state or two are looked at again.
      const names = existsSync(this.folder(transaction))
        ? readdirSync(this.folder(transaction))
        : [];
      const found = states.find((state) => names.includes(`state.${state}`));
      if (found !== undefined) return found;
      if (Date.now() > give)
        throw new Error(`${transaction} is in ${names.join(' ')}, not in ${states.join(' or ')}`);
      await delay(20);
    }
  }

  /** Sends a signal to the process whose number stands in a file of the transaction (runner.pid, timer.pid). */
  async kill(transaction: string, file: string): Promise<void> {
    await this.sh(`kill -KILL -$(cat /run/netorch/${transaction}/${file})`);
  }

  private forThisShell(script: string): string {
    if (this.shell !== 'busybox ash') return script;
    return script.replaceAll(
      'LC_ALL=C\nexport LC_ALL\n',
      `LC_ALL=C\nexport LC_ALL\n${REAL_TOOLS}\n`,
    );
  }

  private spawnInside(
    command: string,
    input: string,
  ): { child: ChildProcess; answer: Promise<Answer> } {
    const child = spawn(
      'nsenter',
      ['-t', String(this.pid), '-n', '-m', '-p', '-u', '--', '/run/tools/sh', '-c', command],
      { env: { PATH: '/run/tools:/usr/sbin:/usr/bin:/sbin:/bin' } },
    );
    const output = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const answer = new Promise<Answer>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve({ code, ...output }));
    });
    return { child, answer };
  }
}
