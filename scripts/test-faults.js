// `npm run test:faults [-- options]`: strikes hosts and controllers at named points (test/faults), in the lab and in
// namespaces, and races confirmations against timers. The last line is "N passed, N failed".
//   --quick           each fault once or a few times, within a quarter of an hour (default: the whole matrix)
//   --resume FILE     keep results in FILE; what has passed there is not run again
//   --only REGEX      cases whose names match, such as '^power cut @ step'
//   --part PART       only "matrix" (the lab), "namespaces" or "races"
//   --races NUMBER    how many races under each shell (default: 1000, with --quick 100)
//   --lab FOLDER      use the lab in this folder, brought up if need be, and leave it running
//   --hosts LIST      hosts of the lab (default: f1,f2:systemd); as many cases run at once
//   --deadline SECONDS, --slack SECONDS   for busy machines: time to prove a host good; later than announced, but good
//   --retry           run a case that failed once more; when it then passes it is named as unsteady, and does not
//                     fail the whole (also with NETORCH_RETRY_LAB=1)
//   --table           only print the table of the results in FILE
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    resume: { type: 'string' },
    only: { type: 'string', default: '' },
    part: { type: 'string', default: '' },
    races: { type: 'string' },
    lab: { type: 'string' },
    hosts: { type: 'string', default: 'f1,f2:systemd' },
    deadline: { type: 'string' },
    slack: { type: 'string' },
    retry: { type: 'boolean', default: process.env['NETORCH_RETRY_LAB'] === '1' },
    table: { type: 'boolean', default: false },
  },
});
const own = mkdtempSync(join(tmpdir(), 'netorch-faults-'));
const file = values.resume ?? join(own, 'results.jsonl');
const report = join(own, 'report.json');

/** The last result of each case on each kind of host. */
function results() {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  const all = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  return [...new Map(all.map((result) => [`${result.id} ${result.host}`, result])).values()];
}

/** Where on the way a case strikes: a column of the table. */
const STAGES = [
  ['Begin', /^(begin-|run-started|timer-set|armed|applying)/],
  ['Each step', /^step-/],
  ['End', /^(steps-done|confirm)/],
  ['Way back', /^rollback-/],
  ['Persist', /^(persist-|owned-|boot\.sh-)/],
  ['Controller', /:/],
];
const OUTCOMES = [
  ['planned', 'as planned'],
  ['before', 'as before'],
  ['by hand', 'named, ended by hand'],
];

/** How many cases ended how: "3 planned, 5 before". */
function counts(cases) {
  const words = OUTCOMES.map(([word, truth]) => [
    word,
    cases.filter((item) => item.passed && item.truth === truth).length,
  ]);
  words.push(['**failed**', cases.filter(({ passed }) => !passed).length]);
  return words
    .filter(([, count]) => count > 0)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
}

/** Fault × point × outcome, as a table in Markdown for each kind of host. */
function table(all) {
  const reached = all.filter(({ truth }) => truth !== 'not reached');
  const kinds = [...new Set(reached.map(({ host }) => host))].toSorted();
  return kinds
    .map((kind) => {
      const here = reached.filter(({ host }) => host === kind);
      const faults = [...new Set(here.map(({ id }) => id.split(' @ ')[0]))];
      const lines = faults.map((fault) => {
        const cases = here.filter(({ id }) => id.startsWith(`${fault} @ `));
        const cells = STAGES.map(([, point]) =>
          counts(cases.filter(({ id }) => point.test(id.split(' @ ')[1]))),
        );
        return `| ${[fault, cases.length, ...cells].join(' | ')} |`;
      });
      return [
        `${kind}: ${here.length} cases`,
        '',
        `| Fault | Cases | ${STAGES.map(([name]) => name).join(' | ')} |`,
        `| --- | ---: | ${STAGES.map(() => '---').join(' | ')} |`,
        ...lines,
      ].join('\n');
    })
    .join('\n\n');
}

function vitest() {
  const program = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const env = {
    ...process.env,
    NETORCH_FAULTS_SELECTION: values.quick ? 'quick' : 'all',
    NETORCH_FAULTS_RESULTS: file,
    NETORCH_FAULTS_ONLY: values.only,
    NETORCH_FAULTS_HOSTS: values.hosts,
    NETORCH_FAULTS_RETRY: values.retry ? '1' : '',
    NETORCH_FAULTS_RACES: values.races ?? (values.quick ? '100' : '1000'),
    ...(values.lab === undefined ? {} : { NETORCH_FAULTS_LAB: values.lab }),
    ...(values.deadline === undefined ? {} : { NETORCH_FAULTS_DEADLINE: values.deadline }),
    ...(values.slack === undefined ? {} : { NETORCH_FAULTS_SLACK: values.slack }),
  };
  return new Promise((resolve) => {
    const files = values.part === '' ? [] : [join('test', 'faults', `${values.part}.test.ts`)];
    const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile.json=${report}`];
    const argv = [program, 'run', '--project', 'faults', ...reporters, ...files];
    const child = spawn(process.execPath, argv, { cwd: root, stdio: 'inherit', env });
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** Races are no cases of the table: there is one test of them for each shell. */
function races() {
  if (!existsSync(report)) return [];
  return JSON.parse(readFileSync(report, 'utf8'))
    .testResults.filter(({ name }) => name.endsWith('races.test.ts'))
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'passed' || status === 'failed')
    .map(({ fullName, status, failureMessages: [note = ''] }) => ({
      id: fullName,
      host: 'namespace',
      passed: status === 'passed',
      note,
    }));
}

const code = values.table ? 0 : await vitest();
const all = results().filter(({ id }) => new RegExp(values.only).test(id));
const raced = races();
rmSync(own, { recursive: true, force: true });
process.stdout.write(`\n${table(all)}\n\n`);
const counted = [...all.filter(({ truth }) => truth !== 'not reached'), ...raced];
const failed = counted.filter(({ passed }) => !passed);
for (const { id, host, note } of failed) {
  process.stdout.write(`failed: ${id} (${host}): ${note.split('\n')[0]}\n`);
}
const named = (word, items) => {
  for (const { id, host } of items) process.stdout.write(`${word}: ${id} (${host})\n`);
};
named(
  'unsteady, passed only when it was run again',
  counted.filter(({ passed, isUnsteady }) => passed && isUnsteady),
);
named(
  'good, but later than announced, while this machine had no processor to spare',
  counted.filter(({ passed, isLate }) => passed && isLate),
);
process.stdout.write(`${counted.length - failed.length} passed, ${failed.length} failed\n`);
process.exitCode = failed.length > 0 ? 1 : code;
