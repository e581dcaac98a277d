/**
 * What a power cut leaves of what is being made persistent: always a whole state, the former one or the new one.
 * h1 runs a plain init, h3 systemd.
 */
import { expect, test } from 'vitest';

import { describeInLab, type Bench } from './bench.js';
import { booted, dummy, mtuOf, play } from './persistent-dummy.js';

/** Cuts a host's power when it is at a point of persist (persist.sh); the change is under way meanwhile. */
async function cutAt(bench: Bench, host: string, point: string, mtu: number): Promise<void> {
  await bench.on(host, `mkdir -p /run/netorch/points && : >/run/netorch/points/${point}`);
  const run = bench.startApply(bench.write(`mtu-${mtu}.yml`, play(dummy(mtu))), host);
  await bench.on(host, `until [ -e /run/netorch/points/${point}.reached ]; do sleep 0.1; done`);
  await bench.lab.cut(host);
  await run.kill();
  await bench.lab.powerOn(host);
  await booted(bench, host);
}

describeInLab('a power cut in the middle of persist', (bench) => {
  test.each([
    ['persist-begin', '1400'],
    ['boot.sh-written', '1400'],
    ['boot.sh-synced', '1400'],
    ['boot.sh-renamed', /^(1400|1300)$/],
    ['persist-end', '1300'],
  ])('at %s leaves one state, whole', async (point, expected) => {
    const former = await bench().apply(bench().write('a.yml', play(dummy(1400))), 'h1');
    expect(former.finished('h1').outcome).toBe('confirmed');
    await cutAt(bench(), 'h1', point, 1300);
    expect(await mtuOf(bench(), 'h1')).toMatch(expected);
    expect(await bench().on('h1', 'grep -c "^result good" /run/netorch/.boot/report')).toBe('1\n');
  });

  test.each([
    ['h1', 'rc.local-synced', 'none'],
    ['h1', 'boot.sh-synced', 'none'],
    ['h1', 'persist-end', '1300'],
    ['h3', 'netorch-restore.service-linked', 'none'],
    ['h3', 'persist-end', '1300'],
  ])('of %s that is the first one, at %s: nothing, or all of it', async (host, point, expected) => {
    await cutAt(bench(), host, point, 1300);
    expect(await mtuOf(bench(), host)).toBe(expected);
    if (expected === 'none') await bench().expectAsAtBoot(host);
  });
});
