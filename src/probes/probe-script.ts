/** Probes as commands for a host, and their answers in network words. Pure. */
import { agentScript, stdinScript } from '../agents/bundle.js';
import { quoteSh } from '../quote-sh.js';

export type ProbeSpec =
  | Readonly<{ kind: 'ping'; address: string; size?: number; count?: number }>
  | Readonly<{ kind: 'tcp'; address: string; port: number }>;

export type ProbeAnswer = Readonly<{ good: boolean; text: string }>;

export function probeName(probe: ProbeSpec): string {
  return probe.kind === 'ping'
    ? `ping ${probe.address}${probe.size === undefined ? '' : ` with ${probe.size}-byte packets`}`
    : `tcp ${probe.address} port ${probe.port}`;
}

/**
 * One exec for all probes: prints `probe N OK|FAIL text` for each. A ping with a size forbids
 * fragmentation, so that it proves the path MTU; the ICMP payload is the packet less its headers.
 */
export function probesScript(probes: readonly ProbeSpec[]): string {
  return stdinScript(
    agentScript('probe'),
    ...probes.map((probe, index) => {
      const address = quoteSh(probe.address);
      if (probe.kind === 'tcp') return `probe_tcp ${index} ${address} ${probe.port}`;
      const headers = probe.address.includes(':') ? 48 : 28;
      const payload = probe.size === undefined ? 56 : Math.max(0, probe.size - headers);
      return `probe_ping ${index} ${address} ${payload} ${probe.count ?? 1} ${probe.size === undefined ? 0 : 1}`;
    }),
  );
}

/** Answers in the order of the probes; a probe without an answer is bad. */
export function parseProbes(probes: readonly ProbeSpec[], output: string): readonly ProbeAnswer[] {
  const answers = new Map<number, ProbeAnswer>();
  for (const line of output.split('\n')) {
    const match = /^probe (\d+) (OK|FAIL) ?(.*)$/.exec(line);
    if (match?.[1] !== undefined)
      answers.set(Number(match[1]), { good: match[2] === 'OK', text: match[3] ?? '' });
  }
  return probes.map(
    (_, index) => answers.get(index) ?? { good: false, text: 'the host gave no answer' },
  );
}

/** The longest that the probes may take on the host: four seconds a packet (probe.sh), and some for the way. */
export function probesTimeoutMs(probes: readonly ProbeSpec[]): number {
  const seconds = probes.map((probe) => (probe.kind === 'ping' ? 5 * (probe.count ?? 1) : 3));
  return (15 + seconds.reduce((sum, one) => sum + one, 0)) * 1000;
}
