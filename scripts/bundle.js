// dist/bundle/: the program in a few files. Node takes a millisecond and more to load each module, and there are
// hundreds: in one piece the program starts in less than half the time, with each TAB of a completion, too.
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

import { rolldown } from 'rolldown';

/** Loaded from node_modules when they are wanted: native or with files of their own, and a tool for developers. */
const EXTERNAL = [/^ssh2(\/|$)/, 'cpu-features', 'react-devtools-core'];

/** Modules look for what lies beside them: their place stays that in `dist`. */
const stayInPlace = (dist, bundle) => ({
  name: 'stay-in-place',
  transform(code, id) {
    if (!id.startsWith(dist + sep) || !code.includes('import.meta.url')) return null;
    const place = JSON.stringify(relative(bundle, id).split(sep).join('/'));
    return code.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`);
  },
});

/** Bundles `dist`/cli.js, with the licences of the packages that it takes in. */
export async function bundleProgram(dist) {
  const bundle = join(dist, 'bundle');
  const build = await rolldown({
    input: join(dist, 'cli.js'),
    platform: 'node',
    external: EXTERNAL,
    plugins: [stayInPlace(dist, bundle)],
    // React's development build takes more time and memory, and is as large again.
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
    logLevel: 'warn',
  });
  const { output } = await build.write({ dir: bundle, format: 'esm', minify: false });
  await build.close();
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  writeFileSync(join(bundle, 'LICENSES.txt'), licences(modules));
}

function licences(modules) {
  const folders = new Set(modules.map(packageFolder).filter((folder) => folder !== undefined));
  return [...folders]
    .toSorted()
    .map((folder) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      );
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
      return `${name} ${version} (${license})\n\n${text}`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** Of a module in node_modules: the folder with the name of its package. */
function packageFolder(module) {
  if (!module.includes(`${sep}node_modules${sep}`)) return undefined;
  for (let folder = dirname(module); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name !== undefined)
      return folder;
  }
  return undefined;
}
