import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  cablesBatch,
  hostMachine,
  inventoryYaml,
  kernelArguments,
  knownHostsLine,
  labHosts,
  switchMachine,
  type LabHostSpec,
} from '../../src/lab/topology.js';

const specs: readonly LabHostSpec[] = [
  { name: 'h1', init: 'minimal' },
  { name: 'web', init: 'systemd' },
  { name: 'h3', init: 'networkmanager' },
];
const hosts = labHosts(specs);
const files = { folder: '/lab/x', image: '/cache/i.img', machineId: 'f'.repeat(32) };

function host(index: number) {
  const found = hosts[index - 1];
  if (found === undefined) throw new Error(`no host ${index}`);
  return found;
}

/** What the named commands of a batch are applied to, e.g. the names after `tuntap add name`. */
function namesAfter(batch: string, command: string): string[] {
  return batch
    .split('\n')
    .filter((line) => line.startsWith(`${command} `))
    .map((line) => line.slice(command.length + 1).split(' ')[0] ?? '');
}

describe('the hosts of a lab', () => {
  test('are numbered in their order, whatever their names', () => {
    expect(
      hosts.map(({ name, index, address, consoleAddress }) => [
        name,
        index,
        address,
        consoleAddress,
      ]),
    ).toEqual([
      ['h1', 1, '10.10.0.11', '10.77.0.11'],
      ['web', 2, '10.10.0.12', '10.77.0.12'],
      ['h3', 3, '10.10.0.13', '10.77.0.13'],
    ]);
  });

  test('have the memory that is asked for, else what suits their kind', () => {
    const asked = labHosts([
      ...specs.slice(0, 2),
      { name: 'big', init: 'minimal', memoryMb: 1024 },
    ]);
    expect(asked.map((one) => hostMachine(one).memoryMb)).toEqual([192, 320, 1024]);
  });

  test.each([
    ['no host', []],
    ['more hosts than the switch has ports for', Array.from({ length: 17 }, (_, n) => `h${n}`)],
    ['a name given twice', ['h1', 'h1']],
    ['the name of the switch', ['switch']],
    ['a name with a slash', ['a/b']],
    ['a name with a comma', ['a,b']],
    ['an empty name', ['']],
    ['capital letters', ['H1']],
  ])('%s: refused', (_, names) => {
    const attempt = () => labHosts(names.map((name) => ({ name, init: 'minimal' })));
    expect(attempt).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('cables', () => {
  const batch = cablesBatch(hosts);
  const taps = namesAfter(batch, 'tuntap add name');

  test('every NIC of every machine has a tap, and every tap a NIC', () => {
    const wanted = [switchMachine(hosts), ...hosts.map((h) => hostMachine(h))].flatMap(
      (machine) => [machine.consoleTap, ...machine.nics.map((nic) => nic.tap)],
    );
    expect(taps.toSorted()).toEqual([...new Set(wanted)].toSorted());
    expect(new Set(taps).size).toBe(taps.length);
  });

  test('each data cable joins one NIC of a host to the switch port of the same number', () => {
    const ends = new Map<string, string[]>();
    for (const [, tap = '', bridge = ''] of batch.matchAll(
      /^link set dev (\S+) master (c\S+) up$/gm,
    )) {
      ends.set(bridge, [...(ends.get(bridge) ?? []), tap]);
    }
    expect(ends.size).toBe(4 * hosts.length);
    for (const [bridge, taps] of ends) {
      const number = bridge.slice(1);
      expect(taps).toEqual([`h${number}`, `s${number}`]);
    }
  });

  test('names fit into the kernel also for the biggest lab', () => {
    const biggest = labHosts(
      Array.from({ length: 16 }, (_, n) => ({ name: `h${n}`, init: 'minimal' })),
    );
    const names = [
      ...namesAfter(cablesBatch(biggest), 'tuntap add name'),
      ...namesAfter(cablesBatch(biggest), 'link add name'),
      ...switchMachine(biggest).nics.map((nic) => nic.name),
    ];
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{1,15}$/);
    const line = kernelArguments(switchMachine(biggest), files).join(' ');
    expect(line.length).toBeLessThan(4096);
  });
});

describe('machines', () => {
  test('no MAC address occurs twice', () => {
    const machines = [switchMachine(hosts), ...hosts.map((h) => hostMachine(h))];
    const macs = machines.flatMap(({ macPrefix, nics }) =>
      ['00', ...nics.map((_, n) => (n + 1).toString(16).padStart(2, '0'))].map(
        (byte) => `${macPrefix}:${byte}`,
      ),
    );
    expect(new Set(macs).size).toBe(macs.length);
    for (const mac of macs) expect(mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  });

  test('only the hosts without systemd start the lab’s own init', () => {
    const inits = hosts.map((h) =>
      kernelArguments(hostMachine(h), files).includes('init=/usr/local/sbin/lab-init'),
    );
    expect(inits).toEqual([true, false, false]);
  });

  test('NetworkManager is kept from starting exactly where systemd is to be without it', () => {
    const masked = hosts.map((h) =>
      kernelArguments(hostMachine(h), files).includes('systemd.mask=NetworkManager.service'),
    );
    expect(masked).toEqual([false, true, false]);
  });

  test('a host’s NICs are its cables, in order, with jumbo frames', () => {
    const args = kernelArguments(hostMachine(host(2)), files);
    expect(args.filter((word) => word.startsWith('vec'))).toEqual([
      'vec0:transport=tap,ifname=oob2,mac=02:4c:00:00:02:00',
      ...[1, 2, 3, 4].map((n) => `vec${n}:transport=tap,ifname=h2-${n},mtu=9216`),
    ]);
    expect(args).toContain('lab.nics=eth1,eth2,eth3,eth4');
    expect(args).toContain('lab.address=10.10.0.12/24');
  });
});

describe('the way in', () => {
  test('the inventory is YAML in Ansible’s words, one group with all hosts', () => {
    const inventory: unknown = parse(inventoryYaml(hosts, '/run/lab'));
    expect(inventory).toEqual({
      cluster1: {
        hosts: {
          h1: { ansible_host: '10.10.0.11', lab_index: 1 },
          web: { ansible_host: '10.10.0.12', lab_index: 2 },
          h3: { ansible_host: '10.10.0.13', lab_index: 3 },
        },
        vars: {
          ansible_user: 'root',
          ansible_ssh_private_key_file: '/run/lab/key',
          ansible_ssh_common_args:
            '-o ProxyCommand="sh /run/lab/connect %h %p" -o UserKnownHostsFile=/run/lab/known_hosts -o StrictHostKeyChecking=yes',
        },
      },
    });
  });

  test('a host’s key is known under its name and each of its addresses', () => {
    const line = knownHostsLine(hostMachine(host(1)), host(1), 'ssh-ed25519 AAAA h1\n');
    expect(line).toBe('h1,10.77.0.11,10.10.0.11,10.100.0.11 ssh-ed25519 AAAA\n');
  });
});
