/** What tests of the transaction work with: a host in namespaces, a plan for it, and the messages of a controller. */
import { expect, test, vi } from 'vitest';
import type { ObservedHost } from '../../src/agents/observed-host.js';
import {
  beginScript,
  confirmScript,
  parseBeginLine,
  type BeginEvent,
  type TransactionRequest,
} from '../../src/agents/transaction.js';
import { iproute2Scripts } from '../../src/backends/backend.js';
import type { BackendScripts } from '../../src/backends/steps.js';
import type { ChangePlan } from '../../src/plan/change.js';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf } from '../network/documents.js';
import { NamespaceHost, PATIENCE_MS, whyNot, type Shell } from './namespace-host.js';

/** Two NICs with cables (their other ends stand for the switch), a bridge in use, routes and a rule. */
export const NETWORK = `
for i in 0 1 2; do
  ip link add eth$i type veth peer name sw$i
  ip link set sw$i up
  ip link set eth$i up
done
ip addr add 192.0.2.5/24 brd + dev eth0
ip addr add 192.0.2.6/24 brd + dev eth0
ip addr add 2001:db8::5/64 dev eth0 nodad
ip addr add 198.51.100.5/24 dev eth1
ip link add br0 type bridge
ip link set eth2 master br0
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip route add default via 192.0.2.1
ip route add 203.0.113.0/24 via 192.0.2.9 metric 50
ip route add default via 192.0.2.254 table 100
ip rule add from 192.0.2.6 lookup 100 pref 1000
ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 nud permanent dev eth0
bridge fdb add 02:00:00:00:00:0a dev eth2 master static
`;

/** Touches every kind of thing: a bridge over two NICs, moved addresses, routes, a rule, bridge options, a vxlan. */
export const DESIRED = `
interfaces:
  - name: br1
    type: linux-bridge
    mtu: 1450
    ipv4:
      enabled: true
      address: [{ ip: 192.0.2.5, prefix-length: 24 }, { ip: 192.0.2.77, prefix-length: 24 }]
    bridge:
      options: { stp: { enabled: false } }
      port: [{ name: eth0 }, { name: eth1 }]
  - name: br0
    bridge:
      options: { stp: { enabled: true }, mac-ageing-time: 60 }
      port: [{ name: eth2, stp-path-cost: 50 }]
  - name: vx5
    type: vxlan
    vxlan: { id: 5, base-iface: br1, remote: 192.0.2.200 }
    state: up
routes:
  config:
    - { destination: 0.0.0.0/0, state: absent }
    - { destination: 0.0.0.0/0, next-hop-interface: br1, next-hop-address: 192.0.2.1 }
    - { destination: 172.16.0.0/16, next-hop-interface: br1, next-hop-address: 192.0.2.8 }
route-rules:
  config:
    - { ip-from: 192.0.2.6/32, state: absent }
    - { ip-from: 192.0.2.77/32, route-table: 100, priority: 1001 }
    - { ip-to: 203.0.113.0/24, priority: 1002, action: prohibit }
    - { ip-from: 2001:db8::/32, route-table: 100, priority: 1003 }
`;

/** One address more: a small change, for tests that are about something else. */
export const SMALL = `
interfaces:
  - name: eth1
    ipv4:
      enabled: true
      address: [{ ip: 198.51.100.5, prefix-length: 24 }, { ip: 198.51.100.6, prefix-length: 24 }]
`;

export const NONCE = 'right';
let count = 0;

export type Prepared = Readonly<{
  id: string;
  observed: ObservedHost;
  plan: ChangePlan;
  scripts: BackendScripts;
  request: TransactionRequest;
  script: string;
}>;

export async function prepare(
  host: NamespaceHost,
  desired: string,
  change: Partial<TransactionRequest> & { apply?: (script: string) => string } = {},
): Promise<Prepared> {
  const observed = await host.observe();
  const plan = planHost('h1', observed, desiredOf(desired));
  const scripts = iproute2Scripts({ plan, observed: observed.state, lines: observed.lines });
  const { apply, ...overrides } = change;
  count += 1;
  const request: TransactionRequest = {
    id: `20260101T000000-${String(count).padStart(4, '0')}`,
    nonce: NONCE,
    owner: 'test',
    secondsToDeadline: 600,
    maxSeconds: 1200,
    scripts: apply === undefined ? scripts : { ...scripts, apply: apply(scripts.apply) },
    resolvConf: observed.resolvConf,
    ...overrides,
  };
  return { id: request.id, observed, plan, scripts, request, script: beginScript(request) };
}

export const eventsOf = (text: string): BeginEvent[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseBeginLine);

export async function begin(host: NamespaceHost, prepared: Prepared): Promise<BeginEvent[]> {
  const { stdout, stderr } = await host.send(prepared.script);
  expect(stderr).toBe('');
  return eventsOf(stdout);
}
export const kinds = (events: readonly BeginEvent[]): readonly string[] =>
  events.map(({ kind }) => kind);

export async function confirm(host: NamespaceHost, id: string, nonce = NONCE): Promise<string> {
  return (await host.send(confirmScript(id, nonce))).stdout.trim();
}

/** Waits for the end of a rollback; when the host says that it is not what it was, so does the failure. */
export async function expectRolledBack(
  host: NamespaceHost,
  { id, observed }: Prepared,
): Promise<void> {
  const state = await host.reaches(id, 'rolled-back', 'incomplete');
  const differences = state === 'incomplete' ? host.text(id, 'differences') : '';
  expect({ state, differences }).toEqual({ state: 'rolled-back', differences: '' });
  await expectAsBefore(host, observed);
}

/** Everything on the host is again what it was: the canonical lines, without the kernel's own link-locals. */
export async function expectAsBefore(host: NamespaceHost, before: ObservedHost): Promise<void> {
  const now = await host.observe();
  const sorted = (lines: readonly string[]) =>
    lines.filter((line) => !/ inet6 fe80:.* scope link/.test(line)).sort();
  expect(sorted(now.lines)).toEqual(sorted(before.lines));
}

/** What `expect.poll` is in tests that do not run at the same time as others: those know which test they are in. */
export const eventually = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: PATIENCE_MS });

/** A test with a host of its own under this shell; skipped by name where it cannot run. */
export const scenarioUnder =
  (shell: Shell) =>
  (name: string, run: (host: NamespaceHost) => Promise<void>): void => {
    const reason = whyNot(shell);
    (reason === undefined ? test.concurrent : test.concurrent.skip)(
      reason === undefined ? name : `${name} (skipped: ${reason})`,
      { timeout: 120_000 },
      async () => {
        const host = await NamespaceHost.start(shell);
        try {
          await host.sh(NETWORK);
          await run(host);
        } finally {
          await host.stop();
        }
      },
    );
  };
