import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

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
])('%j is called %s', (probe, name) => {
  expect(probeName(probe)).toBe(name);
});
