import { describe, expect, test } from 'vitest';
import { backendScripts } from '../../src/backends/backend.js';
import { profileUuid, type NmDevice, type NmProfile } from '../../src/network/networkmanager.js';
import { interfaceMap, type NetworkState } from '../../src/network/state.js';
import { planHost, type PlanOptions } from '../../src/plan/plan-host.js';
import { failureOf } from '../config/failure.js';
import { desiredOf, hostWith } from '../network/documents.js';

const ETH1 = '5eb4da26-5d1d-30a5-8747-80181ed055fa';

const profile = (
  uuid: string,
  name: string | undefined,
  more: Partial<NmProfile> = {},
): NmProfile => ({
  uuid,
  id: name ?? 'any',
  type: '802-3-ethernet',
  interfaceName: name,
  isGenerated: false,
  isInMemory: false,
  ipv4Method: 'manual',
  ipv6Method: 'auto',
  bondOptions: {},
  rules: { ipv4: [], ipv6: [] },
  bareRoutes: { ipv4: [], ipv6: [] },
  hasDns: false,
  ...more,
});

/** A host whose NICs NetworkManager looks after; `devices`: what is otherwise than connected with no profile. */
function host(
  observed: string,
  profiles: readonly NmProfile[],
  devices: Readonly<Record<string, Partial<NmDevice>>>,
) {
  const bare = hostWith(observed);
  const found = new Map<string, NmDevice>();
  for (const { name } of bare.interfaces.values()) {
    found.set(name, { state: 'disconnected', profile: undefined, ...devices[name] });
  }
  found.delete('lo');
  const state: NetworkState = {
    ...bare,
    interfaces: interfaceMap(
      [...bare.interfaces.values()].map((item) => {
        const device = found.get(item.name);
        const isTheirs = device !== undefined && device.state !== 'unmanaged';
        return item.facts === undefined || !isTheirs
          ? item
          : { ...item, facts: { ...item.facts, owner: `NetworkManager (${device.state})` } };
      }),
    ),
  };
  return {
    state,
    ssh: undefined,
    resolvedOwnsDns: false,
    networkManager: { profiles, devices: found },
  };
}

const ON_ETH1 =
  'interfaces: [{name: eth1, state: up, ipv4: {enabled: true, address: [{ip: 192.0.2.5, prefix-length: 24}]}}]';
const usual = () =>
  host(ON_ETH1, [profile(ETH1, 'eth1')], { eth1: { state: 'connected', profile: ETH1 } });

function scripts(
  observation: ReturnType<typeof host>,
  document: string,
  options: PlanOptions = {},
) {
  const plan = planHost('h1', observation, desiredOf(document), options);
  return backendScripts({
    plan,
    observed: observation.state,
    lines: [],
    networkManager: observation.networkManager,
  });
}

const commands = (observation: ReturnType<typeof host>, document: string): readonly string[] =>
  scripts(observation, document).segments.flatMap(({ lines }) => lines.map(({ text }) => text));

const uuid = profileUuid;

describe('the UUID of a profile that netorch makes', () => {
  test('is the name of its interface, in the form of a UUID of version 8', () => {
    expect(uuid('bond0')).toBe('626f6e64-3000-8000-a000-000000000000');
    expect(uuid('fifteen-letters')).toBe('66696674-6565-86e2-ad6c-657474657273');
  });

  test('is no other name’s', () => {
    const names = ['bond0', 'bond0.1', 'bond1', 'b', 'bo', 'eth1', 'fifteen-lettert'];
    expect(new Set(names.map(uuid)).size).toBe(names.length);
  });
});

const addresses = (...list: readonly string[]): string =>
  `interfaces: [{name: eth1, state: up, ipv4: {enabled: true, address: [${list.map((ip) => `{ip: ${ip}, prefix-length: 24}`).join(', ')}]}}]`;

describe('a profile whose addresses change', () => {
  test.each([
    ['one comes', ['192.0.2.5'], ['192.0.2.5', '192.0.2.6'], 'nm_reapply'],
    ['the last one goes', ['192.0.2.5', '192.0.2.6'], ['192.0.2.5'], 'nm_reapply'],
    // NetworkManager would lose one of them.
    [
      'another one is the primary',
      ['192.0.2.5', '192.0.2.6'],
      ['192.0.2.6', '192.0.2.5'],
      'nm_activate',
    ],
    ['the primary goes', ['192.0.2.5', '192.0.2.6'], ['192.0.2.6'], 'nm_activate'],
  ])('%s', (_, before, after, how) => {
    const observation = host(addresses(...before), [profile(ETH1, 'eth1')], {
      eth1: { state: 'connected', profile: ETH1 },
    });
    expect(commands(observation, addresses(...after))).toContain(`${how} ${ETH1} eth1`);
  });
});

const MAIN_JOB = `interfaces:
  - name: bond0
    type: bond
    state: up
    link-aggregation: {mode: active-backup, options: {miimon: 100}, port: [eth1, eth2]}
  - {name: bond0.10, type: vlan, state: up, vlan: {base-iface: bond0, id: 10}}
  - name: br0
    type: linux-bridge
    state: up
    ipv4: {enabled: true, address: [{ip: 192.0.2.5, prefix-length: 24}]}
    bridge: {options: {stp: {enabled: false}}, port: [{name: bond0.10}]}
  - {name: eth1, ipv4: {enabled: false}}
routes: {config: [{destination: 0.0.0.0/0, next-hop-address: 192.0.2.1, next-hop-interface: br0}]}`;

describe('a plan becomes profiles', () => {
  const CASES: Readonly<Record<string, string>> = {
    'a setting of a profile that is there is changed, and told to the device':
      'interfaces: [{name: eth1, mtu: 9000}]',
    'the address moves from a NIC to the bridge on a VLAN on a bond of NICs': MAIN_JOB,
    'a dummy with addresses and routes of both families': `interfaces:
  - name: dummy1
    type: dummy
    state: up
    ipv4: {enabled: true, address: [{ip: 198.51.100.1, prefix-length: 24}]}
    ipv6: {enabled: true, address: [{ip: '2001:db8::1', prefix-length: 64}]}
  - {name: eth1, mtu: 1400}
routes:
  config:
    - {destination: 203.0.113.0/24, next-hop-address: 198.51.100.9, next-hop-interface: dummy1}
    - {destination: '2001:db8:1::/48', next-hop-address: '2001:db8::9', next-hop-interface: dummy1, metric: 5, table-id: 100}`,
    'a bridge that filters VLANs, its times in seconds': `interfaces:
  - name: br0
    type: linux-bridge
    state: up
    bridge:
      options: {stp: {enabled: true, forward-delay: 4}, multicast-snooping: false}
      port:
        - {name: eth2, stp-hairpin-mode: true, vlan: {mode: trunk, trunk-tags: [{id: 10}], tag: 20, enable-native: true}}`,
    'tunnels, vrfs and mac-vlans on a NIC of its own': `interfaces:
  - {name: vx7, type: vxlan, state: up, vxlan: {id: 7, base-iface: eth1, remote: 192.0.2.9, destination-port: 4789}}
  - {name: vrf1, type: vrf, state: up, vrf: {port: [eth2], route-table-id: 100}}
  - {name: mv1, type: mac-vlan, state: up, mac-vlan: {base-iface: eth1, mode: bridge, promiscuous: true}}`,
    'DNS, rules and routes without an interface, in the profile that has the address or the table': `interfaces:
  - name: dummy1
    type: dummy
    state: up
    ipv4: {enabled: true, address: [{ip: 198.51.100.1, prefix-length: 24}]}
    ipv6: {enabled: true, address: [{ip: '2001:db8::1', prefix-length: 64}]}
  - {name: eth1, mtu: 1400}
dns-resolver: {config: {server: [192.0.2.53, '2001:db8::53'], search: [lab.example], options: [rotate]}}
routes:
  config:
    - {destination: 203.0.113.0/24, route-type: blackhole}
    - {destination: 0.0.0.0/0, next-hop-address: 198.51.100.9, next-hop-interface: dummy1, table-id: 100}
    - {destination: 172.16.0.0/16, next-hop-address: 198.51.100.9, next-hop-interface: dummy1, weight: 2}
    - {destination: 172.16.0.0/16, next-hop-address: 192.0.2.9, next-hop-interface: eth1, weight: 1}
    - {destination: '2001:db8:66::/48', next-hop-address: '2001:db8::8', next-hop-interface: dummy1, weight: 1}
    - {destination: '2001:db8:66::/48', next-hop-address: '2001:db8::9', next-hop-interface: dummy1, weight: 1}
route-rules:
  config:
    - {ip-from: 203.0.113.7/32, route-table: 100, priority: 1000}
    - {ip-from: 192.0.2.0/24, route-table: 200}
    - {family: ipv6, ip-to: '2001:db8:9::/48', action: prohibit, priority: 1001}
    - {family: ipv4, fwmark: 16, fwmask: 255, route-table: 254, suppress-prefix-length: 0, priority: 1002}`,
    'a NIC gets addresses beside what its profile has': `interfaces:
  - {name: eth1, ipv6: {enabled: true, autoconf: false, address: [{ip: '2001:db8::5', prefix-length: 64}]}}`,
  };

  for (const [name, document] of Object.entries(CASES)) {
    test(name, () => {
      expect(commands(usual(), document)).toMatchSnapshot();
    });
  }
});

describe('what a profile holds of what no interface has', () => {
  const HELD = profile(ETH1, 'eth1', {
    rules: {
      ipv4: [
        'priority 1000 from 192.0.2.5/32 table 100',
        'priority 1001 from 192.0.2.5 sport 7 table 100',
      ],
      ipv6: [],
    },
    bareRoutes: { ipv4: ['203.0.113.0/24 0 type=blackhole'], ipv6: [] },
    hasDns: true,
  });
  const holder = () =>
    host(
      `${ON_ETH1}
routes: {config: [{destination: 203.0.113.0/24, route-type: blackhole}]}
route-rules: {config: [{ip-from: 192.0.2.5/32, route-table: 100, priority: 1000}]}
dns-resolver: {config: {server: [192.0.2.53]}}`,
      [HELD],
      { eth1: { state: 'connected', profile: ETH1 } },
    );
  const about = (name: string, document: string): string =>
    commands(holder(), document).find(
      (text) => text.includes('connection') && text.includes(name),
    ) ?? 'nothing';

  test('moves with the address: the profile of a port holds none of it', () => {
    expect(about('con-name br0', MAIN_JOB)).toMatchSnapshot();
  });

  test('goes where the plan takes it away, and nothing else goes', () => {
    expect(
      about(
        ETH1,
        'route-rules: {config: [{state: absent, priority: 1000}]}\nroutes: {config: [{state: absent, destination: 203.0.113.0/24}]}',
      ),
    ).toMatchSnapshot();
  });

  test('what goes with its own interface leaves the profiles of others alone', () => {
    const dummy = profile(profileUuid('dummy1'), 'dummy1', {
      type: 'dummy',
      rules: { ipv4: ['priority 1000 from 198.51.100.0/24 table 100'], ipv6: [] },
    });
    const both = host(
      `${ON_ETH1.replace(/\]$/, '')}, {name: dummy1, type: dummy, state: up, ipv4: {enabled: true, address: [{ip: 198.51.100.1, prefix-length: 24}]}}]
route-rules: {config: [{ip-from: 198.51.100.0/24, route-table: 100, priority: 1000}]}`,
      [profile(ETH1, 'eth1'), dummy],
      {
        eth1: { state: 'connected', profile: ETH1 },
        dummy1: { state: 'connected', profile: dummy.uuid },
      },
    );
    const texts = commands(
      both,
      'interfaces: [{name: dummy1, state: absent}]\nroute-rules: {config: [{state: absent, priority: 1000}]}',
    );
    expect(texts).toContain(`nm_remove dummy1 ${dummy.uuid}`);
    expect(texts.join('\n')).not.toContain(ETH1);
  });

  test('what stands in no active profile cannot be taken away through one', () => {
    const bare = { ...holder(), networkManager: usual().networkManager };
    const document =
      'interfaces: [{name: eth1, mtu: 1400}]\nroute-rules: {config: [{state: absent, priority: 1000}]}';
    expect(failureOf(() => planHost('h1', bare, desiredOf(document))).join('\n')).toContain(
      'the end of the rule 1000: from 192.0.2.5/32 lookup 100, which stands in no active profile',
    );
  });
});

describe('profiles that are there', () => {
  const BOND = '11111111-1111-4111-8111-111111111111';
  const bonded = (more = '') =>
    host(
      `interfaces: [{name: bond0, type: bond, state: up, ${more}link-aggregation: {mode: active-backup, options: {miimon: 100, primary: eth1}, port: [eth1, eth2]}}]`,
      [
        profile(BOND, 'bond0', {
          type: 'bond',
          bondOptions: { mode: 'active-backup', miimon: '100', primary: 'eth1' },
        }),
        profile('22222222-1111-4111-8111-111111111111', 'eth1'),
        profile('33333333-1111-4111-8111-111111111111', 'eth2'),
      ],
      {
        bond0: { state: 'connected', profile: BOND },
        eth1: { state: 'connected', profile: '22222222-1111-4111-8111-111111111111' },
        eth2: { state: 'connected', profile: '33333333-1111-4111-8111-111111111111' },
      },
    );

  test('keep the bond options that the plan does not change; the ports are waited for', () => {
    const { segments, networkManager } = scripts(
      bonded(),
      'interfaces: [{name: bond0, link-aggregation: {options: {primary: eth2}}}]',
    );
    expect(segments.map(({ lines }) => lines[0]?.text)).toEqual([
      'nm_checkpoint',
      `nmcli connection modify --temporary uuid ${BOND} bond.options mode=active-backup,miimon=100,primary=eth2`,
      `nm_activate ${BOND} bond0`,
      'nm_settle',
    ]);
    expect(networkManager?.active).toEqual([
      `${BOND} bond0`,
      '22222222-1111-4111-8111-111111111111 eth1',
      '33333333-1111-4111-8111-111111111111 eth2',
    ]);
  });

  test('a bond that is made active anew keeps its MAC address; one that is told what changes has it anyway', () => {
    const modify = (document: string) =>
      scripts(bonded("mac-address: '02:00:00:00:00:77', "), document)
        .segments.map(({ lines }) => lines[0]?.text ?? '')
        .find((text) => text.includes(`modify --temporary uuid ${BOND}`));
    const mac = '802-3-ethernet.cloned-mac-address 02:00:00:00:00:77';
    expect(
      modify('interfaces: [{name: bond0, link-aggregation: {options: {primary: eth2}}}]'),
    ).toContain(mac);
    expect(modify('interfaces: [{name: bond0, mtu: 1400}]')).not.toContain(mac);
  });

  test('a bond whose MAC is that of its active port is given none; one that keeps a MAC for it is refused', () => {
    const failOver = (word: string) =>
      commands(
        bonded("mac-address: '02:00:00:00:00:77', "),
        `interfaces: [{name: bond0, link-aggregation: {options: {fail_over_mac: ${word}}}}]`,
      ).join('\n');
    expect(failOver('active')).toContain("802-3-ethernet.cloned-mac-address ''");
    expect(failureOf(() => failOver('follow')).join('\n')).toContain(
      'NOT_SUPPORTED: h1: through NetworkManager netorch does not do "fail_over_mac: follow" (bond0)',
    );
  });

  test('a new bridge gets the lowest MAC address of its ports, as the kernel would give it', () => {
    const found = commands(
      usual(),
      `interfaces:
  - {name: bond0, type: bond, link-aggregation: {mode: active-backup, port: [eth3, eth4]}}
  - {name: bond0.7, type: vlan, vlan: {base-iface: bond0, id: 7}}
  - {name: br0, type: linux-bridge, bridge: {port: [{name: bond0.7}, {name: eth2}]}}
  - {name: br1, type: linux-bridge, bridge: {port: []}}`,
    );
    const macOf = (name: string) =>
      /cloned-mac-address (\S+)/.exec(
        found.find((text) => text.includes(`con-name ${name} `)) ?? '',
      )?.[1];
    expect(['bond0', 'bond0.7', 'br0', 'br1'].map(macOf)).toEqual([
      '52:54:00:00:00:03',
      undefined,
      '52:54:00:00:00:02',
      undefined,
    ]);
  });

  test('of an interface that goes: it goes at once, and is deleted when that is persisted', () => {
    const { segments, networkManager } = scripts(
      bonded(),
      'interfaces: [{name: bond0, state: absent}]',
    );
    const texts = segments.map(({ lines }) => lines[0]?.text);
    expect(texts).toContain(
      `nmcli connection modify --temporary uuid ${BOND} connection.autoconnect no`,
    );
    expect(texts).toContain(`nm_remove bond0 ${BOND}`);
    expect(networkManager?.changed).toContain(`${BOND} bond0 removed`);
  });

  test.each<[string, NmProfile]>([
    ['was made by NetworkManager for itself', profile(ETH1, 'eth1', { isGenerated: true })],
    ['fits other interfaces too', profile(ETH1, undefined)],
    ['is of another kind of interface', profile(ETH1, 'eth1', { type: 'pppoe' })],
  ])('are left alone, and get one beside them, where the active one %s', (_, other) => {
    const observation = host(ON_ETH1, [other], { eth1: { state: 'connected', profile: ETH1 } });
    const found = commands(observation, 'interfaces: [{name: eth1, mtu: 9000}]');
    expect(found.join('\n')).not.toContain(ETH1);
    expect(found[1]).toMatch(
      /^nm_add type 802-3-ethernet con-name eth1 ifname eth1 connection\.uuid 65746831-/,
    );
    // All that the interface has, for the other profile does not give it any more.
    expect(found[1]).toContain('ipv4.addresses 192.0.2.5/24');
  });

  test('two that are bound to one interface and not active: neither is changed', () => {
    const observation = host('interfaces: []', [profile(ETH1, 'eth2'), profile(BOND, 'eth2')], {});
    const found = commands(observation, 'interfaces: [{name: eth2, mtu: 9000}]').join('\n');
    expect(found).not.toContain(ETH1);
    expect(found).not.toContain(BOND);
  });
});

describe('DHCP', () => {
  const DHCP = 'interfaces: [{name: eth1, ipv4: {enabled: true, dhcp: true}}]';

  test('is asked of the profile, not of a client of netorch’s', () => {
    expect(commands(usual(), DHCP)).toContain(
      `nmcli connection modify --temporary uuid ${ETH1} ipv4.method auto ipv4.addresses 192.0.2.5/24 ipv4.gateway '' ipv4.routes ''`,
    );
  });

  test('with settings of its own is refused by name', () => {
    const document = DHCP.replace('dhcp: true', 'dhcp: true, auto-dns: false');
    const observation = { ...usual(), dhcpClients: ['udhcpc' as const] };
    expect(failureOf(() => scripts(observation, document)).join('\n')).toContain(
      'NOT_SUPPORTED: h1: through NetworkManager netorch does not do settings of DHCP (auto-dns of eth1)',
    );
  });
});
