// shellcheck and shfmt over every shell script under src/, .ci/ and vagrant/. Where the two are not installed it
// says so and passes, but with NETORCH_REQUIRE_LAB=1 it fails.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const isRequired = process.env['NETORCH_REQUIRE_LAB'] === '1';

/** Files named *.sh, and those that begin like a shell script. */
function shellScripts(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(
      (file) => file.endsWith('.sh') || /^#!\/bin\/(ba)?sh\b/.test(readFileSync(file, 'utf8')),
    )
    .map((file) => relative(root, file))
    .toSorted();
}

const files = ['src', '.ci', 'vagrant'].flatMap(shellScripts);
const isBash = (file) => readFileSync(join(root, file), 'utf8').startsWith('#!/bin/bash');
const bash = files.filter(isBash);
const posix = files.filter((file) => !isBash(file));
const runs = [
  ['shellcheck', '--severity=warning', '--shell=sh', ...posix],
  ['shellcheck', '--severity=warning', '--shell=bash', ...bash],
  // Two spaces in the lab's scripts; tabs in what is shipped to hosts, where they are fewer bytes.
  ['shfmt', '-ln', 'posix', '-d', ...posix.filter((file) => file.startsWith('src/agents/'))],
  [
    'shfmt',
    '-ln',
    'posix',
    '-i',
    '2',
    '-d',
    ...posix.filter((file) => !file.startsWith('src/agents/')),
  ],
  ['shfmt', '-ln', 'bash', '-i', '2', '-d', ...bash],
];

let failed = false;
const missing = new Set();
for (const [program, ...args] of runs) {
  const { error, status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (error?.code === 'ENOENT') missing.add(program);
  else if (error !== undefined || status !== 0) failed = true;
}
for (const program of missing) {
  const words = isRequired ? 'is needed here' : 'shell scripts were NOT checked with it';
  process.stdout.write(`${program} is not installed (apt-get install ${program}): ${words}\n`);
}
if (failed || (isRequired && missing.size > 0)) process.exitCode = 1;
