/** What the way back reads in its folder: the same at the end of a transaction and at a boot. */
import type { EnsureScripts } from '../backends/ensure.js';
import { fileOf, runtimeScript } from './bundle.js';
import { canonicalSedScript } from './canonical.js';

/** `resolvConf`: the raw resolv.conf as it is to be. */
export function restoreFiles(
  scripts: Omit<EnsureScripts, 'modules'>,
  resolvConf: string,
): Readonly<Record<string, string>> {
  return {
    'runtime.sh': runtimeScript(),
    'canonical.sed': canonicalSedScript(),
    'restore.sh': scripts.restore,
    baseline: fileOf(scripts.baseline),
    recipes: fileOf(scripts.recipes),
    absent: fileOf(scripts.absent),
    removals: fileOf(scripts.removals),
    removals6: fileOf(scripts.removals6),
    'scope-devices': fileOf([scripts.scopeDevices]),
    'resolv.baseline': resolvConf,
  };
}
