// `npm run bench:scale -- [--hosts 1000,10000] [--ui lines,tui] [--seed 1] [--forks 50]`: the whole controller, from
// the inventory to the journal, over hosts that are simulated behind the transport's interface. Delays and failures
// are drawn with a seed (test/bench/simulated-hosts.ts); nobody waits for them (test/bench/skipped-time.ts), so that
// the wall time of a run is told as it would be, and takes as long as the controller computes. Nothing fails for
// being slow; a run that does not tell what became of every host fails.
//   --good     no host fails
//   --once     one wave
//   --small    hosts of two interfaces, not of some twenty
//   --prof X   cpu or heap: a profile of the controller, into this folder
//   --json F   the rows
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { bundleSimulation } from './bench/bundle-simulation.js';
import { NetorchProcess } from './bench/netorch-process.js';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    ui: { type: 'string', default: 'lines,tui' },
    seed: { type: 'string', default: '1' },
    forks: { type: 'string' },
    good: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    prof: { type: 'string' },
    json: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

const FATES = { refused: 0.005, lost: 0.001, slow: 0.01, rebooted: 0.002 };
const fates = values.good ? { refused: 0, lost: 0, slow: 0, rebooted: 0 } : FATES;
/** One host first, then ever more. */
const WAVES = [1, '1%', '10%', '25%'];
/** Good hosts, hosts that failed, and lost ones. */
const EXPECTED = new Set([0, 3, 4]);
const MIB = 2 ** 20;

const program = await bundleSimulation();

const prefixOf = (index) => `${10 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;

function project(folder, count) {
  const hosts = Array.from({ length: count }, (_, index) => [
    `host${String(index + 1).padStart(6, '0')}`,
    { ansible_host: `${prefixOf(index)}.130`, another: `${prefixOf(index)}.133` },
  ]);
  const inventory = { all: { vars: { ansible_user: 'root' }, hosts: Object.fromEntries(hosts) } };
  writeFileSync(join(folder, 'inventory.json'), JSON.stringify(inventory));
  const address = ['ansible_host', 'another'].map((name) => ({
    ip: `{{ ${name} }}`,
    'prefix-length': 25,
  }));
  const play = {
    name: 'a second address everywhere',
    hosts: 'all',
    ...(values.once ? {} : { serial: WAVES }),
    on_lost: 'continue',
    network: { interfaces: [{ name: 'eth4', ipv4: { enabled: true, address } }] },
  };
  writeFileSync(join(folder, 'play.json'), JSON.stringify([play]));
}

/** The journal's own last word, and its size. */
function journalOf(folder) {
  const runs = join(folder, 'state', 'netorch', 'runs');
  const [run] = readdirSync(runs).toSorted().slice(-1);
  const file = join(runs, run, 'events.jsonl');
  const size = statSync(file).size;
  const plan = statSync(join(runs, run, 'plan.json')).size;
  const text = readFileSync(file).subarray(-20_000).toString('utf8');
  const last = JSON.parse(text.trimEnd().split('\n').at(-1));
  return { size, plan, counts: last.counts ?? {}, durationMs: last.durationMs };
}

const rows = [];
async function measure(count, ui) {
  const folder = mkdtempSync(join(tmpdir(), 'netorch-scale-'));
  try {
    project(folder, count);
    const profile =
      values.prof === undefined
        ? []
        : [`--${values.prof}-prof`, `--${values.prof}-prof-dir=${process.cwd()}`];
    const netorch = new NetorchProcess(folder, {
      program: ['--expose-gc', ...profile, program],
      env: {
        NETORCH_SIMULATION: JSON.stringify({
          seed: Number(values.seed),
          fates,
          isSmall: values.small,
        }),
      },
    });
    const load = loadavg()[0];
    const forks = values.forks === undefined ? [] : ['--forks', values.forks];
    const args = ['apply', 'play.json', '-i', 'inventory.json', '--temporary', '--ui', ui];
    const result = await netorch.run([...args, ...forks], { onTerminal: ui === 'tui' });
    const journal = journalOf(folder);
    const told = Object.values(journal.counts).reduce((sum, number) => sum + number, 0);
    if (!EXPECTED.has(result.code) || told !== count) {
      throw new Error(`${count} hosts: exit code ${result.code}, ${told} told\n${result.text}`);
    }
    rows.push({
      hosts: count,
      ui,
      'run s': Math.round(journal.durationMs / 1000),
      'CPU s': Number((result.cpuMs / 1000).toFixed(1)),
      'CPU ms/host': Number((result.cpuMs / count).toFixed(2)),
      'peak MiB': Math.round(result.maxRSS / 1024),
      'heap at end MiB': Math.round(result.heapAtEndMib),
      'stall max ms': Math.round(result.stallMs),
      'stall p99 ms': Math.round(result.stall99Ms),
      'journal MiB': Number((journal.size / MIB).toFixed(1)),
      'plan MiB': Number((journal.plan / MIB).toFixed(1)),
      writes: result.frames,
      'written KiB': Math.round(result.written / 1024),
      load: Number(load.toFixed(1)),
      outcomes: Object.entries(journal.counts)
        .filter(([, number]) => number > 0)
        .map(([outcome, number]) => `${number} ${outcome}`)
        .join(', '),
    });
    process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
  } finally {
    if (values.keep) process.stderr.write(`${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

for (const count of values.hosts.split(',').map(Number)) {
  for (const ui of values.ui.split(',')) await measure(count, ui);
}
const machine = `${cpus().length} CPUs (${cpus()[0]?.model}), Node ${process.version}, seed ${values.seed}`;
process.stdout.write(`simulated hosts; ${machine}\n`);
console.table(rows);
if (values.json !== undefined) {
  const result = { machine, date: new Date().toISOString(), fates, rows };
  writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
}
