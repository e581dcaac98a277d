/**
 * The transaction on the host, in namespaces of this machine's kernel, under the shells that hosts have:
 * a real observation, a real plan, the real scripts, real links. Where the text says "by itself", nobody
 * but the host acts.
 */
import { describe, expect } from 'vitest';
import { parseStatus, rollbackScript, statusScript } from '../../src/agents/transaction.js';
import { compareStates } from '../../src/network/compare.js';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf } from '../network/documents.js';
import { SHELLS } from './namespace-host.js';
import {
  DESIRED,
  NONCE,
  SMALL,
  begin,
  confirm,
  eventsOf,
  expectAsBefore,
  eventually,
  expectRolledBack,
  kinds,
  prepare,
  scenarioUnder,
} from './transaction-bench.js';

describe.each(SHELLS)('a transaction under %s', (shell) => {
  const scenario = scenarioUnder(shell);

  scenario('is armed, applied and confirmed, and is then what the plan says', async (host) => {
    const prepared = await prepare(host, DESIRED);
    expect(kinds(await begin(host, prepared))).toEqual(['armed', 'applied']);
    expect(host.state(prepared.id)).toBe('applied');
    const now = await host.observe();
    expect(compareStates(prepared.plan.target, now.state, new Set(prepared.plan.scope))).toEqual(
      [],
    );
    expect(planHost('h1', now, desiredOf(DESIRED)).changes).toEqual([]);
    expect(await confirm(host, prepared.id)).toBe('confirmed');
    expect(host.state(prepared.id)).toBe('confirmed');
  });

  scenario('leaves no process behind when it is confirmed', async (host) => {
    const prepared = await prepare(host, SMALL);
    await begin(host, prepared);
    await confirm(host, prepared.id);
    const left = async () => (await host.sh(`cat /proc/[0-9]*/cmdline | tr '\\0' ' '`)).trim();
    await eventually(async () => {
      expect(await left()).not.toContain(prepared.id);
    });
  });

  scenario('answers a second confirm as the first', async (host) => {
    const prepared = await prepare(host, SMALL);
    await begin(host, prepared);
    expect(await confirm(host, prepared.id)).toBe('confirmed');
    expect(await confirm(host, prepared.id)).toBe('confirmed');
  });

  scenario('takes a confirm, a rollback only from who knows its nonce', async (host) => {
    const prepared = await prepare(host, SMALL);
    await begin(host, prepared);
    expect(await confirm(host, prepared.id, 'wrong')).toBe('refused nonce');
    const asked = await host.send(rollbackScript(prepared.id, 'wrong', 'no'));
    expect(asked.stdout.trim()).toBe('refused nonce');
    expect(host.state(prepared.id)).toBe('applied');
  });

  scenario('rolls back at once, verified, when a step fails', async (host) => {
    const prepared = await prepare(host, DESIRED, {
      apply: (script) =>
        script.replace(
          /return 0\n$/,
          "S=99\nip -batch - <<'EOT' || return 1\nlink set dev eth1 down\nlink set dev nowhere up\nEOT\nreturn 0\n",
        ),
    });
    const events = await begin(host, prepared);
    expect(events).toMatchObject([
      { kind: 'armed' },
      { kind: 'failed', segment: 99 },
      { kind: 'rolling-back', cause: 'a step failed' },
      { kind: 'rolled-back', verified: true },
    ]);
    await expectAsBefore(host, prepared.observed);
    const status = parseStatus(
      'h1',
      (await host.send(statusScript(prepared.id))).stdout.split('\n'),
    );
    expect(status.state).toBe('rolled-back');
    expect(status.failure.join('\n')).toMatch(/segment 99\n.*nowhere.*\n.*Command failed -:2/s);
  });

  scenario('rolls back when the controller asks for it', async (host) => {
    const prepared = await prepare(host, DESIRED);
    await begin(host, prepared);
    const asked = await host.send(rollbackScript(prepared.id, NONCE, 'it is not what I meant'));
    expect(asked.stdout.trim().split('\n')).toEqual([
      'rolling-back it is not what I meant',
      'rolled-back verified',
    ]);
    await expectAsBefore(host, prepared.observed);
    const again = await host.send(rollbackScript(prepared.id, NONCE, 'again'));
    expect(again.stdout.trim()).toBe('over rolled-back');
    expect(host.text(prepared.id, 'cause').trim()).toBe('it is not what I meant');
  });

  scenario('never says that it is verified when it could not be read', async (host) => {
    // Nothing was there before: without surplus there would be nothing to differ.
    const prepared = await prepare(
      host,
      'interfaces: [{ name: vx9, type: vxlan, vxlan: { id: 9, base-iface: eth0, remote: 192.0.2.200 }, state: up }]',
    );
    await begin(host, prepared);
    // As with an "ip" that is broken since the change.
    const runtime = `/run/netorch/${prepared.id}/runtime.sh`;
    await host.sh(`sed -i 's/^snapshot() .*/snapshot() { :; }/' ${runtime}`);
    expect(await host.sh(`grep -c '^snapshot() { :; }' ${runtime}`)).toBe('1\n');
    await host.send(rollbackScript(prepared.id, NONCE, 'no'));
    expect(host.state(prepared.id)).toBe('incomplete');
    expect(host.text(prepared.id, 'differences')).toContain('could not be read');
  });

  scenario('never begins when its time was over before its timer was armed', async (host) => {
    const prepared = await prepare(host, SMALL, { secondsToDeadline: 0 });
    const events = await begin(host, prepared);
    expect(events).toEqual([{ kind: 'environment', text: 'it took too long to begin' }]);
    await expectAsBefore(host, prepared.observed);
  });

  scenario('cannot begin any more when it was ended before its timer was armed', async (host) => {
    const prepared = await prepare(host, SMALL);
    const { answer } = host.sendAndWatch(
      prepared.script.replace(/^for m in /m, 'until [ -e go ]; do sleep 0.1; done\nfor m in '),
    );
    await eventually(async () => {
      expect(
        await host.sh(`[ -s /run/netorch/${prepared.id}/nonce ] && echo written || echo not yet`),
      ).toBe('written\n');
    });
    await host.send(rollbackScript(prepared.id, NONCE, 'too late'));
    expect(host.state(prepared.id)).toBe('rolled-back');
    await host.sh(`echo >/run/netorch/${prepared.id}/go`);
    const events = eventsOf((await answer).stdout);
    expect(kinds(events)).not.toContain('armed');
    expect(kinds(events).at(-1)).toBe('environment');
    await expectAsBefore(host, prepared.observed);
  });

  scenario('refuses to begin where nothing would outlive the session', async (host) => {
    const prepared = await prepare(host, SMALL);
    const { stdout } = await host.send(
      prepared.script.replace('command -v setsid', 'command -v no-such-setsid'),
    );
    expect(stdout).toMatch(
      /^refused environment no timer can be set: there is neither systemd nor setsid/,
    );
    await expectAsBefore(host, prepared.observed);
  });

  scenario(
    'rolls back by itself at the deadline, and takes no confirm from then on',
    async (host) => {
      const prepared = await prepare(host, DESIRED, { secondsToDeadline: 2 });
      await begin(host, prepared);
      await expectRolledBack(host, prepared);
      expect(await confirm(host, prepared.id)).toBe('too-late rolled-back');
    },
  );

  scenario('refuses a confirm after the deadline even when no timer has acted', async (host) => {
    const prepared = await prepare(host, SMALL);
    await begin(host, prepared);
    // As after a thaw: time has gone by, and the confirm comes before the timers are awake.
    await host.sh(
      `cd /run/netorch/${prepared.id}; for f in runner.pid timer.pid; do kill -STOP -$(cat $f); done; echo 1 >deadline`,
    );
    expect(await confirm(host, prepared.id)).toBe('too-late applied');
    expect(host.state(prepared.id)).toBe('applied');
  });

  scenario('rolls back by the timer when the runner is killed after the steps', async (host) => {
    const prepared = await prepare(host, DESIRED, { secondsToDeadline: 3 });
    await begin(host, prepared);
    await host.kill(prepared.id, 'runner.pid');
    await expectRolledBack(host, prepared);
  });

  scenario('rolls back by the runner when the timer is killed', async (host) => {
    const prepared = await prepare(host, DESIRED, { secondsToDeadline: 3 });
    await begin(host, prepared);
    await host.kill(prepared.id, 'timer.pid');
    await expectRolledBack(host, prepared);
  });

  scenario('rolls back by the timer when the runner is killed between two steps', async (host) => {
    const prepared = await prepare(host, DESIRED, {
      secondsToDeadline: 3,
      // Stuck after the last step, as a step that never returns.
      apply: (script) => script.replace(/return 0\n$/, 'echo stuck >stuck\nsleep 1000\n'),
    });
    const { answer } = host.sendAndWatch(prepared.script);
    await host.reaches(prepared.id, 'applying');
    await eventually(async () => {
      expect(await host.sh(`cat /run/netorch/${prepared.id}/stuck 2>/dev/null || :`)).toContain(
        'stuck',
      );
    });
    await host.kill(prepared.id, 'runner.pid');
    expect(kinds(eventsOf((await answer).stdout))).toEqual([
      'armed',
      'rolling-back',
      'rolled-back',
    ]);
    await expectAsBefore(host, prepared.observed);
  });

  scenario('ends a step that hangs when it rolls back at the deadline', async (host) => {
    const prepared = await prepare(host, DESIRED, {
      secondsToDeadline: 2,
      apply: (script) =>
        script.replace(/return 0\n$/, 'sleep 1234\nip link set dev eth1 down\nreturn 0\n'),
    });
    const events = await begin(host, prepared);
    expect(kinds(events).at(-1)).toBe('rolled-back');
    await expectRolledBack(host, prepared);
    expect(await host.sh(`cat /proc/[0-9]*/cmdline | tr '\\0' ' '`)).not.toContain('sleep 1234');
  });

  scenario('goes on when the session that began it is gone', async (host) => {
    const prepared = await prepare(host, DESIRED, {
      secondsToDeadline: 3,
      apply: (script) => `sleep 1\n${script}`,
    });
    const { child, answer } = host.sendAndWatch(prepared.script);
    await host.reaches(prepared.id, 'applying');
    child.kill('SIGKILL');
    await answer;
    expect(await host.reaches(prepared.id, 'applied', 'rolled-back')).toBe('applied');
    expect(await confirm(host, prepared.id)).toBe('confirmed');
  });

  scenario('refuses to begin while another one is open, and says whose', async (host) => {
    const first = await prepare(host, SMALL, { owner: 'alice@laptop, netorch' });
    await begin(host, first);
    const second = await prepare(host, DESIRED);
    expect(await begin(host, second)).toMatchObject([
      { kind: 'busy', transaction: first.id, state: 'applied', owner: 'alice@laptop, netorch' },
    ]);
    expect(host.state(first.id)).toBe('applied');
    await confirm(host, first.id);
    const third = await prepare(host, DESIRED);
    expect(kinds(await begin(host, third))).toEqual(['armed', 'applied']);
  });

  scenario('has one beginner at most when many begin in the same moment', async (host) => {
    for (let round = 0; round < 3; round++) {
      const address = `198.51.100.${20 + round}`;
      const many = await Promise.all(
        [1, 2, 3, 4].map(() => prepare(host, SMALL.replace('198.51.100.6', address))),
      );
      const answers = await Promise.all(many.map((one) => begin(host, one)));
      const begun = many.filter((_, index) => answers[index]?.[0]?.kind === 'armed');
      expect(begun.length).toBeLessThanOrEqual(1);
      for (const events of answers) expect(['armed', 'busy']).toContain(events[0]?.kind);
      for (const { id } of begun) expect(await confirm(host, id)).toBe('confirmed');
    }
  });

  scenario(
    'takes over from one that never came to be armed, which then cannot go on',
    async (host) => {
      const stalled = await prepare(host, SMALL);
      await host.sh(
        `mkdir -p /run/netorch/${stalled.id}; cd /run/netorch/${stalled.id}; : >state.new; echo -200 >begun; echo someone >owner`,
      );
      const next = await prepare(host, SMALL);
      expect(kinds(await begin(host, next))).toEqual(['armed', 'applied']);
      expect(await confirm(host, next.id)).toBe('confirmed');
      expect((await host.observe()).transactions.map(({ state }) => state)).toEqual(['confirmed']);
    },
  );

  scenario(
    'refuses a host that has changed since it was observed, and touches nothing',
    async (host) => {
      const prepared = await prepare(host, DESIRED);
      await host.sh('ip link set eth1 mtu 1400');
      const before = await host.observe();
      const events = await begin(host, prepared);
      expect(events.at(-1)).toEqual({ kind: 'changed' });
      expect(kinds(events)).toContain('changed-line');
      expect((await host.observe()).transactions).toEqual([]);
      await expectAsBefore(host, before);
    },
  );

  scenario('refuses a host on which what it would add has appeared', async (host) => {
    const prepared = await prepare(host, DESIRED);
    await host.sh('ip link add br1 type bridge');
    expect((await begin(host, prepared)).at(-1)).toEqual({ kind: 'changed' });
  });

  scenario('gives back what it was from every point of the way', async (host) => {
    const { segments } = (await prepare(host, DESIRED)).scripts;
    const lines = segments.flatMap(({ tool, lines: texts }) =>
      texts.map(({ text }) =>
        tool === 'write'
          ? `echo ${text.split(' ')[1] ?? ''} >${text.split(' ')[0] ?? ''}`
          : `${tool} ${text}`,
      ),
    );
    expect(lines.length).toBeGreaterThan(15);
    // Each way back takes a second; the second shell takes every third one.
    for (let done = 0; done <= lines.length; done += shell === 'dash' ? 1 : 3) {
      const prepared = await prepare(host, DESIRED, {
        apply: () => `${lines.slice(0, done).join('\n')}\nreturn 1\n`,
      });
      const events = await begin(host, prepared);
      expect(kinds(events)).toEqual(['armed', 'failed', 'rolling-back', 'rolled-back']);
      await expectRolledBack(host, prepared);
    }
  });

  scenario('has one winner when confirm and rollback come together', async (host) => {
    const seen = new Set<string>();
    for (let round = 0; round < 8; round++) {
      const prepared = await prepare(
        host,
        SMALL.replace('198.51.100.6', `198.51.100.${100 + round}`),
      );
      await begin(host, prepared);
      const [confirmed, asked] = await Promise.all([
        confirm(host, prepared.id),
        host.send(rollbackScript(prepared.id, NONCE, 'race')),
      ]);
      const state = await host.reaches(prepared.id, 'confirmed', 'rolled-back', 'incomplete');
      seen.add(state);
      const now = await host.observe();
      if (state === 'confirmed') {
        expect(confirmed).toBe('confirmed');
        expect(
          compareStates(prepared.plan.target, now.state, new Set(prepared.plan.scope)),
        ).toEqual([]);
      } else {
        expect(confirmed).toMatch(/^not-applied |^too-late /);
        expect(asked.stdout).toContain('rolled-back verified');
        await expectAsBefore(host, prepared.observed);
      }
    }
    expect(seen.has('incomplete')).toBe(false);
  });
});
