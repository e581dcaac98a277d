// `npm run bench:fleet -- [--hosts 1000] [--ui lines,tui] [--real] [--forks N] [--max-startups 10:30:100]`:
// the controller against many hosts. The hosts are addresses 127.x.y.z of one real sshd in a network namespace
// of its own (root is needed): all of them are that namespace, and have nothing to do; or with --real each is a
// pair of namespaces of its own, in which a bridge is made, in a transaction as on any host. Wall time, CPU time
// and memory of the controller's process and the longest stall of its event loop are printed. Nothing fails for
// being slow; a host that does not end as it should fails.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '1000' },
    ui: { type: 'string', default: 'lines,tui' },
    real: { type: 'boolean', default: false },
    forks: { type: 'string' },
    'max-startups': { type: 'string', default: '10:30:100' },
    deadline: { type: 'string', default: '60' },
    keep: { type: 'boolean', default: false },
    inside: { type: 'boolean', default: false },
  },
});
const PORT = 2222;
const count = Number(values.hosts);
const root = fileURLToPath(new URL('..', import.meta.url));

if (!values.inside) {
  const script = 'ip link set lo up; mount -t sysfs sysfs /sys; exec "$@"';
  const command = [
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    ...process.argv.slice(1),
    '--inside',
  ];
  const child = spawn(
    'unshare',
    ['--net', '--mount', '--pid', '--fork', '--mount-proc', '--kill-child', ...command],
    { stdio: 'inherit' },
  );
  const [code] = await once(child, 'close');
  process.exit(code ?? 1);
}

const folder = mkdtempSync(join(tmpdir(), 'netorch-bench-'));
const file = (name, text, mode = 0o600) => {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  return path;
};
const addressOf = (index) => `127.${1 + (index >> 14)}.${(index >> 7) & 127}.${1 + (index & 127)}`;
const hosts = Array.from({ length: count }, (_, index) => ({
  name: `n${String(index + 1).padStart(4, '0')}`,
  address: addressOf(index),
}));

// ---- the hosts ---------------------------------------------------------------------------------------------

function startSshd() {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'host')]);
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'user')]);
  mkdirSync('/run/sshd', { recursive: true });
  const enter = file(
    'enter',
    `#!/bin/sh
set -- $SSH_CONNECTION
read -r pid <"${folder}/pids/$3"
exec nsenter -t "$pid" -n -m -p -- sh -c "$SSH_ORIGINAL_COMMAND"
`,
    0o755,
  );
  const config = file(
    'sshd_config',
    `Port ${PORT}
ListenAddress 0.0.0.0
HostKey ${folder}/host
PidFile none
AuthorizedKeysFile ${folder}/user.pub
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
PrintMotd no
SetEnv SHLVL=1
MaxStartups ${values['max-startups']}
${values.real ? `ForceCommand ${enter}` : ''}
`,
  );
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const words = { refused: 0 };
  child.stderr.setEncoding('utf8').on('data', (text) => {
    words.refused += text.split('drop connection').length - 1;
  });
  return words;
}

/**
 * Each host: a process that holds its namespaces, with a /run, a loopback interface and processes of its own;
 * with those of all others among its own, whoever looks for a DHCP client would look at a thousand hosts.
 */
function startNamespaces() {
  mkdirSync(join(folder, 'pids'));
  const hold = file(
    'hold',
    `ip link set lo up; mount -t tmpfs tmpfs /run; mount -t sysfs sysfs /sys
: >"$1.up"; exec sleep 1000000
`,
  );
  const start = `unshare -n -m -p --fork --mount-proc sh ${hold}`;
  const lines = hosts.map(({ address }) => {
    const pid = `${folder}/pids/${address}`;
    return `${start} ${pid} & p=$!; until [ -e ${pid}.up ]; do sleep 0.02; done; cat /proc/$p/task/$p/children >${pid}`;
  });
  execFileSync('sh', [file('all', lines.join('\n'))], { stdio: ['ignore', 'ignore', 'inherit'] });
}

// ---- the controller ------------------------------------------------------------------------------------------

const hostKey = () =>
  readFileSync(join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');

function project() {
  file('known_hosts', hosts.map(({ address }) => `[${address}]:${PORT} ${hostKey()}\n`).join(''));
  file(
    'inventory.json',
    JSON.stringify({
      all: {
        vars: {
          ansible_user: 'root',
          ansible_port: PORT,
          ansible_ssh_private_key_file: join(folder, 'user'),
          ansible_ssh_common_args: `-o UserKnownHostsFile=${folder}/known_hosts -o StrictHostKeyChecking=yes`,
        },
        hosts: Object.fromEntries(
          hosts.map(({ name, address }) => [name, { ansible_host: address }]),
        ),
      },
    }),
  );
  const made = { name: 'br-bench', type: 'linux-bridge', state: 'up' };
  file(
    'play.json',
    JSON.stringify([
      {
        name: 'all at once',
        hosts: 'all',
        network: { interfaces: [values.real ? made : { name: 'lo', state: 'up' }] },
      },
    ]),
  );
  // In the controller's process, from its first moment to its last.
  return file(
    'usage.mjs',
    `import { monitorEventLoopDelay } from 'node:perf_hooks';
import { writeFileSync } from 'node:fs';
const loop = monitorEventLoopDelay({ resolution: 10 });
loop.enable();
const start = performance.now();
process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  writeFileSync(process.env.BENCH_USAGE, JSON.stringify({
    wallMs: performance.now() - start, cpuMs: (userCPUTime + systemCPUTime) / 1000, maxRSS,
    stallMs: loop.max / 1e6, stall99Ms: loop.percentile(99) / 1e6,
  }));
});
`,
  );
}

async function run(args, onTerminal, probe) {
  const usage = join(folder, 'usage.json');
  rmSync(usage, { force: true });
  const argv = [process.execPath, '--import', probe, join(root, 'bin', 'netorch.js'), ...args];
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    XDG_STATE_HOME: join(folder, 'state'),
    TERM: 'xterm-256color',
    LANG: 'C.UTF-8',
    BENCH_USAGE: usage,
  };
  const terminal = ['-qefc', `stty rows 50 cols 160; exec ${argv.join(' ')}`, '/dev/null'];
  const child = onTerminal
    ? spawn('script', terminal, { cwd: folder, env, stdio: ['pipe', 'pipe', 'pipe'] })
    : spawn(argv[0], argv.slice(1), { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const tail = { text: '', bytes: 0 };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      tail.bytes += text.length;
      tail.text = (tail.text + text).slice(-2000);
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...tail, ...JSON.parse(readFileSync(usage, 'utf8')) };
}

const sshd = startSshd();
if (values.real) startNamespaces();
const probe = project();
await delay(500);

const rows = [];
let isGood = true;
async function measure(name, args, onTerminal, expected) {
  const load = loadavg()[0];
  const before = sshd.refused;
  const forks = values.forks === undefined ? [] : ['--forks', values.forks];
  const result = await run([...args, '-i', 'inventory.json', ...forks], onTerminal, probe);
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
      await measure('rollback', ['rollback', 'last', '--ui', 'lines'], false, 0);
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
