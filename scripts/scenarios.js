// `npm run test:scenarios -- FILE …`: runs scenarios (test/e2e/scenarios.test.ts says how they are written) on
// a host of the lab; without a file, those of test/e2e/scenarios. With NETORCH_E2E_LAB=FOLDER in the lab
// that is up there. `-t TEXT` runs only those whose id or title has the text.
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const args = process.argv.slice(2);
const at = args.indexOf('-t');
const filter = at === -1 ? [] : args.splice(at, 2);
const files = args.map((file) => resolve(file)).join('\n');
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
const words = ['run', '--project', 'e2e*', 'test/e2e/scenarios.test.ts', '--reporter=verbose'];
const child = spawn(process.execPath, [vitest, ...words, ...filter], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, ...(files === '' ? {} : { NETORCH_SCENARIOS: files }) },
});
child.once('close', (code) => {
  process.exitCode = code ?? 1;
});
