/** Who may import whom is enforced: each folder is in the table, and the table bites. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'netorch-boundaries-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('every folder of src has its entry', () => {
  const rules = readFileSync(join(root, '.oxlintrc.json'), 'utf8');
  const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  expect(folders.filter((name) => !rules.includes(`"files": ["src/${name}/**"]`))).toEqual([]);
});

/** Each in a file of its own; all are looked at in one go. */
const FORBIDDEN: readonly (readonly [file: string, statement: string])[] = [
  ['src/errors.ts', "import './version.js';"],
  ['src/config/a.ts', "import 'node:fs/promises';"],
  ['src/network/a.ts', "import '../transport/transport.js';"],
  ['src/inventory/a.ts', "import 'node:fs';"],
  ['src/plan/a.ts', "import type { X } from '../ui/app.js';"],
  ['src/plan/b.ts', 'export const at = Date.now();'],
  ['src/plan/c.ts', 'export const chance = Math.random();'],
  ['src/plan/d.ts', 'export const home = process.env;'],
  ['src/backends/a.ts', "import '../transport/transport.js';"],
  ['src/agents/a.ts', "import 'node:fs';"],
  ['src/agents/b.ts', "import '../run/run.js';"],
  ['src/diagnosis/a.ts', "import '../run/run.js';"],
  ['src/transport/a.ts', "import '../run/run.js';"],
  ['src/run/a.ts', "import '../transport/ssh2-transport.js';"],
  ['src/run/b.ts', "import 'ssh2';"],
  ['src/ui/a.ts', "import '../run/run.js';"],
  ['src/ui/b.ts', "import { mountApp } from './app.js';\nmountApp();"],
  ['src/ui/c.ts', "export const app = await import('./app.js');"],
  ['src/ui/d.ts', "import { Text } from 'ink';\nText();"],
  ['src/ui/app.tsx', "import { useInput } from 'ink';\nuseInput();"],
  ['src/lab/a.ts', "import '../run/run.js';"],
  ['src/commands/a.ts', "import 'ssh2';"],
  ['src/cli.ts', "import './plan/plan.js';"],
];

const ALLOWED: readonly (readonly [file: string, statement: string])[] = [
  ['src/inventory/sources.ts', "import 'node:fs/promises';"],
  ['src/plan/e.ts', "import '../network/state.js';"],
  ['src/run/c.ts', "import '../transport/transport.js';"],
  ['src/ui/e.ts', "import type { X } from './app.js';"],
  ['src/ui/use-keys.ts', "import { Text } from 'ink';\nText();"],
  ['src/commands/b.ts', "import '../lab/lab.js';"],
];

let findings: readonly string[] = [];

beforeAll(() => {
  writeFileSync(join(folder, '.oxlintrc.json'), readFileSync(join(root, '.oxlintrc.json')));
  for (const [file, statement] of [...FORBIDDEN, ...ALLOWED]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${statement}\n`);
  }
  const oxlint = join(root, 'node_modules', '.bin', 'oxlint');
  const { stdout } = spawnSync(oxlint, ['--format', 'unix'], { cwd: folder, encoding: 'utf8' });
  findings = stdout.split('\n').filter((line) => line.includes('no-restricted-'));
});

const of = (file: string) => findings.filter((line) => line.startsWith(`${file}:`));

test.each(FORBIDDEN)('in %s it is refused to write: %s', (file) => {
  expect(of(file)).not.toEqual([]);
});

test.each(ALLOWED)('in %s it is allowed to write: %s', (file) => {
  expect(of(file)).toEqual([]);
});
