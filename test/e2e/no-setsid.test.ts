/**
 * Hosts that have no setsid(1): with systemd (h3) everything of a transaction is a unit; without it (h1) nothing
 * could outlive the session that begins, which is found out before anything is touched.
 */
import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';
import { dummy, mtuOf, play, unproved } from './persistent-dummy.js';

/** A program that cannot be executed is not found by "command -v". */
const TAKE_AWAY = `
: >/run/no-setsid && chmod 644 /run/no-setsid
real=$(readlink -f "$(command -v setsid)")
mount --bind /run/no-setsid "$real" && echo "$real" >/run/no-setsid.of
! command -v setsid`;
const GIVE_BACK = 'read -r real </run/no-setsid.of && umount "$real"; rm -f /run/no-setsid*';

describeInLab('a host without setsid', (bench) => {
  test('with systemd: confirmed and persistent; nobody confirms: back at its deadline', async () => {
    await bench().on('h3', TAKE_AWAY);
    try {
      const run = await bench().apply(bench().write('a.yml', play(dummy(1400))), 'h3');
      expect(run.finished('h3').outcome).toBe('confirmed');
      expect(await mtuOf(bench(), 'h3')).toBe('1400');

      const file = bench().write('b.yml', unproved(1300));
      // Asked to go back by netorch …
      const asked = await bench().apply(file, 'h3', { deadline: 15 });
      expect(asked.finished('h3')).toMatchObject({ outcome: 'rolled-back', verified: true });
      expect(await mtuOf(bench(), 'h3')).toBe('1400');
      // … and by itself.
      const left = bench().startApply(file, 'h3', { deadline: 15 });
      await left.seen('host.phase', ({ phase }) => phase === 'probing');
      expect(await mtuOf(bench(), 'h3')).toBe('1300');
      await left.kill();
      await bench().untilSettled('h3');
      expect(await mtuOf(bench(), 'h3')).toBe('1400');
    } finally {
      await bench().on('h3', GIVE_BACK);
    }
  });

  test('without systemd: refused, by name, and untouched', async () => {
    await bench().on('h1', TAKE_AWAY);
    try {
      const run = await bench().apply(bench().write('a.yml', play(dummy(1400))), 'h1');
      expect(run.finished('h1')).toMatchObject({
        outcome: 'failed',
        cause: expect.stringContaining('neither systemd nor setsid'),
      });
      expect(await mtuOf(bench(), 'h1')).toBe('none');
    } finally {
      await bench().on('h1', GIVE_BACK);
    }
  });
});
