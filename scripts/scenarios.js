// `npm run test:scenarios -- FILE …`: runs scenarios (test/e2e/scenario-stage.ts says how they are written) on
// a host of the lab; without a file, those of test/e2e/scenarios and the tests of whole hosts that stand for
// scenarios (test/e2e/scenarios-elsewhere.json). With NETORCH_E2E_LAB=FOLDER in the lab that is up there.
// `-t TEXT` runs only those whose id or title has the text. Ends with a table: a row for each scenario, and one more for
// each that was played through NetworkManager too.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const root = fileURLToPath(new URL('..', import.meta.url));
const e2e = join(root, 'test', 'e2e');
const args = process.argv.slice(2);
const at = args.indexOf('-t');
const filter = at === -1 ? [] : args.splice(at, 2);
const named = args.map((file) => resolve(file));
const isWhole = named.length === 0 && filter.length === 0;

const own = join(e2e, 'scenarios');
const files = named.length > 0 ? named : readdirSync(own).map((name) => join(own, name));
const scenarios = files.flatMap((file) => parse(readFileSync(file, 'utf8')));
const elsewhere = isWhole
  ? JSON.parse(readFileSync(join(e2e, 'scenarios-elsewhere.json'), 'utf8'))
  : [];

const literal = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const names = ['^ *scenarios', ...elsewhere.flatMap(({ tests }) => tests.map(literal))].join('|');
const folder = mkdtempSync(join(tmpdir(), 'netorch-scenarios-'));
const output = join(folder, 'results.json');
const startedMs = performance.now();
const child = spawn(
  process.execPath,
  [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    '--project',
    'e2e*',
    ...['scenarios', ...elsewhere.map(({ file }) => file)].map(
      (name) => `test/e2e/${name}.test.ts`,
    ),
    '--reporter=verbose',
    '--reporter=json',
    `--outputFile.json=${output}`,
    ...(isWhole ? ['-t', names] : filter),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...(named.length === 0 ? {} : { NETORCH_SCENARIOS: named.join('\n') }) },
  },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  // The tests take their lab down; they have done so when they end.
  process.on(signal, () => child.kill('SIGTERM'));
}
child.once('close', (code) => {
  if (!existsSync(output)) {
    rmSync(folder, { recursive: true, force: true });
    console.error('the tests ended without results');
    process.exitCode = code ?? 1;
    return;
  }
  const rows = table(readFileSync(output, 'utf8'));
  rmSync(folder, { recursive: true, force: true });
  const width = Math.max(...rows.map(({ id }) => id.length));
  for (const { id, result, title } of rows) {
    console.log(`${id.padEnd(width)}  ${result.padEnd(RESULT_WIDTH)}  ${title}`);
  }
  const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
  const count = (result) => rows.filter((row) => row.result === result).length;
  console.log(
    `${count('pass') + count('refused')} passed (${count('refused')} of them by refusing the plan), ${count('FAIL')} failed, ${count('skipped')} skipped, in ${minutes} minutes`,
  );
  process.exitCode = code ?? 1;
});

const RESULT_WIDTH = 'refused'.length;

/** Rows in the order of ids. What does nothing but refuse plans, as it should, is called refused. */
function table(text) {
  const results = JSON.parse(text).testResults.flatMap((file) => file.assertionResults);
  const statusOf = (found) => {
    if (found.some(({ status }) => status === 'failed') || found.length === 0) return 'FAIL';
    return found.every(({ status }) => status === 'passed') ? 'pass' : 'skipped';
  };
  const isThroughNetworkManager = ({ ancestorTitles }) => /, nmcli/.test(ancestorTitles.join());
  const asked = scenarios.filter(({ id, title }) => `${id}: ${title}`.includes(filter[1] ?? ''));
  return [
    ...asked.flatMap(({ id, title, steps }) => {
      const isRefused = steps.every(
        (step) => step.apply === undefined && step.refused !== undefined,
      );
      const found = results.filter((test) => test.title === `${id}: ${title}`);
      const row = (name, tests) => {
        const status = statusOf(tests);
        return { id: name, title, result: status === 'pass' && isRefused ? 'refused' : status };
      };
      const managed = found.filter(isThroughNetworkManager);
      const plain = found.filter((test) => !isThroughNetworkManager(test));
      return [row(id, plain), ...(managed.length === 0 ? [] : [row(`${id} nmcli`, managed)])];
    }),
    ...elsewhere.map(({ id, title, tests }) => ({
      id,
      title,
      result: statusOf(results.filter((test) => tests.includes(test.title))),
    })),
  ].sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }));
}
