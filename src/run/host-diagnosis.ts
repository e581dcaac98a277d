/** What is asked on a host whose change is about to be taken back, and what its answers mean. */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import { diagnosisScript, type DiagnosisRequest } from '../agents/diagnosis-script.js';
import type { ObservedHost } from '../agents/observed-host.js';
import { diagnose, type Diagnosis } from '../diagnosis/diagnose.js';
import { parseEvidence } from '../diagnosis/evidence.js';
import { canonicalIp } from '../network/ip.js';
import type { NetworkState } from '../network/state.js';
import type { ChangePlan } from '../plan/change.js';
import { devicesBelow, holderOf } from '../plan/management-path.js';
import { defaultGateways } from '../probes/probe-baseline.js';
import type { ProbeSpec } from '../probes/probe-script.js';
import type { Connection } from '../transport/transport.js';

/** More addresses are not asked: each costs a small host some processes. */
const ASKED = 5;
const ASKED_OF_MESH = 2;

type Wanted = Readonly<{ address: string; size?: number }>;

export type DiagnosisPlan = Readonly<{
  request: DiagnosisRequest;
  /** Of the controller and of the gateways. */
  ways: readonly Wanted[];
  own: Readonly<{ address: string; port: number }> | undefined;
}>;

/** Made before the change, because the host must be able to look by itself. */
export function planDiagnosis(
  observed: ObservedHost,
  plan: ChangePlan,
  probes: readonly ProbeSpec[],
): DiagnosisPlan {
  const { ssh } = observed;
  const reached = [
    ...(ssh === undefined ? [] : [ssh.clientAddress]),
    ...defaultGateways(plan.target).flatMap((route) => route.nextHopAddress ?? []),
  ];
  const ways = [...new Set(reached)].map((address) => ({ address }));
  const address = plan.newManagementAddress ?? ssh?.serverAddress;
  const asked = [...ways, ...probes.flatMap((probe) => wantedBy(probe))].map(
    (item) => item.address,
  );
  const holder = address === undefined ? undefined : holderOf(plan.target, address);
  const devices = new Set([
    ...plan.scope.filter((name) => plan.target.interfaces.has(name)),
    ...(holder === undefined ? [] : devicesBelow(plan.target, holder)),
  ]);
  return {
    request: {
      devices: [...devices].sort(),
      ask: [...new Set(asked)].slice(0, ASKED),
      peer: ssh?.clientAddress,
      own: address,
    },
    ways,
    own: address === undefined ? undefined : { address, port: ssh?.serverPort ?? 22 },
  };
}

/** The address that a probe is after; names say nothing here. */
export function wantedBy(probe: ProbeSpec): readonly Wanted[] {
  if (probe.kind === 'mesh') {
    const some = (probe.peers ?? []).slice(0, ASKED_OF_MESH);
    return some.map(({ address, bytes }) => ({ address, size: bytes }));
  }
  if (!('address' in probe) || canonicalIp(probe.address) === undefined) return [];
  return probe.kind === 'ping' && probe.size !== undefined
    ? [{ address: probe.address, size: probe.size }]
    : [{ address: probe.address }];
}

/**
 * What the host says until `timeOver` settles; also half of it is something. The connection is kept: over it the host
 * is asked to go back. Never rejects.
 */
export async function gatherEvidence(
  connection: Connection,
  request: DiagnosisRequest,
  timeOver: (signal: AbortSignal) => Promise<unknown>,
): Promise<string> {
  const lines: string[] = [];
  const asking = new AbortController();
  const waiting = new AbortController();
  const endInTime = timeOver(waiting.signal).then(
    () => asking.abort(),
    () => undefined,
  );
  try {
    await connection.exec(RUN_FROM_STDIN, {
      input: diagnosisScript(request),
      signal: asking.signal,
      onLine: (line) => void lines.push(line),
    });
  } catch {
    // Out of time, or cut off: the way back must not wait for it.
  }
  waiting.abort();
  await endInTime;
  return lines.join('\n');
}

/** The host has said all that it was asked for. */
export function isWhole(evidence: string): boolean {
  return parseEvidence(evidence).isComplete;
}

export type Symptom = Readonly<{
  isCutOff: boolean;
  /** What did not answer; empty: the way in. */
  wanted: readonly Wanted[];
  /** Interfaces that got no address. */
  unleased: readonly string[];
}>;

/** undefined: there is no evidence. */
export function diagnosisOf(
  evidence: string,
  { ways, own }: DiagnosisPlan,
  symptom: Symptom,
  before: NetworkState,
  target: NetworkState,
): Diagnosis | undefined {
  if (evidence.trim() === '') return undefined;
  const { isCutOff, wanted, unleased } = symptom;
  return diagnose(parseEvidence(evidence), {
    before,
    target,
    own,
    isCutOff,
    wanted: wanted.length > 0 || unleased.length > 0 ? wanted : ways,
    unleased,
  });
}
