// `npm run bench:probes -- [--hosts 8,50,200] [--mesh 8,50] [--forks N]`: what probes cost. Each host is a pair of namespaces on
// one segment, reached by a real sshd (root is needed), and gets an address there in a whole transaction: without probes, with
// a ping of its neighbour, and where --mesh says so with a mesh over all. Wall time, CPU time of the controller, logins.
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { LoopbackFleet, enterNamespace } from './bench/loopback-fleet.js';
import { NetorchProcess } from './bench/netorch-process.js';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '8,50,200' },
    mesh: { type: 'string', default: '8,50' },
    forks: { type: 'string', default: '16' },
    deadline: { type: 'string', default: '120' },
  },
});
const numbers = (text) => text.split(',').map(Number);
const counts = numbers(values.hosts);
const meshes = new Set(numbers(values.mesh));
await enterNamespace();

const PORT = 2222;
const folder = mkdtempSync(join(tmpdir(), 'netorch-bench-'));
const fleet = new LoopbackFleet(folder, Math.max(...counts));
const netorch = new NetorchProcess(folder);
const sshd = fleet.startSshd({ port: PORT, maxStartups: '200:30:400', isReal: true });
fleet.startNamespaces();
const addressOf = (index) => `10.100.${index >> 7}.${1 + (index & 127)}`;
fleet.joinSegment(addressOf, Math.max(...meshes));
const inventory = fleet.writeInventory(PORT);
const variables = fleet.file(
  'addresses.json',
  JSON.stringify({
    all: {
      hosts: Object.fromEntries(
        fleet.hosts.map(({ name }, index) => [
          name,
          {
            own: addressOf(index),
            // Of those that are there whatever the number of hosts: pairs.
            neighbour: addressOf(index ^ 1),
          },
        ]),
      ),
    },
  }),
);
const network = {
  interfaces: [
    {
      name: 'eth0',
      state: 'up',
      ipv4: { enabled: true, address: [{ ip: '{{ own }}', 'prefix-length': 16 }] },
    },
  ],
};
await delay(500);

const rows = [];
let isGood = true;
async function measure(what, count, probes) {
  const play = fleet.file(
    'play.json',
    JSON.stringify([{ name: what, hosts: 'all', network, probes }]),
  );
  const chosen = fleet.hosts.slice(0, count).map(({ name }) => name);
  const common = ['-i', inventory, '-i', variables, '--forks', values.forks, '--ui', 'lines'];
  const before = { accepted: sshd.accepted, load: loadavg()[0] };
  const result = await netorch.run([
    ...['apply', play, '--hosts', chosen.join(','), '--temporary', '--deadline', values.deadline],
    ...common,
  ]);
  isGood &&= result.code === 0;
  rows.push({
    what,
    hosts: count,
    'wall s': (result.wallMs / 1000).toFixed(1),
    'CPU s': (result.cpuMs / 1000).toFixed(1),
    logins: sshd.accepted - before.accepted,
    'load at start': before.load.toFixed(1),
    'exit code': result.code,
  });
  if (result.code !== 0) process.stderr.write(`${what}, ${count} hosts:\n${result.text}\n`);
  const undone = await netorch.run(['rollback', 'last', ...common]);
  // 5: nothing in these namespaces would bring it back at a boot.
  if (![0, 5].includes(undone.code)) process.stderr.write(`rollback:\n${undone.text}\n`);
}

try {
  for (const count of counts) {
    // First: with its only address, an interface loses the neighbours that it knows beforehand.
    if (meshes.has(count)) await measure('mesh', count, [{ mesh: '10.100.0.0/16' }]);
    await measure('no probe', count, []);
    await measure('ping of a neighbour', count, [{ ping: '{{ neighbour }}' }]);
  }
} finally {
  process.stdout.write(`${cpus().length} CPUs (${cpus()[0]?.model}), Node ${process.version}\n`);
  console.table(rows);
  rmSync(folder, { recursive: true, force: true });
}
// The namespace of processes ends with this one, and sshd and the hosts with it.
process.exit(isGood ? 0 : 1);
