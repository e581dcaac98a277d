// Compiles src/ to dist/, copies what is not TypeScript (the agents' and the lab's scripts), and bundles the program.
// dist/ is replaced in one step at the end, so a build that fails leaves the former one in place.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bundleProgram } from './bundle.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const fresh = mkdtempSync(join(root, 'dist.new-'));

try {
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const project = join(root, 'tsconfig.build.json');
  execFileSync(process.execPath, [compiler, '-p', project, '--outDir', fresh], {
    stdio: 'inherit',
  });
  for (const folder of ['agents', 'lab']) {
    for (const entry of readdirSync(join(root, 'src', folder), { withFileTypes: true })) {
      if (!entry.isDirectory() && !entry.name.endsWith('.sh')) continue;
      const from = join(root, 'src', folder, entry.name);
      cpSync(from, join(fresh, folder, entry.name), { recursive: true });
    }
  }
  await bundleProgram(fresh);
  const old = `${fresh}.old`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
} catch (error) {
  rmSync(fresh, { recursive: true, force: true });
  // The compiler has said what is wrong.
  process.exitCode = error.status ?? 1;
  if (error.status === undefined) process.stderr.write(`the build failed: ${error.message}\n`);
}
