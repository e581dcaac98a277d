// `npm run bench:plan`: the planner alone. Hosts of twenty interfaces each (4 NICs, 2 bonds, 7 VLANs, 7
// bridges), from bare NICs to all of that with addresses and routes, and from there to a change of every
// part of it; no host's plan is that of another one. CPU time and memory of 1,000 and of 10,000 hosts
// (or --hosts A,B), and how they grow. Results are printed; nothing fails for being slow.
//   --dist DIR   another build than this one's, to set two side by side
import { cpus, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000,10000' },
    dist: { type: 'string', default: fileURLToPath(new URL('../dist', import.meta.url)) },
  },
});
const load = (module) => import(pathToFileURL(resolve(values.dist, module)).href);
const { planHost } = await load('plan/plan-host.js');
const { iproute2Scripts } = await load('backends/backend.js');
const { interfaceMap } = await load('network/state.js');

const nic = (name, index) => ({
  name,
  up: true,
  mac: `52:54:00:00:00:0${index}`,
  mtu: 1500,
  controller: undefined,
  ipv4: { enabled: false, addresses: [] },
  ipv6: { enabled: true, addresses: [] },
  link: { kind: 'ethernet' },
  facts: {
    index,
    carrier: true,
    permanentMac: `52:54:00:00:00:0${index}`,
    minMtu: 68,
    maxMtu: 9216,
    altNames: [],
    dynamicAddresses: [],
    owner: undefined,
    attachments: [],
  },
});
const bare = {
  interfaces: interfaceMap([1, 2, 3, 4].map((index) => nic(`eth${index}`, index))),
  routes: [],
  rules: [],
  dns: { servers: [], search: [], options: [] },
  hostname: 'h',
};

/**
 * What a host shall be, as the parser would give it: the planner's own input. Key by key, as the parser
 * does: V8 gives each object that is spread from another and then gets further keys a hidden class of its
 * own, which the parser's do not have.
 */
function desired(host, mtu) {
  const address = (index) => ({
    enabled: true,
    addresses: [{ ip: `10.${host >> 8}.${host & 255}.${index * 8 + 1}`, prefixLength: 29 }],
  });
  const bonds = [0, 1].map((index) => ({
    name: `bond${index}`,
    kind: 'bond',
    state: 'up',
    locations: new Map(),
    mtu,
    bond: {
      mode: '802.3ad',
      options: { miimon: '100', lacp_rate: 'fast' },
      ports: [`eth${index * 2 + 1}`, `eth${index * 2 + 2}`],
    },
  }));
  const seven = [0, 1, 2, 3, 4, 5, 6];
  const vlans = seven.map((index) => ({
    name: `bond${index % 2}.${100 + index}`,
    kind: 'vlan',
    state: 'up',
    locations: new Map(),
    mtu,
    vlan: { base: `bond${index % 2}`, id: 100 + index },
  }));
  const bridges = seven.map((index) => ({
    name: `br${index}`,
    kind: 'linux-bridge',
    state: 'up',
    locations: new Map(),
    mtu,
    ipv4: address(index),
    bridge: {
      options: { stp_state: '0' },
      ports: [{ name: `bond${index % 2}.${100 + index}` }],
    },
  }));
  return {
    interfaces: [...bonds, ...vlans, ...bridges],
    routes: [
      {
        absent: false,
        family: 'ipv4',
        destination: '0.0.0.0/0',
        nextHopInterface: 'br0',
        nextHopAddress: `10.${host >> 8}.${host & 255}.2`,
      },
    ],
    rules: [],
    dns: undefined,
  };
}

const observation = (state) => ({ state, ssh: undefined, resolvedOwnsDns: false });

function measure(what, count, act) {
  globalThis.gc?.();
  const memory = process.memoryUsage().heapUsed;
  const wall = performance.now();
  const cpu = process.cpuUsage();
  const kept = act(count);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (user + system) / 1e6;
  globalThis.gc?.();
  const heap = (process.memoryUsage().heapUsed - memory) / 2 ** 20;
  console.log(
    [
      what.padEnd(34),
      `${count} hosts`.padStart(12),
      `${seconds.toFixed(2)} s CPU`.padStart(14),
      `${((performance.now() - wall) / 1000).toFixed(2)} s`.padStart(10),
      `${((seconds / count) * 1e6).toFixed(0)} µs a host`.padStart(18),
      `${heap.toFixed(0)} MiB kept`.padStart(15),
    ].join(''),
  );
  return { kept, seconds };
}

console.log(
  `${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} CPUs, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
);
const counts = values.hosts.split(',').map(Number);
const totals = new Map();
for (const count of counts) {
  const numbers = Array.from({ length: count }, (_, index) => index);
  const first = measure('from bare NICs, with merging', count, () =>
    numbers.map((host) => planHost(`h${host}`, observation(bare), desired(host, 1500))),
  );
  const second = measure('another MTU for all of it', count, () =>
    numbers.map((host) =>
      planHost(`h${host}`, observation(first.kept[host].target), desired(host, 9000)),
    ),
  );
  measure('nothing to do', count, () =>
    numbers.map(
      (host) =>
        planHost(`h${host}`, observation(first.kept[host].target), desired(host, 1500)).changes
          .length,
    ),
  );
  measure('command lines and the way back', count, () =>
    numbers.map(
      (host) =>
        iproute2Scripts({ plan: second.kept[host], observed: first.kept[host].target, lines: [] })
          .apply.length,
    ),
  );
  const operations = first.kept
    .concat(second.kept)
    .reduce(
      (sum, plan) => sum + plan.changes.reduce((all, one) => all + one.operations.length, 0),
      0,
    );
  console.log(`${operations} operations planned`);
  totals.set(count, first.seconds);
}
const [small, large] = counts;
if (small !== undefined && large !== undefined) {
  const growth = totals.get(large) / totals.get(small);
  console.log(`${large / small} times the hosts take ${growth.toFixed(1)} times the CPU`);
}
