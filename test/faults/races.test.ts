/**
 * A confirmation and the timer in the same moment, thousands of times: both stand just before their rename and
 * are let go by one event. Exactly one wins, and both say so. Only the states are raced here, and the way back
 * of the network is left out; runtime.test.ts races with real links.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NamespaceHost, whyNot, type Shell } from '../agents/namespace-host.js';
import { SMALL, NETWORK, begin, prepare } from '../agents/transaction-bench.js';

const RACES = Number(process.env['NETORCH_FAULTS_RACES'] ?? 300);
const AT_ONCE = 25;
const SHELLS: readonly Shell[] = ['dash', 'busybox ash', 'bash'];

/** Both wait at their point for the same end of file: the kernel wakes them together. */
const HOOK =
  'point() { case $1 in confirm-allowed | deadline-passed) : >"waits.$1"; read -r _ <gun ;; esac; }';

/** Makes a number of transactions that are just at their deadline, and races each. */
const ROUND = `
cd /run/netorch
template=$1 first=$2 last=$3
read -r up _ </proc/uptime; up=\${up%%.*}
i=$first
while [ $i -le $last ]; do
  cp -R $template race$i; rm race$i/*.pid race$i/by.* 2>/dev/null
  mv race$i/state.* race$i/state.applied; rm -f race$i/events; mkfifo race$i/gun
  # For the one it is still before the deadline, for the other no longer.
  echo 999999999 >race$i/deadline
  NETORCH_DIR=/run/netorch/race$i sh race$i/runtime.sh confirm >race$i/answer 2>&1 &
  i=$((i + 1))
done
i=$first
while [ $i -le $last ]; do
  until [ -e race$i/waits.confirm-allowed ]; do sleep 0.02; done
  echo 0 >race$i/deadline
  NETORCH_DIR=/run/netorch/race$i sh race$i/runtime.sh timer >/dev/null 2>&1 &
  i=$((i + 1))
done
i=$first
while [ $i -le $last ]; do
  until [ -e race$i/waits.deadline-passed ]; do sleep 0.02; done
  i=$((i + 1))
done
i=$first
while [ $i -le $last ]; do
  : >race$i/gun
  i=$((i + 1))
done
wait
`;

describe.each(SHELLS)('confirm and timer in the same moment under %s', (shell) => {
  const reason = whyNot(shell);
  test.skipIf(reason !== undefined)(
    `${RACES} races have one winner each${reason === undefined ? '' : ` (skipped: ${reason})`}`,
    { timeout: 1_800_000 },
    async () => {
      const host = await NamespaceHost.start(shell);
      try {
        await host.sh(NETWORK);
        const prepared = await prepare(host, SMALL);
        await begin(host, {
          ...prepared,
          script: prepared.script.replaceAll('point() { :; }', HOOK),
        });
        const folder = `/run/netorch/${prepared.id}`;
        // The template is at rest, and its way back has nothing to do.
        await host.sh(
          `cd ${folder}; for f in runner.pid timer.pid; do kill -KILL -$(cat $f); done; sed -i 's/^restore() {$/restore() { return 0; }\\nunused() {/; s/^announce() {$/announce() { :; }\\nunused_too() {/' runtime.sh; grep -c unused runtime.sh`,
        );
        const wins = { confirmed: 0, 'rolled-back': 0 };
        for (let first = 0; first < RACES; first += AT_ONCE) {
          const last = Math.min(first + AT_ONCE, RACES) - 1;
          await host.send(`set -- ${prepared.id} ${first} ${last}\n${ROUND}\n#netorch-end\n`);
          for (let index = first; index <= last; index++) {
            const id = `race${index}`;
            const states = readdirSync(host.folder(id)).filter((name) => name.startsWith('state.'));
            const answer = readFileSync(`${host.folder(id)}/answer`, 'utf8').trim();
            const events = readFileSync(`${host.folder(id)}/events`, 'utf8');
            if (states[0] === 'state.confirmed') {
              wins.confirmed += 1;
              expect([states, answer, events.includes('rolled-back')], id).toEqual([
                ['state.confirmed'],
                'confirmed',
                false,
              ]);
            } else {
              wins['rolled-back'] += 1;
              expect(states, id).toEqual(['state.rolled-back']);
              expect(answer, id).toMatch(/^not-applied (rolling-back|rolled-back|state\.\*)?$/);
              expect(events, id).toContain('rolled-back verified');
            }
          }
          await host.sh('rm -rf /run/netorch/race*');
        }
        process.stderr.write(`${shell}: ${JSON.stringify(wins)} of ${RACES}\n`);
        expect(wins.confirmed + wins['rolled-back']).toBe(RACES);
        // A race that always one wins is none.
        expect(wins.confirmed).toBeGreaterThan(0);
        expect(wins['rolled-back']).toBeGreaterThan(0);
      } finally {
        await host.stop();
      }
    },
  );
});
