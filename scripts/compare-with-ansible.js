/**
 * Differential test: inventories and patterns made at random are read by netorch and by the installed
 * Ansible, and the answers compared. What differs on purpose (docs/inventory.md) is counted by name;
 * anything else is printed, and the exit code is 1.
 *
 *   node scripts/compare-with-ansible.js [--cases N] [--seed N]
 *
 * Needs `dist` (npm run build) and ansible-core; without Ansible it says so and is skipped.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { generateCase, randomFrom } from './generate-inventory.js';

const { values: options } = parseArgs({
  options: {
    cases: { type: 'string', default: '400' },
    seed: { type: 'string', default: '20261121' },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
  },
});

/** What is refused on purpose, by the words of the error. */
const ON_PURPOSE = [
  ['a range that counts down is refused', /counts down/],
  ['"ungrouped" below another group is refused', /"ungrouped" cannot be a child/],
  ['a name with a colon that is no address is refused', /is no host name/],
  ['a name with "[" that is no range is refused', /is no range|has no "\]"/],
  ['a key given twice is refused', /is given twice/],
  ['a pattern that matches nothing is an error, also within a limit', /UNKNOWN_HOST/],
  ['a limit that leaves no host is an error', /NO_HOSTS/],
];

// Debian's packages belong to Debian's own Python, which need not be the first one.
const python = ['python3', '/usr/bin/python3'].find(
  (program) => spawnSync(program, ['-c', 'import ansible']).status === 0,
);
if (python === undefined) {
  console.log('SKIPPED compare-with-ansible: ansible-core is not installed');
  process.exit(0);
}

const load = (file) => import(join(options.dist, file));
const { loadInventory } = await load('inventory/sources.js');
const { inventoryList, sortedJson } = await load('inventory/inventory-json.js');
const { chooseHosts } = await load('commands/choose-hosts.js');

const oracle = spawn(python, [fileURLToPath(new URL('ansible-oracle.py', import.meta.url))], {
  stdio: ['pipe', 'pipe', 'inherit'],
  env: { ...process.env, ANSIBLE_CONFIG: join(tmpdir(), 'none.cfg'), HOME: tmpdir() },
});
const answers = createInterface({ input: oracle.stdout })[Symbol.asyncIterator]();
const ask = async (question) => {
  oracle.stdin.write(`${JSON.stringify(question)}\n`);
  const { value } = await answers.next();
  return JSON.parse(value);
};

const counts = { inventories: 0, refusedByBoth: 0, patterns: 0, answered: 0, ordersLeftOpen: 0 };
/** @type {Map<string, number>} */
const onPurpose = new Map();
let failures = 0;

function differ(what, details) {
  failures += 1;
  if (failures > 20) return;
  const { made, ...rest } = details;
  console.log(`DIFFERS ${what}\n${JSON.stringify(rest)}`);
  if (made === undefined) return;
  for (const { path, text } of made.files) console.log(`--- ${path}\n${text}`);
  console.log(`sources: ${made.sources.join(' ')}`);
}

/** Is this error of ours one that the documentation names? */
function isOnPurpose(message) {
  const found = ON_PURPOSE.find(([, words]) => words instanceof RegExp && words.test(message));
  if (found === undefined) return false;
  note(String(found[0]));
  return true;
}

function note(name) {
  onPurpose.set(name, (onPurpose.get(name) ?? 0) + 1);
}

const sorted = (list) => list.toSorted();

function comparePattern(name, { pattern, limit }, theirs, ours, sameOrder) {
  counts.patterns += 1;
  const where = { case: name, pattern, limit, theirs, ours };
  if ('error' in ours) {
    if (!('error' in theirs) && !isOnPurpose(ours.error)) differ('pattern refused by us', where);
  } else if ('error' in theirs) {
    differ('pattern refused by Ansible only', where);
  } else if (isDeepStrictEqual(ours.hosts, theirs.hosts)) {
    counts.answered += 1;
  } else {
    // Ansible walks sets of groups: with nested groups its order, and so a subscript, is by chance.
    if (!sameOrder && isDeepStrictEqual(sorted(ours.hosts), sorted(theirs.hosts))) {
      counts.ordersLeftOpen += 1;
    } else if (!sameOrder && /\[-?\d/.test(pattern + (limit ?? ''))) {
      counts.ordersLeftOpen += 1;
    } else {
      differ('hosts of a pattern', where);
    }
  }
}

async function compareCase(name, made) {
  const cwd = mkdtempSync(join(tmpdir(), 'netorch-compare-'));
  try {
    for (const { path, text, mode } of made.files) {
      mkdirSync(dirname(join(cwd, path)), { recursive: true });
      writeFileSync(join(cwd, path), text, { mode: mode ?? 0o644 });
    }
    const theirs = await ask({ cwd, sources: made.sources, patterns: made.patterns });
    counts.inventories += 1;
    let inventory;
    try {
      inventory = await loadInventory(made.sources, { cwd, playbookDir: cwd });
    } catch (error) {
      const { name: kind, message } = error;
      if (!kind.startsWith('NetorchError')) throw error;
      if ('error' in theirs) counts.refusedByBoth += 1;
      else if (!isOnPurpose(message)) differ('refused by us', { name, made, message });
      return;
    }
    if ('error' in theirs) return differ('refused by Ansible only', { name, made, theirs });
    if (inventory.groups.get('ungrouped').ownHosts.some((host) => inventory.groups.has(host))) {
      note('an ungrouped host that is named like a group is kept (Ansible loses it)');
      return;
    }
    if (inventory.groups.get('ungrouped').children.length > 0) {
      note('members of groups below "ungrouped" are members of it (in Ansible by chance)');
      return;
    }
    const list = JSON.parse(sortedJson(inventoryList(inventory)));
    if (!isDeepStrictEqual(list, theirs.list)) {
      differ('list', { name, made, ...firstDifference(list, theirs.list) });
    }
    let sameOrder = true;
    for (const [group, { hosts, depth, priority }] of Object.entries(theirs.groups)) {
      const own = inventory.groups.get(group);
      if (!isDeepStrictEqual(own?.hosts, hosts)) sameOrder = false;
      const [ours, wanted] = [sorted(own?.hosts ?? []), sorted(hosts)];
      if (own?.depth !== depth || own.priority !== priority || !isDeepStrictEqual(ours, wanted)) {
        differ('group', { name, made, group, own, hosts, depth, priority });
      }
    }
    for (const [index, query] of made.patterns.entries()) {
      let ours;
      try {
        const { pattern: hosts, limit } = query;
        ours = { hosts: await chooseHosts(inventory, { hosts, limit, cwd }) };
      } catch (error) {
        if (!error.name.startsWith('NetorchError')) throw error;
        ours = { error: `${error.code}: ${error.message}` };
      }
      comparePattern(name, query, theirs.patterns[index], ours, sameOrder);
    }
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

/** The first place where two values differ, to be read by people. */
function firstDifference(ours, theirs, path = '') {
  const isMap = (value) => typeof value === 'object' && value !== null;
  if (!isMap(ours) || !isMap(theirs)) return { path, ours, theirs };
  for (const key of new Set([...Object.keys(ours), ...Object.keys(theirs)])) {
    if (!isDeepStrictEqual(ours[key], theirs[key])) {
      return firstDifference(ours[key], theirs[key], `${path}/${key}`);
    }
  }
  return { path, ours, theirs };
}

const random = randomFrom(Number(options.seed));
for (let index = 0; index < Number(options.cases); index += 1) {
  await compareCase(`#${index}`, generateCase(random));
}
oracle.stdin.end();
console.log(
  `seed ${options.seed}: ${counts.inventories} inventories (${counts.refusedByBoth} refused by both), ` +
    `${counts.patterns} pattern queries (${counts.answered} with the same hosts in the same order, ${counts.ordersLeftOpen} without their order, the rest refused)`,
);
for (const [name, count] of onPurpose) console.log(`on purpose, ${count} times: ${name}`);
console.log(failures === 0 ? 'no other difference' : `${failures} differences`);
process.exitCode = failures === 0 ? 0 : 1;
