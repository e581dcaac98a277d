// `npm run bench:fleet -- [--hosts 1000] [--ui lines,tui] [--real] [--forks N] [--max-startups 10:30:100]`:
// the controller against many hosts. The hosts are addresses 127.x.y.z of one real sshd in a network namespace
// of its own (root is needed): all of them are that namespace, and have nothing to do; or with --real each is a
// pair of namespaces of its own, in which a bridge is made, in a transaction as on any host. Wall time, CPU time
// and memory of the controller's process and the longest stall of its event loop are printed. Nothing fails for
// being slow; a host that does not end as it should fails.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { LoopbackFleet, enterNamespace } from './bench/loopback-fleet.js';
import { NetorchProcess } from './bench/netorch-process.js';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    ui: { type: 'string', default: 'lines,tui' },
    real: { type: 'boolean', default: false },
    forks: { type: 'string' },
    'max-startups': { type: 'string', default: '10:30:100' },
    deadline: { type: 'string', default: '60' },
    keep: { type: 'boolean', default: false },
  },
});
const PORT = 2222;
const count = Number(values.hosts);
await enterNamespace();

const folder = mkdtempSync(join(tmpdir(), 'netorch-bench-'));
const fleet = new LoopbackFleet(folder, count);
const netorch = new NetorchProcess(folder);
const sshd = fleet.startSshd({
  port: PORT,
  maxStartups: values['max-startups'],
  isReal: values.real,
});
if (values.real) fleet.startNamespaces();
const inventory = fleet.writeInventory(PORT);
const made = { name: 'br-bench', type: 'linux-bridge', state: 'up' };
fleet.file(
  'play.json',
  JSON.stringify([
    {
      name: 'all at once',
      hosts: 'all',
      network: { interfaces: [values.real ? made : { name: 'lo', state: 'up' }] },
    },
  ]),
);
await delay(500);

const rows = [];
let isGood = true;
async function measure(name, args, onTerminal, expected) {
  const load = loadavg()[0];
  const before = sshd.refused;
  const forks = values.forks === undefined ? [] : ['--forks', values.forks];
  const result = await netorch.run([...args, '-i', inventory, ...forks], { onTerminal });
  const good = result.code === expected;
  isGood &&= good;
  rows.push({
    what: name,
    'wall s': (result.wallMs / 1000).toFixed(1),
    'CPU s': (result.cpuMs / 1000).toFixed(1),
    'CPU ms/host': (result.cpuMs / count).toFixed(1),
    'peak MiB': (result.maxRSS / 1024).toFixed(0),
    'stall max ms': result.stallMs.toFixed(0),
    'stall p99 ms': result.stall99Ms.toFixed(0),
    'KiB written': (result.bytes / 1024).toFixed(0),
    'refused by sshd': sshd.refused - before,
    'load at start': load.toFixed(1),
    'exit code': good ? result.code : `${result.code}, not ${expected}`,
  });
  if (!good) process.stderr.write(`${name}:\n${result.text}\n`);
}

try {
  if (!values.real) await measure('plan', ['plan', 'play.json'], false, 0);
  for (const ui of values.ui.split(',')) {
    const args = ['apply', 'play.json', '--ui', ui];
    if (values.real) args.push('--temporary', '--deadline', values.deadline);
    await measure(`apply, ${ui}`, args, ui === 'tui', 0);
    // So that the next one has the same to do.
    if (values.real && ui !== values.ui.split(',').at(-1)) {
      // In a namespace nothing can be made persistent.
      await measure('rollback', ['rollback', 'last', '--ui', 'lines'], false, 5);
    }
  }
} finally {
  process.stdout.write(
    `${count} hosts${values.real ? ', each with namespaces of its own' : ''}; ${cpus().length} CPUs (${cpus()[0]?.model}), Node ${process.version}, MaxStartups ${values['max-startups']}\n`,
  );
  console.table(rows);
  if (values.keep) process.stdout.write(`${folder}\n`);
  else rmSync(folder, { recursive: true, force: true });
}
// The namespace of processes ends with this one, and sshd and the hosts with it.
process.exit(isGood ? 0 : 1);
