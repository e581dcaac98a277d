import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';

const HOSTS = ['h1', 'h3'];

const bond = (name: string, options: string) =>
  `      - {name: ${name}, type: bond, state: up, link-aggregation: {mode: 802.3ad${options}}}\n`;
const play = (interfaces: string) =>
  `- name: bad\n  hosts: cluster1\n  network:\n    interfaces:\n${interfaces}`;

type Case = Readonly<{
  name: string;
  document: string;
  hosts?: string;
  says: RegExp;
}>;

/** Mistakes that netorch finds without asking a host. */
const CASES: readonly Case[] = [
  {
    name: 'an unknown key, and the one that was meant',
    document: play('      - {name: eth2, type: ethernet, state: up, mtuu: 9000}\n'),
    says: /bad\.yml:5:49 UNKNOWN_KEY: .*mtuu[\s\S]*mtu/,
  },
  {
    name: 'VLAN 5000',
    document: play(
      '      - {name: v, type: vlan, state: up, vlan: {base-iface: eth2, id: 5000}}\n',
    ),
    says: /bad\.yml:5:\d+ INVALID_VALUE: .*5000.*4094/,
  },
  {
    name: 'a port in two bonds',
    document: play(bond('b1', ', port: [eth3, eth4]') + bond('b2', ', port: [eth4]')),
    says: /bad\.yml:6:\d+ INVALID_NETWORK: .*eth4.*b1/,
  },
  {
    name: 'a host that is not in the inventory',
    document: play('      - {name: eth2, type: ethernet, state: up}\n'),
    hosts: 'h9',
    says: /UNKNOWN_HOST.*h9|h9.*no/,
  },
  {
    name: 'a variable that nobody has set',
    document: play('      - {name: "{{ nobody }}", type: dummy, state: up}\n'),
    says: /bad\.yml:5:\d+ UNDEFINED_VARIABLE: .*nobody/,
  },
  {
    name: 'no YAML',
    document: '- name: [bad\n',
    says: /bad\.yml:\d+:\d+ YAML_SYNTAX/,
  },
];

describeInLab('mistakes in documents', (bench) => {
  test('each is told with its place, the exit code is 1, and no host is even asked', async () => {
    const before = HOSTS.map((host) => bench().connections(host));
    for (const { name, document, hosts, says } of CASES) {
      const file = bench().write('bad.yml', document);
      for (const command of ['apply', 'plan']) {
        const run = await bench().run([command, file, '--hosts', hosts ?? HOSTS.join(',')]);
        expect(run.stderr, name).toMatch(says);
        expect(run.stderr, name).not.toMatch(/\n +at /);
        expect(run.code, name).toBe(1);
      }
    }
    expect(HOSTS.map((host) => bench().connections(host))).toEqual(before);
  });

  test('a bond without ports is found against what the host has, before anything is touched', async () => {
    const file = bench().write('bad.yml', play(bond('b1', '')));
    const run = await bench().apply(file, HOSTS.join(','));
    for (const host of HOSTS) {
      await bench().expectAsAtBoot(host);
      expect(await bench().transactionStates(host)).toBe('');
    }
    expect(run.stdout + run.stderr).toMatch(/bad\.yml:5:\d+ .*b1.*port/);
    expect(run.code).toBe(1);
  });
});
