/**
 * What survives a reboot, in namespaces of this machine's kernel: the file that a boot runs is written,
 * taken to another "host" that has just booted, and run there. Power cuts are those of test/e2e.
 */
import { describe, expect, test } from 'vitest';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import { parsePersisted, persistScript, unpersistScript } from '../../src/agents/persistence.js';
import { beginScript, confirmScript } from '../../src/agents/transaction.js';
import { iproute2Scripts } from '../../src/backends/backend.js';
import { ownedDelta } from '../../src/plan/owned-delta.js';
import { planHost } from '../../src/plan/plan-host.js';
import { persistenceFiles, runningFiles } from '../../src/run/persistence-files.js';
import { desiredOf } from '../network/documents.js';
import { NamespaceHost, SHELLS, whyNot } from './namespace-host.js';

/** What this host's own boot makes of its network, whatever was changed. */
const BOOT = `
ip netns add wire
for i in 0 1 2; do
  ip link add eth$i address 02:00:00:00:00:0$i type veth peer name sw$i netns wire
  ip -n wire link set sw$i up
  ip link set eth$i up
done
ip addr add 192.0.2.5/24 brd + dev eth0
ip addr add 198.51.100.5/24 dev eth1
ip link add br0 type bridge
ip link set eth2 master br0
ip link set br0 up
ip route add default via 192.0.2.1
ip rule add from 192.0.2.6 lookup 100 pref 1000
`;
/** An init that is known to run /etc/rc.local. */
const INIT = `echo '::sysinit:/etc/rc.local' >/etc/inittab; rm -f /etc/rc.local`;

const DESIRED = `
interfaces:
  - name: br1
    type: linux-bridge
    mtu: 1450
    ipv4:
      enabled: true
      address: [{ ip: 192.0.2.5, prefix-length: 24 }, { ip: 192.0.2.77, prefix-length: 24 }]
    ipv6:
      enabled: true
      address: [{ ip: 2001:db8::7, prefix-length: 64 }]
    bridge:
      options: { stp: { enabled: false } }
      port: [{ name: eth0, stp-path-cost: 50 }, { name: eth1 }]
  - { name: br0, state: absent }
  - { name: br2, type: linux-bridge, state: up, mtu: 1400 }
  - { name: vx5, type: vxlan, state: up, vxlan: { id: 5, base-iface: br1, remote: 192.0.2.200 } }
routes:
  config:
    - { destination: 0.0.0.0/0, state: absent }
    - { destination: 0.0.0.0/0, next-hop-interface: br1, next-hop-address: 192.0.2.1 }
    - { destination: 172.16.0.0/16, next-hop-interface: br1, next-hop-address: 192.0.2.8 }
    - { destination: 203.0.113.0/24, route-type: blackhole }
route-rules:
  config:
    - { ip-from: 192.0.2.6/32, state: absent }
    - { ip-from: 192.0.2.77/32, route-table: 100, priority: 1001 }
    - { ip-from: 2001:db8::/32, route-table: 100, priority: 1003 }
`;

let count = 0;

/** A whole transaction, confirmed. `temporary`: nothing is given to the next boot. */
async function change(
  host: NamespaceHost,
  desired: string,
  temporary = false,
  changed = (script: string) => script,
): Promise<Readonly<{ id: string; confirmed: ObservedHost; answer: string }>> {
  const before = await host.observe();
  const plan = planHost('h1', before, desiredOf(desired));
  count += 1;
  const id = `20260101T000000-p${String(count).padStart(3, '0')}`;
  const script = beginScript({
    id,
    nonce: 'n',
    owner: 'test',
    secondsToDeadline: 600,
    maxSeconds: 1200,
    scripts: iproute2Scripts({ plan, observed: before.state, lines: before.lines }),
    resolvConf: before.resolvConf,
    owned: ownedDelta(before.state, plan.target, before.owned, 'test'),
  });
  await host.send(changed(script));
  const confirmed = await host.observe();
  const { files, refused } = persistenceFiles({
    by: id,
    scope: plan.scope,
    before: before.state,
    beforeLines: before.lines,
    target: plan.target,
    confirmed,
    desired: desiredOf(desired),
    temporary,
  });
  expect(refused).toBeUndefined();
  expect(host.state(id)).toBe('applied');
  const { stdout } = await host.send(confirmScript(id, 'n', files));
  return { id, confirmed, answer: stdout };
}

/** Where a device comes in the kernel's lists is no part of a network's state. */
const sorted = (lines: readonly string[]): readonly string[] =>
  lines.filter((line) => !/ inet6 fe80:.* scope link/.test(line)).toSorted();

const bootFile = (host: NamespaceHost) => host.sh('cat /var/lib/netorch/boot.sh');

/** The same host after a reboot: what its own boot makes, and nothing in /run. */
async function reboot(from: NamespaceHost, shell: (typeof SHELLS)[number]): Promise<NamespaceHost> {
  const file = await bootFile(from).catch(() => undefined);
  const host = await NamespaceHost.start(shell);
  await host.sh(`${INIT}\n${BOOT}`);
  if (file !== undefined) {
    await host.sh(
      `mkdir -m 700 /var/lib/netorch; cat >/var/lib/netorch/boot.sh <<'NETORCH_TEST_END'\n${file}NETORCH_TEST_END\n`,
    );
  }
  return host;
}

describe.each(SHELLS)('what is persistent, under %s', (shell) => {
  const reason = whyNot(shell);
  const scenario = (
    name: string,
    run: (
      host: NamespaceHost,
      start: (from: NamespaceHost) => Promise<NamespaceHost>,
    ) => Promise<void>,
  ): void => {
    (reason === undefined ? test.concurrent : test.concurrent.skip)(
      reason === undefined ? name : `${name} (skipped: ${reason})`,
      { timeout: 120_000 },
      async () => {
        const hosts: NamespaceHost[] = [await NamespaceHost.start(shell)];
        try {
          const [first] = hosts;
          if (first === undefined) throw new Error('no host');
          await first.sh(`${INIT}\n${BOOT}`);
          await run(first, async (from) => {
            const next = await reboot(from, shell);
            hosts.push(next);
            return next;
          });
        } finally {
          for (const host of hosts) await host.stop();
        }
      },
    );
  };
  const boot = (host: NamespaceHost, pass = 'boot') =>
    host.send(`set -- ${pass}\n. /var/lib/netorch/boot.sh\n#netorch-end\n`);

  scenario(
    'comes back on a host that has just booted, and not what was taken away',
    async (host, start) => {
      const { confirmed, answer } = await change(host, DESIRED);
      expect(answer).toBe('confirmed\npersist persisted\n');

      const next = await start(host);
      const said = await boot(next);
      expect(said.stderr).toBe('');
      const now = await next.observe();
      expect(sorted(now.lines)).toEqual(sorted(confirmed.lines));
      expect(now.persistence.boot).toMatchObject({ pass: 'boot', good: true, missing: [] });
      expect(planHost('h1', now, desiredOf(DESIRED)).changes).toEqual([]);
      // Run again it finds nothing to do.
      await boot(next, 'late');
      expect((await next.observe()).lines).toEqual(now.lines);
    },
  );

  scenario(
    'is written though who confirmed is killed with its session in that very moment',
    async (host, start) => {
      const { id, confirmed, answer } = await change(host, DESIRED, false, (script) =>
        script.replace('point confirmed\n', () => 'kill -KILL $$\n'),
      );
      expect([answer, host.state(id)]).toEqual(['', 'confirmed']);
      // Whoever has waited for the deadline does the rest.
      await host.sh(`until [ -s /run/netorch/${id}/persist.result ]; do sleep 0.1; done`);
      expect(host.text(id, 'persist.result')).toBe('persisted\n');
      expect(await host.sh('sort /run/netorch/owned | uniq -d')).toBe('');
      expect((await host.observe()).persistence.running?.created).toContain('br1');
      const next = await start(host);
      await boot(next);
      expect(sorted((await next.observe()).lines)).toEqual(sorted(confirmed.lines));
    },
  );

  scenario(
    'is whole, too, when a confirmation that was killed is asked for again',
    async (host) => {
      const { id } = await change(host, DESIRED, false, (script) =>
        script.replace('point confirmed\n', () => 'kill -KILL $$\n'),
      );
      const { stdout } = await host.send(confirmScript(id, 'n'));
      expect(stdout).toBe('confirmed\npersist persisted\n');
      expect(await host.sh('cat /var/lib/netorch/owned')).toMatch(/br1/);
    },
  );

  scenario('grows with each change, and is taken away as a whole', async (host, start) => {
    await change(host, DESIRED);
    await change(
      host,
      'interfaces: [{ name: br2, state: absent }, { name: br3, type: linux-bridge, state: up }]',
    );
    const next = await start(host);
    await boot(next);
    const links = async (on: NamespaceHost) => (await on.sh('ls /sys/class/net')).split('\n');
    expect(await links(next)).toEqual(expect.arrayContaining(['br1', 'vx5', 'br3']));
    expect(await links(next)).not.toContain('br2');

    const removed = await host.send(unpersistScript());
    expect(parsePersisted(removed.stdout)).toEqual({ kind: 'removed' });
    expect(await host.sh('ls -A /var/lib; ls /etc/rc.local 2>/dev/null || :')).toBe('');
    expect((await host.observe()).persistence).toMatchObject({ persistent: undefined });
  });

  scenario('does not hold what is temporary, until it is made persistent', async (host, start) => {
    const { answer } = await change(host, DESIRED, true);
    expect(answer).toBe('confirmed\n');
    const observed = await host.observe();
    expect(observed.persistence.persistent).toBeUndefined();
    expect(observed.persistence.running?.created).toContain('br1');

    const found = runningFiles('by hand', observed);
    if (found?.files.bootScript === undefined) throw new Error('nothing to make persistent');
    const { record, bootScript } = found.files;
    const { stdout } = await host.send(persistScript({ record, bootScript }));
    expect(parsePersisted(stdout)).toEqual({ kind: 'persisted' });
    const kept = (await host.observe()).persistence;
    expect(kept.running).toBe(kept.persistent);

    const next = await start(host);
    await boot(next);
    expect(planHost('h1', await next.observe(), desiredOf(DESIRED)).changes).toEqual([]);
  });

  scenario(
    'leaves out a NIC that is not there, says so, and brings back the rest',
    async (host, start) => {
      await change(
        host,
        `interfaces:
  - { name: br0, state: absent }
  - { name: br1, type: linux-bridge, state: up, bridge: { port: [{ name: eth1 }, { name: eth2 }] },
      ipv4: { enabled: true, address: [{ ip: 10.0.0.1, prefix-length: 24 }] } }`,
      );
      const next = await start(host);
      // Renamed: under its former name it is not there. The pair's other end is not taken for it.
      await next.sh(
        'ip link set eth2 down; ip link set eth2 name other2; sed -i s/NIC_SECONDS=10/NIC_SECONDS=0/ /var/lib/netorch/boot.sh',
      );
      const said = await boot(next);
      expect(said.stdout).toContain('eth2 is not there');
      const { persistence } = await next.observe();
      expect(persistence.boot).toMatchObject({ good: false, missingInterfaces: ['eth2'] });
      expect(await next.sh('ip -br addr show dev br1')).toContain('10.0.0.1/24');
      expect(await next.sh('ls /sys/class/net/br1/brif')).toBe('eth1\n');
    },
  );

  scenario(
    'holds the alternative names that plans gave or took away; those that udev gives may be others at each boot',
    async (host, start) => {
      const give = (on: NamespaceHost, names: Readonly<Record<string, readonly string[]>>) =>
        on.sh(
          Object.entries(names)
            .flatMap(([link, all]) =>
              all.map((name) => `ip link property add dev ${link} altname ${name}`),
            )
            .join('\n'),
        );
      const names = async (on: NamespaceHost) =>
        Object.fromEntries(
          [...(await on.observe()).state.interfaces.values()].flatMap((item) =>
            item.altNames === undefined || item.altNames.length === 0
              ? []
              : [[item.name, item.altNames]],
          ),
        );
      await give(host, { eth0: ['enp1s0', 'unwanted'], eth1: ['enp1s1'], eth2: ['enp1s2'] });
      const { answer } = await change(
        host,
        `interfaces:
  - { name: eth0, alt-names: [{ name: unwanted, state: absent }] }
  - { name: eth1, mtu: 1400, alt-names: [{ name: left }] }
  - { name: eth2, mtu: 1400 }`,
      );
      expect(answer).toBe('confirmed\npersist persisted\n');

      const next = await start(host);
      await give(next, { eth0: ['enp7s0', 'unwanted'], eth1: ['enp1s2', 'enp7s1'] });
      const said = await boot(next);
      expect(said.stderr).toBe('');
      expect((await next.observe()).persistence.boot).toMatchObject({ good: true, missing: [] });
      expect(await names(next)).toEqual({ eth0: ['enp7s0'], eth1: ['enp1s2', 'enp7s1', 'left'] });
    },
  );

  scenario('is not made of a state that nobody has confirmed', async (host) => {
    await change(host, 'interfaces: [{ name: br3, type: linux-bridge, state: up }]', true);
    const found = runningFiles('by hand', await host.observe());
    if (found?.files.bootScript === undefined) throw new Error('nothing to make persistent');
    await host.sh(
      'mkdir -p /run/netorch/20260101T000000-open; : >/run/netorch/20260101T000000-open/state.applied',
    );
    const { record, bootScript } = found.files;
    const { stdout } = await host.send(persistScript({ record, bootScript }));
    expect(parsePersisted(stdout)).toMatchObject({ kind: 'failed' });
    expect(await host.sh('ls -A /var/lib')).toBe('');
  });

  test.concurrent.each([
    ['/var/lib', /\/var\/lib\/netorch could not be made: Read-only file system/i],
    ['/etc', /\/etc\/rc\.local could not be written: Read-only file system/i],
  ])('fails by name where %s is read-only, and the former one stays', async (folder, why) => {
    if (reason !== undefined) return;
    const host = await NamespaceHost.start(shell);
    try {
      await host.sh(
        `${INIT}\n${BOOT}\nmount -o remount,bind,ro ${folder} || { mount --bind ${folder} ${folder}; mount -o remount,bind,ro ${folder}; }`,
      );
      const { id, answer } = await change(
        host,
        'interfaces: [{ name: br3, type: linux-bridge, state: up }]',
      );
      expect(parsePersisted(answer)).toEqual({ kind: 'failed', why: expect.stringMatching(why) });
      expect(host.state(id)).toBe('confirmed');
      expect(await host.sh('ls /var/lib/netorch/boot.sh /etc/rc.local 2>/dev/null || :')).toBe('');
    } finally {
      await host.stop();
    }
  });
});
