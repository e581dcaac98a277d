/** Probes over a connection to a host: once before its change, for what is to be required after it. */
import { RUN_FROM_STDIN } from '../agents/bundle.js';
import type { NetworkState } from '../network/state.js';
import type { ChangePlan, Operation } from '../plan/change.js';
import { defaultGateways, isRequiredAfter } from '../probes/probe-baseline.js';
import {
  parseProbes,
  probeName,
  probesScript,
  probesTimeoutMs,
  type ProbeAnswer,
  type ProbeSpec,
} from '../probes/probe-script.js';
import type { Connection } from '../transport/transport.js';

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

export type ProbePlan = Readonly<{
  /** What must be good after the change. */
  required: readonly ProbeSpec[];
  /** Was not good before, and need not be after. */
  waived: readonly Readonly<{ probe: ProbeSpec; text: string }>[];
}>;

/**
 * What the change must not break. Besides the probes of the play: a host whose default gateway answered must
 * have one that answers, where the plan touches the way to it.
 */
export async function baselineProbes(
  connection: Connection,
  probes: readonly ProbeSpec[],
  observed: NetworkState,
  plan: ChangePlan,
): Promise<ProbePlan> {
  const { target } = plan;
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
  const asked = [...probes, ...gateways.map(([before]) => before)];
  if (asked.length === 0) return { required: [], waived: [] };
  const answers = await probeHost(connection, asked);
  const answerOf = (index: number): ProbeAnswer => answers[index] ?? { good: false, text: '' };
  const isRequired = (probe: ProbeSpec, index: number) =>
    isRequiredAfter(probe, answerOf(index), observed, target);
  return {
    required: [
      ...probes.filter(isRequired),
      ...gateways.flatMap(([, after], index) =>
        answerOf(probes.length + index).good ? [after] : [],
      ),
    ],
    waived: probes.flatMap((probe, index) =>
      isRequired(probe, index) ? [] : [{ probe, text: answerOf(index).text }],
    ),
  };
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
