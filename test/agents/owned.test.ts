/** The record of what netorch made, on a real kernel: written when a change is confirmed, and only then. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { beginScript, confirmScript, rollbackScript } from '../../src/agents/transaction.js';
import { iproute2Scripts } from '../../src/backends/backend.js';
import { ownedDelta } from '../../src/plan/owned-delta.js';
import { planHost } from '../../src/plan/plan-host.js';
import { desiredOf } from '../network/documents.js';
import { NamespaceHost, SHELLS, whyNot } from './namespace-host.js';

/** What other software leaves on a host: a container's pair on its bridge, BGP and VPN routes, a tunnel. */
const FOREIGN = `
for i in 0 1; do
  ip link add eth$i type veth peer name sw$i
  ip link set sw$i up
  ip link set eth$i up
done
ip addr add 192.0.2.5/24 dev eth0
ip link add cni0 type bridge
ip link add veth7 type veth peer name inside
ip link set veth7 master cni0
ip link set veth7 up
ip link set cni0 up
ip addr add 10.42.0.1/24 dev cni0
ip link add wgx type vxlan id 900 remote 192.0.2.77 dstport 4789
ip route add 10.43.0.0/16 via 192.0.2.9 proto bgp
ip route add 10.44.0.0/16 via 192.0.2.9 proto bird metric 32
ip route add 10.45.0.0/16 via 192.0.2.9 proto static
ip rule add from 10.42.0.0/24 lookup 200 pref 500
`;

let count = 0;

async function apply(
  host: NamespaceHost,
  desired: string,
  end: 'confirm' | 'roll back',
  options: Readonly<{ owner?: string; prune?: boolean }> = {},
) {
  const observed = await host.observe();
  const { owner = 'root@ctl, run A', prune = false } = options;
  const plan = planHost('h1', observed, desiredOf(desired), { prune });
  count += 1;
  const id = `20260101T000000-own${count}`;
  const begun = await host.send(
    beginScript({
      id,
      nonce: 'n',
      owner,
      secondsToDeadline: 600,
      maxSeconds: 1200,
      scripts: iproute2Scripts({ plan, observed: observed.state, lines: observed.lines }),
      resolvConf: observed.resolvConf,
      owned: ownedDelta(observed.state, plan.target, observed.owned, owner),
    }),
  );
  expect(begun.stdout).toContain('applied');
  const ended = await host.send(
    end === 'confirm' ? confirmScript(id, 'n') : rollbackScript(id, 'n', 'a test'),
  );
  expect(ended.stdout).toContain(end === 'confirm' ? 'confirmed' : 'rolled-back verified');
  return plan;
}

const recordOf = async (host: NamespaceHost) =>
  (await host.sh('cat /run/netorch/owned 2>/dev/null || :'))
    .split('\n')
    .filter((line) => line !== '');

/** Everything on the host, without the link-local addresses that the kernel makes of random MACs. */
const linesOf = async (host: NamespaceHost) =>
  (await host.observe()).lines.filter((line) => !/ inet6 fe80:.* scope link/.test(line)).toSorted();

const STACK = `
bridges: {br1: {ports: [eth1], ip: 198.51.100.5/24, routes: {203.0.113.0/24: 198.51.100.1}}}
vxlans: {vx5: {id: 5, base: br1, remote: 198.51.100.9}}
rules: [{from: 198.51.100.0/24, table: 100, priority: 1000}]
`;

describe.each(SHELLS)('the record under %s', (shell) => {
  const reason = whyNot(shell);
  const it = test.skipIf(reason !== undefined);
  let host: NamespaceHost;
  beforeEach(async () => {
    if (reason !== undefined) return;
    host = await NamespaceHost.start(shell);
    await host.sh(FOREIGN);
  });
  afterEach(async () => {
    if (reason === undefined) await host.stop();
  });

  it(`is written when a change is confirmed, not when it is rolled back${reason === undefined ? '' : ` (skipped: ${reason})`}`, async () => {
    await apply(host, STACK, 'roll back');
    expect(await recordOf(host)).toEqual([]);

    await apply(host, STACK, 'confirm');
    const made = [
      'address br1 198.51.100.5/24',
      'link br1 linux-bridge',
      'link vx5 vxlan 5',
      'port eth1 br1',
      'route ipv4 unicast 203.0.113.0/24 table 254 metric 0 via 198.51.100.1 dev br1 src -',
      'rule ipv4 from 198.51.100.0/24 to all iif - fwmark -/- table 100',
    ].map((line) => `${line} # root@ctl, run A`);
    expect(await recordOf(host)).toEqual(made);

    await apply(host, 'vxlans: {vx5: {state: absent}}', 'roll back', { owner: 'root@ctl, run B' });
    expect(await recordOf(host)).toEqual(made);

    await apply(
      host,
      'vxlans: {vx5: {state: absent}}\nnics: {eth0: {ip: [192.0.2.5/24, 192.0.2.6/24]}}',
      'confirm',
      { owner: 'root@ctl, run B' },
    );
    expect(await recordOf(host)).toEqual([
      ...made.filter((line) => !line.includes('vx5')),
      'address eth0 192.0.2.6/24 # root@ctl, run B',
    ]);
  });

  it('tells what to prune, and all that others made stays as it is', async () => {
    const before = await linesOf(host);
    await apply(host, STACK, 'confirm');
    expect(await linesOf(host)).not.toEqual(before);

    const plan = await apply(host, 'nics: {eth0: }', 'confirm', { prune: true });

    expect(plan.changes.map((change) => change.object)).toEqual(['vx5', 'br1', 'rule']);
    expect(await linesOf(host)).toEqual(before);
    expect(await recordOf(host)).toEqual([]);
    expect(await host.sh('ip route show proto bgp; ip route show proto bird')).toMatch(
      /10\.43.*\n10\.44/,
    );
    expect((await host.observe()).daemonRoutes.map((route) => route.destination)).toEqual([
      '10.43.0.0/16',
      '10.44.0.0/16',
    ]);
  });

  it('comes back with what was pruned, when the pruning is rolled back', async () => {
    await apply(host, STACK, 'confirm');
    const [lines, record] = [await linesOf(host), await recordOf(host)];
    await apply(host, 'nics: {eth0: }', 'roll back', { prune: true });
    expect(await linesOf(host)).toEqual(lines);
    expect(await recordOf(host)).toEqual(record);
  });
});
