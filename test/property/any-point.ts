/** A change that ends after any of its lines, and the way back from there. */
import { applyScript } from '../../src/backends/iproute2.js';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import type { Segment } from '../../src/backends/steps.js';
import { writeFilesFunction } from '../../src/agents/bundle.js';
import { transactionFiles } from '../../src/agents/transaction.js';
import type { Guest } from './guest.js';
import {
  answerOf,
  build,
  comparable,
  Failure,
  lineDifference,
  OBSERVE,
  planLines,
  planned,
  stepOf,
  transactionRequest,
  type Pair,
} from './pair.js';

/** The segments up to and with the first `count` lines; the last one may be cut in the middle. */
export function prefixOfSegments(segments: readonly Segment[], count: number): readonly Segment[] {
  const kept: Segment[] = [];
  let left = count;
  for (const segment of segments) {
    // A file is written whole or not at all.
    const isWhole = segment.tool === 'dns';
    const lines = segment.lines.slice(0, left);
    if (lines.length === 0 || (isWhole && lines.length < segment.lines.length)) break;
    kept.push({ ...segment, lines });
    left -= lines.length;
  }
  return kept;
}

const FOLDER = '/run/netorch/20260101T000000-000000';

/** As if the runner had come this far and died. */
function cutAfter(segments: readonly Segment[]): string {
  return [
    `cd ${FOLDER}`,
    'rm -f state.* cause rollback.pid runner.pid restore.log differences rollback.heir.* rollback.dead.*',
    ': >state.applying',
    `steps() {\n${applyScript(segments)}}`,
    'steps 2>stderr || { echo "refused:"; cat stderr; }',
    `NETORCH_DIR=${FOLDER} sh ${FOLDER}/runtime.sh rollback 'cut by the test'`,
    'echo state.*',
  ].join('\n');
}

/**
 * The real thing: the steps run in a group of their own, and the way back begins, and ends that group,
 * in the middle of them. `share` is 0 to 1: how much of the time that they took before.
 */
function strike(apply: string, milliseconds: number): string {
  return [
    `cd ${FOLDER}`,
    'rm -f state.* cause rollback.pid runner.pid restore.log differences rollback.heir.* rollback.dead.*',
    ': >state.applying',
    `cat >strike.sh <<'STRIKE'\nsteps() {\n${apply}}\nsteps 2>/dev/null\nSTRIKE`,
    // The name of the transaction in its command line says whose it is.
    `setsid sh ${FOLDER}/strike.sh </dev/null >/dev/null 2>&1 &`,
    'echo $! >runner.pid',
    `sleep ${(milliseconds / 1000).toFixed(3)}`,
    `NETORCH_DIR=${FOLDER} sh ${FOLDER}/runtime.sh rollback 'struck by the test'`,
    'echo state.*',
  ].join('\n');
}

/** What one pair's second document does, by itself: pairs have nothing in common, so each may be cut elsewhere. */
function ownSegments(start: ObservedHost, pair: Pair, hasDns: boolean): readonly Segment[] {
  const plan = planned(start, pair.second);
  if (typeof plan === 'string') throw new Failure('refused alone', [plan]);
  const { segments } = stepOf(start, plan).scripts;
  return hasDns ? segments : segments.filter(({ tool }) => tool !== 'dns');
}

const countLines = (segments: readonly Segment[]): number =>
  segments.reduce((sum, segment) => sum + segment.lines.length, 0);

/** By seed: how many points of the way of that pair were tried; those that netorch refuses have a reason instead. */
export type Points = Readonly<{
  points: ReadonlyMap<number, number>;
  refused: ReadonlyMap<number, string>;
}>;

/**
 * Every prefix of the lines of each second document, and two strikes; the pairs stand side by side and are cut at the
 * same time. After each way back the first documents stand again, and need not be built. Throws Failure at the first
 * that is not as it was.
 */
export async function runAnyPoint(guest: Guest, all: readonly Pair[]): Promise<Points> {
  const { start, step, pairs, refused } = await build(guest, all);
  // One host has one resolv.conf: of several documents' servers those of the first are taken (pair.ts, together).
  const withDns = pairs.find((pair) => pair.second['dns-resolver'] !== undefined);
  const ways = pairs.map((pair) => ownSegments(start, pair, pair === withDns));
  const points = new Map(
    pairs.map((pair, index) => [pair.seed, countLines(ways[index] ?? []) + 2] as const),
  );
  const files = transactionFiles(transactionRequest(FOLDER.slice(13), step, start));
  await guest.run(
    `mkdir -p ${FOLDER}\ncd ${FOLDER}\n${writeFilesFunction('write_files', files)}\nwrite_files\nmkfifo pipe`,
  );
  const before = comparable(start);
  const check = async (what: string, script: string): Promise<void> => {
    const { log, host } = answerOf(await guest.run(`${script}\n${OBSERVE}`));
    const difference = lineDifference(before, comparable(host));
    if (/^state\.rolled-back$/m.test(log) && !log.includes('refused:') && difference.length === 0)
      return;
    const details = await guest.run(`cd ${FOLDER} && cat differences restore.log | tail -n 40`);
    throw new Failure(what, [log, ...difference, details, ...planLines(step.scripts)]);
  };
  const longest = Math.max(0, ...ways.map(countLines));
  for (let count = 1; count <= longest; count += 1) {
    const cut = ways.flatMap((way) => prefixOfSegments(way, count));
    await check(`cut after line ${count} of ${longest}`, cutAfter(cut));
  }
  const [{ seed = 0 } = {}] = pairs;
  for (const milliseconds of [5 + (seed % 40), 60 + (seed % 200)])
    await check(`struck after ${milliseconds} ms`, strike(step.scripts.apply, milliseconds));
  return { points, refused };
}
