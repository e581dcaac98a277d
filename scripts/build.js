// Compiles src/ to dist/ and copies what is not TypeScript: the agents' and the lab's scripts.
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');

rmSync(dist, { recursive: true, force: true });
execFileSync(
  process.execPath,
  [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'tsconfig.build.json')],
  {
    stdio: 'inherit',
  },
);
for (const folder of ['agents', 'lab']) {
  for (const entry of readdirSync(join(root, 'src', folder), { withFileTypes: true })) {
    if (entry.isDirectory() || entry.name.endsWith('.sh')) {
      cpSync(join(root, 'src', folder, entry.name), join(dist, folder, entry.name), {
        recursive: true,
      });
    }
  }
}
