/** A host that cannot be brought back by its own means, on a real kernel with a real boot. */
import { expect, test } from 'vitest';

import { describeInLab } from './bench.js';
import { booted, dummy, mtuOf, play, unproved } from './persistent-dummy.js';

/** From now until its next boot "ip" changes nothing on this host any more. */
const BREAK_IP = `
real=$(readlink -f "$(command -v ip)")
cp "$real" /run/ip.real && chmod 755 /run/ip.real
printf '%s\\n' '#!/bin/sh' 'case " $* " in *" -batch "*) exit 1 ;; esac' 'exec /run/ip.real "$@"' >/run/ip.broken
chmod 755 /run/ip.broken
mount --bind /run/ip.broken "$real"
ip link show lo >/dev/null`;

describeInLab('the last resort', (bench) => {
  test.each(['h1', 'h3'])(
    'reboots %s when it is not what it was and nobody asks; it comes up with what is persistent',
    async (host) => {
      const former = await bench().apply(bench().write('a.yml', play(dummy(1400))), host);
      expect(former.finished(host).outcome).toBe('confirmed');
      const file = bench().write('b.yml', unproved(1300));
      const bootId = async () =>
        (await bench().lab.console(host, 'cat /proc/sys/kernel/random/boot_id')).stdout;
      const before = await bootId();
      const options = ['--ui', 'json', '--deadline', '30', '--last-resort', 'reboot=1m'];
      const run = bench().start(['apply', file, '--hosts', host, ...options]);
      await run.seen('host.phase', ({ phase }) => phase === 'probing');
      expect(await mtuOf(bench(), host)).toBe('1300');
      await bench().on(host, BREAK_IP);
      // Nobody is left to ask.
      await run.kill();
      await expect
        .poll(bootId, { timeout: 180_000, interval: 1000 })
        .toSatisfy((now: string) => now !== '' && now !== before);
      await booted(bench(), host);
      expect(await mtuOf(bench(), host)).toBe('1400');
      expect(await bench().transactionStates(host)).toBe('');
    },
  );
});
