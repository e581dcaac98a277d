// `npm test`: everything that has to hold, in order of how soon it tells; stops at the first step that
// fails. The last lines are one per step, the skipped tests by name, and alone on a line the totals.
// With NETORCH_REQUIRE_LAB=1 a skipped test is a failure. With NETORCH_RETRY_LAB=1 files of lab tests that failed
// are run once more, in a new lab; a test that only then passes is named as unsteady, and does not fail the whole.
// With --long: the lab tests that `npm test` leaves out; with --more: those that take the longest. With --vagrant
// (of scripts/test-vagrant.js): those for virtual machines, further words being for vitest.
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { installPackages } from './install-packages.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const results = mkdtempSync(join(tmpdir(), 'netorch-test-'));
const isRequired = process.env['NETORCH_REQUIRE_LAB'] === '1';
const retriesLab = process.env['NETORCH_RETRY_LAB'] === '1';
const isRoot = process.getuid?.() === 0;
/** Debian package → a program of it that linting or the unit tests use. The lab brings its own. */
const PACKAGES = {
  shellcheck: 'shellcheck',
  shfmt: 'shfmt',
  busybox: 'busybox',
  dash: 'dash',
  iproute2: 'ip',
  'openssh-client': 'ssh-keygen',
  'openssh-server': 'sshd',
  'isc-dhcp-client': 'dhclient',
  zsh: 'zsh',
  fish: 'fish',
};

const script = (name) => ['npm', 'run', '--silent', name];
/** @type {{name: string, argv: string[], project?: string}[]} */
const everything = [
  { name: 'types', argv: script('typecheck') },
  { name: 'lint', argv: script('lint') },
  { name: 'format', argv: script('format:check') },
  { name: 'dead code', argv: script('deadcode') },
  { name: 'lockfile', argv: ['npm', 'ci', '--dry-run', '--ignore-scripts'] },
  { name: 'unit tests', argv: vitest('unit'), project: 'unit' },
  { name: 'lab tests', argv: vitest('e2e'), project: 'e2e' },
];
const further = [{ name: 'further lab tests', argv: vitest('e2e-long'), project: 'e2e-long' }];
const longest = [{ name: 'longest lab tests', argv: vitest('e2e-more'), project: 'e2e-more' }];
const vagrant = [
  {
    name: 'tests of virtual machines',
    argv: [...vitest('vagrant'), ...process.argv.slice(2).filter((word) => word !== '--vagrant')],
    project: 'vagrant',
  },
];
const isVagrant = process.argv.includes('--vagrant');
const steps = isVagrant
  ? vagrant
  : process.argv.includes('--long')
    ? further
    : process.argv.includes('--more')
      ? longest
      : everything;

function vitest(project, files = []) {
  const output = `--outputFile.json=${resultFile(project)}`;
  const reporters = ['--reporter=default', '--reporter=json', output];
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  return [process.execPath, program, 'run', '--project', project, ...reporters, ...files];
}

function resultFile(project) {
  return join(results, `${project}.json`);
}

/** Runs a step; the output of tests is shown as it comes, that of the others when they fail. */
function run({ argv, project }) {
  const [program, ...args] = argv;
  return new Promise((resolve) => {
    const stdio = project === undefined ? ['ignore', 'pipe', 'pipe'] : 'inherit';
    const child = spawn(program, args, { cwd: root, stdio });
    const output = [];
    child.stdout?.on('data', (data) => output.push(data));
    child.stderr?.on('data', (data) => output.push(data));
    child.on('error', (error) => resolve({ ok: false, output: `${error.message}\n` }));
    child.on('close', (code) =>
      resolve({ ok: code === 0, output: Buffer.concat(output).toString() }),
    );
  });
}

/**
 * What vitest says of each test, or nothing where it did not come that far.
 * @returns {{file: string, name: string, status: 'passed' | 'failed' | 'skipped'}[]}
 */
function readResults(project) {
  if (!existsSync(resultFile(project))) return [];
  const { testResults } = JSON.parse(readFileSync(resultFile(project), 'utf8'));
  return testResults.flatMap((suite) => {
    const file = relative(root, suite.name);
    const tests = suite.assertionResults.map(({ fullName, status }) => ({
      file,
      name: `${file}: ${fullName}`,
      status: ['passed', 'failed'].includes(status) ? status : 'skipped',
    }));
    // A file that could not be loaded has failed though no test of it has.
    const isBroken = suite.status === 'failed' && tests.every((test) => test.status !== 'failed');
    if (isBroken) tests.push({ file, name: `${file}: could not be run`, status: 'failed' });
    return tests;
  });
}

/**
 * Runs a step of tests, and the failed files of lab tests once more where that is asked for: their second
 * results count, and what had failed is named as unsteady.
 * @returns {Promise<{ok: boolean, passed: string[], failed: string[], skipped: string[], unsteady: string[]}>}
 */
async function runTests(step) {
  let { ok } = await run(step);
  let tests = readResults(step.project);
  const unsteady = [];
  const named = (status) => tests.filter((test) => test.status === status).map(({ name }) => name);
  const files = new Set(tests.filter(({ status }) => status === 'failed').map(({ file }) => file));
  if (!ok && retriesLab && step.project.startsWith('e2e') && files.size > 0 && !isInterrupted) {
    process.stdout.write(`\n--- ${step.name} once more: ${[...files].join(', ')}\n`);
    rmSync(resultFile(step.project), { force: true });
    const failed = named('failed');
    ({ ok } = await run({ ...step, argv: vitest(step.project, [...files]) }));
    const again = readResults(step.project);
    tests = [...tests.filter(({ file }) => !files.has(file)), ...again];
    if (ok) unsteady.push(...failed);
  }
  const counts = { passed: named('passed'), failed: named('failed'), skipped: named('skipped') };
  return { ok, ...counts, unsteady };
}

/**
 * Skipped tests by what they say themselves: "… (skipped: REASON) …".
 * @param {string[]} names
 * @returns {Map<string, string[]>}
 */
function byReason(names) {
  const groups = new Map();
  for (const name of names) {
    const [said = '', reason = 'for a reason of their own'] = / \(skipped: (.+)\)/.exec(name) ?? [];
    groups.set(reason, [...(groups.get(reason) ?? []), name.replace(said, '')]);
  }
  return groups;
}

function hasProgram(name) {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function provide() {
  const missing = Object.keys(PACKAGES).filter((name) => !hasProgram(PACKAGES[name]));
  if (missing.length === 0) return;
  const command = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (isRoot && hasProgram('apt-get')) {
    process.stdout.write(`installing what the tests use: ${command}\n`);
    if (installPackages(missing)) return;
    process.stdout.write('the installation failed; going on without\n');
  } else {
    process.stdout.write(`not all can be tested here; install what is missing: ${command}\n`);
  }
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;
/** @type {{passed: number, failed: number, skipped: string[], unsteady: string[]}} */
const totals = { passed: 0, failed: 0, skipped: [], unsteady: [] };
const summary = [];
let good = true;
let isInterrupted = false;
// Ctrl-C reaches the running step too; it ends in good order (a lab is taken down), then this does.
process.on('SIGINT', () => {
  isInterrupted = true;
});

if (!isVagrant) provide();
for (const step of steps) {
  if (!good || isInterrupted) {
    summary.push(`  --  ${step.name}: not run`);
    continue;
  }
  process.stdout.write(`\n--- ${step.name}\n`);
  const started = performance.now();
  let isGood;
  let counted = '';
  if (step.project !== undefined) {
    const { ok, passed, failed, skipped, unsteady } = await runTests(step);
    isGood = ok;
    totals.passed += passed.length;
    totals.failed += failed.length;
    totals.skipped.push(...skipped);
    totals.unsteady.push(...unsteady);
    counted = `, ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`;
    if (unsteady.length > 0) counted += `, ${unsteady.length} passed only at the second try`;
    // What only root can do may be left out by others; what a machine lacks may not.
    const needless = skipped.filter((name) => isRoot || !name.includes('(as root)'));
    if (isRequired && !isVagrant && needless.length > 0) isGood = false;
    // A run that comes to no test at all (its lab could not be brought up, say) has failed as a whole.
    if (passed.length + failed.length + skipped.length === 0) {
      isGood = false;
      totals.failed += 1;
      counted = ', not a single test could be run';
    }
  } else {
    const { ok, output } = await run(step);
    isGood = ok;
    process.stdout.write(ok ? output.replace(/^(?!.*NOT checked).*\n?/gm, '') : output);
  }
  good &&= isGood;
  const line = `${step.name}: ${isGood ? 'passed' : 'FAILED'} in ${seconds(started)}${counted}`;
  process.stdout.write(`--- ${line}\n`);
  summary.push(`  ${isGood ? 'ok' : 'NO'}  ${line}`);
}
rmSync(results, { recursive: true, force: true });

process.stdout.write(`\n${summary.join('\n')}\n`);
if (totals.skipped.length > 0) {
  const verdict =
    isRequired && !isVagrant ? 'skipped, and NETORCH_REQUIRE_LAB=1 forbids it' : 'skipped';
  process.stdout.write(`\n${totals.skipped.length} ${verdict}:\n`);
  for (const [reason, names] of byReason(totals.skipped)) {
    process.stdout.write(`  ${reason}:\n${names.map((name) => `    ${name}\n`).join('')}`);
  }
}
if (totals.unsteady.length > 0) {
  process.stdout.write(`\n${totals.unsteady.length} unsteady, passed only at the second try:\n`);
  process.stdout.write(totals.unsteady.map((name) => `    ${name}\n`).join(''));
}
process.stdout.write(
  `\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped.length} skipped\n`,
);
process.exitCode = isInterrupted ? 130 : good ? 0 : 1;
