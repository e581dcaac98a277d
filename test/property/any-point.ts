/** A change that ends after any of its lines, and the way back from there. */
import { applyScript } from '../../src/backends/iproute2.js';
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

export type Points = Readonly<{ points: number; refused: string | undefined }>;

/** Every prefix of the second document's lines, and two strikes. Throws Failure at the first that is not as it was. */
export async function runAnyPoint(guest: Guest, pair: Pair): Promise<Points> {
  const { start, step, refused } = await build(guest, [pair]);
  const reason = refused.get(pair.seed);
  if (reason !== undefined) return { points: 0, refused: reason };
  const { segments } = step.scripts;
  const lines = segments.reduce((sum, segment) => sum + segment.lines.length, 0);
  const files = transactionFiles(transactionRequest(FOLDER.slice(13), step, start));
  await guest.run(
    `mkdir -p ${FOLDER}\ncd ${FOLDER}\n${writeFilesFunction('write_files', files)}\nwrite_files\nmkfifo pipe`,
  );
  const before = comparable(start);
  let points = 0;
  const check = async (what: string, script: string): Promise<void> => {
    const { log, host } = answerOf(await guest.run(`${script}\n${OBSERVE}`));
    const difference = lineDifference(before, comparable(host));
    points += 1;
    if (/^state\.rolled-back$/m.test(log) && !log.includes('refused:') && difference.length === 0)
      return;
    const details = await guest.run(`cd ${FOLDER} && cat differences restore.log | tail -n 40`);
    throw new Failure(what, [log, ...difference, details, ...planLines(step.scripts)]);
  };
  for (let count = 1; count <= lines; count += 1)
    await check(`cut after line ${count} of ${lines}`, cutAfter(prefixOfSegments(segments, count)));
  for (const milliseconds of [5 + (pair.seed % 40), 60 + (pair.seed % 200)])
    await check(`struck after ${milliseconds} ms`, strike(step.scripts.apply, milliseconds));
  return { points, refused: undefined };
}
