/**
 * Whole virtual machines by Vagrant and libvirt, as scripts/test-vagrant.js has brought them up. It has
 * written down in the folder where they are; nothing is brought up or destroyed here.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { LabFault, LabHost } from '../../src/lab/lab.js';
import { faultKey } from '../../src/lab/fault.js';
import { runProgram, type ProgramOptions, type ProgramResult } from '../../src/lab/run-program.js';
import type { Target, TargetNature } from './target.js';

/** An emulated machine under load takes minutes to boot. */
const BOOT_TIMEOUT_MS = 900_000;
const CONSOLE_TIMEOUT_MS = 300_000;

type Described = Readonly<{
  hosts: readonly LabHost[];
  /** Process 1 of the namespaces that the machines are in. */
  inside: number;
  /** Shell script that makes the cables of machines that were switched on ready. */
  cables: string;
}>;

function describedIn(dir: string): Described {
  return JSON.parse(readFileSync(join(dir, 'target.json'), 'utf8')) as Described;
}

export function vagrantNature(dir: string): TargetNature {
  return {
    hosts: describedIn(dir).hosts.map(({ name }) => name),
    // A new SSH connection alone costs 2 to 4 s where the processor is emulated.
    patience: Number(process.env['NETORCH_E2E_PATIENCE'] ?? 4),
    cannot: {
      LACP: 'no LACP: the bridge that joins the virtual machines does not speak it',
      'switch ports':
        'no switch ports: the virtual machines are joined by a plain bridge without VLANs and LAGs',
      'plain init': 'no plain init: the virtual machines run systemd',
    },
  };
}

export class VagrantTarget implements Target {
  readonly dir: string;
  readonly hosts: readonly LabHost[];
  readonly #inside: number;
  readonly #cables: string;
  #faults: readonly LabFault[] = [];

  constructor(dir: string) {
    const { hosts, inside, cables } = describedIn(dir);
    this.dir = dir;
    this.hosts = hosts;
    this.#inside = inside;
    this.#cables = cables;
  }

  get inventoryPath(): string {
    return join(this.dir, 'inventory.yml');
  }

  host(name: string): LabHost {
    const host = this.hosts.find((candidate) => candidate.name === name);
    if (host === undefined) throw new Error(`no virtual machine is named "${name}"`);
    return host;
  }

  async console(
    host: string,
    script: string,
    options: Pick<ProgramOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<ProgramResult> {
    const config = join(this.dir, 'ssh_config');
    return this.#run(['ssh', '-F', config, this.host(host).name, 'sudo', 'sh', '-s'], {
      timeoutMs: CONSOLE_TIMEOUT_MS,
      ...options,
      input: script.endsWith('\n') ? script : `${script}\n`,
    });
  }

  async exec(argv: readonly string[], options: ProgramOptions = {}): Promise<ProgramResult> {
    return this.#run(argv, options);
  }

  async break(fault: LabFault): Promise<void> {
    switch (fault.kind) {
      case 'link':
        await this.#setLink(fault.host, fault.nic, 'down');
        break;
      case 'freeze':
        return this.freeze(fault.host);
      case 'power':
        return this.cut(fault.host);
      case 'vlan':
      case 'lag':
      case 'loss':
      case 'delay':
        throw new Error(`virtual machines have no switch that could do "${fault.kind}"`);
    }
    this.#faults = [...this.#without(fault), fault];
  }

  async mend(fault: LabFault): Promise<void> {
    const others = this.#without(fault);
    if (others.length === this.#faults.length) return;
    if (fault.kind === 'power') return this.powerOn(fault.host);
    if (fault.kind === 'freeze') return this.thaw(fault.host);
    if (fault.kind === 'link') await this.#setLink(fault.host, fault.nic, 'up');
    this.#faults = others;
  }

  async mendAll(): Promise<void> {
    const rank = ({ kind }: LabFault) => (kind === 'power' ? 0 : kind === 'freeze' ? 1 : 2);
    for (const fault of this.#faults.toSorted((a, b) => rank(a) - rank(b))) await this.mend(fault);
  }

  async reboot(host: string): Promise<void> {
    const bootId = async () =>
      (await this.console(host, 'cat /proc/sys/kernel/random/boot_id', { timeoutMs: 60_000 }))
        .stdout;
    const before = await bootId();
    await this.console(host, '(sleep 0.5; reboot) >/dev/null 2>&1 </dev/null &');
    await this.#closeConsole(host);
    const deadline = Date.now() + BOOT_TIMEOUT_MS;
    for (;;) {
      const now = await bootId();
      if (now !== '' && now !== before) break;
      if (Date.now() > deadline) throw new Error(`${host} does not reboot`);
      await delay(1000);
    }
    await this.waitUntilUp(host);
  }

  async cut(host: string): Promise<void> {
    await this.#virsh('destroy', host);
    await this.#closeConsole(host);
    this.#faults = [
      ...this.#faults.filter((f) => f.host !== host || (f.kind !== 'power' && f.kind !== 'freeze')),
      { kind: 'power', host },
    ];
  }

  async powerOn(host: string): Promise<void> {
    await this.#virsh('start', host);
    await this.#mustRun(['sh', '-eu', '-s'], this.#cables);
    await this.waitUntilUp(host);
    this.#faults = this.#without({ kind: 'power', host });
    for (const fault of this.#faults) {
      if (fault.kind === 'link' && fault.host === host)
        await this.#setLink(host, fault.nic, 'down');
    }
  }

  async freeze(host: string): Promise<void> {
    await this.#virsh('suspend', host);
    const fault: LabFault = { kind: 'freeze', host };
    this.#faults = [...this.#without(fault), fault];
  }

  async thaw(host: string): Promise<void> {
    await this.#virsh('resume', host);
    this.#faults = this.#without({ kind: 'freeze', host });
  }

  async waitUntilUp(host: string): Promise<void> {
    const deadline = Date.now() + BOOT_TIMEOUT_MS;
    // The machine's own systemd waits; asked again only where it could not be.
    while (
      (await this.console(host, 'until systemctl is-active -q multi-user.target; do sleep 1; done'))
        .code !== 0
    ) {
      if (Date.now() > deadline) throw new Error(`${host} does not come up`);
      await delay(1000);
    }
  }

  async #setLink(host: string, nic: string, state: 'up' | 'down'): Promise<void> {
    const hex = (value: number) => value.toString(16).padStart(2, '0');
    const mac = `02:4c:00:00:${hex(this.host(host).index)}:${hex(Number(nic.slice(3)))}`;
    await this.#virsh('domif-setlink', host, mac, state);
  }

  /** The kept connection of a machine that goes away: a new one must not wait for it. */
  async #closeConsole(host: string): Promise<void> {
    await this.#run(['ssh', '-F', join(this.dir, 'ssh_config'), '-O', 'exit', host], {});
  }

  async #virsh(command: string, host: string, ...words: readonly string[]): Promise<void> {
    const domain = `netorch-${this.host(host).name}`;
    await this.#mustRun(['virsh', '-q', '-c', 'qemu:///system', command, domain, ...words]);
  }

  async #mustRun(argv: readonly string[], input = ''): Promise<void> {
    const { code, stderr } = await this.#run(argv, { input });
    if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr.trim()}`);
  }

  #without(fault: LabFault): readonly LabFault[] {
    return this.#faults.filter((other) => faultKey(other) !== faultKey(fault));
  }

  async #run(argv: readonly string[], options: ProgramOptions): Promise<ProgramResult> {
    const enter = ['nsenter', '-t', String(this.#inside), '-n', '-m', '-p', '--'];
    return runProgram([...enter, ...argv], options);
  }
}
