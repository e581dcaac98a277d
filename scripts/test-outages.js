// `npm run test:outages`: every outage of docs/outages.md that the lab can make, once; or good changes, none of which may go back.
//   --repeat N     each outage N times; a sentence that is not the right one is counted and ends nothing
//   --good N       instead: N good changes, one upon the other, on two hosts; --seed S is the first (1)
//   --resume FILE  written as it goes, a line a run; what stands in it already is not run again
//   --only WORDS   outages whose names hold these words
// NETORCH_E2E_LAB=DIR takes a lab that is up; else one is made. Ends with 0 when no host was left unreachable, no wrong
// cause was named, and the right one in at least nine of ten.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    repeat: { type: 'string' },
    good: { type: 'string' },
    seed: { type: 'string', default: '1' },
    resume: { type: 'string' },
    only: { type: 'string' },
  },
});
const isCount = (text) => text === undefined || (/^\d+$/.test(text) && Number(text) > 0);
if (![values.repeat, values.good, values.seed].every(isCount)) {
  console.error(
    'usage: npm run test:outages -- [--repeat N | --good N [--seed S]] [--resume FILE] [--only WORDS]',
  );
  process.exit(1);
}
const scratch = mkdtempSync(join(tmpdir(), 'netorch-outages-'));
const report = values.resume === undefined ? join(scratch, 'report') : resolve(values.resume);
const isGood = values.good !== undefined;
const env = {
  ...process.env,
  ...(isGood
    ? {
        NETORCH_GOOD: values.good,
        NETORCH_GOOD_SEED: values.seed,
        NETORCH_GOOD_REPORT: report,
      }
    : {
        NETORCH_OUTAGES_REPORT: report,
        ...(values.repeat === undefined ? {} : { NETORCH_OUTAGES_REPEAT: values.repeat }),
        ...(values.only === undefined ? {} : { NETORCH_OUTAGES_ONLY: values.only }),
      }),
};
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const file = isGood ? 'test/e2e/good-changes.test.ts' : 'test/e2e/outages.test.ts';
const child = spawn(process.execPath, [vitest, 'run', '--project', 'outages', file], {
  cwd: root,
  stdio: 'inherit',
  env,
});
child.on('close', (code) => {
  const lines = existsSync(report)
    ? readFileSync(report, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
  rmSync(scratch, { recursive: true, force: true });
  const isFine = isGood ? goodSummary(lines) : outageSummary(lines);
  process.exitCode = code === 0 && isFine && lines.length > 0 ? 0 : 1;
});

function outageSummary(lines) {
  const names = [...new Set(lines.map(({ name }) => name))];
  console.log('| Outage | Runs | Cause right | unknown | wrong | Unreachable | Seconds |');
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  const rows = names.map((name) => {
    const runs = lines.filter((line) => line.name === name);
    const count = (fits) => runs.filter(fits).length;
    const seconds = runs.map((line) => Number(line.seconds)).toSorted((a, b) => a - b);
    const row = {
      right: count((line) => line.verdict === 'right'),
      unknown: count((line) => line.verdict === 'unknown'),
      wrong: count((line) => line.verdict === 'wrong'),
      unreachable: count((line) => line.isReachable !== true),
      isNamed: count((line) => line.verdict === 'right') * 10 >= runs.length * 9,
    };
    console.log(
      `| ${name} | ${runs.length} | ${row.right} | ${row.unknown} | ${row.wrong} | ${row.unreachable} | ${seconds[0]} to ${seconds.at(-1)} |`,
    );
    return row;
  });
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
  console.log(
    `${lines.length} runs: cause right ${sum('right')}, unknown ${sum('unknown')}, wrong ${sum('wrong')}; unreachable ${sum('unreachable')}`,
  );
  return sum('wrong') === 0 && sum('unreachable') === 0 && rows.every((row) => row.isNamed);
}

function goodSummary(lines) {
  const bad = lines.filter(({ outcome }) => outcome !== 'confirmed' && outcome !== 'unchanged');
  for (const { seed, host, text, outcome, cause } of bad) {
    console.log(`seed ${seed}, ${host}: ${outcome}: ${cause} (${text})`);
  }
  const probeMs = lines.map((line) => line.probeMs ?? 0).toSorted((a, b) => a - b);
  console.log(
    `${lines.length} good changes: ${lines.length - bad.length} stayed, ${bad.length} did not; probes took ${(probeMs[Math.floor(probeMs.length / 2)] ?? 0) / 1000} s (median) to ${(probeMs.at(-1) ?? 0) / 1000} s`,
  );
  return bad.length === 0;
}
