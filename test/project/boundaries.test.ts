/** Who may import whom is enforced: each folder is in the table, and the table bites. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

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

const FORBIDDEN: readonly (readonly [file: string, statement: string])[] = [
  ['src/errors.ts', "import './version.js';"],
  ['src/config/x.ts', "import 'node:fs/promises';"],
  ['src/network/x.ts', "import '../transport/transport.js';"],
  ['src/inventory/x.ts', "import 'node:fs';"],
  ['src/plan/x.ts', "import type { X } from '../ui/app.js';"],
  ['src/plan/x.ts', 'export const at = Date.now();'],
  ['src/plan/x.ts', 'export const chance = Math.random();'],
  ['src/backends/x.ts', "import '../transport/transport.js';"],
  ['src/agents/x.ts', "import 'node:fs';"],
  ['src/agents/x.ts', "import '../run/run.js';"],
  ['src/transport/x.ts', "import '../run/run.js';"],
  ['src/run/x.ts', "import '../transport/ssh2-transport.js';"],
  ['src/run/x.ts', "import 'ssh2';"],
  ['src/ui/x.ts', "import '../run/run.js';"],
  ['src/ui/x.ts', "import { mountApp } from './app.js';\nmountApp();"],
  ['src/ui/x.ts', "import 'ink';"],
  ['src/ui/app.tsx', "import { useInput } from 'ink';\nuseInput();"],
  ['src/lab/x.ts', "import '../run/run.js';"],
  ['src/commands/x.ts', "import 'ssh2';"],
  ['src/cli.ts', "import './plan/plan.js';"],
];

const ALLOWED: readonly (readonly [file: string, statement: string])[] = [
  ['src/inventory/sources.ts', "import 'node:fs/promises';"],
  ['src/plan/x.ts', "import '../network/state.js';"],
  ['src/run/x.ts', "import '../transport/transport.js';"],
  ['src/ui/x.ts', "import type { X } from './app.js';"],
  ['src/ui/app.tsx', "import { Text } from 'ink';\nText();"],
  ['src/commands/x.ts', "import '../lab/lab.js';"],
];

test.each(FORBIDDEN)('in %s it is refused to write: %s', (file, statement) => {
  expect(lint(file, statement)).toMatch(/no-restricted-(imports|properties)/);
});

test.each(ALLOWED)('in %s it is allowed to write: %s', (file, statement) => {
  expect(lint(file, statement)).not.toMatch(/no-restricted/);
});

function lint(file: string, text: string): string {
  const path = join(folder, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(join(folder, '.oxlintrc.json'), readFileSync(join(root, '.oxlintrc.json')));
  writeFileSync(path, `${text}\n`);
  const oxlint = join(root, 'node_modules', '.bin', 'oxlint');
  const { stdout } = spawnSync(oxlint, ['--format', 'unix', file], {
    cwd: folder,
    encoding: 'utf8',
  });
  rmSync(path);
  expect(stdout).toMatch(/problem|^$/);
  return stdout;
}
