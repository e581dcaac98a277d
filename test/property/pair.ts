/** Pairs of documents on a real kernel: there, checked, and back. */
import { stringify } from 'yaml';

import { agentScript, stdinScript } from '../../src/agents/bundle.js';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import { parseObservation } from '../../src/agents/reading.js';
import {
  beginScript,
  rollbackScript,
  type TransactionRequest,
} from '../../src/agents/transaction.js';
import { iproute2Scripts } from '../../src/backends/backend.js';
import type { BackendScripts } from '../../src/backends/steps.js';
import { NetorchError, NetorchErrors, formatError } from '../../src/errors.js';
import { compareStates } from '../../src/network/compare.js';
import type { NetworkState } from '../../src/network/state.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf } from '../network/documents.js';
import { foreignLines, foreignScript } from './foreign.js';
import type { Guest } from './guest.js';
import { Random } from './random.js';
import {
  leavingBehind,
  nicsOf,
  prefixOf,
  randomDocument,
  type NetworkDocument,
} from './random-document.js';

export type Pair = Readonly<{
  seed: number;
  /** Which names and numbers it has: pairs of different slots stand side by side. */
  slot: number;
  first: NetworkDocument;
  second: NetworkDocument;
}>;

/** `isWhole`: with all kinds of interfaces, not only those that most kernels have. */
export function pairOf(seed: number, slot: number, isWhole: boolean): Pair {
  const random = new Random(seed);
  const first = randomDocument(random, slot, isWhole);
  return {
    seed,
    slot,
    first,
    second: leavingBehind(random, first, randomDocument(random, slot, isWhole)),
  };
}

/** Something is not as promised: where, and the difference. */
export class Failure extends Error {
  readonly stage: string;
  readonly difference: readonly string[];
  constructor(stage: string, difference: readonly string[]) {
    super(stage);
    this.stage = stage;
    this.difference = difference;
  }
}

export type Step = Readonly<{ plan: ChangePlan; scripts: BackendScripts }>;

/** The plan for a document on a host, or why netorch refuses it. */
export function planned(host: ObservedHost, document: NetworkDocument): ChangePlan | string {
  try {
    return planHost('h1', host, desiredOf(stringify(document)));
  } catch (error) {
    if (error instanceof NetorchError) return formatError(error);
    if (error instanceof NetorchErrors) return error.errors.map(formatError).join('\n');
    throw error;
  }
}

export function stepOf(host: ObservedHost, plan: ChangePlan): Step {
  return {
    plan,
    scripts: iproute2Scripts({ plan, observed: host.state, lines: host.lines }),
  };
}

function together(documents: readonly NetworkDocument[]): NetworkDocument {
  const dns = documents.find((document) => document['dns-resolver'] !== undefined);
  return {
    interfaces: documents.flatMap((document) => document.interfaces),
    routes: { config: documents.flatMap((document) => document.routes.config) },
    'route-rules': { config: documents.flatMap((document) => document['route-rules'].config) },
    ...(dns?.['dns-resolver'] === undefined ? {} : { 'dns-resolver': dns['dns-resolver'] }),
  };
}

/** An observation without what only concerns other programs of the host: fewer processes. */
export const OBSERVE = stdinScript(agentScript('readings'), 'readings', 'echo @complete');

/** `script` with an observation after it, in one go. */
export const thenObserve = (script: string): string =>
  `${script.replace(/#netorch-end\n$/, '')}\n${OBSERVE}`;

/** What a script printed, and the host after it. */
export function answerOf(text: string): Readonly<{ log: string; host: ObservedHost }> {
  const at = text.indexOf('@link\n');
  if (at < 0) throw new Failure('no observation', [text]);
  return { log: text.slice(0, at).trim(), host: parseObservation('h1', text.slice(at)) };
}

/** Lines of everything that must be again as it was; link-local addresses are the kernel's. */
export function comparable(host: ObservedHost): readonly string[] {
  return host.lines
    .filter((line) => line !== '[' && !/^addr \S+ inet6 fe80:.* scope link/.test(line))
    .toSorted();
}

export function lineDifference(
  expected: readonly string[],
  found: readonly string[],
): readonly string[] {
  const here = new Set(found);
  const there = new Set(expected);
  return [
    ...expected.filter((line) => !here.has(line)).map((line) => `- ${line}`),
    ...found.filter((line) => !there.has(line)).map((line) => `+ ${line}`),
  ];
}

/** A plan as somebody who looks for a mistake wants to read it. */
export function planLines(scripts: BackendScripts): readonly string[] {
  return scripts.segments.flatMap((segment) =>
    segment.lines.map((line) => `    ${segment.tool} ${line.text}    # ${line.change}`),
  );
}

const MAX_TRIES = 4;

/** The observed state against the target; what settles by itself gets a moment. */
async function settled(
  guest: Guest,
  first: ObservedHost,
  target: NetworkState,
): Promise<Readonly<{ host: ObservedHost; differences: readonly string[] }>> {
  let host = first;
  for (let tries = 1; ; tries += 1) {
    const scope = new Set([...target.interfaces.keys(), ...host.state.interfaces.keys()]);
    const differences = compareStates(target, host.state, scope).map(
      ({ path, expected, found }) => `${path}: expected ${expected}, found ${found}`,
    );
    if (differences.length === 0 || tries === MAX_TRIES) return { host, differences };
    host = answerOf(await guest.run(`sleep 0.5\n${OBSERVE}`)).host;
  }
}

export type Built = Readonly<{
  /** Those pairs whose documents netorch takes. */
  pairs: readonly Pair[];
  refused: ReadonlyMap<number, string>;
  start: ObservedHost;
  step: Step;
}>;

const bareHosts = new Map<string, ObservedHost>();

/** A fresh namespace with the first documents built, checked, and the second ones planned. */
export async function build(guest: Guest, all: readonly Pair[]): Promise<Built> {
  const refused = new Map<number, string>();
  const nics = all.flatMap((pair) => nicsOf(pair.slot));
  // Both sets of tools that hosts have; busybox's are quicker to start.
  await guest.open(nics, (all[0]?.seed ?? 0) % 8 === 0 ? 'gnu' : 'busybox');
  const others = foreignScript(slotsOf(all), 'before');
  const known = bareHosts.get(nics.join(' '));
  const bare = known ?? answerOf(await guest.run(`${others}\n${OBSERVE}`)).host;
  bareHosts.set(nics.join(' '), bare);
  const accepted = (
    host: ObservedHost,
    pairs: readonly Pair[],
    which: 'first' | 'second',
  ): readonly Pair[] =>
    pairs.filter((pair) => {
      const plan = planned(host, pair[which]);
      if (typeof plan === 'string') refused.set(pair.seed, plan);
      return typeof plan !== 'string';
    });
  const buildable = accepted(bare, all, 'first');
  const first = together(buildable.map((pair) => pair.first));
  const plan = planned(bare, first);
  if (typeof plan === 'string') throw new Failure('refused together', [plan]);
  const building = stepOf(bare, plan);
  // Without a transaction: only the state counts that it leads to.
  const built = answerOf(
    await guest.run(
      `${known === undefined ? '' : others}\nmkdir -p /run/build; cd /run/build\nbuild() {\n${building.scripts.apply}}\nbuild\n${OBSERVE}`,
    ),
  );
  const start = await settled(guest, built.host, plan.target);
  if (start.differences.length > 0) {
    throw new Failure('building the first', [
      ...start.differences,
      built.log,
      ...planLines(building.scripts),
    ]);
  }
  const again = planned(start.host, first);
  if (typeof again === 'string') throw new Failure('planning the first again', [again]);
  if (again.changes.length > 0) {
    throw new Failure(
      'planning the first again',
      again.changes.map((change) => change.summary),
    );
  }
  const pairs = accepted(start.host, buildable, 'second');
  const second = planned(start.host, together(pairs.map((pair) => pair.second)));
  if (typeof second === 'string') throw new Failure('refused together', [second]);
  return { pairs, refused, start: start.host, step: stepOf(start.host, second) };
}

const slotsOf = (pairs: readonly Pair[]): readonly number[] => pairs.map(({ slot }) => slot);

let count = 0;

export function transactionId(): string {
  count += 1;
  return `20260101T000000-${String(count).padStart(6, '0')}`;
}

export const transactionRequest = (
  id: string,
  step: Step,
  start: ObservedHost,
): TransactionRequest => ({
  id,
  nonce: 'right',
  owner: 'property',
  secondsToDeadline: 600,
  maxSeconds: 1200,
  scripts: step.scripts,
  resolvConf: start.resolvConf,
});

/** There and back. Throws Failure; tells which pairs were run and which refused. */
async function attempt(guest: Guest, all: readonly Pair[]): Promise<Built> {
  const built = await build(guest, all);
  const { start, step } = built;
  if (step.plan.changes.length === 0) return built;
  const id = transactionId();
  const begun = answerOf(
    await guest.run(thenObserve(beginScript(transactionRequest(id, step, start)))),
  );
  if (!/^applied$/m.test(begun.log)) {
    const log = await guest.run(`cd /run/netorch/${id} && cat failure differences`);
    throw new Failure('applying the second', [
      begun.log,
      log,
      ...lineDifference(comparable(start), comparable(begun.host)),
      ...planLines(step.scripts),
    ]);
  }
  const reached = await settled(guest, begun.host, step.plan.target);
  const failed: string[] = [];
  if (reached.differences.length > 0) {
    failed.push('target not reached:', ...reached.differences);
  } else {
    const again = planned(reached.host, together(built.pairs.map((pair) => pair.second)));
    if (typeof again === 'string') failed.push('planning again:', again);
    else if (again.changes.length > 0)
      failed.push('planning again:', ...again.changes.map((change) => change.summary));
  }
  const kept = foreignLines(comparable(reached.host), 'before');
  for (const line of foreignLines(comparable(start), 'before'))
    if (!kept.includes(line)) failed.push(`of others, and gone: ${line}`);
  const meanwhile = answerOf(
    await guest.run(`${foreignScript(slotsOf(built.pairs), 'meanwhile')}\n${OBSERVE}`),
  );
  const added = foreignLines(comparable(meanwhile.host), 'meanwhile');
  if (added.length < 5 * built.pairs.length) failed.push('others could not add:', meanwhile.log);
  const back = answerOf(
    await guest.run(thenObserve(rollbackScript(id, 'right', 'the test asks for it'))),
  );
  const difference = lineDifference([...comparable(start), ...added], comparable(back.host));
  if (!/^rolled-back verified$/m.test(back.log) || difference.length > 0) {
    const log = await guest.run(
      `cd /run/netorch/${id} && cat differences restore.log | tail -n 60`,
    );
    failed.push('not as it was:', back.log, ...difference, log);
  }
  if (failed.length > 0) throw new Failure('second', [...failed, ...planLines(step.scripts)]);
  return built;
}

export type Verdict =
  | Readonly<{ seed: number; kind: 'passed' }>
  /** netorch refuses one of the documents. */
  | Readonly<{ seed: number; kind: 'refused'; reason: string }>
  | Readonly<{ seed: number; kind: 'failed'; stage: string; difference: readonly string[] }>;

/** Any error of a run as a failure of the pairs that stood there. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return new Failure('error', [
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  ]);
}

/**
 * Those that a difference names each for itself and the others together; halves where it names none or all
 * of many. A part is always smaller than the whole.
 */
export function partsOf(
  pairs: readonly Pair[],
  difference: readonly string[],
): readonly (readonly Pair[])[] {
  // The plan is there for people to read, and names everybody.
  const text = difference.filter((line) => !line.startsWith('    ')).join('\n');
  const isNamed = ({ slot }: Pair): boolean =>
    new RegExp(`\\b${prefixOf(slot)}(eth|bond|br|vlan|veth|vxlan|dummy|mv|vrf)\\d`).test(text);
  const named = pairs.filter(isNamed);
  const others = pairs.filter((pair) => !isNamed(pair));
  if (named.length > 0 && named.length <= 4 && others.length > 0)
    return [...named.map((pair) => [pair]), others];
  const half = Math.ceil(pairs.length / 2);
  return [pairs.slice(0, half), pairs.slice(half)];
}

/** All pairs side by side; when that fails, in parts, to know whose fault it is. */
export async function runPairs(guest: Guest, pairs: readonly Pair[]): Promise<readonly Verdict[]> {
  try {
    const { refused } = await attempt(guest, pairs);
    return pairs.map(({ seed }): Verdict => {
      const reason = refused.get(seed);
      return reason === undefined ? { seed, kind: 'passed' } : { seed, kind: 'refused', reason };
    });
  } catch (error) {
    const failure = failureOf(error);
    const [only] = pairs;
    if (pairs.length === 1 && only !== undefined)
      return [
        { seed: only.seed, kind: 'failed', stage: failure.stage, difference: failure.difference },
      ];
    const seeds = pairs.map((pair) => pair.seed).join(' ');
    console.log(
      [`${failure.stage}, one of ${seeds}:`, ...failure.difference.slice(0, 8)].join('\n'),
    );
    const verdicts: Verdict[] = [];
    for (const part of partsOf(pairs, failure.difference))
      verdicts.push(...(await runPairs(guest, part)));
    if (verdicts.every((verdict) => verdict.kind !== 'failed')) {
      const [first, ...others] = verdicts;
      if (first === undefined) return verdicts;
      const { difference } = failure;
      return [
        {
          seed: first.seed,
          kind: 'failed',
          stage: `${failure.stage}, only together: ${seeds}`,
          difference,
        },
        ...others,
      ];
    }
    return verdicts;
  }
}
