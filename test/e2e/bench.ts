/**
 * What a test in the lab works with: netorch as a user runs it, and the truth as the hosts' consoles
 * tell it. A test never takes netorch's word for what a host is.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { stringify } from 'yaml';

import { canonicalLines, splitSections } from '../../src/agents/canonical.js';
import { Lab } from '../../src/lab/lab.js';
import type { RunEvent } from '../../src/run/events.js';
import type { LabSuite } from './global-setup.js';
import { LAB_NATURE } from './lab-hosts.js';
import type { Ability, Target, TargetNature } from './target.js';
import { VagrantTarget } from './vagrant-target.js';

type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { type: T }>;

export type Ended = Readonly<{
  code: number | null;
  stdout: string;
  stderr: string;
  events: readonly RunEvent[];
  finished: (host: string) => EventOf<'host.finished'>;
}>;

export type NetorchOptions = Readonly<{
  inventory?: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
}>;

/** Everything of a host that must be again what it was, read over its console. */
export type Snapshot = readonly string[];

const READINGS = readFileSync(
  fileURLToPath(new URL('../../src/agents/readings.sh', import.meta.url)),
  'utf8',
);

/**
 * Besides netorch's own canonical form, and so that a mistake in that form does not hide a difference:
 * what sysfs and the plain commands say.
 */
const PLAIN = `
for d in /sys/class/net/*; do
  [ -e "$d/mtu" ] || continue
  read -r a <"$d/address"; read -r m <"$d/mtu"; read -r f <"$d/flags"
  c=none; [ ! -e "$d/master" ] || c=$(readlink "$d/master")
  echo "device \${d##*/} $a mtu $m up $((f & 1)) master $c"
done
ip -br -4 addr | sed -E 's/^([^ ]+) +[A-Z]+ +/ipv4 \\1 /; s/ +$//'
ip -4 route show table all type unicast | sed -E 's/ +/ /g; s/ (linkdown|dead)//g; s/ $//; s/^/plain route /'
ip -4 rule | sed 's/^/plain rule /'
sed 's/^/resolv /' /etc/resolv.conf
hostname | sed 's/^/hostname /'
`;

/** Ends what netorch has left running on a host, and takes its records and boot hooks away. */
export const RESET_RECORDS = `
for d in /run/netorch/*/runner.pid /run/netorch/*/timer.pid; do
  [ -e "$d" ] && read -r p <"$d" && kill -s KILL -- "-$p" 2>/dev/null
done
if [ -d /run/systemd/system ]; then
  systemctl list-units --plain --no-legend 'netorch-*' | while read -r u _; do systemctl stop "$u"; done
fi
umount /etc/resolv.conf 2>/dev/null
grep -o ' /run/netorch/[^ ]*' /proc/mounts | while read -r m; do umount -l "$m"; done
rm -rf /run/netorch /var/lib/netorch /etc/rc.local /etc/resolv.conf
rm -f /etc/systemd/system/netorch-* /etc/systemd/system/multi-user.target.wants/netorch-*
`;

/** Puts a host that has no network manager back to what its boot made of it. */
export const RESET = `${RESET_RECORDS}
# Few processes: on a kernel in user mode each costs more than what it does.
lines() {
  ip -o -d link show | awk '/\\\\ +(bridge|vxlan|macvlan|macvtap|vlan|bond|vrf|dummy|veth) / {
    sub(/[:@].*/, "", $2); if ($2 !~ /^eth.$/) print "link del dev " $2 }'
  for t in blackhole unreachable prohibit; do echo "route flush table all type $t"; done
  ip -4 route show table all | sed -n -E 's/^.*table ([12][0-9]+).*/route flush table \\1/p' | sort -u
  ip -4 rule | sed -n -E '/^(0|32766|32767):/d; s/^([0-9]+):.*/rule del pref \\1/p'
  for n in 1 2 3 4; do
    echo "link set dev eth$n nomaster"
    echo "link set dev eth$n down promisc off"
    echo "addr flush dev eth$n"
    printf 'link set dev eth%d mtu 1500 address 02:4c:00:00:%02x:%02x\\n' "$n" "$INDEX" "$n"
  done
}
lines | ip -force -batch -
for n in 1 2 3 4; do echo "link set dev w$n up"; done | ip -n wire -force -batch -
# Those that udev gave it come at each boot.
ip -o link show | awk '$2 ~ /^eth[1-4][:@]/ { sub(/[:@].*/, "", $2); for (i = 3; i < NF; i++) if ($i == "altname") print $2, $(i + 1) }' | tr -d '\\\\' | while read -r d a; do
  udevadm info "/sys/class/net/$d" 2>/dev/null | grep -q "^E: ID_NET_NAME_.*=$a$" || ip link property del dev "$d" altname "$a"
done
for n in 1 2 3 4; do
  echo >/sys/class/net/eth$n/ifalias
  for k in disable_ipv6 accept_ra autoconf addr_gen_mode; do
    # The shell reads one byte at a time, of which the kernel gives the first only: one digit, and no end of a line.
    read -r v </proc/sys/net/ipv6/conf/default/$k
    echo "$v" >/proc/sys/net/ipv6/conf/eth$n/$k
  done
done
/usr/local/sbin/lab-network
# A bridge may have had the address: who keeps its MAC address does not reach this host for most of a minute.
ip -o -4 addr show dev eth1 | sed -n 's/^.* inet \\([0-9.]*\\).*$/\\1/p' | while read -r a; do
  arping -q -U -c 1 -w 1 -I eth1 "$a" </dev/null
done
`;

/** netorch's own, where neither the command line nor the play says otherwise. */
const DEFAULT_DEADLINE_S = 30;

export class Bench {
  /** The lab, or virtual machines that take its place. */
  readonly lab: Target;
  readonly installed: string;
  /** A folder of the test's own. */
  readonly folder: string;
  readonly #boot = new Map<string, Snapshot>();
  readonly #children = new Set<ChildProcess>();
  /** One line a dial: the address. */
  readonly #dials: string;
  /** Laid over the lab's inventory: the way to a host, which leaves a line in `#dials`. */
  readonly #countedDials: string;
  readonly #patience: number;

  constructor(lab: Target, installed: string, patience = 1) {
    this.lab = lab;
    this.installed = installed;
    this.#patience = patience;
    this.folder = mkdtempSync(join(tmpdir(), 'netorch-e2e-test-'));
    this.#dials = this.write('dials', '');
    const connect = this.write(
      'connect',
      `echo "$1" >>${this.#dials}\nexec sh ${join(lab.dir, 'connect')} "$@"\n`,
    );
    const knownHosts = join(lab.dir, 'known_hosts');
    this.#countedDials = this.write('dials.yml', {
      cluster1: {
        vars: {
          ansible_ssh_common_args: `-o ProxyCommand="sh ${connect} %h %p" -o UserKnownHostsFile=${knownHosts} -o StrictHostKeyChecking=yes`,
        },
      },
    });
  }

  // ---- netorch, as a user runs it ------------------------------------------------------------------------

  playbook(name: string): string {
    return join(this.installed, 'playbooks', `${name}.yml`);
  }

  /** The same without its waves, which have a test of their own. */
  playbookInOneWave(name: string): string {
    const text = readFileSync(this.playbook(name), 'utf8');
    return this.write(`${name}.yml`, text.replace(/^ {2}serial: .*\n/m, ''));
  }

  /** Writes a document of the test and tells its path. */
  write(name: string, content: string | object): string {
    const file = join(this.folder, name);
    writeFileSync(file, typeof content === 'string' ? content : stringify(content));
    return file;
  }

  /** An inventory to be laid over the lab's: variables of single hosts. */
  variables(name: string, hosts: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
    return this.write(name, { cluster1: { hosts } });
  }

  start(args: readonly string[], options: NetorchOptions = {}): RunningNetorch {
    const inventories = [this.lab.inventoryPath, this.#countedDials, ...(options.inventory ?? [])];
    const child = spawn(
      process.execPath,
      [
        join(this.installed, 'bin', 'netorch.js'),
        ...args,
        ...inventories.flatMap((file) => ['-i', file]),
      ],
      {
        cwd: options.cwd ?? this.folder,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          HOME: this.folder,
          XDG_STATE_HOME: join(this.folder, 'state'),
          ...options.env,
        },
      },
    );
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    return new RunningNetorch(child);
  }

  async run(args: readonly string[], options: NetorchOptions = {}): Promise<Ended> {
    return this.start(args, options).ended;
  }

  /** `netorch apply … --ui json`. */
  async apply(
    file: string,
    hosts: string,
    options: NetorchOptions & Readonly<{ deadline?: number }> = {},
  ): Promise<Ended> {
    return this.startApply(file, hosts, options).ended;
  }

  startApply(
    file: string,
    hosts: string,
    options: NetorchOptions & Readonly<{ deadline?: number }> = {},
  ): RunningNetorch {
    const seconds = options.deadline ?? (this.#patience > 1 ? DEFAULT_DEADLINE_S : undefined);
    const deadline =
      seconds === undefined ? [] : ['--deadline', String(Math.ceil(seconds * this.#patience))];
    return this.start(['apply', file, '--hosts', hosts, '--ui', 'json', ...deadline], options);
  }

  // ---- the truth, out of band ------------------------------------------------------------------------------

  /** Runs a script on a host's console; throws when it fails. */
  async on(host: string, script: string): Promise<string> {
    const result = await this.lab.console(host, script);
    if (result.code !== 0) {
      throw new Error(`${host}: exit code ${result.code}: ${result.stderr}\n${result.stdout}`);
    }
    return result.stdout;
  }

  /** `before`: what is to be done there first, in the same breath. */
  async snapshot(host: string, before = ''): Promise<Snapshot> {
    const text = await this.on(
      host,
      `{ ${before}\n:; } >/dev/null 2>&1\n${READINGS}\nreadings\necho @plain\n(${PLAIN})`,
    );
    const sections = splitSections(text);
    // A device that was made anew comes last in the kernel's lists: the order counts only within one.
    const place = (line: string) => line.split(' ', 2).join(' ');
    return [...canonicalLines(sections), ...(sections.get('plain') ?? [])]
      .filter((line) => line !== '')
      .toSorted((one, other) =>
        place(one) < place(other) ? -1 : place(one) > place(other) ? 1 : 0,
      );
  }

  /**
   * What a host is once it does not change any more: after a boot the kernel goes on giving its interfaces
   * addresses of their own for seconds.
   */
  async settledSnapshot(host: string): Promise<Snapshot> {
    let before = await this.snapshot(host);
    for (let tries = 0; tries < 20; tries++) {
      const now = await this.snapshot(host, 'sleep 2');
      if (String(now) === String(before)) break;
      before = now;
    }
    return before;
  }

  /** The host is what it was when the suite began. */
  async expectAsAtBoot(host: string): Promise<void> {
    expect(await this.snapshot(host), host).toEqual(this.#boot.get(host));
  }

  /** `netorch show`, given to the hosts as their network plans, leaves nothing to do. */
  async expectShowIsFixPoint(hosts: readonly string[]): Promise<void> {
    const shown = await this.run(['show', '--json', '--hosts', hosts.join(',')]);
    expect(shown.stderr).toBe('');
    const states = JSON.parse(shown.stdout) as Readonly<Record<string, object>>;
    expect(Object.keys(states)).toEqual(hosts);
    const variables = this.variables(
      'shown.yml',
      Object.fromEntries(Object.entries(states).map(([host, network]) => [host, { network }])),
    );
    const playbook = this.write('shown-playbook.yml', [{ name: 'as it is', hosts: 'cluster1' }]);
    const plan = await this.run(['plan', playbook, '--hosts', hosts.join(',')], {
      inventory: [variables],
    });
    expect(plan.stdout + plan.stderr).not.toMatch(/create|delete|attach|set /);
    expect(plan.code).toBe(0);
  }

  /** How many connections netorch has dialled to a host's address so far. */
  connections(host: string): number {
    const { address } = this.lab.host(host);
    return readFileSync(this.#dials, 'utf8')
      .split('\n')
      .filter((line) => line === address).length;
  }

  /** `state.NAME` files of the transactions on a host. */
  async transactionStates(host: string): Promise<string> {
    return this.on(
      host,
      'for s in /run/netorch/*/state.*; do [ -e "$s" ] && echo "${s##*/}"; done; :',
    );
  }

  /** Waits until no transaction on the host is open, whoever ends it. */
  async untilSettled(host: string): Promise<string> {
    // The host's own runner does it: one script waits for it there. Asked is for an end that is reached;
    // a state that is just being renamed shows under neither name.
    const states = await this.on(
      host,
      `for d in /run/netorch/*/; do
         [ -e "$d/begun" ] || continue
         until [ -e "$d/state.confirmed" ] || [ -e "$d/state.rolled-back" ] || [ -e "$d/state.incomplete" ]
         do [ -d "$d" ] || break; sleep 0.2; done
       done
       for s in /run/netorch/*/state.*; do [ -e "$s" ] && echo "\${s##*/}"; done; :`,
    );
    return states;
  }

  /**
   * Ends what a test left behind; each host is again as it was at boot, which is checked. A host with
   * NetworkManager is left alone: no test changes it, and it is busy with itself.
   */
  async reset(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.lab.mendAll();
    await Promise.all(
      this.lab.hosts.map(async ({ name, index, init }) => {
        if (init === 'networkmanager') return;
        const before = this.#boot.get(name);
        if (before !== undefined && (await this.#isUntouched(name, before))) return;
        await this.on(name, `INDEX=${index}\n(${RESET}) 2>/dev/null; :`);
        if (before === undefined) this.#boot.set(name, await this.settledSnapshot(name));
        else await expect.poll(() => this.snapshot(name)).toEqual(before);
      }),
    );
  }

  async #isUntouched(host: string, before: Snapshot): Promise<boolean> {
    const records = await this.on(host, 'ls -d /run/netorch /var/lib/netorch 2>/dev/null; :');
    if (records !== '') return false;
    const now = await this.snapshot(host);
    return now.length === before.length && now.every((line, index) => line === before[index]);
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class RunningNetorch {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #events: RunEvent[] = [];
  readonly #output: string[] = [];
  readonly #waiting = new Set<() => void>();
  #isOver = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    const output = this.#output;
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new Error('netorch was started without pipes');
    createInterface({ input: stdout }).on('line', (line) => {
      output.push(line);
      if (line.startsWith('{"at"')) this.#events.push(JSON.parse(line) as RunEvent);
      for (const check of this.#waiting) check();
    });
    const errors = text(stderr);
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        this.#isOver = true;
        for (const check of this.#waiting) check();
        void errors.then((stderrText) => {
          resolve({
            code,
            stdout: output.map((line) => `${line}\n`).join(''),
            stderr: stderrText,
            events: this.#events,
            finished: (host) => {
              const event = this.#events.find(
                (item) => item.type === 'host.finished' && item.host === host,
              );
              if (event?.type !== 'host.finished') {
                throw new Error(
                  `${host} has no outcome; netorch ended with ${code}: ${stderrText}`,
                );
              }
              return event;
            },
          });
        });
      });
    });
  }

  /** The first line of output that fits, past or to come; rejects when netorch ends without it. */
  async said(fits: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = this.#output.find((line) => fits.test(line));
        if (found === undefined && !this.#isOver) return;
        this.#waiting.delete(check);
        if (found !== undefined) resolve(found);
        else reject(new Error(`netorch ended without ${fits}:\n${this.#output.join('\n')}`));
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** The first event that fits, past or to come; rejects when netorch ends without it. */
  async seen<T extends RunEvent['type']>(
    type: T,
    fits: (event: EventOf<T>) => boolean = () => true,
  ): Promise<EventOf<T>> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const found = this.#events.find(
          (event): event is EventOf<T> => event.type === type && fits(event as EventOf<T>),
        );
        if (found === undefined && !this.#isOver) return;
        this.#waiting.delete(check);
        if (found === undefined) {
          const last = this.#events.slice(-3).map((event) => JSON.stringify(event));
          reject(new Error(`netorch ended without the event ${type}; last: ${last.join('\n')}`));
        } else resolve(found);
      };
      this.#waiting.add(check);
      check();
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As Ctrl-C does where no terminal is. */
  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** kill -9: nothing of netorch gets the chance to clean up. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

/**
 * The target of the whole suite where it has so many hosts that netorch may change, else a lab of its
 * own. What ends it, if it is one of its own, comes with it.
 */
async function targetWith(
  suite: Exclude<LabSuite, { missing: string }>,
  least: number,
): Promise<Readonly<{ lab: Target; end: () => Promise<void> }>> {
  const end = () => Promise.resolve();
  if (suite.vagrantDir !== undefined) return { lab: new VagrantTarget(suite.vagrantDir), end };
  const shared = await Lab.open(suite.labDir);
  if (shared.hosts.filter(({ init }) => init !== 'networkmanager').length >= least) {
    return { lab: shared, end };
  }
  const own = await Lab.up({
    dir: join(tmpdir(), `netorch-e2e-own-${process.pid}`),
    hosts: Array.from({ length: least }, (_, index) => ({
      name: `h${index + 1}`,
      init: 'minimal',
    })),
  });
  return { lab: own, end: () => own.down() };
}

/** What the suite's target is; without one, what the lab would be. */
function nature(): TargetNature {
  const suite = inject('labSuite');
  return suite.missing === undefined ? suite.nature : LAB_NATURE;
}

/** Of these hosts those that the suite's target has: the lab all of them, virtual machines are fewer. */
export function present<T extends string>(hosts: readonly T[]): readonly T[] {
  const { hosts: there } = nature();
  return hosts.filter((host) => there.includes(host));
}

/** Why the suite's target cannot do with a test that needs this, if so. */
function lacking(needs: readonly Ability[], hosts: readonly string[]): string | undefined {
  const { cannot, hosts: there } = nature();
  const reasons = needs.flatMap((need) => cannot[need] ?? []);
  if (reasons.length > 0) return reasons[0];
  const absent = hosts.filter((host) => !there.includes(host));
  return absent.length === 0
    ? undefined
    : `of the hosts there are only ${there.join(' and ')}, not ${absent.join(', ')}`;
}

/** A test that needs something of its target; without it, it is skipped, and its name tells why. */
export function testNeeding(
  needs: readonly Ability[],
  name: string,
  body: () => Promise<void>,
): void {
  const reason = lacking(needs, []);
  if (reason === undefined) test(name, body);
  else test.skip(`${name} (skipped: ${reason})`, body);
}

/**
 * A group of tests in the lab; before and after each of them all hosts are as at boot. With `leastHosts`
 * in a lab of its own, where the suite's has fewer: hosts h1, h2 … without a network manager. Without
 * what it `needs`, or without one of its `hosts`, it is skipped, and its name tells why.
 */
export function describeInLab(
  name: string,
  tests: (bench: () => Bench) => void,
  {
    leastHosts = 0,
    needs = [],
    hosts = [],
  }: Readonly<{
    leastHosts?: number;
    needs?: readonly Ability[];
    hosts?: readonly string[];
  }> = {},
): void {
  const suite = inject('labSuite');
  const reason = suite.missing ?? lacking(needs, hosts);
  if (suite.missing !== undefined || reason !== undefined) {
    describe.skip(`${name} (skipped: ${reason})`, () =>
      tests(() => {
        throw new Error('skipped');
      }));
    return;
  }
  describe(name, () => {
    let bench: Bench | undefined;
    let endLab: () => Promise<void> = () => Promise.resolve();
    beforeAll(async () => {
      const { lab, end } = await targetWith(suite, leastHosts);
      endLab = end;
      bench = new Bench(lab, suite.installed, suite.nature.patience);
      await bench.reset();
    });
    afterEach(async () => {
      await bench?.reset();
    });
    afterAll(async () => {
      bench?.close();
      await endLab();
    });
    tests(() => {
      if (bench === undefined) throw new Error('the lab is not open yet');
      return bench;
    });
  });
}
