/**
 * The canonical form is computed twice, by the controller in JavaScript and by the host with sed. Both
 * must agree byte for byte, or no transaction could begin and no rollback could be proven.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { altNameRewrites, withAltNames } from '../../src/backends/recorded-alt-names.js';
import { canonicalLines, canonicalSedScript, splitSections } from '../../src/agents/canonical.js';

const richHost = readFileSync(join(import.meta.dirname, 'fixtures/rich-host.txt'), 'utf8');

/** Readings that no well-behaved host gives: each section with lines meant to confuse a regular expression. */
const STRANGE = `@link
[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536},{"ifindex":2,"link":"x","ifname":"a.b","flags":["NO-CARRIER","BROADCAST","M-DOWN"],"ifalias":"},{\\"ifname\\":\\"eth9\\",&/\\\\[x]*","operstate":"UP"}]
@addr
2: a.b    inet 192.0.2.1/24 scope global secondary deprecated a.b\\       valid_lft forever preferred_lft forever
2: a.b    inet6 2001:db8::1/64 scope global tentative dadfailed \\       valid_lft forever
2: a.b    inet 192.0.2.9/24 scope global dynamic a.b\\       valid_lft 3sec preferred_lft 2sec
     \t
@route
1 default via 192.0.2.254 dev a.b table 254 proto 3 scope 0 linkdown
1 10.0.0.0/8 table 254 proto 4 scope 0 \\	nexthop via 192.0.2.1 dev a.b weight 1 dead linkdown \\	nexthop via 192.0.2.2 dev a.b weight 2
1 10.1.0.0/16 dev a.b table 2541 proto 186 scope 253
1 10.2.0.0/16 dev a.b table 2255 proto 3 scope 253
@route6
1 2001:db8::/32 via fe80::1 dev a.b table 254 proto 3 metric 1024 expires 1799sec error -101 pref medium
@rule4
1000:	from 192.0.2.1 lookup 200
@rule6
32766:	from all lookup 254
@neigh
192.0.2.7 dev a.b lladdr 02:00:00:00:00:07 PERMANENT
@vlan
[{"ifname":"a.b","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},{"vlan":5,"vlanEnd":9}]},{"ifname":"br&0","vlans":[]}]

@fdb
02:00:00:00:00:0a dev a.b vlan 10 master br0 static
02:00:00:00:00:0b dev a.b master br0
@sysctl
/proc/sys/net/ipv4/conf/a.b/rp_filter:0
/proc/sys/net/ipv6/conf/a.b/disable_ipv6:1
@dns
# comment
search example.com
nameserver 192.0.2.53

@end
`;

const SEDS: readonly (readonly [string, readonly string[]])[] = [
  ['GNU sed', ['sed']],
  ['busybox sed', ['busybox', 'sed']],
];

/** Given, counting, left. */
const ALT_NAMES: readonly (readonly [readonly string[], readonly string[], readonly string[]])[] = [
  [[], ['left'], []],
  [['enp1s0'], [], []],
  [['enp1s0', 'ens1'], [], []],
  [['left'], ['left'], ['left']],
  [['enp1s0', 'left', 'ens1'], ['left', 'right'], ['left']],
  [
    ['right', 'enp1s0', 'left', 'ens1', 'x.y+z@1'],
    ['left', 'right', 'x.y+z@1'],
    ['right', 'left', 'x.y+z@1'],
  ],
  [['leftmost', 'xleft', 'left'], ['left'], ['left']],
  [['xxy'], ['x.y'], []],
];

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-canonical-'));
  writeFileSync(join(folder, 'canonical.sed'), canonicalSedScript());
});
afterAll(() => rmSync(folder, { recursive: true }));

function bySed(
  [command = '', ...words]: readonly string[],
  readings: string,
  script = 'canonical.sed',
): readonly string[] {
  const { stdout, stderr, status } = spawnSync(
    command,
    [...words, '-E', '-f', join(folder, script)],
    { input: readings, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  );
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.split('\n').slice(0, -1);
}

/** What readings.sh prints; observe.sh prints more behind it. */
const readingsOf = (observation: string) => observation.slice(0, observation.indexOf('@end\n') + 5);

describe.each(SEDS)('canonical lines by %s', (_name, command) => {
  const isMissing = spawnSync(command[0] ?? '', ['--help']).error !== undefined;
  test.skipIf(isMissing).each([
    ['a real host with everything', richHost],
    ['strange readings', STRANGE],
  ])('are those of the controller: %s', (_what, text) => {
    expect(bySed(command, readingsOf(text))).toEqual(canonicalLines(splitSections(text)));
  });

  test.skipIf(isMissing).each(ALT_NAMES)(
    'hold of the alternative names %j, where %j count, %j',
    (given, counting, left) => {
      const link = (name: string, names: readonly string[]) =>
        `{"ifname":"${name}","mtu":1500${names.length === 0 ? '' : `,"altnames":${JSON.stringify(names)}`},"ifalias":"altnames"}`;
      const reading = (names: readonly string[]) =>
        `@link\n[${link('eth0', names)},${link('eth1', [])},${link('eth2', ['foreign'])}]\n@end\n`;
      const expected = canonicalLines(
        splitSections(reading(left).replace(',"altnames":["foreign"]', '')),
      );
      const recorded = counting.map((name) => `eth0 ${name}`);
      const script = canonicalSedScript(altNameRewrites(counting));
      writeFileSync(join(folder, 'recorded.sed'), script);
      expect(bySed(command, reading(given), 'recorded.sed')).toEqual(expected);
      const lines = canonicalLines(splitSections(reading(given)));
      expect(lines.map((line) => withAltNames(line, recorded))).toEqual(expected);
    },
  );
});

describe('canonical lines', () => {
  const lines = canonicalLines(splitSections(richHost));
  const of = (start: string) => lines.filter((line) => line.startsWith(start));

  test('name each interface once', () => {
    const names = of('link ').map((line) => line.split(' ')[1]);
    expect(names).toEqual([
      ...['lo', 'eth0', 'eth1', 'eth2', 'eth3', 'eth4', 'bond0', 'bond0.100', 'stag', 'br0'],
      ...['vx5', 'veth1', 'veth0', 'dummy0'],
    ]);
  });

  test('hold no counters, indices, timers, lifetimes or signs of the cable', () => {
    for (const word of ['"ifindex"', 'LOWER_UP', 'operstate', '_timer"', '"carrier', '"ad_info"'])
      expect(lines.filter((line) => line.includes(word))).toEqual([]);
    expect(lines.filter((line) => /valid_lft|expires|tentative/.test(line))).toEqual([]);
  });

  test('hold what was set: options, ports, altnames, aliases', () => {
    expect(of('link bond0 ')[0]).toMatch(/"mode":"802.3ad".*"ad_lacp_rate":"fast"/);
    expect(of('link dummy0 ')[0]).toMatch(/service-address/);
    expect(of('link dummy0 ')[0]).toMatch(/the service address/);
    expect(of('link eth2 ')[0]).toContain('"master":"bond0"');
    expect(of('vlan bond0.100 ')[0]).toContain('{"vlan":20,"flags":["PVID","Egress Untagged"]}');
  });

  test('leave out what the kernel, DHCP and daemons own', () => {
    expect(of('addr eth4 ')).toContain('addr eth4 inet 192.0.2.130/25 scope global eth4');
    expect(lines.join('\n')).not.toContain('192.0.2.140');
    expect(of('route ').map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'route 1 default',
      'route 1 default',
      'route 1 172.16.0.0/16',
      'route 1 172.17.0.0/16',
      'route 1 172.18.0.0/16',
      'route 6 172.19.0.0/16',
    ]);
  });

  test('put a route with several next hops on one line', () => {
    expect(of('route 1 172.16.')).toEqual([
      'route 1 172.16.0.0/16 table 254 proto 3 scope 0 nexthop via 198.51.100.1 dev br0 weight 1 nexthop via 192.0.2.129 dev eth4 weight 2',
    ]);
  });

  test('are the same of a port that LACP has no aggregator for yet, and of one that it has', () => {
    const port = (found: string) =>
      canonicalLines(
        splitSections(
          `@link\n[{"ifname":"eth1","linkinfo":{"info_slave_kind":"bond","info_slave_data":{"queue_id":0,"prio":0${found}}}}]\n@end\n`,
        ),
      );
    expect(port(',"ad_aggregator_id":1,"ad_actor_oper_port_state":69')).toEqual(port(''));
  });

  test('hold the ageing time of a bridge only without spanning tree, which shortens it at times', () => {
    const bridge = (stp: number) =>
      canonicalLines(
        splitSections(
          `@link\n[{"ifname":"br0","linkinfo":{"info_kind":"bridge","info_data":{"ageing_time":4000,"stp_state":${stp},"priority":32768}}}]\n@end\n`,
        ),
      ).join('\n');
    expect(bridge(0)).toContain('"ageing_time":4000');
    expect(bridge(1)).not.toContain('ageing_time');
    expect(bridge(1)).toContain('"stp_state":1,"priority":32768');
  });

  test('are the same for a NIC with and without a cable', () => {
    const link = (flags: string, operstate: string) =>
      canonicalLines(
        splitSections(
          `@link\n[{"ifindex":3,"ifname":"eth1","flags":[${flags}],"mtu":1500,"operstate":"${operstate}"}]\n@end\n`,
        ),
      );
    expect(link('"NO-CARRIER","BROADCAST","MULTICAST","UP"', 'DOWN')).toEqual(
      link('"BROADCAST","MULTICAST","UP","LOWER_UP"', 'UP'),
    );
  });
});
