/**
 * DHCP through whole transactions on this machine's kernel: a server in a namespace of its own, and the
 * clients that are installed here (busybox has one). NETORCH_DHCP_CLIENTS names a folder with more of them,
 * laid out like a root (sbin/dhclient …).
 */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { confirmScript } from '../../src/agents/transaction.js';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import { compareStates } from '../../src/network/compare.js';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf } from '../network/documents.js';
import { NamespaceHost, whyNot } from './namespace-host.js';
import { NONCE, rollBack, transact, type Begun } from './transact.js';

const extra = process.env['NETORCH_DHCP_CLIENTS'];
const folders = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];
const roots = ['', ...(extra === undefined ? [] : [extra])];
const isInstalled = (name: string): boolean =>
  roots.some((root) => folders.some((folder) => existsSync(`${root}${folder}/${name}`)));

/** Nothing of this machine's own files may be written by a client: /etc and /var/lib are covers. */
const COVERS = `
mkdir -p /run/up/etc /run/up/lib /run/work/etc /run/work/lib
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/up/etc,workdir=/run/work/etc /etc
mount -t tmpfs tmpfs /var/lib; mkdir -p /var/lib/dhcp
rm -f /etc/resolv.conf; echo 'nameserver 192.0.2.2' >/etc/resolv.conf
${
  extra === undefined
    ? ''
    : `mount -t overlay overlay -o lowerdir=${extra}/sbin:${extra}/usr/sbin:/usr/sbin /usr/sbin
mkdir -p /etc/dhcp; cp ${extra}/etc/dhcp/dhclient.conf /etc/dhcp/`
}
`;

/** eth1 is on the server's wire, which gives 192.0.2.100 to 150; eth2 is free. */
const NETWORK = `${COVERS}
mkdir -p /run/netns
ip netns add srv
ip link add eth1 type veth peer name sw1
ip link set sw1 netns srv
ip -n srv link set sw1 up
ip -n srv addr add 192.0.2.1/24 dev sw1
ip link add eth2 type veth peer name sw2
ip link set sw2 up; ip link set eth1 up; ip link set eth2 up
cat >/run/udhcpd.conf <<X
start 192.0.2.100
end 192.0.2.150
interface sw1
lease_file /run/udhcpd.leases
pidfile /run/udhcpd.pid
option subnet 255.255.255.0
option router 192.0.2.1
option dns 192.0.2.53
option lease 120
X
: >/run/udhcpd.leases
(setsid ip netns exec srv busybox udhcpd -f /run/udhcpd.conf >/run/udhcpd.log 2>&1 </dev/null &)
`;

/** As ifupdown and people start them; each for eth1. */
const STARTS = {
  'busybox-udhcpc': 'busybox udhcpc -b -R -A 1 -i eth1 -s /run/old.sh',
  dhclient:
    'dhclient -4 -nw -pf /run/dhclient.eth1.pid -lf /var/lib/dhcp/dhclient.eth1.leases eth1',
} as const;
type Client = keyof typeof STARTS;

/** As busybox's own example: the address is set for good, the route without a protocol. */
const OLD_SCRIPT = `cat >/run/old.sh <<'X'
#!/bin/sh
case $1 in
deconfig) ip addr flush dev $interface; ip link set $interface up ;;
bound|renew) ip addr replace $ip/$mask broadcast 192.0.2.255 dev $interface; ip route replace default via $router dev $interface ;;
esac
X
chmod 755 /run/old.sh`;

const dynamic4 = (host: ObservedHost, name: string): string =>
  (host.state.interfaces.get(name)?.facts?.dynamicAddresses ?? [])
    .map(({ ip }) => ip)
    .filter((ip) => !ip.includes(':'))
    .join(' ');

/** Observes until it is as wanted: leases take their time. */
async function until(
  host: NamespaceHost,
  isGood: (now: ObservedHost) => boolean,
): Promise<ObservedHost> {
  let last: ObservedHost | undefined;
  await expect
    .poll(
      async () => {
        last = await host.observe();
        return isGood(last);
      },
      { timeout: 60_000, interval: 300 },
    )
    .toBe(true);
  if (last === undefined) throw new Error('never observed');
  return last;
}

const serves = (now: ObservedHost, name: string): boolean =>
  now.state.interfaces.get(name)?.ipv4.dhcp !== undefined && dynamic4(now, name) !== '';

async function confirmed(host: NamespaceHost, { id }: Begun): Promise<void> {
  expect((await host.send(confirmScript(id, NONCE))).stdout.trim()).toBe('confirmed');
}

/** As host-run does it: read and compare until nothing differs. */
async function becomesTarget(host: NamespaceHost, begun: Begun): Promise<ObservedHost> {
  const failure = begun.said.at(-1) === 'applied' ? '' : host.text(begun.id, 'failure');
  expect({ said: begun.said.at(-1), failure }).toEqual({ said: 'applied', failure: '' });
  const scope = new Set(begun.plan.scope);
  return until(
    host,
    (now) => compareStates(begun.plan.target, now.state, scope).length === 0,
  ).catch(async (error: unknown) => {
    const now = await host.observe();
    expect(compareStates(begun.plan.target, now.state, scope)).toEqual([]);
    throw error;
  });
}

const TO_BRIDGE = `
interfaces:
  - name: br0
    type: linux-bridge
    ipv4: { enabled: true, dhcp: true }
    bridge: { options: { stp: { enabled: false } }, port: [{ name: eth1 }] }
`;

function scenario(
  name: string,
  needs: readonly Client[],
  run: (host: NamespaceHost) => Promise<void>,
) {
  const missing = needs.find((client) => !isInstalled(client.replace('busybox-udhcpc', 'busybox')));
  const reason = whyNot('dash') ?? (missing === undefined ? undefined : `no ${missing}`);
  (reason === undefined ? test : test.skip)(
    reason === undefined ? name : `${name} (skipped: ${reason})`,
    { timeout: 180_000 },
    async () => {
      const host = await NamespaceHost.start('dash');
      try {
        await host.sh(NETWORK);
        await run(host);
      } finally {
        await host.stop();
      }
    },
  );
}

describe('DHCP on a real kernel', () => {
  for (const client of ['busybox-udhcpc', 'dhclient'] as const) {
    const begin = async (host: NamespaceHost): Promise<string> => {
      await host.sh(`${OLD_SCRIPT}\n(setsid ${STARTS[client]} </dev/null >/run/client.log 2>&1 &)`);
      return dynamic4(await until(host, (now) => serves(now, 'eth1')), 'eth1');
    };

    scenario(`${client}: moves to a bridge with its address`, [client], async (host) => {
      const address = await begin(host);
      const begun = await transact(host, TO_BRIDGE);
      const now = await becomesTarget(host, begun);
      expect(dynamic4(now, 'br0')).toBe(address);
      expect(dynamic4(now, 'eth1')).toBe('');
      await confirmed(host, begun);
      const later = await host.observe();
      expect(planHost('h1', later, desiredOf(TO_BRIDGE)).changes).toEqual([]);
      expect(later.state.interfaces.get('eth1')?.ipv4.dhcp).toBeUndefined();
      expect(later.state.interfaces.get('br0')?.ipv4.dhcp).toBeDefined();
      // The server has heard of no release.
      expect(await host.sh('cat /run/udhcpd.log')).not.toMatch(/release/i);
    });

    scenario(`${client}: comes back with its lease in a rollback`, [client], async (host) => {
      const address = await begin(host);
      const before = await host.observe();
      const lease = before.state.interfaces.get('eth1')?.ipv4.dhcp?.process?.leases[0];
      const begun = await transact(host, TO_BRIDGE);
      await becomesTarget(host, begun);
      await rollBack(host, begun);
      const after = await until(host, (now) => serves(now, 'eth1'));
      expect(dynamic4(after, 'eth1')).toBe(address);
      const process = after.state.interfaces.get('eth1')?.ipv4.dhcp?.process;
      // The very same process goes on, and the address has no longer to live than before.
      expect(process?.pid).toBe(before.state.interfaces.get('eth1')?.ipv4.dhcp?.process?.pid);
      expect(process?.leases[0]?.validUntil === undefined).toBe(lease?.validUntil === undefined);
      const routes = await host.sh('ip route show default');
      expect(routes).toMatch(/default via 192\.0\.2\.1 dev eth1/);
    });

    scenario(`${client}: a static address takes its place`, [client], async (host) => {
      await begin(host);
      const desired = `
interfaces:
  - name: eth1
    ipv4: { enabled: true, dhcp: false, address: [{ ip: 192.0.2.5, prefix-length: 24 }] }
routes:
  config: [{ destination: 0.0.0.0/0, next-hop-interface: eth1, next-hop-address: 192.0.2.1 }]
`;
      const begun = await transact(host, desired);
      const now = await becomesTarget(host, begun);
      expect(dynamic4(now, 'eth1')).toBe('');
      expect(planHost('h1', now, desiredOf(desired)).changes).toEqual([]);
      await rollBack(host, begun);
      await until(host, (after) => serves(after, 'eth1'));
    });
  }

  scenario(
    'is started where there was none, and ends with a rollback',
    ['busybox-udhcpc'],
    async (host) => {
      await host.sh('ip addr add 198.51.100.5/24 dev eth1');
      const begun = await transact(
        host,
        // Only udhcpc can be asked for a client id: so it is the one, whatever else is installed.
        'interfaces: [{ name: eth1, ipv4: { enabled: true, dhcp: true, dhcp-client-id: ll } }]',
      );
      await becomesTarget(host, begun);
      const dns = async () => (await host.observe()).state.dns.servers;
      await expect.poll(dns, { timeout: 20_000 }).toEqual(['192.0.2.53']);
      expect(await host.sh('ip -o -4 addr show dev eth1')).toMatch(
        /192\.0\.2\.1\d\d.* dynamic .*valid_lft \d+sec/s,
      );
      await rollBack(host, begun);
      const after = await host.observe();
      expect(dynamic4(after, 'eth1')).toBe('');
      expect(after.state.interfaces.get('eth1')?.ipv4.dhcp).toBeUndefined();
      expect(after.resolvConf.trim()).toBe('nameserver 192.0.2.2');
    },
  );

  scenario(
    'does what auto-* keys say, and starts anew when they change',
    ['busybox-udhcpc'],
    async (host) => {
      const desired = (keys: string) =>
        `interfaces: [{ name: eth1, ipv4: { enabled: true, dhcp: true, ${keys} } }]`;
      // udhcpc is the only client that these can be asked of.
      const first = desired(
        'auto-dns: false, auto-route-metric: 77, dhcp-client-id: "01:02:03:04"',
      );
      const begun = await transact(host, first);
      const now = await becomesTarget(host, begun);
      await confirmed(host, begun);
      expect(now.state.dns.servers).toEqual(['192.0.2.2']);
      await expect
        .poll(() => host.sh('ip route show default'), { timeout: 10_000 })
        .toMatch(/via 192\.0\.2\.1 dev eth1 proto dhcp metric 77/);
      expect(planHost('h1', now, desiredOf(first)).changes).toEqual([]);
      const second = desired('auto-gateway: false');
      const again = await transact(host, second);
      await becomesTarget(host, again);
      await confirmed(host, again);
      expect(await host.sh('ip route show default')).toBe('');
    },
  );

  scenario(
    'a client that others look after is refused by name',
    ['busybox-udhcpc'],
    async (host) => {
      // Its parent is a shell that would start it again.
      await host.sh(
        `${OLD_SCRIPT}\n(setsid sh -c 'while :; do busybox udhcpc -f -A 1 -i eth1 -s /run/old.sh; done' </dev/null >/run/client.log 2>&1 &)`,
      );
      const now = await until(
        host,
        (seen) => seen.state.interfaces.get('eth1')?.facts?.owner !== undefined,
      );
      expect(() => planHost('h1', now, desiredOf(TO_BRIDGE))).toThrow(
        /eth1 is managed by the DHCP client udhcpc \(process \d+\): process \d+ looks after it/,
      );
    },
  );
});
