// netorch bundled from its sources with simulated hosts in the place of the transports: dist/simulation/.
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bundle = join(root, 'dist', 'simulation');

/** Module of the program → what stands in for it. */
const REPLACED = new Map([
  ['src/transport/transports.ts', 'test/bench/simulated-transport.ts'],
  ['node:timers/promises', 'test/bench/timers-promises.ts'],
]);

const replace = {
  name: 'replace',
  resolveId(source, importer) {
    const file =
      source.startsWith('.') && importer !== undefined
        ? relative(root, resolve(dirname(importer), source)).replace(/\.js$/, '.ts')
        : source;
    const other = REPLACED.get(file);
    return other === undefined ? null : join(root, other);
  },
};

/** Modules find what lies beside them where it lies. */
const stayInPlace = {
  name: 'stay-in-place',
  transform(code, id) {
    if (!id.startsWith(root) || id.includes(`${sep}node_modules${sep}`)) return null;
    const place = JSON.stringify(relative(bundle, id).split(sep).join('/'));
    return code
      .replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`)
      .replaceAll('import.meta.dirname', JSON.stringify(dirname(id)));
  },
};

/** Gives the file to run. */
export async function bundleSimulation() {
  const build = await rolldown({
    input: join(root, 'test', 'bench', 'simulated-netorch.ts'),
    platform: 'node',
    external: [/^ssh2(\/|$)/, 'cpu-features', 'react-devtools-core'],
    resolve: { extensionAlias: { '.js': ['.ts', '.tsx', '.js'] } },
    plugins: [replace, stayInPlace],
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    logLevel: 'warn',
  });
  await build.write({ dir: bundle, format: 'esm', minify: false });
  await build.close();
  return join(bundle, 'simulated-netorch.js');
}
