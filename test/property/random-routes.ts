/** Routes, rules and DNS of random documents. */
import type { Random } from './random.js';

type Section = Readonly<Record<string, unknown>>;

/** An interface that is up and has 10.0.`number`.0/24, and 2001:db8:`number`::/64 where `hasIpv6`. */
export type Way = Readonly<{
  name: string;
  number: number;
  hasIpv6: boolean;
  /** The table of its VRF. */
  vrfTable: number | undefined;
}>;

const table = (random: Random, slot: number): number => random.pick([100, 200]) + slot;

export function randomRoutes(
  random: Random,
  slot: number,
  ways: readonly Way[],
): readonly Section[] {
  const routes: Section[] = [];
  const taken = new Set<string>();
  /** One route a destination, table and metric; its next hops come together. */
  const add = (...hops: readonly Section[]): void => {
    const [first = {}] = hops;
    const key = [first['destination'], first['table-id'] ?? 254, first['metric'] ?? '-'].join(' ');
    if (taken.has(key)) return;
    taken.add(key);
    routes.push(...hops);
  };
  for (const way of ways) {
    if (random.chance(35)) continue;
    for (let index = random.number(1, 2); index > 0; index -= 1) add(plainRoute(random, slot, way));
    if (way.hasIpv6 && random.chance(30)) {
      add({
        destination: random.pick([`2001:db8:f${way.number}::/48`, `2001:db8:ee${slot}::/48`]),
        'next-hop-interface': way.name,
        ...(random.chance(80) ? { 'next-hop-address': `2001:db8:${way.number}::1` } : {}),
        ...(random.chance(40) ? { metric: random.pick([50, 100]) } : {}),
        ...tableOf(random, slot, way),
      });
    }
  }
  // Several next hops: each with a weight, all in one table.
  const plain = ways.filter((way) => way.vrfTable === undefined);
  if (plain.length >= 2 && random.chance(35)) {
    const hops = random.some(plain, random.number(2, 3));
    const common = {
      destination: random.pick([`172.${16 + slot}.128.0/17`, `192.168.${200 + slot}.0/24`]),
      ...(random.chance(40) ? { metric: 70 } : {}),
      ...(random.chance(30) ? { 'table-id': table(random, slot) } : {}),
    };
    add(
      ...hops.map((way) => ({
        ...common,
        'next-hop-interface': way.name,
        'next-hop-address': `10.0.${way.number}.1`,
        weight: random.pick([1, 1, 5, 100]),
      })),
    );
  }
  if (random.chance(15)) {
    add({
      destination: random.pick([`198.18.${slot}.0/24`, `2001:db8:dea${slot.toString(16)}::/48`]),
      'route-type': random.pick(['blackhole', 'unreachable', 'prohibit']),
    });
  }
  return routes;
}

/** A VRF's ports have their routes in its table. */
const tableOf = (random: Random, slot: number, way: Way): Section =>
  way.vrfTable === undefined
    ? random.chance(30)
      ? { 'table-id': table(random, slot) }
      : {}
    : { 'table-id': way.vrfTable };

function plainRoute(random: Random, slot: number, way: Way): Section {
  const { name, number } = way;
  return {
    destination: random.pick([
      // One default route for the host; those of other slots have tables and metrics of their own.
      slot === 0 || way.vrfTable !== undefined ? '0.0.0.0/0' : `172.${16 + slot}.0.0/17`,
      `172.${16 + slot}.0.0/16`,
      `192.168.${number}.0/24`,
    ]),
    'next-hop-interface': name,
    ...(random.chance(85) ? { 'next-hop-address': `10.0.${number}.1` } : {}),
    ...(random.chance(40) ? { metric: random.pick([50, 100, 200]) } : {}),
    ...tableOf(random, slot, way),
    ...(random.chance(10)
      ? { mtu: random.pick([1300, 1200]), ...(random.chance(40) ? { 'lock-mtu': true } : {}) }
      : {}),
    ...(random.chance(8) ? { cwnd: 20 } : {}),
  };
}

export function randomRules(random: Random, slot: number, nics: readonly string[]): Section[] {
  const rules: Section[] = [];
  for (let index = random.number(0, 4) - 1; index > 0; index -= 1) {
    const isSix = random.chance(20);
    const from = isSix
      ? [`2001:db8:${1 + 10 * slot}::/64`, `2001:db8:${2 + 10 * slot}::3/128`]
      : [`10.0.${1 + 10 * slot}.2/32`, `10.0.${2 + 10 * slot}.0/24`];
    const looksUp = random.chance(75);
    rules.push({
      priority: 100 + 10 * slot + index,
      'ip-from': random.pick(from),
      ...(random.chance(20) && !isSix ? { 'ip-to': '192.0.2.0/24' } : {}),
      ...(random.chance(15) ? { fwmark: 5, ...(random.chance(50) ? { fwmask: 255 } : {}) } : {}),
      ...(random.chance(15) ? { iif: nics[0] } : {}),
      ...(looksUp
        ? {
            'route-table': table(random, slot),
            ...(random.chance(15) ? { 'suppress-prefix-length': random.pick([0, 16]) } : {}),
          }
        : { action: random.pick(['blackhole', 'unreachable', 'prohibit']) }),
    });
  }
  return rules;
}

export function randomDns(random: Random): Section {
  return {
    server: random.pick([['192.0.2.1'], ['192.0.2.2', '2001:db8::53']]),
    ...(random.chance(50) ? { search: ['example.org'] } : {}),
    ...(random.chance(25) ? { options: ['timeout:2'] } : {}),
  };
}
