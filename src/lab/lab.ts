import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { NetorchError } from '../errors.js';
import { faultKey, hostScript, switchScript, type LabFault } from './fault.js';
import { ensureImage } from './image.js';
import { defaultLabDir } from './lab-files.js';
import { readLabState, writeLabState, type LabState } from './lab-state.js';
import {
  consoleArguments,
  makeKey,
  powerOn,
  powerStates,
  prepareMachine,
  runInside,
  signalMachine,
  waitForBoot,
  type LabBox,
  type PowerState,
} from './machines.js';
import {
  closeNamespace,
  enterArguments,
  isAlive,
  LAB_MARK,
  openNamespace,
  processIdentity,
  type LabNamespace,
} from './namespace.js';
import { ensureRequirements, kernelRelease } from './requirements.js';
import type { ProgramOptions, ProgramResult } from './run-program.js';
import {
  cablesBatch,
  hostMachine,
  inventoryYaml,
  labHosts,
  SWITCH,
  switchMachine,
  type LabHost,
  type LabHostSpec,
  type LabMachine,
} from './topology.js';

export { detectLab } from './requirements.js';
export type { LabFault } from './fault.js';
export type { LabHost, LabHostSpec } from './topology.js';

/** How many machines boot at the same time: more would only wait for each other's CPU. */
const BOOT_WIDTH = 4;
const BOOT_TIMEOUT_MS = 180_000;
/** Unix sockets have paths of at most 107 bytes; the longest in a lab is NAME/vm/mconsole. */
const LONGEST_DIR = 60;

export type LabUpOptions = Readonly<{
  /** Folder of the lab; several labs in different folders do not know of each other. */
  dir?: string | undefined;
  hosts: readonly LabHostSpec[];
  progress?: (line: string) => void;
  /** Ends `up` early; everything that was made is taken down first. */
  signal?: AbortSignal;
}>;

export type LabHostStatus = Readonly<{ host: LabHost; power: PowerState }>;

/**
 * Virtual hosts with a real kernel, wired to a switch, in a network of their own on this machine. A
 * lab outlives the process that started it, until `down`.
 */
export class Lab {
  readonly dir: string;
  readonly hosts: readonly LabHost[];
  readonly #box: LabBox;

  private constructor(dir: string, state: LabState, namespace: LabNamespace) {
    this.dir = dir;
    this.hosts = state.hosts;
    this.#box = { dir, namespace, image: state.image ?? '' };
  }

  get inventoryPath(): string {
    return path.join(this.dir, 'inventory.yml');
  }

  /**
   * Brings up a lab, or finds that the very same one is already up. Installs packages and builds the
   * disk image when they are missing. Throws NetorchError USAGE, LAB_UNAVAILABLE or LAB_FAILED; nothing
   * is left behind then.
   */
  static async up(options: LabUpOptions): Promise<Lab> {
    const progress = options.progress ?? (() => undefined);
    const dir = checkedDir(options.dir);
    const hosts = labHosts(options.hosts);
    const running = existsSync(dir) ? await clearedOrRunning(dir, progress) : undefined;
    if (running !== undefined) {
      if (JSON.stringify(running.hosts) !== JSON.stringify(hosts)) {
        throw new NetorchError('USAGE', `a lab with other hosts is up in ${dir}`, {
          notes: [
            `It has ${running.hosts.map((host) => `${host.name} (${host.init})`).join(', ')}.`,
            'End it first: netorch lab down',
          ],
        });
      }
      progress(`the lab in ${dir} is already up`);
      return running;
    }
    await ensureRequirements(progress, options.signal);
    const release = await kernelRelease();
    const image = await ensureImage(release, progress, options.signal);
    claim(dir);
    try {
      const { state, namespace } = await start(dir, hosts, image, progress, options.signal);
      return new Lab(dir, state, namespace);
    } catch (error) {
      const stopping = options.signal?.aborted === true ? 'interrupted' : 'failed';
      progress(`${stopping}: taking everything down again`);
      await takeDown(dir);
      throw options.signal?.aborted === true
        ? new NetorchError('LAB_FAILED', 'interrupted; nothing is left behind')
        : error;
    }
  }

  /** The running lab in a folder. Throws NetorchError LAB_FAILED when there is none. */
  static async open(dir?: string): Promise<Lab> {
    const folder = checkedDir(dir);
    const state = readLabState(folder);
    const hint = { notes: ['Start one: netorch lab up'] };
    if (state === undefined) {
      throw new NetorchError('LAB_FAILED', `no lab is up in ${folder}`, hint);
    }
    if (state.phase === 'starting' && isAlive(state.starter)) {
      throw new NetorchError('LAB_FAILED', `the lab in ${folder} is still starting`);
    }
    if (
      state.phase === 'starting' ||
      state.namespace === undefined ||
      !isAlive(state.namespace.init)
    ) {
      throw new NetorchError('LAB_FAILED', `the lab in ${folder} has died; clear it away first`, {
        notes: ['netorch lab down'],
      });
    }
    return new Lab(folder, state, state.namespace);
  }

  /**
   * Ends the lab in a folder, whatever state it is in, and removes the folder. Resolves to false when
   * there was none.
   */
  static async down(dir?: string): Promise<boolean> {
    const folder = checkedDir(dir);
    if (existsSync(folder)) assertOurs(folder);
    return takeDown(folder);
  }

  /** Ends this lab; nothing of it is left but the cached disk image. */
  async down(): Promise<void> {
    await takeDown(this.dir);
  }

  /** The faults that are in force. */
  get faults(): readonly LabFault[] {
    return readLabState(this.dir)?.faults ?? [];
  }

  /** A host by its name. Throws NetorchError UNKNOWN_HOST. */
  host(name: string): LabHost {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) {
      throw new NetorchError('UNKNOWN_HOST', `the lab has no host "${name}"`, {
        notes: [`It has ${this.hosts.map((known) => known.name).join(', ')}.`],
      });
    }
    return host;
  }

  /**
   * Runs a shell script as root on a host or the switch, out of band: over eth0, which no fault and no
   * plan touches. Never rejects for an exit code; 124 when `timeoutMs` (default 60 s) has passed, 255
   * when the machine cannot be reached.
   */
  async console(
    host: string,
    script: string,
    options: Pick<ProgramOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<ProgramResult> {
    const argv = consoleArguments(this.#box, this.#machine(host), [], ['sh', '-s']);
    return runInside(this.#box, argv, 'network', {
      timeoutMs: 60_000,
      ...options,
      input: script.endsWith('\n') ? script : `${script}\n`,
    });
  }

  /** Runs a program of this machine in the lab's network, where the controller's two NICs are. */
  async exec(argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
    return runInside(this.#box, argv, 'network', options);
  }

  /** argv and environment by which a terminal gets a program in the lab's network. */
  execCommand(
    argv: readonly string[],
  ): Readonly<{ argv: readonly string[]; env: NodeJS.ProcessEnv }> {
    return {
      argv: enterArguments(this.#box.namespace, argv),
      env: { ...process.env, [LAB_MARK]: this.dir },
    };
  }

  /** As execCommand, for a shell or a command on a host or the switch. */
  consoleCommand(
    host: string,
    command: readonly string[],
  ): Readonly<{ argv: readonly string[]; env: NodeJS.ProcessEnv }> {
    return this.execCommand(consoleArguments(this.#box, this.#machine(host), [], command));
  }

  async status(): Promise<readonly LabHostStatus[]> {
    const states = await powerStates(
      this.#box,
      this.hosts.map((host) => host.name),
    );
    return this.hosts.map((host) => ({ host, power: states.get(host.name) ?? 'off' }));
  }

  /** Brings a fault about; one that is in force already is set to the new amount. */
  async break(fault: LabFault): Promise<void> {
    const host = this.host(fault.host);
    const others = this.#without(fault);
    const isInForce = others.length < this.faults.length;
    switch (fault.kind) {
      case 'freeze':
        return this.freeze(fault.host);
      case 'power':
        return this.cut(fault.host);
      case 'loss':
      case 'delay':
        await this.#mustRun(SWITCH, switchScript(fault, 'break', host, others));
        break;
      case 'vlan':
      case 'lag':
      case 'link': {
        if (isInForce) return;
        await this.#mustRun(SWITCH, switchScript(fault, 'break', host, others));
        const script = hostScript(fault, 'break');
        // A host without power has no carrier anyhow; it gets its faults when it is back on.
        if (script !== undefined && (await this.#isOn(host)))
          await this.#mustRun(host.name, script);
        break;
      }
    }
    this.#setFaults([...this.#without(fault), fault]);
  }

  /** Takes a fault away; one that is not in force is no error. Amounts do not matter. */
  async mend(fault: LabFault): Promise<void> {
    const host = this.host(fault.host);
    const others = this.#without(fault);
    if (others.length === this.faults.length) return;
    switch (fault.kind) {
      case 'freeze':
        return this.thaw(fault.host);
      case 'power':
        return this.powerOn(fault.host);
      case 'vlan':
      case 'lag':
      case 'link':
      case 'loss':
      case 'delay': {
        await this.#mustRun(SWITCH, switchScript(fault, 'mend', host, others));
        const script = hostScript(fault, 'mend');
        if (script !== undefined && (await this.#isOn(host)))
          await this.#mustRun(host.name, script);
        break;
      }
    }
    this.#setFaults(this.#without(fault));
  }

  /** Mends all faults that are in force. */
  async mendAll(): Promise<void> {
    // Power and pulse first: the others may have something to run on the host.
    const rank = (fault: LabFault) =>
      fault.kind === 'power' ? 0 : fault.kind === 'freeze' ? 1 : 2;
    for (const fault of this.faults.toSorted((a, b) => rank(a) - rank(b))) await this.mend(fault);
  }

  /** Reboots a host in good order and waits until it is up again. */
  async reboot(host: string): Promise<void> {
    this.host(host);
    const bootId = async () =>
      (await this.console(host, 'cat /proc/sys/kernel/random/boot_id', { timeoutMs: 5000 })).stdout;
    const before = await bootId();
    await this.#mustRun(host, '(sleep 0.2; reboot) >/dev/null 2>&1 </dev/null &');
    const deadline = Date.now() + BOOT_TIMEOUT_MS;
    for (;;) {
      const now = await bootId();
      if (now !== '' && now !== before) break;
      if (Date.now() > deadline) throw new NetorchError('LAB_FAILED', `${host} does not reboot`);
      await delay(200);
    }
    await this.waitUntilUp(host);
    await this.#pullAgain(host);
  }

  /** Cuts the power: no shutdown, and what was not written to the disk is lost. */
  async cut(host: string): Promise<void> {
    this.host(host);
    await signalMachine(this.#box, host, 'KILL');
    this.#setFaults([
      // A host that is switched off is not frozen any more.
      ...this.faults.filter((f) => f.host !== host || (f.kind !== 'power' && f.kind !== 'freeze')),
      { kind: 'power', host },
    ]);
  }

  /** Switches a host on again, with the disk it had, and waits until it is up. */
  async powerOn(host: string): Promise<void> {
    const spec = this.host(host);
    if ((await this.#powerOf(spec)) !== 'off') return;
    const machine = hostMachine(spec);
    await powerOn(this.#box, machine);
    await waitForBoot(this.#box, machine, { timeoutMs: BOOT_TIMEOUT_MS });
    this.#setFaults(this.faults.filter((f) => f.host !== host || f.kind !== 'power'));
    await this.#pullAgain(host);
  }

  /** Stops a host in its tracks: it neither answers nor runs a timer until `thaw`. */
  async freeze(host: string): Promise<void> {
    this.host(host);
    await signalMachine(this.#box, host, 'STOP');
    const fault: LabFault = { kind: 'freeze', host };
    this.#setFaults([...this.#without(fault), fault]);
  }

  async thaw(host: string): Promise<void> {
    this.host(host);
    await signalMachine(this.#box, host, 'CONT');
    this.#setFaults(this.faults.filter((f) => f.host !== host || f.kind !== 'freeze'));
  }

  /** Waits until a host has booted and answers on its console, for instance after a reboot. */
  async waitUntilUp(host: string, options: Readonly<{ timeoutMs?: number }> = {}): Promise<void> {
    await waitForBoot(this.#box, this.#machine(host), {
      timeoutMs: options.timeoutMs ?? BOOT_TIMEOUT_MS,
    });
  }

  #machine(name: string): LabMachine {
    return name === SWITCH ? switchMachine(this.hosts) : hostMachine(this.host(name));
  }

  async #powerOf(host: LabHost): Promise<PowerState> {
    return (await powerStates(this.#box, [host.name])).get(host.name) ?? 'off';
  }

  async #isOn(host: LabHost): Promise<boolean> {
    const power = await this.#powerOf(host);
    if (power === 'frozen') {
      throw new NetorchError('LAB_FAILED', `${host.name} is frozen; thaw it first`, {
        notes: [`netorch lab mend freeze ${host.name}`],
      });
    }
    return power === 'on';
  }

  async #mustRun(machine: string, script: string): Promise<void> {
    const result = await this.console(machine, `set -e\n${script}`);
    if (result.code !== 0) {
      throw new NetorchError('LAB_FAILED', `a command on ${machine} failed (${result.code})`, {
        notes: [(result.stderr || result.stdout).trim()],
      });
    }
  }

  /** A host's end of a pulled cable is part of the host; it does not outlast a boot by itself. */
  async #pullAgain(host: string): Promise<void> {
    for (const fault of this.faults) {
      if (fault.kind !== 'link' || fault.host !== host) continue;
      const script = hostScript(fault, 'break');
      if (script !== undefined) await this.#mustRun(host, script);
    }
  }

  /** As they are by now: other hosts' faults come and go while a script runs. */
  #without(fault: LabFault): readonly LabFault[] {
    return this.faults.filter((other) => faultKey(other) !== faultKey(fault));
  }

  #setFaults(faults: readonly LabFault[]): void {
    const state = readLabState(this.dir);
    if (state !== undefined) writeLabState(this.dir, { ...state, faults });
  }
}

function checkedDir(given: string | undefined): string {
  const dir = path.resolve(given ?? defaultLabDir());
  if (!/^[A-Za-z0-9._/+-]+$/.test(dir) || dir.length > LONGEST_DIR) {
    throw new NetorchError(
      'USAGE',
      `"${dir}" cannot be the folder of a lab: at most ${LONGEST_DIR} letters, digits and . _ / + - (the kernel allows no longer socket names)`,
    );
  }
  return dir;
}

/** Refuses a folder with anything in it that no lab has put there. */
function assertOurs(dir: string): void {
  const stat = lstatSync(dir);
  if (!stat.isDirectory() || stat.uid !== (process.getuid?.() ?? stat.uid)) {
    throw new NetorchError('USAGE', `${dir} is no folder of this user`);
  }
  if (readdirSync(dir).length > 0 && readLabState(dir) === undefined) {
    throw new NetorchError('USAGE', `${dir} holds something else than a lab`, {
      notes: ['Name another folder with --dir, or remove it yourself.'],
    });
  }
}

/** The lab that runs in a folder that is there; or nothing, after clearing a dead one away. */
async function clearedOrRunning(
  dir: string,
  progress: (line: string) => void,
): Promise<Lab | undefined> {
  assertOurs(dir);
  const state = readLabState(dir);
  if (state?.phase === 'starting' && isAlive(state.starter)) {
    throw new NetorchError(
      'LAB_FAILED',
      `process ${state.starter.pid} is just starting a lab in ${dir}`,
    );
  }
  if (state?.phase === 'up' && state.namespace !== undefined && isAlive(state.namespace.init)) {
    return Lab.open(dir);
  }
  if (state !== undefined) progress('clearing away a lab that had died');
  await takeDown(dir);
  return undefined;
}

/** Makes the folder ours; of two processes that try at once, one gets it. */
function claim(dir: string): void {
  try {
    mkdirSync(path.dirname(dir), { recursive: true });
    mkdirSync(dir, { mode: 0o700 });
  } catch (cause) {
    throw new NetorchError('LAB_FAILED', `the folder ${dir} cannot be made`, { cause });
  }
}

async function start(
  dir: string,
  hosts: readonly LabHost[],
  image: string,
  progress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<Readonly<{ state: LabState; namespace: LabNamespace }>> {
  const starter = processIdentity(process.pid);
  if (starter === undefined) throw new Error('no /proc');
  let state: LabState = { version: 1, phase: 'starting', starter, image, hosts, faults: [] };
  const note = (more: Partial<LabState>) => {
    state = { ...state, ...more };
    writeLabState(dir, state);
  };
  note({});
  const namespace = await openNamespace(dir, (holder) => note({ holder }));
  note({ namespace });
  const box: LabBox = { dir, namespace, image };
  await layCables(box, hosts);

  await makeKey(path.join(dir, 'key'), 'netorch-lab');
  const machines = [switchMachine(hosts), ...hosts.map((host) => hostMachine(host))];
  for (const machine of machines) {
    const host = hosts.find((candidate) => candidate.name === machine.name);
    await prepareMachine(dir, machine, host);
  }
  writeConnect(box);
  writeFileSync(path.join(dir, 'inventory.yml'), inventoryYaml(hosts, dir));

  progress(`booting ${machines.map((machine) => machine.name).join(', ')}`);
  const queue = [...machines];
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const bootInTurn = async (): Promise<void> => {
    for (let machine = queue.shift(); machine !== undefined; machine = queue.shift()) {
      either.throwIfAborted();
      const begun = performance.now();
      await powerOn(box, machine);
      await waitForBoot(box, machine, { timeoutMs: BOOT_TIMEOUT_MS, signal: either });
      progress(`${machine.name}: up after ${((performance.now() - begun) / 1000).toFixed(0)} s`);
    }
  };
  try {
    await Promise.all(Array.from({ length: BOOT_WIDTH }, bootInTurn));
  } finally {
    stop.abort();
  }
  await Promise.all(hosts.map((host) => waitForDataPath(box, host, signal)));
  note({ phase: 'up' });
  progress(`the lab is up: ${dir}`);
  return { state, namespace };
}

/**
 * The controller's side. Two settings make the network honest: without them Linux answers for the
 * address of one NIC on any other, and a host in the wrong VLAN would still be answered.
 */
async function layCables(box: LabBox, hosts: readonly LabHost[]): Promise<void> {
  const script = `set -e
cd /proc/sys/net
put() { [ ! -e "$2" ] || echo "$1" >"$2"; }
put 1 ipv6/conf/default/disable_ipv6
put 1 ipv4/conf/all/arp_ignore
put 2 ipv4/conf/all/arp_announce
put 0 ipv4/ip_forward
for file in bridge/bridge-nf-call-*; do put 0 "$file" 2>/dev/null || :; done
ip -batch - <<'BATCH'
${cablesBatch(hosts)}BATCH
`;
  const result = await runInside(box, ['sh', '-s'], 'all', { input: script });
  if (result.code !== 0) {
    throw new NetorchError('LAB_FAILED', 'the cables of the lab could not be laid', {
      notes: [result.stderr.trim()],
    });
  }
}

/** What ssh runs as its proxy: leads from any shell of this user into the lab's network. */
function writeConnect(box: LabBox): void {
  const { namespace, dir } = box;
  const file = path.join(dir, 'connect');
  const enter = enterArguments(namespace, ['nc', '"$1"', '"$2"']).join(' ');
  writeFileSync(
    file,
    `#!/bin/sh
# connect HOST PORT: joins standard input and output to a port in the lab's network.
PATH=$PATH:/usr/sbin:/sbin
if [ "$(readlink /proc/${namespace.init.pid}/ns/net)" != '${namespace.network}' ]; then
  echo 'the lab is no longer up (netorch lab up)' >&2
  exit 1
fi
export ${LAB_MARK}='${dir}'
exec ${enter}
`,
  );
  chmodSync(file, 0o700);
}

async function waitForDataPath(
  box: LabBox,
  host: LabHost,
  signal: AbortSignal | undefined,
): Promise<void> {
  const script = 'until nc -z -w 1 "$1" 22 2>/dev/null; do sleep 0.1; done';
  const result = await runInside(box, ['sh', '-c', script, 'sh', host.address], 'network', {
    timeoutMs: 60_000,
    signal,
  });
  if (result.code !== 0) {
    throw new NetorchError(
      'LAB_FAILED',
      `${host.name} is up, but ${host.address} does not answer through the switch`,
    );
  }
}

async function takeDown(dir: string): Promise<boolean> {
  const existed = existsSync(dir);
  await closeNamespace(dir, readLabState(dir)?.namespace);
  rmSync(dir, { recursive: true, force: true });
  return existed;
}
