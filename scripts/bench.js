// `npm run bench -- [--hosts 100] [--rounds 3] [--json FILE]`: netorch against the floor (as many bare OpenSSH
// logins) and against what people use, side by side in interleaved rounds on this machine, over a real sshd that
// plays all hosts. Medians, as ratios to the floor; each goal with its value and verdict. What is not installed
// (ansible-playbook, clush, parallel-ssh) is left out by name. Root is needed. Nothing fails for being slow; what
// does not do its work fails.
//   --peers NAME,...   only these of ansible,clush,pssh (none: --peers '')
//   --ansible-rounds N Ansible is slow: it takes part in the first N rounds only (1)
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { CpuGroup } from './bench/cpu-groups.js';
import { LoopbackFleet, enterNamespace } from './bench/loopback-fleet.js';
import { NetorchProcess } from './bench/netorch-process.js';
import { roundTrips } from './bench/round-trips.js';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '100' },
    rounds: { type: 'string', default: '3' },
    peers: { type: 'string', default: 'ansible,clush,pssh' },
    'ansible-rounds': { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const count = Number(values.hosts);
const rounds = Number(values.rounds);
await enterNamespace();

/** Logins that only log in and are read, and logins into hosts that can be changed. */
const PLAIN = 2222;
const REAL = 2223;
/** Leads to REAL, with a delay. */
const DELAYED = 2224;
/** Bare logins are not dialled again when they are refused: nobody is. */
const MAX_STARTUPS = '1000';
/** What a plan wants, for both: nothing to do, or a bridge that is not there yet. */
const SAME = { name: 'lo', state: 'up' };
const BRIDGE = { name: 'br-bench', type: 'linux-bridge', state: 'up' };
/** The single job that all can do. */
const JOB = 'ip -j -d addr show';

const folder = mkdtempSync(join(tmpdir(), 'netorch-bench-'));
const fleet = new LoopbackFleet(folder, count);
const netorch = new NetorchProcess(folder);
const play = (name, wanted) =>
  fleet.file(name, JSON.stringify([{ hosts: 'all', network: { interfaces: [wanted] } }]));
const files = {
  same: play('same.json', SAME),
  bridge: play('bridge.json', BRIDGE),
  gone: play('gone.json', { ...BRIDGE, state: 'absent' }),
  plain: fleet.writeInventory(PLAIN),
  real: fleet.writeInventory(REAL),
};

const sshdGroup = new CpuGroup('hosts');
const clientGroup = new CpuGroup('client');
const sshds = [
  fleet.startSshd({ port: PLAIN, maxStartups: MAX_STARTUPS, isReal: false }),
  fleet.startSshd({ port: REAL, maxStartups: MAX_STARTUPS, isReal: true }),
];
for (const { process: sshd } of sshds) sshdGroup.adopt(sshd.pid);
fleet.startNamespaces();
await delay(500);

// ---- what is measured --------------------------------------------------------------------------------------

const has = (program) => {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const sshConfig = (port) =>
  fleet.file(
    `ssh_config.${port}`,
    `Host *
Port ${port}
User root
IdentityFile ${fleet.path('user')}
IdentitiesOnly yes
UserKnownHostsFile ${fleet.path(`known_hosts.${port}`)}
StrictHostKeyChecking yes
KexAlgorithms curve25519-sha256
ControlMaster no
LogLevel ERROR
`,
  );
const addresses = fleet.file(
  'addresses',
  fleet.hosts.map(({ address }) => `${address}\n`).join(''),
);
const openssh = (port, command) => [
  'sh',
  '-c',
  `xargs -a ${addresses} -P 16 -I@ ssh -n -F ${sshConfig(port)} @ '${command}'`,
];

/** The same three tasks that a rollout is: read, change, look again over a new connection. */
const ansiblePlay = fleet.file(
  'play.yml',
  JSON.stringify([
    {
      hosts: 'all',
      gather_facts: false,
      tasks: [
        { command: JOB },
        { shell: 'ip link add br-bench type bridge && ip link set br-bench up' },
        { meta: 'reset_connection' },
        { shell: 'ip -j link show br-bench && ip link del br-bench' },
      ],
    },
  ]),
);
fleet.file(
  'ansible.cfg',
  `[defaults]
forks = 50
interpreter_python = /usr/bin/python3
retry_files_enabled = False
[ssh_connection]
pipelining = True
ssh_args = -C -o ControlMaster=auto -o ControlPersist=60s -o KexAlgorithms=curve25519-sha256
control_path_dir = ${folder}/cp
`,
);

const program =
  (argv, env = {}) =>
  async (adopt) => {
    const child = spawn('sh', ['-c', 'read -r go && exec "$@"', 'sh', ...argv], {
      cwd: folder,
      env: { ...process.env, HOME: folder, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    adopt(child.pid);
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more) => (text = (text + more).slice(-2000)));
    child.stdin.end('go\n');
    const [code] = await once(child, 'close');
    return { code, text };
  };
const run = (args, options) => (adopt) => netorch.run(args, { ...options, adopt });

/** It takes minutes for these. */
const MOST_FOR_ANSIBLE = 500;
const wantedPeers = new Set(values.peers.split(',').filter(Boolean));
const left = [];
const peer = (name, command, make) => {
  if (!wantedPeers.has(name)) return [];
  if (name === 'ansible' && count > MOST_FOR_ANSIBLE) {
    left.push(`${name} (more than ${MOST_FOR_ANSIBLE} hosts)`);
    return [];
  }
  if (has(command)) return [make()];
  left.push(`${name} (no ${command} here)`);
  return [];
};
const undo = run(['apply', files.gone, '-i', files.real, '--temporary', '--ui', 'lines']);
const rollout = (ui) =>
  run(['apply', files.bridge, '-i', files.real, '--temporary', '--ui', ui], {
    onTerminal: ui === 'tui',
  });
const cases = [
  { name: 'floor', what: 'OpenSSH, a bare login', start: program(openssh(PLAIN, 'true')) },
  {
    name: 'floor-namespaces',
    what: 'OpenSSH, a bare login into the namespaces',
    start: program(openssh(REAL, 'true')),
  },
  {
    name: 'plan',
    what: 'netorch plan, nothing to do',
    start: run(['plan', files.same, '-i', files.plain]),
  },
  {
    name: 'unchanged',
    what: 'netorch apply, nothing to do',
    start: run(['apply', files.same, '-i', files.plain, '--ui', 'lines']),
  },
  {
    name: 'rollout',
    what: 'netorch apply, a bridge, confirmed',
    start: rollout('lines'),
    after: undo,
  },
  { name: 'rollout-screen', what: 'the same with the screen', start: rollout('tui'), after: undo },
  {
    name: 'job',
    what: `netorch exec, ${JOB}`,
    start: run(['exec', '--hosts', 'all', '-i', files.plain, '--', JOB]),
  },
  { name: 'job-openssh', what: 'OpenSSH, the same job', start: program(openssh(PLAIN, JOB)) },
  ...peer('clush', 'clush', () => ({
    name: 'job-clush',
    what: 'clush, the same job',
    start: program([
      'clush',
      '-f',
      '32',
      '--hostfile',
      addresses,
      '-o',
      `-F ${sshConfig(PLAIN)}`,
      JOB,
    ]),
  })),
  ...peer('pssh', 'parallel-ssh', () => ({
    name: 'job-pssh',
    what: 'parallel-ssh, the same job',
    start: program([
      'parallel-ssh',
      '-p',
      '32',
      '-i',
      '-h',
      addresses,
      '-x',
      `-F ${sshConfig(PLAIN)}`,
      JOB,
    ]),
  })),
  ...peer('ansible', 'ansible-playbook', () => ({
    name: 'ansible',
    what: 'ansible-playbook, three tasks',
    rounds: Number(values['ansible-rounds']),
    start: program(['ansible-playbook', '-i', files.real, ansiblePlay], {
      ANSIBLE_CONFIG: fleet.path('ansible.cfg'),
    }),
  })),
];

async function measure(one) {
  const client = clientGroup.cpuMs();
  const hosts = sshdGroup.cpuMs();
  const begun = performance.now();
  let memory = 0;
  const sampler = setInterval(() => (memory = Math.max(memory, clientGroup.memoryKib())), 250);
  const result = await one.start((pid) => clientGroup.adopt(pid));
  clearInterval(sampler);
  const wallMs = performance.now() - begun;
  if (result.code !== 0) {
    throw new Error(`${one.what}: exit code ${result.code}\n${result.text}`);
  }
  const sample = {
    wallMs,
    // On a terminal it is started by another program, which is not to be counted.
    clientMs: result.cpuMs ?? clientGroup.cpuMs() - client,
    hostsMs: sshdGroup.cpuMs() - hosts,
    memoryMib: Math.max(memory, result.maxRSS ?? 0) / 1024,
    stallMs: result.stallMs,
    stall99Ms: result.stall99Ms,
  };
  if (one.after !== undefined) {
    const { code, text } = await one.after(() => undefined);
    if (code !== 0) throw new Error(`taking back after ${one.what}: exit code ${code}\n${text}`);
  }
  return sample;
}

// ---- the rounds ----------------------------------------------------------------------------------------------

const samples = new Map(cases.map(({ name }) => [name, []]));
const loads = [];
let trips = [];
const applied = (file) => ['apply', file, '--temporary', '--ui', 'lines'];
try {
  process.stderr.write('round trips\n');
  trips = await roundTrips({
    folder,
    fleet,
    netorch,
    port: DELAYED,
    target: REAL,
    runs: [
      {
        what: 'round trips of a rollout with a new connection',
        goal: 18.6,
        args: applied(files.bridge),
        after: applied(files.gone),
      },
      { what: 'round trips where nothing is to do', goal: 10.4, args: applied(files.same) },
    ],
  });
  for (let round = 0; round < rounds; round += 1) {
    loads.push(loadavg()[0].toFixed(1));
    for (const one of cases) {
      if (round >= (one.rounds ?? rounds)) continue;
      process.stderr.write(`round ${round + 1} of ${rounds}: ${one.what}\n`);
      samples.get(one.name).push(await measure(one));
    }
  }
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
} finally {
  await Promise.all([sshdGroup.remove(), clientGroup.remove()]);
  rmSync(folder, { recursive: true, force: true });
}
if (process.exitCode === 1) process.exit();

const median = (numbers) => {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const of = (name, key) => {
  const numbers = (samples.get(name) ?? []).map((sample) => sample[key]);
  return numbers.length === 0 || numbers[0] === undefined ? undefined : median(numbers);
};
/** The median of the rounds' own ratios: what both shared of a round's noise goes out. */
const ratio = (name, other, key) => {
  const a = samples.get(name) ?? [];
  const b = samples.get(other) ?? [];
  const ratios = a.slice(0, b.length).map((sample, round) => sample[key] / b[round][key]);
  return ratios.length === 0 ? undefined : median(ratios);
};

const rows = cases.map(({ name, what }) => ({
  name,
  what,
  rounds: samples.get(name).length,
  wallMsPerHost: of(name, 'wallMs') / count,
  wallOfFloor: ratio(name, 'floor', 'wallMs'),
  clientMsPerHost: of(name, 'clientMs') / count,
  clientOfFloor: ratio(name, 'floor', 'clientMs'),
  hostsMsPerHost: of(name, 'hostsMs') / count,
  memoryMib: of(name, 'memoryMib'),
  stallMs: of(name, 'stallMs'),
  stall99Ms: of(name, 'stall99Ms'),
}));

const quickestPeer = ['job-clush', 'job-pssh', 'job-openssh']
  .filter((name) => of(name, 'wallMs') !== undefined)
  .toSorted((a, b) => of(a, 'wallMs') - of(b, 'wallMs'))[0];
const uiShare = () => {
  const plain = of('rollout', 'clientMs');
  const screen = of('rollout-screen', 'clientMs');
  return (100 * Math.max(0, screen - plain)) / screen;
};
const atMost = (what, goal, value) => ({ what, goal: `<= ${goal}`, value, isMet: value <= goal });
const atLeast = (what, goal, value) => ({ what, goal: `>= ${goal}`, value, isMet: value >= goal });
const goals = [
  atMost(
    'whole rollout with a new connection, wall / floor',
    1.5,
    ratio('rollout', 'floor-namespaces', 'wallMs'),
  ),
  atMost('nothing to do, wall / floor', 0.9, ratio('unchanged', 'floor', 'wallMs')),
  atMost(
    'rollout with the screen, CPU / floor',
    0.8,
    ratio('rollout-screen', 'floor-namespaces', 'clientMs'),
  ),
  atMost('the screen, % of the CPU', 10, uiShare()),
  ...(samples.get('ansible')?.length > 0
    ? [
        atLeast('Ansible / rollout, wall', 15, ratio('ansible', 'rollout', 'wallMs')),
        atLeast('Ansible / rollout, CPU', 20, ratio('ansible', 'rollout', 'clientMs')),
      ]
    : []),
  atMost(`single job, wall / ${quickestPeer.slice(4)}`, 0.9, ratio('job', quickestPeer, 'wallMs')),
  // 8 handshakes at a time and what is open beside them is far below the 60 KiB of each host.
  atMost(
    'peak memory without the screen, MiB',
    Math.round(90 + (60 * count) / 1024),
    of('rollout', 'memoryMib'),
  ),
  atMost('peak memory with the screen, MiB', 160, of('rollout-screen', 'memoryMib')),
  atMost('event loop, p99 of stalls, ms', 50, of('rollout', 'stall99Ms')),
  atMost('event loop, longest stall, ms', 150, of('rollout', 'stallMs')),
  ...trips.map(({ what, goal, value }) => atMost(what, goal, value)),
];

// ---- told ----------------------------------------------------------------------------------------------------

const number = (value) =>
  value === undefined || Number.isNaN(value) ? '-' : value.toFixed(value < 10 ? 2 : 1);
const table = (title, entries, columns) => {
  const cells = entries.map((entry) => columns.map(([, cell]) => String(cell(entry))));
  const widths = columns.map(([name], at) =>
    Math.max(name.length, ...cells.map((row) => row[at].length)),
  );
  const line = (row) => `| ${row.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |\n`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |\n`;
  return `\n${title}\n\n${line(columns.map(([name]) => name))}${rule}${cells.map(line).join('')}`;
};
const machine = `${cpus().length} CPUs (${cpus()[0]?.model}), Node ${process.version}, load before the rounds ${loads.join(', ')}`;
process.stdout.write(
  table(
    `${count} hosts, medians of ${rounds} rounds; ${machine}; the hosts share these CPUs`,
    rows,
    [
      ['what', (row) => row.what],
      ['wall ms/host', (row) => number(row.wallMsPerHost)],
      ['of the floor', (row) => number(row.wallOfFloor)],
      ['client CPU ms/host', (row) => number(row.clientMsPerHost)],
      ['of the floor', (row) => number(row.clientOfFloor)],
      ['hosts CPU ms/host', (row) => number(row.hostsMsPerHost)],
      ['peak MiB', (row) => number(row.memoryMib)],
      ['longest stall ms', (row) => number(row.stallMs)],
    ],
  ) +
    table('Goals', goals, [
      ['what', (goal) => goal.what],
      ['goal', (goal) => goal.goal],
      ['value', (goal) => number(goal.value)],
      ['verdict', (goal) => (goal.isMet ? 'met' : 'missed')],
    ]) +
    `\nrefused by sshd (MaxStartups ${MAX_STARTUPS}) and dialled again: ${sshds.map(({ refused }) => refused).join(' and ')}; hosts lost for it: 0\n` +
    (left.length === 0 ? '' : `left out: ${left.join(', ')}\n`),
);
if (values.json !== undefined) {
  const result = {
    hosts: count,
    rounds,
    machine,
    date: new Date().toISOString(),
    rows,
    goals,
    left,
  };
  writeFileSync(values.json, `${JSON.stringify(result, undefined, 2)}\n`);
}
