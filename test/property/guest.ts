/**
 * Namespaces on one host of the lab, driven over one connection: no login, and as few processes as can be,
 * for each step. In them stand four NICs (veth pairs whose other ends are a switch of another namespace)
 * and a /run, /sys and resolv.conf of their own.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What stands in a fresh namespace; one of its own holds the other ends of the cables. */
const PREPARE = `
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 tmpfs /run
printf 'nameserver 192.0.2.53\\n' >/run/resolv.conf.lab
[ -e /etc/resolv.conf ] || : >/etc/resolv.conf
mount --bind /run/resolv.conf.lab /etc/resolv.conf
# Nobody is there to be told of moved addresses, and each telling is a process.
for f in /usr/bin/arping /usr/sbin/arping /sbin/arping; do [ -e $f ] && mount --bind /dev/null $f; done
ip link set lo up
unshare -n sh -c '
ip -batch $S/cables
exec sleep 1000000' </dev/null >/dev/null 2>&1 &
read -r last <$S/last
until [ -e /sys/class/net/$last ]; do sleep 0.02; done
`;

const INNER = `${PREPARE}
echo @@done 0
while read -r word size; do
  case $word in
  run)
    head -c "$size" >/run/block
    sh /run/block </dev/null 2>&1
    echo
    echo "@@done $?"
    ;;
  end) exit 0 ;;
  esac
done`;

/** Modules are loaded once, as begin.sh does; the sh of each namespace reads from the same connection. */
const DRIVER = `
S=$(mktemp -d /dev/shm/property.XXXXXX)
export S
trap 'rm -rf "$S"' EXIT
for m in 'bonding max_bonds=0' 'dummy numdummies=0' 8021q bridge vxlan veth macvlan macvtap vrf tun; do modprobe -q $m; done
cat >$S/inner <<'INNER_END'
${INNER}
INNER_END
echo @@ready
mkdir -p $S/busybox
for t in sed grep cat head mv rm mkdir cmp id cut cp mkfifo sleep tr; do ln -sf "$(command -v busybox)" $S/busybox/$t; done
plain=$PATH
while read -r word tools nics; do
  [ "$word" = open ] || break
  i=10
  for nic in $nics; do
    echo "link add w$nic type veth peer name $nic address 02:00:01:00:00:$i netns 1"
    echo "link set w$nic up"
    i=$((i + 1))
  done >$S/cables
  echo "$nic" >$S/last
  PATH=$plain
  [ "$tools" = gnu ] || PATH=$S/busybox:$plain
  unshare -n -m -p --fork --kill-child --mount-proc sh $S/inner
  echo @@closed
done
`;

type OpenShell = (script: string) => Readonly<{ argv: readonly string[]; env: NodeJS.ProcessEnv }>;

export class Guest {
  readonly #child: ChildProcessWithoutNullStreams;
  #lines: string[] = [];
  #wanted: { mark: string; resolve: (lines: string[]) => void } | undefined;
  #fail: ((error: Error) => void) | undefined;
  #stderr = '';
  #isOpen = false;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    child.stdin.on('error', () => undefined);
    createInterface({ input: child.stdout }).on('line', (line) => this.#line(line));
    child.on('close', (code) =>
      this.#fail?.(new Error(`the lab host's connection ended (${code}): ${this.#stderr}`)),
    );
  }

  /** `open` gives the command that runs a shell command as root on the host. */
  static async start(open: OpenShell): Promise<Guest> {
    const { argv, env } = open(DRIVER);
    const [program = '', ...args] = argv;
    const guest = new Guest(spawn(program, args, { env }));
    await guest.#until('@@ready');
    return guest;
  }

  /** A fresh namespace with these NICs (at most 90), in place of the former one. */
  async open(nics: readonly string[], tools: 'gnu' | 'busybox' = 'gnu'): Promise<void> {
    await this.close();
    this.#child.stdin.write(`open ${tools} ${nics.join(' ')}\n`);
    await this.#until('@@done ');
    this.#isOpen = true;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#child.stdin.write('end\n');
    await this.#until('@@closed');
    this.#isOpen = false;
  }

  /** Runs a script in the namespace; both its outputs. Never rejects for its exit code. */
  async run(script: string): Promise<string> {
    const bytes = Buffer.from(`${script}\n`);
    this.#child.stdin.write(`run ${bytes.length}\n`);
    this.#child.stdin.write(bytes);
    const lines = await this.#until('@@done ');
    // The empty line before the mark.
    lines.pop();
    return lines.join('\n');
  }

  async stop(): Promise<void> {
    this.#fail = undefined;
    const ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin.end();
    this.#child.kill();
    await ended;
  }

  #line(line: string): void {
    if (this.#wanted !== undefined && line.startsWith(this.#wanted.mark)) {
      const { resolve } = this.#wanted;
      this.#wanted = undefined;
      resolve(this.#lines.splice(0));
    } else {
      this.#lines.push(line);
    }
  }

  async #until(mark: string): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#wanted = { mark, resolve };
      this.#fail = reject;
    });
  }
}
