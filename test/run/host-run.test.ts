/** One host's way through a run, with whatever can happen on it. The clock is the fake host's own. */
import { describe, expect, test } from 'vitest';
import { NetorchError } from '../../src/errors.js';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import { interfaceMap } from '../../src/network/state.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { planHost } from '../../src/plan/plan-host.js';
import type { ProbeSpec } from '../../src/probes/probe-script.js';
import { runHost } from '../../src/run/host-run.js';
import type { HostJob } from '../../src/run/host-job.js';
import { desiredOf } from '../network/documents.js';
import { BEFORE, FakeHost, JOB, PLAN } from './fake-host.js';

const run = (host: FakeHost, job: Partial<HostJob> = {}) =>
  runHost({ ...JOB, ...job }, host.environment);
const unreachable = () => new NetorchError('HOST_UNREACHABLE', 'h1: no answer');

describe('a host ends', () => {
  test('confirmed, over a second connection, when it is what the plan says', async () => {
    const host = new FakeHost();
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
    expect(host.state).toBe('confirmed');
    expect(host.connections).toBe(2);
    expect(host.messages).toEqual(['observe', 'begin', 'status', 'confirm']);
    expect(host.events.at(-1)).toMatchObject({ type: 'host.finished', outcome: 'confirmed' });
  });

  test('confirmed, and is changed only when what it was is on the disk of the controller', async () => {
    const host = new FakeHost();
    const told: (readonly string[])[] = [];
    const recorded = async () => {
      told.push(host.events.map(({ type }) => type));
      await host.clock.delay(5_000);
      expect(host.messages).toEqual(['observe']);
    };
    const result = await runHost(JOB, { ...host.environment, recorded });
    expect(result).toMatchObject({ outcome: 'confirmed' });
    expect(told.map((types) => types.at(-1))).toEqual(['host.recorded']);
  });

  test('unchanged, over one connection, when there is nothing to do', async () => {
    const host = new FakeHost();
    expect(await run(host, { desired: desiredOf('{}') })).toMatchObject({ outcome: 'unchanged' });
    expect(host.connections).toBe(1);
    expect(host.messages).toEqual(['observe']);
  });

  test('confirmed when the answer to the confirm is lost: the next dial reads how it ended', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message !== 'confirm' || times > 1) return undefined;
      host.answer('confirm');
      throw host.cut();
    };
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
    expect(host.messages).toEqual(['observe', 'begin', 'status', 'confirm', 'status']);
  });

  test('confirmed when it needs a moment to become what the plan says', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message !== 'status') return undefined;
      host.network = times === 1 ? 'before' : 'after';
      return undefined;
    };
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
    expect(host.events.filter(({ type }) => type === 'host.differed')).toHaveLength(1);
  });

  test('rolled back when it stays something else than the plan says', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'status' && host.state === 'applied') host.network = 'before';
      return undefined;
    };
    const result = await run(host);
    expect(result).toMatchObject({ outcome: 'rolled-back', verified: true });
    expect(result.details?.join('\n')).toContain('eth4');
    expect(host.messages).toContain('rollback');
    expect(host.messages).not.toContain('confirm');
  });

  test('confirmed when an address comes from a DHCP server late, but in time', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message !== 'status' || host.nowMs >= 15_000) return undefined;
      return host.answer('status').replace(/^.* secondary dynamic eth4.*\n/m, '');
    };
    const planFor = (observed: ObservedHost): ChangePlan => {
      const plan = planHost('h1', observed, JOB.desired);
      const interfaces = [...plan.target.interfaces.values()].map((item) =>
        item.name === 'eth4' ? { ...item, ipv4: { ...item.ipv4, isAwaited: true } } : item,
      );
      return { ...plan, target: { ...plan.target, interfaces: interfaceMap(interfaces) } };
    };
    expect(await run(host, { planFor })).toMatchObject({ outcome: 'confirmed' });
    expect(host.nowMs).toBeGreaterThanOrEqual(15_000);
    const differed = host.events.filter((event) => event.type === 'host.differed');
    expect(differed).toMatchObject([
      {
        differences: ['eth4.ipv4.dhcp: should be an address from the DHCP server, is none yet'],
      },
    ]);
  });

  test('failed, untouched, when another host has the address that it is to get', async () => {
    const host = new FakeHost();
    host.vacancy = 'probe 0 FAIL 02:00:00:00:00:66\n';
    expect(await run(host)).toMatchObject({
      outcome: 'failed',
      cause: expect.stringContaining(
        'another host has the address 192.0.2.133 already: 02:00:00:00:00:66 answers for it on eth4',
      ),
    });
    expect(host.messages).not.toContain('begin');
  });

  test('confirmed when a run is undone in which it gave that address to another host', async () => {
    const host = new FakeHost();
    host.vacancy = 'probe 0 FAIL 02:00:00:00:00:66\n';
    const planFor = (observed: ObservedHost): ChangePlan => planHost('h1', observed, JOB.desired);
    expect(await run(host, { planFor })).toMatchObject({ outcome: 'confirmed' });
  });

  test('rolled back, with what was seen from it before its deadline', async () => {
    const host = new FakeHost();
    host.onDial = (times) => (times > 1 && host.nowMs < 45_000 ? unreachable() : undefined);
    host.onMessage = (message) =>
      message === 'status'
        ? host
            .answer('status')
            .replace(
              /^cause .*$/m,
              (line) =>
                `${line}\nevidence link eth0 up=1 carrier=0 mtu=1500 mac=x\nevidence way 10.77.0.1 10.77.0.1 dev eth0 uid 0\nevidence complete`,
            )
        : undefined;
    const result = await run(host);
    expect(result).toMatchObject({
      outcome: 'rolled-back',
      cause:
        'eth0 has no carrier: the cable is out, or the switch port is off (after the change SSH at 192.0.2.130 did not answer within 30 s)',
    });
    expect(result.details).toContain('seen from the host: eth0: up, no carrier, MTU 1500, x');
    expect(host.events.find((event) => event.type === 'host.diagnosed')).toMatchObject({
      kind: 'no-carrier',
      cause: 'eth0 has no carrier: the cable is out, or the switch port is off',
    });
  });

  test.each([
    // Of two rounds of 6.5 s the last begins 8 s before the deadline, and ends 1.5 s before it.
    ['ends when no time is left to look for it', 19_500, () => 6_500],
    [
      'takes much longer than the one before',
      15_900,
      (times: number) => (times === 2 ? 5_000 : 9_000),
    ],
  ])('rolled back with the cause though its last probe %s', async (_, reachedMs, roundMs) => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message === 'status' && times === 1) host.clock.nowMs = reachedMs;
      if (message === 'probe' && times > 1) {
        host.clock.nowMs += roundMs(times);
        return 'probe 0 FAIL no answer\n';
      }
      const isDiagnosis = message === 'observe' && host.messages.includes('begin');
      return isDiagnosis
        ? 'link eth0 up=1 carrier=0 mtu=1500 mac=x\nway 192.0.2.1 192.0.2.1 dev eth0 uid 0\ncomplete\n'
        : undefined;
    };
    const probes: ProbeSpec[] = [{ kind: 'ping', address: '192.0.2.1' }];
    expect(await run(host, { probes })).toMatchObject({
      outcome: 'rolled-back',
      details: expect.arrayContaining([expect.stringMatching(/^seen from the host: eth0/)]),
    });
    expect(host.nowMs).toBeLessThan(host.deadlineMs);
  });

  test('rolled back with the cause when a probe stays bad', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message === 'rollback') host.cause = 'after the change: ping 192.0.2.1: no answer';
      return message === 'probe' && times > 1 ? 'probe 0 FAIL no answer\n' : undefined;
    };
    expect(await run(host, { probes: [{ kind: 'ping', address: '192.0.2.1' }] })).toMatchObject({
      outcome: 'rolled-back',
      cause: 'after the change: ping 192.0.2.1: no answer',
    });
    expect(host.messages.filter((message) => message === 'probe').length).toBeGreaterThan(5);
    expect(host.nowMs).toBeLessThan(host.deadlineMs);
  });

  test('rolled back, and told to have been cut off only until it answered again, when a probe took too long', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message !== 'probe' || times === 1) return undefined;
      if (times === 2) {
        host.clock.nowMs += 6_000;
        throw host.cut('a command did not end in time');
      }
      return 'probe 0 FAIL no answer\n';
    };
    const result = await run(host, { probes: [{ kind: 'ping', address: '192.0.2.1' }] });
    expect(result).toMatchObject({ outcome: 'rolled-back', outageMs: 1_000 });
    const told = host.events.flatMap((event) => {
      if (event.type === 'host.cut-off') return ['cut off'];
      return event.type === 'host.reached' ? [`reached after ${event.outageMs}`] : [];
    });
    expect(told).toEqual(['reached after 0', 'cut off', 'reached after 1000']);
  });

  test('rolled back with the cause when its deadline passes while a probe is tried again', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message !== 'probe' || times === 1) return undefined;
      // The second look takes longer than all that is left of the time.
      host.clock.nowMs += times === 2 ? 1_000 : 45_000;
      host.tick();
      return 'probe 0 FAIL no answer\n';
    };
    expect(await run(host, { probes: [{ kind: 'ping', address: '192.0.2.1' }] })).toMatchObject({
      outcome: 'rolled-back',
      cause: 'after the change: ping 192.0.2.1: no answer',
    });
    expect(host.cause).toBe('the deadline passed without a confirmation');
  });

  test('rolled back, never confirmed, when the word to go back is lost and its probe is good by then', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message === 'rollback' && times === 1) throw host.cut();
      const isAsked = host.messages.includes('rollback');
      return message === 'probe' && times > 1 && !isAsked ? 'probe 0 FAIL no answer\n' : undefined;
    };
    host.onAnswered = (message) => {
      if (message === 'rollback') host.cause = 'after the change: ping 192.0.2.1: no answer';
    };
    expect(await run(host, { probes: [{ kind: 'ping', address: '192.0.2.1' }] })).toMatchObject({
      outcome: 'rolled-back',
      cause: 'after the change: ping 192.0.2.1: no answer',
    });
    expect(host.messages.filter((message) => message === 'rollback')).toHaveLength(2);
    expect(host.messages).not.toContain('confirm');
  });

  test('rolled back with the cause when its probe is good too late to be confirmed', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) => {
      if (message === 'confirm') {
        host.clock.nowMs += 45_000;
        host.tick();
      }
      return message === 'probe' && times === 2 ? 'probe 0 FAIL no answer\n' : undefined;
    };
    expect(await run(host, { probes: [{ kind: 'ping', address: '192.0.2.1' }] })).toMatchObject({
      outcome: 'rolled-back',
      cause: 'after the change: ping 192.0.2.1: no answer (it was good too late to be confirmed)',
    });
    expect(host.cause).toBe('the deadline passed without a confirmation');
  });

  test('rolled back over the connection that is there, though what is asked for the cause does not end', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) =>
      message === 'probe' && times > 1 ? 'probe 0 FAIL no answer\n' : undefined;
    host.takesUntilAborted = (message) => message === 'observe' && host.messages.includes('begin');
    expect(await run(host, { probes: [{ kind: 'ping', address: '192.0.2.1' }] })).toMatchObject({
      outcome: 'rolled-back',
    });
    expect(host.messages.at(-2)).toBe('rollback');
    // To begin, to prove it, and to read how it ended.
    expect(host.connections).toBe(3);
    expect(host.nowMs).toBeLessThan(host.deadlineMs);
  });

  test('confirmed when a probe fails after the change as it did before, which is said at once', async () => {
    const host = new FakeHost();
    const probes: ProbeSpec[] = [
      { kind: 'ping', address: '192.0.2.131' },
      { kind: 'tcp', address: '192.0.2.132', port: 22 },
    ];
    host.onMessage = (message, times) => {
      if (message !== 'probe') return undefined;
      // After the change only the second one is asked for, and is the first therefore.
      return times === 1 ? 'probe 0 FAIL no answer\nprobe 1 OK fine\n' : 'probe 0 OK fine\n';
    };
    expect(await run(host, { probes })).toMatchObject({ outcome: 'confirmed' });
    const types = host.events.map((event) => (event.type === 'log' ? event.message : event.type));
    const said =
      'ping 192.0.2.131: was not good before the change either (no answer): not required after it';
    expect(types).toContain(said);
    expect(types.indexOf(said)).toBeLessThan(types.indexOf('host.armed'));
    expect(host.events.find((event) => event.type === 'host.recorded')).toMatchObject({
      waivedProbes: ['ping 192.0.2.131'],
    });
  });

  test('rolled back, in the words of the step, when a step failed', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'begin') {
        host.state = 'rolled-back';
        host.deadlineMs = 40_000;
        return 'armed 0 40\nfailed 1\nrolling-back a step failed\nrolled-back verified\n';
      }
      if (message !== 'status') return undefined;
      return host
        .answer('status')
        .replace(
          'state rolled-back\n',
          'state rolled-back\ncause a step failed\nfailure segment 1\nfailure RTNETLINK answers: File exists\nfailure Command failed -:1\n',
        );
    };
    const result = await run(host);
    expect(result.outcome).toBe('rolled-back');
    expect(result.cause).toMatch(/refused to set addresses of eth4.*already there/);
    expect(result.details).toContain('step: ip addr replace 192.0.2.133/25 brd + dev eth4');
  });

  test('rolled back by itself when it cannot be reached before its deadline', async () => {
    const host = new FakeHost();
    host.onDial = (times) => (times > 1 && host.nowMs < 45_000 ? unreachable() : undefined);
    const result = await run(host);
    expect(result).toMatchObject({ outcome: 'rolled-back', verified: true });
    expect(result.cause).toContain('SSH at 192.0.2.130');
    expect(host.messages).not.toContain('confirm');
  });

  test('rolled back, not lost, when a dial takes long by then', async () => {
    const host = new FakeHost();
    // As over a link with a second and a half of delay: a login has eight round trips.
    host.onDial = (times, timeoutMs) => {
      if (times === 1) return undefined;
      host.clock.nowMs += Math.min(timeoutMs, 13_000);
      host.tick();
      return timeoutMs < 13_000 ? unreachable() : undefined;
    };
    expect(await run(host, { target: { ...JOB.target, connectTimeoutMs: 20_000 } })).toMatchObject({
      outcome: 'rolled-back',
    });
  });

  test('lost when it does not come back in the announced time', async () => {
    const host = new FakeHost();
    host.onDial = (times) => (times > 1 ? unreachable() : undefined);
    const result = await run(host);
    expect(result).toMatchObject({ outcome: 'lost' });
    expect(result.details?.join('\n')).toContain('no answer');
    expect(host.nowMs).toBeGreaterThan(host.deadlineMs);
  });

  test('lost, never confirmed, when another host answers in its place', async () => {
    const host = new FakeHost();
    host.onDial = (times) =>
      times > 1 ? new NetorchError('HOST_KEY_MISMATCH', 'h1: another host key') : undefined;
    expect(await run(host)).toMatchObject({ outcome: 'lost' });
    expect(host.state).toBe('rolled-back');
    expect(host.messages).not.toContain('confirm');
  });

  test('rolled back when it was rebooted before it was confirmed', async () => {
    const host = new FakeHost();
    host.onDial = (times) => {
      if (times === 2) host.reboot();
      return undefined;
    };
    const result = await run(host);
    expect(result).toMatchObject({ outcome: 'rolled-back', verified: true });
    expect(result.cause).toContain('rebooted');
  });

  test('rolled back, with what differs, when it could not go back to what it was', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'begin') {
        host.answer('begin');
        host.state = 'incomplete';
        return 'armed 0 40\nfailed 1\nrolling-back x\nrolled-back incomplete\n';
      }
      if (message !== 'status') return undefined;
      return host
        .answer('status')
        .replace('@end-status', 'difference missing: 1:link eth4\n@end-status');
    };
    const result = await run(host);
    expect(result).toMatchObject({ outcome: 'rolled-back', verified: false });
    expect(result.details?.join('\n')).toContain('missing: 1:link eth4');
  });

  test('skipped when the run was stopped before', async () => {
    const host = new FakeHost();
    host.stopping.abort();
    expect(await run(host)).toMatchObject({ outcome: 'skipped' });
    expect(host.connections).toBe(0);
  });

  test('as it ends when the run is stopped after it began', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'begin') host.stopping.abort();
      return undefined;
    };
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
  });
});

describe('a host fails, untouched', () => {
  test('when it cannot be reached', async () => {
    const host = new FakeHost();
    host.onDial = unreachable;
    expect(await run(host)).toMatchObject({ outcome: 'failed' });
  });

  test('when another netorch is at work on it', async () => {
    const host = new FakeHost();
    host.onMessage = (message) =>
      message === 'begin' ? 'refused busy tx0 applied 5 25 alice@laptop\n' : undefined;
    const result = await run(host);
    expect(result.outcome).toBe('failed');
    expect(result.cause).toContain('alice@laptop');
    expect(result.details?.join('\n')).toContain('25 s');
    expect(host.connections).toBe(1);
  });

  test('when it is as the plan says, and another netorch has not confirmed it yet', async () => {
    const open =
      '@transactions\n20260101T000000-other applied 9000000 1 alice@laptop\n@end-transactions';
    const host = new FakeHost();
    const text = host.texts.before.replace(/@transactions\n[^]*@end-transactions/, open);
    expect(text).toContain('alice@laptop');
    host.texts = { ...host.texts, before: text };
    const result = await run(host, { desired: desiredOf('{}') });
    expect(result.outcome).toBe('failed');
    expect(result.cause).toMatch(/HOST_BUSY.*alice@laptop.*nothing was touched/);
    expect(host.messages).toEqual(['observe']);
  });

  test('when its scripts cannot be written', async () => {
    const host = new FakeHost();
    host.onMessage = (message) =>
      message === 'begin' ? 'refused environment /run is full\n' : undefined;
    expect((await run(host)).cause).toContain('/run is full');
  });

  test('when it changes each time netorch looks, after three tries', async () => {
    const host = new FakeHost();
    host.onMessage = (message) =>
      message === 'begin' ? 'was link eth4 x\nrefused changed\n' : undefined;
    const result = await run(host);
    expect(result.outcome).toBe('failed');
    expect(result.details).toContain('was: link eth4 x');
    expect(host.messages.filter((message) => message === 'begin')).toHaveLength(3);
  });

  test('not when it changed once: it is planned again', async () => {
    const host = new FakeHost();
    host.onMessage = (message, times) =>
      message === 'begin' && times === 1 ? 'refused changed\n' : undefined;
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
    expect(host.messages.slice(0, 4)).toEqual(['observe', 'begin', 'observe', 'begin']);
  });

  test('when a saved plan no longer fits it', async () => {
    const host = new FakeHost();
    const result = await run(host, { expectedFingerprint: 'of another state' });
    expect(result.outcome).toBe('failed');
    expect(result.cause).toContain('PLAN_STALE');
    expect(host.messages).toEqual(['observe']);
  });

  test('when its answer makes no sense', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => (message === 'observe' ? BEFORE.slice(0, 9000) : undefined);
    expect((await run(host)).cause).toContain('AGENT_PROTOCOL');
  });

  test('when the login user is not root', async () => {
    const host = new FakeHost();
    host.onMessage = (message) =>
      message === 'observe' ? BEFORE.replace('root 1', 'root 0') : undefined;
    expect((await run(host)).cause).toContain('BECOME_FAILED');
  });
});

describe('a host that says what cannot be', () => {
  test.each(['armed 0 not-a-number', 'armed', 'armed 0 1000000000000', 'armed 0 -5'])(
    'about its deadline ("%s") still ends in the time that was asked for',
    async (line) => {
      const host = new FakeHost();
      host.onMessage = (message) => {
        if (message !== 'begin') return undefined;
        return host.answer('begin').replace(/^armed.*$/m, line);
      };
      host.onDial = (times) => (times > 1 ? unreachable() : undefined);
      expect(await run(host)).toMatchObject({ outcome: 'lost' });
      expect(host.nowMs).toBeLessThan(200_000);
      expect(host.events.map(({ type }) => type)).toContain('host.armed');
    },
  );

  test('is failed, not rolled back, when the transaction never came to be', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => (message === 'begin' ? '' : undefined);
    const result = await run(host);
    expect(result).toMatchObject({ outcome: 'failed' });
    expect(result.cause).toContain('did not begin');
  });

  test('is failed, and cannot begin later, when its transaction stays without a timer', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'begin') {
        host.state = 'new';
        return '';
      }
      if (message === 'rollback') host.cause = 'nothing was begun';
      return undefined;
    };
    expect(await run(host)).toMatchObject({ outcome: 'failed' });
    expect(host.messages).toContain('rollback');
    expect(host.state).toBe('rolled-back');
  });

  test('is lost when the record of the change is gone and the change is still there', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'status') host.state = 'none';
      return undefined;
    };
    expect(await run(host)).toMatchObject({ outcome: 'lost' });
  });

  test('never counts as "nothing touched" when an error of ours comes up after it began', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'status' && host.state === 'applied') throw new TypeError('a bug');
      return undefined;
    };
    expect(await run(host)).toMatchObject({ outcome: 'rolled-back', verified: true });
    expect(JSON.stringify(host.events)).toContain('internal error: a bug');
  });
});

test('a session that goes quiet while the steps are carried out is not waited for until the deadline', async () => {
  const host = new FakeHost();
  const { transport } = host.environment;
  const environment = {
    ...host.environment,
    transport: {
      connect: async (...args: Parameters<typeof transport.connect>) => {
        const connection = await transport.connect(...args);
        return {
          ...connection,
          exec: async (...exec: Parameters<typeof connection.exec>) => {
            const answer = await connection.exec(...exec);
            return host.messages.at(-1) === 'begin' ? new Promise<never>(() => undefined) : answer;
          },
        };
      },
    },
  };
  expect(await runHost(JOB, environment)).toMatchObject({ outcome: 'confirmed' });
});

describe('a host that moves to another address', () => {
  const MOVED = PLAN.replace(/\[.*\]/, '[{ ip: 192.0.2.134, prefix-length: 25 }]');
  const moving = () => {
    const host = new FakeHost();
    const answer = host.answer.bind(host);
    host.answer = (message) => {
      const text = answer(message).replace(/^ssh .*$/m, 'ssh 192.0.2.1 50000 192.0.2.130 22');
      if (host.network === 'before') return text;
      return text.replace(/^.*192\.0\.2\.130\/25.*\n/m, '').replace('2.133/25', '2.134/25');
    };
    return host;
  };
  const job = { desired: desiredOf(MOVED) };

  test('is confirmed at the new address', async () => {
    expect(await run(moving(), job)).toMatchObject({ outcome: 'confirmed' });
  });

  test('is not taken for rebooted when a clone of it answers there', async () => {
    const host = moving();
    let address: string | undefined;
    const { transport } = host.environment;
    const environment = {
      ...host.environment,
      transport: {
        connect: (...args: Parameters<typeof transport.connect>) => {
          address = args[1]?.address;
          return transport.connect(...args);
        },
      },
    };
    const own = host.bootId;
    host.onMessage = (message) => {
      host.bootId = address === '192.0.2.134' ? 'c0000000-0000-0000-0000-000000000000' : own;
      return message === 'status' && address === '192.0.2.134'
        ? `@status\ngone\n@end-status\n${host.answer('observe')}`
        : undefined;
    };
    const result = await runHost({ ...JOB, ...job }, environment);
    expect(result).toMatchObject({ outcome: 'rolled-back', verified: true });
    expect(result.cause).not.toContain('rebooted');
    expect(host.messages).not.toContain('confirm');
  });

  test('is still asked there after the deadline when the answer to the confirmation was lost', async () => {
    const host = moving();
    let isConfirmed = false;
    host.onMessage = (message) => {
      if (message !== 'confirm') return undefined;
      host.answer('confirm');
      isConfirmed = true;
      throw host.cut();
    };
    // Nobody answers until the deadline is over, and at the old address never again.
    host.onDial = () =>
      isConfirmed && host.nowMs < host.deadlineMs + 5_000 ? unreachable() : undefined;
    const { transport } = host.environment;
    const environment = {
      ...host.environment,
      transport: {
        connect: (...args: Parameters<typeof transport.connect>) =>
          isConfirmed && args[1]?.address !== '192.0.2.134'
            ? Promise.reject(unreachable())
            : transport.connect(...args),
      },
    };
    expect(await runHost({ ...JOB, ...job }, environment)).toMatchObject({ outcome: 'confirmed' });
  });
});
