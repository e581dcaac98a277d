import { assertNever, NetorchError } from '../errors.js';
import { DATA_NICS, type DataNic, type LabHost } from './topology.js';

/** Something that goes wrong in the lab, at one host. Pure: what to run for it, not the running. */
export type LabFault =
  /**
   * The switch no longer carries VLAN 100 to the host; with `native`, its untagged frames land in VLAN
   * 20 instead of 10.
   */
  | Readonly<{ kind: 'vlan'; host: string; native?: boolean }>
  /** The switch port of the host's eth4 is taken out of its LAG. */
  | Readonly<{ kind: 'lag'; host: string }>
  /** The cable of one NIC is pulled: no carrier at either end. */
  | Readonly<{ kind: 'link'; host: string; nic: DataNic }>
  /** So many percent of the frames to the host get lost at the switch, on all of its NICs. */
  | Readonly<{ kind: 'loss'; host: string; percent: number }>
  /** Frames to the host are held up at the switch, on all of its NICs. */
  | Readonly<{ kind: 'delay'; host: string; ms: number }>
  /** The host stands still, as a virtual machine that gets no CPU. */
  | Readonly<{ kind: 'freeze'; host: string }>
  /** The power is cut: what was not on the disk is gone. */
  | Readonly<{ kind: 'power'; host: string }>;

export const FAULT_USAGE: readonly string[] = [
  'vlan HOST [--native]   the switch drops VLAN 100 (--native: untagged frames land in VLAN 20)',
  'lag HOST               one switch port leaves the LAG of eth3 and eth4',
  'link HOST NIC          the cable of eth1, eth2, eth3 or eth4 is pulled',
  'loss HOST PERCENT      frames to the host get lost',
  'delay HOST MS          frames to the host come late',
  'freeze HOST            the host stands still',
  'power HOST             the power is cut',
];

/** Two faults with one key are the same fault, perhaps with another amount. */
export function faultKey(fault: LabFault): string {
  switch (fault.kind) {
    case 'vlan':
      return `vlan ${fault.host}${fault.native === true ? ' --native' : ''}`;
    case 'link':
      return `link ${fault.host} ${fault.nic}`;
    case 'lag':
    case 'loss':
    case 'delay':
    case 'freeze':
    case 'power':
      return `${fault.kind} ${fault.host}`;
    default:
      return assertNever(fault);
  }
}

/** The fault as the words that `netorch lab break` takes. */
export function formatFault(fault: LabFault): string {
  if (fault.kind === 'loss') return `${faultKey(fault)} ${fault.percent}`;
  if (fault.kind === 'delay') return `${faultKey(fault)} ${fault.ms}`;
  return faultKey(fault);
}

/**
 * The fault that words on the command line name. To `mend` a loss or delay, the amount may be left out.
 * Throws NetorchError USAGE.
 */
export function parseFault(
  words: readonly string[],
  options: Readonly<{ native: boolean; to: 'break' | 'mend' }>,
): LabFault {
  const [kind, host, amount, ...rest] = words;
  const usage = (message: string) =>
    new NetorchError('USAGE', message, { notes: ['What can be broken:', ...FAULT_USAGE] });
  if (host === undefined) throw usage(`netorch lab ${options.to} needs a fault and a host`);
  const tooMany = (kind === 'link' || kind === 'loss' || kind === 'delay' ? rest[0] : amount) ?? '';
  if (tooMany !== '') throw usage(`"${tooMany}" is one word too many`);
  if (options.native && kind !== 'vlan') throw usage('--native goes with "vlan" only');
  const number = (max: number): number => {
    if (amount === undefined && options.to === 'mend') return 0;
    const value = Number(amount);
    if (amount === undefined || amount === '' || !(value > 0 && value <= max)) {
      throw usage(`"${kind} ${host}" needs a number above 0, up to ${max}`);
    }
    return value;
  };
  switch (kind) {
    case 'vlan':
      return { kind, host, native: options.native };
    case 'link': {
      const nic = DATA_NICS.find((name) => name === amount);
      if (nic === undefined) throw usage(`"link ${host}" needs one of ${DATA_NICS.join(', ')}`);
      return { kind, host, nic };
    }
    case 'loss':
      return { kind, host, percent: number(100) };
    case 'delay':
      return { kind, host, ms: number(60_000) };
    case 'lag':
    case 'freeze':
    case 'power':
      return { kind, host };
    default:
      throw usage(`"${kind}" is no fault that the lab knows`);
  }
}

/** Faults that are wires and switch settings: made by shell scripts on the switch and on the host. */
export type WireFault = Exclude<LabFault, Readonly<{ kind: 'freeze' | 'power' }>>;

/**
 * Script for the switch that brings about a fault or takes it away. `others` are the host's other
 * faults: loss and delay share one queueing discipline.
 */
export function switchScript(
  fault: WireFault,
  to: 'break' | 'mend',
  host: LabHost,
  others: readonly LabFault[],
): string {
  const i = host.index;
  const bridgePorts = [`p${i}e1`, `p${i}e2`, `po${i}`];
  const broken = to === 'break';
  switch (fault.kind) {
    case 'vlan': {
      const commands = bridgePorts.flatMap((port) => {
        if (fault.native !== true) return [`vlan ${broken ? 'del' : 'add'} dev ${port} vid 100`];
        const [from, into] = broken ? [10, 20] : [20, 10];
        return [
          `vlan del dev ${port} vid ${from}`,
          `vlan add dev ${port} vid ${into} pvid untagged`,
        ];
      });
      return batch('bridge', commands);
    }
    case 'lag': {
      const port = `p${i}e4`;
      return batch(
        'ip',
        broken
          ? // The bond closes a port that it releases; the cable is still in.
            [`link set dev ${port} nomaster`, `link set dev ${port} up`]
          : [`link set dev ${port} down`, `link set dev ${port} master po${i}`],
      );
    }
    case 'link':
      return wireScript(2 + 4 * (i - 1) + DATA_NICS.indexOf(fault.nic) + 1, broken);
    case 'loss':
    case 'delay': {
      const active = [
        ...others.filter((other) => other.host === host.name),
        ...(broken ? [fault] : []),
      ];
      const loss = active.findLast((other) => other.kind === 'loss');
      const delay = active.findLast((other) => other.kind === 'delay');
      const words = [
        ...(delay === undefined ? [] : ['delay', `${delay.ms}ms`]),
        ...(loss === undefined ? [] : ['loss', `${loss.percent}%`]),
      ];
      const ports = DATA_NICS.map((_, n) => `p${i}e${n + 1}`);
      return batch(
        'tc',
        ports.map((port) =>
          words.length === 0
            ? `qdisc del dev ${port} root`
            : `qdisc replace dev ${port} root netem limit 10000 ${words.join(' ')}`,
        ),
      );
    }
    default:
      return assertNever(fault);
  }
}

/** Script for the host itself: only a pulled cable shows there. */
export function hostScript(fault: WireFault, to: 'break' | 'mend'): string | undefined {
  return fault.kind === 'link'
    ? wireScript(DATA_NICS.indexOf(fault.nic) + 1, to === 'break')
    : undefined;
}

/** The carrier of a guest's nth data NIC is that of its hidden end (see lab-nics). */
function wireScript(n: number, down: boolean): string {
  return `ip -n wire link set dev w${n} ${down ? 'down' : 'up'}`;
}

function batch(program: 'ip' | 'bridge' | 'tc', commands: readonly string[]): string {
  return `${program} -batch - <<'BATCH'\n${commands.join('\n')}\nBATCH`;
}
