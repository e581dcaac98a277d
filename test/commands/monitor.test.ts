/** `monitor` and `show --stats` against a host that says what it likes, over ansible_connection: local. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { main } from '../../src/cli.js';
import { captureOutput } from './capture-output.js';

let folder = '';
let output = '';
let heard: () => void = () => undefined;

// Each call of the program listens to both until its process ends.
beforeAll(() => {
  for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'netorch-monitor-'));
  mkdirSync(join(folder, 'bin'));
  output = '';
  heard = () => undefined;
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`);
  captureOutput((text) => {
    output += text;
    heard();
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** `answer`: what the host's shell does when it has been sent the script; its input goes on. */
function hostThat(answer: string): void {
  const file = join(folder, 'bin', 'sh');
  writeFileSync(
    file,
    `#!/bin/dash
while IFS= read -r line; do case $line in '#netorch-end') break ;; esac; done
${answer}
`,
  );
  chmodSync(file, 0o755);
}

function netorch(...words: readonly string[]): Promise<number> {
  const file = join(folder, 'inventory.json');
  writeFileSync(file, '{"all": {"hosts": {"liar": {"ansible_connection": "local"}}}}');
  return main([...words, '-i', file, 'liar']);
}

/** Watches until so much was said, and ends it as Ctrl-C does. */
async function watchUntil(pattern: RegExp, ...words: readonly string[]): Promise<number> {
  const code = netorch('monitor', ...words);
  await new Promise<void>((resolve, reject) => {
    heard = () => {
      if (pattern.test(output)) resolve();
    };
    heard();
    void code.then(() => reject(new Error(`it ended without ${String(pattern)}:\n${output}`)));
  });
  process.emit('SIGINT');
  return code;
}

const BEGIN = `echo @links; echo '7: eth1: <UP,LOWER_UP> mtu 1500 qdisc noqueue '; echo @known; echo @networkmanager; echo @watching`;
const UNTIL_LEFT = 'cat >/dev/null';
const ESCAPES = "'\\033]0;owned\\007\\033[2J\\033[31mred\\033c\\302\\2332J\\r\\010\\342\\200\\256'";
const HARMLESS = /^[\n\x20-\x7e\u00a0-\u200d\u2010-\u2027\u2030-\uffff]*$/;

test('lines tell a change, and Ctrl-C ends it with 130', async () => {
  hostThat(
    `${BEGIN}; echo '[LINK]7: eth1: <UP,NO-CARRIER> mtu 1500 qdisc noqueue '; ${UNTIL_LEFT}`,
  );
  expect(await watchUntil(/lost carrier/, '--ui', 'lines')).toBe(130);
  expect(output.replaceAll(/\d\d:\d\d:\d\d/g, 'TIME')).toBe(
    `TIME  watching 1 host
TIME  liar: watched (1 link; NetworkManager)
TIME  liar: eth1 lost carrier
ended after 0 s: 1 event of 1 host
`,
  );
});

test('--for ends it, with 0 when all hosts were watched and 1 when one was not', async () => {
  hostThat(`${BEGIN}; ${UNTIL_LEFT}`);
  expect(await netorch('monitor', '--for', '1s', '--ui', 'json')).toBe(0);
  expect(output).toMatch(
    /"type":"monitor.finished","why":"time","notWatched":\[\],"exitCode":0\}\n$/,
  );
  hostThat('exit 1');
  expect(await netorch('monitor', '--for', '1h')).toBe(1);
  expect(output).toContain('cannot be watched: HOST_UNFIT');
});

test.each(['0s', 'soon', '900d'])('--for %s is refused', async (words) => {
  expect(await netorch('monitor', '--for', words)).toBe(1);
});

test.each(['lines', 'json'])('escapes of a host never reach a terminal as %s', async (kind) => {
  hostThat(
    `e=$(printf ${ESCAPES}); echo "$e"; ${BEGIN}; echo "$e"; echo "[LINK]$e"; echo "[LINK]8: $e: <UP> mtu 1 "
echo "eth1: using connection '$e'"; echo 'eth1: connected'; echo "$e: connection profile changed"; echo 'end: connection profile removed'; ${UNTIL_LEFT}`,
  );
  await watchUntil(/removed/, '--ui', kind);
  expect(output).toContain('changed');
  expect(output).toMatch(HARMLESS);
});

describe('a host that floods', () => {
  test.each([
    [
      'lines that mean something',
      `yes "$(printf '[LINK]7: eth1: <UP> mtu 1 \\n[LINK]7: eth1: <UP> mtu 2 ')"`,
    ],
    ['a line without an end', 'tr "\\0" x </dev/zero'],
  ])('with %s costs a bounded amount of memory and of the screen', async (_, flood) => {
    hostThat(`${BEGIN}; ${flood}`);
    const before = process.memoryUsage().rss;
    let peak = 0;
    const looks = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss - before);
    }, 20);
    const code = await netorch('monitor', '--for', '4s', '--ui', 'lines');
    clearInterval(looks);
    expect(code).toBe(0);
    expect(output.split('\n').length).toBeLessThan(120);
    expect(peak).toBeLessThan(600 * 1024 * 1024);
    if (flood.startsWith('yes'))
      expect(output).toMatch(/liar: \d+ events left out, too many in \d+ s/);
  });
});

describe('show --stats', () => {
  const links = JSON.stringify([
    {
      ifname: 'bond0',
      flags: ['UP', 'LOWER_UP'],
      mtu: 1500,
      address: '02:00:00:00:00:01',
      linkinfo: {
        info_kind: 'bond',
        info_data: {
          mode: '802.3ad',
          ad_info: { aggregator: 1, num_ports: 1, partner_mac: '02:00:00:00:00:09' },
        },
      },
      stats64: {
        rx: { bytes: 1_234_567, packets: 1000, errors: 1, dropped: 2 },
        tx: { bytes: 999, packets: 9, errors: 0, dropped: 0 },
      },
    },
    {
      ifname: 'eth1',
      master: 'bond0',
      flags: ['UP', 'LOWER_UP'],
      linkinfo: {
        info_slave_data: {
          state: 'ACTIVE',
          mii_status: 'UP',
          link_failure_count: 1,
          ad_aggregator_id: 1,
        },
      },
    },
    {
      ifname: 'eth2',
      master: 'bond0',
      flags: ['UP', 'NO-CARRIER'],
      linkinfo: {
        info_slave_data: {
          state: 'BACKUP',
          mii_status: 'DOWN',
          link_failure_count: 0,
          ad_aggregator_id: 2,
        },
      },
    },
  ]);
  const sample = (uptime: string, json = links) =>
    `printf '@sample ${uptime}\\n%s\\n@speeds\\nbond0 10000 full\\neth1 10000 full\\neth2 -1 unknown\\n@end\\n' '${json}'`;
  // Its script arrives as a whole, and is read to its end.
  const answering = (answer: string) => hostThat(`cat >/dev/null; ${answer}`);

  test('is a table for people', async () => {
    answering(`${sample('100.5')}; echo @complete`);
    expect(await netorch('show', '--stats')).toBe(0);
    expect(output.replace(/\d\d:\d\d:\d\d/, 'TIME')).toBe(
      `liar: at TIME, up for 1 min 40 s
  interface  state       speed    rx bytes  pkts  err  drop  tx bytes  pkts  err  drop
  bond0      up          10 Gb/s      1.2M  1.0k    1     2       999     9    0     0
  eth1       up          10 Gb/s         0     0    0     0         0     0    0     0
  eth2       no carrier                  0     0    0     0         0     0    0     0
  bond0: 802.3ad, LACP partner 02:00:00:00:00:09, aggregator 1 with 1 of 2 ports
    eth1  active      up    aggregator 1  1 link failure
    eth2  not active  down  aggregator 2  0 link failures
`,
    );
  });

  test('is JSON for machines; of two samples there are rates, also where a counter began anew', async () => {
    const later = links.replace('1234567', '2234567').replace('"bytes":999', '"bytes":100');
    answering(`${sample('100.5')}; ${sample('102.5', later)}; echo @complete`);
    expect(await netorch('show', '--stats', '--over', '2s', '--json')).toBe(0);
    const { liar } = JSON.parse(output) as { liar: { interfaces: unknown[] } };
    expect(liar).toMatchObject({ uptime: 102.5, seconds: 2 });
    expect(liar.interfaces[0]).toMatchObject({
      ...{ name: 'bond0', state: 'up', 'speed-mbit': 10000, duplex: 'full', mtu: 1500 },
      rx: { bytes: 2_234_567, packets: 1000, errors: 1, dropped: 2 },
      'per-second': { rx: { bytes: 500_000, packets: 0 }, tx: { bytes: 50 } },
      'link-aggregation': { lacp: { 'partner-mac': '02:00:00:00:00:09', aggregator: 1, ports: 1 } },
    });
  });

  test.each([
    ['nothing', 'AGENT_PROTOCOL', ''],
    ['half of it', 'AGENT_PROTOCOL', sample('1')],
    ['no JSON', 'AGENT_PROTOCOL', `${sample('1', '[{')}; echo @complete`],
    ['escapes', 'AGENT_PROTOCOL', `printf ${ESCAPES}; echo @complete`],
    ['that it has no ip', 'HOST_UNFIT', 'echo @no-ip'],
  ])('of a host that answers %s is %s', async (_, code, answer) => {
    answering(answer);
    expect(await netorch('show', '--stats')).toBe(1);
    expect(output).toMatch(new RegExp(`^${code}: liar: `, 'm'));
    expect(output).toMatch(HARMLESS);
  });

  test('--over makes rates of counters, and of nothing else', async () => {
    expect(await netorch('show', '--over', '2s')).toBe(1);
    expect(output).toContain('USAGE: --over');
  });
});
