/** What the way back reads in its folder: the same at the end of a transaction and at a boot. */
import type { EnsureScripts } from '../backends/ensure.js';
import { fileOf, runtimeScript } from './bundle.js';
import { canonicalSedScript } from './canonical.js';

/** `resolvConf`: the raw resolv.conf as it is to be. */
export function restoreFiles(
  scripts: Omit<EnsureScripts, 'modules' | 'linkRewrites'> &
    Partial<Pick<EnsureScripts, 'linkRewrites'>>,
  resolvConf: string,
): Readonly<Record<string, string>> {
  return {
    'runtime.sh': runtimeScript(),
    'canonical.sed': canonicalSedScript(scripts.linkRewrites),
    'restore.sh': scripts.restore,
    links: fileOf(scripts.links),
    groups: fileOf(scripts.groups),
    baseline: fileOf(scripts.baseline),
    recipes: fileOf(scripts.recipes),
    ...absentFiles(scripts.absent),
    removals: fileOf(scripts.removals),
    removals6: fileOf(scripts.removals6),
    'scope-devices': fileOf([scripts.scopeDevices]),
    'resolv.baseline': resolvConf,
  };
}

/**
 * What must not be there: most of it says a whole beginning of a line, which a table finds, however many there are;
 * the rest are extended regular expressions.
 */
function absentFiles(patterns: readonly string[]): Readonly<Record<string, string>> {
  const words: string[] = [];
  const others: string[] = [];
  for (const pattern of patterns) {
    const found = /^\^((?:link|addr) (?:[^\\.[\]{}()*+?^$|]|\\.)+) $/.exec(pattern)?.[1];
    if (found === undefined) others.push(pattern);
    else words.push(found.replace(/\\(.)/g, '$1'));
  }
  return { 'absent.words': fileOf(words), absent: fileOf(others) };
}
