// `npm run test:property -- --seed N --count N`: random pairs of network documents on a real kernel (see
// test/property/). Each pair is built, planned, applied, compared, rolled back and compared again.
//   --seed N        the first seed (1); the same seeds give the same pairs
//   --count N       how many pairs to run (40); what netorch refuses is counted apart
//   --mode WORD     "pairs", or "any-point": apply cut after every prefix of its lines, and restored
//   --wide N        pairs side by side in one namespace (4)
//   --here          in namespaces of this machine's kernel, quick, without bonds, VLANs and dummies
//   --progress FILE goes on where a run that was cut has ended; written as it goes
// NETORCH_E2E_LAB=DIR takes a lab that is up; else one is made. The last line is "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '40' },
    mode: { type: 'string', default: 'pairs' },
    wide: { type: 'string', default: '4' },
    here: { type: 'boolean', default: false },
    progress: { type: 'string' },
  },
});
const scratch = mkdtempSync(join(tmpdir(), 'netorch-property-'));
const progress = values.progress ?? join(scratch, 'progress');
const wanted = {
  seed: Number(values.seed),
  count: Number(values.count),
  wide: Number(values.wide),
  where: values.here ? 'here' : 'lab',
  progress,
};
if (
  !['pairs', 'any-point'].includes(values.mode) ||
  ![wanted.seed, wanted.count, wanted.wide].every((n) => Number.isSafeInteger(n) && n > 0) ||
  wanted.wide > 16
) {
  console.error('usage: npm run test:property -- [--seed N] [--count N] [--mode pairs|any-point]');
  process.exit(1);
}

const argv = [
  join(root, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  '--project',
  'property',
  '--silent=false',
  `test/property/${values.mode}.property.ts`,
];
const lab = join(tmpdir(), `nl-property-${process.pid}`);
const child = spawn(process.execPath, argv, {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NETORCH_PROPERTY: JSON.stringify(wanted), NETORCH_PROPERTY_LAB: lab },
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill());
child.on('close', (code) => {
  // Who is ended from outside takes no lab down.
  const netorch = join(root, 'bin', 'netorch.js');
  if (existsSync(lab)) spawnSync(process.execPath, [netorch, 'lab', 'down', '--dir', lab]);
  const verdicts = existsSync(progress)
    ? readFileSync(progress, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    : [];
  const countOf = (kind) => verdicts.filter((verdict) => verdict.kind === kind).length;
  rmSync(scratch, { recursive: true, force: true });
  if (countOf('refused') > 0) console.log(`(${countOf('refused')} more were refused by netorch)`);
  console.log(`${countOf('passed')} passed, ${countOf('failed')} failed`);
  process.exitCode = code === 0 && countOf('failed') === 0 && countOf('passed') > 0 ? 0 : 1;
});
