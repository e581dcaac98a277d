/** A small change, and what a boot makes of it: for tests of what is persistent. */
import type { Bench } from './bench.js';

/** A playbook of one play for the hosts of the lab. */
export const play = (network: object, extra: object = {}) => [
  { name: 'persistence', hosts: 'cluster1', ...extra, network },
];
/** The smallest change that can be seen from outside. */
export const dummy = (mtu: number) => ({
  interfaces: [{ name: 'dummy7', type: 'dummy', state: 'up', mtu }],
});

/**
 * The same change, which nobody confirms: its probe is not answered, and is tried until the deadline, because
 * another link is made with it.
 */
export const unproved = (mtu: number) => [
  {
    name: 'unproved',
    hosts: 'cluster1',
    network: {
      interfaces: [...dummy(mtu).interfaces, { name: 'dummy8', type: 'dummy', state: 'up', mtu }],
    },
    probes: [{ ping: '203.0.113.9', required: true }],
  },
];

/** What a host answers of its dummy7: its MTU, or "none". */
export async function mtuOf(bench: Bench, host: string): Promise<string> {
  return (await bench.on(host, 'cat /sys/class/net/dummy7/mtu 2>/dev/null || echo none')).trim();
}

/** The host has booted, and what it brings back at boot has been brought back. */
export async function booted(bench: Bench, host: string): Promise<void> {
  await bench.lab.waitUntilUp(host);
  await bench.on(
    host,
    `if [ -e /var/lib/netorch/boot.sh ]; then
       pass=boot; [ -d /run/systemd/system ] && pass=late
       until grep -qs "^pass $pass" /run/netorch/.boot/report || [ -e /run/netorch/running ]; do sleep 0.2; done
     fi`,
  );
}
