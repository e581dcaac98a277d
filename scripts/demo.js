// The demonstration: a lab of real hosts behind a real switch, a network rolled out to all of them, and
// hosts with a wrong VLAN that come back. Exits non-zero when anything is not as it should be.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { formatError, NetorchError } from '../dist/errors.js';
import { Lab } from '../dist/lab/lab.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const cli = join(root, 'bin', 'netorch.js');
const hosts = ['h1', 'h2', 'h3', 'h4'].map((name) => ({ name, init: 'minimal' }));

const started = performance.now();
const seconds = () => `${((performance.now() - started) / 1000).toFixed(0)} s`;
const failures = [];

function say(text) {
  process.stdout.write(`\n=== ${text}\n\n`);
}

function check(good, text) {
  process.stdout.write(`${good ? 'ok  ' : 'BAD '} ${text}\n`);
  if (!good) failures.push(text);
}

/** Runs netorch as a user does, on this very terminal. */
function netorch(cwd, ...args) {
  process.stdout.write(`$ netorch ${args.join(' ')}\n`);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [cli, ...args], { cwd, stdio: 'inherit' });
    // Ctrl-C reaches the child too, which ends its run in good order first.
    child.on('error', reject);
    child.on('exit', (code) => resolve(code));
  });
}

/** What a host's network is, read over its console, not over the network under test. */
async function truth(lab, host) {
  const { stdout } = await lab.console(
    host,
    'ip -d -br link | sed "s/,LOWER_UP//; s/NO-CARRIER,//"; ip -br addr | grep -v eth0; ip route; ip rule',
  );
  return stdout;
}

async function demo(lab, project) {
  writeFileSync(
    join(project, 'netorch.yml'),
    'inventory: inventory\nplaybook: playbooks/storage-network.yml\n',
  );
  mkdirSync(join(project, 'inventory', 'host_vars'), { recursive: true });
  symlinkSync(lab.inventoryPath, join(project, 'inventory', 'lab.yml'));
  symlinkSync(join(root, 'playbooks'), join(project, 'playbooks'));
  const setVariables = (host, text) =>
    writeFileSync(join(project, 'inventory', 'host_vars', `${host}.yml`), text);

  say(`1. The plan: bond of eth3 and eth4 (LACP) -> VLAN 100 -> bridge, MTU 9000  [${seconds()}]`);
  setVariables(
    'h4',
    '# The mistake of this demonstration: the switch does not carry VLAN 200 to anywhere.\nstorage_vlan: 200\n',
  );
  check(
    (await netorch(project, 'plan', '--hosts', 'h1')) === 2,
    'plan: there are changes (exit code 2)',
  );

  say(`2. Rolling out to cluster1; h4 was given a wrong VLAN  [${seconds()}]`);
  const before = await truth(lab, 'h4');
  const first = await netorch(project, 'apply', '--hosts', 'cluster1', '--deadline', '20s');
  check(first === 3, 'apply: some rolled back (exit code 3)');
  check((await truth(lab, 'h4')) === before, 'h4 is exactly what it was, seen from its console');

  say(`3. The mistake is mended, and the same again  [${seconds()}]`);
  setVariables('h4', 'storage_vlan: 100\n');
  check(
    (await netorch(project, 'apply', '--hosts', 'cluster1')) === 0,
    'apply: all good (exit code 0)',
  );
  check(
    (await netorch(project, 'plan', '--hosts', 'cluster1')) === 0,
    'plan: nothing left to do (exit code 0)',
  );
  for (const [from, to] of [
    ['h1', 2],
    ['h2', 3],
    ['h3', 4],
    ['h4', 1],
  ]) {
    const ping = await lab.console(
      from,
      `ping -M do -s 8972 -c 2 -i 0.2 -W 2 -q 10.100.0.${10 + to}`,
    );
    check(ping.code === 0, `${from} reaches h${to} through the switch with 9000-byte packets`);
  }

  say(
    `4. h4's management moves onto a VLAN that leads nowhere: cut off, it comes back by itself  [${seconds()}]`,
  );
  setVariables('h4', 'storage_vlan: 100\nmanagement_vlan: 200\n');
  const beforeCut = await truth(lab, 'h4');
  const cut = await netorch(project, 'apply', 'playbooks/management-vlan.yml', '--hosts', 'h4');
  check(cut === 3, 'apply: rolled back (exit code 3)');
  check((await truth(lab, 'h4')) === beforeCut, 'h4 is exactly what it was, seen from its console');
  check(
    (await netorch(project, 'status', '--hosts', 'cluster1')) === 0,
    'status: no open transaction anywhere',
  );
}

// Under /tmp by name: the paths of Unix sockets in it must be short.
const work = mkdtempSync(join(tmpdir(), 'netorch-demo-'));
const project = join(work, 'project');
mkdirSync(project);
let lab;
const abort = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // The lab is taken down in `finally`, once the command under way has ended.
    abort.abort();
    failures.push(`interrupted by ${signal}`);
  });
}
try {
  say(
    'Bringing up four hosts and a switch (the first time this makes their disk image: a minute or two)',
  );
  lab = await Lab.up({
    dir: join(work, 'lab'),
    hosts,
    progress: (line) => process.stdout.write(`${line}\n`),
    signal: abort.signal,
  });
  await demo(lab, project);
} catch (error) {
  const text =
    error instanceof NetorchError ? formatError(error) : `unexpected: ${error?.message ?? error}`;
  process.stderr.write(`${text}\n`);
  failures.push(text);
} finally {
  await lab?.down();
  rmSync(work, { recursive: true, force: true });
}
say(
  failures.length === 0
    ? `All as it should be, in ${seconds()}.`
    : `${failures.length} not as it should be:\n${failures.map((text) => `  - ${text}`).join('\n')}`,
);
process.exitCode = failures.length === 0 ? 0 : 1;
