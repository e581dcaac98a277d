/** Probes over a connection to a host: once before its change, for what is to be required after it. */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import type { NetworkState } from '../network/state.js';
import type { ChangePlan, Operation } from '../plan/change.js';
import { NetorchError } from '../errors.js';
import { defaultGateways, isRequiredAfter, newAddresses, wayTo } from '../probes/probe-baseline.js';
import {
  parseProbes,
  probeName,
  probesScript,
  probesTimeoutMs,
  type ProbeAnswer,
  type ProbeSpec,
} from '../probes/probe-script.js';
import { trialResult, vlanTrials } from '../probes/vlan-trials.js';
import type { Connection } from '../transport/transport.js';
import type { MeshBoard } from './mesh-board.js';
import { isMesh } from './mesh-probes.js';

/** Answers in the order of the probes. */
export async function probeHost(
  connection: Connection,
  probes: readonly ProbeSpec[],
): Promise<readonly ProbeAnswer[]> {
  const { stdout } = await connection.exec(RUN_FROM_STDIN, {
    input: probesScript(probes),
    timeoutMs: probesTimeoutMs(probes),
  });
  return parseProbes(probes, stdout);
}

/** Probed at the same time; each costs a small host some processes. */
const MOST_NEW_ADDRESSES = 4;

export type ProbePlan = Readonly<{
  /** What must be good after the change. */
  required: readonly ProbeSpec[];
  /** Was not good before, and need not be after. */
  waived: readonly Readonly<{ probe: ProbeSpec; text: string }>[];
  /** What was found out about the target before anything was touched. */
  warnings: readonly string[];
}>;

export type BaselineContext = Readonly<{
  /** The plan undoes a run. */
  isUndo?: boolean;
  mesh?: MeshBoard | undefined;
  /** The controller's address as the host sees it, where the plan touches the way to it. */
  peer?: string | undefined;
}>;

/**
 * What the change must not break. Throws ADDRESS_IN_USE where another host has an address of the plan, not
 * where the plan undoes a run, in which hosts may have changed their addresses with each other; and
 * VLAN_UNANSWERED where a probe that must be good is after an address in a VLAN that is not there. Besides the
 * probes of the play: a host whose default gateway answered must have one that answers, where the plan touches
 * the way to it.
 */
export async function baselineProbes(
  host: string,
  connection: Connection,
  play: readonly ProbeSpec[],
  observed: NetworkState,
  plan: ChangePlan,
  { isUndo = false, mesh, peer }: BaselineContext = {},
): Promise<ProbePlan> {
  const { target } = plan;
  const meshes = mesh === undefined ? [] : play.filter(isMesh);
  const probes = play.filter((probe) => !isMesh(probe));
  const scope = new Set(plan.scope);
  const gateways = defaultGateways(target).flatMap((after) => {
    const before = defaultGateways(observed).find((route) => route.family === after.family);
    const isTouched =
      before !== undefined &&
      (after.nextHopAddress !== before.nextHopAddress ||
        scope.has(after.nextHopInterface ?? '') ||
        scope.has(before.nextHopInterface ?? ''));
    return isTouched
      ? [[arpFor(before.nextHopAddress), arpFor(after.nextHopAddress)] as const]
      : [];
  });
  const fresh = isUndo ? [] : newAddresses(observed, target).slice(0, MOST_NEW_ADDRESSES);
  const meshesAsked = meshes.flatMap((probe) => mesh?.askBefore(host, probe) ?? []);
  // As evidence, and so that no way gets lost; only where something of it may have changed.
  const ways = peer !== undefined || gateways.length > 0 ? waysToKeep(observed, target, peer) : [];
  const reached = [
    ...(peer === undefined ? [] : [peer]),
    ...probes.flatMap((probe) => ('address' in probe ? [probe.address] : [])),
  ];
  const trials = isUndo ? [] : vlanTrials(observed, target, reached);
  const asked = [
    ...probes,
    ...gateways.map(([before]) => before),
    ...fresh,
    ...meshesAsked,
    ...trials,
    ...ways,
  ];
  if (asked.length === 0) return { required: meshes, waived: [], warnings: [] };
  const answers = await probeHost(connection, asked);
  const answerOf = (index: number): ProbeAnswer => answers[index] ?? { good: false, text: '' };
  fresh.forEach((probe, index) => {
    const answer = answerOf(probes.length + gateways.length + index);
    if (probe.kind === 'vacant' && !answer.good && /^[0-9a-f:]{17}$/i.test(answer.text)) {
      throw addressInUse(host, probe.address, answer.text.toLowerCase(), probe.device);
    }
  });
  const required = new Set(
    probes.flatMap((probe) =>
      probe.isRequired === true && 'address' in probe ? [probe.address] : [],
    ),
  );
  const warnings: string[] = [];
  asked.forEach((probe, index) => {
    if (isMesh(probe)) mesh?.heardBefore(host, probe, answerOf(index));
    if (probe.kind !== 'trial') return;
    const { silent, taken } = trialResult(probe, answerOf(index));
    if (taken !== undefined) {
      throw addressInUse(host, taken.address, taken.mac, `${probe.device} in VLAN ${probe.id}`);
    }
    if (silent === undefined) return;
    if (probe.asked.some((address) => required.has(address))) {
      throw new NetorchError('VLAN_UNANSWERED', `${host}: ${silent}; nothing was touched`, {
        notes: ['a probe that must be good ("required") asks for an address in it'],
      });
    }
    warnings.push(`tried before the change: ${silent}`);
  });
  const isRequired = (probe: ProbeSpec, index: number) =>
    isRequiredAfter(probe, answerOf(index), observed, target);
  const names = new Set(probes.map(probeName));
  return {
    required: [
      ...probes.filter(isRequired),
      ...gateways.flatMap(([, after], index) =>
        answerOf(probes.length + index).good && !names.has(probeName(after)) ? [after] : [],
      ),
      ...ways.flatMap((way) => {
        const { good, text } = answerOf(asked.indexOf(way));
        return good ? [{ ...way, before: text }] : [];
      }),
      ...meshes,
    ],
    waived: probes.flatMap((probe, index) =>
      isRequired(probe, index) ? [] : [{ probe, text: answerOf(index).text }],
    ),
    warnings,
  };
}

function addressInUse(host: string, address: string, mac: string, where: string): NetorchError {
  return new NetorchError(
    'ADDRESS_IN_USE',
    `${host}: another host has the address ${address} already: ${mac} answers for it on ${where}; nothing was touched`,
    { notes: ['take it away there first, or give this host another address'] },
  );
}

type WaySpec = Extract<ProbeSpec, { kind: 'way' }>;

/** To the controller and to the name servers that stay; none that the plan itself takes away. */
function waysToKeep(
  observed: NetworkState,
  target: NetworkState,
  peer: string | undefined,
): readonly WaySpec[] {
  const servers = observed.dns.servers.filter(
    (server) => target.dns.servers.includes(server) && !/^(127\.|::1$|.*%)/.test(server),
  );
  return [...(peer === undefined ? [] : [peer]), ...servers.slice(0, 3)]
    .filter((address) => wayTo(target, address) !== undefined)
    .map((address) => ({ kind: 'way', address }));
}

const arpFor = (address: string | undefined): ProbeSpec => ({
  kind: 'arp',
  address: address ?? '',
});

export function waivedText(probe: ProbeSpec, text: string): string {
  return `${probeName(probe)}: was not good before the change either (${text}): not required after it`;
}

/** Does the plan make links go down and up, or negotiate? Then the switch takes its time as well. */
export function isSlowToSettle(plan: Pick<ChangePlan, 'changes' | 'waits'>): boolean {
  return (
    (plan.waits ?? []).length > 0 ||
    plan.changes.some((change) => change.operations.some(restartsLink))
  );
}

function restartsLink({ op }: Operation): boolean {
  switch (op) {
    case 'create-link':
    case 'set-up':
    case 'set-mac':
    case 'attach':
    case 'detach':
    case 'set-bond-options':
    case 'set-bridge-options':
    case 'add-port-vlan':
    case 'start-dhcp':
      return true;
    default:
      return false;
  }
}
