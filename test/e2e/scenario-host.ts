/**
 * A host for one scenario: namespaces on a host of the lab (so that bonding, VLANs and all else of its
 * kernel are there), with NICs eth1 to eth4 whose cables end in a namespace of their own, and a /run, /sys
 * and resolv.conf of its own; `/run/wire COMMAND` runs something at the far end of the cables (weth1 to weth4).
 * All of them are driven over one connection: a login for each step would
 * take longer than the step.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

import { RUN_FROM_STDIN } from '../../src/agents/bundle.js';
import { NetorchError } from '../../src/errors.js';
import type { Lab } from '../../src/lab/lab.js';
import type {
  Connection,
  ExecOptions,
  ExecResult,
  Transport,
} from '../../src/transport/transport.js';

const NICS = ['eth1', 'eth2', 'eth3', 'eth4'];

/**
 * Makes the links of the namespaces NetworkManager's: a bus, udev and NetworkManager of their own, and an /etc in which
 * they write. They hear of their own links only, for the kernel tells a namespace of no others.
 */
const NETWORK_MANAGER = `
cp -a /etc /run/etc
mount --bind /run/etc /etc
mount -t tmpfs tmpfs /var/lib/NetworkManager
rm -f /etc/NetworkManager/system-connections/* /etc/resolv.conf
printf '[main]\\nplugins=keyfile\\nno-auto-default=*\\n' >/etc/NetworkManager/NetworkManager.conf
printf 'nameserver 192.0.2.153\\n' >/etc/resolv.conf
mkdir -p /run/dbus /run/udev
dbus-daemon --system --fork --nopidfile
/lib/systemd/systemd-udevd --daemon 2>/run/udevd.log
udevadm trigger -s net
udevadm settle
NetworkManager
until nmcli -t -f RUNNING general 2>/dev/null | grep -qx running; do sleep 0.1; done
until [ "$(nmcli -t -f DEVICE,STATE device | grep -c '^eth[1-4]:disconnected$')" = 4 ]; do sleep 0.1; done`;

/** A resolv.conf of its own, where nobody replaces that file by another one. */
const RESOLV_CONF = `
printf 'nameserver 192.0.2.153\\n' >/run/resolv.conf.lab
[ -e /etc/resolv.conf ] || : >/etc/resolv.conf
mount --bind /run/resolv.conf.lab /etc/resolv.conf`;

/** Stands in a fresh set of namespaces and runs what it is sent, until it is told to end. */
const inner = (hasNetworkManager: boolean): string => `
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
${hasNetworkManager ? '' : RESOLV_CONF}
ip link set lo up
unshare -n sleep 1000000 </dev/null >/dev/null 2>&1 &
switch=$!
until [ "$(readlink /proc/$switch/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
printf '#!/bin/sh\\nexec nsenter -t %s -n "$@"\\n' $switch >/run/wire
chmod 755 /run/wire
i=1
for n in ${NICS.join(' ')}; do
  ip link add $n address 02:00:01:00:00:0$i type veth peer name w$n netns $switch
  nsenter -t $switch -n ip link set w$n up
  i=$((i + 1))
done
${hasNetworkManager ? NETWORK_MANAGER : ''}
echo @@done 0
while read -r word size; do
  case $word in
  run)
    head -c "$size" >/run/block
    sh /run/block </dev/null 2>/run/errors
    code=$?
    echo
    echo @@errors
    cat /run/errors
    echo "@@done $code"
    ;;
  end) exit 0 ;;
  esac
done`;

const driver = (hasNetworkManager: boolean): string => `
for m in 'bonding max_bonds=0' 'dummy numdummies=0' 8021q bridge vxlan veth macvlan vrf tun; do modprobe -q $m; done
inner=$(mktemp /dev/shm/scenario.XXXXXX)
trap 'rm -f "$inner"' EXIT
cat >$inner <<'INNER_END'
${inner(hasNetworkManager)}
INNER_END
echo @@done 0
while read -r word; do
  [ "$word" = open ] || break
  unshare -n -m -p --fork --kill-child --mount-proc sh $inner
  echo @@done 0
done
`;

export class ScenarioHost {
  readonly #child: ChildProcessWithoutNullStreams;
  #onLine: (line: string) => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #isOpen = false;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.#onLine(line));
    child.on('close', () => this.#fail(new Error('the connection to the host of the lab ended')));
  }

  /**
   * On a host of the lab; without one, on this machine and with what its kernel has. `networkManager`: its links are
   * NetworkManager's, for which the host must have it installed.
   */
  static async start(
    lab: Lab | undefined,
    host: string,
    { networkManager = false }: Readonly<{ networkManager?: boolean }> = {},
  ): Promise<ScenarioHost> {
    const script = driver(networkManager);
    const quoted = `'${script.replaceAll("'", `'\\''`)}'`;
    const { argv, env } = lab?.consoleCommand(host, ['sh', '-c', quoted]) ?? {
      argv: ['sh', '-c', script],
      env: process.env,
    };
    const [program = '', ...args] = argv;
    const started = new ScenarioHost(spawn(program, args, { env }));
    await started.#answer();
    return started;
  }

  async stop(): Promise<void> {
    this.#fail = () => undefined;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    this.#child.kill();
    await ended;
  }

  /** A fresh set of namespaces in place of the former one. */
  async open(): Promise<void> {
    if (this.#isOpen) {
      const closed = this.#answer();
      this.#child.stdin.write('end\n');
      await closed;
    }
    const opened = this.#answer();
    this.#child.stdin.write('open\n');
    await opened;
    this.#isOpen = true;
  }

  /** Runs a script; throws when it fails. */
  async sh(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script);
    if (code !== 0) throw new Error(`exit code ${code}: ${stderr}\n${stdout}`);
    return stdout;
  }

  /** One after the other, in the order in which they are asked for. */
  async run(script: string, onLine?: (line: string) => void): Promise<ExecResult> {
    const turn = this.#queue.then(async () => {
      const bytes = Buffer.from(`${script}\n`);
      const answer = this.#answer(onLine);
      this.#child.stdin.write(`run ${bytes.length}\n`);
      this.#child.stdin.write(bytes);
      return answer;
    });
    this.#queue = turn.catch(() => undefined);
    return turn;
  }

  /**
   * What a controller dials; `isReachable` says whether the host answers. With `answersAt` only at addresses that
   * the host has and of which it says true; the host sees then where the connection ends (SSH_CONNECTION).
   */
  transport(
    isReachable: () => boolean,
    answersAt?: (address: string) => boolean | Promise<boolean>,
  ): Transport {
    const gone = (): NetorchError =>
      new NetorchError('HOST_UNREACHABLE', 'h1: the host does not answer');
    return {
      connect: async (target, options) => {
        if (!isReachable()) throw gone();
        const dialled = options?.address ?? target.address;
        let sshd = '';
        if (answersAt !== undefined) {
          const held = await this.run(`ip -o addr show to ${dialled} | grep -q .`);
          if (held.code !== 0 || !(await answersAt(dialled))) throw gone();
          sshd = `export SSH_CONNECTION='198.51.100.99 40000 ${dialled} 22'\n`;
        }
        const connection: Connection = {
          hostKey: 'ssh-ed25519 AAAA',
          address: dialled,
          exec: (command: string, { input = '', onLine }: ExecOptions = {}) => {
            if (!isReachable()) return Promise.reject(gone());
            if (command !== RUN_FROM_STDIN) return this.run(command, onLine);
            return this.run(sshd + input, onLine);
          },
          close: () => undefined,
          closed: new Promise<void>(() => undefined),
        };
        return connection;
      },
    };
  }

  #answer(onLine?: (line: string) => void): Promise<ExecResult> {
    return new Promise((resolve, reject) => {
      const output: string[] = [];
      const errors: string[] = [];
      let current = output;
      this.#fail = reject;
      this.#onLine = (line) => {
        if (line === '@@errors') {
          current = errors;
          // The empty line before the mark.
          if (output.at(-1) === '') output.pop();
        } else if (line.startsWith('@@done ')) {
          const text = (lines: readonly string[]) => lines.map((item) => `${item}\n`).join('');
          const code = Number(line.slice('@@done '.length));
          resolve({ code, stdout: text(output), stderr: text(errors) });
        } else {
          current.push(line);
          if (current === output) onLine?.(line);
        }
      };
    });
  }
}
