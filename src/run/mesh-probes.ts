/** Mesh probes among the others: whom they ask is known when they are run, and what follows from the answers to all. */
import type { ProbeAnswer, ProbeSpec } from '../probes/probe-script.js';
import { MeshBoard, type MeshMembers, type MeshSpec } from './mesh-board.js';

export const isMesh = (probe: ProbeSpec): probe is MeshSpec => probe.kind === 'mesh';

/** undefined: no host has a mesh probe. */
export function meshBoardFor(
  jobs: Iterable<Readonly<{ probes: readonly ProbeSpec[]; checks?: readonly ProbeSpec[] }>>,
  members: MeshMembers | undefined,
): MeshBoard | undefined {
  const networks = new Set<string>();
  for (const { probes, checks = [] } of jobs) {
    for (const probe of [...probes, ...checks]) if (isMesh(probe)) networks.add(probe.network);
  }
  return networks.size === 0 ? undefined : new MeshBoard([...networks], members);
}

/** The probes with whom to ask; a mesh in which nobody must answer is left out. `anew`: also who has answered before. */
export function probesToAsk(
  host: string,
  probes: readonly ProbeSpec[],
  mesh: MeshBoard | undefined,
  anew = false,
): readonly ProbeSpec[] {
  return probes.flatMap((probe): readonly ProbeSpec[] => {
    if (!isMesh(probe)) return [probe];
    const asked = mesh?.askAfter(host, probe, anew);
    return asked === undefined ? [] : [asked];
  });
}

/** Answers to `asked`; of a mesh, in the light of what other hosts have found out. */
export function judgeAnswers(
  host: string,
  asked: readonly ProbeSpec[],
  answers: readonly ProbeAnswer[],
  mesh: MeshBoard | undefined,
  isLast: boolean,
): readonly ProbeAnswer[] {
  return asked.map((probe, index) => {
    const answer = answers[index] ?? { good: false, text: 'the host gave no answer' };
    return isMesh(probe) && mesh !== undefined ? mesh.judge(host, probe, answer, isLast) : answer;
  });
}

/** What of a probe was not good: of a mesh, the hosts that did not answer. */
export function failedPart(probe: ProbeSpec, answer: ProbeAnswer | undefined): ProbeSpec {
  const { short } = answer ?? {};
  if (!isMesh(probe) || short === undefined) return probe;
  return { ...probe, peers: (probe.peers ?? []).filter(({ address }) => short.has(address)) };
}
