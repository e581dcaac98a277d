/** The mesh probe on a real kernel: a host, and others behind a switch that is a bridge. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { parseProbes, probesScript, type ProbeSpec } from '../../src/probes/probe-script.js';
import { NamespaceHost, whyNot } from '../agents/namespace-host.js';

const reason = whyNot('dash');

describe.skipIf(reason !== undefined)(
  `the mesh probe${reason === undefined ? '' : ` (not run: ${reason})`}`,
  () => {
    let host: NamespaceHost;
    beforeAll(async () => {
      host = await NamespaceHost.start('dash');
      // 2 takes all, the port of 3 small frames only, 4 is off, 5 answers no ping.
      await host.sh(`
        ip link add br0 mtu 9000 type bridge && ip link set br0 up
        ip addr add 10.100.0.1/24 dev br0; ip addr add fd00::1/64 dev br0 nodad
        for n in 2 3 4 5; do
          ip netns add peer$n
          ip link add port$n mtu 9000 type veth peer name eth0 mtu 9000 netns peer$n
          ip link set port$n master br0; ip link set port$n up
          ip -n peer$n addr add 10.100.0.$n/24 dev eth0
          ip -n peer$n addr add fd00::$n/64 dev eth0 nodad
          ip -n peer$n link set eth0 up
        done
        ip link set port3 mtu 1500; ip link set br0 mtu 9000
        ip -n peer4 link set eth0 down
        ip netns exec peer5 sh -c 'echo 1 >/proc/sys/net/ipv4/icmp_echo_ignore_all'
      `);
    });
    afterAll(() => host.stop());

    test.each([
      ['IPv4', '10.100.0.', { 3: 1500, 4: 0, 5: 0 }],
      ['IPv6', 'fd00::', { 3: 1500, 4: 0 }],
    ])('finds who answers how much: %s', async (_, network, expected) => {
      const mesh: ProbeSpec = {
        kind: 'mesh',
        network,
        peers: [2, 3, 4, 5].map((n) => ({ host: `h${n}`, address: `${network}${n}`, bytes: 9000 })),
      };
      const { stdout } = await host.send(probesScript([mesh]));
      const [answer] = parseProbes([mesh], stdout);
      const short = new Map(
        Object.entries(expected).map(([n, bytes]) => [`${network}${n}`, bytes]),
      );
      expect(answer).toEqual({ good: false, text: '', short });
    });
  },
);
