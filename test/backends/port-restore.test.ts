import { describe, expect, test } from 'vitest';

import { portOptionWords } from '../../src/backends/port-restore.js';
import { bareHost, nic } from '../network/documents.js';

const port = (own: string, slave: string) =>
  `link vx0 {"linkinfo":{"info_kind":"vxlan","info_data":{${own}},"info_slave_kind":"bridge","info_slave_data":{${slave}}},}`;
const none: ReadonlySet<string> = new Set();
const words = (line: string, changed = none) =>
  portOptionWords(line, bareHost(), nic('vx0', 5), changed).join(' ');

describe('the options of a bridge port on the way back', () => {
  test.each([
    [
      'nothing, where all is as on a new port',
      '"learning":true',
      '"priority":32,"learning":true',
      '',
    ],
    [
      'not the learning of the VXLAN that is the port',
      '"learning":false',
      '"priority":32,"learning":true',
      '',
    ],
    [
      'the learning of the port, whatever the VXLAN has',
      '"learning":true',
      '"priority":32,"learning":false',
      'bridge_slave learning off',
    ],
    ['its priority', '"id":5', '"priority":48,"hairpin":false', 'bridge_slave priority 48'],
  ])('%s', (_name, own, slave, expected) => {
    expect(words(port(own, slave))).toBe(expected);
  });

  test('an option that the plan sets, also where it is as on a new port', () => {
    expect(words(port('"id":5', '"priority":32,"hairpin":false'), new Set(['hairpin']))).toBe(
      'bridge_slave hairpin off',
    );
  });
});
