/**
 * What guards a transaction beside its steps: the test of the timer, locks and their heirs, records, the
 * last resort. In namespaces of this machine's kernel, as runtime.test.ts.
 */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { forgetScript, parseRecords, recordsScript } from '../../src/agents/records.js';
import { rollbackScript, transactionsScript } from '../../src/agents/transaction.js';
import { SHELLS, type NamespaceHost } from './namespace-host.js';
import {
  DESIRED,
  NONCE,
  SMALL,
  begin,
  confirm,
  expectAsBefore,
  eventually,
  expectRolledBack,
  kinds,
  prepare,
  scenarioUnder,
} from './transaction-bench.js';

/** The first to come to this point of the way stops there for good, and says so. */
const stopAt = (script: string, point: string) =>
  script.replaceAll(
    'point() { :; }',
    `point() { [ "$1" = ${point} ] && mkdir "/run/at.$1" 2>/dev/null || return 0; while :; do sleep 1; done; }`,
  );

/** Whatever fills /run goes on doing so: what is given free there is gone at once. */
async function fillRun(host: NamespaceHost): Promise<void> {
  await host.sh(
    `mount -o remount,size=8m /run; cat /dev/zero >/run/fill 2>/dev/null || :
setsid sh -c 'while :; do cat /dev/zero >>/run/fill; done' </dev/null >/dev/null 2>&1 &`,
  );
}

describe.each(SHELLS)('guards of a transaction under %s', (shell) => {
  const scenario = scenarioUnder(shell);

  scenario('refuses a host on which a timer that is set does not fire', async (host) => {
    const prepared = await prepare(host, SMALL);
    const before = await host.observe();
    // As on a host that is short of processes: what is started does not come to run.
    const { stdout } = await host.send(
      prepared.script
        .replace('&& : >fired', '&& :')
        .replace('patience=$((up + 10))', 'patience=$up'),
    );
    expect(stdout).toMatch(/^refused environment a timer set on this host does not fire/);
    expect((await host.observe()).transactions).toEqual([]);
    await expectAsBefore(host, before);
  });

  scenario('takes over from one that died between its rename and its number', async (host) => {
    const prepared = await prepare(host, DESIRED, { secondsToDeadline: 3 });
    await begin(host, { ...prepared, script: prepared.script });
    // The runner wins, and is gone in the same moment.
    await host.sh(
      `cd /run/netorch/${prepared.id}; mv state.applied state.rolling-back; kill -KILL -$(cat runner.pid)`,
    );
    await expectRolledBack(host, prepared);
  });

  scenario('takes over from one that died in the middle of its way back', async (host) => {
    const prepared = await prepare(host, DESIRED, { secondsToDeadline: 4 });
    const script = stopAt(prepared.script, 'rollback-alone');
    await begin(host, { ...prepared, script });
    host.sendAndWatch(rollbackScript(prepared.id, NONCE, 'asked'));
    await eventually(() => {
      expect(existsSync(`${host.folder('..')}/at.rollback-alone`)).toBe(true);
    });
    await host.sh(`read -r p </run/netorch/${prepared.id}/rollback.pid; kill -KILL "$p"`);
    await expectRolledBack(host, prepared);
  });

  scenario('goes back, verified, while /run is being filled to the last byte', async (host) => {
    const prepared = await prepare(host, DESIRED);
    await begin(host, prepared);
    await fillRun(host);
    await host.send(rollbackScript(prepared.id, NONCE, 'no'));
    await expectRolledBack(host, prepared);
    expect(await host.sh('cat /proc/mounts')).not.toContain('/room ');
  });

  scenario('does not say that it is verified where it has no room to look', async (host) => {
    const prepared = await prepare(host, DESIRED);
    await begin(host, {
      ...prepared,
      // A host on which nothing can be mounted.
      script: prepared.script.replaceAll('mount -t tmpfs', 'false'),
    });
    await fillRun(host);
    await host.send(rollbackScript(prepared.id, NONCE, 'no'));
    expect(host.state(prepared.id)).toBe('incomplete');
  });

  scenario('does not kill a stranger that has the number of its runner by now', async (host) => {
    const prepared = await prepare(host, SMALL);
    await begin(host, prepared);
    const stranger = (
      await host.sh(
        `kill -KILL -$(cat /run/netorch/${prepared.id}/runner.pid); setsid sh -c 'echo $$ >/run/stranger; exec sleep 300' >/dev/null 2>&1 & until [ -s /run/stranger ]; do sleep 0.05; done; cat /run/stranger | tee /run/netorch/${prepared.id}/runner.pid`,
      )
    ).trim();
    const asked = await host.send(rollbackScript(prepared.id, NONCE, 'no'));
    expect(asked.stdout).toContain('rolled-back verified');
    expect(await host.sh(`kill -s 0 ${stranger} && echo lives`)).toBe('lives\n');
  });

  scenario('ends what a dead runner has left running in its group', async (host) => {
    const prepared = await prepare(host, DESIRED, {
      apply: () => 'ip link set eth1 mtu 1300\nsleep 1234 &\nwait\nreturn 0\n',
    });
    host.sendAndWatch(prepared.script);
    await host.reaches(prepared.id, 'applying');
    await eventually(async () => {
      expect(await host.sh(`cat /proc/[0-9]*/cmdline | tr '\\0' ' '`)).toContain('sleep 1234 ');
    });
    await host.sh(`kill -KILL $(cat /run/netorch/${prepared.id}/runner.pid)`);
    // The session that began it listens as well: neither takes the other's words.
    const asked = await host.send(rollbackScript(prepared.id, NONCE, 'no'));
    expect(asked.stdout).toBe('rolling-back no\nrolled-back verified\n');
    await expectRolledBack(host, prepared);
    expect(await host.sh(`cat /proc/[0-9]*/cmdline | tr '\\0' ' '`)).not.toContain('sleep 1234 ');
  });

  scenario('keeps the newest few records of each end, and no abandoned one', async (host) => {
    const seed = (index: number, state: string) =>
      `mkdir -p /run/netorch/20250101T000000-${index}; cd /run/netorch/20250101T000000-${index}; : >state.${state}; echo -500 >begun; echo 1 >deadline; echo old >owner`;
    for (let index = 10; index < 16; index++) await host.sh(seed(index, 'incomplete'));
    for (let index = 20; index < 26; index++) await host.sh(seed(index, 'rolled-back'));
    await host.sh(seed(30, 'new'));
    const prepared = await prepare(host, SMALL);
    expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
    const left = readdirSync(host.folder('.')).filter((name) => name.startsWith('20250101'));
    expect(left.map((name) => name.slice(-2)).sort()).toEqual([
      '12',
      '13',
      '14',
      '15',
      '22',
      '23',
      '24',
      '25',
    ]);
  });

  scenario('says of an open transaction whether somebody would still end it', async (host) => {
    const prepared = await prepare(host, SMALL);
    await begin(host, prepared);
    const guard = async () =>
      /^guard (\S+) (\d)$/m.exec((await host.send(transactionsScript())).stdout)?.slice(1);
    expect(await guard()).toEqual([prepared.id, '1']);
    await host.kill(prepared.id, 'runner.pid');
    expect(await guard()).toEqual([prepared.id, '1']);
    await host.kill(prepared.id, 'timer.pid');
    expect(await guard()).toEqual([prepared.id, '0']);
    await confirm(host, prepared.id);
    expect(await guard()).toBeUndefined();
  });

  scenario('forgets records that are named, never an open one', async (host) => {
    const ended = await prepare(host, SMALL);
    await begin(host, ended);
    await confirm(host, ended.id);
    await host.sh('mkdir /run/netorch/20250101T000000-half');
    const open = await prepare(host, SMALL.replace('198.51.100.6', '198.51.100.7'));
    await begin(host, open);
    const records = parseRecords('h1', (await host.send(recordsScript())).stdout);
    expect(records.map(({ transaction, state }) => [transaction, state])).toEqual([
      ['20250101T000000-half', 'abandoned'],
      [ended.id, 'confirmed'],
    ]);
    const all = ['20250101T000000-half', ended.id, open.id];
    const { stdout } = await host.send(forgetScript(all));
    expect(stdout.match(/removed \S+/g)).toEqual(all.slice(0, 2).map((id) => `removed ${id}`));
    expect(host.state(open.id)).toBe('applied');
  });

  describe('the last resort', () => {
    const REBOOT = 'reboot() { echo reboot >/run/rebooted; exit 0; }\n';
    const lastResort = { rebootSeconds: 2, wayBackSeconds: 1 };
    const broken = (script: string) =>
      // The way back fails: the host is not what it was.
      script.replaceAll('restore() {\n', `${REBOOT}restore() {\nmissing=1:x surplus=; return 1\n`);

    scenario('reboots a host that is not what it was and hears of nobody', async (host) => {
      const prepared = await prepare(host, SMALL, { lastResort, secondsToDeadline: 2 });
      await begin(host, { ...prepared, script: broken(prepared.script) });
      await host.reaches(prepared.id, 'incomplete');
      await eventually(() => {
        expect(existsSync(`${host.folder('..')}/rebooted`)).toBe(true);
      });
    });

    scenario(
      'leaves a host alone that is what it was, or of which somebody has asked',
      async (host) => {
        const good = await prepare(host, SMALL, { lastResort, secondsToDeadline: 1 });
        await begin(host, good);
        await expectRolledBack(host, good);
        // Asked long before its patience ends, however slow this machine is.
        const patient = { ...lastResort, rebootSeconds: 90 };
        const known = await prepare(host, SMALL, { lastResort: patient, secondsToDeadline: 2 });
        await begin(host, { ...known, script: broken(known.script) });
        await host.reaches(known.id, 'incomplete');
        await host.send(transactionsScript());
        await eventually(async () => {
          expect(await host.sh(`cat /proc/[0-9]*/cmdline | tr '\\0' ' '`)).not.toContain(
            'last-resort',
          );
        });
        expect(existsSync(`${host.folder('..')}/rebooted`)).toBe(false);
      },
    );
  });
});
