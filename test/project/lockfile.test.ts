/** The lockfile: bound to no registry, and to no licence that would bind who uses netorch. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

type Locked = Readonly<{
  resolved?: string;
  integrity?: string;
  license?: string;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
}>;

const packages = Object.entries(
  (JSON.parse(read('package-lock.json')) as { packages: Record<string, Locked> }).packages,
).filter(([path]) => path !== '');

const ALLOWED = new Set([
  'MIT',
  'ISC',
  '0BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'Apache-2.0',
  'Unlicense',
  '(MIT OR CC0-1.0)',
]);

/** The licence of an installed package that does not say it in the lockfile (the old `licenses` form). */
function installedLicence(path: string): string {
  const { licenses } = JSON.parse(read(`${path}/package.json`)) as {
    licenses?: readonly { type: string }[];
  };
  return licenses?.map((licence) => licence.type).join(' AND ') ?? 'unknown';
}

test('the lockfile names no registry', () => {
  expect(packages.filter(([, locked]) => locked.resolved !== undefined)).toEqual([]);
  expect(read('.npmrc')).toContain('omit-lockfile-registry-resolved=true');
});

test('every package is locked to its contents', () => {
  expect(packages.filter(([, locked]) => locked.integrity === undefined)).toEqual([]);
});

test('what netorch is installed with may be used by everybody', () => {
  const runtime = packages.filter(
    ([, locked]) => locked.dev !== true && locked.devOptional !== true,
  );
  expect(runtime.length).toBeGreaterThan(20);
  const refused = runtime
    .map(([path, locked]) => [path, locked.license ?? installedLicence(path)] as const)
    .filter(([, licence]) => !ALLOWED.has(licence));
  expect(refused).toEqual([]);
});
