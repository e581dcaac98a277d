/**
 * Faults of the host at every named point and every line of the way there, in namespaces of this machine's
 * kernel: no bonds and VLANs, but bridges, addresses, routes and rules, and so quick that every case can be run
 * under every shell. The controller is what is left of it here: begin, and a confirmation when it heard "applied".
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { foreignRollbackScript, transactionsScript } from '../../src/agents/transaction.js';
import { compareStates } from '../../src/network/compare.js';
import { NamespaceHost, whyNot, type Shell } from '../agents/namespace-host.js';
import { DESIRED, NETWORK, confirm, eventsOf, prepare } from '../agents/transaction-bench.js';
import { BEGIN_POINTS, END_POINTS, ROLLBACK_POINTS } from './cases.js';
import { HOOK } from './fault-host.js';

const {
  NETORCH_FAULTS_RESULTS: resultsFile = '',
  NETORCH_FAULTS_SELECTION: selection = 'quick',
  NETORCH_FAULTS_ONLY: only = '',
  NETORCH_FAULTS_RETRY: retries = '',
} = process.env;

/** Cases that have passed in a run before. */
const done = new Set(
  existsSync(resultsFile)
    ? readFileSync(resultsFile, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Readonly<{ id: string; host: string; passed: boolean }>)
        .filter(({ passed }) => passed)
        .map(({ id, host }) => `${id} ${host}`)
    : [],
);

/** Most of a case is waiting for its deadline. */
const AT_ONCE = Number(process.env['NETORCH_FAULTS_AT_ONCE'] ?? 4);
const DEADLINE_SECONDS = 8;
const ALL_SHELLS: readonly Shell[] = ['dash', 'busybox ash', 'bash'];
const SHELLS = selection === 'all' ? ALL_SHELLS : (['dash'] as const);
const text = (name: string) => readFileSync(fileURLToPath(new URL(name, import.meta.url)), 'utf8');

const RUNNER = 'for f in /run/netorch/*/runner.pid; do read -r p <"$f" && kill -KILL "-$p"; done';
const TIMER =
  'for f in /run/netorch/*/timer.pid; do [ -s "$f" ] && read -r p <"$f" && kill -KILL "-$p"; done';

type HostFault = Readonly<{
  name: string;
  action: string;
  /** Held at the point until the test has done this. */
  outside?: 'session' | 'freeze';
  failing?: string;
  /** Nobody may be left to act: the state is named, and ended by hand. */
  mayBeStuck?: true;
}>;

const FAULTS: readonly HostFault[] = [
  { name: 'runner killed', action: RUNNER },
  { name: 'timer killed', action: TIMER },
  { name: 'runner and timer killed', action: `${RUNNER}; ${TIMER}`, mayBeStuck: true },
  { name: 'session of the controller killed', action: '', outside: 'session' },
  { name: 'all processes frozen past the deadline', action: '', outside: 'freeze' },
  { name: '/run full', action: 'cat /dev/zero >/run/fill' },
  { name: 'ip fails once', action: '', failing: '1 1' },
  { name: 'ip fails three times', action: '', failing: '1 3' },
  { name: 'cable of the NIC pulled', action: 'ip link set sw0 down' },
];

type Case = Readonly<{ fault: HostFault; point: string; failsFirst: boolean }>;

const STEPS = Array.from({ length: 34 }, (_, index) => `step-${index + 1}`);

function points(): readonly Omit<Case, 'fault'>[] {
  const all = [
    ...[...BEGIN_POINTS, ...STEPS, ...END_POINTS].map((point) => ({ point, failsFirst: false })),
    ...ROLLBACK_POINTS.map((point) => ({ point, failsFirst: true })),
  ];
  return selection === 'all' ? all : all.filter((_, index) => index % 6 === 1);
}

describe.each(SHELLS)('faults in namespaces under %s', (shell) => {
  const reason = whyNot(shell);
  for (const fault of FAULTS) {
    const cases = points()
      .map((point): Case => ({ fault, ...point }))
      .filter(({ point }) => {
        const id = `${fault.name} @ ${point}`;
        return new RegExp(only).test(id) && !done.has(`${id} namespaces, ${shell}`);
      });
    test.skipIf(reason !== undefined || cases.length === 0)(
      `${fault.name}: ${cases.length} points${reason === undefined ? '' : ` (skipped: ${reason})`}`,
      { timeout: 3_600_000 },
      async () => {
        const bad: string[] = [];
        const left = [...cases];
        await Promise.all(
          Array.from({ length: AT_ONCE }, async () => {
            for (let item = left.shift(); item !== undefined; item = left.shift()) {
              const id = `${fault.name} @ ${item.point}`;
              const run = () =>
                runCase(shell, item).catch((error: unknown) => ({
                  truth: 'unknown',
                  note: String(error),
                }));
              let { truth, note } = await run();
              const isUnsteady = note !== '' && retries === '1';
              if (isUnsteady) {
                process.stderr.write(`once more: ${id}: ${note}\n`);
                ({ truth, note } = await run());
              }
              if (note !== '') bad.push(`${id}: ${truth}: ${note}`);
              if (resultsFile !== '') {
                const result = {
                  id,
                  host: `namespaces, ${shell}`,
                  passed: note === '',
                  truth,
                  note,
                  ...(isUnsteady ? { isUnsteady } : {}),
                };
                appendFileSync(resultsFile, `${JSON.stringify(result)}\n`);
              }
            }
          }),
        );
        expect(bad.join('\n')).toBe('');
      },
    );
  }
});

async function runCase(
  shell: Shell,
  { fault, point, failsFirst }: Case,
): Promise<{ truth: string; note: string }> {
  const host = await NamespaceHost.start(shell);
  try {
    await host.sh(NETWORK);
    const prepared = await prepare(host, DESIRED, { secondsToDeadline: DEADLINE_SECONDS });
    const before = withoutLinkLocals(prepared.observed.lines);
    const file = (content: string, path: string) =>
      `cat >${path} <<'NETORCH_FILE'\n${content}NETORCH_FILE\n`;
    await host.sh(
      `mkdir /run/faults; mount -t tmpfs tmpfs /run/faults; mount -o remount,size=8m /run
${file(text('./point.sh'), '/run/faults/point.sh')}
${['ip', 'bridge'].map((tool) => `${file(text('./wrapper.sh'), `/run/tools/${tool}`)}chmod 755 /run/tools/${tool}\n`).join('')}
${file(`${fault.action}\n${fault.failing === undefined ? '' : `echo 0 >/run/faults/calls; echo ${fault.failing} >/run/faults/fail`}\n`, '/run/faults/action')}
echo 0 >/run/faults/steps; echo 0 >/run/faults/calls
${fault.outside === undefined ? '' : ': >/run/faults/hold'}
${failsFirst ? 'echo 2 2 >/run/faults/fail' : ''}
echo ${point} >/run/faults/at; : >/run/faults/armed`,
    );
    const script = prepared.script.replaceAll('point() { :; }', HOOK);
    const { child, answer } = host.sendAndWatch(script);
    let isOver = false;
    void answer.then(() => (isOver = true));
    let confirmed: string | undefined;
    let isGone = false;
    const controller = (async () => {
      const heard = eventsOf((await answer).stdout);
      if (!isGone && heard.at(-1)?.kind === 'applied') confirmed = await confirm(host, prepared.id);
    })();
    const exists = async (name: string) =>
      (await host.sh(`[ -e /run/faults/${name} ] && echo yes || echo no`)) === 'yes\n';
    let isReached = false;
    for (const until = Date.now() + 60_000; Date.now() < until; await delay(50)) {
      isReached = await exists('reached');
      if (isReached) break;
      // Confirmed, or rolled back, without coming by.
      if (isOver && confirmed !== undefined) break;
      if (isOver && !(await exists('armed'))) break;
      const state = await stateOf(host, prepared.id);
      if (isOver && ['none', 'rolled-back', 'incomplete'].includes(state)) break;
    }
    if (!isReached && !(await exists('reached'))) return { truth: 'not reached', note: '' };
    if (fault.outside === 'session') {
      // Nobody listens any more, and nobody will confirm.
      isGone = true;
      child.kill('SIGKILL');
      await host.sh('touch /run/faults/go');
    } else if (fault.outside === 'freeze') {
      await host.sh(
        `touch /run/faults/go
all() { for p in /proc/[0-9]*; do grep -qs "runtime[.]sh" $p/cmdline && kill -s $1 \${p#/proc/}; done; :; }
all STOP
read -r deadline </run/netorch/${prepared.id}/deadline || deadline=0
while read -r up _ </proc/uptime && [ \${up%%.*} -le $deadline ]; do sleep 0.2; done
all CONT`,
      );
    }
    // What nobody on the host is left to end does not end: named by "status", ended by hand.
    const notes: string[] = [];
    const state = await settle(host, prepared.id, fault.mayBeStuck === true);
    await host.sh('rm -f /run/fill /run/faults/armed; ip link set sw0 up');
    if (
      fault.mayBeStuck === true &&
      ['armed', 'applying', 'applied', 'rolling-back'].includes(state)
    ) {
      const { stdout } = await host.send(transactionsScript());
      if (!stdout.includes(`guard ${prepared.id} 0`)) notes.push(`not named: ${stdout}`);
      await host.send(foreignRollbackScript(prepared.id, 'by hand'));
      if ((await host.reaches(prepared.id, 'rolled-back', 'incomplete')) !== 'rolled-back')
        notes.push(host.text(prepared.id, 'differences'));
      const now = withoutLinkLocals((await host.observe()).lines);
      if (String(now) !== String(before)) notes.push(difference(before, now));
      return { truth: 'named, ended by hand', note: notes.join('; ') };
    }
    if (state !== 'none' && state !== 'new') await Promise.race([controller, delay(10_000)]);
    const now = await host.observe();
    const lines = withoutLinkLocals(now.lines);
    const isAsBefore = String(lines) === String(before);
    const isAsPlanned =
      compareStates(prepared.plan.target, now.state, new Set(prepared.plan.scope)).length === 0;
    const truth = isAsBefore ? 'as before' : isAsPlanned ? 'as planned' : 'neither';
    if (truth === 'neither') notes.push(difference(before, lines));
    if (isAsPlanned !== (state === 'confirmed')) notes.push(`${truth}, but its state is ${state}`);
    if (confirmed === 'confirmed' && state !== 'confirmed')
      notes.push('a confirmation was taken back');
    if (state === 'incomplete') notes.push(host.text(prepared.id, 'differences'));
    const trace = notes.length === 0 ? '' : `\n${await story(host, prepared.id)}`;
    return { truth, note: notes.join('; ') + trace };
  } finally {
    await host.stop();
  }
}

async function stateOf(host: NamespaceHost, id: string): Promise<string> {
  const out = await host.sh(
    `cd /run/netorch/${id} 2>/dev/null || { echo none; exit; }; for s in state.*; do echo "\${s#state.}"; done`,
  );
  return out.trim();
}

/** The state when it is over; or, where nobody is left to end it, five seconds after its deadline. */
async function settle(host: NamespaceHost, id: string, mayBeStuck: boolean): Promise<string> {
  const out = await host.sh(
    `cd /run/netorch/${id} 2>/dev/null || { echo none; exit; }
while :; do
  [ -d /run/netorch/${id} ] || { echo none; exit; }
  for s in confirmed persisted rolled-back incomplete; do [ -e state.$s ] && echo $s && exit; done
  deadline=0; read -r deadline <deadline || :
  read -r up _ </proc/uptime; up=\${up%%.*}
  [ -e state.new ] && [ $up -gt $((deadline + 40)) ] && echo new && exit
  [ $up -gt $((deadline + ${mayBeStuck ? 12 : 60})) ] && break
  sleep 0.1
done
for s in state.*; do echo "\${s#state.}"; done`,
  );
  return out.trim();
}

const story = (host: NamespaceHost, id: string) =>
  host.sh(
    `cat /run/faults/trace; cd /run/netorch/${id} && ls && tail -n 30 events cause stderr restore.log failure 2>&1 || :; tail /run/faults/log; :`,
  );

const withoutLinkLocals = (lines: readonly string[]) =>
  lines.filter((line) => !/ inet6 fe80:.* scope link/.test(line)).toSorted();

const difference = (before: readonly string[], now: readonly string[]) =>
  [
    ...before.filter((line) => !now.includes(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`),
  ].join('\n');
