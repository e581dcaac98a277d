/** A lab host that stops at named points of a transaction, and its console. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { RESET, RESET_RECORDS, type Bench, type Snapshot } from '../e2e/bench.js';
import type { FaultCase } from './cases.js';

const text = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');
const heredoc = (content: string, file: string) =>
  `cat >${file} <<'NETORCH_FILE'\n${content}NETORCH_FILE\n`;

/** Replaces the line `point() { :; }` of the agent's scripts in the copy of netorch that is tested. */
export const HOOK =
  'point() { [ ! -e /run/faults/armed ] || sh /run/faults/point.sh "$1" $$ </dev/null >/dev/null 2>&1; }';

/** What of the agent's scripts is replaced: file, place, what stands there instead. */
export const HOOKS = [
  ['begin.sh', 'point() { :; }', HOOK],
  ['runtime.sh', 'point() { :; }', HOOK],
  ['persist.sh', 'persist_point() {', 'persist_point() {\n\tpoint "$1"'],
] as const;

const OPEN = 'new armed applying applied rolling-back';

export type Settled = Readonly<{
  /** Of the last transaction; `none` when there is no record. */
  state: string;
  /** Seconds of the host's clock from its deadline until it had ended; negative when before. */
  afterDeadline: number;
  /** It did not end within two minutes after its deadline. */
  isStuck: boolean;
  /** It was never armed: nothing was touched at any time. */
  isUntouched: boolean;
}>;

export class FaultHost {
  readonly name: string;
  readonly #bench: Bench;
  #boot: Snapshot = [];
  #planned: Snapshot = [];
  /** How many lines of batches the plan has on this host, and in how many calls of ip and bridge. */
  steps = 0;
  calls = 0;

  constructor(bench: Bench, name: string) {
    this.#bench = bench;
    this.name = name;
  }

  get isMinimal(): boolean {
    return this.#bench.lab.host(this.name).init === 'minimal';
  }

  /** `plan` runs the plan once without a fault, so that it is known what "as planned" is. */
  async setUp(plan: () => Promise<void>): Promise<void> {
    await this.#install();
    this.#boot = await this.#bench.settledSnapshot(this.name);
    await this.arm('step-9999');
    await this.#bench.on(this.name, 'echo 9999 9999 >/run/faults/fail');
    await plan();
    const counted = await this.#bench.on(this.name, 'cat /run/faults/steps /run/faults/calls');
    [this.steps = 0, this.calls = 0] = counted.split('\n').map(Number);
    this.#planned = await this.#bench.snapshot(this.name);
    await this.reset();
  }

  async #install(): Promise<void> {
    await this.#bench.on(
      this.name,
      `${['ip', 'bridge'].map((tool) => heredoc(text('./wrapper.sh'), `/usr/local/sbin/${tool}`)).join('')}
chmod 755 /usr/local/sbin/ip /usr/local/sbin/bridge; sync`,
    );
  }

  async arm(point: string, item?: FaultCase): Promise<void> {
    const { fault, signal, failsFirst } = item ?? {};
    const atHost = signal === undefined;
    const action = [
      fault?.action ?? '',
      fault?.failing === undefined
        ? ''
        : `echo 0 >/run/faults/calls; echo ${fault.failing} >/run/faults/fail`,
    ].join('\n');
    await this.#bench.on(
      this.name,
      `mkdir -p /run/faults; umount /run/faults 2>/dev/null; mount -t tmpfs tmpfs /run/faults
${heredoc(text('./point.sh'), '/run/faults/point.sh')}
${heredoc(`${action}\n`, '/run/faults/action')}
echo 0 >/run/faults/steps; echo 0 >/run/faults/calls
${fault?.outside === undefined ? '' : ': >/run/faults/hold'}
${failsFirst === true ? `echo ${this.calls} ${this.calls} >/run/faults/fail` : ''}
${atHost ? `echo ${point} >/run/faults/at` : ''}
: >/run/faults/armed`,
    );
  }

  /** Waits until the point has been reached; false when it was not within the time. */
  async reached(timeoutMs: number): Promise<boolean> {
    const { code } = await this.#bench.lab.console(
      this.name,
      'until [ -e /run/faults/reached ]; do sleep 0.2; done',
      { timeoutMs },
    );
    return code === 0;
  }

  async go(): Promise<void> {
    await this.#bench.on(this.name, ': >/run/faults/go');
  }

  /** Waits until no transaction is open, as the console tells it. */
  async settled(): Promise<Settled> {
    const out = await this.#bench.lab.console(
      this.name,
      `stuck=0
while :; do
  read -r up _ </proc/uptime; up=\${up%%.*}
  open=none deadline=0
  for d in /run/netorch/*/; do
    for state in ${OPEN}; do [ -e "$d/state.$state" ] && open=$state && read -r deadline <"$d/deadline"; done
  done
  [ $open = none ] && break
  # What was never armed stays as it is, and has touched nothing.
  [ $open = new ] && [ $up -gt $((deadline + 40)) ] && break
  [ $up -gt $((deadline + 120)) ] && stuck=1 && break
  sleep 0.5
done 2>/dev/null
state=none deadline=$up untouched=0
for s in /run/netorch/*/state.*; do
  [ -e "$s" ] && state=\${s##*/state.} && read -r deadline <"\${s%/*}/deadline"
  grep -qs '^nothing was begun' "\${s%/*}/cause" && untouched=1
done
echo "$state $((up - deadline)) $stuck $untouched"`,
      { timeoutMs: 240_000 },
    );
    const [state = '', after = '', stuck = '', untouched = ''] = out.stdout.trim().split(' ');
    if (state === '') throw new Error(`${this.name}: no answer on the console: ${out.stderr}`);
    return {
      state,
      afterDeadline: Number(after),
      isStuck: stuck !== '0',
      isUntouched: untouched === '1',
    };
  }

  /** What the host is, by its console: nothing that netorch says. */
  async truth(before = ''): Promise<'as before' | 'as planned' | readonly string[]> {
    let difference: readonly string[] = [];
    // Carrier, and what hangs on it, takes its time.
    for (let tries = 0; tries < 5; tries++) {
      const now = await this.#bench.snapshot(this.name, tries === 0 ? before : 'sleep 1');
      if (equal(now, this.#boot)) return 'as before';
      if (equal(now, this.#planned)) return 'as planned';
      difference = [
        ...this.#boot.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
        ...now.filter((line) => !this.#boot.includes(line)).map((line) => `+ ${line}`),
      ];
    }
    return difference;
  }

  /** The faults of the host itself, taken away; its network stays as it is. */
  async mend(): Promise<void> {
    await this.#bench.on(this.name, `(${FaultHost.#mending()}) >/dev/null 2>&1; :`);
  }

  /** The same, and what the host is then. */
  async mendedTruth(): ReturnType<FaultHost['truth']> {
    return this.truth(FaultHost.#mending());
  }

  static #mending(): string {
    return `mkdir -p /run/faults; touch /run/faults/go; rm -f /run/fill /run/faults/armed /run/faults/at
mount -o remount,rw /
nft delete table ip faults
ip -n wire link set dev w1 up
date -s @${Math.floor(Date.now() / 1000)}
`;
  }

  /** Back to what it was at boot, by a boot if need be. With `isAsBefore`, its network needs nothing. */
  async reset(isAsBefore = false): Promise<void> {
    if (isAsBefore) {
      await this.#bench.on(this.name, `(${RESET_RECORDS}) 2>/dev/null; :`);
      return;
    }
    const { index } = this.#bench.lab.host(this.name);
    await this.mend();
    await this.#bench.on(this.name, `INDEX=${index}\n(${RESET}) 2>/dev/null; :`);
    if ((await this.truth()) !== 'as before') await this.boot();
  }

  /** A power cut, with nothing of a change left to come back. */
  async boot(): Promise<void> {
    await this.#bench.lab.cut(this.name);
    await this.#bench.lab.powerOn(this.name);
    await this.#install();
    let now = await this.truth();
    if (now !== 'as before') {
      // Its disk may hold what the boot has brought back.
      const { index } = this.#bench.lab.host(this.name);
      await this.#bench.on(this.name, `INDEX=${index}\n(${RESET}) 2>/dev/null; :`);
      now = await this.truth();
    }
    if (now !== 'as before') throw new Error(`${this.name} is not what it was: ${String(now)}`);
  }

  /** What docs/rollback.md tells who stands before the host to do. */
  async goBackByHand(): Promise<string> {
    return this.#bench.on(
      this.name,
      'cd /run/netorch/*/ && NETORCH_DIR=$PWD sh runtime.sh request-rollback "by hand"',
    );
  }

  /** What it has to say for itself, for a case that failed. */
  async story(): Promise<string> {
    const { stdout } = await this.#bench.lab.console(
      this.name,
      'cat /run/faults/trace /run/faults/log; tail -n 20 /run/netorch/*/events /run/netorch/*/cause /run/netorch/*/stderr /run/netorch/*/differences /run/netorch/*/restore.log; ls /run/netorch/*',
    );
    return stdout;
  }
}

const equal = (one: Snapshot, other: Snapshot) =>
  one.length === other.length && one.every((line, index) => line === other[index]);
