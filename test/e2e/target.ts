/**
 * What the acceptance tests need of the machines that they change: some with addresses, a console that
 * does not go over the path under test, and ways to do them harm. The lab is one (src/lab/lab.ts),
 * whole virtual machines are another (vagrant-target.ts).
 */
import type { LabFault, LabHost } from '../../src/lab/lab.js';
import type { ProgramOptions, ProgramResult } from '../../src/lab/run-program.js';

export interface Target {
  /** Holds `inventory.yml`, `known_hosts` and `connect`, the way of ssh to the hosts. */
  readonly dir: string;
  readonly hosts: readonly LabHost[];
  readonly inventoryPath: string;

  /** A host by its name; throws for one that is not there. */
  host(name: string): LabHost;

  /**
   * Runs a shell script as root, out of band. Never rejects for an exit code; 124 when `timeoutMs` has
   * passed, 255 when the host cannot be reached.
   */
  console(
    host: string,
    script: string,
    options?: Pick<ProgramOptions, 'timeoutMs' | 'signal'>,
  ): Promise<ProgramResult>;
  /** Runs a program of this machine in the network where the controller is. */
  exec(argv: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;

  /** Throws for a fault that this target cannot bring about. */
  break(fault: LabFault): Promise<void>;
  mend(fault: LabFault): Promise<void>;
  mendAll(): Promise<void>;

  /** Reboots in good order and waits until the host is up again. */
  reboot(host: string): Promise<void>;
  /** Cuts the power: no shutdown. */
  cut(host: string): Promise<void>;
  /** Switches on again, and waits until the host is up. */
  powerOn(host: string): Promise<void>;
  /** The host neither answers nor runs a timer until `thaw`. */
  freeze(host: string): Promise<void>;
  thaw(host: string): Promise<void>;
  waitUntilUp(host: string): Promise<void>;
}

/** Something that a test may need and not every target has. */
export type Ability =
  /** Switch ports that form a LAG with a host's bond. */
  | 'LACP'
  /** Faults of the switch: a wrong VLAN, a port out of its LAG, loss and delay. */
  | 'switch ports'
  /** A host without systemd, whose boot runs /etc/rc.local. */
  | 'plain init'
  /** A host whose boot configuration is nobody's but its distribution's, with ifupdown and the others at hand. */
  | 'whole Debian';

/** What tests must know of a target before they are collected; it comes with the suite. */
export type TargetNature = Readonly<{
  /** What it cannot do, with the reason in words. */
  cannot: Readonly<Partial<Record<Ability, string>>>;
  /** Names of its hosts that netorch may change. */
  hosts: readonly string[];
  /** By how much longer everything takes than in the lab. */
  patience: number;
}>;
