import { NetorchError } from '../errors.js';

/**
 * The lab's one topology: who has which name, address, MAC and cable. Pure.
 *
 * Numbers: host i (from 1) has console address 10.77.0.(10+i), data address 10.10.0.(10+i) and, by
 * convention, 10.100.0.(10+i) once VLAN 100 is set up; the switch's console is 10.77.0.2.
 */

export type LabInit = 'minimal' | 'systemd' | 'networkmanager';
export const LAB_INITS: readonly LabInit[] = ['minimal', 'systemd', 'networkmanager'];

export type LabHostSpec = Readonly<{
  name: string;
  init: LabInit;
  /** MiB that the host's kernel may use; without it, what suits its kind. */
  memoryMb?: number;
}>;

export type LabHost = Readonly<{
  name: string;
  init: LabInit;
  /** From 1, in the order given to `up`. */
  index: number;
  /** The address that the host has on eth1 after a boot, and netorch reaches it by. */
  address: string;
  /** Out of band, on eth0. */
  consoleAddress: string;
  memoryMb?: number;
}>;

/** A guest to boot: a host or the switch. */
export type LabMachine = Readonly<{
  name: string;
  /** As of the host; the switch has 0. */
  index: number;
  init: LabInit | 'switch';
  consoleAddress: string;
  memoryMb: number;
  /** First five bytes of its MAC addresses. */
  macPrefix: string;
  /** The tap of eth0, on the bridge `oob`. */
  consoleTap: string;
  /** Data NICs in order: name inside the guest, tap outside. */
  nics: readonly Readonly<{ name: string; tap: string }>[];
  /** Further words for the kernel's command line. */
  words: readonly string[];
}>;

export const SWITCH = 'switch';
export const DATA_NICS = ['eth1', 'eth2', 'eth3', 'eth4'] as const;
export type DataNic = (typeof DATA_NICS)[number];
export const CONTROLLER_CONSOLE = '10.77.0.1';
export const CONTROLLER_VLAN10 = '10.10.0.1';
export const CONTROLLER_VLAN100 = '10.100.0.1';
/** Every port, tap and cable takes frames of this size; hosts start with 1500. */
export const CABLE_MTU = 9216;
export const MAX_HOSTS = 16;
/**
 * Frames that the network card would cut (GSO) do not fit a guest's receive buffers: it drops them, and a
 * script of some megabytes never arrives.
 */
const SINGLE_FRAMES = 'gso_max_segs 1';

/** Numbers the hosts; throws NetorchError USAGE for an unusable set. */
export function labHosts(specs: readonly LabHostSpec[]): readonly LabHost[] {
  if (specs.length === 0 || specs.length > MAX_HOSTS) {
    throw new NetorchError(
      'USAGE',
      `a lab has 1 to ${MAX_HOSTS} hosts, ${specs.length} were asked for`,
    );
  }
  const seen = new Set<string>();
  return specs.map((spec, position) => {
    if (!/^[a-z][a-z0-9-]{0,30}$/.test(spec.name) || spec.name === SWITCH) {
      throw new NetorchError(
        'USAGE',
        `"${spec.name}" cannot be the name of a lab host: small letters, digits and "-" are allowed, "${SWITCH}" is taken`,
      );
    }
    if (seen.has(spec.name)) {
      throw new NetorchError('USAGE', `two lab hosts are named "${spec.name}"`);
    }
    seen.add(spec.name);
    const index = position + 1;
    return {
      name: spec.name,
      init: spec.init,
      index,
      address: `10.10.0.${10 + index}`,
      consoleAddress: `10.77.0.${10 + index}`,
      ...(spec.memoryMb === undefined ? {} : { memoryMb: spec.memoryMb }),
    };
  });
}

export function hostMachine(host: LabHost): LabMachine {
  return {
    name: host.name,
    index: host.index,
    init: host.init,
    consoleAddress: host.consoleAddress,
    // Ceilings: what a guest does not touch costs nothing.
    memoryMb: host.memoryMb ?? (host.init === 'minimal' ? 192 : 320),
    macPrefix: `02:4c:00:00:${hexByte(host.index)}`,
    consoleTap: `oob${host.index}`,
    nics: DATA_NICS.map((name, n) => ({ name, tap: `h${host.index}-${n + 1}` })),
    words: [`lab.address=${host.address}/24`, `lab.gateway=${CONTROLLER_VLAN10}`],
  };
}

export function switchMachine(hosts: readonly LabHost[]): LabMachine {
  return {
    name: SWITCH,
    index: 0,
    init: 'switch',
    consoleAddress: '10.77.0.2',
    memoryMb: 192,
    macPrefix: '02:4c:00:01:00',
    consoleTap: 'oob0',
    nics: [
      { name: 'ctl10', tap: 'ctl10' },
      { name: 'ctl100', tap: 'ctl100' },
      ...hosts.flatMap((host) =>
        DATA_NICS.map((_, n) => ({
          name: `p${host.index}e${n + 1}`,
          tap: `s${host.index}-${n + 1}`,
        })),
      ),
    ],
    words: [`lab.hosts=${hosts.length}`],
  };
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

/** The words of a guest's kernel command line. `folder` is the machine's own folder. */
export function kernelArguments(
  machine: LabMachine,
  files: Readonly<{ folder: string; image: string; machineId: string }>,
): readonly string[] {
  return [
    `mem=${machine.memoryMb}M`,
    'umid=vm',
    `uml_dir=${files.folder}/`,
    `ubd0=${files.folder}/disk.cow,${files.image}`,
    'root=/dev/ubda',
    'rw',
    `vec0:transport=tap,ifname=${machine.consoleTap},mac=${machine.macPrefix}:00`,
    ...machine.nics.map((nic, n) => `vec${n + 1}:transport=tap,ifname=${nic.tap},mtu=${CABLE_MTU}`),
    'con=null',
    'con0=null,fd:1',
    'con1=null',
    'ssl=null',
    'console=tty0',
    'quiet',
    'net.ifnames=0',
    'systemd.show_status=0',
    `systemd.machine_id=${files.machineId}`,
    ...(machine.init === 'minimal' || machine.init === 'switch'
      ? ['init=/usr/local/sbin/lab-init']
      : []),
    ...(machine.init === 'systemd' ? ['systemd.mask=NetworkManager.service'] : []),
    `lab.name=${machine.name}`,
    `lab.init=${machine.init}`,
    `lab.seed=${files.folder}/seed`,
    `lab.console=${machine.consoleAddress}/16`,
    `lab.mac=${machine.macPrefix}`,
    `lab.nics=${machine.nics.map((nic) => nic.name).join(',')}`,
    ...machine.words,
  ];
}

/**
 * Input for `ip -batch` that makes the cables, the console network and the controller's two NICs.
 *
 * A cable is a bridge that learns nothing, with one tap at each end. By itself a bridge keeps the
 * link-local protocols (LACP, LLDP, STP) to itself; the mask on each port lets all pass but PAUSE,
 * which the kernel never forwards.
 */
export function cablesBatch(hosts: readonly LabHost[]): string {
  const tap = (name: string, mtu: number) => [
    `tuntap add name ${name} mode tap`,
    `link set dev ${name} mtu ${mtu}`,
  ];
  const bridge = (name: string) =>
    `link add name ${name} type bridge stp_state 0 mcast_snooping 0 ageing_time`;
  const lines = ['link set dev lo up', `${bridge('oob')} 30000`];
  for (const machine of [switchMachine(hosts), ...hosts.map((host) => hostMachine(host))]) {
    lines.push(
      ...tap(machine.consoleTap, 1500),
      `link set dev ${machine.consoleTap} master oob up`,
    );
  }
  lines.push(`addr add ${CONTROLLER_CONSOLE}/16 dev oob`, `link set dev oob ${SINGLE_FRAMES} up`);
  for (const host of hosts) {
    for (const n of DATA_NICS.keys()) {
      const cable = `c${host.index}-${n + 1}`;
      lines.push(`${bridge(cable)} 0`);
      for (const end of [`h${host.index}-${n + 1}`, `s${host.index}-${n + 1}`]) {
        lines.push(
          ...tap(end, CABLE_MTU),
          `link set dev ${end} master ${cable} up`,
          `link set dev ${end} type bridge_slave group_fwd_mask 65533`,
        );
      }
      lines.push(`link set dev ${cable} up`);
    }
  }
  for (const [name, address] of [
    ['ctl10', CONTROLLER_VLAN10],
    ['ctl100', CONTROLLER_VLAN100],
  ] as const) {
    lines.push(
      ...tap(name, 9000),
      `addr add ${address}/24 dev ${name}`,
      `link set dev ${name} ${SINGLE_FRAMES} up`,
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The profile by which NetworkManager gives eth1 its address at the first boot. */
export function networkManagerProfile(host: LabHost): string {
  return `[connection]
id=eth1
type=ethernet
interface-name=eth1

[ipv4]
method=manual
address1=${host.address}/24,${CONTROLLER_VLAN10}

[ipv6]
method=auto
`;
}

/** One line of known_hosts; `key` as in the .pub file. */
export function knownHostsLine(
  machine: LabMachine,
  host: LabHost | undefined,
  key: string,
): string {
  const names = [machine.name, machine.consoleAddress];
  if (host !== undefined) names.push(host.address, `10.100.0.${10 + host.index}`);
  const [type = '', base64 = ''] = key.trim().split(' ');
  return `${names.join(',')} ${type} ${base64}\n`;
}

/** The inventory that leads netorch (and any program that reads Ansible's variables) to the hosts. */
export function inventoryYaml(hosts: readonly LabHost[], dir: string): string {
  const options = [
    `-o ProxyCommand="sh ${dir}/connect %h %p"`,
    `-o UserKnownHostsFile=${dir}/known_hosts`,
    '-o StrictHostKeyChecking=yes',
  ].join(' ');
  const entries = hosts.map(
    (host) =>
      `    ${host.name}:\n      ansible_host: ${host.address}\n      lab_index: ${host.index}\n`,
  );
  return `# Written by netorch lab up; the hosts are gone with netorch lab down.
cluster1:
  hosts:
${entries.join('')}  vars:
    ansible_user: root
    ansible_ssh_private_key_file: ${dir}/key
    ansible_ssh_common_args: '${options}'
`;
}
