/**
 * The kernel refuses a step in the middle: what the host was between the comparison and that step is no
 * longer so. Meanwhile a real change is under way: the lines before that step have been carried out.
 */
import { describe, expect } from 'vitest';
import { parseStatus, statusScript } from '../../src/agents/transaction.js';
import { failureText } from '../../src/run/failure-text.js';
import { SHELLS, type NamespaceHost } from './namespace-host.js';
import {
  DESIRED,
  begin,
  expectAsBefore,
  expectRolledBack,
  kinds,
  prepare,
  scenarioUnder,
  type Prepared,
} from './transaction-bench.js';

/** Applies with something done on the host right before `step`; what the user is told of it. */
async function refused(
  host: NamespaceHost,
  desired: string,
  meanwhile: string,
): Promise<Readonly<{ prepared: Prepared; cause: string; details: readonly string[] }>> {
  const prepared = await prepare(host, desired, {
    apply: (script) => `{ ${meanwhile}; } >/dev/null 2>&1\n${script}`,
  });
  const { scripts, plan, id } = prepared;
  expect(kinds(await begin(host, prepared))).toEqual([
    'armed',
    'failed',
    'rolling-back',
    'rolled-back',
  ]);
  const status = parseStatus('h1', (await host.send(statusScript(id))).stdout.split('\n'));
  return { prepared, ...failureText(status.failure, scripts.segments, plan.changes) };
}

/** The lines of the change that were carried out before the one that the kernel refused. */
const linesBefore = (host: NamespaceHost, { id, scripts }: Prepared): number => {
  const failure = host.text(id, 'failure');
  const segment = Number(/^segment (\d+)/.exec(failure)?.[1]);
  const line = Number(/Command failed .*:(\d+)/.exec(failure)?.[1]);
  const earlier = scripts.segments.slice(0, segment - 1);
  return earlier.reduce((sum, { lines }) => sum + lines.length, line - 1);
};

describe.each(SHELLS)('a step that the kernel refuses under %s', (shell) => {
  const scenario = scenarioUnder(shell);

  const CASES = [
    {
      name: 'a gateway that is no longer reachable',
      desired: `
interfaces:
  - name: br0
    mtu: 1400
routes:
  config:
    - { destination: 172.16.0.0/16, next-hop-interface: eth1, next-hop-address: 198.51.100.1 }
`,
      meanwhile: 'ip addr del 198.51.100.5/24 dev eth1',
      cause:
        'the host refused to add route 172.16.0.0/16 via 198.51.100.1 dev eth1: the gateway is not reachable from any address of the interface',
    },
    {
      name: 'a table that is full',
      desired: `
interfaces:
  - name: br0
    mtu: 1400
  - name: vx9
    type: vxlan
    state: up
    vxlan: { id: 9, base-iface: eth1, remote: 239.1.1.1 }
`,
      meanwhile: 'echo 0 >/proc/sys/net/ipv4/igmp_max_memberships',
      cause: /^the host refused to create .*vx9.*: the host has no room for it$/,
    },
  ];
  for (const { name, desired, meanwhile, cause } of CASES) {
    scenario(`${name} is named, and all is as it was`, async (host) => {
      const told = await refused(host, desired, meanwhile);
      expect(told.cause).toMatch(cause);
      expect(linesBefore(host, told.prepared)).toBeGreaterThan(0);
      await expectRolledBack(host, told.prepared);
    });
  }

  scenario('a name that another process has taken is named, and stays its own', async (host) => {
    const told = await refused(host, DESIRED, 'ip link add br1 type veth peer name other');
    expect(told.cause).toMatch(
      /^the host refused to create .*br1.*: something of that name, or that very route, is already there$/,
    );
    expect(await host.sh('ip -d link show')).toMatch(/br1@other/);
    await host.sh('ip link del other');
    await expectAsBefore(host, told.prepared.observed);
  });

  scenario('a NIC that vanishes is named, and all else is as it was', async (host) => {
    await host.sh('ip netns add elsewhere');
    const told = await refused(host, DESIRED, 'ip link set eth1 netns elsewhere');
    expect(told.cause).toMatch(/eth1.*: the interface is not there \(any more\)$/);
    expect(host.state(told.prepared.id)).toBe('incomplete');
    const differences = host.text(told.prepared.id, 'differences').trim().split('\n');
    expect(differences).not.toEqual([]);
    for (const line of differences) expect(line).toMatch(/^missing: .*\beth1\b/);
  });
});
