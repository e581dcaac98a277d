import { describe, expect, test } from 'vitest';

import { bondRestore } from '../../src/backends/bond-restore.js';
import type { BondLink, BondMode } from '../../src/network/state.js';
import type { Operation } from '../../src/plan/change.js';

const bond = (mode: BondMode, options: Readonly<Record<string, string>>): BondLink => ({
  kind: 'bond',
  mode,
  options: { miimon: '0', updelay: '0', downdelay: '0', arp_interval: '0', ...options },
  ports: [],
});
const setting = (options: Readonly<Record<string, string>>): readonly Operation[] => [
  { op: 'set-bond-options', name: 'bond0', options },
];
const set = (words: string) => `link set dev bond0 type bond ${words}`;

describe('the way back of a bond', () => {
  test.each<
    Readonly<{
      name: string;
      before: BondLink;
      step: Readonly<Record<string, string>>;
      idle: readonly string[];
      live: readonly string[];
    }>
  >([
    {
      name: 'says nothing of delays when there was no miimon: the kernel refuses them then',
      before: bond('balance-rr', {}),
      step: { miimon: '100', updelay: '200' },
      idle: [],
      live: [set('arp_interval 0 arp_ip_target "" miimon 0 ns_ip6_target ""')],
    },
    {
      name: 'stops miimon and empties no list when it was ARP that watched',
      before: bond('balance-rr', {
        arp_interval: '200',
        arp_ip_target: '192.0.2.1',
        arp_validate: 'none',
      }),
      step: { arp_interval: '0', miimon: '100' },
      idle: [],
      live: [
        set('arp_interval 200 arp_ip_target 192.0.2.1 arp_validate none miimon 0 ns_ip6_target ""'),
      ],
    },
    {
      name: 'sets the LACP rate back while there is still LACP, and then the mode',
      before: bond('balance-xor', { miimon: '100', lacp_rate: 'slow' }),
      step: { mode: '802.3ad', lacp_rate: 'fast' },
      idle: [set('mode 802.3ad lacp_rate slow'), set('mode balance-xor')],
      live: [set('arp_ip_target "" downdelay 0 miimon 100 ns_ip6_target "" updelay 0')],
    },
    {
      name: 'empties the targets that the plan gives also in a mode that has none',
      before: bond('balance-tlb', { miimon: '100' }),
      step: { mode: 'balance-rr', miimon: '0', arp_interval: '200', arp_ip_target: '10.0.1.9' },
      idle: [set('mode balance-rr arp_interval 0'), set('mode balance-tlb')],
      live: [set('arp_ip_target "" downdelay 0 miimon 100 updelay 0')],
    },
    {
      name: 'sets a delay back that changed alone',
      before: bond('balance-rr', { miimon: '100', peer_notif_delay: '0' }),
      step: { peer_notif_delay: '100' },
      idle: [],
      live: [
        set(
          'arp_ip_target "" downdelay 0 miimon 100 ns_ip6_target "" peer_notify_delay 0 updelay 0',
        ),
      ],
    },
    {
      name: 'touches neither mode nor monitors for anything else',
      before: bond('active-backup', { miimon: '100', resend_igmp: '1' }),
      step: { resend_igmp: '4' },
      idle: [],
      live: [set('resend_igmp 1')],
    },
  ])('$name', ({ before, step, idle, live }) => {
    const found = bondRestore('bond0', before, undefined, setting(step));
    expect({ idle: found.idle, live: found.live }).toEqual({ idle, live });
  });

  test('makes it anew with what it remembered of another mode', () => {
    const found = bondRestore(
      'bond0',
      bond('balance-rr', { lacp_rate: 'fast', min_links: '1' }),
      '02:00:00:00:00:01',
      [],
    );
    expect(found.create).toEqual([
      'link add name bond0 address 02:00:00:00:00:01 type bond',
      set('mode 802.3ad lacp_rate fast'),
      set('mode balance-rr min_links 1'),
    ]);
  });
});
