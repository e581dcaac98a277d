// `npm run bench:kernel`: hundreds of VLANs and as many bridges on one lab host. For each size (--sizes
// 100,500,1000): the lines of the plan as a bare `ip -batch`, then the same by netorch (plan, apply, verify,
// confirm), what is taken away again both ways, and what is rolled back because a probe fails. Times are
// taken on the host where both have one, and given as ratios; nothing fails for being slow.
//   --lab DIR   a lab that is up there, with a host h1 that has the memory (lab up --hosts 1 --memory 1024)
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { Lab } = await import('../dist/lab/lab.js');

const { values } = parseArgs({
  options: { sizes: { type: 'string', default: '100,500,1000' }, lab: { type: 'string' } },
});
const netorch = fileURLToPath(new URL('../bin/netorch.js', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'nbk-'));
const lab =
  values.lab === undefined
    ? await Lab.up({
        dir: join(scratch, 'lab'),
        hosts: [{ name: 'h1', init: 'minimal', memoryMb: 1024 }],
        progress: (line) => console.error(line),
      })
    : await Lab.open(values.lab);

async function onHost(script) {
  const { code, stdout, stderr } = await lab.console('h1', script);
  if (code !== 0) throw new Error(`h1: exit code ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Runs lines in one `ip -batch` and tells the seconds by the host's clock. */
async function bare(lines) {
  const output = await onHost(
    `cat >/tmp/batch <<'END'\n${lines.join('\n')}\nEND\n` +
      'read -r a _ </proc/uptime; ip -batch /tmp/batch || exit 1; read -r b _ </proc/uptime; echo "$a $b"',
  );
  const [from, to] = output.trim().split('\n').at(-1).split(' ').map(Number);
  return to - from;
}

function playbook(name, network, extra = {}) {
  const file = join(scratch, `${name}.yml`);
  writeFileSync(
    file,
    JSON.stringify([{ name, hosts: 'h1', deadline: '20m', network, ...extra }], undefined, 1),
  );
  return file;
}

const environment = { ...process.env, HOME: scratch, XDG_STATE_HOME: join(scratch, 'state') };

function run(words) {
  const began = performance.now();
  const child = spawnSync(process.execPath, [netorch, ...words, '-i', lab.inventoryPath], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    env: environment,
  });
  return { ...child, seconds: (performance.now() - began) / 1000 };
}

/** `netorch apply`: how it ended, its events, and the lines that it ran. */
function apply(file, outcome) {
  const { stdout, stderr, seconds } = run(['apply', file, '--temporary', '--ui', 'json']);
  const events = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const finished = events.find((event) => event.type === 'host.finished');
  if (finished?.outcome !== outcome) {
    throw new Error(
      `${file} ended ${finished?.outcome}, not ${outcome}: ${JSON.stringify(finished)} ${stderr}`,
    );
  }
  const folders = join(scratch, 'state', 'netorch', 'runs');
  const newest = readdirSync(folders).toSorted().at(-1);
  const journal = readFileSync(join(folders, newest, 'events.jsonl'), 'utf8');
  const recorded = journal
    .split('\n')
    .filter((line) => line.includes('"host.recorded"'))
    .map((line) => JSON.parse(line))[0];
  const applied = events.find((event) => event.type === 'host.applied');
  return { seconds, applied, timings: finished.timings, lines: recorded.commands };
}

/** Applies what no probe finds good, and has the host go back: the seconds of that by the host's clock. */
async function rollBack(file) {
  const child = spawn(
    process.execPath,
    [netorch, 'apply', file, '--temporary', '--ui', 'json', '-i', lab.inventoryPath],
    { stdio: ['ignore', 'pipe', 'inherit'], env: environment },
  );
  const ended = new Promise((resolve) => child.once('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.type !== 'host.phase' || event.phase !== 'probing') continue;
    const output = await onHost(
      'cd /run/netorch/*/ && read -r a _ </proc/uptime; NETORCH_DIR=$PWD sh ./runtime.sh request-rollback benchmark; read -r b _ </proc/uptime; ls state.*; echo "$a $b"',
    );
    // It would go on to ask the probe until the deadline.
    child.kill('SIGKILL');
    await ended;
    await onHost('rm -rf /run/netorch');
    if (!output.includes('state.rolled-back')) throw new Error(`not rolled back: ${output}`);
    const [from, to] = output.trim().split('\n').at(-1).split(' ').map(Number);
    return to - from;
  }
  throw new Error(`${file} ended before its probe`);
}

const bareLines = (commands) => commands.map((line) => line.replace(/^ip /, ''));
const format = (seconds) => `${seconds.toFixed(1)} s`;
const ratio = (one, other) => `${(one / other).toFixed(1)} x`;

const rows = [];
try {
  for (const size of values.sizes.split(',').map(Number)) {
    const ids = Array.from({ length: size }, (_, index) => index + 2);
    const interfaces = ids.flatMap((id) => [
      { name: `eth2.${id}`, type: 'vlan', state: 'up', vlan: { 'base-iface': 'eth2', id } },
      {
        name: `br${id}`,
        type: 'linux-bridge',
        state: 'up',
        bridge: { options: { stp: { enabled: false } }, port: [{ name: `eth2.${id}` }] },
      },
    ]);
    const network = {
      interfaces: [{ name: 'eth2', type: 'ethernet', state: 'up' }, ...interfaces],
    };
    const gone = { interfaces: interfaces.map(({ name }) => ({ name, state: 'absent' })) };
    await onHost('ip link set eth2 up');
    const there = playbook(`add${size}`, network);
    const away = playbook(`remove${size}`, gone);
    const planned = run(['plan', there]);
    if (planned.status !== 2)
      throw new Error(`plan: exit code ${planned.status}: ${planned.stderr}`);
    const add = apply(there, 'confirmed');
    const remove = apply(away, 'confirmed');
    const bareAdd = await bare(bareLines(add.lines));
    const bareRemove = await bare(bareLines(remove.lines));
    await onHost('rm -rf /run/netorch');
    const back = await rollBack(
      playbook(`back${size}`, network, { probes: [{ tcp: '127.0.0.1:9', required: true }] }),
    );
    rows.push({ size, planned, add, remove, bareAdd, bareRemove, back });
    const row = rows.at(-1);
    const ms = (key, what) => format((what.timings[key] ?? 0) / 1000);
    console.log(
      [
        `${size} VLANs and ${size} bridges (${add.lines.length} lines, ${remove.lines.length} to remove)`,
        `  plan only            ${format(row.planned.seconds)}`,
        `  add, bare            ${format(bareAdd)}`,
        `  add, applied         ${format(add.applied.durationMs / 1000)}  ${ratio(add.applied.durationMs / 1000, bareAdd)}`,
        `  add, whole run       ${format(add.seconds)}  (observe ${ms('observeMs', add)}, plan ${ms('planMs', add)}, apply ${ms('applyMs', add)}, verify ${ms('verifyMs', add)}, confirm ${ms('confirmMs', add)})`,
        `  remove, bare         ${format(bareRemove)}`,
        `  remove, applied      ${format(remove.applied.durationMs / 1000)}  ${ratio(remove.applied.durationMs / 1000, bareRemove)}`,
        `  remove, whole run    ${format(remove.seconds)}  (observe ${ms('observeMs', remove)}, plan ${ms('planMs', remove)}, apply ${ms('applyMs', remove)}, verify ${ms('verifyMs', remove)}, confirm ${ms('confirmMs', remove)})`,
        `  rolled back          ${format(back)}  ${ratio(back, bareRemove)} of the bare removal`,
      ].join('\n'),
    );
  }
} finally {
  if (values.lab === undefined) await Lab.down(join(scratch, 'lab'));
  rmSync(scratch, { recursive: true, force: true });
}
