/** What a run says of a host's next boot. The host is a state machine that was given a script, or none. */
import { describe, expect, test } from 'vitest';
import { runHost } from '../../src/run/host-run.js';
import type { HostJob } from '../../src/run/host-job.js';
import { exitCodeOf, countOutcomes } from '../../src/run/outcomes.js';
import { FakeHost, JOB } from './fake-host.js';

const run = (host: FakeHost, job: Partial<HostJob> = {}) =>
  runHost({ ...JOB, ...job }, host.environment);

/** What was sent with the confirmations. */
function confirmationsOf(host: FakeHost): readonly string[] {
  const inputs: string[] = [];
  const { transport } = host.environment;
  const connect = transport.connect.bind(transport);
  Object.assign(transport, {
    connect: async (...args: Parameters<typeof connect>) => {
      const connection = await connect(...args);
      return {
        ...connection,
        exec: (...words: Parameters<typeof connection.exec>) => {
          if (words[1]?.input?.includes('keep_files') === true) inputs.push(words[1].input);
          return connection.exec(...words);
        },
      };
    },
  });
  return inputs;
}

describe('a confirmed change', () => {
  test('is persistent when the host says so, and the host was given what it needs', async () => {
    const host = new FakeHost();
    const sent = confirmationsOf(host);
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
    expect(sent).toHaveLength(1);
    expect(sent[0]).toContain('#@record {"version":1,"by":"tx","scope":["eth4"]');
  });

  test('is not persistent when the host says why, and the exit code tells', async () => {
    const host = new FakeHost();
    host.persist = 'failed /var/lib/netorch could not be made: Read-only file system';
    const result = await run(host);
    expect(result).toMatchObject({
      outcome: 'confirmed-not-persistent',
      cause: '/var/lib/netorch could not be made: Read-only file system',
    });
    expect(exitCodeOf(countOutcomes([result]), { wasInterrupted: false })).toBe(5);
  });

  test('is asked for again while the host is still at it', async () => {
    const host = new FakeHost();
    host.persist = 'pending';
    host.onMessage = (message, times) => {
      if (message === 'status' && times > 3) host.persist = 'persisted';
      return undefined;
    };
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
  });

  test('is not persistent when the host does not come to an end with it', async () => {
    const host = new FakeHost();
    host.persist = 'pending';
    expect(await run(host)).toMatchObject({
      outcome: 'confirmed-not-persistent',
      cause: expect.stringContaining('not made it persistent in time'),
    });
  });

  test('is not given to the next boot when it is temporary', async () => {
    const host = new FakeHost();
    const sent = confirmationsOf(host);
    expect(await run(host, { temporary: true })).toMatchObject({ outcome: 'confirmed' });
    expect(sent[0]).toContain('record.new');
    expect(sent[0]).not.toContain('boot.sh.new >');
    expect(sent[0]).not.toContain('#@record');
  });

  test('is not made persistent over what something else configures at boot', async () => {
    const host = new FakeHost();
    const sent = confirmationsOf(host);
    host.onMessage = (message) =>
      message === 'observe' || message === 'status'
        ? host
            .answer(message)
            .replace(
              '@complete',
              '@boot-owners\nifupdown /etc/network/interfaces:iface eth4 inet dhcp\n@end-boot-owners\n@complete',
            )
        : undefined;
    const result = await run(host);
    expect(result).toMatchObject({
      outcome: 'confirmed-not-persistent',
      cause: expect.stringContaining('eth4 by ifupdown (/etc/network/interfaces)'),
    });
    expect(sent[0]).not.toContain('#@record');
    const planned = host.events.find(({ type }) => type === 'host.planned');
    expect(JSON.stringify(planned)).toContain('configures eth4 at boot');
  });

  test.each([
    { what: 'with it', altNames: '' },
    { what: 'with it, and with other names of udev', altNames: '"altnames":["enp7s4"],' },
  ])('counts as confirmed when the host comes back from a reboot $what', async ({ altNames }) => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message === 'confirm') {
        host.reboot();
        throw host.cut();
      }
      if (message !== 'status' || host.state !== 'none') return undefined;
      host.network = 'after';
      const record = { version: 1, by: 'tx', scope: [], created: [], lines: [], removed: [] };
      const persistent = JSON.stringify({ ...record, costs: [], dns: false, altNames: [] });
      return host
        .answer('status')
        .replace('"ifname":"eth4",', (link) => link + altNames)
        .replace(
          '@complete',
          `@persistence\npersistent ${persistent}\nboot pass boot 5\nboot result good\n@end-persistence\n@complete`,
        );
    };
    expect(await run(host)).toMatchObject({ outcome: 'confirmed' });
  });

  test('is gone when the host comes back from a reboot without it', async () => {
    const host = new FakeHost();
    host.onMessage = (message) => {
      if (message !== 'confirm') return undefined;
      host.reboot();
      throw host.cut();
    };
    expect(await run(host)).toMatchObject({
      outcome: 'rolled-back',
      verified: true,
      cause: expect.stringContaining('before the change was persistent'),
    });
  });
});
