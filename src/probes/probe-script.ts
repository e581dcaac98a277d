/** Probes as commands for a host, and their answers in network words. Pure. */
import { agentScript, stdinScript } from '../agents/bundle.js';
import { quoteSh } from '../quote-sh.js';

/** Another host of a mesh, and the packets (with their headers) that it is to answer. */
export type MeshPeer = Readonly<{ host: string; address: string; bytes: number }>;

export type ProbeSpec = Readonly<
  (
    | { kind: 'ping'; address: string; size?: number; count?: number }
    | { kind: 'tcp'; address: string; port: number }
    | { kind: 'arp'; address: string }
    | { kind: 'dns'; name: string }
    /** Good when nobody on the segment of the device answers for the address: it may be taken. */
    | { kind: 'vacant'; address: string; device: string }
    | { kind: 'run'; command: readonly string[]; timeoutSeconds: number }
    /** Which switch and which of its ports is at the other end of the cable, by a daemon of the host. */
    | { kind: 'lldp'; device: string; switch?: string; port?: string }
    /** Does the kernel know a way? Its text is the interface, and the gateway if there is one. `before`: what it was. */
    | { kind: 'way'; address: string; before?: string }
    /**
     * A VLAN on the NIC that is there, before the change: who answers ARP in it? `asked` should, `own` should not
     * (vlan-trials.ts).
     */
    | {
        kind: 'trial';
        device: string;
        id: number;
        protocol: string;
        asked: readonly string[];
        own: readonly string[];
      }
    /**
     * Every host with an address in the network reaches every other. `size`: of the packets, else what the MTU
     * takes. `of`: a pattern of hosts. `peers` are known when it is run (run/mesh-board.ts).
     */
    | {
        kind: 'mesh';
        network: string;
        size?: number;
        of?: string;
        peers?: readonly MeshPeer[];
      }
  ) & {
    /** It must be good after the change though it was not before (probe-baseline.ts). */
    isRequired?: boolean;
  }
>;

export type ProbeAnswer = Readonly<{
  good: boolean;
  text: string;
  /** Of a mesh: addresses that do not answer as large packets as they should, and the largest that they do. */
  short?: ReadonlyMap<string, number>;
  /** Of a trial: address → who answers ARP for it. */
  macs?: ReadonlyMap<string, string>;
}>;

export function probeName(probe: ProbeSpec): string {
  switch (probe.kind) {
    case 'ping': {
      const size = probe.size === undefined ? '' : ` with ${probe.size}-byte packets`;
      return `ping ${probe.address}${size}`;
    }
    case 'tcp':
      return `tcp ${probe.address} port ${probe.port}`;
    case 'arp':
      return `${probe.address.includes(':') ? 'neighbour discovery' : 'ARP'} for ${probe.address}`;
    case 'dns':
      return `look-up of ${probe.name}`;
    case 'vacant':
      return `${probe.address} is free on ${probe.device}`;
    case 'run':
      return probe.command.join(' ');
    case 'lldp': {
      const named = [
        probe.switch === undefined ? '' : ` is ${probe.switch}`,
        probe.port === undefined ? '' : ` port ${probe.port}`,
      ].join('');
      return `LLDP neighbour of ${probe.device}${named}`;
    }
    case 'way':
      return `the way to ${probe.address}`;
    case 'trial':
      return `VLAN ${probe.id} on ${probe.device}`;
    case 'mesh': {
      const among = probe.of === undefined ? '' : ` of ${probe.of}`;
      const size = probe.size === undefined ? '' : ` with ${probe.size}-byte packets`;
      return `mesh ${probe.network}${among}${size}`;
    }
  }
}

/**
 * One exec for all probes: prints `probe N OK|FAIL text` for each. A ping with a size forbids
 * fragmentation, so that it proves the path MTU; the ICMP payload is the packet less its headers.
 */
export function probesScript(probes: readonly ProbeSpec[]): string {
  return stdinScript(agentScript('probe'), ...probes.map(probeLine), 'wait');
}

function probeLine(probe: ProbeSpec, index: number): string {
  switch (probe.kind) {
    case 'tcp':
      return `probe_tcp ${index} ${quoteSh(probe.address)} ${probe.port}`;
    case 'arp':
      return `probe_arp ${index} ${quoteSh(probe.address)}`;
    case 'dns':
      return `probe_dns ${index} ${quoteSh(probe.name)}`;
    case 'vacant':
      return `probe_vacant ${index} ${quoteSh(probe.address)} ${quoteSh(probe.device)} &`;
    case 'run':
      return `probe_run ${index} ${probe.timeoutSeconds} ${probe.command.map(quoteSh).join(' ')}`;
    case 'lldp':
      return `probe_lldp ${index} ${quoteSh(probe.device)}`;
    case 'way':
      return `probe_way ${index} ${quoteSh(probe.address)}`;
    case 'trial': {
      const words = [probe.device, probe.protocol, ...probe.asked, ...probe.own].map(quoteSh);
      const [device, protocol, ...addresses] = words;
      return `probe_trial ${index} ${device} ${probe.id} ${protocol} ${addresses.join(' ')} &`;
    }
    case 'mesh': {
      const peers = (probe.peers ?? []).map(({ address, bytes }) => {
        const headers = headersOf(address);
        return quoteSh(`${address}/${Math.max(0, bytes - headers)}/${headers}`);
      });
      return ['probe_mesh', index, ...peers].join(' ');
    }
    case 'ping': {
      const payload =
        probe.size === undefined ? 56 : Math.max(0, probe.size - headersOf(probe.address));
      return `probe_ping ${index} ${quoteSh(probe.address)} ${payload} ${probe.count ?? 1} ${probe.size === undefined ? 0 : 1}`;
    }
  }
}

/** Of IP and ICMP. */
const headersOf = (address: string): number => (address.includes(':') ? 48 : 28);

/** Answers in the order of the probes; a probe without an answer is bad. */
export function parseProbes(probes: readonly ProbeSpec[], output: string): readonly ProbeAnswer[] {
  const answers = new Map<number, ProbeAnswer>();
  const short = new Map<number, Map<string, number>>();
  const macs = new Map<number, Map<string, string>>();
  for (const line of output.split('\n')) {
    const [, mesh, address = '', bytes] = /^mesh (\d+) (\S+) (\d+)$/.exec(line) ?? [];
    if (mesh !== undefined) {
      const known = short.get(Number(mesh)) ?? new Map<string, number>();
      short.set(Number(mesh), known.set(address, Number(bytes)));
    }
    const [, trial, asked = '', mac = ''] = /^trial (\d+) (\S+) ([0-9a-f:]{17})$/i.exec(line) ?? [];
    if (trial !== undefined) {
      const known = macs.get(Number(trial)) ?? new Map<string, string>();
      macs.set(Number(trial), known.set(asked, mac.toLowerCase()));
    }
    const match = /^probe (\d+) (OK|FAIL) ?(.*)$/.exec(line);
    if (match?.[1] !== undefined)
      answers.set(Number(match[1]), { good: match[2] === 'OK', text: match[3] ?? '' });
  }
  return probes.map((probe, index): ProbeAnswer => {
    const answer = answers.get(index) ?? { good: false, text: 'the host gave no answer' };
    const { kind } = probe;
    if (kind === 'way' && probe.before !== undefined && probe.before !== answer.text) {
      return { ...answer, text: `${answer.text} (before the change: ${probe.before})` };
    }
    if (kind === 'lldp') return neighbourAnswer(probe, answer);
    if (kind === 'trial') return { ...answer, macs: macs.get(index) ?? new Map<string, string>() };
    if (kind !== 'mesh' || !answer.good) return answer;
    const missing = short.get(index) ?? new Map<string, number>();
    return { ...answer, good: missing.size === 0, short: missing };
  });
}

/** The host says "NAME<tab>PORT<tab>DESCRIPTION of the port", or why not. */
function neighbourAnswer(
  probe: Extract<ProbeSpec, { kind: 'lldp' }>,
  { good, text }: ProbeAnswer,
): ProbeAnswer {
  if (!good) return { good, text };
  const [name = '', port = '', description = ''] = text.split('\t');
  const isSwitch = probe.switch === undefined || probe.switch === name;
  const isPort = probe.port === undefined || probe.port === port || probe.port === description;
  const words = `${name === '' ? 'a neighbour without a name' : name}, port ${port}${description === '' || description === port ? '' : ` (${description})`}`;
  return {
    good: isSwitch && isPort,
    text: isSwitch && isPort ? words : `the cable leads to ${words}`,
  };
}

/** The longest that the probes may take on the host: four seconds a packet (probe.sh), and some for the way. */
export function probesTimeoutMs(probes: readonly ProbeSpec[]): number {
  const seconds = probes.map((probe) => {
    if (probe.kind === 'ping') return 5 * (probe.count ?? 1);
    if (probe.kind === 'trial') return 10;
    if (probe.kind === 'mesh') return 5 + Math.ceil((probe.peers?.length ?? 0) / 30);
    return probe.kind === 'run' ? probe.timeoutSeconds + 1 : 4;
  });
  return (15 + seconds.reduce((sum, one) => sum + one, 0)) * 1000;
}
