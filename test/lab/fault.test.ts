import { describe, expect, test } from 'vitest';
import {
  faultKey,
  formatFault,
  hostScript,
  parseFault,
  switchScript,
  type LabFault,
  type WireFault,
} from '../../src/lab/fault.js';
import { hostMachine, labHosts, switchMachine, type LabHost } from '../../src/lab/topology.js';

const hosts = labHosts(['h1', 'h2'].map((name) => ({ name, init: 'minimal' })));
const h2 = hosts[1] as LabHost;

const every: readonly LabFault[] = [
  { kind: 'vlan', host: 'h2', native: false },
  { kind: 'vlan', host: 'h2', native: true },
  { kind: 'lag', host: 'h2' },
  { kind: 'link', host: 'h2', nic: 'eth3' },
  { kind: 'loss', host: 'h2', percent: 12.5 },
  { kind: 'delay', host: 'h2', ms: 250 },
  { kind: 'freeze', host: 'h2' },
  { kind: 'power', host: 'h2' },
];

function parseWords(text: string, to: 'break' | 'mend' = 'break'): LabFault {
  const words = text.split(' ').filter((word) => word !== '--native');
  return parseFault(words, { native: text.includes('--native'), to });
}

describe('the words of a fault', () => {
  test.each(every.map((fault) => [formatFault(fault), fault] as const))(
    '"%s" says what it was made from',
    (text, fault) => {
      expect(parseWords(text)).toEqual(fault);
    },
  );

  test.each([
    ['vlan', 'needs a fault and a host'],
    ['quake h1', '"quake" is no fault'],
    ['link h1', 'needs one of eth1'],
    ['link h1 eth0', 'needs one of eth1'],
    ['loss h1', 'needs a number'],
    ['loss h1 0', 'needs a number'],
    ['loss h1 101', 'needs a number'],
    ['delay h1 soon', 'needs a number'],
    ['delay h1 -5', 'needs a number'],
    ['lag h1 eth4', '"eth4" is one word too many'],
    ['link h1 eth1 now', '"now" is one word too many'],
    ['lag h1 --native', '--native goes with "vlan" only'],
  ])('"%s" is refused: %s', (text, message) => {
    expect(() => parseWords(text)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining(message) }),
    );
  });

  test.each(['loss h1', 'delay h1'])('"%s" is enough to mend', (text) => {
    expect(faultKey(parseWords(text, 'mend'))).toBe(text);
  });
});

describe('faults are told apart', () => {
  test('by kind, host, NIC and VLAN', () => {
    const others: readonly LabFault[] = [
      { kind: 'vlan', host: 'h1' },
      { kind: 'link', host: 'h2', nic: 'eth1' },
    ];
    const keys = [...every, ...others].map((fault) => faultKey(fault));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('but not by their amount', () => {
    expect(faultKey({ kind: 'loss', host: 'h1', percent: 1 })).toBe(
      faultKey({ kind: 'loss', host: 'h1', percent: 99 }),
    );
  });
});

describe('scripts', () => {
  test('the VLAN is taken from every port of the host, and from no other', () => {
    const script = switchScript({ kind: 'vlan', host: 'h2' }, 'break', h2, []);
    expect(script.split('\n').slice(1, -1)).toEqual([
      'vlan del dev p2e1 vid 100',
      'vlan del dev p2e2 vid 100',
      'vlan del dev po2 vid 100',
    ]);
  });

  test('a pulled cable is down at both ends of the same cable', () => {
    const ends = (['eth1', 'eth2', 'eth3', 'eth4'] as const).map((nic) => {
      const fault: WireFault = { kind: 'link', host: 'h2', nic };
      const wire = (script: string | undefined) => Number(/ w(\d+) down$/.exec(script ?? '')?.[1]);
      const atSwitch = wire(switchScript(fault, 'break', h2, []));
      const atHost = wire(hostScript(fault, 'break'));
      return [
        hostMachine(h2).nics[atHost - 1]?.tap.replace('h', ''),
        switchMachine(hosts).nics[atSwitch - 1]?.tap.replace('s', ''),
      ];
    });
    expect(ends).toEqual([
      ['2-1', '2-1'],
      ['2-2', '2-2'],
      ['2-3', '2-3'],
      ['2-4', '2-4'],
    ]);
  });

  test.each([
    ['loss alone', { kind: 'loss', host: 'h2', percent: 5 }, 'break', [], 'loss 5%'],
    [
      'delay on top of loss',
      { kind: 'delay', host: 'h2', ms: 40 },
      'break',
      [{ kind: 'loss', host: 'h2', percent: 5 }],
      'delay 40ms loss 5%',
    ],
    [
      'loss mended, delay stays',
      { kind: 'loss', host: 'h2', percent: 5 },
      'mend',
      [{ kind: 'delay', host: 'h2', ms: 40 }],
      'delay 40ms',
    ],
    [
      'another host’s loss does not count',
      { kind: 'delay', host: 'h2', ms: 40 },
      'break',
      [{ kind: 'loss', host: 'h1', percent: 5 }],
      'delay 40ms',
    ],
  ] as const)('%s', (_, fault, to, others, netem) => {
    const lines = switchScript(fault, to, h2, others).split('\n').slice(1, -1);
    expect(lines).toEqual(
      [1, 2, 3, 4].map((n) => `qdisc replace dev p2e${n} root netem limit 10000 ${netem}`),
    );
  });

  test('the last of loss and delay takes the queueing discipline away', () => {
    const script = switchScript({ kind: 'loss', host: 'h2', percent: 5 }, 'mend', h2, []);
    expect(script).toContain('qdisc del dev p2e1 root');
    expect(script).not.toContain('netem');
  });
});
