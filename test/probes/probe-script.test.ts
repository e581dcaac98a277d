import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';

import {
  parseProbes,
  probeName,
  probesScript,
  type ProbeSpec,
} from '../../src/probes/probe-script.js';

const run = (command: readonly string[], timeoutSeconds = 5): ProbeSpec => ({
  kind: 'run',
  command,
  timeoutSeconds,
});

/** On this machine, as a host would. */
function answersOf(probes: readonly ProbeSpec[]) {
  const { stdout } = spawnSync('sh', { input: probesScript(probes), encoding: 'utf8' });
  return parseProbes(probes, stdout);
}

test('a program is good when it ends with 0, and its first line is told', () => {
  expect(
    answersOf([
      run(['echo', 'fine; $(id)', "it's"]),
      run(['sh', '-c', 'echo not so; echo more; exit 3']),
      run(['printf', String.raw`\033[31mred\n`]),
      run(['no-such-program-here']),
      run(['sh', '-c', 'cat; exit 1']),
    ]),
  ).toEqual([
    { good: true, text: "fine; $(id) it's" },
    { good: false, text: 'it ended with 3: not so' },
    { good: true, text: '[31mred' },
    { good: false, text: expect.stringMatching(/^it ended with 127: .*no-such-program-here/) },
    { good: false, text: 'it ended with 1' },
  ]);
});

test('a program that does not end is ended', () => {
  expect(answersOf([run(['sleep', '600'], 1)])).toEqual([
    { good: false, text: expect.stringMatching(/^it ended with (124|143)$/) },
  ]);
});

/** With these in place of the programs of the same name. */
function answersWith(
  programs: Readonly<Record<string, string>>,
  probes: readonly ProbeSpec[],
  script = probesScript,
) {
  const folder = mkdtempSync(join(tmpdir(), 'netorch-probe-test-'));
  try {
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const { stdout } = spawnSync('sh', {
      input: script(probes),
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
    });
    return parseProbes(probes, stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The MAC address of an interface of this machine. */
function ownMac(): string {
  const [name = 'lo'] = readdirSync('/sys/class/net');
  return readFileSync(`/sys/class/net/${name}/address`, 'utf8').trim().toUpperCase();
}

/** The n-th address answers packets of up to so many bytes; those that are not named answer nothing. */
const pingUpTo = (limits: Readonly<Record<string, number>>) => `
for word; do last=$word; [ "$previous" = -s ] && size=$word; previous=$word; done
case $last in
${Object.entries(limits)
  .map(([address, bytes]) => `${address}) most=${bytes} ;;`)
  .join('\n')}
*) most=0 ;;
esac
[ $((size + 28)) -le $most ]`;

test('a mesh tells who answers less than asked for, and how much', () => {
  const peers = [9000, 9000, 9000, 1400, 9000].map((bytes, index) => ({
    host: `h${index}`,
    address: `192.0.2.${index}`,
    bytes,
  }));
  const ping = pingUpTo({
    '192.0.2.0': 9000,
    '192.0.2.1': 1500,
    '192.0.2.2': 100,
    '192.0.2.3': 1500,
  });
  const mesh: ProbeSpec = { kind: 'mesh', network: '192.0.2.0/24', peers };
  expect(answersWith({ ping }, [{ ...mesh, peers: peers.slice(0, 1) }, mesh])).toEqual([
    { good: true, text: '', short: new Map() },
    {
      good: false,
      text: '',
      short: new Map([
        ['192.0.2.1', 1500],
        ['192.0.2.2', 84],
        ['192.0.2.4', 0],
      ]),
    },
  ]);
});

test('a mesh of many asks each of them, and none of those that are silent twice if they are very many', () => {
  const peers = Array.from({ length: 150 }, (_, index) => ({
    host: `h${index}`,
    address: `192.0.2.${index}`,
    bytes: 1500,
  }));
  const [answer] = answersWith({ ping: 'exit 1' }, [
    { kind: 'mesh', network: '192.0.2.0/24', peers },
  ]);
  expect(answer?.short?.size).toBe(150);
});

test('a mesh on a host without ping says so', () => {
  const { stdout } = spawnSync('/bin/sh', {
    input: probesScript([{ kind: 'mesh', network: '192.0.2.0/24', peers: [] }]).replaceAll(
      'command -v ping',
      'command -v no-such-program-here',
    ),
    encoding: 'utf8',
  });
  expect(parseProbes([{ kind: 'mesh', network: '' }], stdout)).toEqual([
    { good: false, text: 'there is no ping command on the host' },
  ]);
});

const KEYVALUE = `lldp.eth1.via=LLDP
lldp.eth1.chassis.mac=02:00:00:00:00:99
lldp.eth1.chassis.name=sw1
lldp.eth1.chassis.descr=A switch, its name=2
lldp.eth1.port.ifname=Eth1/3
lldp.eth1.port.descr=to h1 (rack 4)`;
const NETWORKCTL =
  'eth1 02:00:00:00:00:99 sw1         ..b........ Eth1/3            to h1 (rack 4)';

test.each([
  ['lldpd', { lldpctl: `cat <<'EOF'\n${KEYVALUE}\nEOF` }],
  ['systemd-networkd', { lldpctl: 'exit 1', networkctl: `echo '${NETWORKCTL}'` }],
])('the switch at the other end of a cable, by %s', (daemon, programs) => {
  // Without lldpd the other is asked.
  const edited = (probes: readonly ProbeSpec[]) =>
    daemon === 'lldpd'
      ? probesScript(probes)
      : probesScript(probes).replaceAll('command -v lldpctl', 'command -v no-such-program-here');
  const lldp = (more: object): ProbeSpec => ({ kind: 'lldp', device: 'eth1', ...more });
  const probes = [
    lldp({}),
    lldp({ switch: 'sw1', port: 'Eth1/3' }),
    lldp({ port: 'to h1 (rack 4)' }),
    lldp({ switch: 'sw2' }),
    lldp({ switch: 'sw1', port: 'Eth1/4' }),
  ];
  const words = 'sw1, port Eth1/3 (to h1 (rack 4))';
  expect(answersWith(programs, probes, edited)).toEqual([
    ...Array.from({ length: 3 }, () => ({ good: true, text: words })),
    ...Array.from({ length: 2 }, () => ({ good: false, text: `the cable leads to ${words}` })),
  ]);
});

test('a switch that says nothing of itself', () => {
  expect(answersWith({ lldpctl: 'exit 0' }, [{ kind: 'lldp', device: 'eth1' }])).toEqual([
    { good: false, text: 'no switch has named itself on eth1' },
  ]);
});

test.each([
  ['192.0.2.1 dev eth1 src 192.0.2.5 uid 0 ', 'eth1'],
  ['198.51.100.7 via 192.0.2.1 dev br0 src 192.0.2.5 uid 0 ', 'br0 via 192.0.2.1'],
  ['local 192.0.2.5 dev lo src 192.0.2.5 uid 0 ', 'lo'],
  ['2001:db8::7 from :: via fe80::1 dev eth1 proto ra src 2001:db8::5', 'eth1 via fe80::1'],
])('a way is told by its interface and gateway: %s', (line, way) => {
  const asked: ProbeSpec = { kind: 'way', address: '192.0.2.1' };
  const before: ProbeSpec = { ...asked, before: 'eth9' };
  expect(answersWith({ ip: `echo '${line}'` }, [asked, before, { ...asked, before: way }])).toEqual(
    [
      { good: true, text: way },
      { good: true, text: `${way} (before the change: eth9)` },
      { good: true, text: way },
    ],
  );
  expect(answersWith({ ip: 'exit 2' }, [asked])).toEqual([
    { good: false, text: 'there is no route to it' },
  ]);
});

describe('a trial of a VLAN', () => {
  const TRIAL: ProbeSpec = {
    kind: 'trial',
    device: 'eth2',
    id: 100,
    protocol: '802.1q',
    asked: ['192.0.2.1'],
    own: ['192.0.2.5'],
  };
  const folder = mkdtempSync(join(tmpdir(), 'netorch-trial-test-'));
  const log = join(folder, 'log');
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const ip = `echo "$*" | sed 's/nto[0-9a-f]*/NAME/' >>${log}`;
  const said = () => readFileSync(log, 'utf8').trim().split('\n');
  const MADE = 'link add link eth2 name NAME type vlan protocol 802.1q id 100';
  const GONE = 'link del dev NAME type vlan';

  test('tells who answers, by an interface that is thrown away', () => {
    const arping =
      'case "$*" in *192.0.2.1) echo "Unicast reply from 192.0.2.1 [02:0A:00:00:00:01]" ;; *) exit 1 ;; esac';
    expect(answersWith({ ip, arping }, [TRIAL])).toEqual([
      { good: true, text: '', macs: new Map([['192.0.2.1', '02:0a:00:00:00:01']]) },
    ]);
    expect(said().slice(0, 3)).toEqual([MADE, 'link set dev NAME up', GONE]);
    rmSync(log);
  });

  test('is not to be where such an interface cannot be made', () => {
    expect(answersWith({ ip: 'exit 2', arping: 'exit 1' }, [TRIAL])).toMatchObject([
      { good: false, text: 'there can be no such interface' },
    ]);
  });

  test('leaves nothing behind when its session ends half-way', async () => {
    const programs = { ip, arping: `echo asking >>${log}; exec sleep 600` };
    for (const [name, script] of Object.entries(programs)) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const child = spawn('sh', {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { ...process.env, PATH: `${folder}:${process.env['PATH']}` },
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.stdin.end(probesScript([TRIAL]));
    await vi.waitFor(() => expect(said()).toContain('asking'), { timeout: 30_000 });
    process.kill(-(child.pid ?? 0), 'SIGHUP');
    await ended;
    await vi.waitFor(() => expect(said()).toContain(GONE), { timeout: 30_000 });
  });
});

const OTHER = '02:00:00:00:00:66';
test.each([
  ['nobody answers', '', '02:00:00:00:00:01', true],
  ['another host answers', OTHER, '02:00:00:00:00:01', false],
  ['the host itself answers, by another of its NICs', ownMac(), '02:00:00:00:00:01', true],
  ['the gateway answers, as it does for all addresses', OTHER.toUpperCase(), OTHER, true],
])('an address is free or not: %s', (_, answers, gateway, good) => {
  const reply = (mac: string) => `echo "Unicast reply from 192.0.2.9 [${mac}]  0.9ms"`;
  const arping = `case "$*" in *192.0.2.1) ${reply(gateway)} ;; *) ${answers === '' ? 'exit 1' : reply(answers)} ;; esac`;
  const ip = `echo 'default via 192.0.2.1 proto static metric 5'; echo '192.0.2.0/24 proto kernel scope link'`;
  expect(
    answersWith({ arping, ip }, [{ kind: 'vacant', address: '192.0.2.9', device: 'eth1' }]),
  ).toEqual([{ good, text: good ? '' : OTHER }]);
});

test('an answer that did not come is bad', () => {
  const probes: ProbeSpec[] = [
    { kind: 'arp', address: '192.0.2.1' },
    { kind: 'dns', name: 'example.net' },
  ];
  expect(parseProbes(probes, 'probe 1 OK 192.0.2.7\n')).toEqual([
    { good: false, text: 'the host gave no answer' },
    { good: true, text: '192.0.2.7' },
  ]);
});

test.each<[ProbeSpec, string]>([
  [{ kind: 'ping', address: '192.0.2.1', size: 9000 }, 'ping 192.0.2.1 with 9000-byte packets'],
  [{ kind: 'tcp', address: '2001:db8::1', port: 22 }, 'tcp 2001:db8::1 port 22'],
  [{ kind: 'arp', address: '192.0.2.1' }, 'ARP for 192.0.2.1'],
  [{ kind: 'arp', address: '2001:db8::1' }, 'neighbour discovery for 2001:db8::1'],
  [{ kind: 'dns', name: 'example.net' }, 'look-up of example.net'],
  [run(['systemctl', 'is-active', 'ceph']), 'systemctl is-active ceph'],
  [
    { kind: 'lldp', device: 'eth1', switch: 'sw1', port: '3' },
    'LLDP neighbour of eth1 is sw1 port 3',
  ],
  [{ kind: 'mesh', network: '192.0.2.0/24' }, 'mesh 192.0.2.0/24'],
  [
    { kind: 'mesh', network: '192.0.2.0/24', of: 'db', size: 9000 },
    'mesh 192.0.2.0/24 of db with 9000-byte packets',
  ],
])('%j is called %s', (probe, name) => {
  expect(probeName(probe)).toBe(name);
});
